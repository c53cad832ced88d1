import gc
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, asdict, replace
from functools import cache
from threading import Barrier

import numpy as np
import pytest
from conftest import random_weights, small_spec, to_csr

from skrnn.network._spec import POOLINGS, NetworkSpec, initial_weights, weight_dtype, weight_shapes
from skrnn.sequences._ngrams import NO_NGRAM
from skrnn.sequences._storage import RaggedArray, dense_batch

# Every array that is drawn at random is large enough here for its statistics to tell its distribution.
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
    """The module, imported when a test needs it: collecting the tests is not to wait for TensorFlow."""
    from skrnn.network import _keras

    return _keras


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
def test_weight_shapes_are_those_of_the_keras_model(spec, keras_network):
    model = keras_network.build_network(spec)
    assert [weight.shape for weight in model.get_weights()] == list(weight_shapes(spec).values())
    assert [weight.dtype for weight in model.get_weights()] == [weight_dtype(name) for name in weight_shapes(spec)]


@every_spec
def test_initial_weights_have_the_names_and_shapes(spec, weights):
    found = weights(spec)
    assert list(found) == list(weight_shapes(spec))
    assert {name: weight.shape for name, weight in found.items()} == weight_shapes(spec)
    assert all(weight.dtype == weight_dtype(name) for name, weight in found.items())


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


NO_DROPOUT = {"dropout": 0.0, "embedding_dropout": 0.0, "token_dropout": 0.0}


def outputs_and_gradients(model, weights, batch, training=True):
    import tensorflow as tf

    model.set_weights(list(weights.values()))
    with tf.GradientTape() as tape:
        outputs = model(batch, training=training)
        loss = tf.reduce_sum(outputs * np.arange(1.0, outputs.shape[1] + 1))
    gradients = tape.gradient(loss, model.trainable_variables)
    return outputs, [tf.convert_to_tensor(gradient) for gradient in gradients]


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("cell", ["simple", "gru", "lstm"])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(
    "kind",
    [
        {"units": (4, 3)},
        {"units": (4, 3), "bidirectional": False, "n_ngrams": 20, "skip_connection": True},
        {"n_tokens": None, "activation": "sigmoid"},
    ],
    ids=["tokens", "n-grams one way", "vectors"],
)
def test_the_network_that_trains_has_the_outputs_and_gradients_of_the_masked_one(
    training, cell, pooling, kind, keras_network
):
    spec = small_spec(cell=cell, pooling=pooling, **NO_DROPOUT, **kind)
    lengths = [3, 0, 7, 1, 3]  # much padding, and a sequence of nothing else
    batch = np.random.default_rng(0).integers(1, 11, size=(5, 7)).astype(np.int32)
    padding = np.arange(7) >= np.array(lengths)[:, None]
    batch[padding] = 0
    if spec.n_tokens is None:
        batch = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
        batch[padding] = np.nan
    weights = random_weights(spec)
    expected, expected_gradients = outputs_and_gradients(
        keras_network.build_network(spec), weights, batch, training
    )
    network = keras_network.build_training_network(spec)
    outputs, gradients = outputs_and_gradients(network, weights, batch, training)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=1e-5)


def test_ngrams_without_a_vector_of_their_own_add_the_first_which_gets_no_gradient(keras_network):
    spec = small_spec(n_ngrams=20, **NO_DROPOUT)
    weights = random_weights(spec)  # as of older versions, which trained the first
    batch = np.random.default_rng(0).integers(1, 11, size=(5, 7)).astype(np.int32)
    network = keras_network.build_training_network(spec)
    outputs, gradients = outputs_and_gradients(network, weights, batch)
    of_ngrams = gradients[list(weights).index("ngram_embedding")].numpy()
    np.testing.assert_array_equal(of_ngrams[NO_NGRAM], 0)
    assert of_ngrams.any()
    weights["ngram_embedding"][NO_NGRAM] = 0
    without, _ = outputs_and_gradients(network, weights, batch)
    assert np.all(np.abs(outputs - without).max(axis=1) > 1e-3)


def test_an_empty_sequence_spoils_no_gradient_in_half_precision():
    import tensorflow as tf

    from skrnn.layers import AttentionPooling1D

    pooling = AttentionPooling1D(dtype="mixed_float16")
    states, mask = tf.ones((2, 3, 4), tf.float16), tf.constant([[True, True, False], [False] * 3])
    with tf.GradientTape() as tape:
        tape.watch(states)
        pooled = pooling(states, mask=mask)
    gradients = tape.gradient(pooled, [states, *pooling.trainable_variables])
    np.testing.assert_array_equal(pooled, [[1] * 4, [0] * 4])
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


def test_states_without_bounds_do_not_run_through_padding(keras_network):
    kinds = {
        activation: {type(layer).__name__ for layer in keras_network.build_training_network(spec).layers}
        for activation in ("relu", "tanh")
        for spec in [small_spec(activation=activation)]
    }
    assert "PaddedRNN" in kinds["tanh"]
    assert "PaddedRNN" not in kinds["relu"]


PADDED_LAYERS = [
    ("SimpleRNN", {}),
    ("GRU", {}),
    ("LSTM", {}),
    ("LSTM", {"dtype": "float64"}),
    ("GRU", {"dtype": "mixed_bfloat16"}),
    ("LSTM", {"trainable": False}),
    ("SimpleRNN", {"use_bias": False}),
    ("GRU", {"reset_after": False}),
    ("GRU", {"activation": "relu"}),
    ("LSTM", {"recurrent_activation": "hard_sigmoid"}),
]


@pytest.mark.parametrize("in_a_graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
@pytest.mark.parametrize(("name", "options"), PADDED_LAYERS)
def test_a_padded_rnn_has_the_states_and_gradients_of_its_layers(name, options, dtype, in_a_graph):
    import keras
    import tensorflow as tf

    from skrnn.layers import PaddedRNN

    layers = [getattr(keras.layers, name)(4, return_sequences=True, **options) for _ in range(2)]
    padded = PaddedRNN(*layers, dtype=dtype)
    padded.build((None, None, 3))
    rng = np.random.default_rng(0)
    padded.set_weights([0.5 * rng.normal(size=weight.shape) for weight in padded.weights])
    lengths = np.array([3, 0, 7, 1, 3])
    vectors = tf.constant(rng.normal(size=(5, 7, 3)), layers[0].compute_dtype)
    mask = tf.constant(np.arange(7) < lengths[:, None])

    def by_the_layers(vectors, mask):
        states = [layers[0](vectors, mask=mask, training=True)]
        turned = tf.reverse_sequence(vectors, lengths, seq_axis=1)
        states.append(tf.reverse_sequence(layers[1](turned, mask=mask, training=True), lengths, seq_axis=1))
        return tf.concat(states, axis=-1)

    def results(states_of):
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            states = tf.where(mask[..., None], tf.cast(states_of(vectors, mask), tf.float64), 0.0)
            loss = tf.reduce_sum(states * tf.range(1, 9, dtype=states.dtype))
        weights = [weight.value for layer in layers for weight in layer.trainable_weights]
        return [tf.cast(result, tf.float64) for result in (states, *tape.gradient(loss, [vectors, *weights]))]

    def by_padded(vectors, mask):
        return padded(vectors, mask=mask, training=True)

    run = tf.function(results) if in_a_graph else results
    # Half precision, of the layers or between them, has two decimals.
    tolerance = 0.05 if "mixed_bfloat16" in (dtype, options.get("dtype")) else 1e-5
    for result, expected in zip(run(by_padded), run(by_the_layers), strict=True):
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("n_sequences", [1, 2])
@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
def test_a_padded_rnn_of_one_unit_learns_from_numbers(name, n_sequences):
    import keras

    from skrnn.layers import PaddedRNN

    layer = getattr(keras.layers, name)(1, return_sequences=True, kernel_initializer="ones")
    trained = []
    for recurrent in (layer, PaddedRNN(layer)):
        model = keras.Sequential([keras.Input((None, 1)), recurrent])
        start = model.get_weights()
        model.compile(keras.optimizers.SGD(0.1), "mse")
        batch = np.random.default_rng(0).normal(size=(n_sequences, 3, 1)).astype(np.float32)
        model.train_on_batch(batch, np.ones_like(batch))
        trained.append(model.get_weights())
        model.set_weights(start)
    for weight, expected in zip(*trained, strict=True):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-6)


def test_a_padded_rnn_drops_what_its_layer_drops():
    import keras

    from skrnn.layers import PaddedRNN

    padded = PaddedRNN(keras.layers.LSTM(4, return_sequences=True, recurrent_dropout=0.5, seed=0))
    vectors = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    first, second = (np.asarray(padded(vectors, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 0.01


def test_a_network_that_has_been_trained_leaves_no_graph_behind(keras_network):
    from tensorflow.python.framework.func_graph import FuncGraph

    def graphs_after_training():
        model = keras_network.build_training_network(small_spec())
        model.compile("adam", "categorical_crossentropy")
        model.train_on_batch(np.ones((2, 3), np.int32), np.eye(2, 3))
        del model
        gc.collect()
        return sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())

    first, second = (graphs_after_training() for _ in range(2))
    assert second == first


def test_a_network_that_has_been_trained_can_be_exported(tmp_path, keras_network):
    import tensorflow as tf

    model = keras_network.build_training_network(small_spec())
    model.compile("adam", "categorical_crossentropy")
    batch = np.arange(1, 7, dtype=np.int32).reshape(2, 3)
    model.train_on_batch(batch, np.eye(2, 3))
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.serve(batch), model.predict(batch, verbose=0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("wrong", [{}, {"go_backwards": True}, {"return_state": True}, {"stateful": True}])
def test_a_padded_rnn_refuses_layers_that_it_cannot_run(wrong):
    import keras

    from skrnn.layers import PaddedRNN

    right = keras.layers.LSTM(2, return_sequences=True)
    other = keras.layers.LSTM(2, return_sequences=bool(wrong), **wrong)
    with pytest.raises(ValueError, match="return_sequences=True and without"):
        PaddedRNN(right, other)


def test_a_padded_rnn_comes_back_from_a_file(tmp_path):
    import keras

    from skrnn.layers import NaNMasking, PaddedRNN

    first, second, third = (keras.layers.GRU(units, return_sequences=True) for units in (4, 2, 5))
    recurrent = [PaddedRNN(first, second), PaddedRNN(third, return_sequences=False)]
    model = keras.Sequential([keras.Input((None, 3)), NaNMasking(), *recurrent])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    batch = dense_batch(ragged_vectors([3, 1, 5, 0]), np.arange(4))
    assert loaded.output_shape == model.output_shape == (None, 5)
    np.testing.assert_array_equal(loaded(batch), model(batch))


def own_network(spec):
    """A network as a user may write one, in which no layer has a seed."""
    from keras import Input, Sequential, layers

    from skrnn.network._keras import NaNMasking

    if spec.n_tokens is None:
        read = [Input((None, spec.n_features)), NaNMasking()]
    else:
        read = [Input((None,), dtype="int32"), layers.Embedding(spec.n_tokens, spec.n_features, mask_zero=True)]
    output = layers.Dense(spec.n_outputs, activation=spec.output_activation)
    return Sequential([*read, layers.SimpleRNN(4), layers.Dropout(0.5), output])


def unbuildable_network(spec):
    random.random()
    raise NotImplementedError(spec)


def network_with(make_outputs):
    """A function as a user may write one, whose network has the outputs that ``make_outputs`` makes of vectors."""

    def network(spec):
        import keras

        vectors = keras.Input((None, spec.n_features))
        return keras.Model(vectors, make_outputs(keras.layers, vectors))

    return network


NOT_A_MODEL = {"function that returns its argument": lambda spec: spec, "function that returns nothing": print}
WRONG_OUTPUTS = {
    "too many": (lambda layers, x: layers.Dense(4)(layers.SimpleRNN(2)(x)), "(None, 4)"),
    "at each time step": (lambda layers, x: layers.Dense(3)(x), "(None, None, 3)"),
    "without an axis": (lambda layers, x: layers.SimpleRNN(3)(x)[:, 0], "(None,)"),
    "two": (lambda layers, x: [layers.SimpleRNN(3)(x)] * 2, "[(None, 3), (None, 3)]"),
}


@pytest.mark.parametrize("network", NOT_A_MODEL.values(), ids=NOT_A_MODEL)
def test_a_network_that_is_not_a_keras_model_is_refused(network, keras_network):
    message = f"Expected network={network!r} to return a keras.Model; it returned {network(BASE)!r}."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        keras_network.build_own(BASE, network)


@pytest.mark.parametrize(("make_outputs", "shape"), WRONG_OUTPUTS.values(), ids=WRONG_OUTPUTS)
def test_a_network_with_outputs_of_another_shape_is_refused(make_outputs, shape, keras_network):
    network = network_with(make_outputs)
    message = f"network={network!r} to have outputs of shape (batch, 3); got {shape}."
    with pytest.raises(ValueError, match=f"{re.escape(message)}$"):
        keras_network.build_own(small_spec(n_tokens=None), network)


def test_the_users_function_gets_the_specification(keras_network):
    given = []
    spec = small_spec()
    keras_network.build_own(spec, lambda spec: given.append(spec) or own_network(spec))
    assert given == [spec]


@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_building_the_built_in_network_leaves_pythons_generator_as_it_was(pooling, keras_network):
    before = random.getstate()
    keras_network.build_network(small_spec(pooling=pooling, units=(2, 2)))
    assert random.getstate() == before


def test_building_the_users_network_leaves_pythons_generator_as_it_was(keras_network):
    before = random.getstate()
    keras_network.build_own(small_spec(), own_network, seed=3)
    assert random.getstate() == before
    with pytest.raises(NotImplementedError):
        keras_network.build_own(small_spec(), unbuildable_network, seed=3)
    assert random.getstate() == before


def test_the_users_network_starts_the_same_with_the_same_seed_and_differently_with_another(keras_network):
    spec = small_spec()
    starts = []
    for seed in (1, 1, 2):
        starts.append(keras_network.build_own(spec, own_network, seed).get_weights())
        random.random()  # what else draws from Python's generator must not matter
    first, again, other = starts
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    drawn = [i for i, weight in enumerate(first) if weight.any()]
    assert len(drawn) == 4  # embedding, kernel, recurrent kernel and output kernel
    assert not any(np.any(first[i] == other[i]) for i in drawn)


@pytest.fixture(scope="module")
def own_weights(keras_network):
    return cache(lambda spec, seed: keras_network.build_own(spec, own_network, seed).get_weights())


def ragged_vectors(lengths):
    rng = np.random.default_rng(0)
    return RaggedArray.of([rng.normal(size=(length, 3)) for length in lengths])


INPUTS = {
    "tokens": (small_spec(), to_csr([[3, 1, 4], [5], [1, 5, 9, 2, 6], [], [3, 5, 8]])),
    "vectors": (small_spec(n_tokens=None, output_activation="linear"), ragged_vectors([3, 1, 5, 0, 3])),
}
every_input = pytest.mark.parametrize(("spec", "X"), INPUTS.values(), ids=INPUTS)


@every_input
def test_predictions_of_the_users_network_are_the_models_one_by_one(
    spec, X, keras_network, own_weights, monkeypatch
):
    monkeypatch.setattr(keras_network, "_PREDICTION_BATCH_SIZE", 2)
    model = own_network(spec)
    for seed in (0, 1):  # the second time with a model that has been used
        weights = own_weights(spec, seed)
        model.set_weights(weights)
        expected = [model(dense_batch(X, np.array([row])), training=False)[0] for row in range(X.shape[0])]
        outputs = keras_network.predict(spec, own_network, weights, X)
        assert outputs.shape == (5, 3)
        assert outputs.dtype == np.float64
        assert np.ptp(outputs, axis=0).min() > 1e-3
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)


@every_input
def test_the_users_network_predicts_nothing_for_no_sequence(spec, X, keras_network, own_weights):
    none = X[np.array([], dtype=np.intp)]
    assert keras_network.predict(spec, own_network, own_weights(spec, 0), none).shape == (0, 3)


def test_the_users_network_is_built_once_for_many_predictions(keras_network, own_weights):
    spec, X = INPUTS["tokens"]
    built = []

    def network(spec):
        built.append(spec)
        return own_network(spec)

    for _ in range(3):
        keras_network.predict(spec, network, own_weights(spec, 0), X)
    assert built == [spec]


def test_threads_that_predict_at_once_get_what_one_alone_gets(keras_network, own_weights):
    spec, X = INPUTS["tokens"]

    def predict(seed):
        return keras_network.predict(spec, own_network, own_weights(spec, seed), X)

    seeds = [0, 1, 0, 1]
    expected = [predict(seed) for seed in seeds]
    with ThreadPoolExecutor(2) as threads:
        np.testing.assert_array_equal(list(threads.map(predict, seeds)), expected)


def test_an_idle_pool_keeps_no_more_than_its_size_and_drops_what_has_waited_longest(keras_network):
    pool = keras_network.IdlePool(size=2)
    for key in ("first", "second", "third"):
        pool.give_back(key, f"the {key}")
    assert [pool.take(key) for key in ("first", "second", "third")] == [None, "the second", "the third"]


def test_an_idle_pool_keeps_nothing_without_a_key(keras_network):
    pool = keras_network.IdlePool(size=2)
    pool.give_back(None, "not to be used again")
    assert pool.take(None) is None


def test_an_idle_pool_gives_a_thing_to_one_taker_only(keras_network):
    pool = keras_network.IdlePool(size=2)
    pool.give_back("key", "thing")
    assert pool.take("another key") is None
    assert [pool.take("key"), pool.take("key")] == ["thing", None]
    pool.give_back("key", "thing")
    assert pool.take("key") == "thing"


def test_an_idle_pool_gives_a_thing_to_one_of_many_threads_only(keras_network):
    keys, n_threads = range(1000), 4
    pool = keras_network.IdlePool(size=len(keys))
    for key in keys:
        pool.give_back(key, key + 0.5)
    start = Barrier(n_threads)

    def take_all(_):
        start.wait()
        return [pool.take(key) for key in keys]

    with ThreadPoolExecutor(n_threads) as threads:
        taken = [thing for things in threads.map(take_all, range(n_threads)) for thing in things]
    assert sorted(thing for thing in taken if thing is not None) == [key + 0.5 for key in keys]
