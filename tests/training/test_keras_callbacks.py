"""Keras' callbacks of the user and of the package."""

import functools
from typing import ClassVar

import numpy as np
import pytest
from conftest import QUICK, SMALL
from sklearn.model_selection import GridSearchCV

from skrnn import RNNTextClassifier


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def quick(**params):
    return RNNTextClassifier(**{**QUICK, **params})


@pytest.fixture
def counting():
    """A class of Keras callbacks that count epochs."""
    import keras

    class Counting(keras.callbacks.Callback):
        made: ClassVar[list] = []

        def __init__(self):
            super().__init__()
            self.n_epochs = 0
            self.made.append(self)

        def __deepcopy__(self, memo):
            return type(self)()

        def on_epoch_end(self, epoch, logs=None):
            self.n_epochs += 1

    return Counting


def test_callbacks_can_be_instances_classes_or_factories(counting, reviews):
    instance = counting()
    for callbacks in ([instance], [counting], (functools.partial(counting),)):
        classifier = quick(callbacks=callbacks, epochs=2).fit(*reviews)
        classifier.fit(*reviews)
        assert [callback.n_epochs for callback in counting.made if callback is not instance] == [2, 2]
        del counting.made[1:]
    assert instance.n_epochs == 0
    with pytest.raises(TypeError, match=r"to make a Keras callback; it made \[\]"):
        quick(callbacks=[list]).fit(*reviews)


def test_fits_of_a_search_get_fresh_callbacks(reviews):
    import keras

    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=0, min_delta=10.0)
    search = GridSearchCV(quick(callbacks=[stop]), {"units": [4]}, cv=2, error_score="raise").fit(*reviews)
    assert search.best_estimator_.n_iter_ == 2
    assert stop.best_weights is None
    assert stop.wait == 0


def test_early_stopping_callback_sets_the_best_epoch(reviews):
    import keras

    rising = keras.callbacks.EarlyStopping(monitor="loss", mode="max", patience=2, restore_best_weights=True)
    classifier = quick(callbacks=[rising]).fit(*reviews)
    assert (classifier.best_epoch_, classifier.n_iter_) == (1, 3)
    first = quick(epochs=1).fit(*reviews)
    np.testing.assert_array_equal(classifier.predict_proba(reviews[0]), first.predict_proba(reviews[0]))


def test_learning_rate_follows_a_cosine_in_each_fit(reviews):
    import keras

    rates = []

    def record():
        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda _epoch, _logs: rates.append(float(recorder.model.optimizer.learning_rate))
        )

    def recording():
        nonlocal recorder
        recorder = record()
        return recorder

    recorder = None
    params = {"learning_rate": 0.01, "learning_rate_decay": "cosine", "epochs": 4, "warm_start": True}
    classifier = small(callbacks=[recording], **params).fit(*reviews).fit(*reviews)
    expected = 0.01 * (1 + np.cos(np.pi * np.array([0.125, 0.375, 0.625, 0.875]))) / 2
    np.testing.assert_allclose(rates, [*expected, *expected], rtol=1e-5)
    rates.clear()
    classifier.set_params(learning_rate_decay=None).fit(*reviews)
    np.testing.assert_allclose(rates, [0.01] * 4, rtol=1e-5)
