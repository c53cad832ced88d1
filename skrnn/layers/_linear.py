"""The layer that joins the output of a network with a linear model."""

from typing import Any

import keras

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("skrnn")
class MeanOfLogits(keras.layers.Layer):
    """Return the mean of the logits of two models, after an activation.

    The input is a list of two tensors of shape (batch, n_outputs). The layer adds its only weight, ``bias``, to
    the second one. The output has the same shape.

    Parameters
    ----------
    activation : str or callable
        Activation function for the mean, as in the layers of Keras.
    """

    __module__ = "skrnn.layers"

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: list[Shape]) -> None:
        self.bias = self.add_weight(shape=input_shape[0][1:], initializer="zeros", name="bias")

    def call(self, logits: list[Tensor]) -> Tensor:
        first, second = logits
        return self.activation((first + second + self.bias) / 2)

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": keras.activations.serialize(self.activation)}
