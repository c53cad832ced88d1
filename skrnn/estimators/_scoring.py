"""After each epoch: score the validation samples, and run scikit-learn's callbacks."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring

from skrnn.estimators._fitted import Encoding, Fitted
from skrnn.estimators._samples import Samples
from skrnn.estimators._sklearn_callbacks import EpochTasks
from skrnn.network._trained import TrainedNetwork


class EpochScorer:
    """Scores an estimator on the validation samples with one of scikit-learn's scorers."""

    def __init__(self, estimator: Any, scoring: Any, validation: Samples, encoding: Encoding, is_monitored: bool):
        self._scorer = check_scoring(estimator, scoring)
        self._X, self._y = encoding.input.to_user(validation.X), validation.y
        weights = validation.sample_weight
        is_weighted = np.any(weights != weights[0]) and _takes_sample_weight(self._scorer)
        self._options = {"sample_weight": weights} if is_weighted else {}
        self._name = f"scoring={scoring!r} of the {len(validation)} validation samples"
        self._is_monitored = is_monitored

    def __call__(self, estimator: Any) -> float:
        advice = "Raise validation_fraction, pass X_val and y_val, or choose another scoring."
        try:
            score = float(self._scorer(estimator, self._X, self._y, **self._options))
        except ValueError as error:
            raise ValueError(f"{self._name} failed: {error} {advice}") from error
        if self._is_monitored and np.isnan(score):  # NaN is never better, so the first epoch would win
            raise ValueError(f"Expected {self._name} to be a number; got nan. {advice}")
        return score


class Observer:
    """Scores the validation samples and runs scikit-learn's callbacks after each epoch.

    Parameters
    ----------
    estimator : BaseRNN
    encoding : Encoding
        What X and y mean.
    start : TrainedNetwork
        The network before training.
    scorer : EpochScorer or None
        None monitors the loss.
    tasks : EpochTasks
    """

    def __init__(
        self,
        estimator: Any,
        encoding: Encoding,
        start: TrainedNetwork,
        scorer: EpochScorer | None,
        tasks: EpochTasks,
    ) -> None:
        self._estimator, self._encoding, self._start = estimator, encoding, start
        self._scorer, self._tasks = scorer, tasks
        self.monitor = "val_loss" if scorer is None else "val_score"

    def begin_epoch(self) -> None:
        self._tasks.begin_epoch()

    def end_epoch(self, weights: Callable[[], dict[str, np.ndarray]]) -> tuple[dict[str, float], bool]:
        # Fetching the weights takes time, so fetch them only if they are used.
        scores = {} if self._scorer is None else {self.monitor: self._scorer(self._estimator_with(weights()))}
        return scores, self._tasks.end_epoch(
            lambda: {"_fitted": self._fitted_with(weights(), self._encoding.input)}
        )

    def _estimator_with(self, weights: dict[str, np.ndarray]) -> Any:
        """Return an estimator with the network after this epoch, without the linear model.

        The linear model does not change between epochs, and would hide what the network learns.
        """
        unnamed = copy.copy(self._encoding.input.with_spelling(False))
        unnamed.feature_names = None  # scorers get an array, even if X was a table with names
        fitted = self._fitted_with(weights, unnamed)
        return self._estimator._reader(replace(fitted, network=fitted.network.without_linear_model()))

    def _fitted_with(self, weights: dict[str, np.ndarray], input_: Any) -> Fitted:
        network = TrainedNetwork(self._start.spec, weights, build_model=self._start.build_model)
        return Fitted(input_, self._encoding.target, network, history={}, best_epoch=0, validation_scores=None)


def _takes_sample_weight(scorer: Any) -> bool:
    """Return whether a scorer, or the metric that scikit-learn made it from, takes sample weights."""
    try:
        parameters = inspect.signature(getattr(scorer, "_score_func", scorer)).parameters
    except (TypeError, ValueError):  # no signature
        return False
    return "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
