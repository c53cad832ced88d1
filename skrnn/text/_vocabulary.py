"""Vocabularies: choose the tokens that get ids, and check a vocabulary that a user passes."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from numbers import Integral
from typing import Any, Protocol

import numpy as np

from skrnn.sequences._storage import FIRST_TOKEN
from skrnn.text._tokenization import TokenizedDocuments


class CountedTokens(Protocol):
    """How often each distinct token of some documents occurs."""

    @property
    def tokens(self) -> list[str]: ...
    @property
    def counts(self) -> np.ndarray: ...
    @property
    def document_frequencies(self) -> np.ndarray: ...
    @property
    def n_documents(self) -> int: ...


def most_frequent_tokens(
    counted: CountedTokens, min_df: int | float, max_df: int | float, max_features: int | None
) -> dict[str, int]:
    """Return a vocabulary of the most frequent tokens, with the document frequencies that are asked for."""
    tokens, counts, n_documents = counted.tokens, counted.counts, counted.n_documents
    occurs = counts > 0
    if not occurs.any():
        raise ValueError(
            "Empty vocabulary: the documents hold no token. They may be empty, or contain stop words only, or be "
            "cut by a token_pattern, tokenizer or analyzer that finds nothing in them."
        )
    selected = np.flatnonzero(occurs & has_document_frequency(counted, min_df, max_df))
    if not len(selected):
        raise ValueError(
            f"Empty vocabulary: min_df={min_df} and max_df={max_df} leave none of the {occurs.sum()} tokens of "
            f"{n_documents} documents. Lower min_df or raise max_df."
        )
    alphabetical = np.array(sorted(selected, key=tokens.__getitem__), dtype=np.intp)
    most_frequent_first = alphabetical[np.argsort(-counts[alphabetical], kind="stable")]
    return _with_ids(tokens[index] for index in most_frequent_first[:max_features])


def has_document_frequency(counted: CountedTokens, min_df: int | float, max_df: int | float) -> np.ndarray:
    """Return a mask of the tokens whose document frequency is between `min_df` and `max_df`."""
    n_documents = counted.n_documents
    low = lowest_document_frequency(min_df, n_documents)
    high = max_df if isinstance(max_df, int) else max_df * n_documents
    if low <= 1 and high >= n_documents:
        return np.ones(len(counted.tokens), dtype=bool)
    frequencies = counted.document_frequencies
    return (frequencies >= low) & (frequencies <= high)


def lowest_document_frequency(min_df: int | float, n_documents: int) -> int | float:
    """Return the number of documents that `min_df` asks for."""
    return min_df if isinstance(min_df, int) else min_df * n_documents


def ranked_subwords(subwords: Collection[str], tokenized: TokenizedDocuments) -> dict[str, int]:
    """Return a vocabulary of all subwords, the most frequent first.

    It contains subwords that occur only inside longer ones, because new documents may need them.
    """
    counts = defaultdict(int, zip(tokenized.tokens, tokenized.counts.tolist(), strict=True))
    return _with_ids(sorted(subwords, key=lambda subword: (-counts[subword], subword)))


def checked_vocabulary(vocabulary: Mapping[str, int] | Collection[str]) -> dict[str, int]:
    """Return a given vocabulary as a dict from token to id, in the order of the ids."""
    _check_distinct_str(list(vocabulary))
    if isinstance(vocabulary, Mapping):
        ids = list(vocabulary.values())
        are_integers = all(isinstance(i, Integral) for i in ids)
        if not are_integers or sorted(ids) != list(range(FIRST_TOKEN, FIRST_TOKEN + len(ids))):
            raise ValueError(
                f"Expected the ids of vocabulary to be {FIRST_TOKEN}, {FIRST_TOKEN + 1}, ... without gaps or "
                "repetitions (0 is padding, 1 unknown); pass the tokens as a list to number them."
            )
        tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    else:
        tokens = sorted(vocabulary) if isinstance(vocabulary, set | frozenset) else list(vocabulary)
    if not tokens:
        raise ValueError("Empty vocabulary: the given vocabulary holds no token.")
    return _with_ids(tokens)


def _check_distinct_str(tokens: list[Any]) -> None:
    others = [token for token in tokens if not isinstance(token, str)]
    if others:
        raise TypeError(f"Expected the tokens of vocabulary to be str, got {others[0]!r}.")
    if len(set(tokens)) < len(tokens):
        repeated = Counter(tokens).most_common(1)[0][0]
        raise ValueError(f"Expected the tokens of vocabulary to be distinct, got {repeated!r} twice.")


def _with_ids(tokens: Iterable[str]) -> dict[str, int]:
    # Plain str in place of subclasses such as NumPy's.
    return {str.__str__(token): i for i, token in enumerate(tokens, start=FIRST_TOKEN)}
