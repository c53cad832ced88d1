"""Optimizers by name. Adam and AdamW update only those rows of an embedding whose tokens are in the batch."""

from typing import Any

import keras
import tensorflow as tf

Tensor = Any


def optimizer_class(optimizer: str | type) -> type:
    """Return the class of an optimizer that is given by its name or class."""
    if isinstance(optimizer, str):
        return _ROWWISE.get(optimizer) or type(keras.optimizers.get(optimizer))
    if not issubclass(optimizer, keras.optimizers.Optimizer):
        raise TypeError(f"Expected optimizer to be a subclass of keras.optimizers.Optimizer; got {optimizer!r}.")
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
