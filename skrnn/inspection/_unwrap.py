"""Find the estimator of skrnn in a fitted pipeline or search, and the samples that it reads."""

from __future__ import annotations

from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._base import BaseRNN


def unwrapped(estimator: Any) -> tuple[list[Any], BaseRNN]:
    """Return the transformers in front of the estimator of skrnn, and the estimator.

    Parameters
    ----------
    estimator : BaseRNN, Pipeline, search or FrozenEstimator
        A fitted estimator. Pipelines and searches can contain each other.

    Raises
    ------
    TypeError
        If there is no estimator of skrnn.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    transformers: list[Any] = []
    inner = estimator
    while not isinstance(inner, BaseRNN):
        if isinstance(inner, Pipeline):
            *before, (_, inner) = inner.steps
            transformers += [step for _, step in before if step not in (None, "passthrough")]
        elif isinstance(inner, FrozenEstimator):
            inner = inner.estimator
        elif hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        else:
            if hasattr(inner, "fit"):
                check_is_fitted(inner)  # a search that is not fitted
            raise TypeError(
                "Expected an estimator of skrnn, or a pipeline or search that ends with one; got "
                f"{type(inner).__name__}."
            )
    check_is_fitted(inner)
    return transformers, inner
