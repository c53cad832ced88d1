"""Sequences of different lengths: how they are stored, cut and batched, and what token ids mean.

Token ids are a CSR matrix: entry ``(i, t)`` is the id of token ``t`` of document ``i``, and padding is what it
does not store. Vectors are a ``RaggedArray``, which is read through the same ``data``, ``indptr`` and ``shape``.
No text here, and no Keras.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

PADDING, UNKNOWN, FIRST_TOKEN = 0, 1, 2

# Batches that are sorted by length together, and by how much a length may differ for it: enough to waste little on
# padding, few and roughly enough that the batches of an epoch differ from those of the next.
_POOL_BATCHES, _LENGTH_NOISE = 100, 0.03

# Time steps of a batch, its padding included, that fewer samples make up if need be: a fit needs memory for all
# steps of a batch, and a corpus may have a document as long as a book.
_MAX_BATCH_STEPS = 2**18


@dataclass(frozen=True)
class RaggedArray:
    """Sequences of vectors, one after another.

    Sequence ``i`` is ``data[indptr[i] : indptr[i + 1]]``, of shape (n_steps_i, n_features).
    """

    data: np.ndarray
    indptr: np.ndarray

    @classmethod
    def of(cls, sequences: list[np.ndarray]) -> "RaggedArray":
        """From arrays of shape (n_steps_i, n_features)."""
        indptr = np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences])])
        return cls(np.concatenate(sequences), indptr)

    @property
    def shape(self) -> tuple[int, int, int]:
        """As of an array that pads all sequences to the longest: (n_sequences, longest, n_features)."""
        return len(self.indptr) - 1, int(np.diff(self.indptr).max(initial=0)), self.data.shape[1]

    def __getitem__(self, rows: np.ndarray) -> "RaggedArray":
        lengths = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        positions = np.arange(indptr[-1]) + np.repeat(self.indptr[:-1][rows] - indptr[:-1], lengths)
        return RaggedArray(self.data[positions], indptr)


def ragged_to_csr(ids: np.ndarray, lengths: np.ndarray) -> sparse.csr_matrix:
    """Sequences that stand one after another in ``ids`` as the rows of a CSR matrix, left-aligned."""
    index_type = np.int32 if len(ids) <= np.iinfo(np.int32).max else np.int64
    indptr = np.zeros(len(lengths) + 1, dtype=index_type)
    np.cumsum(lengths, out=indptr[1:])
    steps = np.arange(len(ids), dtype=index_type)
    steps -= np.repeat(indptr[:-1], lengths)
    width = max(int(lengths.max(initial=0)), 1)  # scikit-learn has no use for a matrix without columns
    return sparse.csr_matrix((ids, steps, indptr), shape=(len(lengths), width))


def check_token_ids(X) -> sparse.csr_matrix:
    """Token ids from any sparse matrix or 2-D array, as a left-aligned CSR matrix of int32.

    Zeros are dropped wherever they stand: sequences that were padded in front are as good as any.
    """
    if not sparse.issparse(X):
        X = np.asarray(X)
        if X.ndim != 2 or X.dtype.kind not in "iuf":
            raise ValueError(
                "Expected token ids as a sparse matrix or array of shape (n_documents, longest), as "
                f"SequenceVectorizer returns them; got an array of shape {X.shape} and dtype {X.dtype}. For raw "
                "text, leave vectorizer at None."
            )
    X = sparse.csr_matrix(X)
    if not X.has_sorted_indices:
        X = X.sorted_indices()
    data, stored = X.data, X.data != PADDING
    if not (data.min(initial=0) >= 0 and data.max(initial=0) < 2**31 and np.all(np.mod(data, 1) == 0)):
        raise ValueError(
            "Expected token ids to be integers from 0 to 2147483647, as SequenceVectorizer returns them; got "
            "other values. Counts and weights of words are no ids."
        )
    kept_before = np.concatenate([[0], np.cumsum(stored)])
    return ragged_to_csr(data[stored].astype(np.int32), np.diff(kept_before[X.indptr]))


def dense_batch(X: sparse.csr_matrix | RaggedArray, rows: np.ndarray) -> np.ndarray:
    """The given rows as an array as wide as the longest of them, at least one step, padded at the end.

    Returns
    -------
    batch : ndarray of shape (len(rows), longest) or (len(rows), longest, n_features)
        Token ids padded with 0, or vectors padded with NaN.
    """
    starts = X.indptr[rows]
    lengths = X.indptr[rows + 1] - starts
    steps = np.arange(lengths.max(initial=1))
    inside = steps < lengths[:, None]  # (batch, time)
    padding = PADDING if X.data.dtype.kind == "i" else np.nan
    batch = np.full(inside.shape + X.data.shape[1:], padding, dtype=X.data.dtype)
    batch[inside] = X.data[(starts[:, None] + steps)[inside]]
    return batch


def shuffled_batches(lengths: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Row numbers of the batches of one epoch: rows of similar length together, batches in random order.

    The rows are shuffled, cut into pools, roughly sorted by length within each pool and cut into batches. Every
    epoch has equally many.
    """
    rows, batches = _without_very_long(lengths, batch_size)
    for pool in _cut(rng.permutation(rows), batch_size * _POOL_BATCHES):
        rough = lengths[pool] * rng.uniform(1 - _LENGTH_NOISE, 1 + _LENGTH_NOISE, size=len(pool))
        batches.extend(_cut(pool[np.argsort(rough)], batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def sorted_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Row numbers of batches for evaluation, in the order of the lengths."""
    rows, very_long = _without_very_long(lengths, batch_size)
    return [*_cut(rows, batch_size), *very_long]


def _without_very_long(lengths: np.ndarray, batch_size: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Rows in the order of their lengths, and batches of those of which batch_size together are too long."""
    rows = np.argsort(lengths, kind="stable")
    batches: list[np.ndarray] = []
    while len(rows) and (longest := int(lengths[rows[-1]])) * batch_size > _MAX_BATCH_STEPS:
        n = max(_MAX_BATCH_STEPS // longest, 1)
        batches.append(rows[-n:])
        rows = rows[:-n]
    return rows, batches[::-1]


def _cut(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
