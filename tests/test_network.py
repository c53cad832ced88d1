import json
from dataclasses import FrozenInstanceError, asdict, replace
from functools import cache

import numpy as np
import pytest

from skrnn._network import NetworkSpec, initial_weights, weight_shapes

# Every array that is drawn at random is large enough here for its statistics to tell its distribution.
BASE = NetworkSpec(
    n_tokens=50,
    embedding_dim=16,
    cell="lstm",
    units=(64,),
    bidirectional=True,
    activation="tanh",
    pooling="last",
    n_outputs=3,
    output_activation="softmax",
    dropout=0.0,
    embedding_dropout=0.0,
    token_dropout=0.0,
)
SPECS = {
    "lstm": replace(BASE, pooling="max"),
    "gru": replace(BASE, cell="gru", units=(48, 64), pooling="attention"),
    "simple": replace(BASE, cell="simple", units=(80, 40, 64), pooling="max_mean"),
    "one way": replace(BASE, bidirectional=False, units=(128,), pooling="attention"),
    "dropout": replace(BASE, cell="gru", dropout=0.1, embedding_dropout=0.2, token_dropout=0.3, units=(64, 64)),
    "article": NetworkSpec(5002, 16, "simple", (128,), False, "tanh", "last", 1, "sigmoid", 0.0, 0.0, 0.0),
}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


@pytest.fixture(scope="module")
def keras_weights():
    return cache(default_keras_weights)


@pytest.fixture(scope="module")
def weights():
    return cache(lambda spec: initial_weights(spec, np.random.default_rng(0)))


def default_keras_weights(spec):
    """The weights of layers that leave every initializer at Keras' default."""
    import keras
    from keras import layers

    cell = {"simple": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}[spec.cell]
    ids = keras.Input((None,), dtype="int32")
    states = layers.Embedding(spec.n_tokens, spec.embedding_dim)(ids)
    for units in spec.units:
        layer = cell(units, return_sequences=True)
        states = (layers.Bidirectional(layer) if spec.bidirectional else layer)(states)
    scores = [layers.Dense(1)(states)] if spec.pooling == "attention" else []
    pooled = layers.Concatenate()([states, states]) if spec.pooling == "max_mean" else states
    model = keras.Model(ids, [*scores, layers.Dense(spec.n_outputs)(pooled)])
    return dict(zip(weight_shapes(spec), model.get_weights(), strict=True))


@every_spec
def test_weight_shapes_are_those_of_the_keras_model(spec):
    from skrnn._keras_network import build_network

    assert [weight.shape for weight in build_network(spec).get_weights()] == list(weight_shapes(spec).values())


@every_spec
def test_initial_weights_have_the_names_and_shapes(spec, weights):
    found = weights(spec)
    assert list(found) == list(weight_shapes(spec))
    assert {name: weight.shape for name, weight in found.items()} == weight_shapes(spec)
    assert {weight.dtype for weight in found.values()} == {np.dtype(np.float32)}


@every_spec
def test_initial_biases_are_those_of_keras(spec, weights, keras_weights):
    expected = keras_weights(spec)
    for name, weight in weights(spec).items():
        if name.endswith("bias"):
            np.testing.assert_array_equal(weight, expected[name], err_msg=name)


@every_spec
def test_recurrent_kernels_have_orthonormal_rows_as_in_keras(spec, weights, keras_weights):
    expected = keras_weights(spec)
    for name, weight in weights(spec).items():
        if name.endswith("recurrent_kernel"):
            for kernel in (weight, expected[name]):
                np.testing.assert_allclose(kernel @ kernel.T, np.eye(len(kernel)), atol=1e-5, err_msg=name)


@every_spec
def test_embedding_and_kernels_have_the_limits_and_spread_of_keras(spec, weights, keras_weights):
    expected = keras_weights(spec)
    for name, weight in weights(spec).items():
        if name == "embedding" or name.endswith("/kernel"):
            limit = 0.05 if name == "embedding" else np.sqrt(6 / sum(weight.shape))
            for values in (weight, expected[name]):
                assert 0.85 * limit < np.abs(values).max() <= limit * (1 + 1e-6), name
                assert values.std() == pytest.approx(limit / np.sqrt(3), rel=0.25), name
                assert abs(values.mean()) < 6 * limit / np.sqrt(3 * values.size), name


def test_lstm_forget_gate_starts_open(weights):
    bias = weights(SPECS["lstm"])["rnn_0/forward/bias"]
    np.testing.assert_array_equal(bias.reshape(4, 64)[:, 0], [0, 1, 0, 0])
    assert bias.sum() == 64


@pytest.mark.parametrize("name", ["lstm", "gru", "simple", "dropout"])
def test_both_directions_and_all_layers_start_differently(name, weights):
    spec = SPECS[name]
    found = weights(spec)
    for kind in ("kernel", "recurrent_kernel"):
        for layer in range(len(spec.units)):
            forward, backward = (found[f"rnn_{layer}/{direction}/{kind}"] for direction in spec.directions)
            assert not np.any(forward == backward)
    if name == "dropout":
        assert not np.any(found["rnn_0/forward/recurrent_kernel"] == found["rnn_1/forward/recurrent_kernel"])


def test_same_generator_gives_the_same_weights_and_another_gives_others():
    spec = replace(BASE, units=(8,))
    first, again, other = (initial_weights(spec, np.random.default_rng(seed)) for seed in (7, 7, 8))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name], err_msg=name)
        if not name.endswith("bias"):
            assert not np.any(first[name] == other[name]), name


@pytest.mark.parametrize(
    ("change", "directions", "hidden_dims"),
    [
        ({"bidirectional": True, "units": (3, 5)}, ("forward", "backward"), (6, 10)),
        ({"bidirectional": False, "units": (3, 5)}, ("forward",), (3, 5)),
    ],
)
def test_hidden_dims_count_both_directions(change, directions, hidden_dims):
    spec = replace(BASE, **change)
    assert spec.directions == directions
    assert spec.hidden_dims == hidden_dims


def test_a_spec_is_immutable():
    with pytest.raises(FrozenInstanceError):
        BASE.cell = "gru"
    assert hash(BASE) == hash(replace(BASE))


@every_spec
def test_a_spec_rebuilt_from_its_fields_is_equal(spec):
    assert NetworkSpec(**asdict(spec)) == spec


@every_spec
def test_a_spec_rebuilt_from_json_describes_the_same_network(spec):
    rebuilt = NetworkSpec(**json.loads(json.dumps(asdict(spec))))
    assert json.dumps(asdict(rebuilt)) == json.dumps(asdict(spec))
    assert weight_shapes(rebuilt) == weight_shapes(spec)
    assert rebuilt.hidden_dims == spec.hidden_dims


def test_a_spec_rebuilt_from_json_is_equal_and_hashable():
    rebuilt = NetworkSpec(**json.loads(json.dumps(asdict(BASE))))
    assert rebuilt == BASE
    assert hash(rebuilt) == hash(BASE)
