from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import sparse

from skrnn import _inference
from skrnn._inference import forward
from skrnn._network import ACTIVATIONS, N_GATES, POOLINGS, NetworkSpec, initial_weights, weight_shapes
from skrnn._sequences import ragged_to_csr

N_TOKENS = 11
BASE = NetworkSpec(
    n_tokens=N_TOKENS,
    embedding_dim=3,
    cell="lstm",
    units=(4,),
    bidirectional=True,
    activation="tanh",
    pooling="max",
    n_outputs=3,
    output_activation="softmax",
    dropout=0.2,
    embedding_dropout=0.2,
    token_dropout=0.2,
)
EVERY_KIND = [replace(BASE, cell=cell, pooling=pooling, units=(4, 3)) for cell in N_GATES for pooling in POOLINGS]
every_kind = pytest.mark.parametrize("spec", EVERY_KIND, ids=lambda spec: f"{spec.cell}-{spec.pooling}")


def to_csr(rows):
    ids = np.array([token for row in rows for token in row], dtype=np.int32)
    return ragged_to_csr(ids, np.array([len(row) for row in rows], dtype=np.int64))


def random_rows(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, N_TOKENS, size=length).tolist() for length in lengths]


def random_weights(spec, seed=0):
    """Weights far from their initial values, biases included, that keep hidden states of moderate size."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in weight_shapes(spec).items():
        scale = 1.0 if name == "embedding" else 0.5 if name.endswith("bias") else 0.8 / np.sqrt(shape[0])
        weights[name] = rng.normal(scale=scale, size=shape).astype(np.float32)
    return weights


def keras_outputs(spec, weights, X):
    from skrnn._keras_network import build_network

    model = build_network(spec)
    model.set_weights(list(weights.values()))
    return np.asarray(model(X.toarray(), training=False))


def assert_agrees_with_keras(spec, weights, X):
    outputs = forward(spec, weights, X)
    assert outputs.shape == (X.shape[0], spec.n_outputs)
    assert outputs.dtype == np.float64
    np.testing.assert_allclose(outputs, keras_outputs(spec, weights, X), rtol=0, atol=1e-5, equal_nan=False)


specs = st.builds(
    NetworkSpec,
    n_tokens=st.just(N_TOKENS),
    embedding_dim=st.integers(1, 4),
    cell=st.sampled_from(sorted(N_GATES)),
    units=st.lists(st.integers(1, 5), min_size=1, max_size=2).map(tuple),
    bidirectional=st.booleans(),
    activation=st.sampled_from(ACTIVATIONS),
    pooling=st.sampled_from(POOLINGS),
    n_outputs=st.integers(1, 3),
    output_activation=st.sampled_from(["sigmoid", "softmax"]),
    dropout=st.sampled_from([0.0, 0.5]),
    embedding_dropout=st.sampled_from([0.0, 0.5]),
    token_dropout=st.sampled_from([0.0, 0.5]),
).filter(lambda spec: spec.output_activation == "sigmoid" or spec.n_outputs > 1)
ragged = st.lists(st.lists(st.integers(1, N_TOKENS - 1), max_size=7), min_size=1, max_size=6)


@every_kind
def test_every_cell_and_pooling_agrees_with_keras(spec):
    assert_agrees_with_keras(spec, random_weights(spec), to_csr(random_rows([5, 0, 8, 1, 5])))


# Examples are small as drawn; shrinking one would build models for minutes.
@settings(deadline=None, max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(specs, ragged, st.integers(0, 99))
def test_forward_agrees_with_keras(spec, rows, seed):
    assert_agrees_with_keras(spec, random_weights(spec, seed), to_csr(rows))


@pytest.mark.parametrize("cell", N_GATES)
def test_relu_networks_agree_with_keras(cell):
    spec = replace(BASE, cell=cell, activation="relu", units=(5, 4), pooling="max_mean")
    assert_agrees_with_keras(spec, random_weights(spec), to_csr(random_rows([9, 0, 3, 1])))


def test_a_network_as_it_starts_agrees_with_keras():
    spec = NetworkSpec(N_TOKENS, 16, "simple", (128,), False, "tanh", "last", 1, "sigmoid", 0.0, 0.0, 0.0)
    assert_agrees_with_keras(spec, initial_weights(spec, np.random.default_rng(0)), to_csr(random_rows([5, 0, 8])))


@every_kind
def test_a_documents_output_depends_on_that_document_alone(spec):
    weights = random_weights(spec)
    X = to_csr(random_rows([6, 0, 1, 9, 9, 2, 0, 5]))
    together = forward(spec, weights, X)
    assert np.ptp(together, axis=0).min() > 1e-3
    order = np.random.default_rng(0).permutation(X.shape[0])
    wider = sparse.csr_matrix((X.data, X.indices, X.indptr), shape=(X.shape[0], X.shape[1] + 50))
    beside_a_long_one = forward(spec, weights, to_csr([*random_rows([200], seed=1), *random_rows([6, 0, 1])]))
    for outputs, expected in [
        (np.concatenate([forward(spec, weights, row) for row in X]), together),
        (forward(spec, weights, X[order]), together[order]),
        (forward(spec, weights, X[2:5]), together[2:5]),
        (forward(spec, weights, sparse.vstack([X, X], format="csr")), np.tile(together, (2, 1))),
        (forward(spec, weights, wider), together),
        (beside_a_long_one[[2]], together[[1]]),
    ]:
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)


@every_kind
def test_empty_documents_get_what_the_output_layer_makes_of_zeros(spec):
    weights = random_weights(spec)
    logits = weights["output/bias"].astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum()
    for rows in ([[], []], [[], [2, 3]]):
        outputs = forward(spec, weights, to_csr(rows))
        np.testing.assert_allclose(outputs[0], expected, rtol=0, atol=1e-12)
        assert np.isfinite(outputs).all()


def test_no_document_gives_no_output():
    assert forward(BASE, random_weights(BASE), to_csr([])).shape == (0, 3)


@pytest.mark.parametrize(("max_rows", "max_tokens"), [(2, 10**6), (10**6, 12), (3, 7), (1, 1)])
@pytest.mark.parametrize("pooling", ["last", "max_mean", "attention"])
def test_chunks_do_not_change_the_result(monkeypatch, pooling, max_rows, max_tokens):
    spec = replace(BASE, pooling=pooling)
    weights, X = random_weights(spec), to_csr(random_rows([4, 0, 1, 12, 12, 2, 0, 5, 3]))
    whole = forward(spec, weights, X)
    monkeypatch.setattr(_inference, "_CHUNK_ROWS", max_rows)
    monkeypatch.setattr(_inference, "_CHUNK_TOKENS", max_tokens)
    np.testing.assert_allclose(forward(spec, weights, X), whole, rtol=0, atol=1e-6)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 10), st.integers(1, 60))
def test_chunks_are_bounded_and_hold_every_document_that_is_not_empty(lengths, max_rows, max_tokens):
    lengths = np.array(lengths, dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_inference, "_CHUNK_ROWS", max_rows)
        patch.setattr(_inference, "_CHUNK_TOKENS", max_tokens)
        chunks = list(_inference._chunks(lengths))
    rows = [row for chunk in chunks for row in chunk]
    assert sorted(rows) == np.flatnonzero(lengths).tolist()
    assert np.all(np.diff(lengths[rows]) <= 0)
    for chunk in chunks:
        assert 1 <= len(chunk) <= max_rows
        assert len(chunk) == 1 or lengths[chunk].sum() <= max_tokens


def test_a_long_document_agrees_with_a_loop_over_its_tokens():
    spec = replace(
        BASE, cell="simple", bidirectional=False, pooling="mean", n_outputs=1, output_activation="sigmoid"
    )
    weights = random_weights(spec)
    (row,) = random_rows([20_000])
    outputs = forward(spec, weights, to_csr([row, [], [3]]))

    exact = {name: weight.astype(np.float64) for name, weight in weights.items()}
    inputs = exact["embedding"][row] @ exact["rnn_0/forward/kernel"] + exact["rnn_0/forward/bias"]
    hidden, total = np.zeros(4), np.zeros(4)
    for step in inputs:
        hidden = np.tanh(step + hidden @ exact["rnn_0/forward/recurrent_kernel"])
        total += hidden
    logit = total / len(row) @ exact["output/kernel"] + exact["output/bias"]
    np.testing.assert_allclose(outputs[0], 1 / (1 + np.exp(-logit)), rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs[2], forward(spec, weights, to_csr([[3]]))[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", N_GATES)
@pytest.mark.parametrize("scale", [1e3, -1e3])
def test_saturated_units_give_probabilities_without_overflow(cell, scale):
    spec = replace(BASE, cell=cell, pooling="attention")
    weights = {name: np.float32(scale) * weight for name, weight in random_weights(spec).items()}
    with np.errstate(over="raise", divide="raise"):
        outputs = forward(spec, weights, to_csr(random_rows([5, 0, 2])))
    np.testing.assert_allclose(outputs.sum(axis=1), 1)


@pytest.mark.parametrize("cell", N_GATES)
def test_forward_changes_neither_weights_nor_sequences(cell):
    spec = replace(BASE, cell=cell, units=(4, 4))
    weights, X = random_weights(spec), to_csr(random_rows([3, 0, 7]))
    first = forward(spec, weights, X)
    for weight in weights.values():
        weight.flags.writeable = False
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    np.testing.assert_array_equal(forward(spec, weights, X), first)
