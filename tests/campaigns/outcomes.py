"""How a case of a campaign ends, and checks that several campaigns use."""

import numpy as np
from conftest import outputs


class Refused(Exception):  # noqa: N818
    """The package refused the input with a clear error."""


class Finding(Exception):  # noqa: N818
    """The package did something wrong. The details differ between findings of one kind."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message, details)
        self.message, self.details = message, details


def require(condition: object, message: str, details: str = "") -> None:
    if not condition:
        raise Finding(message, details)


def require_equal(actual: np.ndarray, expected: np.ndarray, tolerance: float, message: str) -> None:
    require(actual.shape == expected.shape, f"{message}: shape {actual.shape} in place of {expected.shape}")
    difference = np.abs(actual - expected).max(initial=0)
    require(difference <= tolerance, f"{message}: outputs differ by {difference:.2g}")


def checked_outputs(estimator, X) -> np.ndarray:
    """Return the predictions, after a check that they are finite, and that probabilities sum to 1."""
    values = outputs(estimator, X)
    require(np.isfinite(values).all(), "predictions are not finite")
    if hasattr(estimator, "predict_proba") and estimator.predict(X).ndim == 1:  # not multilabel
        require((values >= 0).all() and np.allclose(values.sum(axis=1), 1, 0, 1e-6), "not a distribution")
    return values


def shown(value: object) -> str:
    try:
        return f"{type(value).__name__} {value!a:.100}"
    except Exception:
        return type(value).__name__
