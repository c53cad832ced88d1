"""Masks: which time steps of a batch are padding."""

from typing import Any

import keras
from keras import ops

Tensor = Any


@keras.saving.register_keras_serializable("skrnn")
class NaNMasking(keras.layers.Layer):
    """Mask the time steps that are NaN, and replace them by zeros.

    A custom network that reads vectors begins with this layer: the estimators for numeric sequences pad batches
    with NaN. Keras' ``Masking`` compares with a number, which may also occur in real data. Input and output have
    the shape (batch, time, features).
    """

    __module__ = "skrnn.layers"

    def call(self, vectors: Tensor) -> Tensor:
        return ops.where(ops.isnan(vectors), ops.zeros_like(vectors), vectors)

    def compute_mask(self, vectors: Tensor, mask: Tensor | None = None) -> Tensor:
        return ops.logical_not(ops.isnan(vectors[..., 0]))  # (batch, time)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


def time_mask(states: Tensor, mask: Tensor | None) -> Tensor:
    """Return 1 for each time step and 0 for padding, as (batch, time, 1) in the dtype of the states."""
    if mask is None:
        return ops.ones_like(states[..., :1])
    return ops.cast(ops.expand_dims(mask, -1), states.dtype)
