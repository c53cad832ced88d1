"""N-grams: runs of neighbouring tokens that have a vector of their own, and the hash table that finds them.

The table is arrays, so that a network in any library can hold it and look n-grams up by itself. Each row is for
an n-gram, whose key is its prefix and its last token. The prefix of a pair is the token before (padding, if it is
the first of the document); that of a longer n-gram is the bitwise complement of the row of all but its last token,
which is never a token. No Keras here.
"""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from skrnn.sequences._storage import FIRST_TOKEN, PADDING, UNKNOWN

# In how many documents n-grams of two tokens, of three, ... have to occur. A pair of one document says nothing of
# others. Longer ones of words seldom say more than the pairs in them; those of letters are the words.
_MIN_DOCUMENTS = (2, 5, 5, 5)
MAX_LENGTH = len(_MIN_DOCUMENTS) + 1

# Tokens are letters where so many of them make up such a share of the text. (Measured: Thai 0.97, syllables of
# Korean 0.85, kana and kanji 0.83, words of English 0.54 to 0.78, Chinese 0.57 to 0.65.)
_N_LETTERS, _SHARE_OF_LETTERS = 128, 0.9

NO_NGRAM = 0  # the row of all n-grams that have none of their own

# Multiplicative hashing (Knuth 1973) within 31 bits.
HASH_MODULUS, HASH_MULTIPLIER = 2**15, 40503


def frequent_ngrams(X: sparse.csr_matrix, n_most: int) -> np.ndarray:
    """The most frequent n-grams of several documents: pairs and, of letters, longer ones if there is room left.

    Returns
    -------
    keys : ndarray of int32, of shape (n_ngrams, 2)
        The keys of the rows from 1 on, each prefix before what it begins.
    """
    documents = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    previous = previous_in(X)
    keys = np.empty((0, 2), dtype=np.int64)
    counts = np.sort(np.bincount(X.data)[FIRST_TOKEN:])
    are_letters = counts[-_N_LETTERS:].sum() >= _SHARE_OF_LETTERS * len(X.data)
    prefixes = previous(X.data, PADDING).astype(np.int64)
    is_prefix = prefixes != UNKNOWN
    for min_documents in _MIN_DOCUMENTS if are_letters else _MIN_DOCUMENTS[:1]:
        ends = np.flatnonzero(is_prefix & (X.data != UNKNOWN))
        distinct, numbers = np.unique(prefixes[ends] << 32 | X.data[ends], return_inverse=True)
        occurrences = np.unique(numbers.astype(np.int64) * X.shape[0] + documents[ends])  # one for each document
        n_documents = np.bincount(occurrences // X.shape[0], minlength=len(distinct))
        chosen = np.argsort(-n_documents, kind="stable")[: n_most - len(keys)]
        chosen = chosen[n_documents[chosen] >= min_documents]
        new_rows = np.full(len(distinct), NO_NGRAM)
        new_rows[chosen] = len(keys) + 1 + np.arange(len(chosen))
        keys = np.concatenate([keys, np.stack([distinct >> 32, distinct & 0xFFFFFFFF], axis=1)[chosen]])
        rows = np.full(len(X.data), NO_NGRAM)
        rows[ends] = new_rows[numbers]
        rows = previous(rows, NO_NGRAM)
        prefixes, is_prefix = ~rows, rows != NO_NGRAM
    return keys.astype(np.int32)


def previous_in(X: sparse.csr_matrix) -> Callable:
    """A function from values of the tokens in ``X.data``, and one for the first of a document, to those before."""
    firsts = X.indptr[:-1][np.diff(X.indptr) > 0]

    def previous(values, first):
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[firsts] = first
        return before

    return previous


def n_slots_for(n_rows: int) -> int:
    """Size of the table: few n-grams share a slot, and tables of about the same number of rows have one size."""
    return 4 * max(64, 1 << (n_rows - 1).bit_length())


def slot_of(prefixes, ids, n_slots: int):
    """Where an n-gram stands in the table; for arrays and tensors of int32, which it does not overflow."""
    return ((prefixes % HASH_MODULUS) * HASH_MULTIPLIER + ids) % n_slots


def ngram_table(ngrams: np.ndarray, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The table of n-grams given by their keys.

    Returns
    -------
    keys : ndarray of int32, of shape (n_rows, 2)
        The prefix and the last token of the n-gram that each row is for; row 0 is for all others.
    slots : ndarray of int32, of shape (n_slots_for(n_rows),)
        The row of the first of the n-grams that hash to a slot.
    """
    keys = np.full((n_rows, 2), PADDING, dtype=np.int32)
    keys[1 : 1 + len(ngrams)] = ngrams
    slots = np.full(n_slots_for(n_rows), NO_NGRAM, dtype=np.int32)
    rows = np.arange(len(ngrams), 0, -1)  # of those that share a slot, the one that comes last stays
    slots[slot_of(keys[rows, 0], keys[rows, 1], len(slots))] = rows
    return keys, slots


def ngram_rows(ids: np.ndarray, previous: Callable, keys: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """For each token, the row of the longest n-gram that ends in it.

    ``previous`` takes a value of each token, and one for what stands before a first token, and gives the values of
    the tokens before.
    """
    prefixes = previous(ids, PADDING)
    longest = np.full_like(ids, NO_NGRAM)
    for _ in range(2, MAX_LENGTH + 1):
        rows = slots[slot_of(prefixes, ids, len(slots))]
        rows = np.where((keys[rows, 0] == prefixes) & (keys[rows, 1] == ids), rows, NO_NGRAM)
        if not rows.any():
            break
        longest = np.where(rows == NO_NGRAM, longest, rows)
        prefixes = ~previous(rows, NO_NGRAM)
    return longest
