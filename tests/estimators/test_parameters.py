"""Parameters of all estimators: constraints, error messages and NumPy scalars."""

import inspect

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, SMALL_NUMERIC
from scipy import sparse

from skrnn import (
    RNNSequenceClassifier,
    RNNSequenceRegressor,
    RNNTextClassifier,
    RNNTextRegressor,
    SequenceVectorizer,
)
from skrnn.utils._parameters import validated_params

ESTIMATORS = [RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier, RNNSequenceRegressor]


@pytest.mark.parametrize("estimator", [*ESTIMATORS, SequenceVectorizer])
def test_every_parameter_has_constraints(estimator):
    assert set(estimator._parameter_constraints) == set(inspect.signature(estimator).parameters)


class Wrong:
    """An object that no parameter accepts."""

    def __repr__(self):
        return "<wrong>"


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (estimator, name)
        for estimator in [*ESTIMATORS, SequenceVectorizer]
        for name in estimator().get_params(deep=False)
    ],
)
def test_errors_name_parameter_expectation_and_value(estimator, name):
    wrong = estimator(**{name: Wrong()})
    # Embeddings can be large, and the message names only their type.
    value = "an object of type Wrong" if name == "embeddings" else "<wrong>"
    with pytest.raises((TypeError, ValueError), match=rf"^Expected {name} to be \S.*; got {value}\.$"):
        wrong.fit(["a", "b"], [0, 1])


@pytest.mark.parametrize(
    ("estimator", "name", "value", "suggestion"),
    [
        (RNNTextClassifier, "cell", "LTSM", "lstm"),
        (RNNTextClassifier, "activation", "tahn", "tanh"),
        (RNNTextClassifier, "pooling", "maxmean", "max_mean"),
        (RNNTextClassifier, "optimizer", "addam", "adam"),
        (RNNTextClassifier, "optimizer", "adma", "adam"),
        (RNNTextClassifier, "scoring", "acuracy", "accuracy"),
        (RNNSequenceRegressor, "scoring", "neg_mean_square_error", "neg_mean_squared_error"),
        (RNNTextClassifier, "learning_rate_decay", "cosin", "cosine"),
        (RNNTextClassifier, "epochs", "atuo", "auto"),
        (RNNTextClassifier, "vectorizer", "passthrouhg", "passthrough"),
        (RNNTextClassifier, "class_weight", "balancd", "balanced"),
        (RNNTextRegressor, "loss", "absolut_error", "absolute_error"),
        (SequenceVectorizer, "analyzer", "wrod", "word"),
        (SequenceVectorizer, "truncate", "haed", "head"),
    ],
)
def test_misspelt_options_get_a_suggestion(estimator, name, value, suggestion):
    with pytest.raises(ValueError, match=rf"got '{value}'\. Did you mean '{suggestion}'\?$"):
        estimator(**{name: value}).fit(["a", "b"], [0, 1])


def test_distant_options_get_no_suggestion():
    with pytest.raises(ValueError, match=r"got 'transformer'\.$"):
        RNNTextClassifier(cell="transformer").fit(["a", "b"], [0, 1])


@pytest.mark.parametrize("name", ["units", "epochs", "batch_size", "n_iter_no_change"])
@pytest.mark.parametrize("value", [True, 2.0, "2", np.array(2), np.array([2, 3]), 0, None])
def test_other_values_are_not_integers(name, value):
    with pytest.raises((TypeError, ValueError), match=f"Expected {name} to be .*an integer >= 1"):
        RNNTextClassifier(**{name: value}).fit(["a", "b"], [0, 1])


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (estimator, name)
        for estimator in [*ESTIMATORS, SequenceVectorizer]
        for name in sorted(estimator._parameter_constraints)
    ],
)
def test_arrays_are_accepted_or_refused_in_one_sentence(estimator, name):
    collections = {"stop_words", "vocabulary"}
    words = np.array(["a", "b"]), pd.Series(["a", "b"]), pd.Index(["a", "b"])
    numbers = np.array([3, 4]), np.arange(10**5), np.array([]), pd.Series([3, 4])
    scalars = np.array(3), np.array("word"), pd.NA, pd.NaT
    tables = pd.DataFrame({"a": [1], "b": [2]}), sparse.csr_matrix(np.eye(2))
    for value in (*words, *numbers, *scalars, *tables):
        if name in collections and any(value is accepted for accepted in (*words, *numbers)):
            continue
        with pytest.raises((TypeError, ValueError), match=f"^Expected {name} to be ") as caught:
            validated_params(estimator(**{name: value}), estimator._parameter_constraints)
        assert len(str(caught.value)) < 300
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("container", [np.array, pd.Series, pd.Index, lambda words: np.array(words, dtype=object)])
def test_arrays_of_words_are_accepted(container):
    words = container(["the", "a"])
    documents = ["the cat and a dog"]
    assert "the" not in SequenceVectorizer(stop_words=words).fit(documents).vocabulary_
    assert list(SequenceVectorizer(vocabulary=words).fit(documents).vocabulary_) == ["the", "a"]


@pytest.mark.parametrize("name", ["learning_rate", "clipnorm", "weight_decay"])
@pytest.mark.parametrize("value", [np.inf, np.nan, -1.0, True, "0.1"])
def test_numbers_must_be_finite(name, value):
    with pytest.raises((TypeError, ValueError), match=f"Expected {name} to be a number"):
        RNNTextClassifier(**{name: value}).fit(["a", "b"], [0, 1])


def test_numpy_scalars_act_as_python_numbers(reviews):
    numpy_params = {
        "cell": np.str_("lstm"),
        "units": np.uint8(4),
        "bidirectional": np.bool_(True),
        "embedding_dim": np.int16(8),
        "trainable_embeddings": np.bool_(True),
        "max_ngrams": np.uint16(50_000),
        "char_ngram_range": (np.int8(3), np.uint8(4)),
        "skip_connection": np.bool_(True),
        "dropout": np.float16(0.25),
        "learning_rate": np.float32(0.02),
        "weight_decay": np.uint8(0),
        "epochs": np.int16(3),
        "batch_size": np.uint8(64),
        "early_stopping": np.bool_(True),
        "validation_fraction": np.float32(0.2),
        "n_iter_no_change": np.uint8(3),
        "tol": np.float64(0.0),
        "warm_start": np.bool_(False),
        "random_state": np.int64(0),
        "verbose": np.bool_(False),
    }
    python_params = {**numpy_params, "char_ngram_range": (3, 4)}
    python_params = {
        name: value.item() if isinstance(value, np.generic) else value for name, value in python_params.items()
    }
    with_numpy, with_python = (
        RNNTextClassifier(**{**SMALL, **params}).fit(*reviews) for params in (numpy_params, python_params)
    )
    np.testing.assert_array_equal(with_numpy.predict_proba(reviews[0]), with_python.predict_proba(reviews[0]))
    assert with_numpy.history_ == with_python.history_
    assert with_numpy.batch_size is numpy_params["batch_size"]


@pytest.mark.parametrize(
    ("batch_size", "expected"),
    [(np.uint8(64), 8), (64, 8), (np.uint8(200), 25), (np.int16(200), 25), (200, 25)],
)
def test_automatic_epochs_do_not_overflow(batch_size, expected):
    X = np.random.default_rng(0).normal(size=(2000, 100))  # long enough for the aim of 250 batches to count
    params = {**SMALL_NUMERIC, "epochs": "auto", "units": 1, "cell": "simple", "bidirectional": False}
    regressor = RNNSequenceRegressor(**{**params, "batch_size": batch_size}).fit(X, X[:, 0])
    assert regressor.n_iter_ == expected


def test_vectorizer_accepts_numpy_scalars():
    vectorizer = SequenceVectorizer(max_length=np.int8(2), max_features=np.uint8(3), min_df=np.int32(1))
    np.testing.assert_array_equal(vectorizer.fit_transform(["a b c", "a"]).toarray(), [[2, 3], [2, 0]])


@pytest.mark.parametrize("name", ["units", "embedding_dim", "batch_size", "epochs", "max_ngrams"])
def test_integers_beyond_64_bits_are_refused(name):
    with pytest.raises(ValueError, match=rf"^Expected {name} to be .*; got 10+\. The largest .* 9\.223e\+18\.$"):
        RNNTextClassifier(**{name: 10**30}).fit(["a", "b"], [0, 1])


@pytest.mark.parametrize("name", ["learning_rate", "clipnorm", "weight_decay", "tol"])
@pytest.mark.parametrize("value", [1e39, 10**400, np.float64(1e300), np.inf])
def test_numbers_beyond_float32_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"^Expected {name} to be a number .* The largest .* is 3\.403e\+38\.$"):
        RNNTextClassifier(**{name: value}).fit(["a", "b"], [0, 1])


@pytest.mark.parametrize("params", [{"units": 10**8}, {"units": (4, 10**15)}, {"embedding_dim": 10**12}])
def test_a_network_beyond_any_memory_is_refused(params):
    with pytest.raises(MemoryError, match=r"would have \de\+\d\d weights.* Lower units, or .*embedding_dim"):
        RNNTextClassifier(**params).fit(["a b", "c d"], [0, 1])


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_numbers_of_low_precision_are_accepted(reviews):
    RNNTextClassifier(learning_rate=np.float16(0.01), epochs=np.int8(1))._validated_params()
    largest = SequenceVectorizer(max_length=2**63 - 1, max_features=2**63 - 1).fit(reviews[0])
    np.testing.assert_array_equal(
        largest.encode(reviews[0]), SequenceVectorizer().fit(reviews[0]).encode(reviews[0])
    )


@pytest.mark.parametrize("name", ["units", "epochs", "tol", "learning_rate"])
def test_durations_are_no_numbers(name):
    with pytest.raises(ValueError, match=f"Expected {name} to be"):
        RNNTextClassifier(**{name: np.timedelta64(1, "D")}).fit(["a", "b"], [0, 1])
