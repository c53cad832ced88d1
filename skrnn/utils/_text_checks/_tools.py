"""Documents to learn from, fits, and comparisons, for the checks of text estimators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import joblib
import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, clone, is_classifier, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

Check = Callable[[str, Any], None]
Predictions = dict[str, np.ndarray]

# predict_log_proba has a separate check, because a logarithm enlarges rounding errors.
METHODS = ("predict", "predict_proba", "decision_function")

# In float32, a sum in another order differs in the seventh digit.
RTOL, ATOL = 1e-5, 1e-6

TWO_WORDS, THREE_WORDS = ("dry", "wet"), ("dry", "wet", "icy")

_FILLERS = ("the", "rain", "came", "over", "hills", "by", "night", "and", "nobody", "saw", "it", "then")


# Estimators


def has_type_classifier(estimator: Any) -> bool:
    # A class with the mixin but wrong tags must get the check that finds the mistake.
    return is_classifier(estimator) or isinstance(estimator, ClassifierMixin)


def has_type_regressor(estimator: Any) -> bool:
    return is_regressor(estimator) or isinstance(estimator, RegressorMixin)


def has_poor_score(estimator: Any) -> bool:
    tags = get_tags(estimator)
    type_tags = tags.classifier_tags if has_type_classifier(estimator) else tags.regressor_tags
    return type_tags is not None and type_tags.poor_score


def is_deterministic(estimator: Any) -> bool:
    return not get_tags(estimator).non_deterministic


def seeded_clone(estimator: Any) -> Any:
    """Return an unfitted copy that gives the same results each time."""
    estimator = clone(estimator)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    return estimator


def fit_clone(estimator: Any, X: Any, y: Any, **fit_params: Any) -> Any:
    """Return a fitted copy. The value that ``fit`` returns is left to one check."""
    estimator = seeded_clone(estimator)
    estimator.fit(X, y, **fit_params)
    return estimator


def predictions(estimator: Any, X: Any) -> Predictions:
    """Return the predictions of each method that the estimator has."""
    return {name: np.asarray(getattr(estimator, name)(X)) for name in METHODS if hasattr(estimator, name)}


def fit_predict(estimator: Any, X: Any, y: Any, **fit_params: Any) -> Predictions:
    """Return the predictions of a fitted copy for the documents that it was fitted on."""
    return predictions(fit_clone(estimator, X, y, **fit_params), X)


def comparable_params(estimator: Any) -> dict[str, Any]:
    """Return the parameters in a form that ``==`` compares. A nested estimator counts by its type.

    The list of steps of a Pipeline is left out: a Pipeline fits the steps that it is given.
    """
    params = estimator.get_params()
    if isinstance(estimator, Pipeline):
        del params["steps"]
    return {
        name: type(value) if hasattr(value, "get_params") else joblib.hash(value) for name, value in params.items()
    }


# Data


def make_documents(
    words: Sequence[str] = TWO_WORDS, n_documents: int = 60, seed: int = 0
) -> tuple[list[str], np.ndarray]:
    """Return documents that contain one of the words among fillers, and the index of that word in each."""
    rng = np.random.default_rng(seed)
    which = rng.permutation(np.arange(n_documents) % len(words))
    documents = []
    for index in which:
        tokens = rng.choice(_FILLERS, size=rng.integers(3, 9)).tolist()
        tokens.insert(rng.integers(len(tokens) + 1), words[index])
        documents.append(" ".join(tokens))
    return documents, which


def make_target(estimator: Any, which: np.ndarray) -> np.ndarray:
    """Return a class or a number that depends on the word in each document."""
    if has_type_classifier(estimator):
        return np.array(["calm", "rough", "wild"])[which]
    noise = np.random.default_rng(0).normal(scale=0.05, size=len(which))
    return 2.0 * which - 1 + noise


def make_data(
    estimator: Any, words: Sequence[str] = TWO_WORDS, n_documents: int = 60, seed: int = 0
) -> tuple[list[str], np.ndarray]:
    """Return documents and a target that can be learned from them."""
    documents, which = make_documents(words, n_documents, seed)
    return documents, make_target(estimator, which)


def take(documents: list[str], mask: np.ndarray) -> list[str]:
    """Return the documents for which a mask is true."""
    return [documents[i] for i in np.flatnonzero(mask)]


def with_new_word(documents: list[str]) -> list[str]:
    """Return the documents with a word that no other document has."""
    return [f"{document} unheard" for document in documents]


def import_if_installed(name: str) -> Any:
    """Return an optional package, or None."""
    return import_module(name) if find_spec(name) is not None else None


# Expectations. They are no assert statements, so that they also hold under ``python -O``.


def expect(condition: Any, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def expect_shape(array: np.ndarray, shape: tuple[int, ...], subject: str) -> None:
    expect(array.shape == shape, f"Expected {subject} of shape {shape}; got {array.shape}.")


def expect_same(actual: Predictions, expected: Predictions, what: str) -> None:
    """Raise AssertionError unless labels are equal and numbers are equal within rounding errors."""
    for method, values in expected.items():
        message = f"Expected {method} {what}"
        if values.dtype.kind == "f":
            np.testing.assert_allclose(actual[method], values, rtol=RTOL, atol=ATOL, err_msg=message)
        else:
            np.testing.assert_array_equal(actual[method], values, err_msg=message)


@contextmanager
def expect_raises(errors: type[Exception] | tuple[type[Exception], ...], what: str) -> Iterator[None]:
    """Raise AssertionError unless the block raises one of the errors."""
    errors = errors if isinstance(errors, tuple) else (errors,)
    expected = f"Expected {' or '.join(error.__name__ for error in errors)} {what}"
    try:
        yield
    except errors:
        return
    except Exception as error:
        raise AssertionError(f"{expected}; got {type(error).__name__}: {error}") from error
    raise AssertionError(f"{expected}; nothing was raised.")
