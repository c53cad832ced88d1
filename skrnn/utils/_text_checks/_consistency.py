"""Checks that the same data give the same predictions: after refits, after saving, in pipelines and searches."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline

from skrnn.utils._text_checks._tools import (
    Check,
    comparable_params,
    expect,
    expect_same,
    fit_clone,
    fit_predict,
    has_type_classifier,
    is_deterministic,
    make_data,
    predictions,
    seeded_clone,
    with_new_word,
)

# scikit-learn's default is a number, from which type checkers infer that it must be one.
_RAISE: Any = "raise"


def yield_consistency_checks(estimator: Any) -> Iterator[Check]:
    yield check_text_pickle
    yield check_text_memory_mapped_estimator
    yield check_text_cross_val_score
    if is_deterministic(estimator):
        yield check_text_sample_order_invariance
        yield check_text_subset_invariance
        yield check_text_fit_idempotent
        yield check_text_refit_forgets
        yield check_text_pipeline_consistency
        yield check_text_grid_search
        yield check_text_readonly_memmap_input
        if hasattr(estimator, "partial_fit"):
            yield check_text_fit_forgets_partial_fit


def check_text_fit_idempotent(name: str, estimator: Any) -> None:
    """Check that a second fit on the same data changes nothing."""
    X, y = make_data(estimator)
    fitted = fit_clone(estimator, X, y)
    first = predictions(fitted, X)
    fitted.fit(X, y)
    expect_same(predictions(fitted, X), first, f"of {name} to be the same after a second fit")
    expect_same(fit_predict(fitted, X, y), first, f"of a clone of {name} to be the same")


def check_text_refit_forgets(name: str, estimator: Any) -> None:
    """Check that nothing remains of an earlier fit on other data."""
    X, y = make_data(estimator)
    other_X, other_y = make_data(estimator, words=("warm", "cold", "mild"), seed=1)
    fresh = fit_clone(estimator, X, y)
    refitted = fit_clone(estimator, with_new_word(other_X), other_y[::-1])
    refitted.fit(X, y)
    extra = vars(refitted).keys() - vars(fresh).keys()
    expect(not extra, f"Expected a second fit of {name} to remove the attributes {sorted(extra)} of the first.")
    expect_same(predictions(refitted, X), predictions(fresh, X), f"of {name} to forget an earlier fit")


def check_text_fit_forgets_partial_fit(name: str, estimator: Any) -> None:
    """Check that nothing remains of an earlier partial_fit after fit."""
    X, y = make_data(estimator)
    classes = {"classes": np.unique(y)} if has_type_classifier(estimator) else {}
    refitted = seeded_clone(estimator)
    refitted.partial_fit(X, y[::-1], **classes)
    refitted.fit(X, y)
    expected = fit_predict(estimator, X, y)
    expect_same(predictions(refitted, X), expected, f"of {name} to be the same after partial_fit and fit")


def check_text_sample_order_invariance(name: str, estimator: Any) -> None:
    """Check that predictions do not depend on the order of the documents."""
    X, y = make_data(estimator)
    fitted = fit_clone(estimator, X, y)
    order = np.random.default_rng(1).permutation(len(X))
    expected = {method: values[order] for method, values in predictions(fitted, X).items()}
    actual = predictions(fitted, [X[i] for i in order])
    expect_same(actual, expected, f"of {name} not to depend on the order of the documents")


def check_text_subset_invariance(name: str, estimator: Any) -> None:
    """Check that a prediction does not depend on other documents."""
    X, y = make_data(estimator)
    fitted = fit_clone(estimator, X, y)
    X = [*X[:20], "", "the rain " * 100]  # documents of very different lengths
    expected = predictions(fitted, X)
    alone = [predictions(fitted, [document]) for document in X]
    actual = {method: np.concatenate([values[method] for values in alone]) for method in expected}
    expect_same(actual, expected, f"of {name} to be the same for each document alone")


def check_text_pickle(name: str, estimator: Any) -> None:
    """Check that the estimator can be pickled, unfitted and fitted."""
    X, y = make_data(estimator)
    unfitted = pickle.loads(pickle.dumps(clone(estimator)))  # noqa: S301 - pickled in the same line
    expect(
        comparable_params(unfitted) == comparable_params(estimator),
        f"Expected an unpickled {name} to have the same parameters.",
    )
    fitted = fit_clone(estimator, X, y)
    loaded = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - pickled in the same line
    expect_same(predictions(loaded, X), predictions(fitted, X), f"of an unpickled {name} to be the same")


def check_text_memory_mapped_estimator(name: str, estimator: Any) -> None:
    """Check that the estimator predicts from a memory-mapped file, as in joblib's workers."""
    X, y = make_data(estimator)
    fitted = fit_clone(estimator, X, y)
    with _memory_mapped(fitted) as mapped:
        actual = predictions(mapped, X)
    expect_same(actual, predictions(fitted, X), f"of a memory-mapped {name} to be the same")


def check_text_readonly_memmap_input(name: str, estimator: Any) -> None:
    """Check that the estimator takes read-only data."""
    X, y = make_data(estimator)
    expected = fit_predict(estimator, X, y)
    with _memory_mapped((np.array(X), y)) as (mapped_X, mapped_y):
        actual = fit_predict(estimator, mapped_X, mapped_y)
    expect_same(actual, expected, f"of {name} to be the same for memory-mapped data")
    objects = np.array(X, dtype=object)
    objects.flags.writeable = False
    expect_same(fit_predict(estimator, objects, y), expected, f"of {name} to be the same for a read-only array")


@contextmanager
def _memory_mapped(value: Any) -> Iterator[Any]:
    # Windows cannot delete a file that is still mapped.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "value.joblib"
        joblib.dump(value, path)
        yield joblib.load(path, mmap_mode="r")


def check_text_pipeline_consistency(name: str, estimator: Any) -> None:
    """Check that predictions are the same in a Pipeline."""
    X, y = make_data(estimator)
    pipeline = Pipeline([("nothing", "passthrough"), ("model", seeded_clone(estimator))])
    pipeline.fit(X, y)
    expect_same(predictions(pipeline, X), fit_predict(estimator, X, y), f"of {name} to be the same in a Pipeline")


def check_text_cross_val_score(name: str, estimator: Any) -> None:
    """Check that cross-validation with an integer ``cv`` works on documents that are sorted by target."""
    X, y = make_data(estimator)
    order = np.argsort(y, kind="stable")
    scores = cross_val_score(seeded_clone(estimator), [X[i] for i in order], y[order], cv=2, error_score=_RAISE)
    expect(np.all(np.isfinite(scores)), f"Expected finite scores of {name} in a cross-validation; got {scores}.")
    expect(
        np.all(scores > 0) or not has_type_classifier(estimator),
        f"Expected each fold of a cross-validation of {name} to contain all classes; the accuracies are {scores}.",
    )


def check_text_grid_search(name: str, estimator: Any) -> None:
    """Check that predictions are the same after a grid search over a Pipeline."""
    X, y = make_data(estimator)
    pipeline = Pipeline([("model", seeded_clone(estimator))])
    search = GridSearchCV(pipeline, {"model": [seeded_clone(estimator)]}, cv=2, error_score=_RAISE).fit(X, y)
    expect(np.isfinite(search.best_score_), f"Expected a finite score of {name}; got {search.best_score_}.")
    expected = fit_predict(estimator, X, y)
    expect_same(predictions(search, X), expected, f"of {name} to be the same after a search")
