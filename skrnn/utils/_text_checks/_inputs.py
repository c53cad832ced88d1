"""Checks of the documents, targets and sample weights that estimators take and reject."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import get_tags

from skrnn.utils._text_checks._tools import (
    Check,
    expect,
    expect_raises,
    expect_same,
    fit_clone,
    fit_predict,
    import_if_installed,
    is_deterministic,
    make_data,
    make_documents,
    predictions,
    take,
)


def yield_input_checks(estimator: Any) -> Iterator[Check]:
    tags = get_tags(estimator)
    yield check_text_unknown_documents
    if is_deterministic(estimator):
        yield check_text_document_containers
        yield check_text_target_containers
        if tags.target_tags.single_output:
            yield check_text_supervised_y_2d
    if not tags.no_validation:
        yield check_text_bare_string_refused
        yield check_text_no_text_refused
        yield check_text_no_documents_refused
        yield check_text_inconsistent_lengths
        yield check_text_supervised_y_no_nan
        if tags.target_tags.required:
            yield check_text_requires_y_none


def yield_sample_weight_checks(estimator: Any) -> Iterator[Check]:
    yield check_text_sample_weights_not_overwritten
    if is_deterministic(estimator):
        yield check_text_sample_weight_equivalence
        yield check_text_sample_weight_containers
    if not get_tags(estimator).no_validation:
        yield check_text_sample_weights_refused


# Documents


def check_text_unknown_documents(name: str, estimator: Any) -> None:
    """Check that empty documents, unknown words and other scripts get a prediction."""
    X, y = make_data(estimator)
    unusual = ["", "  \n\t", "unheard-of words", "雨が降った", "🌧️", "\x00", "rain" * 5000]
    fitted = fit_clone(estimator, [*X, ""], [*y, y[0]])
    for method, values in predictions(fitted, unusual).items():
        expect(
            len(values) == len(unusual) and (values.dtype.kind != "f" or np.all(np.isfinite(values))),
            f"Expected {method} of {name} to be finite for empty and unknown documents; got {values!r}.",
        )


def check_text_document_containers(name: str, estimator: Any) -> None:
    """Check that documents in any usual container give the same predictions."""
    documents, y = make_data(estimator)
    expected = fit_predict(estimator, documents, y)
    for container, X in _document_containers(documents).items():
        what = f"of {name} to be the same for documents in {container}"
        expect_same(fit_predict(estimator, X, y), expected, what)


def _document_containers(documents: list[str]) -> dict[str, Any]:
    containers: dict[str, Any] = {
        "a tuple": tuple(documents),
        "a list of numpy.str_": [np.str_(document) for document in documents],
        "an array of str": np.array(documents),
        "an array of objects": np.array(documents, dtype=object),
    }
    if hasattr(np.dtypes, "StringDType"):  # NumPy 2
        containers["an array of StringDType"] = np.array(documents, dtype=np.dtypes.StringDType())
    if pandas := import_if_installed("pandas"):
        index = _unusual_index(len(documents))
        containers["a pandas Series"] = pandas.Series(documents, dtype=object, index=index)
        containers["a pandas Series of strings"] = pandas.Series(documents, dtype="string", index=index)
    if polars := import_if_installed("polars"):
        containers["a polars Series"] = polars.Series(documents)
    return containers


def _unusual_index(n: int) -> np.ndarray:
    return np.arange(n)[::-1] * 2


def check_text_bare_string_refused(name: str, estimator: Any) -> None:
    """Check that X cannot be a single str, although it is an iterable of str."""
    X, y = make_data(estimator)
    fitted = fit_clone(estimator, X, y)
    with expect_raises(ValueError, f"when {name}.predict gets a single str as X"):
        fitted.predict("the rain")
    letters = "drywet"
    with expect_raises(ValueError, f"when {name}.fit gets a single str as X"):
        fit_clone(estimator, letters, y[: len(letters)])


def check_text_no_text_refused(name: str, estimator: Any) -> None:
    """Check that missing documents and numbers are rejected, not read as "None" or "nan"."""
    X, y = make_data(estimator)
    fitted = fit_clone(estimator, X, y)
    # scikit-learn's vectorizers call the method lower of any object.
    errors = (ValueError, TypeError, AttributeError)
    for missing in (None, math.nan, 3.5):
        with expect_raises(errors, f"when {name}.fit gets {missing!r} among the documents"):
            fit_clone(estimator, [*X[:-1], missing], y)
        with expect_raises(errors, f"when {name}.predict gets {missing!r} among the documents"):
            fitted.predict([*X[:3], missing])


def check_text_no_documents_refused(name: str, estimator: Any) -> None:
    """Check that an empty X is rejected."""
    X, y = make_data(estimator)
    fitted = fit_clone(estimator, X, y)
    containers: list[Any] = [[], np.array([], dtype=object)]
    for empty in containers:
        with expect_raises(ValueError, f"when {name}.fit gets no documents"):
            fit_clone(estimator, empty, y[:0])
        with expect_raises(ValueError, f"when {name}.predict gets no documents"):
            fitted.predict(empty)


# Targets


def check_text_target_containers(name: str, estimator: Any) -> None:
    """Check that targets in any usual container give the same predictions."""
    X, y = make_data(estimator)
    expected = fit_predict(estimator, X, y)
    for container, target in _target_containers(y).items():
        what = f"of {name} to be the same for a target in {container}"
        expect_same(fit_predict(estimator, X, target), expected, what)


def _target_containers(y: np.ndarray) -> dict[str, Any]:
    values = y.tolist()
    containers: dict[str, Any] = {"a list": values, "a tuple": tuple(values)}
    if pandas := import_if_installed("pandas"):
        index = _unusual_index(len(values))
        containers["a pandas Series"] = pandas.Series(values, index=index)
        if y.dtype.kind == "U":
            containers["a pandas Series of strings"] = pandas.Series(values, dtype="string", index=index)
            containers["a pandas Categorical"] = pandas.Categorical(values)
            containers["a categorical pandas Series"] = pandas.Series(values, dtype="category", index=index)
    if polars := import_if_installed("polars"):
        containers["a polars Series"] = polars.Series(values)
    if y.dtype.kind == "U":
        containers["an array of objects"] = y.astype(object)
    return containers


def check_text_supervised_y_2d(name: str, estimator: Any) -> None:
    """Check that a target with one column is the same as a one-dimensional target, and gives a warning."""
    X, y = make_data(estimator)
    expected = {"predict": fit_clone(estimator, X, y).predict(X)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataConversionWarning)
        fitted = fit_clone(estimator, X, y[:, None])
    actual = {"predict": fitted.predict(X).ravel()}
    expect_same(actual, expected, f"of {name} to be the same for a y with one column")
    if not get_tags(estimator).target_tags.multi_output:
        has_warned = any(issubclass(warning.category, DataConversionWarning) for warning in caught)
        expect(has_warned, f"Expected {name}.fit to give a DataConversionWarning for a y with one column.")


def check_text_inconsistent_lengths(name: str, estimator: Any) -> None:
    """Check that X and y of different lengths are rejected."""
    X, y = make_data(estimator)
    for n_documents, n_targets in ((len(X), len(y) - 1), (len(X) - 1, len(y))):
        with expect_raises(ValueError, f"when {name}.fit gets {n_documents} documents and {n_targets} targets"):
            fit_clone(estimator, X[:n_documents], y[:n_targets])


def check_text_requires_y_none(name: str, estimator: Any) -> None:
    """Check that fit without a target is rejected."""
    X, _ = make_data(estimator)
    with expect_raises(ValueError, f"when {name}.fit gets None as y"):
        fit_clone(estimator, X, None)


def check_text_supervised_y_no_nan(name: str, estimator: Any) -> None:
    """Check that a target with missing or infinite values is rejected."""
    X, which = make_documents()
    for value in (math.nan, math.inf):
        y = which.astype(float)
        y[3] = value
        with expect_raises(ValueError, f"when {name}.fit gets {value} in y"):
            fit_clone(estimator, X, y)


# Sample weights


def check_text_sample_weight_equivalence(name: str, estimator: Any) -> None:
    """Check that no weights are the same as weights of 1, and weight 0 the same as removal."""
    X, y = make_data(estimator)
    unweighted = fit_predict(estimator, X, y)
    ones = fit_predict(estimator, X, y, sample_weight=np.ones(len(y)))
    expect_same(ones, unweighted, f"of {name} to be the same for weights of 1 and without weights")
    none = fit_predict(estimator, X, y, sample_weight=None)
    expect_same(none, unweighted, f"of {name} to be the same for sample_weight=None and without weights")

    has_weight = np.arange(len(y)) % 3 != 0
    misleading = np.where(has_weight, y, y[::-1])  # the targets of weight 0 are wrong
    weighted = fit_clone(estimator, X, misleading, sample_weight=has_weight.astype(float))
    removed = fit_clone(estimator, take(X, has_weight), y[has_weight])
    expect_same(
        predictions(weighted, X), predictions(removed, X), f"of {name} to be the same for weight 0 and removal"
    )


def check_text_sample_weight_containers(name: str, estimator: Any) -> None:
    """Check that weights in any usual container give the same predictions, and stay unchanged."""
    X, y = make_data(estimator)
    weights = 1.0 + np.arange(len(y)) % 3
    containers: dict[str, Any] = {"a list": weights.tolist(), "an array of int": weights.astype(int)}
    if pandas := import_if_installed("pandas"):
        containers["a pandas Series"] = pandas.Series(weights, index=_unusual_index(len(y)))
    weights.flags.writeable = False
    expected = fit_predict(estimator, X, y, sample_weight=weights)
    for container, values in containers.items():
        before = joblib.hash(values)
        actual = fit_predict(estimator, X, y, sample_weight=values)
        expect_same(actual, expected, f"of {name} to be the same for sample_weight in {container}")
        expect(joblib.hash(values) == before, f"Expected {name}.fit not to change sample_weight in {container}.")


def check_text_sample_weights_not_overwritten(name: str, estimator: Any) -> None:
    """Check that fit does not change an array of weights."""
    X, y = make_data(estimator)
    weights = 1.0 + np.arange(len(y)) % 3
    before = weights.copy()
    fit_clone(estimator, X, y, sample_weight=weights)
    np.testing.assert_array_equal(weights, before, err_msg=f"Expected {name}.fit not to change sample_weight")


def check_text_sample_weights_refused(name: str, estimator: Any) -> None:
    """Check that weights of another shape are rejected, and weights that are all 0."""
    X, y = make_data(estimator)
    n = len(y)
    for weights in (np.ones(n + 1), np.ones((n, 2)), np.zeros(n)):
        what = f"when {name}.fit gets {n} documents and sample_weight of shape {weights.shape}"
        what += "" if np.any(weights) else ", all 0"
        with expect_raises(ValueError, what):
            fit_clone(estimator, X, y, sample_weight=weights)
