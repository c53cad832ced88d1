"""The state of estimators in files: its format, and the checks before it is used.

The format number goes up when the state changes so that older code would misread it, or newer code older states.
Then ``__setstate__`` must convert older states, and a small file of each format stays under test.
"""

import warnings
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

from skrnn._version import __version__
from skrnn.utils._repr import ReadableEstimator

FORMAT = 1
_STAMP = "_skrnn"


class PersistentEstimator(ReadableEstimator):
    """An estimator whose state in files is plain data with a format number."""

    def __getstate__(self) -> dict[str, Any]:
        stamp = {"format": FORMAT, "version": __version__}
        return {**self._to_plain_state(super().__getstate__()), _STAMP: stamp}

    def __setstate__(self, state: dict[str, Any]) -> None:
        name = type(self).__name__
        stamp = state.get(_STAMP)
        if not isinstance(stamp, dict) or type(stamp.get("format")) is not int:
            raise ValueError(f"This {name} cannot be restored: its state does not say in which format it is.")
        version = stamp.get("version")
        if stamp["format"] != FORMAT:
            raise ValueError(
                f"This {name} was saved by skrnn {version} in format {stamp['format']}. skrnn {__version__} reads "
                f"format {FORMAT}. Install the version of skrnn that saved the file, or a newer one."
            )
        try:
            restored = self._from_plain_state({key: value for key, value in state.items() if key != _STAMP})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"This {name} cannot be restored, its state is damaged: {error}") from error
        if version != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=name, current_sklearn_version=__version__, original_sklearn_version=version
                ),
                stacklevel=2,
            )
        super().__setstate__(restored)

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
