"""Splits of the samples with which a meta-estimator fits and predicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any, cast

import numpy as np
from scipy import sparse
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

from skrnn.utils._parameters import Where

SPLITS = Where(
    "a cross-validation generator or a list of splits",
    lambda cv: isinstance(cv, list | tuple) or (hasattr(cv, "split") and not isinstance(cv, str | type)),
)


def positions_of_splits(cv: Any, targets: np.ndarray, *, is_class: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the positions of the training and test samples of each split.

    Parameters
    ----------
    cv : int, cross-validation generator or list of splits
        Folds of an int are shuffled, always in the same way. They are stratified if each class has enough samples.
    targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    is_class : bool
        Whether the targets are classes, one for each sample.

    Raises
    ------
    ValueError
        If a split is not a pair of positions.
    """
    if isinstance(cv, Integral):
        is_stratified = is_class and np.unique(targets, return_counts=True)[1].min() >= cv
        cv = (StratifiedKFold if is_stratified else KFold)(cv, shuffle=True, random_state=0)
    every = np.arange(len(targets))
    try:
        return [(every[train], every[test]) for train, test in check_cv(cv).split(every, targets)]
    except (TypeError, IndexError) as error:
        raise ValueError(
            f"Expected each split of cv to be a pair of positions for training and test; {error}"
        ) from error


def rereadable(X: Any) -> Any:
    """Return X as something that can be read again and indexed. What no estimator takes stays as it is."""
    if sparse.issparse(X):
        return sparse.csr_matrix(cast(Any, X))
    is_collection = isinstance(X, Iterable) and not isinstance(X, str | bytes | Mapping | set | frozenset)
    return list(X) if is_collection and len(getattr(X, "shape", ())) < 2 else X
