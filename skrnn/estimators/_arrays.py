"""Turn what users pass as X, y or weights into arrays. Dates, strings and missing values are no numbers."""

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.utils import check_array

from skrnn.sequences._storage import check_in_memory

_NUMBERS = (Real, np.bool_, Decimal)


def as_array(values: Any, name: str) -> np.ndarray:
    """Return an array-like as an array of any dtype.

    NumPy would turn sets, generators and views of dicts into an array of one object, and forget which elements are
    masked.
    """
    check_in_memory(values)
    array = np.asarray(values)
    if array.ndim == 0 and not isinstance(values, Real):
        advice = "Use .toarray() for sparse data." if sparse.issparse(values) else "Pass a list or an array."
        raise TypeError(f"Expected {name} to be an array-like; got a {type(values).__name__}. {advice}")
    if np.ma.is_masked(values):
        raise ValueError(f"Expected {name} without masked values. Fill them, or drop the samples.")
    return array


def as_numbers(values: Any, name: str) -> np.ndarray:
    """Return an array-like of numbers as an array of numbers. ``check_array`` refuses complex ones."""
    array = as_array(values, name)
    if array.dtype.kind == "O":
        array = _from_objects(array, name)
    if array.dtype.kind not in "buifc":
        raise TypeError(f"Expected {name} to be numbers; got {array.dtype}.")
    return array


def _from_objects(array: np.ndarray, name: str) -> np.ndarray:
    others = sorted(kind.__name__ for kind in set(map(type, array.flat)) if not issubclass(kind, _NUMBERS))
    problem = f"Expected {name} to be numbers; got {', '.join(others) or 'objects'}"
    try:
        numbers = array.astype(np.float64)
    except (OverflowError, TypeError, ValueError) as error:
        raise TypeError(f"{problem} ({error}).") from error
    if others:  # NumPy reads strings and dates as numbers
        raise TypeError(f"{problem}.")
    return numbers


def check_finite(array: Any, name: str, **options: Any) -> np.ndarray:
    """Return the result of ``check_array``. NaN is an error also if scikit-learn is set to ``assume_finite=True``.

    Inside a network, NaN is the padding of sequences.
    """
    with config_context(assume_finite=False):
        return check_array(array, input_name=name, **options)
