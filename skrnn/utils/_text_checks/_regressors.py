"""Checks of regressors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import get_tags

from skrnn.utils._text_checks._tools import (
    Check,
    expect,
    expect_same,
    expect_shape,
    fit_clone,
    fit_predict,
    has_poor_score,
    is_deterministic,
    make_data,
    make_documents,
    seeded_clone,
    with_new_word,
)


def yield_regressor_checks(estimator: Any) -> Iterator[Check]:
    yield check_text_regressors_train
    if is_deterministic(estimator):
        yield check_text_regressors_int
    if get_tags(estimator).target_tags.multi_output:
        yield check_text_regressors_multioutput
    yield check_text_regressors_no_decision_function
    if hasattr(estimator, "partial_fit"):
        yield check_text_partial_fit_regressor


def check_text_regressors_train(name: str, estimator: Any) -> None:
    """Check that the regressor learns a number that depends on a word."""
    X, y = make_data(estimator)
    regressor = fit_clone(estimator, X, y)
    _expect_floats(regressor.predict(X), y.shape, name)
    score = regressor.score(X, y)
    expect(
        score > 0.5 or has_poor_score(estimator),
        f"Expected {name} to learn to a score > 0.5; got {score:.2f}.",
    )


def check_text_regressors_int(name: str, estimator: Any) -> None:
    """Check that integers and floats of the same value are the same target."""
    X, which = make_documents()
    expected = fit_predict(estimator, X, which.astype(float))
    actual = fit_predict(estimator, X, which)
    expect_same(actual, expected, f"of {name} to be the same for y of int and of float")


def check_text_regressors_multioutput(name: str, estimator: Any) -> None:
    """Check that several numbers are predicted for each document."""
    X, y = make_data(estimator)
    Y = np.column_stack([y, -y, y + 1])
    _expect_floats(fit_clone(estimator, X, Y).predict(X), Y.shape, name)


def _expect_floats(predicted: np.ndarray, shape: tuple[int, ...], name: str) -> None:
    expect_shape(predicted, shape, f"predict of {name}")
    expect(predicted.dtype.kind == "f", f"Expected {name} to predict floats; got {predicted.dtype}.")


def check_text_regressors_no_decision_function(name: str, estimator: Any) -> None:
    """Check that a regressor has no methods of a classifier."""
    fitted = fit_clone(estimator, *make_data(estimator))
    methods = ("decision_function", "predict_proba", "predict_log_proba")
    found = [method for method in methods if hasattr(fitted, method)]
    expect(not found, f"Expected the regressor {name} to have no methods of a classifier; it has {found}.")


def check_text_partial_fit_regressor(name: str, estimator: Any) -> None:
    """Check that each chunk changes the regressor, also with new words."""
    X, y = make_data(estimator)
    estimator = seeded_clone(estimator)
    returned = estimator.partial_fit(X[:30], y[:30])
    expect(
        returned is estimator, f"Expected {name}.partial_fit to return the estimator; it returned {returned!r}."
    )
    before = estimator.predict(X)
    after = estimator.partial_fit(with_new_word(X[30:]), y[30:]).predict(X)
    expect(np.all(np.isfinite(after)), f"Expected finite predictions of {name} after partial_fit; got {after}.")
    expect(not np.array_equal(before, after), f"Expected {name} to learn from a second chunk; nothing changed.")
