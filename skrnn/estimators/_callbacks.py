"""scikit-learn's callbacks, with an epoch as the task: the one place that knows their interface.

They came with scikit-learn 1.9 and are experimental there. On older versions there is no ``set_callbacks``, and
all here does nothing.
"""

from collections.abc import Callable

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""

    def with_callbacks(method):  # type: ignore[no-redef]
        return method


__all__ = ["CallbackSupportMixin", "EpochTasks", "with_callbacks"]


class EpochTasks:
    """Tells the callbacks of an estimator when its fit and its epochs begin and end."""

    def __init__(self, estimator, n_epochs: int | None, X, y, sample_weight):
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

    def end_epoch(self, fitted: Callable[[], dict]) -> bool:
        """Whether a callback wants training to stop; ``fitted`` returns the attributes as of now."""
        return self.has_callbacks and self._end(self._epoch, fitted)

    def end(self, fitted: Callable[[], dict]) -> None:
        if self.has_callbacks:
            self._end(self._fit, fitted)

    def _end(self, context, fitted) -> bool:
        return context.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes=fitted
        )
