"""Samples of a fit: checked X and y with their weights, and the split that early stopping needs."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from skrnn.estimators._arrays import as_numbers, check_finite
from skrnn.estimators._targets import Target


@dataclass(frozen=True)
class Samples:
    """Checked samples.

    Parameters
    ----------
    X : list of str, csr_matrix or RaggedArray
        As ``Input.check`` returns it.
    y : ndarray
        The checked y, before it is encoded.
    encoded : ndarray
        The targets of the network, as ``Target.encode`` returns them.
    weights : ndarray of float64, of shape (n_samples,)
        Sample weights times class weights.
    sample_weight : ndarray of float64, of shape (n_samples,)
        The sample weights alone.
    positions : ndarray of int or object, of shape (n_samples,)
        Where the samples were in the X of the user, for messages.
    n_unlabeled : int, default=0
        How many of the last samples had no labels, and have predicted ones.
    """

    X: Any
    y: np.ndarray
    encoded: np.ndarray
    weights: np.ndarray
    sample_weight: np.ndarray
    positions: np.ndarray
    n_unlabeled: int = 0

    @classmethod
    def of(cls, X: Any, y: np.ndarray, sample_weight: np.ndarray, target: Target) -> Samples:
        """Return the samples with a weight > 0. The others teach nothing."""
        encoded = target.encode(y)
        weights = sample_weight * target.class_weights(encoded)
        rows = np.flatnonzero(weights)
        if len(rows) == 0:
            raise ValueError("Expected some sample of a class with a weight > 0; all weights are zero.")
        return cls(X, y, encoded, weights, sample_weight, np.arange(len(y))).take(rows)

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: np.ndarray) -> Samples:
        if len(rows) == len(self):
            return self
        X = self.X[rows] if hasattr(self.X, "shape") else [self.X[row] for row in rows]
        arrays = self.y, self.encoded, self.weights, self.sample_weight, self.positions
        y, encoded, weights, sample_weight, positions = (array[rows] for array in arrays)
        return Samples(X, y, encoded, weights, sample_weight, positions)

    def split(self, strata: np.ndarray, fraction: float, rng: np.random.Generator) -> tuple[Samples, Samples]:
        """Return samples for training and samples for validation, stratified."""
        validation = stratified_rows(strata, round(fraction * len(self)), rng)
        if len(validation) == 0:
            raise ValueError(
                f"validation_fraction={fraction} of {len(self)} samples gives no validation samples. Increase it, "
                "pass X_val and y_val, or set early_stopping=False."
            )
        return self.take(np.setdiff1d(np.arange(len(self)), validation)), self.take(validation)

    def loss_weights(self) -> np.ndarray | None:
        """Return the weights scaled to a mean of 1, or None if all are equal.

        With this mean, gradients and their clipping are as large as in unweighted training.
        """
        with np.errstate(over="ignore"):
            mean = self.weights.mean()
        if not np.isfinite(mean):
            raise ValueError("Expected sample weights times class weights with a finite sum. Scale them down.")
        weights = (self.weights / mean).astype(np.float32)
        return None if np.all(weights == 1) else weights


def n_rows(X: Any) -> int:
    return X.shape[0] if hasattr(X, "shape") else len(X)


def check_same_length(name: str, values: np.ndarray, X: Any) -> None:
    if len(values) != n_rows(X):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {n_rows(X)} in X, and {name} of length "
            f"{len(values)}."
        )


def check_sample_weight(weights: Any, X: Any) -> np.ndarray:
    """Return weights as an array of float64. None gives ones."""
    name = "sample_weight"
    if weights is None or isinstance(weights, Real):
        weights = np.full(n_rows(X), 1.0 if weights is None else weights)
    weights = check_finite(as_numbers(weights, name), name, ensure_2d=False, dtype=np.float64)
    if weights.ndim != 1:
        raise ValueError(f"Expected {name} to be one-dimensional, got an array of shape {weights.shape}.")
    check_same_length(name, weights, X)
    if weights.min() < 0:
        raise ValueError(f"Expected {name} >= 0; got {weights.min()} at position {weights.argmin()}.")
    if not np.any(weights):
        raise ValueError(f"Expected some sample with {name} > 0; all weights are zero.")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise ValueError(f"Expected {name} with a finite sum; got weights up to {weights.max()}. Scale them down.")
    return weights


def stratified_rows(strata: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the positions of ``n`` elements, spread evenly over the strata.

    A stratum of one element is left out. scikit-learn's stratified split raises an error for a class
    with one sample, and for more classes than validation samples. Texts often have both.
    """
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    _, stratum, counts = np.unique(strata[order], return_inverse=True, return_counts=True)
    order = order[counts[stratum] > 1]
    n = min(n, len(order) // 2)  # at most one of two neighbours is taken, so that each stratum keeps an element
    return order[np.floor((np.arange(n) + rng.random()) * len(order) / max(n, 1)).astype(np.intp)]
