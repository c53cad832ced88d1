"""How sequences of different lengths are stored.

Token ids are a CSR matrix: entry ``(i, t)`` is the id of token ``t`` of document ``i``, and the matrix stores no
padding. Vectors are a ``RaggedArray``, which has the same attributes ``data``, ``indptr`` and ``shape``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy import sparse

PADDING, UNKNOWN, FIRST_TOKEN = 0, 1, 2


@dataclass(frozen=True)
class RaggedArray:
    """Sequences of vectors, one after another.

    Sequence ``i`` is ``data[indptr[i] : indptr[i + 1]]``, of shape (n_steps_i, n_features).
    """

    data: np.ndarray
    indptr: np.ndarray

    @classmethod
    def of(cls, sequences: list[np.ndarray]) -> RaggedArray:
        """Return a list of arrays of shape (n_steps_i, n_features) as a RaggedArray."""
        indptr = np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences])])
        return cls(np.concatenate(sequences), indptr)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape with padding: (n_sequences, longest, n_features)."""
        return len(self.indptr) - 1, int(np.diff(self.indptr).max(initial=0)), self.data.shape[1]

    def __getitem__(self, rows: np.ndarray) -> RaggedArray:
        lengths = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        positions = np.arange(indptr[-1]) + np.repeat(self.indptr[:-1][rows] - indptr[:-1], lengths)
        return RaggedArray(self.data[positions], indptr)


Sequences = sparse.csr_matrix | RaggedArray


def ragged_to_csr(ids: np.ndarray, lengths: np.ndarray) -> sparse.csr_matrix:
    """Return sequences that follow each other in ``ids`` as the rows of a CSR matrix, left-aligned."""
    index_type = np.int32 if len(ids) <= np.iinfo(np.int32).max else np.int64
    indptr: np.ndarray = np.zeros(len(lengths) + 1, dtype=index_type)
    np.cumsum(lengths, out=indptr[1:])
    steps: np.ndarray = np.arange(len(ids), dtype=index_type)
    steps -= np.repeat(indptr[:-1], lengths)
    width = max(int(lengths.max(initial=0)), 1)  # scikit-learn refuses a matrix without columns
    return sparse.csr_matrix((ids, steps, indptr), shape=(len(lengths), width))


def check_token_ids(X: Any) -> sparse.csr_matrix:
    """Return the token ids of a sparse matrix or 2-D array as a left-aligned CSR matrix of int32.

    Zeros are padding wherever they stand, also in front of a sequence.
    """
    if not sparse.issparse(X):
        X = np.asarray(X)
        if X.ndim != 2 or X.dtype.kind not in "iuf":
            raise ValueError(
                "Expected token ids as a sparse matrix or array of shape (n_documents, longest), as "
                f"SequenceVectorizer returns them; got an array of shape {X.shape} and dtype {X.dtype}. For raw "
                "text, leave vectorizer at None."
            )
    X = sparse.csr_matrix(cast("Any", X))
    if not X.has_sorted_indices:
        X = X.sorted_indices()
    data, stored = X.data, X.data != PADDING
    if not (data.min(initial=0) >= 0 and data.max(initial=0) < 2**31 and np.all(np.mod(data, 1) == 0)):
        raise ValueError(
            "Expected token ids to be integers from 0 to 2147483647, as SequenceVectorizer returns them; got "
            "other values. Counts and weights of words are not ids."
        )
    stored_before = np.concatenate([[0], np.cumsum(stored)])
    return ragged_to_csr(data[stored].astype(np.int32), np.diff(stored_before[X.indptr]))
