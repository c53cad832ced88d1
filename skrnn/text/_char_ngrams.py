"""Character n-grams of tokens, so that tokens with similar spelling share vectors and weights."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, islice

import numpy as np
from scipy import sparse

from skrnn.sequences._storage import FIRST_TOKEN

NO_CHAR_NGRAM = 0  # fills up the rows of tokens with few n-grams
MOST_PER_TOKEN = 32

_MAX_CHAR_NGRAMS = 100_000
LONGEST_TOKEN = 40  # characters; longer tokens are addresses or noise, and take time


def char_ngrams(tokens: list[str], ngram_range: tuple[int, int]) -> tuple[np.ndarray, int]:
    """Return the character n-grams of each token, as indices of n-grams.

    Only n-grams that several tokens share get an index. If there are too many, the most widely shared ones do.

    Parameters
    ----------
    tokens : list of str
        The vocabulary, in the order of the ids.
    ngram_range : tuple (min_n, max_n)
        Smallest and largest number of characters of an n-gram. The beginning and the end of a token count as
        characters.

    Returns
    -------
    rows : ndarray of int32, of shape (n_token_ids, MOST_PER_TOKEN)
        For each token id, the indices of the token's n-grams from 1 on. The rest of the row is NO_CHAR_NGRAM.
    n_char_ngrams : int
        The number of indices, NO_CHAR_NGRAM included.
    """
    shared = shared_ngrams(tokens, ngram_range, _MAX_CHAR_NGRAMS)
    ranks = {ngram: rank for rank, ngram in enumerate(shared, start=1)}
    rows = np.full((FIRST_TOKEN + len(tokens), MOST_PER_TOKEN), NO_CHAR_NGRAM, dtype=np.int32)
    for row, token in zip(islice(rows, FIRST_TOKEN, None), tokens, strict=True):
        known = (ranks[ngram] for ngram in _ngrams_of(token, *ngram_range) if ngram in ranks)
        most_shared_first = sorted(known)[:MOST_PER_TOKEN]
        row[: len(most_shared_first)] = most_shared_first
    return _without_gaps(rows)


def shared_ngrams(tokens: list[str], ngram_range: tuple[int, int], n_most: int) -> list[str]:
    """Return the n-grams that most tokens share, at least two of them."""
    n_tokens_with = Counter(chain.from_iterable(_ngrams_of(token, *ngram_range) for token in tokens))
    return [ngram for ngram, n_tokens in n_tokens_with.most_common(n_most) if n_tokens > 1]


def spellings(tokens: list[str], indices: Mapping[str, int], ngram_range: tuple[int, int]) -> sparse.csr_matrix:
    """Return which of the given n-grams each token contains, and how often.

    Each count is divided by the root of the number of these n-grams in the token.

    Parameters
    ----------
    tokens : list of str
    indices : mapping of str to int
        The index of each n-gram, from 0 on.
    ngram_range : tuple (min_n, max_n)
        Smallest and largest number of characters of the n-grams.

    Returns
    -------
    spellings : csr_matrix of shape (n_tokens, n_ngrams)
    """
    found = [
        [indices[ngram] for ngram in _substrings(token, *ngram_range) if ngram in indices] for token in tokens
    ]
    n_found = np.array(list(map(len, found)), dtype=np.int64)
    columns = np.fromiter(chain.from_iterable(found), dtype=np.int32, count=n_found.sum())
    values = np.repeat(1 / np.sqrt(np.maximum(n_found, 1)), n_found)
    indptr = np.concatenate([[0], np.cumsum(n_found)])
    matrix = sparse.csr_matrix((values, columns, indptr), shape=(len(tokens), len(indices)))
    matrix.sum_duplicates()
    return matrix


def _ngrams_of(token: str, min_n: int, max_n: int) -> Iterator[str]:
    """Return the distinct n-grams of a token, except the marks of its beginning and end alone."""
    found = dict.fromkeys(_substrings(token, min_n, max_n))
    return (ngram for ngram in found if ngram not in ("<", ">"))


def _substrings(token: str, min_n: int, max_n: int) -> Iterator[str]:
    """Return all n-grams of a token, between marks of its beginning and end."""
    if len(token) > LONGEST_TOKEN:
        return iter(())
    word = f"<{token}>"
    return (word[i : i + n] for n in range(min_n, min(max_n, len(word)) + 1) for i in range(len(word) - n + 1))


def _without_gaps(rows: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the rows with consecutive indices, and the number of indices."""
    occurring, indices = np.unique(np.append(rows, NO_CHAR_NGRAM), return_inverse=True)
    return indices[:-1].reshape(rows.shape).astype(np.int32), len(occurring)
