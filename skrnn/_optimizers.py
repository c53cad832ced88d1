"""Optimizers that spare the rows of an embedding which a batch does not touch.

Imports Keras and TensorFlow, and is itself imported only when a fit on TensorFlow begins. Knows nothing of
networks.
"""

import keras
import tensorflow as tf


class _RowwiseUpdates:
    """Adam's update of those rows of an embedding alone whose tokens are in the batch.

    Keras updates all rows, which for a large vocabulary takes longer than everything else in a step. Here, as in
    PyTorch's SparseAdam, the moments of a row stand still until its token comes again. As in Keras, the gradients
    of a token that is in a batch more than once are squared before they are summed. All other variables are
    updated as ever.
    """

    def update_step(self, gradient, variable, learning_rate):
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        rows, positions = tf.unique(gradient.indices)  # (rows,), (tokens,)
        n_rows = tf.size(rows)
        total = tf.math.unsorted_segment_sum(gradient.values, positions, n_rows)  # (rows, embedding_dim)
        squares = tf.math.unsorted_segment_sum(tf.square(gradient.values), positions, n_rows)
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        m = self.beta_1 * tf.gather(momentum, rows) + (1 - self.beta_1) * total
        v = self.beta_2 * tf.gather(velocity, rows) + (1 - self.beta_2) * squares
        n_steps = tf.cast(self.iterations + 1, m.dtype)
        rate = tf.cast(learning_rate, m.dtype) * tf.sqrt(1 - self.beta_2**n_steps) / (1 - self.beta_1**n_steps)
        self.assign(momentum, tf.IndexedSlices(m, rows))
        self.assign(velocity, tf.IndexedSlices(v, rows))
        self.assign_sub(variable, tf.IndexedSlices(rate * m / (tf.sqrt(v) + self.epsilon), rows))


class RowwiseAdam(_RowwiseUpdates, keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980)."""


class RowwiseAdamW(_RowwiseUpdates, keras.optimizers.AdamW):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101), which acts on all rows."""
