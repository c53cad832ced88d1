from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle, product
from threading import Lock
from unittest.mock import Mock

import numpy as np
import pytest
from conftest import random_weights, small_spec, to_csr, tokens_of_ngrams, vector_sequences
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import expit, softmax

from skrnn.network import _input_products, _numpy_recurrence, _packing
from skrnn.network._numpy import NumpyNetwork
from skrnn.network._spec import ACTIVATIONS, CELLS, POOLINGS, NetworkSpec
from skrnn.network._trained import TrainedNetwork
from skrnn.network._weights import compacted, in_keras_order, initial_weights, widened
from skrnn.sequences._batches import dense_batch
from skrnn.sequences._storage import UNKNOWN, RaggedArray

BASE = small_spec()
VECTORS = small_spec(n_tokens=None)
OUTPUT_ACTIVATIONS = {"sigmoid": expit, "softmax": lambda logits: softmax(logits, axis=-1), "linear": np.array}

CELLS_AND_POOLINGS = list(product(CELLS, POOLINGS))
TOKEN_SPECS = [replace(BASE, cell=cell, pooling=pooling, units=(4, 3)) for cell, pooling in CELLS_AND_POOLINGS]
# Directions, depths and output activations take turns, because Keras builds networks slowly.
VECTOR_SPECS = [
    replace(VECTORS, cell=cell, pooling=pooling, bidirectional=both, units=units, output_activation=activation)
    for (cell, pooling), (both, units, activation) in zip(
        CELLS_AND_POOLINGS, cycle(product([True, False], [(4,), (4, 3)], OUTPUT_ACTIVATIONS)), strict=False
    )
]


def spec_id(value):
    """Return the name of a parameter in the report of the tests."""
    if isinstance(value, NetworkSpec):
        return f"{'vectors' if value.n_tokens is None else 'tokens'}-{value.cell}-{value.pooling}"
    return None


every_kind = pytest.mark.parametrize("spec", TOKEN_SPECS + VECTOR_SPECS, ids=spec_id)
tokens_and_vectors = pytest.mark.parametrize("reads", [BASE, VECTORS], ids=["tokens", "vectors"])


def random_rows(spec, lengths, seed=0):
    """Return sequences for ``spec``. The first sequences do not depend on later lengths."""
    rng = np.random.default_rng(seed)
    if spec.n_tokens is None:
        return [rng.normal(size=(length, spec.n_features)) for length in lengths]
    return [rng.integers(1, spec.n_tokens, size=length).tolist() for length in lengths]


def to_input(spec, rows, dtype=np.float32):
    return RaggedArray.of([row.astype(dtype) for row in rows]) if spec.n_tokens is None else to_csr(rows)


def random_input(spec, lengths, seed=0, dtype=np.float32):
    return to_input(spec, random_rows(spec, lengths, seed), dtype)


def keras_outputs(spec, weights, X):
    from skrnn.network._keras import build_network

    model = build_network(spec)
    model.set_weights(in_keras_order(widened(weights)))
    return np.asarray(model(dense_batch(X, np.arange(X.shape[0])), training=False))


def predict(spec, weights, X):
    """Predict with a new network, whose cache is empty."""
    return NumpyNetwork(spec, weights).predict(X)


def assert_agrees_with_keras(spec, weights, X):
    outputs = predict(spec, weights, X)
    assert outputs.shape == (X.shape[0], spec.n_outputs)
    assert outputs.dtype == np.float64
    np.testing.assert_allclose(outputs, keras_outputs(spec, weights, X), rtol=0, atol=1e-5, equal_nan=False)


specs = st.builds(
    lambda n_tokens, n_ngrams, skip_connection, n_linear_tokens, **fields: NetworkSpec(
        n_tokens,
        n_ngrams=n_ngrams if n_tokens else 0,
        skip_connection=skip_connection and n_tokens is not None,
        n_linear_tokens=n_linear_tokens if n_tokens else 0,
        **fields,
    ),
    n_tokens=st.sampled_from([BASE.n_tokens, None]),
    n_features=st.integers(1, 4),
    cell=st.sampled_from(sorted(CELLS)),
    units=st.lists(st.integers(1, 5), min_size=1, max_size=2).map(tuple),
    bidirectional=st.booleans(),
    activation=st.sampled_from(ACTIVATIONS),
    pooling=st.sampled_from(sorted(POOLINGS)),
    n_outputs=st.integers(1, 3),
    output_activation=st.sampled_from(sorted(OUTPUT_ACTIVATIONS)),
    dropout=st.sampled_from([0.0, 0.5]),
    embedding_dropout=st.sampled_from([0.0, 0.5]),
    token_dropout=st.sampled_from([0.0, 0.5]),
    n_ngrams=st.sampled_from([0, 1, 40]),
    skip_connection=st.booleans(),
    n_linear_tokens=st.sampled_from([0, BASE.n_tokens, BASE.n_tokens + 5]),
).filter(lambda spec: spec.output_activation != "softmax" or spec.n_outputs > 1)


def token_sequences(spec):
    ids = st.integers(1, max(spec.n_tokens, spec.n_linear_tokens) - 1)
    return st.lists(st.lists(ids, max_size=5), min_size=1, max_size=6)


@st.composite
def inputs(draw, spec):
    if spec.n_tokens is not None:
        return to_csr(draw(token_sequences(spec)))
    return RaggedArray.of(draw(vector_sequences(spec.n_features, draw(st.sampled_from([np.float32, np.float64])))))


@every_kind
def test_every_cell_and_pooling_agrees_with_keras(spec):
    assert_agrees_with_keras(spec, random_weights(spec), random_input(spec, [3, 0, 5, 1, 3]))


# The examples are small. Shrinking them would take minutes.
@settings(deadline=None, max_examples=32, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(specs, st.integers(0, 99), st.sampled_from([None, "float16", "int8"]), st.data())
def test_predictions_agree_with_keras(spec, seed, dtype, data):
    weights = random_weights(spec, seed)
    assert_agrees_with_keras(spec, compacted(weights, dtype) if dtype else weights, data.draw(inputs(spec)))


@settings(deadline=None, max_examples=100)
@given(specs, st.integers(0, 99), st.sampled_from(["float16", "int8"]), st.data())
def test_compact_weights_predict_as_the_same_numbers_in_float32(spec, seed, dtype, data):
    compact, X = compacted(random_weights(spec, seed), dtype), data.draw(inputs(spec))
    np.testing.assert_allclose(predict(spec, compact, X), predict(spec, widened(compact), X), rtol=0, atol=1e-6)


def test_predictions_keep_tables_compact():
    spec = replace(BASE, n_ngrams=40, n_linear_tokens=BASE.n_tokens)
    network = NumpyNetwork(spec, compacted(random_weights(spec), "int8"))
    network.predict(random_input(spec, [3, 5]))
    prepared, _ = network._prepare(np.dtype(np.float32))
    for name in ("embedding", "ngram_embedding", "linear/tokens", "linear/ngrams"):
        assert prepared[name] is network._weights[name]


@pytest.mark.parametrize("cell", CELLS)
def test_zero_vectors_are_time_steps(cell):
    spec = replace(VECTORS, cell=cell, pooling="last", output_activation="linear")
    weights = random_weights(spec)
    (row,) = random_rows(spec, [3])
    zeros = np.zeros((2, spec.n_features))
    rows = [row, [*row, *zeros], [*zeros, *row], [*row[:2], *zeros, row[2]], zeros, zeros[:0]]
    X = to_input(spec, list(map(np.array, rows)))
    outputs = predict(spec, weights, X)
    differences = np.abs(outputs[:, None] - outputs).max(axis=2)
    assert differences[~np.eye(len(rows), dtype=bool)].min() > 1e-3
    assert_agrees_with_keras(spec, weights, X)


@pytest.mark.parametrize("cell", CELLS)
def test_ngrams_and_the_skip_connection_agree_with_keras(cell):
    spec = replace(BASE, cell=cell, n_ngrams=60, skip_connection=True)
    weights = random_weights(spec)
    keys = weights["ngram_keys"]
    X = to_csr([*tokens_of_ngrams(keys[1:]), []])
    outputs = predict(spec, weights, X)
    assert_agrees_with_keras(spec, weights, X)
    for is_longer in (False, True):
        vectors = np.where((keys[:, :1] < 0) == is_longer, 0, weights["ngram_embedding"])
        changed = np.abs(predict(spec, {**weights, "ngram_embedding": vectors}, X) - outputs).max(axis=1)
        assert np.mean(changed > 1e-3) > 0.3
        assert changed[-1] == 0  # the empty document has no n-grams


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_linear_model_agrees_with_keras(pooling):
    spec = replace(BASE, pooling=pooling, n_ngrams=60, dropout=0.0, n_linear_tokens=BASE.n_tokens + 4)
    weights = random_weights(spec)
    largest = spec.n_linear_tokens - 1  # the recurrent network does not know this token
    X = to_csr([*tokens_of_ngrams(weights["ngram_keys"][1:]), [largest], [2, largest, 3], []])
    assert_agrees_with_keras(spec, weights, X)


def test_logits_are_the_mean_of_the_network_and_the_linear_model():
    spec = replace(BASE, output_activation="linear", n_linear_tokens=BASE.n_tokens + 4)
    weights, rows = random_weights(spec), [[2, 3, 3, 14], [14], []]
    tokens, bias = weights["linear/tokens"], weights["linear/bias"]
    linear = [tokens[row].sum(axis=0) / np.sqrt(max(len(row), 1)) + bias for row in rows]
    recurrent_spec = replace(spec, n_linear_tokens=0)
    recurrent = {name: weight for name, weight in weights.items() if not name.startswith("linear")}
    known = [[min(token, UNKNOWN) if token >= spec.n_tokens else token for token in row] for row in rows]
    expected = (predict(recurrent_spec, recurrent, to_csr(known)) + linear) / 2
    np.testing.assert_allclose(predict(spec, weights, to_csr(rows)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_relu_networks_agree_with_keras(cell):
    spec = replace(BASE, cell=cell, activation="relu", units=(5, 4), pooling="max_mean")
    assert_agrees_with_keras(spec, random_weights(spec), random_input(spec, [5, 0, 3, 1]))


def test_initial_weights_agree_with_keras():
    spec = NetworkSpec(11, 16, "simple", (128,), False, "tanh", "last", 1, "sigmoid", 0.0, 0.0, 0.0)
    assert_agrees_with_keras(spec, initial_weights(spec, np.random.default_rng(0)), random_input(spec, [5, 0, 8]))


@pytest.mark.parametrize(
    ("spec", "dtype", "tolerance"),
    [
        *((spec, np.float32, 1e-6) for spec in TOKEN_SPECS + VECTOR_SPECS),
        *((spec, np.float64, 1e-12) for spec in VECTOR_SPECS),
    ],
    ids=spec_id,
)
def test_outputs_depend_on_their_sequence_alone(spec, dtype, tolerance):
    weights = random_weights(spec)
    lengths = [6, 0, 1, 9, 9, 2, 0, 5]
    X = random_input(spec, lengths, dtype=dtype)
    together = predict(spec, weights, X)
    assert np.ptp(together, axis=0).min() > 1e-3
    rows = np.arange(len(lengths))
    order = np.random.default_rng(0).permutation(rows)
    long = random_rows(spec, [200], seed=1)
    beside_a_long_one = predict(spec, weights, to_input(spec, long + random_rows(spec, [6, 0, 1]), dtype))
    for outputs, expected in [
        (np.concatenate([predict(spec, weights, X[[row]]) for row in rows]), together),
        (predict(spec, weights, X[order]), together[order]),
        (predict(spec, weights, X[rows[2:5]]), together[2:5]),
        (predict(spec, weights, X[np.tile(rows, 2)]), np.tile(together, (2, 1))),
        (beside_a_long_one[1:], together[:3]),
    ]:
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_single_sequences_predict_the_same_as_batches(cell, activation, both):
    spec = replace(BASE, cell=cell, activation=activation, bidirectional=both, units=(4, 3))
    weights, X = random_weights(spec), random_input(spec, [12, 1, 7])
    alone = [predict(spec, weights, X[[row]])[0] for row in range(3)]
    np.testing.assert_allclose(alone, predict(spec, weights, X), rtol=0, atol=1e-6)


@pytest.mark.parametrize("pooling", ["mean", "max", "attention"])
def test_very_long_sequences_predict_the_same_as_batches(pooling):
    spec = replace(BASE, pooling=pooling, skip_connection=True, output_activation="linear")
    weights, X = random_weights(spec), random_input(spec, [*range(14_950, 15_001, 10), 7, 3000])
    alone = [predict(spec, weights, X[[row]])[0] for row in range(X.shape[0])]
    np.testing.assert_allclose(predict(spec, weights, X), alone, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("spec", TOKEN_SPECS, ids=spec_id)
def test_empty_columns_change_nothing(spec):
    weights = random_weights(spec)
    X = random_input(spec, [6, 0, 1, 9])
    wider = sparse.csr_matrix((X.data, X.indices, X.indptr), shape=(X.shape[0], X.shape[1] + 50))
    np.testing.assert_array_equal(predict(spec, weights, wider), predict(spec, weights, X))


@every_kind
def test_empty_sequences_have_zero_states(spec):
    weights = random_weights(spec)
    expected = OUTPUT_ACTIVATIONS[spec.output_activation](weights["output/bias"].astype(np.float64))
    for lengths in ([0, 0], [0, 2]):
        outputs = predict(spec, weights, random_input(spec, lengths))
        np.testing.assert_allclose(outputs[0], expected, rtol=0, atol=1e-12)
        assert np.isfinite(outputs).all()


def test_very_long_sequences_run_alone():
    chunks = list(_packing.chunks(np.array([20, 1500, 700, 90, 30, 0, 30])))
    assert [chunk.tolist() for chunk in chunks] == [[1], [2], [3], [4, 6, 0]]


@tokens_and_vectors
def test_no_sequences_give_no_outputs(reads):
    none = random_input(reads, [2, 3])[np.array([], dtype=np.intp)]
    assert predict(reads, random_weights(reads), none).shape == (0, 3)


@pytest.mark.parametrize(("max_rows", "max_tokens"), [(2, 10**6), (10**6, 12), (3, 7), (1, 1)])
@pytest.mark.parametrize("pooling", ["last", "max_mean", "attention"])
@tokens_and_vectors
def test_chunks_do_not_change_the_result(monkeypatch, reads, pooling, max_rows, max_tokens):
    spec = replace(reads, pooling=pooling)
    weights, X = random_weights(spec), random_input(spec, [4, 0, 1, 12, 12, 2, 0, 5, 3])
    whole = predict(spec, weights, X)
    monkeypatch.setattr(_packing, "_CHUNK_ROWS", max_rows)
    monkeypatch.setattr(_packing, "_CHUNK_TOKENS", max_tokens)
    np.testing.assert_allclose(predict(spec, weights, X), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("max_tokens", [1, 5, 12])
@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("cell", CELLS)
@tokens_and_vectors
def test_blocks_of_steps_do_not_change_the_result(monkeypatch, reads, cell, both, max_tokens):
    spec = replace(reads, cell=cell, bidirectional=both, units=(4, 3), pooling="last")
    weights, X = random_weights(spec), random_input(spec, [4, 0, 1, 12, 12, 2, 0, 5, 3])
    whole = predict(spec, weights, X)
    monkeypatch.setattr(_numpy_recurrence, "BLOCK_TOKENS", max_tokens)
    np.testing.assert_allclose(predict(spec, weights, X), whole, rtol=0, atol=1e-6)
    np.testing.assert_allclose(predict(spec, weights, X[[4]]), whole[[4]], rtol=0, atol=1e-6)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 10), st.integers(1, 60))
def test_chunks_are_bounded_and_contain_every_nonempty_document(lengths, max_rows, max_tokens):
    lengths = np.array(lengths, dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_packing, "_CHUNK_ROWS", max_rows)
        patch.setattr(_packing, "_CHUNK_TOKENS", max_tokens)
        chunks = list(_packing.chunks(lengths))
    rows = [row for chunk in chunks for row in chunk]
    assert sorted(rows) == np.flatnonzero(lengths).tolist()
    assert np.all(np.diff(lengths[rows]) <= 0)
    for chunk in chunks:
        assert 1 <= len(chunk) <= max_rows
        assert len(chunk) == 1 or lengths[chunk].sum() <= max_tokens


@pytest.mark.parametrize(
    ("reads", "dtype", "tolerance"),
    [(BASE, np.float32, 1e-5), (VECTORS, np.float32, 1e-5), (VECTORS, np.float64, 1e-12)],
    ids=["tokens", "float32 vectors", "float64 vectors"],
)
def test_long_sequences_agree_with_a_loop_over_steps(reads, dtype, tolerance):
    spec = replace(
        reads, cell="simple", bidirectional=False, pooling="mean", n_outputs=1, output_activation="sigmoid"
    )
    weights = random_weights(spec)
    long, none, short = random_rows(spec, [20_000, 0, 1])
    outputs = predict(spec, weights, to_input(spec, [long, none, short], dtype))

    exact = {name: weight.astype(np.float64) for name, weight in weights.items()}
    vectors = long if spec.n_tokens is None else exact["embedding"][long]
    hidden, total = np.zeros(4), np.zeros(4)
    for step in vectors @ exact["rnn_0/forward/kernel"] + exact["rnn_0/forward/bias"]:
        hidden = np.tanh(step + hidden @ exact["rnn_0/forward/recurrent_kernel"])
        total += hidden
    logit = total / len(long) @ exact["output/kernel"] + exact["output/bias"]
    np.testing.assert_allclose(outputs[0], 1 / (1 + np.exp(-logit)), rtol=0, atol=tolerance)
    alone = predict(spec, weights, to_input(spec, [short], dtype))
    np.testing.assert_allclose(outputs[2], alone[0], rtol=0, atol=min(tolerance, 1e-6))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("scale", [1e3, -1e3])
@pytest.mark.parametrize("lengths", [[5, 0, 2], [5]])
def test_saturated_units_give_probabilities_without_overflow(cell, scale, lengths):
    spec = replace(BASE, cell=cell, pooling="attention")
    weights = {name: np.float32(scale) * weight for name, weight in random_weights(spec).items()}
    with np.errstate(over="raise", divide="raise"):
        outputs = predict(spec, weights, random_input(spec, lengths))
    np.testing.assert_allclose(outputs.sum(axis=1), 1)


@pytest.mark.parametrize("cell", CELLS)
@tokens_and_vectors
def test_networks_can_change_precision_between_predictions(cell, reads):
    spec = replace(reads, cell=cell)
    weights, rows = random_weights(spec), random_rows(spec, [3, 0, 7])
    network = NumpyNetwork(spec, weights)
    for dtype in (np.float32, np.float64, np.float32):
        X = to_input(spec, rows, dtype)
        np.testing.assert_array_equal(network.predict(X), predict(spec, weights, X))
        np.testing.assert_allclose(network.predict(X[[2]]), predict(spec, weights, X)[[2]], atol=1e-6)


@pytest.mark.parametrize("room", [4, 7, 10**6])
def test_cached_products_do_not_change_predictions(monkeypatch, room):
    spec = replace(BASE, n_tokens=30, n_ngrams=20, skip_connection=True)
    monkeypatch.setattr(_input_products, "BLOCK_TOKENS", 4)
    monkeypatch.setattr(_input_products, "_CACHE_SIZE", room * (8 * spec.units[0] + spec.n_features))
    weights, X = random_weights(spec), random_input(spec, [3, 4, 0, 2, 6, 4, 1] * 5)
    expected, network = predict(spec, weights, X), NumpyNetwork(spec, weights)
    for row in range(X.shape[0]):
        outputs = network.predict(X[[row]])
        np.testing.assert_allclose(outputs, expected[[row]], rtol=0, atol=1e-6)


def test_last_bits_do_not_depend_on_earlier_documents():
    spec = replace(BASE, n_tokens=2000, n_features=64, units=(32,), n_ngrams=20, skip_connection=True)
    weights, X = random_weights(spec), random_input(spec, np.random.default_rng(0).integers(1, 100, size=50))
    one_by_one = [predict(spec, weights, X[[row]]) for row in range(50)]
    network = NumpyNetwork(spec, weights)
    for row in np.random.default_rng(1).permutation(100) % 50:
        np.testing.assert_array_equal(network.predict(X[[row]]), one_by_one[row])


def test_last_bits_do_not_depend_on_other_threads(monkeypatch):
    spec = replace(BASE, n_tokens=2000, n_features=64, units=(32,))
    weights, X = random_weights(spec), random_input(spec, [70, 50])
    network = NumpyNetwork(spec, weights)
    alone = network.predict(X)
    closed = Lock()
    closed.acquire()
    _, tables = network._prepare(np.dtype(np.float32))
    monkeypatch.setattr(tables["tokens"], "_lock", closed)
    np.testing.assert_array_equal(network.predict(X), alone)


@pytest.mark.parametrize("fails", ["full", "empty", "matmul", "arange"])
def test_errors_leave_no_wrong_products_in_the_cache(monkeypatch, fails):
    spec = replace(BASE, n_tokens=200)
    monkeypatch.setattr(_input_products, "BLOCK_TOKENS", 20)
    monkeypatch.setattr(_input_products, "_CACHE_SIZE", 1)
    weights, X = random_weights(spec), random_input(spec, [15] * 4)
    network = NumpyNetwork(spec, weights)
    expected = predict(spec, weights, X)
    network.predict(X[[0]])
    with monkeypatch.context() as patch:
        patch.setattr(np, fails, Mock(side_effect=MemoryError))
        with pytest.raises(MemoryError):
            network.predict(X[[1]])
    for row in (0, 2, 1, 3):
        outputs = network.predict(X[[row]])
        np.testing.assert_allclose(outputs, expected[[row]], rtol=0, atol=1e-6)


def test_threads_share_the_cache(monkeypatch):
    spec = replace(BASE, n_tokens=200, n_ngrams=50, skip_connection=True)
    monkeypatch.setattr(_input_products, "BLOCK_TOKENS", 20)
    monkeypatch.setattr(_input_products, "_CACHE_SIZE", 1)
    weights, X = random_weights(spec), random_input(spec, [15, 4, 9, 12] * 100)
    expected, network = predict(spec, weights, X), NumpyNetwork(spec, weights)
    with ThreadPoolExecutor(8) as pool:
        outputs = pool.map(lambda row: network.predict(X[[row]])[0], range(X.shape[0]))
        np.testing.assert_allclose(list(outputs), expected, rtol=0, atol=1e-6)


def test_unreleased_locks_do_not_block_predictions(monkeypatch):
    X = random_input(BASE, [5])
    network = NumpyNetwork(BASE, random_weights(BASE))
    expected = network.predict(X)
    closed = Lock()
    closed.acquire()
    _, tables = network._prepare(np.dtype(np.float32))
    monkeypatch.setattr(tables["tokens"], "_lock", closed)  # as if another thread held it during a fork
    np.testing.assert_allclose(network.predict(X), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
@tokens_and_vectors
@pytest.mark.parametrize("lengths", [[3, 0, 7], [7]])
def test_predict_changes_neither_weights_nor_sequences(cell, reads, lengths):
    spec = replace(reads, cell=cell, units=(4, 4))
    weights, X = random_weights(spec), random_input(spec, lengths)
    network = NumpyNetwork(spec, weights)
    given = [array for array in (*weights.values(), *vars(X).values()) if isinstance(array, np.ndarray)]
    before = [array.copy() for array in given]
    first = network.predict(X)
    for array, copy in zip(given, before, strict=True):  # BLAS ignores the flag, so compare the values
        np.testing.assert_array_equal(array, copy)
        array.flags.writeable = False
    np.testing.assert_array_equal(network.predict(X), first)


@pytest.mark.parametrize("skip_connection", [True, False])
@pytest.mark.parametrize("pooling", list(POOLINGS))
def test_output_layer_reads_the_vectors(pooling, skip_connection):
    spec = small_spec(pooling=pooling, skip_connection=skip_connection)
    weights = random_weights(spec)
    network = NumpyNetwork(spec, weights)
    sequences = to_csr([[2, 3, 4], [], [5]])
    vectors = network.vectors(sequences)
    assert vectors.shape == (3, spec.vector_dim)
    assert not vectors[1].any()
    logits = vectors @ weights["output/kernel"] + weights["output/bias"]
    np.testing.assert_array_equal(network.predict(sequences, logits=True), logits)


def test_custom_network_has_no_vectors():
    spec = small_spec()
    network = TrainedNetwork(spec, random_weights(spec), build_model=lambda _spec: None)
    with pytest.raises(ValueError, match="A custom network has no vectors"):
        network.vectors(to_csr([[2, 3]]))
