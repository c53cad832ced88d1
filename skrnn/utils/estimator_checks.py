"""Checks that an estimator of raw text follows scikit-learn's conventions.

scikit-learn's ``check_estimator`` needs a numeric X of two dimensions. The checks here are for classifiers and
regressors whose X is a list of documents. They work with any such estimator, for example a ``Pipeline`` of a
``TfidfVectorizer`` and a ``LogisticRegression``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal
from unittest import SkipTest

from sklearn import config_context
from sklearn.exceptions import EstimatorCheckFailedWarning, SkipTestWarning
from sklearn.utils.validation import has_fit_parameter

from skrnn.utils._text_checks._api import yield_api_checks
from skrnn.utils._text_checks._classifiers import yield_classifier_checks
from skrnn.utils._text_checks._consistency import yield_consistency_checks
from skrnn.utils._text_checks._inputs import yield_input_checks, yield_sample_weight_checks
from skrnn.utils._text_checks._regressors import yield_regressor_checks
from skrnn.utils._text_checks._tools import Check, has_type_classifier, has_type_regressor

__all__ = ["check_text_estimator", "parametrize_with_text_checks", "yield_text_checks"]


def yield_text_checks(estimator: Any) -> Iterator[tuple[Any, partial[None]]]:
    """Yield the checks that apply to an estimator of raw text.

    The tags and methods of the estimator select the checks. For example, the checks of ``sample_weight`` apply if
    it is a parameter of ``fit``, and the checks of ``predict_proba`` if there is such a method.

    Parameters
    ----------
    estimator : estimator object
        A classifier or regressor whose X is an iterable of str. The checks fit clones of it.

    Yields
    ------
    estimator : estimator object
        The estimator that was passed.
    check : callable
        Call it with the estimator. It raises AssertionError or an error of the estimator if the check fails, and
        ``unittest.SkipTest`` if it cannot run.

    Raises
    ------
    TypeError
        If the estimator is a class, or neither a classifier nor a regressor.

    See Also
    --------
    check_text_estimator : Run the checks.
    parametrize_with_text_checks : Run each check as a test of pytest.

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
    if not (has_type_classifier(estimator) or has_type_regressor(estimator)):
        raise TypeError(f"Expected a classifier or regressor of text; {estimator!r} is neither.")
    name = type(estimator).__name__
    for check in _yield_all_checks(estimator):
        yield estimator, partial(check, name)


def check_text_estimator(
    estimator: Any,
    *,
    expected_failed_checks: dict[str, str] | None = None,
    on_skip: Literal["warn"] | None = "warn",
    on_fail: Literal["raise", "warn"] | None = "raise",
    callback: Callable[..., object] | None = None,
) -> list[dict[str, Any]]:
    """Check that an estimator of raw text follows scikit-learn's conventions.

    This is ``sklearn.utils.estimator_checks.check_estimator`` for text.

    Parameters
    ----------
    estimator : estimator object
        A classifier or regressor whose X is an iterable of str. The checks fit clones of it.
    expected_failed_checks : dict of str to str, default=None
        Names of checks that are known to fail, with the reasons.
    on_skip : "warn" or None, default="warn"
        "warn" gives a ``SkipTestWarning`` for each check that cannot run.
    on_fail : "raise", "warn" or None, default="raise"
        "raise" raises the first failure that is not expected. "warn" gives an ``EstimatorCheckFailedWarning`` for
        each failure. None only reports failures in the results.
    callback : callable or None, default=None
        Called with each result as keyword arguments. Cannot be combined with ``on_fail="raise"``.

    Returns
    -------
    results : list of dict
        For each check: "estimator", "check_name", "exception" (or None), "status" ("passed", "failed", "xfail"
        or "skipped"), "expected_to_fail" and "expected_to_fail_reason".

    Raises
    ------
    Exception
        The error of the first check that fails, with ``on_fail="raise"``.

    See Also
    --------
    parametrize_with_text_checks : Run each check as a test of pytest.

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
    estimators: Sequence[Any],
    *,
    expected_failed_checks: Callable[[Any], dict[str, str]] | None = None,
    xfail_strict: bool | None = None,
) -> Any:
    """Run each check of each estimator as a test of pytest.

    This is ``sklearn.utils.estimator_checks.parametrize_with_checks`` for text.

    Parameters
    ----------
    estimators : list of estimator objects
        Classifiers and regressors whose X is an iterable of str.
    expected_failed_checks : callable, default=None
        Takes an estimator. Returns a dict with the names of checks that are known to fail, and the reasons. Their
        tests are marked xfail.
    xfail_strict : bool, default=None
        Whether the test of a check that passes unexpectedly fails. None uses the configuration of pytest.

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
    ... def test_text_conventions(estimator, check):
    ...     check(estimator)
    """
    import pytest

    strictness: dict[str, Any] = {} if xfail_strict is None else {"strict": xfail_strict}
    params = []
    for estimator in estimators:
        expected = expected_failed_checks(estimator) if expected_failed_checks is not None else {}
        for _, check in yield_text_checks(estimator):
            reason = expected.get(_check_name(check))
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason, **strictness)]
            params.append(pytest.param(estimator, check, marks=marks))
    return pytest.mark.parametrize(("estimator", "check"), params, ids=_test_id)


def _yield_all_checks(estimator: Any) -> Iterator[Check]:
    yield from yield_api_checks(estimator)
    yield from yield_consistency_checks(estimator)
    yield from yield_input_checks(estimator)
    if has_fit_parameter(estimator, "sample_weight"):
        yield from yield_sample_weight_checks(estimator)
    if has_type_classifier(estimator):
        yield from yield_classifier_checks(estimator)
    else:
        yield from yield_regressor_checks(estimator)


def _run(estimator: Any, check: partial[None], expected_failed_checks: dict[str, str]) -> dict[str, Any]:
    name = _check_name(check)
    exception: BaseException | None = None
    try:
        check(estimator)
    except SkipTest as error:
        exception, status = error, "skipped"
    except Exception as error:
        exception, status = error, "xfail" if name in expected_failed_checks else "failed"
    else:
        status = "passed"
    return {
        "estimator": estimator,
        "check_name": name,
        "exception": exception,
        "status": status,
        "expected_to_fail": name in expected_failed_checks,
        "expected_to_fail_reason": expected_failed_checks.get(name, "Check is not expected to fail"),
    }


def _check_name(check: partial[None]) -> str:
    return check.func.__name__


def _test_id(value: Any) -> str:
    if isinstance(value, partial):
        return _check_name(value)
    with config_context(print_changed_only=True):
        return re.sub(r"\s", "", repr(value))
