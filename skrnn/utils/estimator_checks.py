"""Checks that an estimator of raw text keeps scikit-learn's conventions.

scikit-learn's ``check_estimator`` feeds numbers in two dimensions, and has next to nothing to say to an estimator
whose X is a list of documents. Here its checks are carried over to such X, for classifiers and regressors, with
entry points that work as scikit-learn's do. The module knows no estimator of this package: it holds any to the
same rules, a ``Pipeline`` of a ``TfidfVectorizer`` and a ``LogisticRegression`` among them.
"""

import math
import pickle
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from unittest import SkipTest

import joblib
import numpy as np
from sklearn import config_context
from sklearn.base import ClassifierMixin, RegressorMixin, clone, is_classifier, is_regressor
from sklearn.exceptions import DataConversionWarning, EstimatorCheckFailedWarning, NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

__all__ = ["check_text_estimator", "parametrize_with_text_checks", "yield_text_checks"]

# predict_log_proba is left to its own check: a logarithm blows up rounding errors.
_METHODS = ("predict", "predict_proba", "decision_function")

# In float32, a sum in another order differs in the seventh digit.
_RTOL, _ATOL = 1e-5, 1e-6

_FILLERS = ("the", "rain", "came", "over", "hills", "by", "night", "and", "nobody", "saw", "it", "then")


# ---------------------------------------------------------------------------------------------------------------
# Entry points
# ---------------------------------------------------------------------------------------------------------------


def yield_text_checks(estimator) -> Iterator[tuple[object, Callable]]:
    """Yield the checks that apply to an estimator of raw text.

    Its tags and methods decide which: the checks of a classifier or of a regressor, those of ``sample_weight``
    if ``fit`` has such a parameter, those of ``partial_fit`` and ``predict_proba`` if there are such methods.

    Parameters
    ----------
    estimator : estimator object
        A classifier or regressor whose X is an iterable of str. It is cloned, never fitted itself.

    Yields
    ------
    estimator : estimator object
        The estimator that was passed.
    check : callable
        Call it with the estimator. It raises AssertionError, or the estimator's own error, if the check fails,
        and ``unittest.SkipTest`` if it cannot run.

    Raises
    ------
    TypeError
        If the estimator is a class, or neither classifier nor regressor.

    See Also
    --------
    check_text_estimator : Run the checks.
    parametrize_with_text_checks : Make each check a test of pytest.

    Examples
    --------
    >>> from skrnn import RNNTextClassifier
    >>> from skrnn.utils.estimator_checks import yield_text_checks
    >>> names = [check.func.__name__ for _, check in yield_text_checks(RNNTextClassifier())]
    >>> "check_text_refit_forgets" in names
    True
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"Expected an instance of an estimator, got the class {estimator.__name__}; instantiate it."
        )
    if not (_is_classifier(estimator) or _is_regressor(estimator)):
        raise TypeError(f"Expected a classifier or regressor of text; {estimator!r} is neither.")
    name = type(estimator).__name__
    for check in _checks_for(estimator):
        yield estimator, partial(check, name)


def check_text_estimator(
    estimator,
    *,
    expected_failed_checks: dict[str, str] | None = None,
    on_skip: str | None = "warn",
    on_fail: str | None = "raise",
    callback: Callable | None = None,
) -> list[dict]:
    """Check that an estimator of raw text keeps scikit-learn's conventions.

    What ``sklearn.utils.estimator_checks.check_estimator`` is to estimators of numbers.

    Parameters
    ----------
    estimator : estimator object
        A classifier or regressor whose X is an iterable of str. It is cloned, never fitted itself.
    expected_failed_checks : dict of str to str, default=None
        Names of checks that are known to fail, and why.
    on_skip : "warn" or None, default="warn"
        Whether a check that cannot run gives a ``SkipTestWarning``.
    on_fail : "raise", "warn" or None, default="raise"
        Whether the first failure that is not expected is raised, each gives an ``EstimatorCheckFailedWarning``,
        or failures are only noted in the results.
    callback : callable or None, default=None
        Called with each result, as keywords. Cannot be combined with ``on_fail="raise"``.

    Returns
    -------
    results : list of dict
        For each check: "estimator", "check_name", "exception" (or None), "status" ("passed", "failed", "xfail"
        or "skipped"), "expected_to_fail" and "expected_to_fail_reason".

    Raises
    ------
    Exception
        What the first failing check raised, with ``on_fail="raise"``.

    See Also
    --------
    parametrize_with_text_checks : Make each check a test of pytest.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn.utils.estimator_checks import check_text_estimator
    >>> results = check_text_estimator(make_pipeline(TfidfVectorizer(), LogisticRegression()))
    >>> {result["status"] for result in results}
    {'passed'}
    """
    if on_skip not in ("warn", None):
        raise ValueError(f"Expected on_skip to be 'warn' or None; got {on_skip!r}.")
    if on_fail not in ("raise", "warn", None):
        raise ValueError(f"Expected on_fail to be 'raise', 'warn' or None; got {on_fail!r}.")
    if on_fail == "raise" and callback is not None:
        raise ValueError("callback cannot be combined with on_fail='raise'; pass on_fail='warn' or None.")
    results = []
    for _, check in yield_text_checks(estimator):
        result = _run(estimator, check, expected_failed_checks or {})
        if result["status"] == "failed" and on_fail == "raise":
            raise result["exception"]
        if result["status"] in ("failed", "xfail") and on_fail == "warn":
            warnings.warn(EstimatorCheckFailedWarning(**result), stacklevel=2)
        if result["status"] == "skipped" and on_skip == "warn":
            message = f"Skipped {result['check_name']} for {type(estimator).__name__}: {result['exception']}"
            warnings.warn(message, SkipTestWarning, stacklevel=2)
        results.append(result)
        if callback is not None:
            callback(**result)
    return results


def parametrize_with_text_checks(
    estimators,
    *,
    expected_failed_checks: Callable | None = None,
    xfail_strict: bool | None = None,
):
    """Make each check of each estimator a test of pytest.

    What ``sklearn.utils.estimator_checks.parametrize_with_checks`` is to estimators of numbers.

    Parameters
    ----------
    estimators : list of estimator objects
        Classifiers and regressors whose X is an iterable of str.
    expected_failed_checks : callable, default=None
        Takes an estimator and returns a dict: names of checks that are known to fail, and why. Their tests are
        marked xfail.
    xfail_strict : bool, default=None
        Whether a check that passes against expectation fails the test; None for what pytest is configured to.

    Returns
    -------
    decorator : pytest.mark.parametrize
        For a test with the arguments ``estimator`` and ``check``.

    See Also
    --------
    check_text_estimator : Run the checks without pytest.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn.utils.estimator_checks import parametrize_with_text_checks
    >>> @parametrize_with_text_checks([make_pipeline(TfidfVectorizer(), LogisticRegression())])
    ... def test_keeps_the_conventions(estimator, check):
    ...     check(estimator)
    """
    import pytest

    strictness = {} if xfail_strict is None else {"strict": xfail_strict}
    params = []
    for estimator in estimators:
        expected = expected_failed_checks(estimator) if expected_failed_checks is not None else {}
        for _, check in yield_text_checks(estimator):
            reason = expected.get(check.func.__name__)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason, **strictness)]
            params.append(pytest.param(estimator, check, marks=marks))
    return pytest.mark.parametrize(("estimator", "check"), params, ids=_test_id)


def _run(estimator, check, expected_failed_checks) -> dict:
    check_name = check.func.__name__
    is_expected = check_name in expected_failed_checks
    try:
        check(estimator)
    except SkipTest as error:
        exception, status = error, "skipped"
    except Exception as error:
        exception, status = error, "xfail" if is_expected else "failed"
    else:
        exception, status = None, "passed"
    return {
        "estimator": estimator,
        "check_name": check_name,
        "exception": exception,
        "status": status,
        "expected_to_fail": is_expected,
        "expected_to_fail_reason": expected_failed_checks.get(check_name, "Check is not expected to fail"),
    }


def _test_id(value) -> str:
    if isinstance(value, partial):
        return value.func.__name__
    with config_context(print_changed_only=True):
        return re.sub(r"\s", "", repr(value))


# ---------------------------------------------------------------------------------------------------------------
# Data and comparisons
# ---------------------------------------------------------------------------------------------------------------


def _is_classifier(estimator) -> bool:
    # The mixin too, so that a class whose tags are wrong is told so by a check.
    return is_classifier(estimator) or isinstance(estimator, ClassifierMixin)


def _is_regressor(estimator) -> bool:
    return is_regressor(estimator) or isinstance(estimator, RegressorMixin)


def _fresh(estimator):
    """An unfitted copy that gives the same results each time."""
    estimator = clone(estimator)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    return estimator


def _fitted(estimator, X, y, **fit_params):
    # In two steps: what fit returns is the matter of one check only.
    estimator = _fresh(estimator)
    estimator.fit(X, y, **fit_params)
    return estimator


def _documents(telling=("dry", "wet"), n_documents=60, seed=0):
    """Documents in each of which one word tells something, and the index of that word for each."""
    rng = np.random.default_rng(seed)
    which = rng.permutation(np.arange(n_documents) % len(telling))
    documents = []
    for index in which:
        words = rng.choice(_FILLERS, size=rng.integers(3, 9)).tolist()
        words.insert(rng.integers(len(words) + 1), telling[index])
        documents.append(" ".join(words))
    return documents, which


def _data(estimator, seed=0):
    """Documents and a target that can be learned from them."""
    documents, which = _documents(seed=seed)
    return documents, _target(estimator, which)


def _target(estimator, which):
    if _is_classifier(estimator):
        return np.array(["calm", "rough", "wild"])[which]
    noise = np.random.default_rng(0).normal(scale=0.05, size=len(which))
    return 2.0 * which - 1 + noise


def _predictions(estimator, X) -> dict[str, np.ndarray]:
    return {name: np.asarray(getattr(estimator, name)(X)) for name in _METHODS if hasattr(estimator, name)}


def _expect(condition, message: str) -> None:
    # Not an assert statement: a check has to check under ``python -O`` too.
    if not condition:
        raise AssertionError(message)


def _expect_same(actual: dict, expected: dict, what: str) -> None:
    """Raise unless labels are equal and numbers are within rounding errors."""
    for method, values in expected.items():
        message = f"Expected {method} {what}"
        if values.dtype.kind == "f":
            np.testing.assert_allclose(actual[method], values, rtol=_RTOL, atol=_ATOL, err_msg=message)
        else:
            np.testing.assert_array_equal(actual[method], values, err_msg=message)


@contextmanager
def _expect_raises(errors, what: str):
    """Raise AssertionError unless the block raises one of the given errors."""
    errors = errors if isinstance(errors, tuple) else (errors,)
    expected = f"Expected {' or '.join(error.__name__ for error in errors)} {what}"
    try:
        yield
    except errors:
        return
    except Exception as error:
        raise AssertionError(f"{expected}; got {type(error).__name__}: {error}") from error
    raise AssertionError(f"{expected}; nothing was raised.")


def _params(estimator) -> dict[str, object]:
    """The parameters in a form that can be compared; nested estimators count by their type and parameters.

    A Pipeline's list of steps is left out: it fits the very steps that it was given, which is known and stays.
    """
    params = estimator.get_params()
    if isinstance(estimator, Pipeline):
        del params["steps"]
    return {
        name: type(value) if hasattr(value, "get_params") else joblib.hash(value) for name, value in params.items()
    }


def _module(name: str):
    """An optional package, or None where it is not installed."""
    return import_module(name) if find_spec(name) is not None else None


def _document_containers(documents) -> dict[str, object]:
    containers = {
        "a tuple": tuple(documents),
        "a list of numpy.str_": [np.str_(document) for document in documents],
        "an array of str": np.array(documents),
        "an array of objects": np.array(documents, dtype=object),
    }
    if hasattr(np.dtypes, "StringDType"):  # NumPy 2
        containers["an array of StringDType"] = np.array(documents, dtype=np.dtypes.StringDType())
    if pandas := _module("pandas"):
        odd_index = np.arange(len(documents))[::-1] * 2
        containers["a pandas Series"] = pandas.Series(documents, dtype=object, index=odd_index)
        containers["a pandas Series of strings"] = pandas.Series(documents, dtype="string", index=odd_index)
    if polars := _module("polars"):
        containers["a polars Series"] = polars.Series(documents)
    return containers


def _target_containers(y) -> dict[str, object]:
    """The same target, numbers or labels, as users bring it."""
    values = y.tolist()
    containers = {"a list": values, "a tuple": tuple(values)}
    if pandas := _module("pandas"):
        odd_index = np.arange(len(values))[::-1] * 2
        containers["a pandas Series"] = pandas.Series(values, index=odd_index)
        if y.dtype.kind == "U":
            containers["a pandas Series of strings"] = pandas.Series(values, dtype="string", index=odd_index)
            containers["a pandas Categorical"] = pandas.Categorical(values)
            containers["a categorical pandas Series"] = pandas.Series(values, dtype="category", index=odd_index)
    if polars := _module("polars"):
        containers["a polars Series"] = polars.Series(values)
    if y.dtype.kind == "U":
        containers["an array of objects"] = y.astype(object)
    return containers


# ---------------------------------------------------------------------------------------------------------------
# Parameters and the life of an estimator
# ---------------------------------------------------------------------------------------------------------------


def check_text_estimator_cloneable(name, estimator):
    """A clone has the same parameters, and nothing that was learned."""
    params, of_clone = _params(estimator), _params(clone(estimator))
    differing = sorted(param for param in params if params[param] != of_clone.get(param))
    _expect(not differing, f"Expected a clone of {name} to have its parameters; {differing} differ.")
    fitted = _fitted(estimator, *_data(estimator))
    learned = vars(clone(fitted)).keys() - vars(_fresh(estimator)).keys()
    _expect(not learned, f"Expected a clone of a fitted {name} to be unfitted; it has {sorted(learned)}.")


def check_text_no_attributes_set_in_init(name, estimator):
    """The constructor stores each parameter as it was given, and nothing else."""
    params = clone(estimator).get_params(deep=False)
    built = type(estimator)(**params)
    extra = vars(built).keys() - params.keys()
    _expect(not extra, f"Expected {name}.__init__ to set its parameters only; it also sets {sorted(extra)}.")
    for param, value in params.items():
        _expect(
            getattr(built, param) is value,
            f"Expected {name}.__init__ to store {param}={value!r} as given; it stores {getattr(built, param)!r}.",
        )


def check_text_do_not_raise_errors_in_init_or_set_params(name, estimator):
    """Parameters are validated in fit, so that they can be set in any order."""
    params = signature(type(estimator)).parameters
    for value in (-1, 3.0, "helloworld", np.array([1.0, 4.0]), [1], {}, []):
        values = dict.fromkeys(params, value)
        try:
            type(estimator)(**values).set_params(**values)
        except Exception as error:
            raise AssertionError(
                f"Expected {name} to take any value in __init__ and set_params; {value!r} raised {error!r}."
            ) from error


def check_text_get_and_set_params(name, estimator):
    """get_params and set_params are inverse, and unknown names are refused."""
    estimator = _fresh(estimator)
    shallow, deep = estimator.get_params(deep=False), estimator.get_params(deep=True)
    _expect(
        shallow.keys() <= deep.keys(), f"Expected get_params(deep=True) of {name} to hold all the shallow ones."
    )
    before = _params(estimator)
    _expect(estimator.set_params(**shallow) is estimator, f"Expected {name}.set_params to return the estimator.")
    _expect(_params(estimator) == before, f"Expected set_params(**get_params()) to leave {name} as it is.")
    with _expect_raises(ValueError, f"when {name}.set_params gets a parameter that it does not have"):
        estimator.set_params(no_such_parameter=1)


def check_text_estimator_type(name, estimator):
    """The tags say what the mixins say: an integer ``cv`` and the scorers go by the tags."""
    for mixin, is_type in ((ClassifierMixin, is_classifier), (RegressorMixin, is_regressor)):
        _expect(
            is_type(estimator) or not isinstance(estimator, mixin),
            f"Expected the tags of {name} to say what it is, as it has a {mixin.__name__}; {is_type.__name__} is "
            "False. Mixins come before BaseEstimator among the bases.",
        )


def check_text_fit_score_takes_y(name, estimator):
    """The second argument of fit and score is y, and score returns a number."""
    for method in ("fit", "score"):
        arguments = list(signature(getattr(estimator, method)).parameters)[:2]
        _expect(arguments == ["X", "y"], f"Expected {name}.{method} to take X and y; it takes {arguments}.")
    X, y = _data(estimator)
    score = _fitted(estimator, X, y).score(X, y)
    _expect(np.ndim(score) == 0 and np.isfinite(score), f"Expected {name}.score to be a number; got {score!r}.")


def check_text_fit_returns_self(name, estimator):
    """Fit returns the estimator."""
    estimator = _fresh(estimator)
    returned = estimator.fit(*_data(estimator))
    _expect(returned is estimator, f"Expected {name}.fit to return the estimator; it returned {returned!r}.")


def check_text_unfitted(name, estimator):
    """Predicting before fit raises NotFittedError, and ``check_is_fitted`` tells the two states apart."""
    estimator = _fresh(estimator)
    X, y = _data(estimator)
    for method in (*_METHODS, "predict_log_proba"):
        if hasattr(estimator, method):
            with _expect_raises(NotFittedError, f"when {name}.{method} is called before fit"):
                getattr(estimator, method)(X)
    with _expect_raises(NotFittedError, f"from check_is_fitted of an unfitted {name}"):
        check_is_fitted(estimator)
    estimator.fit(X, y)
    check_is_fitted(estimator)


def check_text_fit_keeps_parameters(name, estimator):
    """Fit does not change parameters, nor estimators that are parameters."""
    estimator = _fresh(estimator)
    before, nested = _params(estimator), _nested_states(estimator)
    estimator.fit(*_data(estimator))
    after = _params(estimator)
    changed = [param for param in before if before[param] != after[param]]
    changed += [param for param, state in _nested_states(estimator).items() if state != nested[param]]
    _expect(not changed, f"Expected {name}.fit to leave the parameters alone; it changed {sorted(set(changed))}.")


def _nested_states(estimator) -> dict[str, str]:
    if isinstance(estimator, Pipeline):  # fits the very steps that it was given
        return {}
    nested = estimator.get_params(deep=False).items()
    return {name: joblib.hash(vars(value)) for name, value in nested if hasattr(value, "get_params")}


def check_text_fit_attributes(name, estimator):
    """What fit learns is in attributes that end in an underscore, or begin with one."""
    estimator = _fresh(estimator)
    before = set(vars(estimator))
    estimator.fit(*_data(estimator))
    added = set(vars(estimator)) - before
    wrong = sorted(attribute for attribute in added if not (attribute.startswith("_") or attribute.endswith("_")))
    _expect(not wrong, f"Expected the attributes that {name}.fit adds to end or begin with '_'; got {wrong}.")


def check_text_fit_keeps_its_input(name, estimator):
    """Fit and predict leave X and y as they are."""
    documents, y = _data(estimator)
    for X in (documents, np.array(documents, dtype=object)):
        before = joblib.hash((X, y))
        _predictions(_fitted(estimator, X, y), X)
        _expect(joblib.hash((X, y)) == before, f"Expected {name} not to change its X, {type(X)}, and y.")


def check_text_dict_unchanged(name, estimator):
    """Predicting and scoring leave the estimator as it is."""
    X, y = _data(estimator)
    estimator = _fitted(estimator, X, y)
    for method in (*_METHODS, "predict_log_proba", "score"):
        if hasattr(estimator, method):
            before = joblib.hash(vars(estimator))
            getattr(estimator, method)(*((X, y) if method == "score" else (X,)))
            after = joblib.hash(vars(estimator))
            _expect(after == before, f"Expected {name}.{method} to leave the estimator as it is; it changed it.")


# ---------------------------------------------------------------------------------------------------------------
# Fits and predictions can be repeated
# ---------------------------------------------------------------------------------------------------------------


def check_text_fit_idempotent(name, estimator):
    """A second fit on the same data changes nothing."""
    X, y = _data(estimator)
    estimator = _fitted(estimator, X, y)
    first = _predictions(estimator, X)
    estimator.fit(X, y)
    _expect_same(_predictions(estimator, X), first, f"of {name} to be the same after a second fit")
    _expect_same(_predictions(_fitted(estimator, X, y), X), first, f"of a clone of {name} to be the same")


def check_text_refit_forgets(name, estimator):
    """A fit on other documents with other targets leaves no trace in the next."""
    X, y = _data(estimator)
    other, which = _documents(telling=("warm", "cold", "mild"), seed=1)
    fresh = _fitted(estimator, X, y)
    used = _fitted(estimator, [f"{document} unheard" for document in other], _target(estimator, which)[::-1])
    used.fit(X, y)
    left = vars(used).keys() - vars(fresh).keys()
    _expect(not left, f"Expected a second fit of {name} to forget the first; {sorted(left)} are left of it.")
    _expect_same(_predictions(used, X), _predictions(fresh, X), f"of {name} to forget an earlier fit")


def check_text_sample_order_invariance(name, estimator):
    """A prediction does not depend on the order of the documents."""
    X, y = _data(estimator)
    estimator = _fitted(estimator, X, y)
    order = np.random.default_rng(1).permutation(len(X))
    expected = {method: values[order] for method, values in _predictions(estimator, X).items()}
    actual = _predictions(estimator, [X[i] for i in order])
    _expect_same(actual, expected, f"of {name} not to depend on the order of the documents")


def check_text_subset_invariance(name, estimator):
    """A prediction does not depend on the other documents that are passed."""
    X, y = _data(estimator)
    estimator = _fitted(estimator, X, y)
    X = [*X[:20], "", "the rain " * 100]  # neighbours as unlike as can be
    expected = _predictions(estimator, X)
    alone = [_predictions(estimator, [document]) for document in X]
    actual = {method: np.concatenate([one[method] for one in alone]) for method in expected}
    _expect_same(actual, expected, f"of {name} to be the same for each document on its own")


def check_text_pipeline_consistency(name, estimator):
    """Within a Pipeline it is as it is alone."""
    X, y = _data(estimator)
    alone = _fitted(estimator, X, y)
    pipeline = Pipeline([("nothing", "passthrough"), ("model", _fresh(estimator))])
    pipeline.fit(X, y)
    _expect_same(_predictions(pipeline, X), _predictions(alone, X), f"of {name} to be the same in a Pipeline")


# ---------------------------------------------------------------------------------------------------------------
# Saving, reading and splitting
# ---------------------------------------------------------------------------------------------------------------


def check_text_pickle(name, estimator):
    """It can be pickled, unfitted and fitted, and predicts as before."""
    X, y = _data(estimator)
    unfitted = pickle.loads(pickle.dumps(clone(estimator)))  # noqa: S301 - written in the same line
    _expect(_params(unfitted) == _params(estimator), f"Expected an unpickled {name} to have its parameters.")
    fitted = _fitted(estimator, X, y)
    loaded = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - written in the same line
    _expect_same(_predictions(loaded, X), _predictions(fitted, X), f"of an unpickled {name} to be the same")


def check_text_memory_mapped_estimator(name, estimator):
    """It predicts as before with its arrays in a file that is mapped into memory, as joblib's workers have it."""
    X, y = _data(estimator)
    fitted = _fitted(estimator, X, y)
    with _memory_mapped(fitted) as mapped:
        actual = _predictions(mapped, X)
    _expect_same(actual, _predictions(fitted, X), f"of a memory-mapped {name} to be the same")


def check_text_readonly_memmap_input(name, estimator):
    """It takes data that cannot be written to."""
    X, y = _data(estimator)
    expected = _predictions(_fitted(estimator, X, y), X)
    with _memory_mapped((np.array(X), y)) as (mapped_X, mapped_y):
        actual = _predictions(_fitted(estimator, mapped_X, mapped_y), mapped_X)
    _expect_same(actual, expected, f"of {name} to be the same for memory-mapped data")
    objects = np.array(X, dtype=object)
    objects.flags.writeable = False
    actual = _predictions(_fitted(estimator, objects, y), objects)
    _expect_same(actual, expected, f"of {name} to be the same for a read-only array")


@contextmanager
def _memory_mapped(value):
    # Windows does not delete a file that is still mapped.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "value.joblib"
        joblib.dump(value, path)
        yield joblib.load(path, mmap_mode="r")


def check_text_document_containers(name, estimator):
    """It takes documents in any usual container, and they mean the same in each."""
    documents, y = _data(estimator)
    expected = _predictions(_fitted(estimator, documents, y), documents)
    for container, X in _document_containers(documents).items():
        what = f"of {name} to be the same for documents in {container}"
        _expect_same(_predictions(_fitted(estimator, X, y), X), expected, what)


def check_text_target_containers(name, estimator):
    """It takes a target in any usual container, and it means the same in each."""
    X, y = _data(estimator)
    expected = _predictions(_fitted(estimator, X, y), X)
    for container, target in _target_containers(y).items():
        what = f"of {name} to be the same for a target in {container}"
        _expect_same(_predictions(_fitted(estimator, X, target), X), expected, what)


def check_text_cross_val_score(name, estimator):
    """Folds of an integer ``cv`` are such that it can be scored, even when the documents are sorted by target."""
    X, y = _data(estimator)
    order = np.argsort(y, kind="stable")
    scores = cross_val_score(_fresh(estimator), [X[i] for i in order], y[order], cv=2, error_score="raise")
    _expect(np.all(np.isfinite(scores)), f"Expected finite scores of {name} in a cross-validation; got {scores}.")
    _expect(
        np.all(scores > 0) or not _is_classifier(estimator),
        f"Expected each fold of a cross-validation of {name} to hold all classes; the accuracies are {scores}.",
    )


def check_text_grid_search(name, estimator):
    """It can be searched over, in a Pipeline, and the search predicts as it does."""
    X, y = _data(estimator)
    pipeline = Pipeline([("model", _fresh(estimator))])
    search = GridSearchCV(pipeline, {"model": [_fresh(estimator)]}, cv=2, error_score="raise").fit(X, y)
    _expect(np.isfinite(search.best_score_), f"Expected a finite score of {name}; got {search.best_score_}.")
    expected = _predictions(_fitted(estimator, X, y), X)
    _expect_same(_predictions(search, X), expected, f"of {name} to be the same after a search")


# ---------------------------------------------------------------------------------------------------------------
# What is refused, and what is not
# ---------------------------------------------------------------------------------------------------------------


def check_text_bare_string_refused(name, estimator):
    """A single str is an iterable of str, of letters, but never what was meant."""
    X, y = _data(estimator)
    fitted = _fitted(estimator, X, y)
    with _expect_raises(ValueError, f"when {name}.predict gets a single str as X"):
        fitted.predict("the rain")
    letters = "drywet"
    with _expect_raises(ValueError, f"when {name}.fit gets a single str as X"):
        _fitted(estimator, letters, y[: len(letters)])


def check_text_no_text_refused(name, estimator):
    """What is no text, or is missing, is refused and not read as "None" or "nan"."""
    X, y = _data(estimator)
    fitted = _fitted(estimator, X, y)
    # scikit-learn's vectorizers ask whatever comes for its method lower.
    errors = (ValueError, TypeError, AttributeError)
    for missing in (None, math.nan, 3.5):
        with _expect_raises(errors, f"when {name}.fit gets {missing!r} among the documents"):
            _fitted(estimator, [*X[:-1], missing], y)
        with _expect_raises(errors, f"when {name}.predict gets {missing!r} among the documents"):
            fitted.predict([*X[:3], missing])


def check_text_no_documents_refused(name, estimator):
    """An X without documents is refused."""
    X, y = _data(estimator)
    fitted = _fitted(estimator, X, y)
    for empty in ([], np.array([], dtype=object)):
        with _expect_raises(ValueError, f"when {name}.fit gets no documents"):
            _fitted(estimator, empty, y[:0])
        with _expect_raises(ValueError, f"when {name}.predict gets no documents"):
            fitted.predict(empty)


def check_text_inconsistent_lengths(name, estimator):
    """X and y of different lengths are refused."""
    X, y = _data(estimator)
    for n_documents, n_targets in ((len(X), len(y) - 1), (len(X) - 1, len(y))):
        with _expect_raises(ValueError, f"when {name}.fit gets {n_documents} documents and {n_targets} targets"):
            _fitted(estimator, X[:n_documents], y[:n_targets])


def check_text_requires_y_none(name, estimator):
    """Fit without a target is refused."""
    X, _ = _data(estimator)
    with _expect_raises(ValueError, f"when {name}.fit gets None as y"):
        _fitted(estimator, X, None)


def check_text_supervised_y_no_nan(name, estimator):
    """A target that is missing or infinite is refused."""
    X, which = _documents()
    for value in (math.nan, math.inf):
        y = which.astype(float)
        y[3] = value
        with _expect_raises(ValueError, f"when {name}.fit gets {value} in y"):
            _fitted(estimator, X, y)


def check_text_supervised_y_2d(name, estimator):
    """A target that is a column is taken as one-dimensional, with a warning."""
    X, y = _data(estimator)
    flat = _fitted(estimator, X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataConversionWarning)
        column = _fitted(estimator, X, y[:, None])
    predicted = {"predict": column.predict(X).ravel()}
    _expect_same(predicted, {"predict": flat.predict(X)}, f"of {name} to be the same for y in a column")
    if not get_tags(estimator).target_tags.multi_output:
        warned = any(issubclass(warning.category, DataConversionWarning) for warning in caught)
        _expect(warned, f"Expected {name}.fit to give a DataConversionWarning for y in a column; it gave none.")


def check_text_unknown_documents(name, estimator):
    """Documents that are empty, in another script, or of words that fit has not seen get a prediction."""
    X, y = _data(estimator)
    strange = ["", "  \n\t", "unheard-of words", "雨が降った", "🌧️", "\x00", "rain" * 5000]
    estimator = _fitted(estimator, [*X, ""], [*y, y[0]])
    for method, values in _predictions(estimator, strange).items():
        _expect(
            len(values) == len(strange) and (values.dtype.kind != "f" or np.all(np.isfinite(values))),
            f"Expected {method} of {name} to be finite for empty and unknown documents; got {values!r}.",
        )


# ---------------------------------------------------------------------------------------------------------------
# Weights of documents
# ---------------------------------------------------------------------------------------------------------------


def check_text_sample_weight_equivalence(name, estimator):
    """No weights are weights of 1, and a document of weight 0 is as good as left out."""
    X, y = _data(estimator)
    plain = _predictions(_fitted(estimator, X, y), X)
    ones = _fitted(estimator, X, y, sample_weight=np.ones(len(y)))
    _expect_same(_predictions(ones, X), plain, f"of {name} to be the same for weights of 1 and for none")
    none = _fitted(estimator, X, y, sample_weight=None)
    _expect_same(_predictions(none, X), plain, f"of {name} to be the same for sample_weight=None and for none")

    kept = np.arange(len(y)) % 3 != 0
    wrong = np.where(kept, y, y[::-1])  # what is left out would teach something else
    weighted = _fitted(estimator, X, wrong, sample_weight=kept.astype(float))
    removed = _fitted(estimator, [X[i] for i in np.flatnonzero(kept)], y[kept])
    expected = _predictions(removed, X)
    _expect_same(_predictions(weighted, X), expected, f"of {name} to be the same for weight 0 and removal")


def check_text_sample_weight_containers(name, estimator):
    """Weights are taken in any usual container, and left as they are."""
    X, y = _data(estimator)
    weights = 1.0 + np.arange(len(y)) % 3
    containers = {"a list": weights.tolist(), "an array of int": weights.astype(int)}
    if pandas := _module("pandas"):
        containers["a pandas Series"] = pandas.Series(weights, index=np.arange(len(y))[::-1] * 2)
    weights.flags.writeable = False
    expected = _predictions(_fitted(estimator, X, y, sample_weight=weights), X)
    for container, values in containers.items():
        before = joblib.hash(values)
        actual = _predictions(_fitted(estimator, X, y, sample_weight=values), X)
        _expect_same(actual, expected, f"of {name} to be the same for sample_weight in {container}")
        _expect(joblib.hash(values) == before, f"Expected {name}.fit not to change sample_weight in {container}.")


def check_text_sample_weights_not_overwritten(name, estimator):
    """Fit leaves an array of weights as it is."""
    X, y = _data(estimator)
    weights = 1.0 + np.arange(len(y)) % 3
    before = weights.copy()
    _fitted(estimator, X, y, sample_weight=weights)
    np.testing.assert_array_equal(weights, before, err_msg=f"Expected {name}.fit not to change sample_weight")


def check_text_sample_weights_refused(name, estimator):
    """Weights of another shape are refused, and weights that leave nothing to learn from."""
    X, y = _data(estimator)
    n = len(y)
    for weights in (np.ones(n + 1), np.ones((n, 2)), np.zeros(n)):
        what = f"when {name}.fit gets {n} documents and sample_weight of shape {weights.shape}"
        what += "" if np.any(weights) else ", all 0"
        with _expect_raises(ValueError, what):
            _fitted(estimator, X, y, sample_weight=weights)


# ---------------------------------------------------------------------------------------------------------------
# Iterations and chunks
# ---------------------------------------------------------------------------------------------------------------


def check_text_n_iter(name, estimator):
    """An estimator that iterates says how often it did."""
    estimator = _fitted(estimator, *_data(estimator))
    n_iter = getattr(estimator, "n_iter_", None)
    _expect(
        n_iter is not None and np.all(np.asarray(n_iter) >= 1),
        f"Expected {name} to have n_iter_ >= 1 after fit; got {n_iter}.",
    )


def check_text_partial_fit_classifier(name, estimator):
    """The first chunk names all classes; later chunks bring new words, but no new classes."""
    X, which = _documents(telling=("dry", "wet", "icy"))
    y = _target(estimator, which)
    classes = np.unique(y)
    first = which != 2  # the first chunk has no document of the last class
    chunk = [X[i] for i in np.flatnonzero(first)]
    with _expect_raises(ValueError, f"when the first call of {name}.partial_fit has no classes"):
        _fresh(estimator).partial_fit(chunk, y[first])
    estimator = _fresh(estimator)
    returned = estimator.partial_fit(chunk, y[first], classes=classes)
    _expect(
        returned is estimator, f"Expected {name}.partial_fit to return the estimator; it returned {returned!r}."
    )
    estimator.partial_fit([f"{document} unheard" for document in X], y)
    np.testing.assert_array_equal(
        estimator.classes_, classes, err_msg=f"Expected {name}.partial_fit to keep the classes of its first call"
    )
    unknown = set(estimator.predict(X)) - set(classes)
    _expect(not unknown, f"Expected {name} to predict classes that it was told of; got {unknown} too.")
    with _expect_raises(ValueError, f"when {name}.partial_fit gets a label that is not among the classes"):
        estimator.partial_fit(X[:2], [classes[0], "unheard"])


def check_text_partial_fit_regressor(name, estimator):
    """It learns from chunk after chunk, new words or not."""
    X, y = _data(estimator)
    estimator = _fresh(estimator)
    returned = estimator.partial_fit(X[:30], y[:30])
    _expect(
        returned is estimator, f"Expected {name}.partial_fit to return the estimator; it returned {returned!r}."
    )
    before = estimator.predict(X)
    after = estimator.partial_fit([f"{document} unheard" for document in X[30:]], y[30:]).predict(X)
    _expect(np.all(np.isfinite(after)), f"Expected finite predictions of {name} after partial_fit; got {after}.")
    _expect(not np.array_equal(before, after), f"Expected {name} to learn from a second chunk; nothing changed.")


def check_text_fit_forgets_partial_fit(name, estimator):
    """Fit begins anew, whatever partial_fit has learned."""
    X, y = _data(estimator)
    classes = {"classes": np.unique(y)} if _is_classifier(estimator) else {}
    expected = _predictions(_fitted(estimator, X, y), X)
    estimator = _fresh(estimator)
    estimator.partial_fit(X, y[::-1], **classes)
    estimator.fit(X, y)
    _expect_same(_predictions(estimator, X), expected, f"of {name} to be the same after partial_fit and fit")


# ---------------------------------------------------------------------------------------------------------------
# Classifiers
# ---------------------------------------------------------------------------------------------------------------


def check_text_classifiers_train(name, estimator):
    """It learns which word tells the class, of two and of three classes."""
    poor_score = get_tags(estimator).classifier_tags.poor_score
    for telling in (("dry", "wet"), ("dry", "wet", "icy")):
        X, which = _documents(telling, n_documents=90)
        y = _target(estimator, which)
        classifier = _fitted(estimator, X, y)
        np.testing.assert_array_equal(
            classifier.classes_, np.unique(y), err_msg=f"Expected classes_ of {name} to be the labels, sorted"
        )
        predicted = classifier.predict(X)
        _expect(
            predicted.shape == (len(X),),
            f"Expected predict of {name} of shape {(len(X),)}; got {predicted.shape}.",
        )
        accuracy = np.mean(predicted == y)
        _expect(
            accuracy > 0.83 or poor_score,
            f"Expected {name} to learn {len(telling)} classes to an accuracy > 0.83; got {accuracy:.2f}.",
        )


def check_text_classifiers_classes(name, estimator):
    """Labels of any dtype come back as they were, and what they are called changes nothing else."""
    X, which = _documents()
    expected = None
    for labels in _labels():
        y = labels[which]
        classifier = _fitted(estimator, X, y)
        np.testing.assert_array_equal(
            classifier.classes_, labels, err_msg=f"Expected classes_ of {name} to be the labels, sorted"
        )
        predictions = _predictions(classifier, X)
        predicted = predictions["predict"]
        _expect(
            _kind(predicted) == _kind(labels) and set(predicted.tolist()) <= set(labels.tolist()),
            f"Expected {name} to predict the labels {labels!r}; got {np.unique(predicted)!r}.",
        )
        predictions["predict"] = np.searchsorted(classifier.classes_, predicted)
        expected = expected or predictions
        _expect_same(predictions, expected, f"of {name} not to depend on what the labels are called: {labels!r}")


def _kind(labels) -> str:
    # Text may come as an array of str or of objects.
    return "text" if labels.dtype.kind in "UOT" else labels.dtype.kind


def _labels() -> list[np.ndarray]:
    """Two labels of each kind, sorted."""
    return [
        np.array(["calm", "rough"]),
        np.array(["calm", "rough"], dtype=object),
        np.array(["坏", "好"]),
        np.array([False, True]),
        np.array([0, 1]),
        np.array([-1, 7]),
        np.array([3, 200], dtype=np.uint8),
        np.array([-1.0, 2.0]),
    ]


def check_text_predict_proba(name, estimator):
    """Probabilities are such, in the order of classes_, and the greatest is that of the predicted class."""
    for telling in (("dry", "wet"), ("dry", "wet", "icy")):
        X, which = _documents(telling)
        classifier = _fitted(estimator, X, _target(estimator, which))
        probabilities = classifier.predict_proba(X)
        shape = (len(X), len(telling))
        _expect(
            probabilities.shape == shape,
            f"Expected predict_proba of {name} of shape {shape}; got {probabilities.shape}.",
        )
        _expect(
            np.all((probabilities >= 0) & (probabilities <= 1)),
            f"Expected probabilities of {name} within [0, 1]; got {probabilities.min()} to {probabilities.max()}.",
        )
        message = f"Expected the probabilities of {name} to sum to 1"
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=_RTOL, err_msg=message)
        most_probable = classifier.classes_[probabilities.argmax(axis=1)]
        message = f"Expected {name} to predict the class of the greatest probability, columns as in classes_"
        np.testing.assert_array_equal(classifier.predict(X), most_probable, err_msg=message)


def check_text_predict_log_proba(name, estimator):
    """predict_log_proba is the logarithm of predict_proba."""
    X, y = _data(estimator)
    classifier = _fitted(estimator, X, y)
    with np.errstate(divide="ignore"):  # some classifiers are quite sure
        expected, actual = np.log(classifier.predict_proba(X)), classifier.predict_log_proba(X)
    message = f"Expected predict_log_proba of {name} to be the logarithm of predict_proba"
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5, err_msg=message)


def check_text_decision_function(name, estimator):
    """Decisions are one number for two classes, one a class for more, and agree with predict."""
    for telling in (("dry", "wet"), ("dry", "wet", "icy")):
        X, which = _documents(telling)
        classifier = _fitted(estimator, X, _target(estimator, which))
        decisions = classifier.decision_function(X)
        shape = (len(X),) if len(telling) == 2 else (len(X), len(telling))
        _expect(
            decisions.shape == shape,
            f"Expected decision_function of {name} of shape {shape}; got {decisions.shape}.",
        )
        decided = (decisions > 0).astype(int) if decisions.ndim == 1 else decisions.argmax(axis=1)
        message = f"Expected {name} to predict the class that decision_function is greatest for"
        np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[decided], err_msg=message)


def check_text_classifiers_one_label(name, estimator):
    """A single class is refused with a message that says so, or predicted for every document."""
    X, _ = _documents()
    _expect_only_label(name, _fresh(estimator), X, np.full(len(X), "calm"), "calm")


def check_text_classifiers_one_label_sample_weights(name, estimator):
    """Weights that leave a single class are as good as a single class."""
    X, y = _data(estimator)
    _expect_only_label(name, _fresh(estimator), X, y, "calm", sample_weight=(y == "calm").astype(float))


def _expect_only_label(name, classifier, X, y, label, **fit_params):
    try:
        classifier.fit(X, y, **fit_params)
    except ValueError as error:
        message = f"Expected {name} to say that it cannot learn from a single class; it said: {error}"
        _expect("class" in str(error), message)
        return
    predicted = np.unique(classifier.predict(X)).tolist()
    _expect(predicted == [label], f"Expected {name} to predict the only class, {label!r}; got {predicted}.")


def check_text_classifiers_regression_target(name, estimator):
    """Numbers that are no classes are refused."""
    X, _ = _documents()
    with _expect_raises(ValueError, f"when {name}.fit gets a target of fractions"):
        _fitted(estimator, X, np.linspace(0.1, 0.9, len(X)))


def check_text_class_weight_classifiers(name, estimator):
    """A class of overwhelming weight is what it predicts."""
    X, y = _data(estimator)
    for label, other in (("calm", "rough"), ("rough", "calm")):
        weighted = clone(estimator).set_params(class_weight={label: 1000, other: 0.0001})
        classifier = _fitted(weighted, X, y)
        share = np.mean(classifier.predict(X) == label)
        _expect(
            share > 0.87 or get_tags(estimator).classifier_tags.poor_score,
            f"Expected {name} to predict a class of overwhelming class_weight; it does for {share:.0%}.",
        )


def check_text_multilabel(name, estimator):
    """A matrix of zeros and ones is predicted for documents that can have several labels each."""
    X, Y = _multilabel_data()
    classifier = _fitted(estimator, X, Y)
    predicted = classifier.predict(X)
    _expect(
        predicted.shape == Y.shape
        and predicted.dtype.kind == Y.dtype.kind
        and set(np.unique(predicted)) <= {0, 1},
        f"Expected {name} to predict zeros and ones of shape {Y.shape} and dtype {Y.dtype}; got {predicted!r}.",
    )
    if hasattr(classifier, "predict_proba"):
        probabilities = _probabilities_of_labels(classifier.predict_proba(X))
        _expect(
            probabilities.shape == Y.shape and np.all((probabilities >= 0) & (probabilities <= 1)),
            f"Expected {name} to give a probability for each label; got {probabilities!r}.",
        )
        # A probability of one half is decided either way.
        decided = np.abs(probabilities - 0.5) > _ATOL
        message = f"Expected {name} to predict the labels of a probability > 0.5"
        np.testing.assert_array_equal(predicted[decided], (probabilities > 0.5)[decided], err_msg=message)
    if hasattr(classifier, "decision_function"):
        decisions = classifier.decision_function(X)
        _expect(
            decisions.shape == Y.shape,
            f"Expected decision_function of {name} of shape {Y.shape}; got {decisions.shape}.",
        )


def _multilabel_data():
    """Documents, and which of three words each contains."""
    parts = [_documents(telling, seed=seed) for seed, telling in enumerate((("dry", "wet"), ("warm", "cold")))]
    (first, is_wet), (second, is_cold) = parts
    documents = [f"{one} {two}" for one, two in zip(first, second, strict=True)]
    return documents, np.column_stack([is_wet, is_cold, 1 - is_wet])


def _probabilities_of_labels(probabilities):
    """Of each label that it applies: (n_documents, n_labels); some classifiers give an array for each label."""
    if isinstance(probabilities, list):
        return np.column_stack([of_label[:, 1] for of_label in probabilities])
    return probabilities


# ---------------------------------------------------------------------------------------------------------------
# Regressors
# ---------------------------------------------------------------------------------------------------------------


def check_text_regressors_train(name, estimator):
    """It learns a number that depends on a word."""
    X, y = _data(estimator)
    regressor = _fitted(estimator, X, y)
    predicted = regressor.predict(X)
    _expect(
        predicted.shape == y.shape and predicted.dtype.kind == "f",
        f"Expected {name} to predict floats of shape {y.shape}; got {predicted.dtype} of shape {predicted.shape}.",
    )
    score = regressor.score(X, y)
    _expect(
        score > 0.5 or get_tags(estimator).regressor_tags.poor_score,
        f"Expected {name} to learn to a score > 0.5; got {score:.2f}.",
    )


def check_text_regressors_int(name, estimator):
    """Whole numbers are targets like any other."""
    X, which = _documents()
    expected = _predictions(_fitted(estimator, X, which.astype(float)), X)
    actual = _predictions(_fitted(estimator, X, which), X)
    _expect_same(actual, expected, f"of {name} to be the same for y of int and of float")


def check_text_regressors_multioutput(name, estimator):
    """Several numbers for each document are predicted as several."""
    X, y = _data(estimator)
    Y = np.column_stack([y, -y, y + 1])
    predicted = _fitted(estimator, X, Y).predict(X)
    _expect(
        predicted.shape == Y.shape and predicted.dtype.kind == "f",
        f"Expected {name} to predict floats of shape {Y.shape}; got {predicted.dtype} of shape {predicted.shape}.",
    )


def check_text_regressors_no_decision_function(name, estimator):
    """A regressor has none of the methods by which classifiers are known."""
    fitted = _fitted(estimator, *_data(estimator))
    methods = ("decision_function", "predict_proba", "predict_log_proba")
    found = [method for method in methods if hasattr(fitted, method)]
    _expect(not found, f"Expected the regressor {name} to have no methods of a classifier; it has {found}.")


# ---------------------------------------------------------------------------------------------------------------
# Which checks apply
# ---------------------------------------------------------------------------------------------------------------


def _checks_for(estimator) -> Iterator[Callable]:
    yield from _conventions(estimator)
    yield from _input_checks(estimator)
    if has_fit_parameter(estimator, "sample_weight"):
        yield from _sample_weight_checks(estimator)
    if {"max_iter", "epochs"} & estimator.get_params(deep=False).keys():
        yield check_text_n_iter
    if hasattr(estimator, "partial_fit"):
        is_classifier_ = _is_classifier(estimator)
        yield check_text_partial_fit_classifier if is_classifier_ else check_text_partial_fit_regressor
        if _is_deterministic(estimator):
            yield check_text_fit_forgets_partial_fit
    yield from _classifier_checks(estimator) if _is_classifier(estimator) else _regressor_checks(estimator)


def _is_deterministic(estimator) -> bool:
    return not get_tags(estimator).non_deterministic


def _conventions(estimator) -> Iterator[Callable]:
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


def _input_checks(estimator) -> Iterator[Callable]:
    tags = get_tags(estimator)
    yield check_text_pickle
    yield check_text_memory_mapped_estimator
    yield check_text_cross_val_score
    yield check_text_unknown_documents
    if _is_deterministic(estimator):
        yield check_text_sample_order_invariance
        yield check_text_subset_invariance
        yield check_text_fit_idempotent
        yield check_text_refit_forgets
        yield check_text_pipeline_consistency
        yield check_text_grid_search
        yield check_text_readonly_memmap_input
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


def _sample_weight_checks(estimator) -> Iterator[Callable]:
    yield check_text_sample_weights_not_overwritten
    if _is_deterministic(estimator):
        yield check_text_sample_weight_equivalence
        yield check_text_sample_weight_containers
    if not get_tags(estimator).no_validation:
        yield check_text_sample_weights_refused
    if _is_classifier(estimator):
        yield check_text_classifiers_one_label_sample_weights


def _classifier_checks(estimator) -> Iterator[Callable]:
    tags = get_tags(estimator)
    yield check_text_classifiers_train
    if _is_deterministic(estimator):
        yield check_text_classifiers_classes
    yield check_text_classifiers_one_label
    if hasattr(estimator, "predict_proba"):
        yield check_text_predict_proba
    if hasattr(estimator, "predict_log_proba"):
        yield check_text_predict_log_proba
    if hasattr(estimator, "decision_function"):
        yield check_text_decision_function
    if not tags.no_validation:
        yield check_text_classifiers_regression_target
    if "class_weight" in estimator.get_params(deep=False):
        yield check_text_class_weight_classifiers
    if tags.classifier_tags is not None and tags.classifier_tags.multi_label:
        yield check_text_multilabel


def _regressor_checks(estimator) -> Iterator[Callable]:
    yield check_text_regressors_train
    if _is_deterministic(estimator):
        yield check_text_regressors_int
    if get_tags(estimator).target_tags.multi_output:
        yield check_text_regressors_multioutput
    yield check_text_regressors_no_decision_function
