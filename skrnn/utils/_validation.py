"""Checks of parameters that say what was expected, what came and what to do. Knows nothing else."""

import difflib
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np


def check_choice(name: str, value, choices: Sequence[str], *, or_else: str = "") -> None:
    """Raise unless ``value`` is one of ``choices``; suggest the nearest one."""
    if isinstance(value, str) and value in choices:
        return
    expected = ", ".join(repr(choice) for choice in choices) + (f" or {or_else}" if or_else else "")
    message = f"Expected {name} to be one of {expected}; got {value!r}."
    if not isinstance(value, str):
        raise TypeError(message)
    nearest = difflib.get_close_matches(value.lower(), choices, n=1)
    raise ValueError(message + (f" Did you mean {nearest[0]!r}?" if nearest else ""))


def check_number(
    name: str, value, kind, *, low, high=None, low_open: bool = False, high_open: bool = False, or_else: str = ""
):
    """Raise unless ``value`` is of ``kind`` (``numbers.Integral`` or ``Real``) and within the bounds.

    A bound is part of the range unless it is open.
    """
    expected = "an integer" if kind is Integral else "a number"
    expected += f" {'>' if low_open else '>='} {low}"
    if high is not None:
        expected += f" and {'<' if high_open else '<='} {high}"
    expected += f" or {or_else}" if or_else else ""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"Expected {name} to be {expected}; got {value!r}.")
    above_low = value > low if low_open else value >= low
    below_high = high is None or (value < high if high_open else value <= high)
    if not (above_low and below_high):
        raise ValueError(f"Expected {name} to be {expected}; got {value!r}.")


def check_rate(name: str, value) -> None:
    """Raise unless ``value`` can be a rate of dropout."""
    check_number(name, value, Real, low=0, high=1, high_open=True)


def check_bool(name: str, value, *, or_else: str = "") -> None:
    """Raise unless ``value`` is True or False."""
    if not isinstance(value, bool | np.bool_):
        expected = f"True, False or {or_else}" if or_else else "True or False"
        raise TypeError(f"Expected {name} to be {expected}; got {value!r}.")
