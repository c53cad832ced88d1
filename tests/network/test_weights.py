from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from conftest import random_weights, small_spec

from skrnn.network._spec import NetworkSpec
from skrnn.network._weights import (
    check_weights,
    compacted,
    initial_weights,
    table,
    weight_dtype,
    weight_shapes,
    widened,
    with_slots,
    without_slots,
)

# Every random array is large enough to check its distribution.
BASE = small_spec(n_tokens=50, n_features=16, units=(64,))
SPECS = {
    "lstm": BASE,
    "gru": replace(BASE, cell="gru", units=(48, 64), pooling="attention"),
    "simple": replace(BASE, cell="simple", units=(80, 40, 64), pooling="max_mean"),
    "one way": replace(BASE, bidirectional=False, units=(128,), pooling="attention"),
    "equal layers": replace(BASE, cell="gru", units=(64, 64), pooling="last"),
    "vectors": replace(BASE, n_tokens=None, cell="gru", output_activation="linear"),
    "pairs": replace(BASE, n_ngrams=40, skip_connection=True, pooling="max_mean"),
    "article": NetworkSpec(5002, 16, "simple", (128,), False, "tanh", "last", 1, "sigmoid", 0.0, 0.0, 0.0),
}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


@pytest.fixture(scope="module")
def keras_network():
    """The module, which is imported late because TensorFlow takes seconds."""
    from skrnn.network import _keras

    return _keras


@pytest.fixture(scope="module")
def keras_weights():
    return cache(default_keras_weights)


@pytest.fixture(scope="module")
def weights():
    return cache(lambda spec: initial_weights(spec, np.random.default_rng(0)))


def default_keras_weights(spec):
    """Return the weights of layers with Keras' default initializers."""
    import keras
    from keras import layers

    cell = {"simple": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}[spec.cell]
    if spec.n_tokens is None:
        inputs = states = keras.Input((None, spec.n_features))
    else:
        inputs = keras.Input((None,), dtype="int32")
        states = vectors = layers.Embedding(spec.n_tokens, spec.n_features)(inputs)
    for units in spec.units:
        layer = cell(units, return_sequences=True)
        states = (layers.Bidirectional(layer) if spec.bidirectional else layer)(states)
    scores = [layers.Dense(1)(states)] if spec.pooling == "attention" else []
    pooled = [states, states] if spec.pooling == "max_mean" else [states]
    pooled += [vectors] if spec.skip_connection else []
    pooled = layers.Concatenate()(pooled) if len(pooled) > 1 else states
    model = keras.Model(inputs, [*scores, layers.Dense(spec.n_outputs)(pooled)])
    names = [name for name in weight_shapes(spec) if not name.startswith("ngram")]  # Keras has no such layer
    return dict(zip(names, model.get_weights(), strict=True))


@every_spec
def test_keras_model_has_the_weight_shapes(spec, keras_network):
    model = keras_network.build_network(spec)
    assert [weight.shape for weight in model.get_weights()] == list(weight_shapes(spec).values())
    assert [weight.dtype for weight in model.get_weights()] == [weight_dtype(name) for name in weight_shapes(spec)]


@every_spec
def test_initial_weights_have_the_right_names_shapes_and_dtypes(spec, weights):
    found = weights(spec)
    assert list(found) == list(weight_shapes(spec))
    assert {name: weight.shape for name, weight in found.items()} == weight_shapes(spec)
    assert all(weight.dtype == weight_dtype(name) for name, weight in found.items())


@every_spec
def test_initial_biases_equal_the_biases_of_keras(spec, weights, keras_weights):
    expected = keras_weights(spec)
    for name, weight in weights(spec).items():
        if name.endswith("bias"):
            np.testing.assert_array_equal(weight, expected[name], err_msg=name)


@every_spec
def test_recurrent_kernels_start_orthonormal_as_in_keras(spec, weights, keras_weights):
    expected = keras_weights(spec)
    for name, weight in weights(spec).items():
        if name.endswith("recurrent_kernel"):
            for kernel in (weight, expected[name]):
                np.testing.assert_allclose(kernel @ kernel.T, np.eye(len(kernel)), atol=1e-5, err_msg=name)


@every_spec
def test_embedding_and_kernels_start_with_the_distribution_of_keras(spec, weights, keras_weights):
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


@pytest.mark.parametrize("name", ["lstm", "gru", "simple", "equal layers", "vectors"])
def test_both_directions_and_all_layers_start_differently(name, weights):
    spec = SPECS[name]
    found = weights(spec)
    for kind in ("kernel", "recurrent_kernel"):
        for layer in range(len(spec.units)):
            forward, backward = (found[f"rnn_{layer}/{direction}/{kind}"] for direction in spec.directions)
            assert not np.any(forward == backward)
    if name == "equal layers":
        assert not np.any(found["rnn_0/forward/recurrent_kernel"] == found["rnn_1/forward/recurrent_kernel"])


def test_initial_weights_depend_on_the_seed_alone():
    spec = replace(BASE, units=(8,))
    first, again, other = (initial_weights(spec, np.random.default_rng(seed)) for seed in (7, 7, 8))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name], err_msg=name)
        if not name.endswith("bias"):
            assert not np.any(first[name] == other[name]), name


WEIGHTS_SPEC = small_spec(n_ngrams=20)


def test_weights_of_the_network_are_accepted():
    check_weights(WEIGHTS_SPEC, without_slots(random_weights(WEIGHTS_SPEC)))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("output/bias", lambda weight: weight[:-1], r"output/bias to be float32 \(3,\); got float32 \(2,\)"),
        ("output/bias", lambda weight: weight.astype(np.float64), "output/bias to be float32 .*; got float64"),
        ("output/bias", lambda weight: weight.tolist(), "output/bias to be float32 .*; got list"),
        ("output/bias", lambda weight: weight * np.float32(np.nan), "output/bias contains infinity or NaN"),
        ("embedding", lambda weight: weight + np.float32(np.inf), "embedding contains infinity or NaN"),
        (
            "ngram_keys",
            lambda keys: keys + 11,
            "Expected ngram_keys to contain ids below 11 and complements of rows",
        ),
        (
            "ngram_keys",
            lambda keys: keys - 40,
            "Expected ngram_keys to contain ids below 11 and complements of rows",
        ),
    ],
)
def test_wrong_weights_are_refused(name, change, message):
    weights = without_slots(random_weights(WEIGHTS_SPEC))
    weights[name] = change(weights[name])
    with pytest.raises(ValueError, match=message):
        check_weights(WEIGHTS_SPEC, weights)


def test_weights_must_have_the_names_in_their_order():
    weights = without_slots(random_weights(WEIGHTS_SPEC))
    for wrong in ({}, dict(reversed(weights.items())), {**weights, "more": weights["output/bias"]}):
        with pytest.raises(ValueError, match="Expected the weights embedding, ngram_embedding"):
            check_weights(WEIGHTS_SPEC, wrong)


@pytest.mark.parametrize("dtype", ["int8", "float16"])
def test_compact_weights_are_accepted_and_near(dtype):
    weights = random_weights(WEIGHTS_SPEC)
    compact = compacted(weights, dtype)
    check_weights(WEIGHTS_SPEC, without_slots(compact))
    assert compact["embedding"].dtype == dtype
    assert compact["output/kernel"].dtype == np.float16
    restored = widened(compact)
    assert list(restored) == list(weights)
    for name, weight in weights.items():
        assert restored[name].dtype == weight.dtype
        step = np.abs(weight).max() / (127 if name.endswith("embedding") and dtype == "int8" else 1000)
        np.testing.assert_allclose(restored[name], weight, rtol=0, atol=0.51 * step)
    np.testing.assert_array_equal(table(compact, "embedding")[[3, 1]], restored["embedding"][[3, 1]])


def test_rows_of_zeros_stay_zeros():
    compact = compacted({"embedding": np.zeros((2, 3), dtype=np.float32)}, "int8")
    np.testing.assert_array_equal(widened(compact)["embedding"], np.zeros((2, 3)))


def test_float16_has_a_largest_weight():
    with pytest.raises(ValueError, match="The weight output/bias is too large for float16"):
        compacted({"output/bias": np.float32([1e5])}, "float16")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embedding": np.zeros((11, 3), np.float16)}, r"embedding to be int8 \(11, 3\); got float16"),
        ({"embedding": np.zeros((10, 3), np.int8)}, r"embedding to be int8 \(11, 3\); got int8 \(10, 3\)"),
        ({"embedding/scale": np.ones(10, np.float32)}, r"scale to be float32 \(11,\); got float32 \(10,\)"),
        ({"embedding/scale": np.ones(11, np.float16)}, "scale to be float32 .*; got float16"),
        ({"embedding/scale": np.full(11, np.nan, np.float32)}, "embedding/scale contains infinity or NaN"),
        ({"output/kernel/scale": np.ones(8, np.float32)}, "Expected the weights embedding, embedding/scale, "),
        ({"output/kernel": np.ones((8, 3), np.int8)}, "output/kernel to be float32 .*; got int8"),
        ({"output/kernel": np.full((8, 3), np.inf, np.float16)}, "output/kernel contains infinity"),
    ],
)
def test_wrong_compact_weights_are_refused(change, message):
    weights = {**without_slots(compacted(random_weights(WEIGHTS_SPEC), "int8")), **change}
    with pytest.raises(ValueError, match=message):
        check_weights(WEIGHTS_SPEC, weights)


def test_slots_follow_from_the_keys():
    weights = random_weights(WEIGHTS_SPEC)
    restored = with_slots(without_slots(weights))
    assert list(restored) == list(weights)
    np.testing.assert_array_equal(restored["ngram_slots"], weights["ngram_slots"])
