"""The loss functions by name, and the metric that is reported beside each.

A new loss needs an entry in ``LOSSES``, and its name in the constraint of the estimators' parameter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import keras
import numpy as np

from skrnn.training._settings import TrainingSettings

Tensor = Any


@dataclass(frozen=True)
class Loss:
    """A loss function.

    ``make`` returns a new loss of Keras. ``accuracy`` is a class of Keras' metrics, or None.
    """

    make: Callable[[TrainingSettings], Any]
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
        return keras.losses.binary_crossentropy(self._smoothed(y_true), y_pred)  # (batch,)

    def _smoothed(self, y_true: Tensor) -> Tensor:
        return (1 - self._label_smoothing) * y_true + self._label_smoothing * self.base_rates


class WeightedBinaryCrossentropy(SmoothedBinaryCrossentropy):
    """Cross-entropy with weights of the absence and of the presence of each label, which are in a variable too.

    A single weight for each sample, as scikit-learn's product of the weights of all labels, would give a sample
    with a rare label a large weight in the losses of all other labels.
    """

    def __init__(self, label_smoothing: float, base_rates: np.ndarray, label_weights: np.ndarray) -> None:
        super().__init__(label_smoothing, base_rates)
        self.label_weights = keras.Variable(label_weights, trainable=False, dtype="float32")  # (n_labels, 2)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        # Documents without labels have probabilities as labels, which are absent and present in part.
        present = self.label_weights[:, 1] * y_true  # (batch, n_labels)
        weights = present + self.label_weights[:, 0] * (1 - y_true)
        shares = present / keras.ops.where(weights > 0, weights, 1)
        of_labels = keras.ops.binary_crossentropy(self._smoothed(shares), y_pred)
        return keras.ops.mean(weights * of_labels, axis=-1)


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


def _binary_crossentropy(settings: TrainingSettings) -> Any:
    if settings.label_smoothing:
        return SmoothedBinaryCrossentropy(settings.label_smoothing, cast(Any, settings.base_rates))
    return keras.losses.BinaryCrossentropy()


def _weighted_binary_crossentropy(settings: TrainingSettings) -> Any:
    base_rates, label_weights = cast(Any, settings.base_rates), cast(Any, settings.label_weights)
    return WeightedBinaryCrossentropy(settings.label_smoothing, base_rates, label_weights)


def _categorical_crossentropy(settings: TrainingSettings) -> Any:
    if settings.label_smoothing:
        return SmoothedCategoricalCrossentropy(settings.label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy()


LOSSES = {
    "binary_crossentropy": Loss(_binary_crossentropy, keras.metrics.BinaryAccuracy),
    "weighted_binary_crossentropy": Loss(_weighted_binary_crossentropy, keras.metrics.BinaryAccuracy),
    "categorical_crossentropy": Loss(_categorical_crossentropy, keras.metrics.SparseCategoricalAccuracy),
    "squared_error": Loss(lambda _: keras.losses.MeanSquaredError()),
    "absolute_error": Loss(lambda _: keras.losses.MeanAbsoluteError()),
}


def set_loss_variables(model: Any, settings: TrainingSettings) -> None:
    """Set the base rates and the weights of labels in a compiled model's loss, if it uses any."""
    if isinstance(model.loss, SmoothedBinaryCrossentropy):
        model.loss.base_rates.assign(settings.base_rates)
    if isinstance(model.loss, WeightedBinaryCrossentropy):
        model.loss.label_weights.assign(settings.label_weights)
