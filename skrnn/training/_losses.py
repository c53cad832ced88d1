"""The loss functions by name, and the metric that is reported beside each.

A new loss needs an entry in ``LOSSES``, and its name in the constraint of the estimators' parameter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

Tensor = Any


@dataclass(frozen=True)
class Loss:
    """A loss function.

    ``make`` returns Keras' loss. ``make_smoothed`` returns the loss with label smoothing for a rate and the base
    rates of the outputs, or is None. ``accuracy`` is a class of Keras' metrics, or None.
    """

    make: Callable[[], Any]
    make_smoothed: Callable[[float, np.ndarray], Any] | None = None
    accuracy: type | None = None


class SmoothedBinaryCrossentropy(keras.losses.Loss):
    """Cross-entropy of independent probabilities, with label smoothing towards the base rate of each output.

    Keras smooths towards 1/2, which makes the probabilities of rare classes many times too high. The base rates
    are in a variable, so that training runs with other base rates use the same graph.
    """

    def __init__(self, label_smoothing: float, base_rates: np.ndarray) -> None:
        super().__init__()
        self._label_smoothing = label_smoothing
        self.base_rates = keras.Variable(base_rates, trainable=False, dtype="float32")  # (n_outputs,)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        smoothed = (1 - self._label_smoothing) * y_true + self._label_smoothing * self.base_rates
        return keras.losses.binary_crossentropy(smoothed, y_pred)  # (batch,)


class SmoothedCategoricalCrossentropy(keras.losses.Loss):
    """Cross-entropy of classes given as integers, with label smoothing, which Keras' own loss does not support.

    The smoothing is uniform. With smoothing towards the base rates, networks miss more samples of rare classes.
    """

    def __init__(self, label_smoothing: float) -> None:
        super().__init__()
        self._label_smoothing = label_smoothing

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        epsilon = keras.config.epsilon()
        true_class = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)  # (batch,)
        all_classes = -keras.ops.mean(keras.ops.log(keras.ops.clip(y_pred, epsilon, 1.0 - epsilon)), axis=-1)
        return (1 - self._label_smoothing) * true_class + self._label_smoothing * all_classes


LOSSES = {
    "binary_crossentropy": Loss(
        keras.losses.BinaryCrossentropy, SmoothedBinaryCrossentropy, keras.metrics.BinaryAccuracy
    ),
    "categorical_crossentropy": Loss(
        keras.losses.SparseCategoricalCrossentropy,
        lambda label_smoothing, _: SmoothedCategoricalCrossentropy(label_smoothing),
        keras.metrics.SparseCategoricalAccuracy,
    ),
    "squared_error": Loss(keras.losses.MeanSquaredError),
    "absolute_error": Loss(keras.losses.MeanAbsoluteError),
}


def new_loss(name: str, label_smoothing: float, base_rates: Any) -> Any:
    """Return a new loss of Keras."""
    loss = LOSSES[name]
    if not label_smoothing or loss.make_smoothed is None:
        return loss.make()
    return loss.make_smoothed(label_smoothing, base_rates)


def set_base_rates(model: Any, base_rates: np.ndarray | None) -> None:
    """Set the base rates of a compiled model's loss, if it uses any."""
    if isinstance(model.loss, SmoothedBinaryCrossentropy):
        model.loss.base_rates.assign(base_rates)
