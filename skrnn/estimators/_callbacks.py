"""scikit-learn's callbacks, with an epoch as the task.

They came with scikit-learn 1.9 and are experimental there. With older versions, estimators have no
``set_callbacks``, and nothing here has an effect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """No support."""

    def with_callbacks(method: Any) -> Any:  # type: ignore[no-redef]
        return method


__all__ = ["CallbackSupportMixin", "EpochTasks", "with_callbacks"]


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
