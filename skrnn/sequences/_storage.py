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

_ADVICE = (
    "For text, pass the documents and leave vectorizer at None. Token ids are in reading order, as "
    "SequenceVectorizer returns them. Counts, weights and other columns are not token ids. Give them to another "
    "estimator."
)


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


def known_ids(ids: np.ndarray, n_tokens: int) -> np.ndarray:
    """Return token ids, with the unknown token in place of ids from ``n_tokens`` on."""
    return ids if ids.max(initial=0) < n_tokens else np.where(ids < n_tokens, ids, np.int32(UNKNOWN))


def with_known_ids(X: sparse.csr_matrix, n_tokens: int) -> sparse.csr_matrix:
    """Return a matrix of token ids, with the unknown token in place of ids from ``n_tokens`` on."""
    ids = known_ids(X.data, n_tokens)
    return X if ids is X.data else sparse.csr_matrix((ids, X.indices, X.indptr), shape=X.shape)


def id_counts(X: sparse.csr_matrix, ids: np.ndarray, n_ids: int) -> sparse.csr_matrix:
    """Return how often each document contains each id: (n_documents, n_ids).

    ``ids`` is ``X.data``, or has another id for each token of X, such as the row of its n-gram.
    """
    counts = sparse.csr_matrix((np.ones(len(ids)), ids.copy(), X.indptr.copy()), shape=(X.shape[0], n_ids))
    counts.sum_duplicates()
    return counts


def ragged_to_csr(ids: np.ndarray, lengths: np.ndarray) -> sparse.csr_matrix:
    """Return sequences that follow each other in ``ids`` as the rows of a CSR matrix, left-aligned."""
    index_type = np.int32 if len(ids) <= np.iinfo(np.int32).max else np.int64
    indptr: np.ndarray = np.zeros(len(lengths) + 1, dtype=index_type)
    np.cumsum(lengths, out=indptr[1:])
    steps: np.ndarray = np.arange(len(ids), dtype=index_type)
    steps -= np.repeat(indptr[:-1], lengths)
    width = max(int(lengths.max(initial=0)), 1)  # scikit-learn refuses a matrix without columns
    return sparse.csr_matrix((ids, steps, indptr), shape=(len(lengths), width))


def check_in_memory(X: Any) -> None:
    """Raise TypeError for a polars LazyFrame or a data set of Spark."""
    if hasattr(X, "collect"):
        raise TypeError(f"Expected data in memory, got a {type(X).__name__}. Call its method collect() first.")


def check_token_ids(X: Any) -> sparse.csr_matrix:
    """Return token ids as a left-aligned CSR matrix of int32.

    Parameters
    ----------
    X : sparse matrix or array of shape (n_documents, longest), or list of sequences of int
        Zeros before and behind the ids of a document are padding, and so are masked entries.

    Raises
    ------
    ValueError
        If X contains other values than token ids, or a zero between the ids of a document.
    """
    if sparse.issparse(X):
        _check_array_of_ids("the matrix", X, 2)
    X = sparse.csr_matrix(cast("Any", X if sparse.issparse(X) else _array_or_rows(X)))
    if not X.has_sorted_indices:
        X = X.sorted_indices()
    data, stored = X.data, X.data != PADDING
    if not (data.min(initial=0) >= 0 and data.max(initial=0) < 2**31 and np.all(np.mod(data, 1) == 0)):
        raise ValueError(f"Expected token ids to be integers from 0 to 2147483647; got other values. {_ADVICE}")
    bounds = np.concatenate([[0], np.cumsum(stored)])[X.indptr]
    _check_no_gaps(X.indices[stored], bounds)
    return ragged_to_csr(data[stored].astype(np.int32), np.diff(bounds))


def _array_or_rows(X: Any) -> np.ndarray | sparse.csr_matrix:
    """Return a 2-D array, or a list or another container of sequences as a matrix that also stores zeros."""
    check_in_memory(X)
    if not isinstance(X, list | tuple):
        X = np.ma.filled(X, PADDING)
        if X.ndim != 1 or X.dtype != object:
            _check_array_of_ids("the array", X, 2)
            return X
    rows = [np.ma.filled(row, PADDING) for row in X]
    for i, row in enumerate(rows):
        _check_array_of_ids(f"document {i}", row, 1)
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return ragged_to_csr(np.concatenate([np.empty(0, dtype=np.int32), *rows]), lengths)


def _check_array_of_ids(name: str, array: Any, n_dims: int) -> None:
    if array.ndim != n_dims or array.dtype.kind not in "iuf":
        raise ValueError(
            "Expected token ids as a sparse matrix or array of shape (n_documents, longest), or as a list of "
            f"sequences of integers; {name} has shape {array.shape} and dtype {array.dtype}. {_ADVICE}"
        )


def _check_no_gaps(columns: np.ndarray, bounds: np.ndarray) -> None:
    """Raise ValueError if the columns of a row, ``columns[bounds[i]:bounds[i + 1]]``, are not consecutive."""
    rows = np.flatnonzero(np.diff(bounds))
    firsts, lasts = bounds[rows], bounds[rows + 1] - 1
    has_gap = columns[lasts] - columns[firsts] != lasts - firsts
    if has_gap.any():
        raise ValueError(
            "Expected padding, which is 0, only before or behind the token ids of a document; got a zero between "
            f"the numbers of document {rows[has_gap.argmax()]}. {_ADVICE}"
        )
