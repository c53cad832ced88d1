"""Bigrams: pairs of neighbouring tokens that have a vector of their own, and the hash table that finds it.

The table is arrays, so that a network in any library can hold it and look pairs up by itself. A pair is the token
before and the token; before the first token stands padding. No Keras here.
"""

import numpy as np
from scipy import sparse

from skrnn._sequences import PADDING, UNKNOWN

# What a vector is worth learning for: a pair of one document says nothing about others.
_MIN_DOCUMENTS = 2

NO_BIGRAM = 0  # the row of all pairs that have none of their own

# Multiplicative hashing (Knuth 1973) within 31 bits.
HASH_MODULUS, HASH_MULTIPLIER = 2**15, 40503


def frequent_bigrams(X: sparse.csr_matrix, n_most: int) -> np.ndarray:
    """The pairs that occur in at least two documents, most frequent first: int32 of shape (n_bigrams, 2)."""
    previous = previous_ids(X)
    pairs = previous.astype(np.int64) << 32 | X.data
    documents = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    known = (previous != UNKNOWN) & (X.data != UNKNOWN)
    distinct, numbers = np.unique(pairs[known], return_inverse=True)
    occurrences = np.unique(numbers.astype(np.int64) * X.shape[0] + documents[known])  # one for each document
    n_documents = np.bincount(occurrences // X.shape[0], minlength=len(distinct))
    order = np.argsort(-n_documents, kind="stable")[:n_most]
    chosen = distinct[order[n_documents[order] >= _MIN_DOCUMENTS]]
    return np.stack([chosen >> 32, chosen & 0xFFFFFFFF], axis=1).astype(np.int32)


def previous_ids(X: sparse.csr_matrix) -> np.ndarray:
    """The token before each token of the documents, which stand one after another in ``X.data``."""
    previous = np.empty_like(X.data)
    previous[1:] = X.data[:-1]
    previous[X.indptr[:-1][np.diff(X.indptr) > 0]] = PADDING
    return previous


def n_slots_for(n_rows: int) -> int:
    """Size of the table: few pairs share a slot, and tables of about the same number of rows have one size."""
    return 4 * max(64, 1 << (n_rows - 1).bit_length())


def slot_of(previous, ids, n_slots: int):
    """Where a pair stands in the table; for arrays and tensors of int32, which it does not overflow."""
    return ((previous % HASH_MODULUS) * HASH_MULTIPLIER + ids) % n_slots


def bigram_table(bigrams: np.ndarray, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The table of pairs given most frequent first.

    Returns
    -------
    pairs : ndarray of int32, of shape (n_rows, 2)
        The pair that each row is for; row 0 is for all others.
    slots : ndarray of int32, of shape (n_slots_for(n_rows),)
        The row of the most frequent of the pairs that hash to a slot.
    """
    pairs = np.full((n_rows, 2), PADDING, dtype=np.int32)
    pairs[1 : 1 + len(bigrams)] = bigrams
    slots = np.full(n_slots_for(n_rows), NO_BIGRAM, dtype=np.int32)
    rows = np.arange(len(bigrams), 0, -1)  # of those that share a slot, the one that comes last stays
    slots[slot_of(pairs[rows, 0], pairs[rows, 1], len(slots))] = rows
    return pairs, slots


def bigram_rows(previous: np.ndarray, ids: np.ndarray, pairs: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """The row of each pair."""
    rows = slots[slot_of(previous, ids, len(slots))]
    return np.where((pairs[rows, 0] == previous) & (pairs[rows, 1] == ids), rows, NO_BIGRAM)
