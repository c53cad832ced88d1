"""Constraints of parameters: each estimator declares them in a table, and a fit checks the table first.

scikit-learn's ``_parameter_constraints`` in small. A constraint also returns the value in Python's own type, so that
what is computed from a NumPy scalar does not overflow.
"""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from types import SimpleNamespace
from typing import Any, Literal, Protocol

import numpy as np


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a value that it does not take."""


class Constraint(Protocol):
    """Some of the values that a parameter takes. Its ``str`` completes the sentence "Expected x to be ..."."""

    def __contains__(self, value: object) -> bool: ...

    def plain(self, value: Any) -> Any:
        """Return an accepted value in Python's own type."""


@dataclass(frozen=True)
class Interval:
    """Numbers of one kind between two bounds."""

    kind: type[int] | type[float]
    low: float
    high: float = math.inf
    closed: Literal["left", "right", "both", "neither"] = "left"

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, Integral if self.kind is int else Real):
            return False
        above = value >= self.low if self.closed in ("left", "both") else value > self.low
        return bool(above and (value <= self.high if self.closed in ("right", "both") else value < self.high))

    def plain(self, value: Any) -> int | float:
        return self.kind(value)

    def __str__(self) -> str:
        kind = "an integer" if self.kind is int else "a number"
        low = f"{'>=' if self.closed in ('left', 'both') else '>'} {self.low}"
        high = f" and {'<=' if self.closed in ('right', 'both') else '<'} {self.high}"
        return f"{kind} {low}{high if self.high < math.inf else ''}"


@dataclass(frozen=True)
class Options:
    """Strings from a list."""

    names: Sequence[str]

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and value in self.names

    def plain(self, value: Any) -> str:
        return str(value)

    def __str__(self) -> str:
        return ", ".join(map(repr, self.names))


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


def validated(name: str, value: Any, constraints: Sequence[Constraint]) -> Any:
    """Return the value of one parameter in Python's own type, or raise InvalidParameterError."""
    for constraint in constraints:
        if value in constraint:
            return constraint.plain(value)
    *first, last = map(str, constraints)
    expected = f"{', '.join(first)} or {last}" if first else last
    names = [option for constraint in constraints if isinstance(constraint, Options) for option in constraint.names]
    nearest = difflib.get_close_matches(value.lower(), names, n=1) if isinstance(value, str) else []
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise InvalidParameterError(f"Expected {name} to be {expected}; got {value!r}.{hint}")
