"""Keras callbacks of a training run: early stopping, cosine decay, the observer, and the user's callbacks."""

import copy
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from skrnn.training._display import EpochLines
from skrnn.training._settings import EpochObserver, TrainingSettings

Logs = dict[str, Any] | None


def new_callbacks(
    settings: TrainingSettings,
    first_epoch: int,
    observer: EpochObserver | None,
    weights: Callable[[], dict[str, np.ndarray]],
) -> list[Any]:
    """Return the callbacks of one training run.

    They run in this order in each epoch, and a later one sees the logs that an earlier one adds. ``weights``
    returns the network's weights for the observer.
    """
    from_user = [_new_callback(callback) for callback in settings.callbacks]
    callbacks: list[Any] = [_StopIfNotFinite()]
    is_scheduled = settings.learning_rate_schedule is not None or any(map(_sets_learning_rate, from_user))
    if settings.learning_rate_decay == "cosine" and not is_scheduled:
        callbacks.append(_CosineDecay(settings.learning_rate, first_epoch, settings.epochs))
    if observer is not None:
        callbacks.append(_Observation(observer, weights))
    callbacks += from_user
    if settings.patience is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor=settings.monitor,
                mode="min" if settings.monitor == "val_loss" else "max",
                min_delta=settings.tol,
                patience=settings.patience,
                restore_best_weights=True,
            )
        )
    if settings.verbose:
        callbacks.append(EpochLines())
    return callbacks


def _new_callback(callback: Any) -> Any:
    """Return a callback for one training run.

    An instance is copied, so that the user's own one refers to no model. The copy is shallow, because a callback
    may report to an object outside, such as a trial of Optuna. Keras' callbacks reset their state when training
    begins.
    """
    if isinstance(callback, keras.callbacks.Callback):
        return copy.copy(callback)
    made = callback()
    if not isinstance(made, keras.callbacks.Callback):
        raise TypeError(f"Expected {callback!r} in callbacks to make a Keras callback; it made {made!r}.")
    return made


def _sets_learning_rate(callback: Any) -> bool:
    kinds = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau
    return isinstance(callback, kinds)


def best_epoch(callbacks: list[Any], n_epochs: int) -> int:
    """Return the epoch, counted from 1, whose weights the network has at the end of training."""
    restoring = _restoring(callbacks)
    return restoring[-1].best_epoch + 1 if restoring else n_epochs


def restore_best_weights(model: Any, callbacks: list[Any]) -> None:
    """Give the model the best weights so far, as early stopping does at the end of training."""
    for callback in _restoring(callbacks):
        model.set_weights(callback.best_weights)


def end_line(callbacks: list[Any]) -> None:
    """End the line of a progress bar that an interruption or an error has left."""
    for callback in callbacks:
        if isinstance(callback, EpochLines):
            callback.end_line()


def _restoring(callbacks: list[Any]) -> list[Any]:
    """Return the callbacks that restore the best weights, including the user's. The last one decides."""
    stopping = [callback for callback in callbacks if isinstance(callback, keras.callbacks.EarlyStopping)]
    return [
        callback for callback in stopping if callback.restore_best_weights and callback.best_weights is not None
    ]


class _StopIfNotFinite(keras.callbacks.Callback):
    """Stop if the loss of an epoch is not finite.

    Keras' TerminateOnNaN checks every batch, so that each batch waits for its result.
    """

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if not np.isfinite((logs or {})["loss"]):
            self.model.stop_training = True


class _CosineDecay(keras.callbacks.Callback):
    """Lower the learning rate along half a cosine to zero, unless another callback sets it.

    The rate changes between epochs, so that the graph of a step does not depend on the number of steps.
    """

    def __init__(self, learning_rate: float, first_epoch: int, n_epochs: int) -> None:
        super().__init__()
        self._learning_rate, self._first_epoch, self._n_epochs = learning_rate, first_epoch, n_epochs

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._rate_before = _learning_rate(model)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if _learning_rate(self.model) != self._rate_before:
            return
        done = (epoch - self._first_epoch + 0.5) / self._n_epochs
        self.model.optimizer.learning_rate = self._learning_rate * (1 + np.cos(np.pi * done)) / 2
        self._rate_before = _learning_rate(self.model)


def _learning_rate(model: Any) -> float:
    return float(model.optimizer.learning_rate.numpy())


class _Observation(keras.callbacks.Callback):
    """Call the observer, and add its scores to the logs."""

    def __init__(self, observer: EpochObserver, weights: Callable[[], dict[str, np.ndarray]]) -> None:
        super().__init__()
        self._observer, self._weights = observer, weights

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._observer.begin_epoch()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        if not np.isfinite(logs["loss"]):
            return  # scores would fail, but the loss is the error to report
        scores, stop = self._observer.end_epoch(self._weights)
        logs.update(scores)
        if stop:
            self.model.stop_training = True
