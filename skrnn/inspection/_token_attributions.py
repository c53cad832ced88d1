"""Explain predictions: what each token of a document adds to the outputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_random_state

from skrnn.estimators._fitted import Fitted
from skrnn.estimators._targets import ClassTarget, NumericTarget
from skrnn.inspection._attributions import TokenAttributions
from skrnn.inspection._groups import Outputs, TokenGroups, group_tokens
from skrnn.inspection._outputs import explained_outputs, predictions, target_names
from skrnn.inspection._samples import ReadSamples, read_samples
from skrnn.inspection._shapley import Estimate, exact_shapley_values, occlusion, sampled_shapley_values
from skrnn.inspection._unwrap import unwrapped
from skrnn.utils._installed import check_installed
from skrnn.utils._parameters import BOOLEAN, Constraint, Interval, Options, validated_params

# Tokens of the longest documents with exact Shapley values.
_LARGEST_EXACT = 10
# Long documents have at most max_predictions / 6 groups. Finding them takes two predictions for each group. Two
# pairs of orders take another four.
_N_SHARES = 6

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
    max_predictions: int = 4000,
    tol: float = 0.05,
    random_state: Any = None,
    verbose: bool = False,
) -> list[TokenAttributions]:
    """Return what each token of a document adds to the outputs.

    The values are differences between predictions for the document and for parts of it, in which tokens are left
    out. They explain the model, and not the language: a token with a large value changes this prediction. The
    result contains the values for all classes, labels or targets, because they cost no more than those for one.

    Parameters
    ----------
    estimator : RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier or RNNSequenceRegressor
        A fitted estimator, or a fitted Pipeline or search that ends with one.
    documents : iterable of str, or sequences
        The documents, as `estimator` takes them in ``predict``.
    method : {"shapley", "occlusion"}, default="shapley"
        How the effect of a token is measured.

        - "shapley": Shapley values, the mean effect of a token over all orders in which the tokens can be added to
          an empty document. With up to 10 tokens they are exact, if `max_predictions` allows. Otherwise they are
          means over random orders and their reverses [1]_ [2]_. They add up to the difference between the outputs
          for the document and ``base_values``.
        - "occlusion": the change of the outputs if the token alone is left out. It needs one prediction for each
          token and is several times faster. If two words say the same, neither has a large value.
    output : {"logit", "probability"}, default="logit"
        The unit of the values of a classifier: ``log(p / (1 - p))`` of the probability ``p`` of each class or
        label, or ``p`` itself. Logits do not saturate near 0 and 1. A regressor's values always have the unit
        of y.
    max_predictions : int, default=4000
        Largest number of predictions for a document, at least 100. If a document has more tokens than a quarter of
        it ("occlusion": a sixth), some neighbouring tokens are left out together and share their value equally.
        These groups are small where the values are large. The time is proportional to the number of predictions
        and to the length of the document. With more tokens than a twentieth of it, `tol` may not be reached, and
        the standard errors are large.
    tol : float, default=0.05
        Stop when the largest standard error is at most this share of the range of the values, after at least 10
        pairs of orders. Classifiers stop for the predicted class, other estimators for all outputs. 0 uses all
        `max_predictions`. Not used by "occlusion".
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

    Notes
    -----
    A token is left out, and not replaced by the unknown token. Both find the words that decide equally well, but
    shorter documents take less time, and numeric sequences have no unknown time step
    (``tests/benchmarks/explanations.py``).

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
    predicted = predictions(fitted, samples.sequences, samples.spellings)
    explained = []
    for i in _progress(range(len(samples.documents)), params.verbose):
        # A classifier's values have to be precise for the predicted class.
        likeliest = int(predicted[i].argmax())
        watched = slice(likeliest, likeliest + 1) if isinstance(fitted.target, ClassTarget) else slice(None)
        found = _explain(
            samples.sequences[np.array([i])],
            lambda parts: explained_outputs(fitted, parts, samples.spellings, unit),
            params,
            watched,
            np.random.default_rng(seed),
        )
        explained.append(_attributions(samples, i, fitted, found, predicted[i], unit, params.method))
    return explained


def _progress(positions: Iterable[int], verbose: bool) -> Iterable[int]:
    if not verbose:
        return positions
    check_installed("verbose=True needs", "tqdm")
    from tqdm.auto import tqdm

    return tqdm(positions, unit="document")


@dataclass(frozen=True, eq=False)
class _Explained:
    """The outputs without tokens and with all, (2, n_outputs), the groups that were left out, and their values."""

    ends: np.ndarray
    groups: TokenGroups
    estimate: Estimate


def _explain(
    sequence: Any, outputs: Outputs, params: SimpleNamespace, watched: slice, rng: np.random.Generator
) -> _Explained:
    n_tokens, budget = len(sequence.data), params.max_predictions
    tokens = TokenGroups.equal(sequence, outputs, n_tokens)
    ends = tokens(np.array([[False], [True]]).repeat(n_tokens, axis=1))
    if params.method == "occlusion" and n_tokens > 0:
        return _occlude(sequence, outputs, budget, ends)
    if n_tokens <= _LARGEST_EXACT and 2**n_tokens <= budget:
        return _Explained(ends, tokens, exact_shapley_values(tokens, n_tokens))
    return _sample(sequence, outputs, params, ends, watched, rng)


def _occlude(sequence: Any, outputs: Outputs, budget: int, ends: np.ndarray) -> _Explained:
    def leave_out_each(groups: TokenGroups) -> Estimate:
        return occlusion(groups, len(groups), ends[1])

    groups = group_tokens(sequence, outputs, budget // _N_SHARES, leave_out_each)
    return _Explained(ends, groups, leave_out_each(groups))


def _sample(
    sequence: Any,
    outputs: Outputs,
    params: SimpleNamespace,
    ends: np.ndarray,
    watched: slice,
    rng: np.random.Generator,
) -> _Explained:
    def sample_once(groups: TokenGroups) -> Estimate:
        return sampled_shapley_values(groups, len(groups), ends, 1, rng)

    # Two pairs of orders are enough to see which tokens have large values, better than with groups.
    n_tokens, budget = len(sequence.data), params.max_predictions
    if n_tokens <= budget // 4:
        groups = TokenGroups.equal(sequence, outputs, n_tokens)
    else:
        max_groups = budget // _N_SHARES
        groups = group_tokens(sequence, outputs, max_groups, sample_once)
        budget -= 2 * max_groups
    n_pairs = budget // (2 * (len(groups) - 1))
    estimate = sampled_shapley_values(groups, len(groups), ends, n_pairs, rng, tol=params.tol, watched=watched)
    return _Explained(ends, groups, estimate)


def _attributions(
    samples: ReadSamples, i: int, fitted: Fitted, found: _Explained, predicted: np.ndarray, unit: str, method: str
) -> TokenAttributions:
    document, located = samples.documents[i], samples.tokens[i]
    estimate = found.groups.shared_by_tokens(found.estimate)
    tokens = located.tokens
    if located.spans is not None:
        tokens = [document[start:end] for start, end in located.spans.tolist()]
    return TokenAttributions(
        document=document,
        tokens=tokens,
        spans=located.spans,
        normalized_tokens=located.tokens,
        n_unread=located.n_cut,
        values=estimate.values,
        standard_errors=estimate.standard_errors,
        groups=found.groups.of_tokens(),
        base_values=found.ends[0],
        outputs=found.ends[1],
        predictions=predicted,
        target_names=target_names(fitted.target),
        unit=unit,
        method=method,
    )
