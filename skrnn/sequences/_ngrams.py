"""N-grams of neighbouring tokens, and the hash table that finds them.

The table consists of arrays, so that a network in any library can contain it and look n-grams up. Each row
stands for an n-gram. Its key is the prefix and the last token. The prefix of a pair is the token before, or
padding at the first token of a document. The prefix of a longer n-gram is the bitwise complement of the row of
all its tokens but the last one. It is negative, and so never
equal to a token. Example: if the pair (7, 8) has row 3, the triple (7, 8, 9) has the key (~3, 9).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from skrnn.sequences._storage import FIRST_TOKEN, PADDING, UNKNOWN, ragged_to_csr

# In how many documents n-grams of two tokens, of three, ... must occur. A pair from a single document does not
# help with other documents. Longer n-grams of words rarely say more than the pairs in them, but n-grams of
# letters are the words of the text.
_MIN_DOCUMENTS = (2, 5, 5, 5)
MAX_LENGTH = len(_MIN_DOCUMENTS) + 1

# Tokens count as letters if this many of them make up this share of the text. Measured shares: Thai 0.97,
# syllables of Korean 0.85, kana and kanji 0.83, words of English 0.54 to 0.78, Chinese 0.57 to 0.65.
_N_LETTERS, _SHARE_OF_LETTERS = 128, 0.9

# From a value for each token, and a value for first tokens, to the values of the tokens before.
Previous = Callable[[np.ndarray, int], np.ndarray]

NO_NGRAM = 0  # the row for all n-grams without a vector

# Multiplicative hashing (Knuth 1973) within 31 bits.
HASH_MODULUS, HASH_MULTIPLIER = 2**15, 40503


def frequent_ngrams(X: sparse.csr_matrix, n_most: int) -> np.ndarray:
    """Return the keys of the most frequent n-grams: pairs and, if tokens are letters, longer ones too.

    Returns
    -------
    keys : ndarray of int32, of shape (n_ngrams, 2)
        The keys of the rows from 1 on. The row of a prefix comes before the rows that refer to it.
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
        distinct, inverse = np.unique(prefixes[ends] << 32 | X.data[ends], return_inverse=True)
        occurrences = np.unique(inverse.astype(np.int64) * X.shape[0] + documents[ends])  # once for each document
        n_documents = np.bincount(occurrences // X.shape[0], minlength=len(distinct))
        chosen = np.argsort(-n_documents, kind="stable")[: n_most - len(keys)]
        chosen = chosen[n_documents[chosen] >= min_documents]
        new_rows = np.full(len(distinct), NO_NGRAM)
        new_rows[chosen] = len(keys) + 1 + np.arange(len(chosen))
        keys = np.concatenate([keys, np.stack([distinct >> 32, distinct & 0xFFFFFFFF], axis=1)[chosen]])
        rows = np.full(len(X.data), NO_NGRAM)
        rows[ends] = new_rows[inverse]
        rows = previous(rows, NO_NGRAM)
        prefixes, is_prefix = ~rows, rows != NO_NGRAM
    return keys.astype(np.int32)


def previous_in(X: sparse.csr_matrix) -> Previous:
    """Return a function from values for the tokens of ``X.data`` to the values of the tokens before.

    Its second argument is the value for the first token of a document.
    """
    firsts = X.indptr[:-1][np.diff(X.indptr) > 0]

    def previous(values: np.ndarray, first: int) -> np.ndarray:
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[firsts] = first
        return before

    return previous


def n_slots_for(n_rows: int) -> int:
    """Return the size of the hash table. Tables with similar numbers of rows have the same size."""
    return 4 * max(64, 1 << (n_rows - 1).bit_length())


def slot_of(prefixes: Any, ids: Any, n_slots: int) -> Any:
    """Return the slots of n-grams. Works on arrays and tensors of int32 without overflow."""
    return ((prefixes % HASH_MODULUS) * HASH_MULTIPLIER + ids) % n_slots


def ngram_table(ngrams: np.ndarray, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the hash table of n-grams with these keys.

    Returns
    -------
    keys : ndarray of int32, of shape (n_rows, 2)
        The prefix and the last token of each n-gram. Row 0 is for all n-grams without a vector.
    slots : ndarray of int32, of shape (n_slots_for(n_rows),)
        The row of the first n-gram with each hash value.
    """
    keys = np.full((n_rows, 2), PADDING, dtype=np.int32)
    keys[1 : 1 + len(ngrams)] = ngrams
    slots = np.full(n_slots_for(n_rows), NO_NGRAM, dtype=np.int32)
    rows = np.arange(len(ngrams), 0, -1)  # of n-grams that share a slot, the one written last stays
    slots[slot_of(keys[rows, 0], keys[rows, 1], len(slots))] = rows
    return keys, slots


def ngram_tokens(keys: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return the tokens of each n-gram as a sequence, and the length of each n-gram.

    Padding counts in the length, but is not in the sequence. Row 0 is no n-gram. It has a token in the sequences
    and the length 0.
    """
    prefixes, lasts = keys.T
    columns, lengths = [np.where(lasts == PADDING, UNKNOWN, lasts)], np.full(len(keys), 2)
    while np.any(is_longer := prefixes < 0):
        before = np.where(is_longer, ~prefixes, NO_NGRAM)
        columns.append(np.where(is_longer, lasts[before], prefixes))
        prefixes = np.where(is_longer, keys[before, 0], PADDING)
        lengths += is_longer
    columns.append(prefixes)
    tokens = np.stack(columns[::-1], axis=1)  # (n_ngrams, longest), with padding before and between
    lengths[NO_NGRAM] = 0
    is_token = tokens != PADDING
    return ragged_to_csr(tokens[is_token], is_token.sum(axis=1)), lengths


def ngram_rows(ids: np.ndarray, previous: Previous, keys: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Return, for each token, the row of the longest n-gram that ends with it.

    ``previous`` is as ``previous_in`` returns it.
    """
    longest = np.full_like(ids, NO_NGRAM)
    for rows in all_ngram_rows(ids, previous, keys, slots):
        longest = np.where(rows == NO_NGRAM, longest, rows)
    return longest


def all_ngram_rows(
    ids: np.ndarray, previous: Previous, keys: np.ndarray, slots: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield, for pairs, for n-grams of three tokens, ..., the row of the n-gram that ends with each token."""
    prefixes = previous(ids, PADDING)
    for _ in range(2, MAX_LENGTH + 1):
        rows = slots[slot_of(prefixes, ids, len(slots))]
        rows = np.where((keys[rows, 0] == prefixes) & (keys[rows, 1] == ids), rows, NO_NGRAM)
        if not rows.any():
            break
        yield rows
        prefixes = ~previous(rows, NO_NGRAM)
