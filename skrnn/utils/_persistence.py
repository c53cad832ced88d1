"""The state of estimators in files: its format, and the checks before it is used.

The format number goes up when the state changes so that older code would misread it, or newer code older states.
Then ``__setstate__`` must convert older states, and a small file of each format stays under test.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sklearn.exceptions import InconsistentVersionWarning

from skrnn._version import __version__
from skrnn.utils._parameters import Constraint, validated_fields
from skrnn.utils._repr import ReadableEstimator

FORMAT = 1
_STAMP = "_skrnn"


class PersistentEstimator(ReadableEstimator):
    """An estimator whose state in files is plain data with a format number."""

    _parameter_constraints: ClassVar[Mapping[str, Sequence[Constraint]]]
    _learned_attribute: ClassVar[str]  # the attribute that a fit adds

    def __getstate__(self) -> dict[str, Any]:
        attributes = super().__getstate__()
        self._check_params(attributes)  # here too, because the file could not be read
        return {**self._to_plain_state(attributes), _STAMP: {"format": FORMAT, "version": __version__}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        name = type(self).__name__
        stamp = state.get(_STAMP) if isinstance(state, dict) else None
        if not isinstance(stamp, dict) or type(stamp.get("format")) is not int:
            raise ValueError(f"This {name} cannot be restored: its state does not say in which format it is.")
        version = str(stamp.get("version"))
        if stamp["format"] != FORMAT:
            raise ValueError(
                f"This {name} was saved by skrnn {version} in format {stamp['format']}. skrnn {__version__} reads "
                f"format {FORMAT}. Install the version of skrnn that saved the file, or a newer one."
            )
        attributes = {key: value for key, value in state.items() if key != _STAMP}
        try:
            _check_names(type(self), attributes)
            self._check_params(attributes)
            restored = self._from_plain_state(attributes)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"This {name} cannot be restored, its state is damaged: {error}") from error
        if version != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=name, current_sklearn_version=__version__, original_sklearn_version=version
                ),
                stacklevel=2,
            )
        super().__setstate__(restored)

    def __sklearn_is_fitted__(self) -> bool:
        return self._learned_attribute in self.__dict__

    def _check_params(self, attributes: dict[str, Any]) -> None:
        """Raise an error if a fitted estimator has a parameter that is not allowed. A fit checks the others."""
        if self._learned_attribute in attributes:
            params = {name: attributes[name] for name in self._parameter_constraints if name in attributes}
            validated_fields(params, self._parameter_constraints)

    def __copy__(self) -> Any:
        # The default shallow copy would convert and check the state, which is for files.
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def _to_plain_state(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return the attributes as JSON types, lists of str and arrays."""
        return attributes

    def _from_plain_state(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return the attributes that a plain state stands for, or raise an error if it is damaged."""
        return state


def _check_names(cls: type, attributes: dict[str, Any]) -> None:
    """Raise ValueError if attributes would replace methods or other attributes of the class."""
    bases = [base for base in cls.__mro__ if base.__module__.partition(".")[0] in ("builtins", "sklearn", "skrnn")]
    for name in attributes:
        if not isinstance(name, str) or any(name in vars(base) for base in bases):
            raise ValueError(f"It would replace the attribute {name!r} of the class.")
