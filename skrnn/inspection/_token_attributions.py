"""Explain predictions: what each token of a document adds to the outputs."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, log, log2
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_random_state

from skrnn.estimators._fitted import Fitted
from skrnn.estimators._targets import NumericTarget
from skrnn.inspection._attributions import TokenAttributions
from skrnn.inspection._outputs import explained_outputs, predictions, target_names
from skrnn.inspection._players import Players, equal_groups
from skrnn.inspection._samples import read_samples
from skrnn.inspection._shapley import (
    Estimate,
    exact_shapley_values,
    occlusion,
    sampled_shapley_values,
)
from skrnn.inspection._unwrap import unwrapped
from skrnn.utils._parameters import BOOLEAN, Constraint, Interval, Options, validated_params

# Longer documents get fewer players, so that there are at least two pairs of orders, and standard errors.
_FEWEST_PAIRS = 2
# The groups before the first split.
_FEWEST_GROUPS = 8

_CONSTRAINTS: dict[str, list[Constraint]] = {
    "method": [Options(["shapley", "occlusion"])],
    "output": [Options(["logit", "probability"])],
    "max_predictions": [Interval(int, 100)],
    "tol": [Interval(float, 0)],
    "verbose": [BOOLEAN],
}


def token_attributions(
    estimator: Any,
    documents: Iterable[Any],
    *,
    method: Literal["shapley", "occlusion"] = "shapley",
    output: Literal["logit", "probability"] = "logit",
    max_predictions: int = 3000,
    tol: float = 0.05,
    random_state: Any = None,
    verbose: bool = False,
) -> list[TokenAttributions]:
    """Return what each token of a document adds to the outputs.

    The values are differences between predictions for the document and for parts of it, in which tokens are left
    out. They explain the model, and not the language: a token with a large value changes this prediction.

    Parameters
    ----------
    estimator : RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier or RNNSequenceRegressor
        A fitted estimator, or a fitted Pipeline or search that ends with one.
    documents : iterable of str, or sequences
        The documents, as `estimator` takes them in ``predict``.
    method : {"shapley", "occlusion"}, default="shapley"
        How the effect of a token is measured.

        - "shapley": Shapley values, the mean effect of a token over all orders in which the tokens can be added to
          an empty document. With up to 10 tokens they are exact, and otherwise the mean over random orders and
          their reverses [1]_ [2]_. They add up to the difference between the outputs for the document and
          ``base_values``.
        - "occlusion": the change of the outputs if the token alone is left out. It needs one prediction for each
          token and is several times faster. If two words say the same, neither has a large value.
    output : {"logit", "probability"}, default="logit"
        The unit of the values of a classifier: ``log(p / (1 - p))`` of the probability ``p`` of each class or
        label, or ``p`` itself. Logits do not saturate near 0 and 1. A regressor's values always have the unit
        of y.
    max_predictions : int, default=3000
        Largest number of predictions for a document, at least 100. If a document has more tokens than a
        quarter of it ("occlusion": than all of it), some neighbouring tokens are left out together and share their
        value equally. With "shapley", the groups with the largest values are then split.
    tol : float, default=0.05
        Stop when the largest standard error is at most this share of the range of the values, after at least 5
        pairs of orders. 0 uses all `max_predictions`. Not used by "occlusion".
    random_state : int, RandomState instance or None, default=None
        Seed of the orders. With an int, the values for a document are the same in each call, whatever the other
        documents are.
    verbose : bool, default=False
        Show a progress bar over the documents. It needs ``pip install tqdm``.

    Returns
    -------
    attributions : list of TokenAttributions
        One for each document.

    Raises
    ------
    TypeError
        If `estimator` has no estimator of skrnn.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    References
    ----------
    .. [1] `Štrumbelj & Kononenko (2010). An Efficient Explanation of Individual Classifications using Game Theory.
       JMLR 11. <https://jmlr.org/papers/v11/strumbelj10a.html>`_
    .. [2] `Mitchell, Cooper, Frank & Holmes (2022). Sampling Permutations for Shapley Value Estimation. JMLR 23.
       <https://jmlr.org/papers/v23/21-0439.html>`_

    Examples
    --------
    >>> from skrnn import RNNTextClassifier
    >>> from skrnn.inspection import token_attributions
    >>> documents = ["a splendid film", "a splendid plot", "a terrible film", "a terrible plot"] * 5
    >>> labels = ["good", "good", "bad", "bad"] * 5
    >>> classifier = RNNTextClassifier(units=4, embedding_dim=8, epochs=5, random_state=0).fit(documents, labels)
    >>> [attributions] = token_attributions(classifier, ["A splendid day!"])
    >>> attributions.tokens
    ['A', 'splendid', 'day', '!']
    >>> attributions.tokens[attributions.values[:, 1].argmax()]  # the column of "good"
    'splendid'
    """
    params = SimpleNamespace(
        method=method, output=output, max_predictions=max_predictions, tol=tol, verbose=verbose
    )
    params = validated_params(params, _CONSTRAINTS)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    transformers, inner = unwrapped(estimator)
    fitted = inner._learned  # read once: another thread may fit the estimator again
    samples = read_samples(transformers, inner._reader(fitted), fitted, documents)
    unit = "prediction" if isinstance(fitted.target, NumericTarget) else params.output
    names = target_names(fitted.target)
    predicted = predictions(fitted, samples.sequences)
    explained = []
    for i in _progress(range(len(samples.documents)), params.verbose):
        sequence, tokens = samples.sequences[np.array([i])], samples.tokens[i]
        ends, estimate = _explain(fitted, sequence, unit, params, np.random.default_rng(seed))
        document = samples.documents[i]
        explained.append(
            TokenAttributions(
                document=document,
                tokens=_as_written(document, tokens.tokens, tokens.spans),
                spans=tokens.spans,
                normalized_tokens=tokens.tokens,
                values=estimate.values,
                standard_errors=estimate.standard_errors,
                base_values=ends[0],
                outputs=ends[1],
                predictions=predicted[i],
                target_names=names,
                unit=unit,
                method=params.method,
            )
        )
    return explained


def _progress(positions: Iterable[int], verbose: bool) -> Iterable[int]:
    if not verbose:
        return positions
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("verbose=True needs tqdm: python -m pip install tqdm.") from error
    return tqdm(positions, unit="document")


def _as_written(document: Any, tokens: list[str], spans: np.ndarray | None) -> list[str]:
    return tokens if spans is None else [document[start:end] for start, end in spans.tolist()]


def _explain(
    fitted: Fitted, sequence: Any, unit: str, params: SimpleNamespace, rng: np.random.Generator
) -> tuple[np.ndarray, Estimate]:
    """Return the outputs without any token and with all, and the values of the tokens."""

    def players(max_players: int) -> Players:
        groups = equal_groups(len(sequence.data), max_players)
        return Players(sequence, lambda parts: explained_outputs(fitted, parts, unit), groups)

    n_tokens, budget = len(sequence.data), params.max_predictions
    whole = players(1)
    ends = whole(np.array([[False], [True]])[:, : len(whole)])
    if params.method == "occlusion" and n_tokens > 0:
        game = players(budget)
        return ends, game.shared_by_tokens(occlusion(game, len(game), ends[1]))
    if n_tokens < budget.bit_length():  # 2**n_tokens <= budget
        return ends, exact_shapley_values(players(n_tokens), n_tokens)
    game, n_spent = players(n_tokens), 0
    if n_tokens > budget // (2 * _FEWEST_PAIRS):
        # Each split doubles the players, so that all splits together take as many predictions as one more pair.
        max_players = budget // (2 * _FEWEST_PAIRS + 2)
        n_splits = min(max(ceil(log(n_tokens / max_players, 4)), 1), int(log2(max_players / _FEWEST_GROUPS)))
        game = players(max_players >> n_splits)
        for _ in range(n_splits):
            game, n_predictions = game.split(max_players, ends, rng)
            n_spent += n_predictions
    n_pairs = (budget - n_spent) // (2 * (len(game) - 1))
    return ends, game.shared_by_tokens(sampled_shapley_values(game, len(game), ends, n_pairs, params.tol, rng))
