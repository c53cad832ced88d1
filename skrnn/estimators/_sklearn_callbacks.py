"""scikit-learn's callbacks, with an epoch as the task.

They came with scikit-learn 1.9 and are experimental there. With older versions, estimators have no
``set_callbacks``, and nothing here has an effect.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


class _NoCallbackSupport:
    """The mixin for versions of scikit-learn without callbacks."""


def _no_callbacks(method: Any) -> Any:
    return method


CallbackSupportMixin: Any
with_callbacks: Any
try:
    _callback: Any = import_module("sklearn.callback")
except ImportError:
    CallbackSupportMixin, with_callbacks = _NoCallbackSupport, _no_callbacks
else:
    CallbackSupportMixin, with_callbacks = _callback.CallbackSupportMixin, _callback.with_callbacks


class EpochTasks:
    """Reports to the callbacks of an estimator when its fit and its epochs begin and end."""

    def __init__(self, estimator: Any, n_epochs: int | None, X: Any, y: Any, sample_weight: Any) -> None:
        self.has_callbacks = bool(getattr(estimator, "_skl_callbacks", None))
        self._estimator = estimator
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._data = {"X": X, "y": y, "metadata": metadata}
        if self.has_callbacks:
            self._fit = estimator._init_callback_context(max_subtasks=n_epochs)
            self._fit.call_on_fit_task_begin(estimator=estimator, **self._data)

    def begin_epoch(self) -> None:
        if self.has_callbacks:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def end_epoch(self, attributes: Callable[[], dict[str, Any]]) -> bool:
        """Return whether a callback stops training. ``attributes`` returns what the fit has learned so far."""
        return self.has_callbacks and self._end(self._epoch, attributes)

    def end(self, attributes: Callable[[], dict[str, Any]]) -> None:
        if self.has_callbacks:
            self._end(self._fit, attributes)

    def _end(self, context: Any, attributes: Callable[[], dict[str, Any]]) -> bool:
        return context.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes=attributes
        )
