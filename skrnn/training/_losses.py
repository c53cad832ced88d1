"""The loss functions by name, and the metric that is reported beside each.

A new loss needs an entry in ``LOSSES``, and its name in the constraint of the estimators' parameter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

Tensor = Any


@dataclass(frozen=True)
class Loss:
    """A loss function.

    ``make`` returns Keras' loss for a label smoothing. ``accuracy`` is a class of Keras' metrics, or None.
    """

    make: Callable[[float], Any]
    accuracy: type | None = None


class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy with label smoothing for classes given as integers, which Keras' own loss does not support."""

    def __init__(self, label_smoothing: float) -> None:
        super().__init__()
        self._label_smoothing = label_smoothing

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        epsilon = keras.config.epsilon()
        true_class = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)  # (batch,)
        all_classes = -keras.ops.mean(keras.ops.log(keras.ops.clip(y_pred, epsilon, 1.0 - epsilon)), axis=-1)
        return (1 - self._label_smoothing) * true_class + self._label_smoothing * all_classes


def _binary_crossentropy(label_smoothing: float) -> Any:
    return keras.losses.BinaryCrossentropy(label_smoothing=label_smoothing)


def _categorical_crossentropy(label_smoothing: float) -> Any:
    if label_smoothing:
        return SmoothedCrossentropy(label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy()


LOSSES = {
    "binary_crossentropy": Loss(_binary_crossentropy, keras.metrics.BinaryAccuracy),
    "categorical_crossentropy": Loss(_categorical_crossentropy, keras.metrics.SparseCategoricalAccuracy),
    "squared_error": Loss(lambda _: keras.losses.MeanSquaredError()),
    "absolute_error": Loss(lambda _: keras.losses.MeanAbsoluteError()),
}
