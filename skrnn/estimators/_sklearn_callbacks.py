"""scikit-learn's callbacks, with an epoch as the task.

They came with scikit-learn 1.9 and are experimental there. With older versions, estimators have no
``set_callbacks``, and nothing here has an effect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])

if TYPE_CHECKING:

    class CallbackSupportMixin:
        def set_callbacks(self, *callbacks: Any) -> Any: ...

    _with_callbacks: Any
else:
    try:
        from sklearn.callback import CallbackSupportMixin
        from sklearn.callback import with_callbacks as _with_callbacks
    except ImportError:

        class CallbackSupportMixin:
            """No support."""

        def _with_callbacks(method):
            return method


def with_callbacks(method: T) -> T:
    """Decorate ``fit`` as scikit-learn asks for, and keep its type."""
    return _with_callbacks(method)


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
