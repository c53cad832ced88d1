"""The network in NumPy: the interpreter of a specification that serves. No Keras.

Sequences are handled packed: sorted by length, longest first, the tokens of one time step next to each other.
A sequence that has ended is simply no longer among the rows of a step, so that nothing is computed for padding
and a document's result does not depend on the documents beside it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from threading import Lock

import numpy as np
from scipy import sparse
from scipy.linalg import blas
from scipy.special import expit

from skrnn.network._spec import N_GATES, NetworkSpec
from skrnn.sequences._ngrams import ngram_rows
from skrnn.utils._threads import run_in_threads

# Sequences that run side by side: enough rows for fast matrix products, few enough tokens to stay in memory.
_CHUNK_ROWS = 256
_CHUNK_TOKENS = 2**18
# A sequence of more tokens than these, and than twice those of the next one, is faster alone than beside others.
_LONG_ALONE = 64
# Tokens whose input products are looked up or computed together: some steps of few rows, or one of many.
_BLOCK_TOKENS = 256
# Input products of tokens that are kept from one call to the next, and as many of n-grams: 8 MB, or one block.
_KEPT_NUMBERS = 2**21

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
        weights = _prepare(spec, weights, dtype)
        prepared[dtype] = weights, _product_tables(spec, weights)
    weights, tables = prepared[dtype]
    lengths = X.indptr[1:] - X.indptr[:-1]
    pooled = np.zeros((X.shape[0], weights["output/kernel"].shape[0]), dtype=dtype)
    read = _vector_reader(weights, X) if spec.n_tokens is None else _token_reader(weights, tables, X)

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
    """The weights in this precision, with x / 2 in place of x for each gate.

    An LSTM's columns begin with its output gate and end with its candidate.

    A gate's sigmoid is 0.5 * tanh(x / 2) + 0.5. The steps of an LSTM take and give twice its hidden state, for
    which its recurrent kernel is halved.
    """
    prepared = {}
    # Of an LSTM, Keras has the input gate, the forget gate, the candidate and the output gate.
    order = [3, 0, 1, 2] if spec.cell == "lstm" else range(N_GATES[spec.cell])
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


class _ProductTables:
    """What token ids, or n-grams, add to the input products, computed once for each and not for each occurrence.

    Of few tokens, such as those of one document, the products are kept for the documents to come.

    Parameters
    ----------
    vectors : ndarray of shape (n_ids, features)
    kernels, biases : dict of str to ndarray
        For each direction; the biases may be none.
    with_vectors : bool
        Whether the vectors are wanted, too.
    """

    def __init__(self, vectors, kernels, biases, with_vectors: bool):
        self._vectors, self._kernels, self._biases, self._with_vectors = vectors, kernels, biases, with_vectors
        self._lock = Lock()
        self._kept = self._none_kept()

    def of(self, ids: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Tables that have a row for each of these ids, and an array that has the number of this row."""
        are_few = len(ids) <= _BLOCK_TOKENS
        # Who would have to wait does without. After a fork, a lock may stay closed for ever.
        if are_few and self._lock.acquire(blocking=False):
            try:
                return self._keep(ids)
            finally:
                self._lock.release()
        used, positions = _distinct(ids, len(self._vectors))
        # Many are a product of matrices that is worth the threads of BLAS.
        return self._compute(used, _product_by_fours if are_few else np.matmul), positions

    def _keep(self, ids: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        tables, positions, n_kept = self._kept
        new = ids[positions[ids] < 0]
        if not len(new):
            return tables, positions
        new = np.unique(new)
        if n_kept + len(new) > len(next(iter(tables.values()))):
            # The old arrays stay as they are for threads that still read them.
            tables, positions, n_kept = self._none_kept()
            new = np.unique(ids)
        end = n_kept + len(new)
        for name, products in self._compute(new, _product_by_fours).items():
            tables[name][n_kept:end] = products
        # Whatever fails or interrupts before the last line: no row is taken for one that it is not.
        self._kept = tables, positions, end
        positions[new] = np.arange(n_kept, end)
        return tables, positions

    def _none_kept(self) -> tuple[dict[str, np.ndarray], np.ndarray, int]:
        """Empty tables, the positions in them, and the number of rows that are taken."""
        widths = {direction: kernel.shape[1] for direction, kernel in self._kernels.items()}
        if self._with_vectors:
            widths["vectors"] = self._vectors.shape[1]
        n_rows = min(max(_KEPT_NUMBERS // sum(widths.values()), _BLOCK_TOKENS), len(self._vectors))
        tables = {name: np.empty((n_rows, width), dtype=np.float32) for name, width in widths.items()}
        return tables, np.full(len(self._vectors), -1, dtype=np.intp), 0

    def _compute(self, ids: np.ndarray, multiply: Callable) -> dict[str, np.ndarray]:
        vectors = self._vectors[ids]
        tables = {direction: multiply(vectors, kernel) for direction, kernel in self._kernels.items()}
        for direction, bias in self._biases.items():
            tables[direction] += bias
        return {**tables, "vectors": vectors} if self._with_vectors else tables


def _product_by_fours(vectors: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """As ``vectors @ kernel``, with the last bits of a row not depending on what other rows there are.

    Four rows take as long as one, and are too few for BLAS to wait for its threads.
    """
    n = len(vectors)
    padded = np.zeros((n + -n % 4, vectors.shape[1]), dtype=vectors.dtype)
    padded[:n] = vectors
    products = np.empty((len(padded), kernel.shape[1]), dtype=kernel.dtype)
    for start in range(0, n, 4):
        np.matmul(padded[start : start + 4], kernel, out=products[start : start + 4])
    return products[:n]


def _product_tables(spec, weights) -> dict[str, _ProductTables]:
    """Of a network that reads tokens: of these, and of their n-grams if it knows any."""
    if spec.n_tokens is None:
        return {}
    kernels = {direction: weights[f"rnn_0/{direction}/kernel"] for direction in spec.directions}
    biases = {direction: _input_bias(weights, 0, direction) for direction in spec.directions}
    tables = {"tokens": _ProductTables(weights["embedding"], kernels, biases, spec.skip_connection)}
    if spec.n_ngrams:
        tables["ngrams"] = _ProductTables(weights["ngram_embedding"], kernels, {}, spec.skip_connection)
    return tables


def _token_reader(weights, tables, X) -> "Callable[[_Packing, np.ndarray], _Products]":
    """A function from packed sequences and where they start in ``X.data`` to the first layer's input products."""
    of_tokens, positions = tables["tokens"].of(X.data)

    def read(packing, starts):
        ids = X.data[packing.flat_positions(starts)]
        lookups = [(of_tokens, positions[ids])]
        if "ngrams" in tables:
            rows = _packed_ngram_rows(weights, packing, ids)
            of_ngrams, ngram_positions = tables["ngrams"].of(rows)
            lookups.append((of_ngrams, ngram_positions[rows]))
        return partial(_look_up, lookups)

    return read


def _packed_ngram_rows(weights, packing, ids) -> np.ndarray:
    """Of each packed token the number of the n-gram that ends there."""
    later = slice(packing.offsets[1], None)
    # As many sequences ran a step before, so far back it stands.
    positions_before = np.arange(packing.offsets[1], len(ids)) - packing.n_active[packing.times[later] - 1]

    def previous(values, first):
        before = np.full_like(values, first)
        before[later] = values[positions_before]
        return before

    return ngram_rows(ids, previous, weights["ngram_keys"], weights["ngram_slots"])


def _look_up(lookups, name: str, block: slice) -> np.ndarray:
    """The sum of what each table has for a slice of packed tokens."""
    (tables, rows), *others = lookups
    total = tables[name].take(rows[block], axis=0)
    for tables, rows in others:
        total += tables[name].take(rows[block], axis=0)
    return total


def _vector_reader(weights, X) -> "Callable[[_Packing, np.ndarray], _Products]":
    """As ``_token_reader``, for vectors."""

    def read(packing, starts):
        positions = packing.flat_positions(starts)
        return lambda direction, block: _input_products(weights, 0, direction, X.data[positions[block]])

    return read


def _distinct(ids: np.ndarray, n_tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """The ids that occur, and of each its position among them: an array in which others have any number."""
    occurs = np.zeros(n_tokens, dtype=bool)
    occurs[ids] = True
    used = np.flatnonzero(occurs)
    positions = np.empty(n_tokens, dtype=np.intp)
    positions[used] = np.arange(len(used))
    return used, positions


def _chunks(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Row numbers of the sequences that are not empty, longest first, in chunks of bounded size."""
    order = np.argsort(-lengths, kind="stable")
    order = order[: np.count_nonzero(lengths)]
    start = 0
    while start < len(order):
        longest, *following = lengths[order[start : start + 2]].tolist()
        n_rows = min(_CHUNK_ROWS, max(1, _CHUNK_TOKENS // longest))
        if following and longest > max(2 * following[0], _LONG_ALONE):
            n_rows = 1
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
        steps = np.arange(lengths[0])
        if len(lengths) == 1:
            return cls(lengths, np.ones_like(steps), np.arange(lengths[0] + 1), steps, np.zeros_like(steps))
        n_active = len(lengths) - lengths[::-1].searchsorted(steps, side="right")
        offsets = np.zeros(len(steps) + 1, dtype=np.intp)
        n_active.cumsum(out=offsets[1:])
        rows = np.arange(offsets[-1]) - offsets[:-1].repeat(n_active)
        return cls(lengths, n_active, offsets, steps.repeat(n_active), rows)

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
    run = _run_one if len(packing.lengths) == 1 else _run_batch
    states = run(spec, weights, layer, packing, products)
    if spec.cell == "lstm":
        states *= _HALF
    return states


def _layer_products(weights, layer: int, inputs: np.ndarray) -> _Products:
    return lambda direction, block: _input_products(weights, layer, direction, inputs[block])


def _input_products(weights, layer: int, direction: str, inputs: np.ndarray) -> np.ndarray:
    """Products of the inputs with the kernel, bias added: (tokens, gates * units)."""
    products = inputs @ weights[f"rnn_{layer}/{direction}/kernel"]
    products += _input_bias(weights, layer, direction)
    return products


def _input_bias(weights, layer: int, direction: str) -> np.ndarray:
    bias = weights[f"rnn_{layer}/{direction}/bias"]
    return bias[0] if bias.ndim == 2 else bias  # a GRU has another, of its recurrent kernel


def _run_batch(spec, weights, layer: int, packing: _Packing, products: _Products) -> np.ndarray:
    """Hidden states, an LSTM's doubled, of several sequences, packed; one direction after the other.

    Backward, time runs from the last step to the first. Sequences then join instead of dropping out, and until
    they do, their hidden state is zero: packed as they are, both directions are the same loop.
    """
    units, activation = spec.units[layer], _ACTIVATIONS[spec.activation]
    all_states = np.empty((packing.offsets[-1], spec.hidden_dims[layer]), dtype=weights["output/kernel"].dtype)
    runs = list(packing.runs(_BLOCK_TOKENS))
    for i, direction in enumerate(spec.directions):
        kernel, bias = _recurrent_weights(spec, weights, layer, direction)
        states, order = all_states[:, i * units : (i + 1) * units], -1 if direction == "backward" else 1
        hidden = np.zeros((len(packing.lengths), units), dtype=kernel.dtype)  # (batch, units)
        memory = np.zeros_like(hidden)  # the LSTM's cell state
        n_running = 0
        for n, tokens in runs[::order]:
            if n != n_running:
                n_running = n
                step = _STEPS[spec.cell](_kernel_of_batch(kernel, bias, n), memory[:n], activation)
            inputs = products(direction, tokens)
            inputs = inputs.reshape(-1, n, inputs.shape[1])[::order]  # (time, batch, gates * units)
            outputs = states[tokens].reshape(-1, n, units)[::order]  # (time, batch, units)
            hidden[:n] = _steps(step, inputs, hidden[:n], outputs)
    return all_states


def _run_one(spec, weights, layer: int, packing: _Packing, products: _Products) -> np.ndarray:
    """As ``_run_batch``, of one sequence, whose steps take as long to call as to compute.

    All directions go in the same steps, the backward one from the last token on: next to each unit of a direction
    stands that of the other.
    """
    n_steps, units = int(packing.offsets[-1]), spec.units[layer]
    weights_of = [_recurrent_weights(spec, weights, layer, direction) for direction in spec.directions]
    kernel = _kernel_of_one(*zip(*weights_of, strict=True))
    step = _STEPS_OF_ONE[spec.cell](kernel, None, _ACTIVATIONS[spec.activation])
    states = np.empty((n_steps, spec.hidden_dims[layer]), dtype=weights["output/kernel"].dtype)
    in_time = [states[:, :units], states[::-1, units:]][: len(spec.directions)]  # as each direction goes
    hidden = np.zeros_like(states[0])
    for start in range(0, n_steps, _BLOCK_TOKENS):
        stop = min(start + _BLOCK_TOKENS, n_steps)
        inputs = [products("forward", slice(start, stop))]  # (time, gates * units)
        if spec.bidirectional:
            inputs.append(products("backward", slice(n_steps - stop, n_steps - start))[::-1])
        outputs = np.empty((stop - start, len(hidden)), dtype=hidden.dtype)  # (time, units * directions)
        hidden = _steps(step, _interleaved(inputs), hidden, outputs)
        for i, of_direction in enumerate(in_time):
            of_direction[start:stop] = outputs[:, i :: len(in_time)]
    return states


def _recurrent_weights(spec, weights, layer: int, direction: str) -> tuple[np.ndarray, np.ndarray | None]:
    """The recurrent kernel, (units, gates * units), and a GRU's bias that goes with it."""
    prefix = f"rnn_{layer}/{direction}"
    return weights[f"{prefix}/recurrent_kernel"], weights[f"{prefix}/bias"][1] if spec.cell == "gru" else None


def _interleaved(of_directions: Sequence[np.ndarray]) -> np.ndarray:
    """What belongs to a unit in each direction, next to each other along the last axis."""
    if len(of_directions) == 1:
        return of_directions[0]
    joined = np.stack(of_directions, axis=-1)
    return joined.reshape(*joined.shape[:-2], -1)


def _steps(step: Callable, inputs: np.ndarray, hidden: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """The hidden state after these time steps, each of which is written to its place in ``outputs``."""
    for step_inputs, step_outputs in zip(inputs, outputs, strict=True):
        step(step_inputs, hidden, step_outputs)
        hidden = step_outputs
    return hidden


@dataclass
class _Kernel:
    """The recurrent kernel as the steps use it.

    Attributes
    ----------
    units : int
        Length of the hidden states: of one sequence, the units of all directions.
    sums : ndarray of shape (..., gates * units)
        Where ``biased_product`` writes; and ``add_product``, of a batch.
    add_product : callable
        From input products and hidden states to the inputs plus what the kernel makes of the states. Of one
        sequence in place of the inputs, which have to be contiguous and of the kernel's precision.
    biased_product : callable
        From hidden states to what the kernel makes of them plus the bias.
    """

    units: int
    sums: np.ndarray
    add_product: Callable[[np.ndarray, np.ndarray], np.ndarray]
    biased_product: Callable[[np.ndarray], np.ndarray]


def _kernel_of_batch(kernel: np.ndarray, bias: np.ndarray | None, n_sequences: int) -> _Kernel:
    """Of one direction."""
    add, sums = np.add, np.empty((n_sequences, kernel.shape[1]), dtype=kernel.dtype)

    def add_product(inputs, hidden):
        return add(hidden.dot(kernel, sums), inputs, sums)

    return _Kernel(len(kernel), sums, add_product, lambda hidden: add_product(bias, hidden))


def _kernel_of_one(kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray | None]) -> _Kernel:
    """Of all directions, for the interleaved states of one sequence."""
    gemv = _GEMV[kernels[0].dtype.char]
    forward, backward = kernels[0].T, kernels[-1].T
    sums = np.empty(kernels[0].shape[1] * len(kernels), dtype=kernels[0].dtype)

    # 1 * kernel.T @ hidden + 1 * inputs, in place of the inputs; of hidden and of inputs the first element and how
    # far it is to the next.
    def add_product(inputs, hidden):
        return gemv(1.0, forward, hidden, 1.0, inputs, 0, 1, 0, 1, 0, 1)

    def add_both_products(inputs, hidden):
        inputs = gemv(1.0, forward, hidden, 1.0, inputs, 0, 2, 0, 2, 0, 1)
        return gemv(1.0, backward, hidden, 1.0, inputs, 1, 2, 1, 2, 0, 1)

    add = add_product if len(kernels) == 1 else add_both_products
    bias = None if biases[0] is None else _interleaved(biases)

    def biased_product(hidden):
        sums[:] = bias
        return add(sums, hidden)

    return _Kernel(sum(map(len, kernels)), sums, add, biased_product)


# Functions that take the input products of a time step, (batch, gates * units), of one sequence (gates * units),
# and the hidden state before it, write the new one where it is to be kept, and update the memory. The LSTM's take
# and write twice the hidden state.
# Without new arrays, everything that a step touches stays in the processor's cache. The input products may be
# written over: nobody else has them. And functions are looked up once: a step takes some microseconds.


def _simple_step(kernel, _memory, activation):
    add_product = kernel.add_product

    def step(inputs, hidden, new_hidden):
        activation(add_product(inputs, hidden), new_hidden)

    return step


def _gru_step(kernel, _memory, activation):
    units, sums = kernel.units, kernel.sums
    gates, candidate = sums[..., : 2 * units], sums[..., 2 * units :]
    update, reset = gates[..., :units], gates[..., units:]
    biased_product = kernel.biased_product
    add, multiply, subtract, tanh = np.add, np.multiply, np.subtract, np.tanh

    def step(inputs, hidden, new_hidden):
        biased_product(hidden)
        add(gates, inputs[..., : 2 * units], gates)
        tanh(gates, gates)
        _sigmoid_of_tanh(gates)
        multiply(candidate, reset, candidate)
        add(candidate, inputs[..., 2 * units :], candidate)
        activation(candidate, candidate)
        subtract(hidden, candidate, new_hidden)
        multiply(new_hidden, update, new_hidden)
        add(new_hidden, candidate, new_hidden)

    return step


def _lstm_step(kernel, memory, activation):
    """Of a batch."""
    units, sums = kernel.units, kernel.sums
    gates, candidate = sums[..., : 3 * units], sums[..., 3 * units :]
    output_gate, input_gate, forget_gate = (gates[..., i * units : (i + 1) * units] for i in range(3))
    change = np.empty_like(memory)
    add_product, add, multiply, tanh = kernel.add_product, np.add, np.multiply, np.tanh

    def step(inputs, hidden, new_hidden):
        add_product(inputs, hidden)
        if activation is tanh:
            tanh(sums, sums)
        else:
            tanh(gates, gates)
            activation(candidate, candidate)
        # Twice the gates. Halved are the memory, and in _layer the hidden states: fewer numbers than the gates.
        # And change is no columns of sums, because an array of its own takes half as long.
        add(gates, _ONE, gates)
        multiply(candidate, input_gate, change)
        multiply(memory, forget_gate, memory)
        add(memory, change, memory)
        multiply(memory, _HALF, memory)
        activation(memory, change)
        multiply(change, output_gate, new_hidden)

    return step


def _lstm_step_of_one(kernel, _memory, activation):
    """The same for one sequence, with its memory behind the candidate, so that one multiplication does for both.

    In a batch, such longer rows cost more than the multiplication.
    """
    units = kernel.units
    state = np.zeros(5 * units, dtype=kernel.sums.dtype)
    gates_and_candidate, candidate_and_memory = state[: 4 * units], state[3 * units :]
    candidate, memory = candidate_and_memory[:units], candidate_and_memory[units:]
    gates, output_gate, input_and_forget_gate = state[: 3 * units], state[:units], state[units : 3 * units]
    terms = np.empty_like(candidate_and_memory)
    change, kept = terms[:units], terms[units:]
    add_product, add, multiply, tanh = kernel.add_product, np.add, np.multiply, np.tanh

    def step(inputs, hidden, new_hidden):
        total = add_product(inputs, hidden)
        tanh(total, gates_and_candidate)
        if activation is not tanh:
            activation(total[3 * units :], candidate)
        add(gates, _ONE, gates)
        multiply(candidate_and_memory, input_and_forget_gate, terms)
        add(change, kept, memory)
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
    # In single precision, a sum of thousands of steps would depend on where other sequences end.
    total = np.zeros((len(packing.lengths), states.shape[1]))
    for n, tokens in packing.runs():
        total[:n] += states[tokens].reshape(-1, n, states.shape[1]).sum(axis=0, dtype=np.float64)
    return total.astype(states.dtype)


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
_STEPS_OF_ONE = {**_STEPS, "lstm": _lstm_step_of_one}
_ACTIVATIONS = {"tanh": np.tanh, "relu": _relu, "sigmoid": _sigmoid}
_OUTPUT_ACTIVATIONS = {"sigmoid": expit, "softmax": _softmax, "linear": lambda x: x}  # expit keeps the tails
