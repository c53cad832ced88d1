"""Weights of a network."""

from skrnn.network._spec import check_network, initial_weights, weight_dtype, weight_shapes

__all__ = ["check_weights", "initial_weights", "weight_dtype", "weight_shapes"]


def check_weights(spec, weights):
    check_network(spec, weights)
