"""The network in NumPy: the interpreter of a specification that serves. No Keras.

Sequences are handled packed: sorted by length, longest first, the tokens of one time step next to each other.
A sequence that has ended is simply no longer among the rows of a step, so that nothing is computed for padding
and a document's result does not depend on the documents beside it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.linalg import blas
from scipy.special import expit

from skrnn._network import N_GATES, NetworkSpec
from skrnn._ngrams import ngram_rows
from skrnn._threads import run_in_threads

# Sequences that run side by side: enough rows for fast matrix products, few enough tokens to stay in memory.
_CHUNK_ROWS = 256
_CHUNK_TOKENS = 2**18
# Tokens whose input products are looked up or computed together: some steps of few rows, or one of many.
_BLOCK_TOKENS = 256

# NumPy is quicker with arrays than with Python's own numbers.
_HALF, _ONE = np.array(0.5, dtype=np.float32), np.array(1.0, dtype=np.float32)

# Products of the input with the kernel of a direction, for a slice of packed tokens: (tokens, gates * units).
# Of tokens, their "vectors" too: (tokens, features).
_Products = Callable[[str, slice], np.ndarray]


def forward(
    spec: NetworkSpec, weights: dict[str, np.ndarray], X: sparse.csr_matrix, prepared: dict | None = None
) -> np.ndarray:
    """Outputs of the network for sequences of token ids.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of str to ndarray of float32
        As named by ``weight_shapes(spec)``.
    X : csr_matrix of shape (n_samples, longest), or RaggedArray
        Token ids below ``spec.n_tokens``, left-aligned; or vectors, in whose precision the network is computed.
    prepared : dict, optional
        Keeps what is derived from the weights alone, for the next call with the same weights. It begins empty.

    Returns
    -------
    outputs : ndarray of float64, of shape (n_samples, spec.n_outputs)
        Probabilities, or the values of a linear output.
    """
    dtype = np.dtype(np.float32) if spec.n_tokens is not None else X.data.dtype
    prepared = {} if prepared is None else prepared
    if dtype not in prepared:
        prepared[dtype] = _prepare(spec, weights, dtype)
    weights = prepared[dtype]
    lengths = np.diff(X.indptr)
    pooled = np.zeros((X.shape[0], weights["output/kernel"].shape[0]), dtype=dtype)
    read = _vector_reader(spec, weights, X) if spec.n_tokens is None else _token_reader(spec, weights, X)

    def run(rows):
        packing = _Packing.of(lengths[rows])
        products = read(packing, X.indptr[rows])
        vectors = _pool(spec, weights, packing, _recurrent_layers(spec, weights, packing, products))
        if spec.skip_connection:
            vectors = np.concatenate([vectors, _sqrtn(packing, products("vectors", slice(None)))], axis=1)
        pooled[rows] = vectors

    run_in_threads(run, _chunks(lengths))
    logits = (pooled @ weights["output/kernel"] + weights["output/bias"]).astype(np.float64)
    return _OUTPUT_ACTIVATIONS[spec.output_activation](logits)


def _prepare(spec, weights: dict[str, np.ndarray], dtype) -> dict[str, np.ndarray]:
    """The weights in this precision, with the candidate's columns last, and x / 2 in place of x for each gate.

    A gate's sigmoid is 0.5 * tanh(x / 2) + 0.5. The steps of an LSTM take and give twice its hidden state, for
    which its recurrent kernel is halved.
    """
    prepared = {}
    # In Keras, the LSTM's output gate stands after its candidate.
    order = [0, 1, 3, 2] if spec.cell == "lstm" else range(N_GATES[spec.cell])
    for name, weight in weights.items():
        if name.startswith("rnn_"):
            columns = weight.reshape(*weight.shape[:-1], N_GATES[spec.cell], -1)[..., order, :]  # a copy
            columns[..., :-1, :] *= 0.5
            if spec.cell == "lstm" and name.endswith("/recurrent_kernel"):
                columns *= 0.5
            prepared[name] = _aligned(columns.reshape(weight.shape), dtype)
        else:
            prepared[name] = weight if weight.dtype.kind == "i" else weight.astype(dtype, copy=False)
    return prepared


def _aligned(array: np.ndarray, dtype) -> np.ndarray:
    """A copy that begins where a line of the cache does: products with one vector take a quarter less time."""
    line = 64
    memory = np.empty(array.size * np.dtype(dtype).itemsize + line, dtype=np.uint8)
    start = -memory.ctypes.data % line
    copy = memory[start : start + memory.size - line].view(dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _token_reader(spec, weights, X) -> "Callable[[_Packing, np.ndarray], _Products]":
    """A function from packed sequences and where they start in ``X.data`` to the first layer's input products."""
    used, positions = _distinct(X.data, spec.n_tokens)
    # Computed once for each distinct token and not for each occurrence.
    vectors = weights["embedding"][used]
    tables = {direction: _input_products(weights, 0, direction, vectors) for direction in spec.directions}
    tables["vectors"] = vectors

    def read(packing, starts):
        ids = X.data[packing.flat_positions(starts)]
        lookups = [(tables, positions[ids])]
        if spec.n_ngrams:
            lookups.append(_ngram_lookup(spec, weights, packing, ids))
        return partial(_look_up, lookups)

    return read


def _ngram_lookup(spec, weights, packing, ids) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What the n-grams of packed tokens add: tables of those that occur, and of each token the row in them."""
    later = slice(packing.offsets[1], None)
    # As many sequences ran a step before, so far back it stands.
    positions_before = np.arange(packing.offsets[1], len(ids)) - packing.n_active[packing.times[later] - 1]

    def previous(values, first):
        before = np.full_like(values, first)
        before[later] = values[positions_before]
        return before

    rows = ngram_rows(ids, previous, weights["ngram_keys"], weights["ngram_slots"])
    used, positions = _distinct(rows, spec.n_ngrams)
    vectors = weights["ngram_embedding"][used]
    tables = {direction: vectors @ weights[f"rnn_0/{direction}/kernel"] for direction in spec.directions}
    return {**tables, "vectors": vectors}, positions[rows]


def _look_up(lookups, name: str, block: slice) -> np.ndarray:
    """The sum of what each table has for a slice of packed tokens."""
    (tables, rows), *others = lookups
    total = tables[name].take(rows[block], axis=0)
    for tables, rows in others:
        total += tables[name].take(rows[block], axis=0)
    return total


def _vector_reader(_spec, weights, X) -> "Callable[[_Packing, np.ndarray], _Products]":
    """As ``_token_reader``, for vectors."""

    def read(packing, starts):
        positions = packing.flat_positions(starts)
        return lambda direction, block: _input_products(weights, 0, direction, X.data[positions[block]])

    return read


def _distinct(ids: np.ndarray, n_tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """The ids that occur, and for each possible id its position among them."""
    occurs = np.zeros(n_tokens, dtype=bool)
    occurs[ids] = True
    used = np.flatnonzero(occurs)
    positions = np.zeros(n_tokens, dtype=np.intp)
    positions[used] = np.arange(len(used))
    return used, positions


def _chunks(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Row numbers of the sequences that are not empty, longest first, in blocks of bounded size."""
    order = np.argsort(-lengths, kind="stable")
    order = order[: np.count_nonzero(lengths)]
    start = 0
    while start < len(order):
        n_rows = min(_CHUNK_ROWS, max(1, _CHUNK_TOKENS // int(lengths[order[start]])))
        yield order[start : start + n_rows]
        start += n_rows


@dataclass
class _Packing:
    """Where the tokens of sequences of non-increasing length stand when they are packed by time step.

    ``n_active[t]`` sequences are longer than ``t``; step ``t`` is ``slice(offsets[t], offsets[t + 1])``.
    ``times`` and ``rows`` give the step and the sequence of every packed position.
    """

    lengths: np.ndarray
    n_active: np.ndarray
    offsets: np.ndarray
    times: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, lengths: np.ndarray) -> "_Packing":
        n_active = len(lengths) - np.searchsorted(lengths[::-1], np.arange(lengths[0]), side="right")
        offsets = np.concatenate([[0], np.cumsum(n_active)])
        times = np.repeat(np.arange(lengths[0]), n_active)
        rows = np.arange(offsets[-1]) - np.repeat(offsets[:-1], n_active)
        return cls(lengths, n_active, offsets, times, rows)

    def flat_positions(self, starts: np.ndarray) -> np.ndarray:
        """Packed order of data that stands sequence after sequence, sequence ``i`` from ``starts[i]`` on."""
        return starts[self.rows] + self.times

    def runs(self, max_tokens: int | None = None) -> Iterator[tuple[int, slice]]:
        """Time steps in order, as many at once as have equally many sequences and at most so many tokens.

        How many sequences, and the packed slice of these steps.
        """
        changes = 1 + np.flatnonzero(self.n_active[1:] != self.n_active[:-1])
        for first, last in pairwise([0, *changes.tolist(), len(self.n_active)]):
            # Python's own numbers, of which slices are made faster.
            n, start, stop = int(self.n_active[first]), int(self.offsets[first]), int(self.offsets[last])
            n_tokens = stop - start if max_tokens is None else n * max(max_tokens // n, 1)
            for begin in range(start, stop, n_tokens):
                yield n, slice(begin, min(begin + n_tokens, stop))


def _recurrent_layers(spec, weights, packing, products: _Products) -> np.ndarray:
    """Hidden states of the last recurrent layer, packed, from the first layer's input products.

    The result is of shape (tokens, hidden_dims[-1]).
    """
    states = _layer(spec, weights, packing, 0, products)
    for i in range(1, len(spec.units)):
        states = _layer(spec, weights, packing, i, _layer_products(weights, i, states))
    return states


def _layer(spec, weights, packing, layer: int, products: _Products) -> np.ndarray:
    """Hidden states of both directions, packed: (tokens, hidden_dims[layer])."""
    units = spec.units[layer]
    states = np.empty((packing.offsets[-1], spec.hidden_dims[layer]), dtype=weights["output/kernel"].dtype)
    for i, direction in enumerate(spec.directions):
        _run(spec, weights, layer, direction, packing, products, states[:, i * units : (i + 1) * units])
    if spec.cell == "lstm":
        states *= _HALF
    return states


def _layer_products(weights, layer: int, inputs: np.ndarray) -> _Products:
    return lambda direction, block: _input_products(weights, layer, direction, inputs[block])


def _input_products(weights, layer: int, direction: str, inputs: np.ndarray) -> np.ndarray:
    """Products of the inputs with the kernel, bias added: (tokens, gates * units)."""
    prefix = f"rnn_{layer}/{direction}"
    bias = weights[f"{prefix}/bias"]
    products = inputs @ weights[f"{prefix}/kernel"]
    products += bias[0] if bias.ndim == 2 else bias
    return products


def _run(spec, weights, layer, direction, packing: _Packing, products: _Products, states: np.ndarray) -> None:
    """One direction of one layer; its hidden states, an LSTM's doubled, go to ``states``, packed: (tokens, units).

    Backward, time runs from the last step to the first. Sequences then join instead of dropping out, and until
    they do, their hidden state is zero: packed as they are, both directions are the same loop.
    """
    activation = _ACTIVATIONS[spec.activation]
    kernel = weights[f"rnn_{layer}/{direction}/recurrent_kernel"]  # (units, gates * units)
    bias = weights[f"rnn_{layer}/{direction}/bias"][1] if spec.cell == "gru" else None
    hidden = np.zeros((len(packing.lengths), len(kernel)), dtype=kernel.dtype)  # (batch, units)
    memory = np.zeros_like(hidden)  # the LSTM's cell state
    recurrent = np.empty((len(hidden), kernel.shape[1]), dtype=kernel.dtype)
    order = -1 if direction == "backward" else 1
    n_running = 0
    for n, tokens in list(packing.runs(_BLOCK_TOKENS))[::order]:
        if n != n_running:
            n_running = n
            # NumPy is quicker with a vector than with a matrix of one row.
            rows, by_step = (slice(n), (-1, n)) if n > 1 else (0, (-1,))
            step = _STEPS[spec.cell](kernel, bias, memory[rows], recurrent[rows], activation)
        inputs = products(direction, tokens)
        inputs = inputs.reshape(*by_step, inputs.shape[1])[::order]  # (time, batch, gates * units)
        outputs = states[tokens].reshape(*by_step, states.shape[1])[::order]  # (time, batch, units)
        now = hidden[rows]
        for step_inputs, step_outputs in zip(inputs, outputs, strict=True):
            step(step_inputs, now, step_outputs)
            now = step_outputs
        hidden[rows] = now


# For the sequences that are running, a function that takes the input products of a time step, (batch, gates *
# units), and the hidden state before it, writes the new one where it is to be kept, and updates the memory. The
# LSTM's takes and writes twice the hidden state.
# Without new arrays, everything that a step touches stays in the processor's cache. The input products may be
# written over: nobody else has them.


def _adding_product(kernel, recurrent):
    """A function from input products and hidden states to the inputs plus what the kernel makes of the states."""
    if recurrent.ndim == 1:  # of one sequence, calls take as long as what they compute: one in place of two
        gemv, transposed = _GEMV[kernel.dtype.char], kernel.T
        # 1 * transposed @ hidden + 1 * inputs, from the first elements on, each, and in place of the inputs.
        return lambda inputs, hidden: gemv(1.0, transposed, hidden, 1.0, inputs, 0, 1, 0, 1, 0, 1)

    def add_product(inputs, hidden):
        hidden.dot(kernel, recurrent)
        return np.add(recurrent, inputs, recurrent)

    return add_product


def _simple_step(kernel, _bias, _memory, recurrent, activation):
    add_product = _adding_product(kernel, recurrent)

    def step(inputs, hidden, new_hidden):
        activation(add_product(inputs, hidden), new_hidden)

    return step


def _gru_step(kernel, bias, _memory, recurrent, activation):
    units = len(kernel)
    gates, candidate = recurrent[..., : 2 * units], recurrent[..., 2 * units :]
    update, reset = gates[..., :units], gates[..., units:]

    def step(inputs, hidden, new_hidden):
        hidden.dot(kernel, recurrent)
        np.add(recurrent, bias, recurrent)
        np.add(gates, inputs[..., : 2 * units], gates)
        np.tanh(gates, gates)
        _sigmoid_of_tanh(gates)
        np.multiply(candidate, reset, candidate)
        np.add(candidate, inputs[..., 2 * units :], candidate)
        activation(candidate, candidate)
        np.subtract(hidden, candidate, new_hidden)
        np.multiply(new_hidden, update, new_hidden)
        np.add(new_hidden, candidate, new_hidden)

    return step


def _lstm_step(kernel, _bias, memory, recurrent, activation):
    units = len(kernel)
    gates, candidate = recurrent[..., : 3 * units], recurrent[..., 3 * units :]
    input_gate, forget_gate, output_gate = (gates[..., i * units : (i + 1) * units] for i in range(3))
    change = np.empty_like(memory)
    add_product = _adding_product(kernel, recurrent)
    add, multiply, tanh = np.add, np.multiply, np.tanh  # looked up once: a step takes some microseconds

    def step(inputs, hidden, new_hidden):
        total = add_product(inputs, hidden)
        if activation is tanh:
            tanh(total, recurrent)
        else:
            tanh(total[..., : 3 * units], gates)
            activation(total[..., 3 * units :], candidate)
        # Twice the gates. Halved are the memory, and in _layer the hidden states: fewer numbers than the gates.
        # And change is no columns of recurrent, because an array of its own takes half as long.
        add(gates, _ONE, gates)
        multiply(candidate, input_gate, change)
        multiply(memory, forget_gate, memory)
        add(memory, change, memory)
        multiply(memory, _HALF, memory)
        activation(memory, change)
        multiply(change, output_gate, new_hidden)

    return step


def _pool(spec, weights, packing: _Packing, states: np.ndarray) -> np.ndarray:
    """Packed hidden states to one vector a sequence."""
    if spec.pooling == "attention":
        scores = np.exp(np.tanh(states @ weights["attention/kernel"] + weights["attention/bias"]))
        return _sum(packing, states * scores) / _sum(packing, scores)
    if spec.pooling == "last":
        return _last(spec, packing, states)
    pools = {"max": _max, "mean": _mean}
    return np.concatenate([pools[name](packing, states) for name in spec.pooling.split("_")], axis=1)


def _last(spec, packing: _Packing, states: np.ndarray) -> np.ndarray:
    """Where each direction ends: the last token going forward, the first going backward."""
    units = spec.units[-1]
    ends = packing.offsets[packing.lengths - 1] + np.arange(len(packing.lengths))
    pooled = states[ends]
    pooled[:, units:] = states[: len(packing.lengths), units:]
    return pooled


def _sum(packing: _Packing, states: np.ndarray) -> np.ndarray:
    total = np.zeros((len(packing.lengths), states.shape[1]), dtype=states.dtype)
    for n, tokens in packing.runs():
        total[:n] += states[tokens].reshape(-1, n, states.shape[1]).sum(axis=0)
    return total


def _mean(packing: _Packing, states: np.ndarray) -> np.ndarray:
    return _sum(packing, states) / packing.lengths[:, None].astype(states.dtype)


def _sqrtn(packing: _Packing, vectors: np.ndarray) -> np.ndarray:
    return _sum(packing, vectors) / np.sqrt(packing.lengths[:, None].astype(vectors.dtype))


def _max(packing: _Packing, states: np.ndarray) -> np.ndarray:
    largest = np.full((len(packing.lengths), states.shape[1]), -np.inf, dtype=states.dtype)
    for n, tokens in packing.runs():
        maxima = states[tokens].reshape(-1, n, states.shape[1]).max(axis=0)
        np.maximum(largest[:n], maxima, out=largest[:n])
    return largest


def _relu(x: np.ndarray, out: np.ndarray) -> None:
    np.maximum(x, 0, out=out)


def _sigmoid(x: np.ndarray, out: np.ndarray) -> None:
    np.tanh(0.5 * x, out)  # overflows nowhere
    _sigmoid_of_tanh(out)


def _sigmoid_of_tanh(x: np.ndarray) -> None:
    """In place: the tanh of x / 2 becomes the sigmoid of x."""
    np.multiply(x, _HALF, x)
    np.add(x, _HALF, x)


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


_GEMV = {"f": blas.sgemv, "d": blas.dgemv}
_STEPS = {"simple": _simple_step, "gru": _gru_step, "lstm": _lstm_step}
_ACTIVATIONS = {"tanh": np.tanh, "relu": _relu, "sigmoid": _sigmoid}
_OUTPUT_ACTIVATIONS = {"sigmoid": expit, "softmax": _softmax, "linear": lambda x: x}  # expit keeps the tails
