import gc

import numpy as np
import pytest
from conftest import small_spec

from skrnn.sequences._batches import dense_batch
from skrnn.sequences._storage import RaggedArray

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
def test_padded_and_masked_layers_agree(name, options, dtype, in_a_graph):
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
        reverse = tf.reverse_sequence(vectors, lengths, seq_axis=1)
        states.append(tf.reverse_sequence(layers[1](reverse, mask=mask, training=True), lengths, seq_axis=1))
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
    # Half precision has about two decimals.
    tolerance = 0.05 if "mixed_bfloat16" in (dtype, options.get("dtype")) else 1e-5
    for result, expected in zip(run(by_padded), run(by_the_layers), strict=True):
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("n_sequences", [1, 2])
@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
def test_one_unit_learns_from_scalars(name, n_sequences):
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


def test_padded_layers_apply_dropout():
    import keras

    from skrnn.layers import PaddedRNN

    padded = PaddedRNN(keras.layers.LSTM(4, return_sequences=True, recurrent_dropout=0.5, seed=0))
    vectors = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    first, second = (np.asarray(padded(vectors, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 0.01


@pytest.mark.parametrize("wrong", [{}, {"go_backwards": True}, {"return_state": True}, {"stateful": True}])
def test_unsuitable_layers_are_refused(wrong):
    import keras

    from skrnn.layers import PaddedRNN

    right = keras.layers.LSTM(2, return_sequences=True)
    other = keras.layers.LSTM(2, return_sequences=bool(wrong), **wrong)
    with pytest.raises(ValueError, match="return_sequences=True and without"):
        PaddedRNN(right, other)


def test_padded_rnn_can_be_saved_and_loaded(tmp_path):
    import keras

    from skrnn.layers import NaNMasking, PaddedRNN

    first, second, third = (keras.layers.GRU(units, return_sequences=True) for units in (4, 2, 5))
    recurrent = [PaddedRNN(first, second), PaddedRNN(third, return_sequences=False)]
    model = keras.Sequential([keras.Input((None, 3)), NaNMasking(), *recurrent])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    rng = np.random.default_rng(0)
    sequences = RaggedArray.of([rng.normal(size=(length, 3)) for length in (3, 1, 5, 0)])
    batch = dense_batch(sequences, np.arange(4))
    assert loaded.output_shape == model.output_shape == (None, 5)
    np.testing.assert_array_equal(loaded(batch), model(batch))


def trained_network():
    from skrnn.network._keras import build_training_network

    model = build_training_network(small_spec())
    model.compile("adam", "categorical_crossentropy")
    batch = np.arange(1, 7, dtype=np.int32).reshape(2, 3)
    model.train_on_batch(batch, np.eye(2, 3))
    return model, batch


def test_training_frees_its_graphs():
    from tensorflow.python.framework.func_graph import FuncGraph

    def n_graphs_after_training():
        trained_network()
        gc.collect()
        return sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())

    first, second = (n_graphs_after_training() for _ in range(2))
    assert second == first


def test_trained_networks_can_be_exported(tmp_path):
    import tensorflow as tf

    model, batch = trained_network()
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.serve(batch), model.predict(batch, verbose=0), rtol=0, atol=1e-6)
