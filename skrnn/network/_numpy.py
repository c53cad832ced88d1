"""The network in NumPy, which makes the predictions.

Sequences are packed (``_packing``). The first layer's input products are looked up (``_input_products``), the
recurrent layers run over time (``_numpy_recurrence``, with the step of each cell in ``_numpy_cells``), and the
hidden states are pooled (``_numpy_pooling``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit

from skrnn.network._input_products import ProductTables, Tables
from skrnn.network._numpy_pooling import pool, sqrtn
from skrnn.network._numpy_recurrence import Products, hidden_states, input_bias, input_products
from skrnn.network._packing import Packing, chunks
from skrnn.network._spec import CELLS, NetworkSpec
from skrnn.network._weights import CHAR_NGRAMS, LINEAR, computable, table
from skrnn.sequences._ngrams import ngram_rows
from skrnn.sequences._storage import Sequences, known_ids
from skrnn.utils._threads import run_in_threads

Weights = dict[str, np.ndarray]


class NumpyNetwork:
    """A network that predicts in NumPy. Threads can share it.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of str to ndarray
        As named by ``weight_shapes(spec)``. Compact tables stay compact.
    """

    def __init__(self, spec: NetworkSpec, weights: Weights) -> None:
        self._spec, self._weights = spec, weights
        self._prepared: dict[np.dtype, tuple[Weights, dict[str, ProductTables]]] = {}

    def predict(self, sequences: Sequences, spellings: Any = None, *, logits: bool = False) -> np.ndarray:
        """Return the outputs for sequences.

        Parameters
        ----------
        sequences : csr_matrix of shape (n_sequences, longest), or RaggedArray
            Token ids, left-aligned. Or vectors, whose dtype is used for the computation.
        spellings : csr_matrix of shape (n_unknown_words, spec.n_linear_char_ngrams), or None, default=None
            The character n-grams of unknown words, which have the ids from ``spec.n_linear_tokens`` on. None if
            all ids from there on are the unknown token.
        logits : bool, default=False
            Return the output layer's values before the activation.

        Returns
        -------
        outputs : ndarray of float64, of shape (n_sequences, n_outputs)
            Probabilities, or the values of a linear output.
        """
        weights, _ = self._prepare(self._dtype(sequences))
        vectors, sums = self._run(sequences, spellings)
        values = (vectors @ weights["output/kernel"] + weights["output/bias"]).astype(np.float64)
        if self._spec.n_linear_tokens:
            values = (values + sums + weights[f"{LINEAR}bias"]) / 2
        return values if logits else _OUTPUT_ACTIVATIONS[self._spec.output_activation](values)

    def vectors(self, sequences: Sequences) -> np.ndarray:
        """Return the vector of each sequence that the output layer reads.

        Returns
        -------
        vectors : ndarray of shape (n_sequences, vector_dim)
            The pooled hidden states. With a skip connection, the sum of the tokens' vectors follows.
        """
        return self._run(sequences)[0]

    def _run(self, sequences: Sequences, spellings: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors of sequences, and the sums of the linear model: (n_sequences, n_outputs).

        Without a linear model, the sums have no columns.
        """
        spec = self._spec
        weights, tables = self._prepare(self._dtype(sequences))
        lengths = sequences.indptr[1:] - sequences.indptr[:-1]
        vectors = np.zeros((sequences.shape[0], spec.vector_dim), dtype=weights["output/kernel"].dtype)
        sums = np.zeros((sequences.shape[0], spec.n_outputs if spec.n_linear_tokens else 0))
        linear = _linear_reader(spec, weights, sequences, spellings) if spec.n_linear_tokens else None
        read = (
            _token_reader(spec, weights, tables, sequences, linear)
            if tables
            else _vector_reader(weights, sequences)
        )

        def run(rows: np.ndarray) -> None:
            packing = Packing.of(lengths[rows])
            products, linear = read(packing, sequences.indptr[rows])
            pooled = pool(spec, weights, packing, hidden_states(spec, weights, packing, products))
            if spec.skip_connection:
                pooled = np.concatenate([pooled, sqrtn(packing, products("vectors", slice(None)))], axis=1)
            vectors[rows] = pooled
            if linear is not None:
                sums[rows] = sqrtn(packing, linear)

        run_in_threads(run, chunks(lengths))
        return vectors, sums

    def _dtype(self, sequences: Sequences) -> np.dtype:
        """Return the precision of the computation."""
        return np.dtype(np.float32) if self._spec.n_tokens is not None else sequences.data.dtype

    def _prepare(self, dtype: np.dtype) -> tuple[Weights, dict[str, ProductTables]]:
        """Return the weights in this precision, and the tables of input products."""
        if dtype not in self._prepared:
            weights = _prepared_weights(self._spec, self._weights, dtype)
            self._prepared[dtype] = weights, _product_tables(self._spec, weights)
        return self._prepared[dtype]


def _prepared_weights(spec: NetworkSpec, weights: Weights, dtype: np.dtype) -> Weights:
    """Return the weights as the steps in ``_numpy_cells`` need them.

    Each gate has x / 2 in place of x. The LSTM's gates come in the order output, input, forget, candidate. Its
    recurrent kernel is halved because its hidden states are doubled.
    """
    prepared = computable(weights, dtype)
    n_gates = CELLS[spec.cell]
    order = [3, 0, 1, 2] if spec.cell == "lstm" else range(n_gates)  # Keras: input, forget, candidate, output
    for name, weight in weights.items():
        if name.startswith("rnn_"):
            columns = weight.reshape(*weight.shape[:-1], n_gates, -1)[..., order, :]  # a copy
            columns[..., :-1, :] *= 0.5
            if spec.cell == "lstm" and name.endswith("/recurrent_kernel"):
                columns *= 0.5
            prepared[name] = _aligned(columns.reshape(weight.shape), dtype)
    return prepared


def _aligned(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return a copy that begins at a cache line. Products with one vector then take a quarter less time."""
    line = 64
    memory = np.empty(array.size * dtype.itemsize + line, dtype=np.uint8)
    start = -memory.ctypes.data % line
    copy = memory[start : start + memory.size - line].view(dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _product_tables(spec: NetworkSpec, weights: Weights) -> dict[str, ProductTables]:
    """Return the tables of tokens and n-grams. A network that reads vectors has none."""
    if spec.n_tokens is None:
        return {}
    kernels = {direction: weights[f"rnn_0/{direction}/kernel"] for direction in spec.directions}
    biases = {direction: input_bias(weights, 0, direction) for direction in spec.directions}
    tables = {"tokens": ProductTables(table(weights, "embedding"), kernels, biases, spec.skip_connection)}
    if spec.n_ngrams:
        tables["ngrams"] = ProductTables(table(weights, "ngram_embedding"), kernels, {}, spec.skip_connection)
    return tables


# From packed sequences, and where each begins in the data, to the input products of the first layer, and the
# weights of the tokens in the linear model: (tokens, n_outputs), or None.
_Reader = Callable[[Packing, np.ndarray], tuple[Products, np.ndarray | None]]


def _token_reader(
    spec: NetworkSpec,
    weights: Weights,
    tables: dict[str, ProductTables],
    sequences: Any,
    linear_weights: Callable[[np.ndarray], np.ndarray] | None,
) -> _Reader:
    known = known_ids(sequences.data, len(weights["embedding"]))
    token_tables, token_rows = tables["tokens"].of(known)

    def read(packing: Packing, starts: np.ndarray) -> tuple[Products, np.ndarray | None]:
        positions = packing.flat_positions(starts)
        ids = known[positions]
        lookups = [(token_tables, token_rows[ids])]
        linear = None if linear_weights is None else linear_weights(positions)
        if spec.n_ngrams:
            ngrams = ngram_rows(ids, packing.previous, weights["ngram_keys"], weights["ngram_slots"])
            ngram_tables, rows = tables["ngrams"].of(ngrams)
            lookups.append((ngram_tables, rows[ngrams]))
            if linear is not None:
                linear += table(weights, f"{LINEAR}ngrams")[ngrams]
        return partial(_look_up, lookups), linear

    return read


def _linear_reader(
    spec: NetworkSpec, weights: Weights, sequences: Any, spellings: Any
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from positions in the data to weights in the linear model: (positions, n_outputs)."""
    ids, of_tokens = sequences.data, table(weights, f"{LINEAR}tokens")
    if ids.max(initial=0) < spec.n_linear_tokens:
        return lambda positions: of_tokens[ids[positions]]
    known = known_ids(ids, spec.n_linear_tokens)
    if spellings is None:
        return lambda positions: of_tokens[known[positions]]
    words = np.unique(ids[ids >= spec.n_linear_tokens])
    if len(words) < spellings.shape[0]:  # parts of documents may not contain all words
        spellings = spellings[words - spec.n_linear_tokens]
    of_words = _weights_of_words(weights, spellings)

    def look_up(positions: np.ndarray) -> np.ndarray:
        values = of_tokens[known[positions]]
        is_word = ids[positions] >= spec.n_linear_tokens
        values[is_word] += of_words[np.searchsorted(words, ids[positions][is_word])]
        return values

    return look_up


def _weights_of_words(weights: Weights, spellings: Any) -> np.ndarray:
    """Return the weights of words in the linear model, (n_words, n_outputs), from their character n-grams."""
    ngrams, columns = np.unique(spellings.indices, return_inverse=True)
    shape = spellings.shape[0], len(ngrams)
    return (
        sparse.csr_matrix((spellings.data, columns, spellings.indptr), shape) @ table(weights, CHAR_NGRAMS)[ngrams]
    )


def _look_up(lookups: list[tuple[Tables, np.ndarray]], name: str, block: slice) -> np.ndarray:
    """Return the sum over the tables of the rows for a slice of packed tokens."""
    (tables, rows), *others = lookups
    total = tables[name].take(rows[block], axis=0)
    for tables, rows in others:
        total += tables[name].take(rows[block], axis=0)
    return total


def _vector_reader(weights: Weights, sequences: Any) -> _Reader:
    def read(packing: Packing, starts: np.ndarray) -> tuple[Products, None]:
        positions = packing.flat_positions(starts)
        return lambda direction, block: input_products(
            weights, 0, direction, sequences.data[positions[block]]
        ), None

    return read


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


_OUTPUT_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": expit,  # exact for small probabilities
    "softmax": _softmax,
    "linear": lambda values: values,
}
