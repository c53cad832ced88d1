"""Pooling over time: one vector for each sequence."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

from skrnn.layers._masking import time_mask

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("skrnn")
class MaskedPooling1D(keras.layers.Layer):
    """Pool the time steps that are not padding. An empty sequence gives zeros.

    Keras' ``GlobalMaxPooling1D`` ignores masks, and its ``GlobalAveragePooling1D`` gives NaN for an empty
    sequence. The input has the shape (batch, time, units). The output has the shape (batch, units), or (batch, 2 *
    units) for "max_mean".

    Parameters
    ----------
    mode : {"max", "mean", "max_mean", "sqrtn"}
        Maximum, mean, both side by side, or the sum divided by the square root of the number of steps.
    """

    __module__ = "skrnn.layers"

    def __init__(self, mode: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = mode
        self.supports_masking = True

    def call(self, states: Tensor, mask: Tensor | None = None) -> Tensor:
        mask = time_mask(states, mask)  # (batch, time, 1)
        pooled = [_POOLS[name](states, mask) for name in self.mode.split("_")]
        return ops.concatenate(pooled, axis=-1)  # (batch, units) or (batch, 2 * units)

    def compute_mask(self, states: Tensor, mask: Tensor | None = None) -> None:
        return None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], input_shape[-1] * len(self.mode.split("_"))  # type: ignore[operator]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}


def _max(states: Tensor, mask: Tensor) -> Tensor:
    largest = ops.max(ops.where(mask > 0, states, float("-inf")), axis=1)
    return ops.where(ops.max(mask, axis=1) > 0, largest, 0.0)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    return ops.sum(states * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


def _sqrtn(states: Tensor, mask: Tensor) -> Tensor:
    return ops.sum(states * mask, axis=1) / ops.sqrt(ops.maximum(ops.sum(mask, axis=1), 1.0))


_POOLS = {"max": _max, "mean": _mean, "sqrtn": _sqrtn}


@keras.saving.register_keras_serializable("skrnn")
class AttentionPooling1D(keras.layers.Layer):
    """Return the mean of the states, weighted by a learned score [1]_. An empty sequence gives zeros.

    The input has the shape (batch, time, units), and the output the shape (batch, units).

    References
    ----------
    .. [1] Raffel & Ellis (2015), Feed-forward networks with attention can solve some long-term memory problems.
       arXiv:1512.08756.
    """

    __module__ = "skrnn.layers"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 1), initializer=keras.initializers.GlorotUniform(seed=0), name="kernel"
        )
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, states: Tensor, mask: Tensor | None = None) -> Tensor:
        mask = time_mask(states, mask)  # (batch, time, 1)
        # tanh keeps the scores in [-1, 1], so that exp cannot overflow.
        scores = ops.tanh(ops.matmul(states, self.kernel) + self.bias)  # (batch, time, 1)
        weights = ops.exp(scores) * mask
        total = ops.sum(weights, axis=1)  # (batch, 1)
        return ops.sum(states * weights, axis=1) / ops.where(total > 0, total, 1.0)

    def compute_mask(self, states: Tensor, mask: Tensor | None = None) -> None:
        return None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], input_shape[-1]


# The layer of each pooling of a network.
POOLINGS: dict[str, Callable[[], Any] | None] = {
    "last": None,  # the last recurrent layer returns one vector for each sequence
    "max": partial(MaskedPooling1D, "max"),
    "mean": partial(MaskedPooling1D, "mean"),
    "max_mean": partial(MaskedPooling1D, "max_mean"),
    "attention": AttentionPooling1D,
}
