"""The weights of a network: their names, shapes and initial values, and how they are stored.

Weights are float32, or compact: float16, and the vectors of tokens and n-grams also int8. Then the array
"<name>/scale" has a scale for each row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from skrnn.network._spec import CELLS, NetworkSpec
from skrnn.sequences._ngrams import n_slots_for, ngram_table
from skrnn.utils._parameters import is_plain_array

LINEAR = "linear/"  # begins the names of the linear model's weights
CHAR_NGRAMS = f"{LINEAR}char_ngrams"  # weights for documents, which a Keras model of token ids does not have

# A linear model adds up its weights for all tokens of a document, so that errors of int8 would add up too.
_VECTORS = ("embedding", "ngram_embedding")
# Predictions read rows of these tables, which stay compact in memory.
TABLES = (*_VECTORS, f"{LINEAR}tokens", f"{LINEAR}ngrams", CHAR_NGRAMS)
_SCALE = "/scale"

_LARGEST_INT8 = 127

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


@dataclass(frozen=True)
class CompactTable:
    """A compact table, whose rows become float32 when they are read.

    Parameters
    ----------
    rows : ndarray of float16 or int8, of shape (n_rows, width)
    scale : ndarray of float32, of shape (n_rows,), or None
        Factor of each row.
    """

    rows: np.ndarray
    scale: np.ndarray | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, and their length."""
        return self.rows.shape

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, ids: np.ndarray | slice) -> np.ndarray:
        values = self.rows[ids].astype(np.float32)
        if self.scale is not None:
            values *= self.scale[ids][:, None]
        return values


Table = np.ndarray | CompactTable


def table(weights: Mapping[str, np.ndarray], name: str) -> Table:
    """Return a table whose rows are float32 when they are read by index."""
    rows = weights[name]
    return rows if rows.dtype == np.float32 else CompactTable(rows, scale_of(weights, name))


def scale_of(weights: Mapping[str, np.ndarray], name: str) -> np.ndarray | None:
    """Return the scale of each row of a table, or None if it has no scales."""
    return weights.get(name + _SCALE)


def widened(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights in float32."""
    names = [name for name in weights if not name.endswith(_SCALE)]
    return computable({name: table(weights, name)[:] if name in TABLES else weights[name] for name in names})


def computable(weights: Mapping[str, np.ndarray], dtype: DTypeLike = np.float32) -> dict[str, np.ndarray]:
    """Return the weights in a precision, but tables as they are stored. Networks with tables need float32."""
    return {
        name: weight if name in TABLES or weight.dtype.kind == "i" else weight.astype(dtype, copy=False)
        for name, weight in weights.items()
    }


def compacted(weights: Mapping[str, np.ndarray], dtype: str) -> dict[str, np.ndarray]:
    """Return weights of float32 as "float16", or as "int8" with the other weights in float16.

    Raises
    ------
    ValueError
        If a weight is too large for float16.
    """
    compact: dict[str, np.ndarray] = {}
    for name, weight in weights.items():
        if name in _VECTORS and dtype == "int8":
            scale = np.abs(weight).max(axis=1) / np.float32(_LARGEST_INT8)
            compact[name] = np.rint(weight / np.where(scale > 0, scale, 1)[:, None]).astype(np.int8)
            compact[name + _SCALE] = scale
        elif weight.dtype.kind == "f":
            if np.abs(weight).max(initial=0) > np.finfo(np.float16).max:
                raise ValueError(f"The weight {name} is too large for float16.")
            compact[name] = weight.astype(np.float16)
        else:
            compact[name] = weight
    return compact


def bytes_of_row(weights: Mapping[str, np.ndarray], name: str) -> int:
    """Return the number of bytes of a row of a table, with its scale."""
    arrays = [weights[name], *([weights[name + _SCALE]] if name + _SCALE in weights else [])]
    return sum(array.nbytes // len(array) for array in arrays)


def rows_of_tables(weights: Mapping[str, np.ndarray], rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights with these rows of each table."""
    return {
        name: weight[rows[name.removesuffix(_SCALE)]] if name.removesuffix(_SCALE) in rows else weight
        for name, weight in weights.items()
    }


def without_slots(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights as files have them. The slots of the n-grams follow from their keys."""
    return {name: weight for name, weight in weights.items() if name != "ngram_slots"}


def with_slots(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights of a file with the slots of the n-grams."""
    complete = {}
    for name, weight in weights.items():
        complete[name] = weight
        if name == "ngram_keys":
            complete["ngram_slots"] = ngram_table(weight[1:], len(weight))[1]
    return complete


def check_weights(spec: NetworkSpec, weights: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError unless these are weights of the network, without the slots of the n-grams."""
    expected = _stored_arrays(spec, weights)
    if list(weights) != list(expected):
        raise ValueError(f"Expected the weights {', '.join(expected)}; got {', '.join(map(str, weights))}.")
    for name, (dtype, shape) in expected.items():
        weight = weights[name]
        if not is_plain_array(weight) or weight.dtype != dtype or weight.shape != shape:
            kind = f"{weight.dtype} {weight.shape}" if is_plain_array(weight) else type(weight).__name__
            raise ValueError(f"Expected the weight {name} to be {dtype} {shape}; got {kind}.")
        if not np.all(np.isfinite(weight)):
            raise ValueError(f"The weight {name} contains infinity or NaN.")
    keys = weights.get("ngram_keys", np.zeros(1))
    if spec.n_tokens is not None and (keys.min() < -spec.n_ngrams or keys.max() >= spec.n_tokens):
        raise ValueError(f"Expected ngram_keys to contain ids below {spec.n_tokens} and complements of rows.")


def _stored_arrays(
    spec: NetworkSpec, weights: Mapping[str, np.ndarray]
) -> dict[str, tuple[np.dtype, tuple[int, ...]]]:
    """Return the dtype and the shape that each array must have. The weights decide which of them are compact."""
    stored: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}
    for name, shape in weight_shapes(spec).items():
        dtype = weight_dtype(name)
        if name == "ngram_slots":
            continue
        if name in _VECTORS and name + _SCALE in weights:
            stored[name] = np.dtype(np.int8), shape
            stored[name + _SCALE] = dtype, shape[:1]
        elif dtype.kind == "f" and getattr(weights.get(name), "dtype", None) == np.float16:
            stored[name] = np.dtype(np.float16), shape
        else:
            stored[name] = dtype, shape
    return stored


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
