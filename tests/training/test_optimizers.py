"""Optimizers of the package, and errors for those of the user."""

import re

import numpy as np
import pytest
from conftest import SMALL

from skrnn import RNNTextClassifier


@pytest.fixture(params=["adam", "adamw"])
def optimizers(request):
    """The optimizers of the package and of Keras, with the same settings."""
    import keras

    from skrnn.training._optimizers import _optimizer_class

    classes = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
    both = _optimizer_class(request.param), classes[request.param]
    return [cls(learning_rate=0.1, clipnorm=0.5, epsilon=1e-4) for cls in both]


def trained(optimizer, batches, gradients="rows"):
    """Return embedding, kernel and bias, before training and after one step for each batch."""
    import keras

    initializer = keras.initializers.RandomUniform(seed=1)
    if gradients == "rows":
        embedding = [keras.layers.Embedding(7, 3, embeddings_initializer=initializer)]
    else:  # the same embedding as a matrix product
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


def again(optimizer):
    return type(optimizer).from_config(optimizer.get_config())


def test_training_equals_adam_if_batches_have_every_token(optimizers):
    batches = [[[0, 1, 2, 3], [4, 5, 6, 6]], [[6, 5, 4, 4], [3, 2, 1, 0]], [[0, 2, 4, 6], [1, 3, 5, 0]]]
    ours, keras_own = optimizers
    dense = trained(keras_own, batches, gradients="matrix")[1]
    for weight, expected in zip(trained(ours, batches)[1], dense, strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-5)


def test_rows_change_only_with_their_token(optimizers):
    ours = optimizers[0]
    if ours.weight_decay:
        ours.exclude_from_weight_decay(var_names=["embeddings"])
    before, after = trained(ours, [[[0, 1]], [[2, 2]], [[2, 2]]])
    _, after_one = trained(again(ours), [[[0, 1]]])
    assert np.all(after_one[0][:2] != before[0][:2])
    if not ours.weight_decay:
        np.testing.assert_array_equal(after[0][:2], after_one[0][:2])
    assert np.all(after[0][2] != before[0][2])
    np.testing.assert_array_equal(after[0][3:], before[0][3:])


def test_momentum_changes_only_with_its_token(optimizers):
    def momentum(optimizer):
        return next(variable for variable in optimizer.variables if "embeddings_momentum" in variable.path).numpy()

    ours, once = optimizers[0], again(optimizers[0])
    trained(ours, [[[0, 1]], [[2, 3]], [[2, 3]]])
    trained(once, [[[0, 1]]])
    np.testing.assert_array_equal(momentum(ours)[:2], momentum(once)[:2])
    assert np.all(momentum(ours)[2:4] != 0)
    assert np.all(momentum(ours)[4:] == 0)


def fit(reviews, **params):
    return RNNTextClassifier(**{**SMALL, "epochs": 1, **params}).fit(*reviews)


def test_optimizers_that_cannot_be_made_are_refused(reviews):
    import keras

    class Unfinished(keras.optimizers.Optimizer):
        pass

    class WithoutParameters(keras.optimizers.SGD):
        def __init__(self):
            super().__init__()

    for cls in (int, keras.optimizers.Optimizer, Unfinished):
        message = f"Expected optimizer to be a subclass of .* that defines update_step; got {re.escape(repr(cls))}"
        with pytest.raises(TypeError, match=message):
            fit(reviews, optimizer=cls)
    with pytest.raises(
        TypeError, match=r"Expected optimizer to be a class that takes learning_rate.* raised TypeErr"
    ):
        fit(reviews, optimizer=WithoutParameters)


@pytest.mark.parametrize("value", [None, "high", -0.1, np.nan, np.inf, np.ones(2)], ids=str)
def test_schedules_that_return_no_learning_rate_are_refused(reviews, value):
    import keras

    class Schedule(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return value

    message = f"Expected the schedule learning_rate=.* to return numbers >= 0; got {re.escape(repr(value))}"
    with pytest.raises(ValueError, match=message):
        fit(reviews, learning_rate=Schedule())


def test_functions_are_no_learning_rate(reviews):
    with pytest.raises(
        TypeError, match=r"Expected learning_rate to be a number or a .*LearningRateSchedule; got "
    ):
        fit(reviews, learning_rate=lambda _epoch: 0.01)


def test_advice_names_a_weight_decay_that_makes_weights_infinite(reviews):
    with pytest.raises(
        ValueError, match=r"Lower learning_rate \(now 0.02\) or weight_decay \(now 1e\+30\), set clipnorm "
    ):
        fit(reviews, weight_decay=1e30, clipnorm=None)
