"""Find the estimator of skrnn in a fitted pipeline or search, and the samples that it reads."""

from __future__ import annotations

from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._label_thresholds import MultilabelThresholdClassifier


def unwrapped(estimator: Any) -> tuple[list[Any], BaseRNN]:
    """Return the transformers in front of the estimator of skrnn, and the estimator.

    Parameters
    ----------
    estimator : BaseRNN, Pipeline, search, FrozenEstimator or MultilabelThresholdClassifier
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
            *before, inner = _steps(inner)
            transformers += before
        elif isinstance(inner, FrozenEstimator):
            inner = inner.estimator
        elif hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        elif isinstance(inner, MultilabelThresholdClassifier) and hasattr(inner, "estimator_"):
            inner = inner.estimator_
        else:
            if hasattr(inner, "fit"):
                check_is_fitted(inner)  # a search that is not fitted
            raise TypeError(
                "Expected an estimator of skrnn, or a pipeline or search (with refit=True) that ends with one; "
                f"got {type(inner).__name__}."
            )
    check_is_fitted(inner)
    return transformers, inner


def _steps(pipeline: Pipeline) -> list[Any]:
    """Return the steps of a pipeline, and of pipelines in it."""
    steps: list[Any] = []
    for _, step in pipeline.steps:
        inner = step.estimator if isinstance(step, FrozenEstimator) else step
        if isinstance(inner, Pipeline):
            steps += _steps(inner)
        elif inner not in (None, "passthrough"):
            steps.append(inner)
    return steps
