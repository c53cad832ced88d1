"""The weights of a network: their names, shapes and initial values."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from skrnn.network._spec import CELLS, NetworkSpec
from skrnn.sequences._ngrams import n_slots_for
from skrnn.utils._parameters import is_plain_array

LINEAR = "linear/"  # begins the names of the linear model's weights
CHAR_NGRAMS = f"{LINEAR}char_ngrams"  # weights for documents, which a Keras model of token ids does not have

# 4 TB. NumPy refuses smaller networks that do not fit into the memory of a machine.
_MOST_WEIGHTS = 2**40


def weight_shapes(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight by name. Without a linear model, Keras has the same order."""
    n_gates = CELLS[spec.cell]
    shapes: dict[str, tuple[int, ...]] = {}
    if spec.n_tokens is not None:
        shapes["embedding"] = (spec.n_tokens, spec.n_features)
    if spec.n_ngrams:
        shapes["ngram_embedding"] = (spec.n_ngrams, spec.n_features)
        shapes["ngram_keys"] = (spec.n_ngrams, 2)
        shapes["ngram_slots"] = (n_slots_for(spec.n_ngrams),)
    n_inputs = spec.n_features
    for i, (units, hidden_dim) in enumerate(zip(spec.units, spec.hidden_dims, strict=True)):
        for direction in spec.directions:
            prefix = f"rnn_{i}/{direction}"
            shapes[f"{prefix}/kernel"] = (n_inputs, n_gates * units)
            shapes[f"{prefix}/recurrent_kernel"] = (units, n_gates * units)
            # Keras' GRU applies the reset gate after the recurrent product, and so has a second bias.
            shapes[f"{prefix}/bias"] = (2, 3 * units) if spec.cell == "gru" else (n_gates * units,)
        n_inputs = hidden_dim
    if spec.pooling == "attention":
        shapes["attention/kernel"] = (n_inputs, 1)
        shapes["attention/bias"] = (1,)
    if spec.n_linear_tokens:
        shapes[f"{LINEAR}tokens"] = (spec.n_linear_tokens, spec.n_outputs)
        if spec.n_ngrams:
            shapes[f"{LINEAR}ngrams"] = (spec.n_ngrams, spec.n_outputs)
        if spec.n_linear_char_ngrams:
            shapes[CHAR_NGRAMS] = (spec.n_linear_char_ngrams, spec.n_outputs)
    shapes["output/kernel"] = (spec.vector_dim, spec.n_outputs)
    shapes["output/bias"] = (spec.n_outputs,)
    if spec.n_linear_tokens:
        shapes[f"{LINEAR}bias"] = (spec.n_outputs,)
    return shapes


def in_keras_order(weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return the weights as ``build_network`` sets them. Both embeddings have the table of the n-grams."""
    table = [weights[name] for name in ("ngram_keys", "ngram_slots") if name in weights]
    ordered = []
    for name, weight in weights.items():
        if name != CHAR_NGRAMS:
            ordered += [weight, *table] if name == f"{LINEAR}ngrams" else [weight]
    return ordered


def weight_dtype(name: str) -> np.dtype:
    """Return the dtype of a weight. The hash table of the n-grams has integers, which training does not change."""
    return np.dtype(np.int32 if name in ("ngram_keys", "ngram_slots") else np.float32)


def check_weights(spec: NetworkSpec, weights: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError unless these are weights of the network."""
    shapes = weight_shapes(spec)
    if list(weights) != list(shapes):
        raise ValueError(f"Expected the weights {', '.join(shapes)}; got {', '.join(map(str, weights))}.")
    for name, shape in shapes.items():
        weight, dtype = weights[name], weight_dtype(name)
        if not is_plain_array(weight) or weight.dtype != dtype or weight.shape != shape:
            kind = f"{weight.dtype} {weight.shape}" if is_plain_array(weight) else type(weight).__name__
            raise ValueError(f"Expected the weight {name} to be {dtype} {shape}; got {kind}.")
        if not np.all(np.isfinite(weight)):
            raise ValueError(f"The weight {name} contains infinity or NaN.")
    slots = weights.get("ngram_slots", np.zeros(1))
    if slots.min() < 0 or slots.max() >= max(spec.n_ngrams, 1):
        raise ValueError(f"Expected ngram_slots to contain rows from 0 to {spec.n_ngrams - 1}.")


def initial_weights(spec: NetworkSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return random weights from the distributions that Keras uses by default.

    Keras' own initializers would need a new model for each start.
    """
    shapes = weight_shapes(spec)
    n_weights = sum(map(math.prod, shapes.values()))
    if n_weights > _MOST_WEIGHTS:
        raise MemoryError(
            f"The network would have {n_weights:.0e} weights, more than fit into memory. Lower units, or the "
            "length of the vectors that it reads (embedding_dim)."
        )
    return {name: _initial_weight(spec, name, shape, rng) for name, shape in shapes.items()}


def _initial_weight(spec: NetworkSpec, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    kind = name.rsplit("/", 1)[-1]
    if kind == "embedding":
        values = rng.uniform(-0.05, 0.05, size=shape)
    elif kind == "kernel":  # Glorot & Bengio (2010)
        limit = np.sqrt(6 / sum(shape))
        values = rng.uniform(-limit, limit, size=shape)
    elif kind == "recurrent_kernel":  # orthonormal rows (Saxe et al. 2014)
        q, r = np.linalg.qr(rng.standard_normal(shape[::-1]))
        values = (q * np.sign(np.diag(r))).T
    else:
        values = np.zeros(shape)
        if spec.cell == "lstm" and name.startswith("rnn_"):
            # The forget gate, the second of four, starts open (Jozefowicz et al. 2015).
            units = shape[0] // 4
            values[units : 2 * units] = 1.0
    return values.astype(weight_dtype(name))
