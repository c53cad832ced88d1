"""Optimizers by name. Adam and AdamW update only those rows of an embedding whose tokens are in the batch."""

import copy
from numbers import Real
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrnn.training._settings import TrainingSettings

Tensor = Any


def new_optimizer(settings: TrainingSettings) -> Any:
    """Return the optimizer of the settings, or raise an error that names the parameter at fault."""
    cls, rate = _optimizer_class(settings.optimizer), settings.learning_rate
    if not isinstance(rate, Real | keras.optimizers.schedules.LearningRateSchedule):
        raise TypeError(
            "Expected learning_rate to be a number or a keras.optimizers.schedules.LearningRateSchedule; got "
            f"{rate!r}. Pass a function of the epoch to keras.callbacks.LearningRateScheduler in callbacks."
        )
    # For most optimizers None leaves weight decay out of the graph. AdamW accepts only numbers.
    no_decay = 0.0 if issubclass(cls, keras.optimizers.AdamW) else None
    options = {"weight_decay": settings.weight_decay or no_decay, "clipnorm": settings.clipnorm}
    try:
        optimizer = cls(learning_rate=copy.deepcopy(rate), **options)
    except Exception as error:
        raise TypeError(
            "Expected optimizer to be a class that takes learning_rate, weight_decay and clipnorm; "
            f"{settings.optimizer!r} raised {error!r}."
        ) from error
    if settings.learning_rate_schedule is not None:
        _check_first_rate(optimizer.learning_rate, rate)
    return optimizer


def _check_first_rate(first: Any, schedule: Any) -> None:
    """Raise ValueError unless the value of a schedule at the first step is a learning rate."""
    try:
        is_rate = 0 <= float(np.asarray(first)) < np.inf
    except (TypeError, ValueError):
        is_rate = False
    if not is_rate:
        raise ValueError(
            f"Expected the schedule learning_rate={schedule!r} to return numbers >= 0; got {first!r}."
        )


def _optimizer_class(optimizer: Any) -> Any:
    if isinstance(optimizer, str):
        return _ROWWISE.get(optimizer) or type(keras.optimizers.get(optimizer))
    base = keras.optimizers.Optimizer
    if not issubclass(optimizer, base) or optimizer.update_step is base.update_step:
        raise TypeError(
            "Expected optimizer to be a subclass of keras.optimizers.Optimizer that defines update_step; got "
            f"{optimizer!r}."
        )
    return optimizer


class RowwiseAdam(keras.optimizers.Adam):
    """Adam [1]_ that updates only those rows of an embedding whose tokens are in the batch.

    Keras updates all rows, which takes most of the time of a step if the vocabulary is large. As in PyTorch's
    SparseAdam, the moments of a row wait until its token comes again. All other variables are updated as usual.

    The gradients of a token that is several times in a batch are added first. Keras clips and squares them one by
    one, which makes longer steps for more frequent tokens.

    References
    ----------
    .. [1] Kingma & Ba (2015), Adam: a method for stochastic optimization. ICLR 2015. arXiv:1412.6980.
    """

    def apply(self, grads: list[Tensor], trainable_variables: list[Any] | None = None) -> Any:
        return super().apply([_sum_by_row(gradient) for gradient in grads], trainable_variables)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        rows = gradient.indices
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        m = self.beta_1 * tf.gather(momentum, rows) + (1 - self.beta_1) * gradient.values
        v = self.beta_2 * tf.gather(velocity, rows) + (1 - self.beta_2) * tf.square(gradient.values)
        n_steps = tf.cast(self.iterations + 1, m.dtype)
        rate = tf.cast(learning_rate, m.dtype) * tf.sqrt(1 - self.beta_2**n_steps) / (1 - self.beta_1**n_steps)
        self.assign(momentum, tf.IndexedSlices(m, rows))
        self.assign(velocity, tf.IndexedSlices(v, rows))
        self.assign_sub(variable, tf.IndexedSlices(rate * m / (tf.sqrt(v) + self.epsilon), rows))


def _sum_by_row(gradient: Tensor) -> Tensor:
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, positions = tf.unique(gradient.indices)  # (rows,), (tokens,)
    total = tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(rows))  # (rows, embedding_dim)
    return tf.IndexedSlices(total, rows, gradient.dense_shape)


class RowwiseAdamW(RowwiseAdam, keras.optimizers.AdamW):
    """RowwiseAdam with decoupled weight decay [1]_, which acts on all rows.

    References
    ----------
    .. [1] Loshchilov & Hutter (2019), Decoupled weight decay regularization. ICLR 2019. arXiv:1711.05101.
    """


_ROWWISE: dict[str, type] = {"adam": RowwiseAdam, "adamw": RowwiseAdamW}
