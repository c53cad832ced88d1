"""Character n-grams of tokens: what tokens that are written alike learn from each other.

In training, a token's vector is the sum of its own and those of its n-grams. Afterwards the sum is the token's
vector, and nobody needs to know what it was made of. No Keras here.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice

import numpy as np

from skrnn.sequences._storage import FIRST_TOKEN

NO_CHAR_NGRAM = 0  # fills up the rows of tokens that have fewer n-grams than others
MOST_PER_TOKEN = 32

_MOST = 100_000  # n-grams that have a vector
_LONGEST_TOKEN = 40  # characters; what is longer is an address or noise, and takes time


def char_ngrams(tokens: list[str], lengths: tuple[int, int]) -> tuple[np.ndarray, int]:
    """The n-grams of the tokens of a vocabulary, as numbers.

    N-grams that one token has for itself alone would tell nothing of others, and are left out. Of more than there
    is room for, those that most tokens have are kept.

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
    n_tokens_with = Counter(chain.from_iterable(_ngrams_of(token, *lengths) for token in tokens))
    shared = ((ngram, n_tokens) for ngram, n_tokens in n_tokens_with.most_common(_MOST) if n_tokens > 1)
    ranks = {ngram: rank for rank, (ngram, _) in enumerate(shared, start=1)}
    rows = np.full((FIRST_TOKEN + len(tokens), MOST_PER_TOKEN), NO_CHAR_NGRAM, dtype=np.int32)
    for row, token in zip(islice(rows, FIRST_TOKEN, None), tokens, strict=True):
        known = sorted(ranks[ngram] for ngram in _ngrams_of(token, *lengths) if ngram in ranks)[:MOST_PER_TOKEN]
        row[: len(known)] = known
    used, numbers = np.unique(np.append(rows, NO_CHAR_NGRAM), return_inverse=True)  # zero among them
    return numbers[:-1].reshape(rows.shape).astype(np.int32), len(used)


def _ngrams_of(token: str, min_n: int, max_n: int) -> Iterator[str]:
    """The distinct n-grams, but not the marks of beginning and end by themselves."""
    if len(token) > _LONGEST_TOKEN:
        return iter(())
    word = f"<{token}>"
    starts_and_ends = ((i, i + n) for n in range(min_n, max_n + 1) for i in range(len(word) - n + 1))
    found = dict.fromkeys(word[start:end] for start, end in starts_and_ends)
    return (ngram for ngram in found if ngram not in ("<", ">"))
