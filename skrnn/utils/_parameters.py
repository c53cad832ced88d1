"""Constraints of parameters: each estimator declares them in a table, and a fit checks the table first.

A small form of scikit-learn's ``_parameter_constraints``. A constraint also returns the value in Python's own
type, so that computations with a NumPy scalar do not overflow.
"""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from types import SimpleNamespace
from typing import Any, Literal, Protocol, cast

import numpy as np

from skrnn.utils._repr import short_repr

# NumPy counts in 64-bit integers, and networks compute in float32.
_LARGEST: dict[type, float] = {int: 2**63 - 1, float: float(np.finfo(np.float32).max)}


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a value that it does not take."""


class Constraint(Protocol):
    """Some of the values that a parameter takes. Its ``str`` completes the sentence "Expected x to be ..."."""

    def __contains__(self, value: object) -> bool: ...

    def plain(self, value: Any) -> Any:
        """Return an accepted value in Python's own type."""


def _is_number(value: object, kind: type) -> bool:
    # Python counts booleans as integers, and NumPy durations.
    return isinstance(value, kind) and not isinstance(value, bool | np.timedelta64)


@dataclass(frozen=True)
class Interval:
    """Numbers of one kind between two bounds. Numbers that a computation cannot represent are too large."""

    kind: type[int] | type[float]
    low: float
    high: float = math.inf
    closed: Literal["left", "right", "both", "neither"] = "left"

    def __contains__(self, value: object) -> bool:
        if not _is_number(value, Integral if self.kind is int else Real):
            return False
        number: Any = value.item() if isinstance(value, np.generic) else value
        if number > self.largest:
            return False
        above = number >= self.low if self.closed in ("left", "both") else number > self.low
        return bool(above and (number <= self.high if self.closed in ("right", "both") else number < self.high))

    @property
    def largest(self) -> float:
        """The largest number that computations can represent."""
        return _LARGEST[self.kind]

    def plain(self, value: Any) -> int | float:
        return self.kind(value)

    def __str__(self) -> str:
        kind = "an integer" if self.kind is int else "a number"
        low = f"{'>=' if self.closed in ('left', 'both') else '>'} {self.low}"
        high = f" and {'<=' if self.closed in ('right', 'both') else '<'} {self.high}"
        return f"{kind} {low}{high if self.high < math.inf else ''}"


@dataclass(frozen=True)
class IntegerTuple:
    """Tuples and lists of integers with a lower bound."""

    low: int
    description: str
    accepts: Callable[[tuple[int, ...]], bool] = bool  # not empty

    def __contains__(self, value: object) -> bool:
        integer = Interval(int, self.low)
        return isinstance(value, tuple | list) and all(n in integer for n in value) and self.accepts(tuple(value))

    def plain(self, value: Any) -> tuple[int, ...]:
        return tuple(map(int, value))

    def __str__(self) -> str:
        return self.description


@dataclass(frozen=True)
class Options:
    """Strings from a list. A description stands for a long list in the error message."""

    names: Sequence[str]
    description: str | None = None

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and value in self.names

    def plain(self, value: Any) -> str:
        return str(value)

    def phrases(self) -> list[str]:
        return [*map(repr, self.names)] if self.description is None else [self.description]


@dataclass(frozen=True)
class Where:
    """Values for which a function returns True."""

    description: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value

    def __contains__(self, value: object) -> bool:
        return self.accepts(value)

    def plain(self, value: Any) -> Any:
        return self.convert(value)

    def __str__(self) -> str:
        return self.description


BOOLEAN = Where("True or False", lambda value: isinstance(value, bool | np.bool_), bool)
CALLABLE = Where("a callable", callable)
NONE = Where("None", lambda value: value is None)
DICT = Where("a dict", lambda value: type(value) is dict)
STRING = Where("a str", lambda value: isinstance(value, str), str)


def is_plain_array(value: object) -> bool:
    """Return whether this is an array of NumPy, in memory or in a file. Subclasses may compute differently."""
    return type(value) in (np.ndarray, np.memmap)


def list_of(constraint: Constraint, description: str) -> Where:
    """Return the constraint for lists whose items a constraint accepts."""
    return Where(
        description,
        lambda value: type(value) is list and all(item in constraint for item in value),
        lambda value: [constraint.plain(item) for item in value],
    )


def validated_params(estimator: Any, constraints: Mapping[str, Sequence[Constraint]]) -> SimpleNamespace:
    """Return the parameters of an estimator in Python's own types.

    Parameters that a subclass adds without a constraint are left out.

    Raises
    ------
    InvalidParameterError
        If no constraint of a parameter accepts its value.
    """
    values = {name: validated(name, getattr(estimator, name), allowed) for name, allowed in constraints.items()}
    return SimpleNamespace(**values)


def validated_fields(fields: Mapping[str, Any], constraints: Mapping[str, Sequence[Constraint]]) -> dict[str, Any]:
    """Return the fields of a state in Python's own types.

    Raises
    ------
    ValueError
        If a field is missing, unknown or invalid.
    """
    if set(fields) != set(constraints):
        raise ValueError(f"Expected the fields {', '.join(constraints)}; got {', '.join(map(str, fields))}.")
    return {name: validated(name, fields[name], allowed) for name, allowed in constraints.items()}


def validated(name: str, value: Any, constraints: Sequence[Constraint]) -> Any:
    """Return the value of one parameter in Python's own type, or raise InvalidParameterError."""
    for constraint in constraints:
        if value in constraint:
            return constraint.plain(value)
    options = [constraint for constraint in constraints if isinstance(constraint, Options)]
    others = [str(constraint) for constraint in constraints if not isinstance(constraint, Options)]
    *first, last = [*(phrase for option in options for phrase in option.phrases()), *others]
    expected = f"{', '.join(first)} or {last}" if first else last
    hint = _largest_number(value, constraints) or _suggestion(value, options)
    raise InvalidParameterError(f"Expected {name} to be {expected}; got {short_repr(value)}.{hint}")


def _largest_number(value: Any, constraints: Sequence[Constraint]) -> str:
    """Return a hint to the largest number if the value is larger, or an empty string."""
    largest = max(
        (constraint.largest for constraint in constraints if isinstance(constraint, Interval)), default=0
    )
    is_larger = _is_number(value, Real) and cast(Any, value) > largest > 0
    return f" The largest possible number is {largest:.4g}." if is_larger else ""


def _suggestion(value: Any, options: Sequence[Options]) -> str:
    """Return a hint to the name that a misspelt value may stand for, or an empty string."""
    if not isinstance(value, str):
        return ""
    word = value.lower()
    nearest = difflib.get_close_matches(word, [name for option in options for name in option.names])
    nearest.sort(key=lambda name: sorted(name) != sorted(word))  # the same letters in another order come first
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
