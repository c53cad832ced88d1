"""Loops over time of recurrent layers in TensorFlow, with their gradients written out.

Equations and order of the gates are the same as in Keras. Keras leaves the gradient to TensorFlow, which spends
much of the time on bookkeeping: at every step it adds up lists as long as the sequence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock
from typing import Any, TypeVar

import tensorflow as tf

T = TypeVar("T")
Tensor = Any
DType = Any


@dataclass(frozen=True)
class Cell:
    """One step of a recurrent layer, and its gradient.

    A step reads the product of its inputs with their kernel, the product of the hidden state before with the
    recurrent kernel, and the cell states before, if the cell has any. The products have the shape
    (batch, gates * units). Everything else has the shape (batch, units).

    Parameters
    ----------
    step : callable
        From both products and the cell states before to the hidden state, a list of the new cell states, and a
        list of the tensors that the gradient needs.
    gradient : callable
        From the list of saved tensors, the gradient of the hidden state and the gradients of the cell states to
        the gradients of both products and a list of gradients of the cell states before.
    n_cell_states : int
        Number of cell states.
    n_saved : int
        Number of tensors that the gradient needs from each step.
    """

    step: Callable[..., tuple[Tensor, list[Tensor], list[Tensor]]]
    gradient: Callable[..., tuple[Tensor, Tensor, list[Tensor]]]
    n_cell_states: int
    n_saved: int


def _simple_step(products: Tensor, hidden_products: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    hidden = tf.tanh(products + hidden_products)
    return hidden, [], [hidden]


def _simple_gradient(saved: list[Tensor], d_hidden: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    (hidden,) = saved
    d_products = _tanh_gradient(hidden, d_hidden)
    return d_products, d_products, []


def _gru_step(
    products: Tensor, hidden_products: Tensor, cell_state: Tensor
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    z, r, g = tf.split(products, 3, axis=1)
    hidden_z, hidden_r, hidden_g = tf.split(hidden_products, 3, axis=1)
    z, r = tf.sigmoid(z + hidden_z), tf.sigmoid(r + hidden_r)
    g = tf.tanh(g + r * hidden_g)
    hidden = g + z * (cell_state - g)
    return hidden, [hidden], [z, r, g, hidden_g, cell_state]


def _gru_gradient(
    saved: list[Tensor], d_hidden: Tensor, d_cell_state: Tensor
) -> tuple[Tensor, Tensor, list[Tensor]]:
    z, r, g, hidden_g, cell_state = saved
    d_hidden += d_cell_state
    d_cell_state = d_hidden * z
    d_z = _sigmoid_gradient(z, d_hidden * (cell_state - g))
    d_g = _tanh_gradient(g, d_hidden - d_cell_state)
    d_r = _sigmoid_gradient(r, d_g * hidden_g)
    return tf.concat([d_z, d_r, d_g], axis=1), tf.concat([d_z, d_r, d_g * r], axis=1), [d_cell_state]


def _lstm_step(
    products: Tensor, hidden_products: Tensor, cell_state: Tensor
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    i, f, g, o = tf.split(products + hidden_products, 4, axis=1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
    new_cell_state = f * cell_state + i * g
    activation = tf.tanh(new_cell_state)
    return o * activation, [new_cell_state], [i, f, g, o, cell_state, activation]


def _lstm_gradient(
    saved: list[Tensor], d_hidden: Tensor, d_cell_state: Tensor
) -> tuple[Tensor, Tensor, list[Tensor]]:
    i, f, g, o, cell_state, activation = saved
    d_cell_state += _tanh_gradient(activation, d_hidden * o)
    d_i, d_f = _sigmoid_gradient(i, d_cell_state * g), _sigmoid_gradient(f, d_cell_state * cell_state)
    d_g, d_o = _tanh_gradient(g, d_cell_state * i), _sigmoid_gradient(o, d_hidden * activation)
    d_products = tf.concat([d_i, d_f, d_g, d_o], axis=1)
    return d_products, d_products, [d_cell_state * f]


# Gradients from the output of a function. TensorFlow has a single operation for each.


def _tanh_gradient(output: Tensor, gradient: Tensor) -> Tensor:
    return tf.raw_ops.TanhGrad(y=output, dy=gradient)


def _sigmoid_gradient(output: Tensor, gradient: Tensor) -> Tensor:
    return tf.raw_ops.SigmoidGrad(y=output, dy=gradient)


CELLS = {
    "simple": Cell(_simple_step, _simple_gradient, n_cell_states=0, n_saved=1),
    # The cell state of a GRU is its hidden state. Its reset gate comes after the recurrent product.
    "gru": Cell(_gru_step, _gru_gradient, n_cell_states=1, n_saved=5),
    "lstm": Cell(_lstm_step, _lstm_gradient, n_cell_states=1, n_saved=6),
}


def hidden_states(cell: Cell, inputs: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> Tensor:
    """Return the hidden states of all steps. Hidden state and cell states start with zeros.

    Parameters
    ----------
    cell : Cell
    inputs : tensor of shape (time, batch, features)
    kernel : tensor of shape (features, gates * units)
    recurrent_kernel : tensor of shape (units, gates * units)
    bias : tensor of shape (gates * units,) or (2, gates * units)
        Bias of the product of the inputs. A second row is the bias of the recurrent product.

    Returns
    -------
    states : tensor of shape (time, batch, units)
    """
    weights = [tf.convert_to_tensor(weight) for weight in (kernel, recurrent_kernel, bias)]
    states = _loop_over_time(cell, inputs.dtype, bias.shape.rank)(inputs, *weights)
    return tf.ensure_shape(states, (*inputs.shape[:2], recurrent_kernel.shape[0]))


def reorder_rows(rows: Tensor, order: Tensor) -> Tensor:
    """Return rows in an order that swaps pairs of them.

    Parameters
    ----------
    rows : tensor of shape (n, features)
    order : int32 tensor of shape (n,)
        Index of the row that comes to each place, with ``order[order[i]] == i``.
    """
    return tf.ensure_shape(_reordering(rows.dtype)(rows, order), rows.shape)


# TensorFlow never frees a custom gradient, nor the graph in which it was used. If this were the graph of a
# network, the network's weights would stay in memory. All networks share one small graph instead, whatever their
# sizes.


def _made_once(make: Callable[..., T]) -> Callable[..., T]:
    """Cache the results of a function, which then runs once for each argument even if threads call it at once."""
    make, lock = cache(make), Lock()

    def made(*arguments: Any) -> T:
        with lock:
            return make(*arguments)

    return made


@_made_once
def _loop_over_time(cell: Cell, dtype: DType, rank_of_bias: int) -> Callable[..., Tensor]:
    def loop(inputs: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> tuple[Tensor, Callable]:
        over_time = _Loop(cell, inputs, kernel, recurrent_kernel, bias)
        return over_time.run_forward(), over_time.run_backward

    return _traced(loop, [tf.TensorSpec((None,) * rank, dtype) for rank in (3, 2, 2, rank_of_bias)])


@_made_once
def _reordering(dtype: DType) -> Callable[..., Tensor]:
    def reorder(rows: Tensor, order: Tensor) -> tuple[Tensor, Callable]:
        # The same order restores the rows. TensorFlow's own gradient would add up the places of each row.
        return tf.gather(rows, order), lambda d_rows: (tf.gather(d_rows, order), None)

    return _traced(reorder, [tf.TensorSpec((None, None), dtype), tf.TensorSpec((None,), tf.int32)])


def _traced(function: Callable[..., Any], signature: list[Any]) -> Callable[..., Tensor]:
    """Trace a function that returns its results and their gradient, and trace the gradient too.

    Networks that several threads build then share both graphs.
    """
    traced: Any = tf.function(tf.custom_gradient(function), input_signature=signature, autograph=False)

    def gradient(*inputs: Tensor) -> Any:
        return tf.gradients(traced(*inputs), inputs[:1])

    tf.function(gradient, input_signature=signature, autograph=False).get_concrete_function()
    return traced


class _Loop:
    """The loops over the time steps of one layer: forward for the states, and backward for the gradients."""

    def __init__(self, cell: Cell, inputs: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> None:
        self._cell, self._dtype = cell, inputs.dtype
        self._kernel, self._recurrent_kernel, self._bias = kernel, recurrent_kernel, bias
        self._biases = [bias] if bias.shape.rank == 1 else tf.unstack(bias, 2)
        self._n_steps, self._n_rows, _ = tf.unstack(tf.shape(inputs), 3)
        self._units, self._n_products = tf.unstack(tf.shape(recurrent_kernel), 2)
        self._inputs = self._new_array().unstack(inputs)

    def run_forward(self) -> Tensor:
        """Return the hidden states: (time, batch, units)."""
        arrays = [self._new_array() for _ in range(1 + self._cell.n_saved)]
        *_, self._states, self._saved = tf.while_loop(
            lambda t, *_: t < self._n_steps,
            self._step_forward,
            (0, self._zeros(self._units), self._zero_cell_states(), arrays[0], arrays[1:]),
            maximum_iterations=self._n_steps,
        )
        return self._states.stack()

    def _step_forward(
        self, t: Tensor, hidden: Tensor, cell_states: list[Tensor], states: Any, saved: list[Any]
    ) -> tuple[Any, ...]:
        products = tf.nn.bias_add(tf.matmul(self._inputs.read(t), self._kernel), self._biases[0])
        hidden_products = tf.matmul(hidden, self._recurrent_kernel)
        if len(self._biases) == 2:
            hidden_products = tf.nn.bias_add(hidden_products, self._biases[1])
        hidden, cell_states, to_save = self._cell.step(products, hidden_products, *cell_states)
        saved = [array.write(t, tensor) for array, tensor in zip(saved, to_save, strict=True)]
        return t + 1, hidden, cell_states, states.write(t, hidden), saved

    def run_backward(self, d_states: Tensor) -> tuple[Tensor, ...]:
        """Return the gradients of inputs, kernel, recurrent kernel and bias, from the gradient of the states."""
        # Transposing here, and not in each product, makes the products a quarter faster.
        transposed = tf.transpose(self._kernel), tf.transpose(self._recurrent_kernel)
        step = partial(self._step_backward, self._new_array().unstack(d_states), *transposed)
        d_kernels = [tf.zeros_like(self._kernel), tf.zeros_like(self._recurrent_kernel)]
        d_biases = [tf.zeros_like(bias) for bias in self._biases]
        d_next_products = self._zeros(self._n_products)
        *_, d_inputs, d_kernel, d_recurrent_kernel, d_biases = tf.while_loop(
            lambda t, *_: t > 0,
            step,
            (self._n_steps, d_next_products, self._zero_cell_states(), self._new_array(), *d_kernels, d_biases),
            maximum_iterations=self._n_steps,
        )
        return d_inputs.stack(), d_kernel, d_recurrent_kernel, tf.reshape(d_biases, tf.shape(self._bias))

    def _step_backward(
        self,
        d_states: Any,
        kernel_transposed: Tensor,
        recurrent_kernel_transposed: Tensor,
        t: Tensor,
        d_next_products: Tensor,  # the recurrent products of the step after
        d_cell_states: list[Tensor],
        d_inputs: Any,
        d_kernel: Tensor,
        d_recurrent_kernel: Tensor,
        d_biases: list[Tensor],
    ) -> tuple[Any, ...]:
        t = t - 1
        d_hidden = d_states.read(t) + tf.matmul(d_next_products, recurrent_kernel_transposed)
        next_step = tf.matmul(self._states.read(t), d_next_products, transpose_a=True)
        d_products, d_hidden_products, d_cell_states = self._cell.gradient(
            [array.read(t) for array in self._saved], d_hidden, *d_cell_states
        )
        d_inputs = d_inputs.write(t, tf.matmul(d_products, kernel_transposed))
        this_step = tf.matmul(self._inputs.read(t), d_products, transpose_a=True)
        # With "+", TensorFlow would take a kernel of one row for a bias, and fail.
        d_kernel = tf.add_n([d_kernel, this_step])
        d_recurrent_kernel = tf.add_n([d_recurrent_kernel, next_step])
        sums = [tf.reduce_sum(d, axis=0) for d in (d_products, d_hidden_products)[: len(self._biases)]]
        d_biases = [total + more for total, more in zip(d_biases, sums, strict=True)]
        return t, d_hidden_products, d_cell_states, d_inputs, d_kernel, d_recurrent_kernel, d_biases

    def _new_array(self) -> Any:
        return tf.TensorArray(self._dtype, self._n_steps, element_shape=(None, None), clear_after_read=False)

    def _zeros(self, size: Tensor) -> Tensor:
        return tf.zeros((self._n_rows, size), self._dtype)

    def _zero_cell_states(self) -> list[Tensor]:
        return [self._zeros(self._units)] * self._cell.n_cell_states
