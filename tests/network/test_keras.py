"""Built-in and custom networks in Keras."""

import random
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier

import numpy as np
import pytest
from conftest import random_weights, small_spec, to_csr

from skrnn.network._spec import POOLINGS
from skrnn.sequences._batches import dense_batch
from skrnn.sequences._storage import RaggedArray


@pytest.fixture(scope="module")
def keras_network():
    """The module, which is imported late because TensorFlow takes seconds."""
    from skrnn.network import _keras

    return _keras


# Built-in networks

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
def test_padded_and_masked_networks_agree(training, cell, pooling, kind, keras_network):
    spec = small_spec(cell=cell, pooling=pooling, **NO_DROPOUT, **kind)
    lengths = [3, 0, 7, 1, 3]  # one sequence is empty, and others have much padding
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


def test_unbounded_states_are_not_computed_for_padding(keras_network):
    kinds = {
        activation: {type(layer).__name__ for layer in keras_network.build_training_network(spec).layers}
        for activation in ("relu", "tanh")
        for spec in [small_spec(activation=activation)]
    }
    assert "PaddedRNN" in kinds["tanh"]
    assert "PaddedRNN" not in kinds["relu"]


def test_training_networks_can_be_saved_and_copied(tmp_path, keras_network):
    import keras

    model = keras_network.build_training_network(small_spec(n_ngrams=5), n_char_ngrams=7)
    model.save(tmp_path / "model.keras")
    ids = np.array([[2, 3, 4, 1, 10], [5, 5, 9, 0, 0]], dtype=np.int32)
    expected = model.predict(ids, verbose=0)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(ids, verbose=0), expected)
    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    np.testing.assert_array_equal(copied.predict(ids, verbose=0), expected)


@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_building_a_network_keeps_pythons_random_state(pooling, keras_network):
    before = random.getstate()
    keras_network.build_network(small_spec(pooling=pooling, units=(2, 2)))
    assert random.getstate() == before


@pytest.mark.parametrize("build", ["build_network", "build_training_network"])
def test_other_backends_are_refused(build, keras_network, monkeypatch):
    import keras

    build = getattr(keras_network, build)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"uses 'jax'\. Set the environment variable KERAS_BACKEND=tensorflow"):
        build(small_spec())


# Custom networks


def custom_network(spec):
    """Return a network without seeds, as users may write it."""
    from keras import Input, Sequential, layers

    from skrnn.layers import NaNMasking

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
    """Return a custom network function. ``make_outputs`` makes the outputs of its network."""

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
def test_other_objects_than_keras_models_are_refused(network, keras_network):
    spec = small_spec()
    message = f"Expected network={network!r} to return a keras.Model; it returned {network(spec)!r}."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        keras_network.build_own(spec, network)


@pytest.mark.parametrize(("make_outputs", "shape"), WRONG_OUTPUTS.values(), ids=WRONG_OUTPUTS)
def test_wrong_output_shapes_are_refused(make_outputs, shape, keras_network):
    network = network_with(make_outputs)
    message = f"network={network!r} to have outputs of shape (batch, 3); got {shape}."
    with pytest.raises(ValueError, match=f"{re.escape(message)}$"):
        keras_network.build_own(small_spec(n_tokens=None), network)


def test_networks_with_several_inputs_are_refused(keras_network):
    from keras import Input, Model, layers

    def network(spec):
        inputs = [Input((None,)), Input((3,))]
        pooled = layers.GlobalAveragePooling1D()(layers.Embedding(9, 3)(inputs[0]))
        return Model(inputs, layers.Dense(spec.n_outputs)(layers.Add()([pooled, inputs[1]])))

    with pytest.raises(
        ValueError, match=r"to have one input; got inputs of the shapes .*\(None, None\), \(None, 3\)"
    ):
        keras_network.build_own(small_spec(), network)


def test_subclassed_models_without_shapes_are_refused(keras_network):
    from keras import Model, layers

    class Subclassed(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)
            self.dense.build((None, 2))
            self.built = True

    with pytest.raises(ValueError, match="to return a Sequential or functional model that is built"):
        keras_network.build_own(small_spec(), lambda _spec: Subclassed())


def test_custom_networks_get_the_specification(keras_network):
    given = []
    spec = small_spec()
    keras_network.build_own(spec, lambda spec: given.append(spec) or custom_network(spec))
    assert given == [spec]


def test_building_a_custom_network_keeps_pythons_random_state(keras_network):
    before = random.getstate()
    keras_network.build_own(small_spec(), custom_network, seed=3)
    assert random.getstate() == before
    with pytest.raises(NotImplementedError):
        keras_network.build_own(small_spec(), unbuildable_network, seed=3)
    assert random.getstate() == before


def test_seed_determines_initial_weights_of_custom_networks(keras_network):
    spec = small_spec()
    starts = []
    for seed in (1, 1, 2):
        starts.append(keras_network.build_own(spec, custom_network, seed).get_weights())
        random.random()  # random draws between builds have no effect
    first, again, other = starts
    for weight, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(weight, same)
    drawn = [i for i, weight in enumerate(first) if weight.any()]
    assert len(drawn) == 4  # embedding, kernel, recurrent kernel and output kernel
    assert not any(np.any(first[i] == other[i]) for i in drawn)


@pytest.fixture(scope="module")
def custom_weights(keras_network):
    return cache(lambda spec, seed: keras_network.build_own(spec, custom_network, seed).get_weights())


def ragged_vectors(lengths):
    rng = np.random.default_rng(0)
    return RaggedArray.of([rng.normal(size=(length, 3)) for length in lengths])


INPUTS = {
    "tokens": (small_spec(), to_csr([[3, 1, 4], [5], [1, 5, 9, 2, 6], [], [3, 5, 8]])),
    "vectors": (small_spec(n_tokens=None, output_activation="linear"), ragged_vectors([3, 1, 5, 0, 3])),
}
every_input = pytest.mark.parametrize(("spec", "X"), INPUTS.values(), ids=INPUTS)


@every_input
def test_batches_predict_the_same_as_single_sequences(spec, X, keras_network, custom_weights, monkeypatch):
    monkeypatch.setattr(keras_network, "_PREDICTION_BATCH_SIZE", 2)
    model = custom_network(spec)
    for seed in (0, 1):  # the second seed uses the same model again
        weights = custom_weights(spec, seed)
        model.set_weights(weights)
        expected = [model(dense_batch(X, np.array([row])), training=False)[0] for row in range(X.shape[0])]
        outputs = keras_network.predict_own(spec, custom_network, weights, X)
        assert outputs.shape == (5, 3)
        assert outputs.dtype == np.float64
        assert np.ptp(outputs, axis=0).min() > 1e-3
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)


@every_input
def test_no_sequences_give_no_predictions(spec, X, keras_network, custom_weights):
    none = X[np.array([], dtype=np.intp)]
    assert keras_network.predict_own(spec, custom_network, custom_weights(spec, 0), none).shape == (0, 3)


def test_custom_networks_are_built_once(keras_network, custom_weights):
    spec, X = INPUTS["tokens"]
    built = []

    def network(spec):
        built.append(spec)
        return custom_network(spec)

    for _ in range(3):
        keras_network.predict_own(spec, network, custom_weights(spec, 0), X)
    assert built == [spec]


def test_threads_of_custom_networks_predict_the_same(keras_network, custom_weights):
    spec, X = INPUTS["tokens"]

    def predict(seed):
        return keras_network.predict_own(spec, custom_network, custom_weights(spec, seed), X)

    seeds = [0, 1, 0, 1]
    expected = [predict(seed) for seed in seeds]
    with ThreadPoolExecutor(2) as threads:
        np.testing.assert_array_equal(list(threads.map(predict, seeds)), expected)


# The pool


def test_full_pool_drops_the_oldest_object(keras_network):
    pool = keras_network.IdlePool(size=2)
    for key in ("first", "second", "third"):
        pool.put(key, f"the {key}")
    assert [pool.take(key) for key in ("first", "second", "third")] == [None, "the second", "the third"]


def test_pool_stores_no_object_without_a_key(keras_network):
    pool = keras_network.IdlePool(size=2)
    pool.put(None, "not to be used again")
    assert pool.take(None) is None


def test_only_one_taker_gets_an_object(keras_network):
    pool = keras_network.IdlePool(size=2)
    pool.put("key", "thing")
    assert pool.take("another key") is None
    assert [pool.take("key"), pool.take("key")] == ["thing", None]
    pool.put("key", "thing")
    assert pool.take("key") == "thing"


def test_only_one_of_many_threads_gets_an_object(keras_network):
    keys, n_threads = range(1000), 4
    pool = keras_network.IdlePool(size=len(keys))
    for key in keys:
        pool.put(key, key + 0.5)
    start = Barrier(n_threads)

    def take_all(_):
        start.wait()
        return [pool.take(key) for key in keys]

    with ThreadPoolExecutor(n_threads) as threads:
        taken = [thing for things in threads.map(take_all, range(n_threads)) for thing in things]
    assert sorted(thing for thing in taken if thing is not None) == [key + 0.5 for key in keys]
