"""A network as nodes of an ONNX graph: the third interpreter of a specification, beside Keras and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from skrnn.export._graph import Graph, Value
from skrnn.network._spec import NetworkSpec
from skrnn.network._weights import LINEAR, computable, scale_of
from skrnn.sequences._ngrams import HASH_MODULUS, HASH_MULTIPLIER, MAX_LENGTH, NO_NGRAM
from skrnn.sequences._storage import PADDING, UNKNOWN

# Old enough for the runtimes of the last years.
OPSETS = {"": 17}

Weights = dict[str, np.ndarray]

_ZERO = np.float32(0)


@dataclass(frozen=True)
class Sequences:
    """Vectors, padded at the end. There is at least one sequence and one time step.

    Parameters
    ----------
    vectors : Value
        Shape (time, batch, n_features).
    lengths : Value
        Shape (batch,).
    mask : Value
        Shape (time, batch, 1). True until a sequence ends.
    n_sequences : Value
        Shape (1,). Number of sequences in the input of the model, which may be 0.
    linear : Value or None
        The weights of the tokens in the linear model, of shape (time, batch, n_outputs). None without a linear
        model.
    of_words : Value or None
        The sums of the weights of unknown words in the linear model, of shape (batch, n_outputs).
    """

    vectors: Value
    lengths: Value
    mask: Value
    n_sequences: Value
    linear: Value | None = None
    of_words: Value | None = None


@dataclass(frozen=True)
class _States:
    """Hidden states of a recurrent layer.

    Parameters
    ----------
    values : Value
        Shape (time, batch, hidden_dim).
    last : Value
        The state after the last step of each direction. Shape (batch, hidden_dim).
    lengths, mask : Value
        As in Sequences.
    """

    values: Value
    last: Value
    lengths: Value
    mask: Value


# Inputs


def read_tokens(
    graph: Graph, spec: NetworkSpec, weights: Weights, token_ids: Value, of_words: Value | None = None
) -> Sequences:
    """Return the vectors of token ids, int32 of shape (batch, time), with padding anywhere in a row.

    Unknown words may have weights in the linear model: (batch, n_outputs).
    """
    n_sequences = graph.add("Shape", token_ids, start=0, end=1)
    pads = graph.add("Concat", [0, 0], _n_missing(graph, token_ids), axis=0)
    ids = graph.add("Max", graph.add("Pad", token_ids, pads), np.array([PADDING], dtype=np.int32))
    is_token = graph.cast(graph.add("Greater", ids, np.int32(PADDING)), np.int64)
    lengths = graph.add("ReduceSum", is_token, [1], keepdims=0)  # (batch,)
    # Put the padding behind the tokens: TopK keeps the order of equal elements.
    longest = graph.add("Max", graph.add("ReduceMax", lengths, keepdims=1), [1])
    _, order = graph.add_multiple("TopK", is_token, longest, n_outputs=2, axis=1)
    ids = graph.add("GatherElements", ids, order, axis=1)
    ids = graph.add("Transpose", ids, perm=[1, 0])  # (time, batch)
    known = _known_ids(graph, ids, len(weights["embedding"]))
    rows = _ngram_rows(graph, weights, known) if spec.n_ngrams else None

    def look_up(of_tokens: str, ids: Value, of_ngrams: str) -> Value:
        values = _rows(graph, weights, of_tokens, ids)
        return values if rows is None else graph.add("Add", values, _rows(graph, weights, of_ngrams, rows))

    vectors, linear = look_up("embedding", known, "ngram_embedding"), None
    if spec.n_linear_tokens:
        linear = look_up(f"{LINEAR}tokens", _known_ids(graph, ids, spec.n_linear_tokens), f"{LINEAR}ngrams")
    return Sequences(vectors, lengths, _mask(graph, vectors, lengths), n_sequences, linear, of_words)


def _rows(graph: Graph, weights: Weights, name: str, ids: Value) -> Value:
    """Return rows of a table in float32, of shape (time, batch, width). A compact table stays compact."""
    rows, scale = weights[name], scale_of(weights, name)
    values = graph.add("Gather", rows, ids)
    if rows.dtype != np.float32:
        values = graph.cast(values, np.float32)
    return values if scale is None else graph.add("Mul", values, graph.add("Gather", scale[:, None], ids))


def _known_ids(graph: Graph, ids: Value, n_tokens: int) -> Value:
    """Return what ``sequences._storage.known_ids`` returns."""
    return graph.add("Where", graph.add("Less", ids, np.int32(n_tokens)), ids, np.int32(UNKNOWN))


def read_vectors(graph: Graph, sequences: Value, lengths: Value) -> Sequences:
    """Return the vectors of sequences, (batch, time, n_features), with their lengths. Padding may be NaN."""
    n_sequences = graph.add("Shape", sequences, start=0, end=1)
    # ONNX Runtime must still refuse a length greater than time: add no step unless there is none.
    missing = _n_missing(graph, sequences)
    pads = graph.add("Concat", [0, 0, 0], missing, [0], axis=0)
    vectors = graph.add("Transpose", graph.add("Pad", sequences, pads), perm=[1, 0, 2])
    missing_rows = graph.add("Slice", missing, [0], [1])
    lengths = graph.add("Pad", lengths, graph.add("Concat", [0], missing_rows, axis=0))
    mask = _mask(graph, vectors, lengths)
    return Sequences(graph.add("Where", mask, vectors, _ZERO), lengths, mask, n_sequences)


def _n_missing(graph: Graph, sequences: Value) -> Value:
    """Return how many sequences and steps to add, shape (2,): ONNX Runtime crashes where there are none."""
    shape = graph.add("Shape", sequences, start=0, end=2)
    return graph.add("Max", graph.add("Sub", [1, 1], shape), [0])


def _mask(graph: Graph, vectors: Value, lengths: Value) -> Value:
    n_steps = graph.add("Squeeze", graph.add("Shape", vectors, start=0, end=1))
    steps = graph.add("Range", 0, n_steps, 1)
    mask = graph.add("Less", graph.add("Unsqueeze", steps, [1]), lengths)  # (time, batch)
    return graph.add("Unsqueeze", mask, [2])


def _ngram_rows(graph: Graph, weights: Weights, ids: Value) -> Value:
    """Return what ``sequences._ngrams.ngram_rows`` returns, shape (time, batch)."""
    keys, slots = weights["ngram_keys"], weights["ngram_slots"]
    one_step_later = [1, 0, -1, 0]
    prefixes = graph.add("Pad", ids, one_step_later, np.int32(PADDING))
    longest = graph.add("Expand", np.int32(NO_NGRAM), graph.add("Shape", ids))
    for _ in range(2, MAX_LENGTH + 1):
        hashes = graph.add("Mul", graph.add("Mod", prefixes, np.int32(HASH_MODULUS)), np.int32(HASH_MULTIPLIER))
        hashes = graph.add("Add", hashes, ids)
        rows = graph.add("Gather", slots, graph.add("Mod", hashes, np.int32(len(slots))))
        has_prefix = graph.add("Equal", graph.add("Gather", keys[:, 0], rows), prefixes)
        has_token = graph.add("Equal", graph.add("Gather", keys[:, 1], rows), ids)
        is_found = graph.add("And", has_prefix, has_token)
        rows = graph.add("Where", is_found, rows, np.int32(NO_NGRAM))
        longest = graph.add("Where", is_found, rows, longest)
        # The bitwise complement, -1 - row: BitwiseNot is too new an operator.
        prefixes = graph.add("Sub", np.int32(-1), graph.add("Pad", rows, one_step_later, np.int32(NO_NGRAM)))
    return longest


# The network


def add_network(graph: Graph, spec: NetworkSpec, weights: Weights, sequences: Sequences) -> Value:
    """Return what the output layer reads, shape (n_sequences, n_pooled)."""
    weights = computable(weights)
    # An empty sequence runs for one step, which pooling ignores: some runtimes refuse the length 0.
    n_steps = graph.cast(graph.add("Max", sequences.lengths, [1]), np.int32)
    values, last = sequences.vectors, sequences.vectors
    for layer in range(len(spec.units)):
        values, last = _recurrent_layer(graph, spec, weights, layer, values, n_steps)
    pooled = _pool(graph, spec, weights, _States(values, last, sequences.lengths, sequences.mask))
    if spec.skip_connection:
        pooled = graph.add("Concat", pooled, _sqrtn(graph, sequences, sequences.vectors), axis=1)
    return graph.add("Slice", pooled, [0], sequences.n_sequences)


# Recurrent layers


@dataclass(frozen=True)
class _Cell:
    """The ONNX operator of a cell.

    Parameters
    ----------
    operator : str
        Its name.
    gate_order : tuple of int
        The position of each of the operator's gates in the kernels of Keras.
    activations : callable
        Returns the operator's activations for the activation of the cell.
    attributes : dict of str to int
        Other attributes of the operator.
    """

    operator: str
    gate_order: tuple[int, ...]
    activations: Callable[[str], list[str]]
    attributes: dict[str, int] = field(default_factory=dict)


_CELLS = {
    "simple": _Cell("RNN", (0,), lambda activation: [activation]),
    # Keras applies the reset gate after the product, as the operator does with this attribute.
    "gru": _Cell("GRU", (0, 1, 2), lambda activation: ["Sigmoid", activation], {"linear_before_reset": 1}),
    # Input gate, output gate, forget gate, candidate. In Keras the output gate is the last.
    "lstm": _Cell("LSTM", (0, 3, 1, 2), lambda activation: ["Sigmoid", activation, activation]),
}
_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


def _recurrent_layer(
    graph: Graph, spec: NetworkSpec, weights: Weights, layer: int, inputs: Value, n_steps: Value
) -> tuple[Value, Value]:
    """Return the hidden states, (time, batch, hidden_dim), and the last of each direction, (batch, hidden_dim)."""
    cell = _CELLS[spec.cell]
    arrays = [_direction_weights(cell, weights, f"rnn_{layer}/{direction}") for direction in spec.directions]
    kernels, recurrent_kernels, biases = (np.stack(directions) for directions in zip(*arrays, strict=True))
    states, last = graph.add_multiple(
        cell.operator,
        inputs,
        kernels,
        recurrent_kernels,
        biases,
        n_steps,
        n_outputs=2,
        hidden_size=spec.units[layer],
        direction="bidirectional" if spec.bidirectional else "forward",
        activations=cell.activations(_ACTIVATIONS[spec.activation]) * len(spec.directions),
        **cell.attributes,
    )
    states = graph.add("Transpose", states, perm=[0, 2, 1, 3])  # (time, batch, directions, units)
    last = graph.add("Transpose", last, perm=[1, 0, 2])  # (batch, directions, units)
    hidden_dim = spec.hidden_dims[layer]
    return graph.add("Reshape", states, [0, 0, hidden_dim]), graph.add("Reshape", last, [0, hidden_dim])


def _direction_weights(cell: _Cell, weights: Weights, prefix: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weights of one direction as the operator takes them.

    Returns
    -------
    kernel : ndarray of shape (gates * units, n_features)
    recurrent_kernel : ndarray of shape (gates * units, units)
    biases : ndarray of shape (2 * gates * units,)
        The bias of the kernel, then the bias of the recurrent kernel.
    """

    def reorder_gates(array: np.ndarray) -> np.ndarray:
        gates = np.split(array, len(cell.gate_order), axis=1)
        return np.concatenate([gates[gate] for gate in cell.gate_order], axis=1)

    bias = weights[f"{prefix}/bias"]
    biases = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    return (
        reorder_gates(weights[f"{prefix}/kernel"]).T,
        reorder_gates(weights[f"{prefix}/recurrent_kernel"]).T,
        reorder_gates(biases).ravel(),
    )


# Pooling. Each function returns one vector for each sequence, (batch, n_pooled); any value for an empty one.


def _pool(graph: Graph, spec: NetworkSpec, weights: Weights, states: _States) -> Value:
    """Return one vector for each sequence, zeros for an empty one."""
    pooled = _POOLINGS[spec.pooling](graph, weights, states)
    has_steps = graph.add("Greater", graph.add("Unsqueeze", states.lengths, [1]), 0)
    return graph.add("Where", has_steps, pooled, _ZERO)


def _last(_graph: Graph, _weights: Weights, states: _States) -> Value:
    return states.last


def _max(graph: Graph, _weights: Weights, states: _States) -> Value:
    return graph.max(graph.add("Where", states.mask, states.values, np.float32(-np.inf)), axis=0)


def _mean(graph: Graph, _weights: Weights, states: _States) -> Value:
    n_steps = graph.cast(graph.add("Unsqueeze", states.lengths, [1]), np.float32)
    return graph.add("Div", _sum(graph, states.values, states.mask), n_steps)


def _max_mean(graph: Graph, weights: Weights, states: _States) -> Value:
    return graph.add("Concat", _max(graph, weights, states), _mean(graph, weights, states), axis=1)


def _attention(graph: Graph, weights: Weights, states: _States) -> Value:
    logits = graph.add("MatMul", states.values, weights["attention/kernel"])
    logits = graph.add("Add", logits, weights["attention/bias"])
    scores = graph.add("Exp", graph.add("Tanh", logits))  # (time, batch, 1)
    total = _sum(graph, graph.add("Mul", states.values, scores), states.mask)
    return graph.add("Div", total, _sum(graph, scores, states.mask))


_POOLINGS: dict[str, Callable[[Graph, Weights, _States], Value]] = {
    "last": _last,
    "max": _max,
    "mean": _mean,
    "max_mean": _max_mean,
    "attention": _attention,
}


def _sqrtn(graph: Graph, sequences: Sequences, values: Value) -> Value:
    """Return the sum of the values of each sequence over the root of their number, (batch, width)."""
    return graph.add("Div", _sum(graph, values, sequences.mask), _root_of_lengths(graph, sequences))


def _root_of_lengths(graph: Graph, sequences: Sequences) -> Value:
    n_steps = graph.cast(graph.add("Unsqueeze", sequences.lengths, [1]), np.float32)
    return graph.add("Sqrt", graph.add("Max", n_steps, np.float32(1)))


def _sum(graph: Graph, values: Value, mask: Value) -> Value:
    return graph.add("ReduceSum", graph.add("Where", mask, values, _ZERO), [0], keepdims=0)


# Outputs


def add_logits(graph: Graph, spec: NetworkSpec, weights: Weights, sequences: Sequences) -> Value:
    """Return the logits, or the values of a linear output: (n_sequences, n_outputs)."""
    weights = computable(weights)
    pooled = add_network(graph, spec, weights, sequences)
    logits = graph.add("Gemm", pooled, weights["output/kernel"], weights["output/bias"])
    if sequences.linear is None:
        return logits
    sums = graph.add("Slice", _sqrtn(graph, sequences, sequences.linear), [0], sequences.n_sequences)
    if sequences.of_words is not None:
        roots = graph.add("Slice", _root_of_lengths(graph, sequences), [0], sequences.n_sequences)
        sums = graph.add("Add", sums, graph.add("Div", sequences.of_words, roots))
    linear = graph.add("Add", sums, weights[f"{LINEAR}bias"])
    return graph.add("Div", graph.add("Add", logits, linear), np.float32(2))


def is_multilabel(spec: NetworkSpec) -> bool:
    """Return whether a sample can have several labels."""
    return spec.output_activation == "sigmoid" and spec.n_outputs > 1


def add_probabilities(graph: Graph, spec: NetworkSpec, logits: Value, output: Value | None = None) -> Value:
    """Return the probabilities, float32 of shape (batch, n_classes)."""
    if is_multilabel(spec):
        return graph.add("Sigmoid", logits, output=output)
    if spec.n_outputs == 1:
        # The softmax of 0 and a logit gives both probabilities, and small ones without rounding to 0.
        logits = graph.add("Pad", logits, [0, 1, 0, 0], _ZERO)
    return graph.add("Softmax", logits, output=output, axis=1)


def to_labels(classes: np.ndarray) -> np.ndarray:
    """Return the classes as ONNX can hold them: numbers and bools as they are, strings for all others."""
    if classes.dtype.kind in "biuf":
        return classes
    return np.array([str(c).encode("utf-8", "replace").decode() for c in classes.tolist()], dtype=object)


def add_labels(
    graph: Graph, spec: NetworkSpec, labels: np.ndarray, probabilities: Value, output: Value | None = None
) -> Value:
    """Return the predicted labels, (batch,), or the indicator matrix of several labels, (batch, n_classes)."""
    if is_multilabel(spec):
        return graph.cast(graph.add("Greater", probabilities, np.float32(0.5)), np.int64, output=output)
    return graph.add("Gather", labels, graph.add("ArgMax", probabilities, axis=1, keepdims=0), output=output)


def add_values(
    graph: Graph, outputs: Value, scale: np.ndarray, mean: np.ndarray, output: Value | None = None
) -> Value:
    """Return the values in the units of the targets, float64 of shape (batch, n_targets)."""
    # In float64, targets with a large mean keep their digits.
    scaled = graph.add("Mul", graph.cast(outputs, np.float64), scale)
    return graph.add("Add", scaled, mean, output=output)
