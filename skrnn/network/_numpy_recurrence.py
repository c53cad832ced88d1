"""Recurrent layers over time in NumPy: loops for a packed batch, and for a single sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from scipy.linalg import blas

from skrnn.network._numpy_cells import ACTIVATIONS, STEPS, STEPS_SINGLE, RecurrentKernel, Step, halve
from skrnn.network._packing import Packing
from skrnn.network._spec import NetworkSpec

Weights = Mapping[str, np.ndarray]

# A function of a direction (or "vectors", for the token vectors themselves) and a slice of packed tokens: the
# products of the inputs with the kernel, bias added: (tokens, gates * units).
Products = Callable[[str, slice], np.ndarray]

# Tokens whose input products are looked up or computed together: several steps of few rows, or one of many.
BLOCK_TOKENS = 256


def hidden_states(spec: NetworkSpec, weights: Weights, packing: Packing, products: Products) -> np.ndarray:
    """Return the packed hidden states of the last recurrent layer: (tokens, hidden_dims[-1]).

    ``products`` returns the input products of the first layer.
    """
    states = _layer(spec, weights, packing, 0, products)
    for i in range(1, len(spec.units)):
        states = _layer(spec, weights, packing, i, _products_of_states(weights, i, states))
    return states


def input_products(weights: Weights, layer: int, direction: str, inputs: np.ndarray) -> np.ndarray:
    """Return the products of the inputs with the kernel, bias added: (tokens, gates * units)."""
    products = inputs @ weights[f"rnn_{layer}/{direction}/kernel"]
    products += input_bias(weights, layer, direction)
    return products


def input_bias(weights: Weights, layer: int, direction: str) -> np.ndarray:
    bias = weights[f"rnn_{layer}/{direction}/bias"]
    return bias[0] if bias.ndim == 2 else bias  # a GRU has a second bias, for its recurrent kernel


def _products_of_states(weights: Weights, layer: int, states: np.ndarray) -> Products:
    return lambda direction, block: input_products(weights, layer, direction, states[block])


def _layer(spec: NetworkSpec, weights: Weights, packing: Packing, layer: int, products: Products) -> np.ndarray:
    """Return the packed hidden states of a layer, both directions: (tokens, hidden_dims[layer])."""
    run = _run_one if len(packing.lengths) == 1 else _run_batch
    states = run(spec, weights, packing, layer, products)
    if spec.cell == "lstm":
        halve(states)
    return states


def _run_batch(
    spec: NetworkSpec, weights: Weights, packing: Packing, layer: int, products: Products
) -> np.ndarray:
    """Run several packed sequences, one direction after the other.

    Backward, time runs from the last step to the first. Sequences then join instead of dropping out. Until they
    do, their hidden state is zero, so that both directions are the same loop.
    """
    units, activation = spec.units[layer], ACTIVATIONS[spec.activation]
    all_states = np.empty((packing.offsets[-1], spec.hidden_dims[layer]), dtype=weights["output/kernel"].dtype)
    runs = list(packing.runs(BLOCK_TOKENS))
    for i, direction in enumerate(spec.directions):
        kernel, bias = _recurrent_weights(spec, weights, layer, direction)
        states, order = all_states[:, i * units : (i + 1) * units], -1 if direction == "backward" else 1
        hidden = np.zeros((len(packing.lengths), units), dtype=kernel.dtype)  # (batch, units)
        cell_state = np.zeros_like(hidden)
        for n, runs_of_n in groupby(runs[::order], key=itemgetter(0)):
            step = STEPS[spec.cell](_kernel_of_batch(kernel, bias, n), cell_state[:n], activation)
            for _, tokens in runs_of_n:
                inputs = products(direction, tokens)
                inputs = inputs.reshape(-1, n, inputs.shape[1])[::order]  # (time, batch, gates * units)
                outputs = states[tokens].reshape(-1, n, units)[::order]  # (time, batch, units)
                hidden[:n] = _run_steps(step, inputs, hidden[:n], outputs)
    return all_states


def _run_one(spec: NetworkSpec, weights: Weights, packing: Packing, layer: int, products: Products) -> np.ndarray:
    """Run a single sequence, whose steps take as long to call as to compute.

    Both directions take the same steps, the backward one from the last token on. Each unit of one direction is
    next to the same unit of the other.
    """
    n_steps, units = int(packing.offsets[-1]), spec.units[layer]
    weights_of = [_recurrent_weights(spec, weights, layer, direction) for direction in spec.directions]
    kernel = _kernel_of_one(*zip(*weights_of, strict=True))
    step = STEPS_SINGLE[spec.cell](kernel, None, ACTIVATIONS[spec.activation])
    states = np.empty((n_steps, spec.hidden_dims[layer]), dtype=weights["output/kernel"].dtype)
    by_direction = [states[:, :units], states[::-1, units:]][: len(spec.directions)]
    hidden = np.zeros_like(states[0])
    for start in range(0, n_steps, BLOCK_TOKENS):
        stop = min(start + BLOCK_TOKENS, n_steps)
        inputs = [products("forward", slice(start, stop))]  # (time, gates * units)
        if spec.bidirectional:
            inputs.append(products("backward", slice(n_steps - stop, n_steps - start))[::-1])
        outputs = np.empty((stop - start, len(hidden)), dtype=hidden.dtype)  # (time, units * directions)
        hidden = _run_steps(step, _interleaved(inputs), hidden, outputs)
        for i, direction_states in enumerate(by_direction):
            direction_states[start:stop] = outputs[:, i :: len(by_direction)]
    return states


def _run_steps(step: Step, inputs: np.ndarray, hidden: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Write the hidden state after each time step into ``outputs``, and return the last one."""
    for step_inputs, step_outputs in zip(inputs, outputs, strict=True):
        step(step_inputs, hidden, step_outputs)
        hidden = step_outputs
    return hidden


def _recurrent_weights(
    spec: NetworkSpec, weights: Weights, layer: int, direction: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the recurrent kernel, (units, gates * units), and the recurrent bias, which only a GRU has."""
    prefix = f"rnn_{layer}/{direction}"
    kernel = weights[f"{prefix}/recurrent_kernel"]
    return kernel, weights[f"{prefix}/bias"][1] if spec.cell == "gru" else np.empty(0, dtype=kernel.dtype)


def _interleaved(directions: Sequence[np.ndarray]) -> np.ndarray:
    """Join both directions, with the same unit of each next to each other along the last axis."""
    if len(directions) == 1:
        return directions[0]
    joined = np.stack(directions, axis=-1)
    return joined.reshape(*joined.shape[:-2], -1)


def _kernel_of_batch(kernel: np.ndarray, bias: np.ndarray, n_sequences: int) -> RecurrentKernel:
    """Return the products with one direction's kernel for a batch."""
    add, sums = np.add, np.empty((n_sequences, kernel.shape[1]), dtype=kernel.dtype)

    def add_product(inputs: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        return add(hidden.dot(kernel, sums), inputs, sums)

    def biased_product(hidden: np.ndarray) -> np.ndarray:
        return add_product(bias, hidden)

    return RecurrentKernel(len(kernel), sums, add_product, biased_product)


_GEMV: dict[str, Callable[..., Any]] = {"f": blas.sgemv, "d": blas.dgemv}


def _kernel_of_one(kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> RecurrentKernel:
    """Return the products with the kernels of all directions for the interleaved states of a single sequence."""
    gemv = _GEMV[kernels[0].dtype.char]
    forward, backward = kernels[0].T, kernels[-1].T
    sums = np.empty(kernels[0].shape[1] * len(kernels), dtype=kernels[0].dtype)

    # 1 * kernel.T @ hidden + 1 * inputs, written over the inputs. The integers are the first element and the
    # stride of hidden and of inputs, then "do not transpose" and "overwrite".
    def add_product(inputs: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        return gemv(1.0, forward, hidden, 1.0, inputs, 0, 1, 0, 1, 0, 1)

    def add_both_products(inputs: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        inputs = gemv(1.0, forward, hidden, 1.0, inputs, 0, 2, 0, 2, 0, 1)
        return gemv(1.0, backward, hidden, 1.0, inputs, 1, 2, 1, 2, 0, 1)

    add = add_product if len(kernels) == 1 else add_both_products
    bias = _interleaved(biases)

    def biased_product(hidden: np.ndarray) -> np.ndarray:
        sums[:] = bias
        return add(sums, hidden)

    return RecurrentKernel(sum(map(len, kernels)), sums, add, biased_product)
