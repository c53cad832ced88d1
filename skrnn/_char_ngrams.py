"""Character n-grams of tokens: what tokens that are written alike learn from each other.

In training, a token's vector is the sum of its own and those of its n-grams. Afterwards the sum is the token's
vector, and nobody needs to know what it was made of. No Keras here.
"""

from collections import defaultdict
from itertools import chain

import numpy as np

from skrnn._sequences import FIRST_TOKEN

NO_CHAR_NGRAM = 0  # fills up the rows of tokens that have fewer n-grams than others

# Of the n-grams of a token, at most so many count: those of the longest tokens would make the rows of all long.
MOST_PER_TOKEN = 32

# The weights of their layer, and the tokens' own vectors.
_PARTS = ("char_ngram_embedding", "char_ngram_rows", "embedding")

_CHUNK = 2**12  # tokens whose n-grams are summed at once


def char_ngrams(tokens: list[str], lengths: tuple[int, int]) -> tuple[np.ndarray, int]:
    """The n-grams of the tokens of a vocabulary, as numbers.

    N-grams that one token has for itself alone would tell nothing of others, and are left out.

    Parameters
    ----------
    tokens : list of str
        In the order of their ids.
    lengths : tuple (min_n, max_n)
        Least and most characters of an n-gram. The beginning and the end of a token count as characters.

    Returns
    -------
    rows : ndarray of int32, of shape (n_token_ids, MOST_PER_TOKEN)
        The numbers of each token's n-grams from 1 on, filled up with zeros.
    n_rows : int
        One more than the largest number.
    """
    of_tokens = [_ngrams_of(f"<{token}>", *lengths) for token in tokens]
    n_tokens_with: defaultdict[str, int] = defaultdict(int)
    for ngram in chain.from_iterable(of_tokens):
        n_tokens_with[ngram] += 1
    shared = (ngram for ngram, n_tokens in n_tokens_with.items() if n_tokens > 1)
    numbers = {ngram: number for number, ngram in enumerate(shared, start=1)}
    known = [[numbers[ngram] for ngram in ngrams if ngram in numbers][:MOST_PER_TOKEN] for ngrams in of_tokens]
    rows = np.full((FIRST_TOKEN + len(tokens), MOST_PER_TOKEN), NO_CHAR_NGRAM, dtype=np.int32)
    for row, ngrams in zip(rows[FIRST_TOKEN:], known, strict=True):
        row[: len(ngrams)] = ngrams
    return rows, len(numbers) + 1


def _ngrams_of(word: str, min_n: int, max_n: int) -> list[str]:
    """The distinct n-grams, the shortest first."""
    starts_and_ends = ((i, i + n) for n in range(min_n, max_n + 1) for i in range(len(word) - n + 1))
    return list(dict.fromkeys(word[start:end] for start, end in starts_and_ends))


def parts_of(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """Of the weights of a network in training, those that make up the vectors of tokens, if these share any."""
    return {name: weights[name] for name in _PARTS} if _PARTS[0] in weights else None


def sum_parts(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of a network in training as those of one that serves, of which each token has its own vector."""
    parts = parts_of(weights)
    if parts is None:
        return weights
    vectors, rows, embedding = parts.values()
    served = {name: weight for name, weight in weights.items() if name not in _PARTS[:2]}
    return {**served, "embedding": embedding + _sums(rows, vectors)}


def _sums(rows: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """What its n-grams add to the vector of each token: their sum over the root of their number."""
    total = np.empty((len(rows), vectors.shape[1]), dtype=vectors.dtype)
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        present = chunk != NO_CHAR_NGRAM
        n_present = np.maximum(present.sum(axis=1, keepdims=True), 1)
        shares = (present / np.sqrt(n_present)).astype(vectors.dtype)
        total[start : start + _CHUNK] = np.einsum("tn,tnd->td", shares, vectors[chunk])
    return total
