"""Recurrent layers over time in TensorFlow, with their gradients written out.

Imports TensorFlow, and is itself imported only when a network is trained with it. Knows nothing of Keras, but has
its equations and its order of the gates.

Keras leaves the gradient to TensorFlow. This then spends much of the time on bookkeeping: at every step, to find
the gradient of the inputs, it adds up lists as long as the sequence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Lock

import tensorflow as tf


@dataclass(frozen=True)
class Cell:
    """One step of a recurrent layer, and its gradient.

    A step has three sources: the product of the inputs with their kernel, that of the hidden state before with its
    own, and perhaps a memory, what else it reads of the step before. Products are of shape (batch, gates * units),
    all else is of shape (batch, units).

    Parameters
    ----------
    step : callable
        From the two products and the memories before to the hidden state, a list of the memories, and a list of
        what the gradient needs.
    gradient : callable
        From what the gradient needs, the gradient of the hidden state and those of the memories to those of the
        two products and a list of those of the memories before.
    n_memories, n_kept : int
        How many memories there are, and how many tensors the gradient needs.
    """

    step: Callable
    gradient: Callable
    n_memories: int
    n_kept: int


def _simple_step(products, hidden_products):
    hidden = tf.tanh(products + hidden_products)
    return hidden, [], [hidden]


def _simple_gradient(kept, d_hidden):
    d_products = _tanh_gradient(*kept, d_hidden)
    return d_products, d_products, []


def _gru_step(products, hidden_products, memory):
    z, r, g = tf.split(products, 3, axis=1)
    hidden_z, hidden_r, hidden_g = tf.split(hidden_products, 3, axis=1)
    z, r = tf.sigmoid(z + hidden_z), tf.sigmoid(r + hidden_r)
    g = tf.tanh(g + r * hidden_g)
    hidden = g + z * (memory - g)
    return hidden, [hidden], [z, r, g, hidden_g, memory]


def _gru_gradient(kept, d_hidden, d_memory):
    z, r, g, hidden_g, memory = kept
    d_hidden += d_memory
    d_memory = d_hidden * z
    d_z = _sigmoid_gradient(z, d_hidden * (memory - g))
    d_g = _tanh_gradient(g, d_hidden - d_memory)
    d_r = _sigmoid_gradient(r, d_g * hidden_g)
    return tf.concat([d_z, d_r, d_g], axis=1), tf.concat([d_z, d_r, d_g * r], axis=1), [d_memory]


def _lstm_step(products, hidden_products, memory):
    i, f, g, o = tf.split(products + hidden_products, 4, axis=1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
    new_memory = f * memory + i * g
    activation = tf.tanh(new_memory)
    return o * activation, [new_memory], [i, f, g, o, memory, activation]


def _lstm_gradient(kept, d_hidden, d_memory):
    i, f, g, o, memory, activation = kept
    d_memory += _tanh_gradient(activation, d_hidden * o)
    d_i, d_f = _sigmoid_gradient(i, d_memory * g), _sigmoid_gradient(f, d_memory * memory)
    d_g, d_o = _tanh_gradient(g, d_memory * i), _sigmoid_gradient(o, d_hidden * activation)
    d_products = tf.concat([d_i, d_f, d_g, d_o], axis=1)
    return d_products, d_products, [d_memory * f]


# TensorFlow's own, in one operation each: from a function's output, and the gradient with respect to it.


def _tanh_gradient(output, gradient):
    return tf.raw_ops.TanhGrad(y=output, dy=gradient)


def _sigmoid_gradient(output, gradient):
    return tf.raw_ops.SigmoidGrad(y=output, dy=gradient)


CELLS = {
    "simple": Cell(_simple_step, _simple_gradient, n_memories=0, n_kept=1),
    # Its memory is its hidden state. The reset gate comes after the product.
    "gru": Cell(_gru_step, _gru_gradient, n_memories=1, n_kept=5),
    "lstm": Cell(_lstm_step, _lstm_gradient, n_memories=1, n_kept=6),
}


def hidden_states(cell: Cell, inputs, kernel, recurrent_kernel, bias):
    """The hidden states of all steps; before the first, hidden state and memories are zeros.

    Parameters
    ----------
    cell : Cell
    inputs : tensor of shape (time, batch, features)
    kernel : tensor of shape (features, gates * units)
    recurrent_kernel : tensor of shape (units, gates * units)
    bias : tensor of shape (gates * units,) or (2, gates * units)
        That of the inputs' products; of two, the second is that of the hidden states'.

    Returns
    -------
    states : tensor of shape (time, batch, units)
    """
    weights = [tf.convert_to_tensor(weight) for weight in (kernel, recurrent_kernel, bias)]  # of variables, values
    states = _function_over_time(cell, inputs.dtype, bias.shape.rank)(inputs, *weights)
    return tf.ensure_shape(states, (*inputs.shape[:2], recurrent_kernel.shape[0]))


# TensorFlow never forgets a gradient that was written out, nor the graph in which it was met: that must not be a
# network's, with the network's weights. It is a small one that all networks share, whatever their sizes.


def _once(make: Callable) -> Callable:
    """What has been made is given to all, in whatever thread they ask for it."""
    make, lock = cache(make), Lock()

    def made(*arguments):
        with lock:
            return make(*arguments)

    return made


@_once
def _function_over_time(cell: Cell, dtype: tf.DType, rank_of_bias: int) -> Callable:
    def over_time(inputs, kernel, recurrent_kernel, bias):
        return _over_time(cell, inputs, kernel, recurrent_kernel, bias)

    return _traced(over_time, [tf.TensorSpec((None,) * rank, dtype) for rank in (3, 2, 2, rank_of_bias)])


def _traced(function: Callable, signature: list[tf.TensorSpec]) -> Callable:
    """A function with its gradient, both of which have been traced: networks that two threads build share it."""
    function = tf.function(tf.custom_gradient(function), input_signature=signature, autograph=False)

    @tf.function(input_signature=signature, autograph=False)
    def gradient(*inputs):
        return tf.gradients(function(*inputs), inputs[:1])

    gradient.get_concrete_function()
    return function


def _over_time(cell: Cell, inputs, kernel, recurrent_kernel, bias):
    """The hidden states, and the function from their gradient to those of inputs and weights."""
    n_steps, n_rows, _ = tf.unstack(tf.shape(inputs), 3)
    units, n_products = tf.unstack(tf.shape(recurrent_kernel), 2)
    biases = [bias] if bias.shape.rank == 1 else tf.unstack(bias, 2)

    def new_array():
        return tf.TensorArray(inputs.dtype, n_steps, element_shape=(None, None), clear_after_read=False)

    def zeros(size):
        return tf.zeros((n_rows, size), inputs.dtype)

    def forward(t, hidden, memories, states, kept):
        products = tf.nn.bias_add(tf.matmul(inputs_by_step.read(t), kernel), biases[0])
        hidden_products = tf.matmul(hidden, recurrent_kernel)
        if len(biases) == 2:
            hidden_products = tf.nn.bias_add(hidden_products, biases[1])
        hidden, memories, to_keep = cell.step(products, hidden_products, *memories)
        kept = [array.write(t, tensor) for array, tensor in zip(kept, to_keep, strict=True)]
        return t + 1, hidden, memories, states.write(t, hidden), kept

    inputs_by_step = new_array().unstack(inputs)
    no_memories = [zeros(units)] * cell.n_memories
    *_, states, kept = tf.while_loop(
        lambda t, *_: t < n_steps,
        forward,
        (0, zeros(units), no_memories, new_array(), [new_array() for _ in range(cell.n_kept)]),
        maximum_iterations=n_steps,
    )

    def gradient(d_states):
        # Products with these take three quarters of the time of those with a matrix that is to be transposed.
        transposed, recurrent_transposed = tf.transpose(kernel), tf.transpose(recurrent_kernel)

        def backward(t, later, d_memories, d_inputs, d_kernel, d_recurrent_kernel, d_biases):
            t = t - 1
            d_hidden = d_states_by_step.read(t) + tf.matmul(later, recurrent_transposed)
            of_later = tf.matmul(states.read(t), later, transpose_a=True)
            d_products, d_hidden_products, d_memories = cell.gradient(
                [array.read(t) for array in kept], d_hidden, *d_memories
            )
            d_inputs = d_inputs.write(t, tf.matmul(d_products, transposed))
            of_now = tf.matmul(inputs_by_step.read(t), d_products, transpose_a=True)
            # With "+", TensorFlow would take a kernel of one row for a bias, and fail.
            d_kernel, d_recurrent_kernel = tf.add_n([d_kernel, of_now]), tf.add_n([d_recurrent_kernel, of_later])
            sums = [tf.reduce_sum(d, axis=0) for d in (d_products, d_hidden_products)[: len(biases)]]
            d_biases = [total + more for total, more in zip(d_biases, sums, strict=True)]
            return t, d_hidden_products, d_memories, d_inputs, d_kernel, d_recurrent_kernel, d_biases

        d_states_by_step = new_array().unstack(d_states)
        d_kernels = [tf.zeros_like(kernel), tf.zeros_like(recurrent_kernel)]
        d_biases = [tf.zeros_like(bias) for bias in biases]
        *_, d_inputs, d_kernel, d_recurrent_kernel, d_biases = tf.while_loop(
            lambda t, *_: t > 0,
            backward,
            (n_steps, zeros(n_products), no_memories, new_array(), *d_kernels, d_biases),
            maximum_iterations=n_steps,
        )
        return d_inputs.stack(), d_kernel, d_recurrent_kernel, tf.reshape(d_biases, tf.shape(bias))

    return states.stack(), gradient


def turned_around(rows, order):
    """The rows in an order of which every two change places.

    Parameters
    ----------
    rows : tensor of shape (n, features)
    order : int32 tensor of shape (n,)
        Which row comes to the place of each: ``order[order[i]] == i``.
    """
    return tf.ensure_shape(_function_to_turn_around(rows.dtype)(rows, order), rows.shape)


@_once
def _function_to_turn_around(dtype: tf.DType) -> Callable:
    def turned_around(rows, order):
        # Its gradient is what brings it back: the same. TensorFlow would sum up, for each row, where it has gone.
        return tf.gather(rows, order), lambda d_rows: (tf.gather(d_rows, order), None)

    return _traced(turned_around, [tf.TensorSpec((None, None), dtype), tf.TensorSpec((None,), tf.int32)])
