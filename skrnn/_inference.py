"""The network in NumPy: the interpreter of a specification that serves. No Keras.

Sequences are handled packed: sorted by length, longest first, the tokens of one time step next to each other.
A sequence that has ended is simply no longer among the rows of a step, so that nothing is computed for padding
and a document's result does not depend on the documents beside it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import expit

from skrnn._network import NetworkSpec

# Sequences that run side by side: enough rows for fast matrix products, few enough tokens to stay in memory.
_CHUNK_ROWS = 512
_CHUNK_TOKENS = 2**18


def forward(spec: NetworkSpec, weights: dict[str, np.ndarray], X: sparse.csr_matrix) -> np.ndarray:
    """Outputs of the network for sequences of token ids.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of str to ndarray of float32
        As named by ``weight_shapes(spec)``.
    X : csr_matrix of shape (n_samples, longest), or RaggedArray
        Token ids below ``spec.n_tokens``, left-aligned; or vectors, in whose precision the network is computed.

    Returns
    -------
    outputs : ndarray of float64, of shape (n_samples, spec.n_outputs)
        Probabilities, or the values of a linear output.
    """
    dtype = np.float32 if spec.n_tokens is not None else X.data.dtype
    weights = {name: weight.astype(dtype, copy=False) for name, weight in weights.items()}
    lengths = np.diff(X.indptr)
    pooled = np.zeros((X.shape[0], weights["output/kernel"].shape[0]), dtype=dtype)
    read = _vector_reader(spec, weights, X) if spec.n_tokens is None else _token_reader(spec, weights, X)
    for rows in _chunks(lengths):
        packing = _Packing.of(lengths[rows])
        products = read(packing.flat_positions(X.indptr[rows]))
        pooled[rows] = _pool(spec, weights, packing, _recurrent_layers(spec, weights, packing, products))
    logits = (pooled @ weights["output/kernel"] + weights["output/bias"]).astype(np.float64)
    return _OUTPUT_ACTIVATIONS[spec.output_activation](logits)


def _token_reader(spec, weights, X) -> Callable[[np.ndarray], Iterator[np.ndarray]]:
    """A function from positions in ``X.data`` to the first layer's input products, one direction at a time."""
    used, positions = _distinct(X.data, spec.n_tokens)
    # Computed once for each distinct token and not for each occurrence.
    tables = [_input_products(weights, 0, direction, weights["embedding"][used]) for direction in spec.directions]

    def read(flat_positions):
        ids = positions[X.data[flat_positions]]
        return (table[ids] for table in tables)

    return read


def _vector_reader(spec, weights, X) -> Callable[[np.ndarray], Iterator[np.ndarray]]:
    """As ``_token_reader``, for vectors."""
    return lambda flat_positions: _layer_products(spec, weights, 0, X.data[flat_positions])


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

    def reversed(self) -> np.ndarray:
        """Packed positions of every sequence read from its own end; its own inverse."""
        return self.offsets[self.lengths[self.rows] - 1 - self.times] + self.rows

    def steps(self) -> Iterator[tuple[int, slice]]:
        """The number of sequences and the packed slice of each time step."""
        for n, start, stop in zip(self.n_active, self.offsets[:-1], self.offsets[1:], strict=True):
            yield n, slice(start, stop)


def _recurrent_layers(spec, weights, packing, products: Iterator[np.ndarray]) -> np.ndarray:
    """Hidden states of the last recurrent layer, packed, from the first layer's input products.

    ``products`` has for each direction an array of shape (tokens, gates * units); the result is of shape
    (tokens, hidden_dims[-1]).
    """
    states = _layer(spec, weights, packing, 0, products)
    for i in range(1, len(spec.units)):
        states = _layer(spec, weights, packing, i, _layer_products(spec, weights, i, states))
    return states


def _layer(spec, weights, packing, layer: int, products: Iterator[np.ndarray]) -> np.ndarray:
    """Hidden states of both directions, packed: (tokens, hidden_dims[layer])."""
    outputs = []
    for direction, inputs in zip(spec.directions, products, strict=True):
        order = packing.reversed() if direction == "backward" else slice(None)
        run = _run(spec, weights, f"rnn_{layer}/{direction}", spec.units[layer], packing, inputs[order])
        outputs.append(run[order])
    return np.concatenate(outputs, axis=1)


def _layer_products(spec, weights, layer: int, inputs: np.ndarray) -> Iterator[np.ndarray]:
    return (_input_products(weights, layer, direction, inputs) for direction in spec.directions)


def _input_products(weights, layer: int, direction: str, inputs: np.ndarray) -> np.ndarray:
    """Products of the inputs with the kernel, bias added: (tokens, gates * units)."""
    prefix = f"rnn_{layer}/{direction}"
    bias = weights[f"{prefix}/bias"]
    return inputs @ weights[f"{prefix}/kernel"] + (bias[0] if bias.ndim == 2 else bias)


def _run(spec, weights, prefix: str, units: int, packing: _Packing, products: np.ndarray) -> np.ndarray:
    """One direction of one layer over packed input products: (tokens, units)."""
    step = _STEPS[spec.cell]
    activation = _ACTIVATIONS[spec.activation]
    recurrent_kernel = weights[f"{prefix}/recurrent_kernel"]
    recurrent_bias = weights[f"{prefix}/bias"][1] if spec.cell == "gru" else None
    outputs = np.empty((len(products), units), dtype=products.dtype)
    hidden = np.zeros((len(packing.lengths), units), dtype=products.dtype)
    memory = np.zeros_like(hidden)  # the LSTM's cell state
    for n, now in packing.steps():
        recurrent = hidden[:n] @ recurrent_kernel
        if recurrent_bias is not None:
            recurrent += recurrent_bias
        step(products[now], recurrent, hidden[:n], memory[:n], activation)
        outputs[now] = hidden[:n]
    return outputs


def _simple_step(inputs, recurrent, hidden, _memory, activation):
    hidden[:] = activation(inputs + recurrent)


def _gru_step(inputs, recurrent, hidden, _memory, activation):
    units = hidden.shape[1]
    gates = _sigmoid(inputs[:, : 2 * units] + recurrent[:, : 2 * units])
    update, reset = gates[:, :units], gates[:, units:]
    candidate = activation(inputs[:, 2 * units :] + reset * recurrent[:, 2 * units :])
    hidden[:] = candidate + update * (hidden - candidate)


def _lstm_step(inputs, recurrent, hidden, memory, activation):
    units = hidden.shape[1]
    recurrent += inputs
    input_forget = _sigmoid(recurrent[:, : 2 * units])
    memory *= input_forget[:, units:]
    memory += input_forget[:, :units] * activation(recurrent[:, 2 * units : 3 * units])
    np.multiply(_sigmoid(recurrent[:, 3 * units :]), activation(memory), out=hidden)


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
    for n, now in packing.steps():
        total[:n] += states[now]
    return total


def _mean(packing: _Packing, states: np.ndarray) -> np.ndarray:
    return _sum(packing, states) / packing.lengths[:, None].astype(states.dtype)


def _max(packing: _Packing, states: np.ndarray) -> np.ndarray:
    largest = np.full((len(packing.lengths), states.shape[1]), -np.inf, dtype=states.dtype)
    for n, now in packing.steps():
        np.maximum(largest[:n], states[now], out=largest[:n])
    return largest


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * np.tanh(0.5 * x) + 0.5  # overflows nowhere


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


_STEPS = {"simple": _simple_step, "gru": _gru_step, "lstm": _lstm_step}
_ACTIVATIONS = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0), "sigmoid": _sigmoid}
_OUTPUT_ACTIVATIONS = {"sigmoid": expit, "softmax": _softmax, "linear": lambda x: x}  # expit keeps the tails
