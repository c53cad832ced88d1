import inspect

import numpy as np
import pytest
from conftest import SMALL, SMALL_NUMERIC

from skrnn import (
    RNNSequenceClassifier,
    RNNSequenceRegressor,
    RNNTextClassifier,
    RNNTextRegressor,
    SequenceVectorizer,
)

ESTIMATORS = [RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier, RNNSequenceRegressor]


@pytest.mark.parametrize("estimator", [*ESTIMATORS, SequenceVectorizer])
def test_every_parameter_has_constraints(estimator):
    assert set(estimator._parameter_constraints) == set(inspect.signature(estimator).parameters)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("name", sorted(SMALL_NUMERIC))
def test_refusals_name_the_parameter_and_the_value(estimator, name):
    wrong = estimator(**{name: object})
    with pytest.raises((TypeError, ValueError), match=f"Expected {name} to be .*; got <class 'object'>"):
        wrong.fit(["a", "b"], [0, 1])


@pytest.mark.parametrize(
    ("name", "value", "suggestion"),
    [("cell", "LTSM", "lstm"), ("pooling", "maxmean", "max_mean"), ("optimizer", "adma", "adam")],
)
def test_misspelt_options_get_a_suggestion(name, value, suggestion):
    with pytest.raises(ValueError, match=f"got '{value}'. Did you mean '{suggestion}'?"):
        RNNTextClassifier(**{name: value}).fit(["a", "b"], [0, 1])


@pytest.mark.parametrize("name", ["units", "epochs", "batch_size", "n_iter_no_change"])
@pytest.mark.parametrize("value", [True, 2.0, "2", np.array(2), np.array([2, 3]), 0, None])
def test_other_values_are_not_integers(name, value):
    with pytest.raises((TypeError, ValueError), match=f"Expected {name} to be .*an integer >= 1"):
        RNNTextClassifier(**{name: value}).fit(["a", "b"], [0, 1])


@pytest.mark.parametrize("name", ["learning_rate", "clipnorm", "weight_decay"])
@pytest.mark.parametrize("value", [np.inf, np.nan, -1.0, True, "0.1"])
def test_numbers_must_be_finite(name, value):
    with pytest.raises((TypeError, ValueError), match=f"Expected {name} to be a number"):
        RNNTextClassifier(**{name: value}).fit(["a", "b"], [0, 1])


def test_numpy_scalars_act_as_python_numbers(reviews):
    params = {
        "cell": np.str_("lstm"),
        "units": np.uint8(4),
        "bidirectional": np.bool_(True),
        "embedding_dim": np.int16(8),
        "max_ngrams": np.uint16(50_000),
        "char_ngram_range": np.array([3, 4]).tolist(),
        "learning_rate": np.float64(SMALL["learning_rate"]),
        "epochs": np.int8(2),
        "batch_size": np.uint8(16),
        "early_stopping": np.bool_(True),
        "n_iter_no_change": np.uint8(3),
        "warm_start": np.bool_(False),
        "random_state": np.int64(0),
        "verbose": np.bool_(False),
    }
    with_numpy = RNNTextClassifier(**{**SMALL, **params}).fit(*reviews)
    with_python = RNNTextClassifier(**{**SMALL, "epochs": 2, "early_stopping": True}).fit(*reviews)
    np.testing.assert_array_equal(with_numpy.predict_proba(reviews[0]), with_python.predict_proba(reviews[0]))
    assert with_numpy.batch_size is params["batch_size"]


@pytest.mark.parametrize("batch_size", [np.uint8(200), np.int16(200), 200])
def test_automatic_epochs_do_not_overflow(batch_size):
    X = np.random.default_rng(0).normal(size=(2000, 20))
    params = {**SMALL_NUMERIC, "epochs": "auto", "units": 1, "cell": "simple", "bidirectional": False}
    regressor = RNNSequenceRegressor(**{**params, "batch_size": batch_size}).fit(X, X[:, 0])
    assert regressor.n_iter_ == 25


def test_vectorizer_takes_numpy_scalars():
    vectorizer = SequenceVectorizer(max_length=np.int8(2), max_features=np.uint8(3), min_df=np.int32(1))
    np.testing.assert_array_equal(vectorizer.fit_transform(["a b c", "a"]).toarray(), [[2, 3], [2, 0]])
