"""Arrays from what users pass."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from conftest import EVERY_ESTIMATOR, problem
from sklearn import config_context

from skrnn.estimators._arrays import as_array, as_numbers

DATES = pd.date_range("2020", periods=2)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2],
        (1.0, 2.0),
        range(1, 3),
        np.array([1, 2], dtype=object),
        np.ma.array([1, 2]),
        pd.Series([1, 2], dtype="Float64"),
        [Decimal(1), Fraction(2)],
        [True, np.int8(2)],
    ],
)
def test_containers_of_numbers_are_accepted(values):
    np.testing.assert_array_equal(as_numbers(values, "y"), [1, 2])


@pytest.mark.parametrize("values", [{1: 2}.values(), {1: 2}, {1, 2}, iter([1, 2]), "ab", None, map(str, [1])])
def test_other_iterables_are_refused(values):
    with pytest.raises(TypeError, match=rf"^Expected y to be an array-like; got a {type(values).__name__}\."):
        as_array(values, "y")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (DATES, "datetime64"),
        ([pd.NaT, pd.NaT], "NaTType"),
        (DATES.to_numpy(), "datetime64"),
        (DATES.tz_localize("UTC"), "Timestamp"),
        (DATES - DATES[0], "timedelta64"),
        ([dt.timedelta(1)], "timedelta"),
        (np.array(["NaT"], dtype="M8[s]"), "datetime64"),
        (["1", "2"], "<U1"),
        (np.array(["1", "2"], dtype=object), "str"),
        ([b"1"], r"\|S1"),
        ([None, 1.0], "NoneType"),
        ([pd.NA, 1.0], "NAType"),
        (pd.DataFrame({"a": [1.0], "b": DATES[:1]}), "Timestamp"),
        (pd.DataFrame({"a": [pd.Series([1.0])]}), "Series"),
        (np.zeros(2, dtype=[("a", float)]), "a"),
    ],
)
def test_other_values_are_no_numbers(values, kind):
    with pytest.raises(TypeError, match=f"^Expected y to be numbers; got .*{kind}"):
        as_numbers(values, "y")


def test_masked_values_are_refused():
    with pytest.raises(ValueError, match="without masked values"):
        as_numbers(np.ma.array([1, 2], mask=[False, True]), "y")


@EVERY_ESTIMATOR
def test_nan_is_refused_with_any_configuration_of_scikit_learn(cls):
    estimator, X, y = problem(cls)
    numeric_y = np.arange(len(X)) % 2.0
    hole = np.where(np.arange(len(X)) == 3, np.nan, 1.0)
    with config_context(assume_finite=True):
        if "Sequence" in cls.__name__:
            with pytest.raises(ValueError, match="X contains NaN"):
                estimator.fit(hole[:, None], y)
        with pytest.raises(ValueError, match="y contains NaN"):
            estimator.fit(X, numeric_y * hole)
        with pytest.raises(ValueError, match="sample_weight contains NaN"):
            estimator.fit(X, y, hole)


def test_data_that_is_not_in_memory_is_refused():
    class LazyFrame:  # as polars
        def collect(self):
            raise AssertionError

    with pytest.raises(TypeError, match=r"got a LazyFrame. Call its method collect\(\) first"):
        as_array(LazyFrame(), "y")
