"""Keras' callbacks of the user and of the package."""

import functools
from typing import ClassVar

import numpy as np
import pytest
from conftest import QUICK, SMALL
from sklearn.model_selection import GridSearchCV, cross_val_score

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
        counts: ClassVar[list] = []

        def __init__(self):
            super().__init__()
            self.n_epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.n_epochs += 1

        def on_train_end(self, logs=None):
            self.counts.append(self.n_epochs)

    return Counting


def test_callbacks_can_be_instances_classes_or_factories(counting, reviews):
    instance = counting()
    for callbacks in ([instance], [counting], (functools.partial(counting),)):
        quick(callbacks=callbacks, epochs=2).fit(*reviews).fit(*reviews)
        assert counting.counts == [2, 2]
        counting.counts.clear()
    assert instance.n_epochs == 0
    with pytest.raises(TypeError, match=r"to make a Keras callback; it made \[\]"):
        quick(callbacks=[list]).fit(*reviews)


class PrunedError(Exception):
    """A callback raises it to stop a fit, as Optuna's does."""


@pytest.fixture
def pruning():
    """A class of callbacks that report to a list outside, and stop the fit after two reports."""
    import keras

    class Pruning(keras.callbacks.Callback):
        def __init__(self, reports):
            super().__init__()
            self.reports = reports

        def on_epoch_end(self, epoch, logs=None):
            self.reports.append(logs["loss"])
            if len(self.reports) == 2:
                raise PrunedError

    return Pruning


def test_callbacks_report_to_objects_outside_and_end_a_fit(pruning, reviews):
    reports = []
    callback = pruning(reports)
    classifier = quick(callbacks=[callback])
    before = dict(vars(classifier))
    with pytest.raises(PrunedError):
        classifier.fit(*reviews)
    assert len(reports) == 2
    assert vars(classifier) == before
    assert callback.model is None
    assert len(classifier.fit(*reviews).history_["loss"]) == 6


def test_callbacks_made_by_a_function_report_from_cross_validation(pruning, reviews):
    reports = []
    with pytest.raises(PrunedError):
        cross_val_score(quick(callbacks=[lambda: pruning(reports)]), *reviews, cv=2, error_score="raise")
    assert len(reports) == 2


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


def rates_of(reviews, **params):
    """Return the learning rate of each epoch, which the last callback records."""
    import keras

    rates = []

    class Recording(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 0:
                rates.append(float(self.model.optimizer.learning_rate.numpy()))

    callbacks = [*params.pop("callbacks", []), Recording]
    quick(learning_rate=0.01, learning_rate_decay="cosine", callbacks=callbacks, epochs=4, **params).fit(*reviews)
    return rates


def test_callbacks_that_set_the_learning_rate_replace_its_decay(reviews):
    from keras.callbacks import Callback, LambdaCallback, LearningRateScheduler, ReduceLROnPlateau

    class Constant(Callback):
        def on_train_begin(self, logs=None):
            self.model.optimizer.learning_rate = 0.001

    class Halving(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.008 / 2**epoch

    plateau = functools.partial(ReduceLROnPlateau, "loss", min_delta=10.0, factor=0.5, patience=1)
    cosine = rates_of(reviews)
    assert np.all(np.diff(cosine) < 0)
    np.testing.assert_allclose(rates_of(reviews, callbacks=[LambdaCallback()]), cosine)
    for callback, expected in (
        (LearningRateScheduler(lambda _epoch, rate: rate * 0.5), [0.005, 0.0025, 0.00125, 0.000625]),
        (plateau, [0.01, 0.01, 0.005, 0.0025]),
        (Constant, [0.001] * 4),
        (Halving(), [cosine[0], 0.008, 0.004, 0.002]),
    ):
        np.testing.assert_allclose(rates_of(reviews, callbacks=[callback]), expected, rtol=1e-5)
