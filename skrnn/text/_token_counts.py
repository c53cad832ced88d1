"""Counts of tokens in the parts of a corpus, which are merged into the counts of the whole corpus."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from skrnn.text._tokenization import TokenizedDocuments, consecutive_indices
from skrnn.text._vocabulary import has_document_frequency, lowest_document_frequency, most_frequent_tokens
from skrnn.utils._parameters import NONE, Interval, validated

# Rows of the table of counts
_COUNT, _DOCUMENTS, _MISSED = range(3)


@dataclass(frozen=True, eq=False)
class TokenCounts:
    """How often tokens occur in documents.

    :meth:`SequenceVectorizer.count_tokens` counts the tokens of a part of a corpus. :meth:`merge` adds up the
    counts of several parts. :meth:`SequenceVectorizer.fit_counts` then learns the same vocabulary as a fit on all
    documents.

    Attributes
    ----------
    tokens : list of str
        The distinct tokens.
    counts : ndarray of int64 of shape (n_tokens,)
        How often each token occurs.
    document_frequencies : ndarray of int64 of shape (n_tokens,)
        The number of documents that contain each token.
    n_documents : int
        The number of documents.
    longest : int
        The number of tokens of the longest document.
    n_missed : ndarray of int64 of shape (n_tokens,)
        How many more times each token can occur, because an earlier count of it was dropped. 0 for exact counts.
    n_dropped : int
        How often a token that is not in `tokens` can occur. 0 if no token was dropped.

    See Also
    --------
    SequenceVectorizer.fit_counts : Learn the vocabulary from counts.

    Examples
    --------
    >>> from skrnn import SequenceVectorizer, TokenCounts
    >>> parts = [["the cat", "the dog"], ["the bird"]]
    >>> vectorizer = SequenceVectorizer(max_features=2)
    >>> counts = TokenCounts.merge(map(vectorizer.count_tokens, parts))
    >>> counts.n_documents, dict(zip(counts.tokens, counts.counts.tolist()))
    (3, {'the': 3, 'cat': 1, 'dog': 1, 'bird': 1})
    >>> vectorizer.fit_counts(counts).vocabulary_
    {'the': 2, 'bird': 3}
    """

    __module__ = "skrnn"  # pickles and messages use the public name

    tokens: list[str]
    counts: np.ndarray
    document_frequencies: np.ndarray
    n_documents: int
    longest: int
    n_missed: np.ndarray
    n_dropped: int = 0

    def __repr__(self) -> str:
        return f"TokenCounts(n_tokens={len(self.tokens)}, n_documents={self.n_documents})"

    @classmethod
    def merge(cls, parts: Iterable["TokenCounts"], max_tokens: int | None = None) -> "TokenCounts":
        """Add up the counts of several parts of a corpus.

        Parameters
        ----------
        parts : iterable of TokenCounts
            A generator can compute them one by one, so that memory holds two of them and the result.
        max_tokens : int, default=None
            If more than twice as many tokens were counted, drop the rarest and keep at most this number. A token
            takes about 200 bytes. The result remembers how often a dropped token can occur, and
            :meth:`SequenceVectorizer.fit_counts` raises an error if this can change the vocabulary. Choose a
            number much larger than the vocabulary. None keeps all tokens.

        Returns
        -------
        counts : TokenCounts

        Raises
        ------
        TypeError
            If `parts` is not an iterable of TokenCounts.
        """
        if not isinstance(parts, Iterable):
            raise TypeError(
                f"Expected parts to be an iterable of TokenCounts; got {type(parts).__name__}. Pass a list or a "
                "generator."
            )
        max_tokens = validated("max_tokens", max_tokens, [Interval(int, 1), NONE])
        merged = _MergedCounts()
        for part in parts:
            check_counts("each part", part)
            merged.add(part)
            if max_tokens is not None and len(merged.index_of) > 2 * max_tokens:
                merged.drop_rarest(max_tokens)
        table = merged.table[:, : len(merged.index_of)]
        return cls(
            list(merged.index_of),
            table[_COUNT].copy(),
            table[_DOCUMENTS].copy(),
            merged.n_documents,
            merged.longest,
            table[_MISSED].copy(),
            merged.n_dropped,
        )


def check_counts(name: str, counts: object) -> None:
    """Raise TypeError unless these are counts."""
    if not isinstance(counts, TokenCounts):
        raise TypeError(
            f"Expected {name} to be TokenCounts, got {type(counts).__name__}. count_tokens returns them, and "
            "TokenCounts.merge adds up the counts of several parts."
        )


def count_tokens(tokenized: TokenizedDocuments) -> TokenCounts:
    """Return how often the tokens of some documents occur."""
    counts = tokenized.counts
    occurring = np.flatnonzero(counts)
    return TokenCounts(
        [str.__str__(tokenized.tokens[i]) for i in occurring],  # plain str in place of subclasses such as NumPy's
        counts[occurring],
        tokenized.document_frequencies[occurring],
        tokenized.n_documents,
        int(tokenized.lengths.max(initial=0)),
        np.zeros(len(occurring), dtype=np.int64),
    )


def vocabulary_of_counts(
    counts: TokenCounts, min_df: int | float, max_df: int | float, max_features: int | None
) -> dict[str, int]:
    """Return the vocabulary that a fit on all documents learns.

    Raises
    ------
    ValueError
        If no token is left, or dropped tokens can change the vocabulary.
    """
    # A token needs as many occurrences to be in the vocabulary. It has at least as many as documents contain it.
    needed = max(1, math.ceil(lowest_document_frequency(min_df, counts.n_documents)))
    others = counts.counts[has_document_frequency(counts, min_df, max_df)]
    if max_features is not None and len(others) >= max_features:
        needed = max(needed, int(np.sort(others)[-max_features]))
    is_inexact = counts.n_missed > 0
    possible = max(counts.n_dropped, (counts.counts + counts.n_missed)[is_inexact].max(initial=0))
    if possible >= needed:
        raise ValueError(
            "Expected TokenCounts.merge to drop only tokens that are too rare for the vocabulary; a dropped token "
            f"can occur {possible} times, and {needed} occurrences are enough. Raise max_tokens of "
            "TokenCounts.merge, raise min_df, or lower max_features."
        )
    return most_frequent_tokens(counts, min_df, max_df, max_features)


class _MergedCounts:
    """The sum of counts, as a table with a column for each token."""

    def __init__(self) -> None:
        self.index_of = consecutive_indices()
        self.table = np.zeros((3, 0), dtype=np.int64)  # it can have more columns than there are tokens
        self.n_documents = self.longest = self.n_dropped = 0

    def add(self, part: TokenCounts) -> None:
        n_before = len(self.index_of)
        columns = np.fromiter(map(self.index_of.__getitem__, part.tokens), np.intp, count=len(part.tokens))
        n_tokens = len(self.index_of)
        if n_tokens > self.table.shape[1]:
            self.table = np.concatenate([self.table, np.zeros((3, n_tokens), dtype=np.int64)], axis=1)
        # A token that one of the two does not list can be among those that it dropped.
        self.table[_MISSED, n_before:n_tokens] = self.n_dropped
        if part.n_dropped:
            is_listed = np.zeros(n_tokens, dtype=bool)
            is_listed[columns] = True
            self.table[_MISSED, :n_tokens][~is_listed] += part.n_dropped
        self.table[:, columns] += [part.counts, part.document_frequencies, part.n_missed]
        self.n_documents += part.n_documents
        self.longest = max(self.longest, part.longest)
        self.n_dropped += part.n_dropped

    def drop_rarest(self, max_tokens: int) -> None:
        """Keep at most `max_tokens` tokens. Equally frequent tokens stay or go together."""
        possible = self.table[_COUNT, : len(self.index_of)] + self.table[_MISSED, : len(self.index_of)]
        rank = len(possible) - max_tokens - 1
        limit = int(np.partition(possible, rank)[rank])
        stays = possible > limit
        self.index_of = consecutive_indices(np.array(list(self.index_of), dtype=object)[stays])
        self.table = self.table[:, : len(possible)][:, stays]
        self.n_dropped = max(self.n_dropped, limit)
