"""Optimizers that spare the rows of an embedding which a batch does not touch.

Imports Keras and TensorFlow, and is itself imported only when a fit on TensorFlow begins. Knows nothing of
networks.
"""

import keras
import tensorflow as tf


class _RowwiseUpdates:
    """Adam's update of those rows of an embedding alone whose tokens are in the batch.

    Keras updates all rows, which for a large vocabulary takes longer than everything else in a step. Here, as in
    PyTorch's SparseAdam, the moments of a row stand still until its token comes again. All other variables are
    updated as ever.

    The gradients of a token that is in a batch more than once are summed before anything else is done with them:
    Keras clips and squares them one by one, which makes steps the longer, the more frequent the token.
    """

    def apply(self, grads, trainable_variables=None):
        return super().apply([_sum_by_row(gradient) for gradient in grads], trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
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


def _sum_by_row(gradient):
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, positions = tf.unique(gradient.indices)  # (rows,), (tokens,)
    total = tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(rows))  # (rows, embedding_dim)
    return tf.IndexedSlices(total, rows, gradient.dense_shape)


class RowwiseAdam(_RowwiseUpdates, keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980)."""


class RowwiseAdamW(_RowwiseUpdates, keras.optimizers.AdamW):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101), which acts on all rows."""
