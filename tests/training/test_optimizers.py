"""Updates of single rows: Adam's where the tokens are in the batch, none elsewhere."""

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="made for TensorFlow's gradients")


@pytest.fixture(params=["adam", "adamw"])
def optimizers(request):
    """That of the name, and Keras' own, with the same settings."""
    from skrnn.training._optimizers import RowwiseAdam, RowwiseAdamW

    ours, keras_own = {
        "adam": (RowwiseAdam, keras.optimizers.Adam),
        "adamw": (RowwiseAdamW, keras.optimizers.AdamW),
    }[request.param]
    return [cls(learning_rate=0.1, clipnorm=0.5, epsilon=1e-4) for cls in (ours, keras_own)]


def trained(optimizer, batches, gradients="rows"):
    """Embedding, kernel and bias after a step for each batch of ids."""
    initializer = keras.initializers.RandomUniform(seed=1)
    if gradients == "rows":
        embedding = [keras.layers.Embedding(7, 3, embeddings_initializer=initializer)]
    else:  # the same as a matrix product
        one_hot = keras.layers.Embedding(7, 7, embeddings_initializer="identity", trainable=False)
        embedding = [one_hot, keras.layers.Dense(3, use_bias=False, kernel_initializer=initializer)]
    model = keras.Sequential(
        [
            keras.Input(shape=(None,), dtype="int32"),
            *embedding,
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=2)),
        ]
    )
    model.compile(optimizer=optimizer, loss="mean_squared_error", jit_compile=False)
    before = [weight.numpy() for weight in model.trainable_weights]
    for ids in batches:
        model.train_on_batch(np.array(ids, dtype=np.int32), np.ones((len(ids), 1), dtype=np.float32))
    return before, [weight.numpy() for weight in model.trainable_weights]


def test_where_every_token_is_in_every_batch_it_is_adam(optimizers):
    batches = [[[0, 1, 2, 3], [4, 5, 6, 6]], [[6, 5, 4, 4], [3, 2, 1, 0]], [[0, 2, 4, 6], [1, 3, 5, 0]]]
    ours, keras_own = optimizers
    dense = trained(keras_own, batches, gradients="matrix")[1]
    for weight, expected in zip(trained(ours, batches)[1], dense, strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-5)


def test_a_row_moves_only_when_its_token_comes(optimizers):
    if optimizers[0].weight_decay:
        optimizers[0].exclude_from_weight_decay(var_names=["embeddings"])
    before, after = trained(optimizers[0], [[[0, 1]], [[2, 2]], [[2, 2]]])
    _, after_one = trained(type(optimizers[0]).from_config(optimizers[0].get_config()), [[[0, 1]]])
    assert np.all(after_one[0][:2] != before[0][:2])
    if not optimizers[0].weight_decay:
        np.testing.assert_array_equal(after[0][:2], after_one[0][:2])
    assert np.all(after[0][2] != before[0][2])
    np.testing.assert_array_equal(after[0][3:], before[0][3:])


def test_moments_of_a_row_go_on_where_they_stood(optimizers):
    """Steps in which a token does not come leave its row's momentum as it was."""
    ours = optimizers[0]
    trained(ours, [[[0, 1]], [[2, 3]], [[2, 3]]])
    momentum = next(variable for variable in ours.variables if "embeddings_momentum" in variable.path).numpy()
    once = type(ours).from_config(ours.get_config())
    trained(once, [[[0, 1]]])
    expected = next(variable for variable in once.variables if "embeddings_momentum" in variable.path).numpy()
    np.testing.assert_array_equal(momentum[:2], expected[:2])
    assert np.all(momentum[2:4] != 0)
    assert np.all(momentum[4:] == 0)
