"""Fitted estimators as ONNX models: the third interpreter of a specification, for other languages and devices.

The graph is written node by node from the specification and the named arrays, so that exporting needs neither
Keras nor TensorFlow. Of ``onnx`` nothing is imported until an export begins.
"""

import json
import os
import uuid
from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._base import BaseRNN
from skrnn.export._text import CUTTING_DOMAIN, TABLES_DOMAIN, check_exportable, read_documents
from skrnn.network._spec import N_GATES, NetworkSpec
from skrnn.sequences._ngrams import HASH_MODULUS, HASH_MULTIPLIER, MAX_LENGTH, NO_NGRAM
from skrnn.sequences._storage import PADDING, UNKNOWN
from skrnn.estimators._text import TextRNN
from skrnn.utils._validation import check_choice
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn._version import __version__

__all__ = ["to_onnx"]

# Versions of the operators by domain, and of the format: old enough for runtimes of the last years, new enough for
# all that is used here. What reads documents needs newer ones.
_VERSIONS = {
    "token_ids": ({"": 17}, 8),
    "documents": ({"": 20, TABLES_DOMAIN: 2, CUTTING_DOMAIN: 1}, 9),
}

_OPERATORS = {"simple": "RNN", "gru": "GRU", "lstm": "LSTM"}
# Gates of Keras' kernels in the order of the operator: an LSTM's are i, f, c, o there and i, o, f, c here.
_GATE_ORDER = {"simple": [0], "gru": [0, 1, 2], "lstm": [0, 3, 1, 2]}
_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


def to_onnx(estimator, path=None, *, inputs="token_ids"):
    """Export a fitted estimator as an ONNX model.

    The model computes what ``predict_proba`` of a classifier and ``predict`` of a regressor compute, in float32.
    It runs without Python: ONNX Runtime has bindings for C, C++, C#, Java, JavaScript and Swift, and runs in the
    browser.

    Parameters
    ----------
    estimator : RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier or RNNSequenceRegressor
        Fitted, and with the built-in network (``network=None``).
    path : str or path-like, default=None
        The file to write, which is replaced if it is there. It holds the whole model, and is either complete or
        as it was: an export that fails half-way leaves nothing behind. None writes no file.
    inputs : {"token_ids", "documents"}, default="token_ids"
        What the model of a text estimator reads: token ids, which every runtime of ONNX can, or the documents
        themselves, which takes ONNX Runtime. An estimator of numeric sequences reads those.

    Returns
    -------
    model : onnx.ModelProto
        See the notes for its inputs, outputs and metadata.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is not one of the four, but a pipeline or a search, for instance.
    ValueError
        If its network is the user's own, or if `inputs` is "documents" and the vectorizer has settings that no
        graph can follow exactly.
    ImportError
        If ``onnx`` is not installed: ``pip install "skrnn[onnx]"``.

    Notes
    -----
    The input of a text estimator is one of these:

    - ``token_ids``, int32 of shape (batch, time): token ids padded with 0 to the longest document, at the end or
      in front. Ids beyond the vocabulary count as unknown, negative ones as padding.
    - ``documents``, strings (UTF-8) of shape (batch,), in Python an array of dtype object.

    Inputs of an estimator of numeric sequences:

    - ``sequences``, float32 of shape (batch, time, n_features): vectors, padded at the end with whatever.
    - ``lengths``, int64 of shape (batch,): the time steps of each sequence, at most ``time``.

    The one output of a classifier:

    - ``probabilities``, float32 of shape (batch, n_classes): two columns for two classes; for multilabel targets
      a column for each label.

    The one output of a regressor:

    - ``values``, float64 of shape (batch, n_targets): in the units of y.

    As in the estimator, a result depends on the document or sequence alone, and empty ones get what the output
    layer makes of zeros.

    For ``token_ids`` get the ids from ``estimator.vectorizer_.transform(documents).toarray()``, or cut the
    documents in the same way and look the tokens up in the vocabulary, which is in the metadata.

    With ``documents`` the model itself does what the vectorizer does, and gets the same ids of any text, with
    the three built-in analyzers, ``lowercase``, ``stop_words``, ``max_length`` and ``truncate``. It is refused
    with a callable ``analyzer``, ``preprocessor`` or ``tokenizer``, with a ``token_pattern`` (regular expressions
    mean other things outside of Python) and with ``strip_accents``. It needs the operator Tokenizer of the domain
    com.microsoft, which ONNX Runtime has, unless built without its contrib operators, and other runtimes do not.
    Unicode is that of the Python that exports. The rows of a batch take the time and the memory of the longest
    document, and of the most combining marks on one letter: give it tens of documents at a time rather than
    thousands, and limit the length of those that strangers send.

    The metadata are strings:

    - ``estimator``: name of the class.
    - ``task``: binary, multiclass, multilabel or regression.
    - ``classes`` (classifiers): JSON list of ``classes_``, in the order of the output's columns.
    - ``vocabulary`` (text estimators with a vectorizer): JSON list of the tokens in the order of their ids, as
      ``vectorizer_.get_feature_names_out()`` gives it; the first two stand for padding and unknown tokens.
    - ``skrnn_version``.

    An ONNX model may have 2 GB at most.

    Examples
    --------
    >>> import numpy as np
    >>> from onnxruntime import InferenceSession
    >>> from skrnn import RNNTextClassifier
    >>> from skrnn.export import to_onnx
    >>> documents, labels = ["a good film", "a bad film"] * 30, ["pos", "neg"] * 30
    >>> classifier = RNNTextClassifier(units=8, epochs=2, random_state=0).fit(documents, labels)
    >>> model = to_onnx(classifier)
    >>> session = InferenceSession(model.SerializeToString())
    >>> new_documents = ["good", "not a good film", ""]
    >>> token_ids = classifier.vectorizer_.transform(new_documents).toarray()
    >>> (probabilities,) = session.run(["probabilities"], {"token_ids": token_ids})
    >>> np.allclose(probabilities, classifier.predict_proba(new_documents), rtol=0, atol=1e-5)
    True

    From the documents themselves:

    >>> model = to_onnx(classifier, inputs="documents")
    >>> session = InferenceSession(model.SerializeToString())
    >>> inputs = {"documents": np.array(new_documents, dtype=object)}
    >>> np.allclose(session.run(None, inputs)[0], probabilities, rtol=0, atol=1e-5)
    True
    """
    _check_estimator(estimator)
    _check_inputs(estimator, inputs)
    onnx = _import_onnx()
    spec, weights = NetworkSpec(**estimator._network["spec"]), estimator._network["weights"]
    metadata = _metadata(estimator, spec)
    opsets, ir_version = _VERSIONS[inputs]
    graph = _Graph(onnx, opsets[""])
    tensors, output = _network(graph, spec, weights, estimator, inputs)
    model = onnx.helper.make_model(
        graph.build(type(estimator).__name__, tensors, output),
        producer_name="skrnn",
        producer_version=metadata["skrnn_version"],
        opset_imports=[onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()],
        ir_version=ir_version,
    )
    onnx.helper.set_model_props(model, metadata)
    if path is not None:
        _write(Path(path).resolve(), model.SerializeToString())
    return model


def _check_estimator(estimator) -> None:
    if isinstance(estimator, type) or not isinstance(estimator, BaseRNN):
        kind = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise TypeError(
            f"Expected a fitted estimator of skrnn; got {kind}. Of a pipeline pass the last step, of a search "
            "best_estimator_; the other steps are exported with their own tools."
        )
    check_is_fitted(estimator)
    if estimator._network["network"] is not None:
        raise ValueError(
            "Expected an estimator with the built-in network; this one was fitted with network="
            f"{estimator._network['network']!r}. Export its Keras model with Keras' own means: "
            'estimator.model_.export(path, format="onnx").'
        )


def _check_inputs(estimator, inputs) -> None:
    check_choice("inputs", inputs, tuple(_VERSIONS))
    if inputs == "token_ids":
        return
    if not isinstance(estimator, TextRNN):
        raise ValueError(
            f"Expected inputs='documents' for an estimator of text only, got it for {type(estimator).__name__}; "
            "leave it out."
        )
    check_exportable(estimator.vectorizer_)


def _import_onnx():
    try:
        import onnx
    except ImportError as error:
        raise ImportError('to_onnx needs onnx, which is not installed: pip install "skrnn[onnx]".') from error
    return onnx


def _metadata(estimator, spec: NetworkSpec) -> dict[str, str]:
    sigmoid = "binary" if spec.n_outputs == 1 else "multilabel"
    metadata = {
        "skrnn_version": __version__,
        "estimator": type(estimator).__name__,
        "task": {"sigmoid": sigmoid, "softmax": "multiclass", "linear": "regression"}[spec.output_activation],
    }
    if hasattr(estimator, "classes_"):
        metadata["classes"] = json.dumps(estimator.classes_.tolist(), default=str)
    if isinstance(estimator, TextRNN) and isinstance(estimator.vectorizer_, SequenceVectorizer):
        # With \u escapes, so that any token is valid UTF-8, which ONNX demands.
        metadata["vocabulary"] = json.dumps(estimator.vectorizer_.get_feature_names_out().tolist())
    return metadata


def _write(path: Path, content: bytes) -> None:
    """Replace a file at one stroke."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


class _Graph:
    """Nodes and constants in the order in which they are added; results are known by their names."""

    def __init__(self, onnx, opset: int, prefix: str = ""):
        self._onnx = onnx
        self._opset = opset
        self._prefix = prefix
        self._nodes = []
        self._constants = []
        self._declarations = []

    def add(self, operator: str, *inputs, n_outputs: int = 1, output: str | None = None, **attributes):
        """The name of a node's output, or a list of names. Inputs are names, or arrays, which become constants."""
        inputs = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        name = f"{self._prefix}{operator}_{len(self._nodes)}"
        outputs = [output or name] if n_outputs == 1 else [f"{name}_{i}" for i in range(n_outputs)]
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, outputs, name=name, **attributes))
        return outputs[0] if n_outputs == 1 else outputs

    def cast(self, value: str, dtype) -> str:
        return self.add("Cast", value, to=self._element_type(dtype))

    def declare(self, value: str, dtype) -> None:
        """The type of what an operator gives that ONNX does not know; without it, checking a model may crash."""
        self._declarations.append(self._onnx.helper.make_tensor_value_info(value, self._element_type(dtype), None))

    def max(self, value: str, axis: int) -> str:
        """The greatest along an axis, which goes away."""
        if self._opset < 18:
            return self.add("ReduceMax", value, axes=[axis], keepdims=0)
        return self.add("ReduceMax", value, np.array([axis]), keepdims=0)

    def subgraph(self) -> "_Graph":
        """For the body of the next node; it sees the results that are there, and its names are its own."""
        return _Graph(self._onnx, self._opset, f"{self._prefix}{len(self._nodes)}_")

    def _constant(self, values) -> str:
        name = f"{self._prefix}constant_{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def build(self, name: str, inputs: dict[str, tuple], output: dict[str, tuple]):
        """The graph; inputs and output are the dtype and the shape of each by name."""
        inputs, outputs = (
            [self._onnx.helper.make_tensor_value_info(k, self._element_type(v[0]), v[1:]) for k, v in part.items()]
            for part in (inputs, output)
        )
        return self._onnx.helper.make_graph(
            self._nodes, name, inputs, outputs, self._constants, value_info=self._declarations
        )

    def _element_type(self, dtype) -> int:
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def _network(graph: _Graph, spec: NetworkSpec, weights, estimator, reads: str) -> tuple[dict, dict]:
    """All nodes; returns the dtype and the shape of each input and of the output by name."""
    if reads == "documents":
        inputs = {"documents": (object, "batch")}
        sequences, lengths = _read_tokens(graph, spec, weights, read_documents(graph, estimator.vectorizer_))
    elif spec.n_tokens is not None:
        inputs = {"token_ids": (np.int32, "batch", "time")}
        sequences, lengths = _read_tokens(graph, spec, weights, "token_ids")
    else:
        inputs = {"sequences": (np.float32, "batch", "time", spec.n_features), "lengths": (np.int64, "batch")}
        sequences, lengths = _read_vectors(graph)
    mask = _mask(graph, sequences, lengths)
    if spec.n_tokens is None:
        sequences = graph.add("Where", mask, sequences, _ZERO)  # padding may be NaN
    # An empty sequence runs for one step, of which the pooling knows nothing: not every runtime takes length 0.
    n_steps = graph.cast(graph.add("Max", lengths, np.array([1])), np.int32)
    states, ends = sequences, None
    for i in range(len(spec.units)):
        states, ends = _layer(graph, spec, weights, i, states, n_steps)
    pooled = _pool(graph, spec, weights, states, ends, mask, lengths)
    if spec.skip_connection:
        pooled = graph.add("Concat", pooled, _sqrtn(graph, sequences, mask, lengths), axis=1)
    n_rows = graph.add("Shape", next(iter(inputs)), start=0, end=1)
    pooled = graph.add("Slice", pooled, np.array([0]), n_rows)  # without the row of padding, if there is one
    return inputs, _head(graph, spec, weights, pooled, estimator)


_ZERO = np.float32(0)


def _missing(graph: _Graph, sequences: str) -> str:
    """For rows and for steps 1 if there is none, else 0: ONNX Runtime crashes on a batch of no sequence."""
    shape = graph.add("Shape", sequences, start=0, end=2)
    return graph.add("Max", graph.add("Sub", np.array([1, 1]), shape), np.array([0]))


def _read_tokens(graph: _Graph, spec: NetworkSpec, weights, ids: str) -> tuple[str, str]:
    """Vectors (time, batch, n_features) of the tokens, and lengths (batch,)."""
    pads = graph.add("Concat", np.array([0, 0]), _missing(graph, ids), axis=0)
    ids = graph.add("Pad", ids, pads)  # (batch, time)
    ids = graph.add("Max", ids, np.array([PADDING], dtype=np.int32))
    is_token = graph.cast(graph.add("Greater", ids, np.int32(PADDING)), np.int64)
    lengths = graph.add("ReduceSum", is_token, np.array([1]), keepdims=0)  # (batch,)
    # Tokens first, in their order: of equal elements TopK puts the earlier one first. No wider than the longest.
    width = graph.add("Max", graph.add("ReduceMax", lengths, keepdims=1), np.array([1]))
    _, order = graph.add("TopK", is_token, width, n_outputs=2, axis=1)
    ids = graph.add("GatherElements", ids, order, axis=1)
    is_known = graph.add("Less", ids, np.int32(spec.n_tokens))
    ids = graph.add("Where", is_known, ids, np.int32(UNKNOWN))
    ids = graph.add("Transpose", ids, perm=[1, 0])  # (time, batch)
    vectors = graph.add("Gather", weights["embedding"], ids)
    if spec.n_ngrams:
        rows = _ngram_rows(graph, weights, ids)
        vectors = graph.add("Add", vectors, graph.add("Gather", weights["ngram_embedding"], rows))
    return vectors, lengths


def _ngram_rows(graph: _Graph, weights, ids: str) -> str:
    """As ``_ngrams.ngram_rows``: (time, batch)."""
    keys, slots = weights["ngram_keys"], weights["ngram_slots"]
    a_step_before = np.array([1, 0, -1, 0])
    prefixes = graph.add("Pad", ids, a_step_before, np.int32(PADDING))
    longest = None
    for _ in range(2, MAX_LENGTH + 1):
        part = graph.add("Mod", prefixes, np.int32(HASH_MODULUS))
        hashed = graph.add("Add", graph.add("Mul", part, np.int32(HASH_MULTIPLIER)), ids)
        rows = graph.add("Gather", slots, graph.add("Mod", hashed, np.int32(len(slots))))
        is_prefix = graph.add("Equal", graph.add("Gather", keys[:, 0], rows), prefixes)
        is_token = graph.add("Equal", graph.add("Gather", keys[:, 1], rows), ids)
        known = graph.add("And", is_prefix, is_token)
        rows = graph.add("Where", known, rows, np.int32(NO_NGRAM))
        longest = rows if longest is None else graph.add("Where", known, rows, longest)
        # BitwiseNot by arithmetic, which every operator set has.
        prefixes = graph.add("Sub", np.int32(-1), graph.add("Pad", rows, a_step_before, np.int32(NO_NGRAM)))
    return longest


def _read_vectors(graph: _Graph) -> tuple[str, str]:
    """Vectors (time, batch, n_features), and lengths (batch,)."""
    # No more padding than needed: a length greater than time must remain an error.
    missing = _missing(graph, "sequences")
    pads = graph.add("Concat", np.array([0, 0, 0]), missing, np.array([0]), axis=0)
    sequences = graph.add("Transpose", graph.add("Pad", "sequences", pads), perm=[1, 0, 2])
    missing_rows = graph.add("Slice", missing, np.array([0]), np.array([1]))
    return sequences, graph.add("Pad", "lengths", graph.add("Concat", np.array([0]), missing_rows, axis=0))


def _mask(graph: _Graph, sequences: str, lengths: str) -> str:
    """Where the sequences have not ended: (time, batch, 1)."""
    width = graph.add("Squeeze", graph.add("Shape", sequences, start=0, end=1))
    steps = graph.add("Range", np.array(0), width, np.array(1))
    inside = graph.add("Less", graph.add("Unsqueeze", steps, np.array([1])), lengths)  # (time, batch)
    return graph.add("Unsqueeze", inside, np.array([2]))


def _layer(graph: _Graph, spec: NetworkSpec, weights, layer: int, inputs: str, n_steps: str) -> tuple[str, str]:
    """Hidden states (time, batch, hidden_dims[layer]), and those at the ends (batch, hidden_dims[layer])."""
    arrays = [_direction_arrays(spec, weights, f"rnn_{layer}/{direction}") for direction in spec.directions]
    kernels, recurrent_kernels, biases = (np.stack(parts) for parts in zip(*arrays, strict=True))
    activation = _ACTIVATIONS[spec.activation]
    activations = {
        "simple": [activation],
        "gru": ["Sigmoid", activation],
        "lstm": ["Sigmoid", activation, activation],
    }
    attributes = {"linear_before_reset": 1} if spec.cell == "gru" else {}  # as in Keras' reset_after
    outputs = graph.add(
        _OPERATORS[spec.cell],
        inputs,
        kernels,
        recurrent_kernels,
        biases,
        n_steps,
        n_outputs=2,
        hidden_size=spec.units[layer],
        direction="bidirectional" if spec.bidirectional else "forward",
        activations=activations[spec.cell] * len(spec.directions),
        **attributes,
    )
    states = graph.add("Transpose", outputs[0], perm=[0, 2, 1, 3])  # (time, batch, directions, units)
    ends = graph.add("Transpose", outputs[1], perm=[1, 0, 2])  # (batch, directions, units)
    hidden_dim = spec.hidden_dims[layer]
    return (
        graph.add("Reshape", states, np.array([0, 0, hidden_dim])),
        graph.add("Reshape", ends, np.array([0, hidden_dim])),
    )


def _direction_arrays(spec: NetworkSpec, weights, prefix: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kernel (gates * units, inputs), recurrent kernel (gates * units, units) and biases (2 * gates * units,)."""
    kernel, recurrent_kernel, bias = (
        weights[f"{prefix}/{name}"] for name in ("kernel", "recurrent_kernel", "bias")
    )
    biases = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])  # of inputs, of hidden states
    return (
        _reorder_gates(spec, kernel).T,
        _reorder_gates(spec, recurrent_kernel).T,
        _reorder_gates(spec, biases).ravel(),
    )


def _reorder_gates(spec: NetworkSpec, array: np.ndarray) -> np.ndarray:
    """The same columns in the operator's order of gates."""
    gates = np.split(array, N_GATES[spec.cell], axis=1)
    return np.concatenate([gates[gate] for gate in _GATE_ORDER[spec.cell]], axis=1)


def _pool(graph: _Graph, spec: NetworkSpec, weights, states: str, ends: str, mask: str, lengths: str) -> str:
    """One vector a sequence: (batch, n_pooled); zeros for empty sequences."""
    column = graph.add("Unsqueeze", lengths, np.array([1]))  # (batch, 1)
    if spec.pooling == "last":
        pooled = ends
    elif spec.pooling == "attention":
        pooled = _attend(graph, weights, states, mask)
    else:
        pools = {
            "max": lambda: _max(graph, states, mask),
            "mean": lambda: graph.add("Div", _sum(graph, states, mask), graph.cast(column, np.float32)),
        }
        pooled = graph.add("Concat", *(pools[name]() for name in spec.pooling.split("_")), axis=1)
    return graph.add("Where", graph.add("Greater", column, np.array(0)), pooled, _ZERO)


def _attend(graph: _Graph, weights, states: str, mask: str) -> str:
    logits = graph.add("Add", graph.add("MatMul", states, weights["attention/kernel"]), weights["attention/bias"])
    scores = graph.add("Exp", graph.add("Tanh", logits))  # (time, batch, 1)
    total = _sum(graph, graph.add("Mul", states, scores), mask)
    return graph.add("Div", total, _sum(graph, scores, mask))


def _sqrtn(graph: _Graph, vectors: str, mask: str, lengths: str) -> str:
    """Their sum over the root of the number of steps: (batch, n_features)."""
    n_steps = graph.add(
        "Max", graph.cast(graph.add("Unsqueeze", lengths, np.array([1])), np.float32), np.float32(1)
    )
    return graph.add("Div", _sum(graph, vectors, mask), graph.add("Sqrt", n_steps))


def _sum(graph: _Graph, states: str, mask: str) -> str:
    return graph.add("ReduceSum", graph.add("Where", mask, states, _ZERO), np.array([0]), keepdims=0)


def _max(graph: _Graph, states: str, mask: str) -> str:
    lowest = np.float32(-np.inf)
    return graph.max(graph.add("Where", mask, states, lowest), 0)


def _head(graph: _Graph, spec: NetworkSpec, weights, pooled: str, estimator) -> dict[str, tuple]:
    """The output layer; returns the dtype and the shape of the output by name."""
    kernel, bias = weights["output/kernel"], weights["output/bias"]
    if spec.output_activation == "linear":
        # In float64, so that targets with a great mean keep their digits.
        outputs = graph.cast(graph.add("Gemm", pooled, kernel, bias), np.float64)
        scaled = graph.add("Mul", outputs, estimator.target_scale_)
        graph.add("Add", scaled, estimator.target_mean_, output="values")
        return {"values": (np.float64, "batch", spec.n_outputs)}
    operator = {"sigmoid": "Sigmoid", "softmax": "Softmax"}[spec.output_activation]
    if operator == "Sigmoid" and spec.n_outputs == 1:
        # The same as a softmax of 0 and the logit, which gives both classes, and exact small probabilities.
        operator, kernel, bias = "Softmax", *(np.concatenate([0 * part, part], axis=-1) for part in (kernel, bias))
    attributes = {"axis": 1} if operator == "Softmax" else {}
    graph.add(operator, graph.add("Gemm", pooled, kernel, bias), output="probabilities", **attributes)
    return {"probabilities": (np.float32, "batch", kernel.shape[1])}
