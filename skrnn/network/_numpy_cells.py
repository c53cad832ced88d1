"""One time step of each recurrent cell in NumPy.

A step function takes the input products of a time step, the hidden state before the step, and the array for the
new hidden state. The shapes are (batch, gates * units) and (batch, units), or without the batch for a single
sequence. A step may overwrite the input products, and updates the cell state.

A step takes some microseconds. For this reason functions and parts of arrays are looked up once, and nothing is
allocated in a step. The weights are prepared for it: each gate gets x / 2 in place of x, because its sigmoid is
0.5 * tanh(x / 2) + 0.5. The LSTM's steps take and return twice the hidden state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Activation = Callable[[np.ndarray, np.ndarray], object]  # writes into its second argument
Step = Callable[[np.ndarray, np.ndarray, np.ndarray], None]

# NumPy is faster with arrays than with Python's own numbers.
_HALF, _ONE = np.array(0.5, dtype=np.float32), np.array(1.0, dtype=np.float32)


@dataclass
class RecurrentKernel:
    """Products of hidden states with the recurrent kernel.

    Parameters
    ----------
    units : int
        Length of the hidden states. For a single sequence, this counts both directions.
    sums : ndarray of shape (..., gates * units)
        The array that the products are written to.
    add_product : callable
        From input products and hidden states to their sum with the product of the kernel. For a single sequence,
        it overwrites the input products, which must be contiguous and of the kernel's dtype.
    biased_product : callable
        From hidden states to the product of the kernel plus the recurrent bias.
    """

    units: int
    sums: np.ndarray
    add_product: Callable[[np.ndarray, np.ndarray], np.ndarray]
    biased_product: Callable[[np.ndarray], np.ndarray]


def simple_step(kernel: RecurrentKernel, _cell_state: np.ndarray | None, activation: Activation) -> Step:
    """Return the step of a simple recurrent cell, which has no cell state."""
    add_product = kernel.add_product

    def step(inputs: np.ndarray, hidden: np.ndarray, new_hidden: np.ndarray) -> None:
        activation(add_product(inputs, hidden), new_hidden)

    return step


def gru_step(kernel: RecurrentKernel, _cell_state: np.ndarray | None, activation: Activation) -> Step:
    """Return the step of a GRU, which has no cell state. The reset gate acts after the recurrent product."""
    units, sums = kernel.units, kernel.sums
    gates, candidate = sums[..., : 2 * units], sums[..., 2 * units :]
    update, reset = gates[..., :units], gates[..., units:]
    biased_product = kernel.biased_product
    add, multiply, subtract, tanh = np.add, np.multiply, np.subtract, np.tanh

    def step(inputs: np.ndarray, hidden: np.ndarray, new_hidden: np.ndarray) -> None:
        biased_product(hidden)
        add(gates, inputs[..., : 2 * units], gates)
        tanh(gates, gates)
        sigmoid_of_tanh(gates)
        multiply(candidate, reset, candidate)
        add(candidate, inputs[..., 2 * units :], candidate)
        activation(candidate, candidate)
        subtract(hidden, candidate, new_hidden)
        multiply(new_hidden, update, new_hidden)
        add(new_hidden, candidate, new_hidden)

    return step


def lstm_step(kernel: RecurrentKernel, cell_state: np.ndarray, activation: Activation) -> Step:
    """Return the step of an LSTM for a batch. ``cell_state`` has the shape (batch, units) and is updated.

    With the gates i, f, o, the candidate g and the cell state c: c = f * c + i * g, and h = o * activation(c).
    """
    units, sums = kernel.units, kernel.sums
    gates, candidate = sums[..., : 3 * units], sums[..., 3 * units :]
    output_gate, input_gate, forget_gate = (gates[..., i * units : (i + 1) * units] for i in range(3))
    change = np.empty_like(cell_state)  # a separate array takes half as long as columns of sums
    add_product, add, multiply, tanh = kernel.add_product, np.add, np.multiply, np.tanh

    def step(inputs: np.ndarray, hidden: np.ndarray, new_hidden: np.ndarray) -> None:
        add_product(inputs, hidden)
        if activation is tanh:
            tanh(sums, sums)
        else:
            tanh(gates, gates)
            activation(candidate, candidate)
        # The gates are twice as large as they should be. Halve the cell state here, and the hidden states after
        # the loop: these have fewer elements than the gates.
        add(gates, _ONE, gates)
        multiply(candidate, input_gate, change)
        multiply(cell_state, forget_gate, cell_state)
        add(cell_state, change, cell_state)
        multiply(cell_state, _HALF, cell_state)
        activation(cell_state, change)
        multiply(change, output_gate, new_hidden)

    return step


def lstm_step_single(kernel: RecurrentKernel, _cell_state: np.ndarray | None, activation: Activation) -> Step:
    """Return the step of an LSTM for a single sequence, which has its own cell state.

    The cell state follows the candidate in memory, so that one multiplication with both gates is enough. In a
    batch, such longer rows would cost more than a multiplication.
    """
    units = kernel.units
    state = np.zeros(5 * units, dtype=kernel.sums.dtype)
    gates_and_candidate, candidate_and_cell = state[: 4 * units], state[3 * units :]
    candidate, cell = candidate_and_cell[:units], candidate_and_cell[units:]
    gates, output_gate, input_and_forget_gate = state[: 3 * units], state[:units], state[units : 3 * units]
    terms = np.empty_like(candidate_and_cell)
    change, remembered = terms[:units], terms[units:]
    add_product, add, multiply, tanh = kernel.add_product, np.add, np.multiply, np.tanh

    def step(inputs: np.ndarray, hidden: np.ndarray, new_hidden: np.ndarray) -> None:
        total = add_product(inputs, hidden)
        tanh(total, gates_and_candidate)
        if activation is not tanh:
            activation(total[3 * units :], candidate)
        add(gates, _ONE, gates)
        multiply(candidate_and_cell, input_and_forget_gate, terms)
        add(change, remembered, cell)
        multiply(cell, _HALF, cell)
        activation(cell, change)
        multiply(change, output_gate, new_hidden)

    return step


STEPS: dict[str, Callable[..., Step]] = {"simple": simple_step, "gru": gru_step, "lstm": lstm_step}
STEPS_SINGLE: dict[str, Callable[..., Step]] = {**STEPS, "lstm": lstm_step_single}


def halve(states: np.ndarray) -> None:
    """Halve hidden states in place, as the LSTM's steps return them."""
    states *= _HALF


def sigmoid_of_tanh(x: np.ndarray) -> None:
    """Turn the tanh of x / 2 into the sigmoid of x, in place."""
    np.multiply(x, _HALF, x)
    np.add(x, _HALF, x)


def _relu(x: np.ndarray, out: np.ndarray) -> None:
    np.maximum(x, 0, out=out)


def _sigmoid(x: np.ndarray, out: np.ndarray) -> None:
    np.tanh(0.5 * x, out)  # exp could overflow
    sigmoid_of_tanh(out)


ACTIVATIONS: dict[str, Activation] = {"tanh": np.tanh, "relu": _relu, "sigmoid": _sigmoid}
