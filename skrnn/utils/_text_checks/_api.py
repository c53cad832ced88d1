"""Checks of parameters, fitted state and methods: the conventions that hold for any estimator."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import Any

import joblib
import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skrnn.utils._text_checks._tools import (
    METHODS,
    Check,
    comparable_params,
    expect,
    expect_raises,
    fit_clone,
    make_data,
    predictions,
    seeded_clone,
)


def yield_api_checks(estimator: Any) -> Iterator[Check]:
    yield check_text_estimator_cloneable
    yield check_text_no_attributes_set_in_init
    yield check_text_do_not_raise_errors_in_init_or_set_params
    yield check_text_get_and_set_params
    yield check_text_estimator_type
    yield check_text_fit_score_takes_y
    yield check_text_fit_returns_self
    if get_tags(estimator).requires_fit:
        yield check_text_unfitted
    yield check_text_fit_keeps_parameters
    yield check_text_fit_attributes
    yield check_text_fit_keeps_its_input
    yield check_text_dict_unchanged
    if {"max_iter", "epochs"} & estimator.get_params(deep=False).keys():
        yield check_text_n_iter


def check_text_estimator_cloneable(name: str, estimator: Any) -> None:
    """Check that a clone has the same parameters and is unfitted."""
    params, cloned = comparable_params(estimator), comparable_params(clone(estimator))
    different = sorted(param for param in params if params[param] != cloned.get(param))
    expect(not different, f"Expected a clone of {name} to have the same parameters; {different} differ.")
    fitted = fit_clone(estimator, *make_data(estimator))
    learned = vars(clone(fitted)).keys() - vars(seeded_clone(estimator)).keys()
    expect(not learned, f"Expected a clone of a fitted {name} to be unfitted; it has {sorted(learned)}.")


def check_text_no_attributes_set_in_init(name: str, estimator: Any) -> None:
    """Check that the constructor stores the parameters unchanged, and nothing else."""
    cloned: Any = clone(estimator)
    params = cloned.get_params(deep=False)
    built = type(estimator)(**params)
    extra = vars(built).keys() - params.keys()
    expect(not extra, f"Expected {name}.__init__ to set only its parameters; it also sets {sorted(extra)}.")
    for param, value in params.items():
        stored = getattr(built, param)
        expect(stored is value, f"Expected {name}.__init__ to store {param}={value!r} unchanged; got {stored!r}.")


def check_text_do_not_raise_errors_in_init_or_set_params(name: str, estimator: Any) -> None:
    """Check that parameters are validated in fit only, so that they can be set in any order."""
    params = signature(type(estimator)).parameters
    unusual: list[Any] = [-1, 3.0, "helloworld", np.array([1.0, 4.0]), [1], {}, []]
    for value in unusual:
        values = dict.fromkeys(params, value)
        try:
            type(estimator)(**values).set_params(**values)
        except Exception as error:
            raise AssertionError(
                f"Expected {name} to take any value in __init__ and set_params; {value!r} raised {error!r}."
            ) from error


def check_text_get_and_set_params(name: str, estimator: Any) -> None:
    """Check that set_params restores the result of get_params, and rejects unknown names."""
    estimator = seeded_clone(estimator)
    shallow, deep = estimator.get_params(deep=False), estimator.get_params(deep=True)
    expect(
        shallow.keys() <= deep.keys(),
        f"Expected get_params(deep=True) of {name} to contain the parameters of get_params(deep=False).",
    )
    before = comparable_params(estimator)
    expect(estimator.set_params(**shallow) is estimator, f"Expected {name}.set_params to return the estimator.")
    expect(
        comparable_params(estimator) == before,
        f"Expected set_params(**get_params()) to leave the parameters of {name} unchanged.",
    )
    with expect_raises(ValueError, f"when {name}.set_params gets an unknown parameter"):
        estimator.set_params(no_such_parameter=1)


def check_text_estimator_type(name: str, estimator: Any) -> None:
    """Check that tags agree with mixins: scorers and an integer ``cv`` depend on the tags."""
    for mixin, is_type in ((ClassifierMixin, is_classifier), (RegressorMixin, is_regressor)):
        expect(
            is_type(estimator) or not isinstance(estimator, mixin),
            f"Expected {is_type.__name__} to be True for {name}, which inherits from {mixin.__name__}; got False. "
            "List mixins before BaseEstimator.",
        )


def check_text_fit_score_takes_y(name: str, estimator: Any) -> None:
    """Check that fit and score take X and y, and that score returns a number."""
    for method in ("fit", "score"):
        arguments = list(signature(getattr(estimator, method)).parameters)[:2]
        expect(arguments == ["X", "y"], f"Expected {name}.{method} to take X and y; it takes {arguments}.")
    X, y = make_data(estimator)
    score = fit_clone(estimator, X, y).score(X, y)
    expect(np.ndim(score) == 0 and np.isfinite(score), f"Expected {name}.score to be a number; got {score!r}.")


def check_text_fit_returns_self(name: str, estimator: Any) -> None:
    """Check that fit returns the estimator."""
    estimator = seeded_clone(estimator)
    returned = estimator.fit(*make_data(estimator))
    expect(returned is estimator, f"Expected {name}.fit to return the estimator; it returned {returned!r}.")


def check_text_unfitted(name: str, estimator: Any) -> None:
    """Check that methods raise NotFittedError before fit, and that ``check_is_fitted`` works."""
    estimator = seeded_clone(estimator)
    X, y = make_data(estimator)
    for method in (*METHODS, "predict_log_proba"):
        if hasattr(estimator, method):
            with expect_raises(NotFittedError, f"when {name}.{method} is called before fit"):
                getattr(estimator, method)(X)
    with expect_raises(NotFittedError, f"from check_is_fitted of an unfitted {name}"):
        check_is_fitted(estimator)
    estimator.fit(X, y)
    check_is_fitted(estimator)


def check_text_fit_keeps_parameters(name: str, estimator: Any) -> None:
    """Check that fit changes neither parameters nor the estimators among them."""
    estimator = seeded_clone(estimator)
    before, nested = comparable_params(estimator), _nested_states(estimator)
    estimator.fit(*make_data(estimator))
    after = comparable_params(estimator)
    changed = [param for param in before if before[param] != after[param]]
    changed += [param for param, state in _nested_states(estimator).items() if state != nested[param]]
    expect(
        not changed, f"Expected {name}.fit to leave the parameters unchanged; it changed {sorted(set(changed))}."
    )


def _nested_states(estimator: Any) -> dict[str, Any]:
    if isinstance(estimator, Pipeline):  # a Pipeline fits the steps that it is given
        return {}
    params = estimator.get_params(deep=False).items()
    return {name: joblib.hash(vars(value)) for name, value in params if hasattr(value, "get_params")}


def check_text_fit_attributes(name: str, estimator: Any) -> None:
    """Check that the attributes that fit adds begin or end with an underscore."""
    estimator = seeded_clone(estimator)
    before = set(vars(estimator))
    estimator.fit(*make_data(estimator))
    added = set(vars(estimator)) - before
    wrong = sorted(attribute for attribute in added if not (attribute.startswith("_") or attribute.endswith("_")))
    expect(not wrong, f"Expected the attributes that {name}.fit adds to begin or end with '_'; got {wrong}.")


def check_text_fit_keeps_its_input(name: str, estimator: Any) -> None:
    """Check that fit and predict do not change X and y."""
    documents, y = make_data(estimator)
    for X in (documents, np.array(documents, dtype=object)):
        before = joblib.hash((X, y))
        predictions(fit_clone(estimator, X, y), X)
        kind = type(X).__name__
        expect(joblib.hash((X, y)) == before, f"Expected {name} not to change y and an X of type {kind}.")


def check_text_dict_unchanged(name: str, estimator: Any) -> None:
    """Check that predicting and scoring do not change the estimator."""
    X, y = make_data(estimator)
    estimator = fit_clone(estimator, X, y)
    for method in (*METHODS, "predict_log_proba", "score"):
        if hasattr(estimator, method):
            before = joblib.hash(vars(estimator))
            getattr(estimator, method)(*((X, y) if method == "score" else (X,)))
            after = joblib.hash(vars(estimator))
            expect(after == before, f"Expected {name}.{method} not to change the estimator; it did.")


def check_text_n_iter(name: str, estimator: Any) -> None:
    """Check that an iterative estimator reports its number of iterations."""
    n_iter = getattr(fit_clone(estimator, *make_data(estimator)), "n_iter_", None)
    expect(
        n_iter is not None and np.all(np.asarray(n_iter) >= 1),
        f"Expected {name} to have n_iter_ >= 1 after fit; got {n_iter}.",
    )
