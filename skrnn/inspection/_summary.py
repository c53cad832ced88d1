"""Summarize the attributions of many documents: the tokens and n-grams that speak most for each class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skrnn.inspection._attributions import TokenAttributions
from skrnn.utils._parameters import Constraint, IntegerTuple, Interval, validated
from skrnn.utils._repr import short_repr


class NgramSummary(NamedTuple):
    """The attributions of all occurrences of a token or n-gram.

    Attributes
    ----------
    ngram : str
        The normalized tokens, with a space between them if there is text between them in the document.
    value : float
        Mean of the values of the occurrences. The value of an occurrence is the sum of the values of its tokens.
    n_occurrences : int
        Number of occurrences in all documents.
    n_documents : int
        Number of documents that contain it.
    """

    ngram: str
    value: float
    n_occurrences: int
    n_documents: int


NgramSummary.__module__ = "skrnn.inspection"

_CONSTRAINTS: dict[str, list[Constraint]] = {
    "ngram_range": [
        IntegerTuple(1, "a pair of integers >= 1 in ascending order", lambda r: len(r) == 2 and r[0] <= r[1])
    ],
    "min_documents": [Interval(int, 1)],
    "max_ngrams": [Interval(int, 1)],
}


def summarize_attributions(
    attributions: Iterable[TokenAttributions],
    *,
    ngram_range: tuple[int, int] = (1, 1),
    min_documents: int = 5,
    max_ngrams: int = 20,
) -> dict[Any, list[NgramSummary]]:
    """Return the tokens or n-grams that speak most for and against each class, label or target.

    Parameters
    ----------
    attributions : list of TokenAttributions
        Explanations of many documents by one estimator, as :func:`token_attributions` returns them. Use test
        documents, because a model is too sure of the documents that it was trained on.
    ngram_range : tuple of int, default=(1, 1)
        Smallest and largest number of neighbouring tokens. As the value of an n-gram is a sum, longer n-grams
        come first. Summarize tokens and pairs separately, with (1, 1) and (2, 2).
    min_documents : int, default=5
        Leave out n-grams that are in fewer documents.
    max_ngrams : int, default=20
        Largest number of n-grams with values above 0, and largest number of those below 0, for each target.

    Returns
    -------
    summary : dict of list of NgramSummary
        For each class, label or target, the n-grams with the largest values above 0 and those with the smallest
        values below 0, in descending order of the values. ``pandas.DataFrame`` turns a list into a table.

    Examples
    --------
    >>> from skrnn import RNNTextClassifier
    >>> from skrnn.inspection import summarize_attributions, token_attributions
    >>> documents = ["a splendid film", "a splendid plot", "a terrible film", "a terrible plot"] * 5
    >>> labels = ["good", "good", "bad", "bad"] * 5
    >>> classifier = RNNTextClassifier(units=4, embedding_dim=8, epochs=5, random_state=0).fit(documents, labels)
    >>> summary = summarize_attributions(token_attributions(classifier, documents[:10]))
    >>> summary["good"][0].ngram, summary["good"][0].n_documents
    ('splendid', 6)
    """
    attributions = list(attributions)
    arguments = {"ngram_range": ngram_range, "min_documents": min_documents, "max_ngrams": max_ngrams}
    for name, value in arguments.items():
        validated(name, value, _CONSTRAINTS[name])
    if not attributions or not all(isinstance(found, TokenAttributions) for found in attributions):
        raise ValueError(
            f"Expected a list of TokenAttributions, and at least one; got {short_repr(attributions)}."
        )
    names = attributions[0].target_names
    if len({(repr(found.target_names), found.unit, found.method) for found in attributions}) > 1:
        raise ValueError("Expected attributions of one estimator; their targets, units or methods differ.")
    totals: dict[tuple[str, ...], _Total] = {}
    for i, found in enumerate(attributions):
        _add_document(totals, found, i, ngram_range)
    frequent = [total for total in totals.values() if total.n_documents >= min_documents]
    means = np.array([total.value / total.n_occurrences for total in frequent]).reshape(-1, len(names))
    summary: dict[Any, list[NgramSummary]] = {}
    for column, name in enumerate(names):
        order = np.argsort(-means[:, column], kind="stable").tolist()
        positive = [i for i in order if means[i, column] > 0][:max_ngrams]
        negative = [i for i in order if means[i, column] < 0][-max_ngrams:]
        summary[name] = [
            NgramSummary(
                frequent[i].ngram, float(means[i, column]), frequent[i].n_occurrences, frequent[i].n_documents
            )
            for i in positive + negative
        ]
    return summary


@dataclass
class _Total:
    ngram: str
    value: np.ndarray  # (n_outputs,)
    n_occurrences: int = 0
    n_documents: int = 0
    last_document: int = -1


def _add_document(
    totals: dict[tuple[str, ...], _Total], found: TokenAttributions, document: int, ngram_range: tuple[int, int]
) -> None:
    n_tokens, tokens = len(found.tokens), found.normalized_tokens
    sums = np.concatenate([np.zeros_like(found.base_values)[None], np.cumsum(found.values, axis=0)])
    for length in range(ngram_range[0], min(ngram_range[1], n_tokens) + 1):
        for start, value in enumerate(sums[length:] - sums[:-length]):
            ngram = tuple(tokens[start : start + length])
            if ngram not in totals:
                totals[ngram] = _Total(_joined(found, start, length), np.zeros_like(value))
            total = totals[ngram]
            total.value += value
            total.n_occurrences += 1
            total.n_documents += document != total.last_document
            total.last_document = document


def _joined(found: TokenAttributions, start: int, length: int) -> str:
    """Return an n-gram with spaces where the document has text between the tokens."""
    tokens, spans = found.normalized_tokens[start : start + length], found.spans
    if spans is None:
        return " ".join(tokens)
    has_space = spans[start + 1 : start + length, 0] > spans[start : start + length - 1, 1]
    gaps = np.where(has_space, " ", "").tolist()
    return tokens[0] + "".join(gap + token for gap, token in zip(gaps, tokens[1:], strict=True))
