"""The linear model beside the network."""

import pickle
from functools import cache

import numpy as np
import pytest
from conftest import SMALL, to_csr
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import Parallel, delayed
from scipy import sparse
from scipy.special import expit, logit, softmax

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.estimators import _linear_model
from skrnn.estimators._linear_model import _Columns
from skrnn.network._numpy import NumpyNetwork
from skrnn.network._spec import NetworkSpec
from skrnn.network._weights import LINEAR, initial_weights
from skrnn.sequences._ngrams import frequent_ngrams, ngram_table
from skrnn.text._char_ngrams import shared_ngrams, spellings

WORDS = ["apple", "apples", "pear", "pears", "engine", "engines", "motor", "motors"]
N_TOKENS = len(WORDS) + 2


def documents(n=60, seed=0):
    """Return documents about fruit or machines, and their classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return [" ".join(rng.choice(WORDS[4 * label : 4 * label + 4], size=rng.integers(1, 6))) for label in y], y


def classifier(**params):
    return RNNTextClassifier(**{**SMALL, "epochs": 1, "random_state": 0, **params})


def linear_logits(fitted, X):
    """Return the logits of the linear model of a fitted classifier."""
    network = fitted._fitted.network.without_linear_model()
    recurrent = network.predict(fitted._fitted.input.transform(X), logits=True)
    return 2 * fitted.decision_function(X).reshape(recurrent.shape) - recurrent


def network_with(sequences, output_activation, n_outputs, n_most=40):
    """Return a specification and weights with n-grams of the sequences."""
    keys = frequent_ngrams(sequences, n_most)
    spec = NetworkSpec(N_TOKENS, 3, "lstm", (2,), False, "tanh", "max", n_outputs, output_activation, 0, 0, 0)
    spec = NetworkSpec(**{**vars(spec), "n_ngrams": len(keys) + 1})
    weights = initial_weights(spec, np.random.default_rng(0))
    weights["ngram_keys"], weights["ngram_slots"] = ngram_table(keys, spec.n_ngrams)
    return spec, weights


def random_sequences(n, first, seed):
    rng = np.random.default_rng(seed)
    return to_csr([rng.integers(first, N_TOKENS, size=rng.integers(0, 9)).tolist() for _ in range(n)])


def test_weights_of_ids_add_up_to_the_scores_of_the_columns():
    # 8 tokens count as letters, so that there are n-grams of up to five tokens.
    sequences, new = random_sequences(2000, 2, seed=0), random_sequences(200, 1, seed=1)
    spec, weights = network_with(sequences, "linear", 3, n_most=2000)
    assert (weights["ngram_keys"][:, 0] < 0).sum() > 100
    indices = {ngram: i for i, ngram in enumerate(shared_ngrams(WORDS, (2, 5), 1000))}
    unknown = spellings(["applepie", "xyz"], indices, (2, 5))  # new documents contain them
    of_ids = sparse.vstack([spellings(["", "", *WORDS], indices, (2, 5)), unknown], format="csr")
    columns = _Columns.of(sequences, N_TOKENS, weights, of_ids)
    new.data[new.data == 1] = N_TOKENS + np.arange(np.sum(new.data == 1)) % 3  # the third one is not spelled
    new.data[new.data == N_TOKENS + 2] = 1
    coef = np.random.default_rng(0).normal(size=(columns.transform(sequences).shape[1], 3))
    linear = {**columns.weights(coef), f"{LINEAR}bias": np.zeros(3)}
    spec = NetworkSpec(**{**vars(spec), "n_linear_tokens": N_TOKENS, "n_linear_char_ngrams": len(indices)})
    weights = {name: np.zeros_like(weight) if "ngram_" not in name else weight for name, weight in weights.items()}
    weights |= {name: weight.astype(np.float32) for name, weight in linear.items()}
    sums = 2 * NumpyNetwork(spec, weights).predict(new, unknown)
    np.testing.assert_allclose(sums, columns.transform(new) @ coef, rtol=1e-4, atol=1e-4)


def test_linear_model_alone_predicts_well():
    X, y = documents()
    fitted = classifier().fit(X, y)
    new, truth = documents(seed=1)
    assert np.mean((linear_logits(fitted, new)[:, 0] > 0) == truth) == 1


def test_words_with_similar_spelling_share_weights():
    X, y = documents()
    X = [document.replace("pears", "pear") for document in X] + ["pears motor apple"]  # "pears" has no class
    logits = [
        linear_logits(classifier(char_ngram_range=range_).fit(X, [*y, 1]), ["pears"])[0, 0]
        for range_ in [(3, 4), None]
    ]
    assert logits[0] < logits[1]  # the spelling speaks for fruit, class 0


def test_unknown_words_have_the_weights_of_their_spelling():
    X, y = documents()
    fitted = classifier().fit(X, y)
    fruit, machine, other = linear_logits(fitted, ["pearlike", "motorway", "xyz"])[:, 0]
    assert fruit < other < machine
    without = classifier(char_ngram_range=None).fit(X, y)
    assert np.ptp(linear_logits(without, ["pearlike", "motorway", "xyz"])) < 1e-6


def test_the_marks_of_words_are_no_spelling_of_unknown_tokens():
    X, y = documents()
    fitted = classifier().fit(
        [f"< {document} >" if label else document for document, label in zip(X, y, strict=True)], y
    )
    assert not fitted._fitted.network.weights[f"{LINEAR}tokens"][:2].any()


@settings(max_examples=25)
@given(st.lists(st.text("aeplrs motn", max_size=30), min_size=1, max_size=6))
def test_unknown_words_do_not_depend_on_batch_mates(texts):
    together = _fitted_once().predict_proba(texts)
    alone = [_fitted_once().predict_proba([text])[0] for text in texts]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


@cache
def _fitted_once():
    return classifier().fit(*documents())


def test_words_beyond_the_vocabulary_teach_their_spelling():
    X, y = documents()
    vectorizer = SequenceVectorizer(vocabulary=["apple", "apples", "pear", "pears", "mo", "mot", "moto"])
    fitted = classifier(vectorizer=vectorizer).fit(X, y)  # "motor" is never in the vocabulary
    assert linear_logits(fitted, ["motorway"])[0, 0] > linear_logits(fitted, ["way"])[0, 0]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logits_are_calibrated(n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(n_classes, size=3000)
    shown = np.where(rng.random(len(y)) < 0.5, rng.integers(n_classes, size=len(y)), y)  # half are right by chance
    X = [f"{WORDS[label]} {WORDS[rng.integers(4, 8)]}" for label in shown]
    fitted = classifier(batch_size=500, char_ngram_range=None).fit(X[:2000], y[:2000])
    logits = linear_logits(fitted, X[2000:])
    logits = np.hstack([np.zeros_like(logits), logits]) if n_classes == 2 else logits
    probabilities = softmax(logits, axis=1)
    confidence = probabilities.max(axis=1).mean()
    assert confidence == pytest.approx(np.mean(probabilities.argmax(axis=1) == y[2000:]), abs=0.05)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_scores_of_few_documents_count(n_classes):
    X = [f"word{i} text" for i in range(12)]  # held-out documents show nothing about their class
    fitted = classifier().fit(X, np.arange(12) % n_classes)
    logits = linear_logits(fitted, X)
    logits = np.hstack([np.zeros_like(logits), logits]) if n_classes == 2 else logits
    assert np.all(logits.argmax(axis=1) == np.arange(12) % n_classes)
    assert np.ptp(logits, axis=1).min() > 0.1


def test_rare_tokens_are_unknown_to_the_network_only():
    X, y = documents()
    X = ["rareword", *X, "apple motor"]
    y = [0, *y, 1]
    pairs = ["apple rareword", "apple neverseen"]
    without = classifier(linear_model=False).fit(X, y).predict_proba(pairs)
    assert np.array_equal(without[0], without[1])
    with_linear_model = classifier().fit(X, y).predict_proba(pairs)
    assert np.ptp(with_linear_model, axis=0).max() > 1e-7
    all_tokens = classifier(linear_model=False, min_count=1).fit(X, y)
    assert np.ptp(all_tokens.predict_proba(pairs), axis=0).max() > 1e-6
    assert all_tokens.n_parameters_ > classifier(linear_model=False).fit(X, y).n_parameters_


@pytest.mark.parametrize("linear_model", [True, False])
def test_keras_model_of_a_network_with_rare_tokens_agrees(linear_model):
    X, y = documents()
    X[0] += " rareword otherword"
    # The Keras model reads no spelling.
    fitted = classifier(linear_model=linear_model, char_ngram_range=None).fit(X, y)
    ids = fitted.vectorizer_.encode([*X, "", "neverseen"])
    outputs = fitted.model_.predict(ids, verbose=0)[:, 0]
    np.testing.assert_allclose(outputs, fitted.predict_proba([*X, "", "neverseen"])[:, 1], rtol=0, atol=1e-5)


def test_tokens_that_do_not_occur_in_training_have_no_weight():
    X, y = documents()
    vectorizer = SequenceVectorizer(vocabulary=[*WORDS, "zebra", "lion"])
    fitted = pickle.loads(pickle.dumps(classifier(vectorizer=vectorizer, char_ngram_range=None).fit(X, y)))
    expected = linear_logits(fitted, ["apple neverseen"])
    np.testing.assert_allclose(linear_logits(fitted, ["apple lion"]), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("min_count", [2, 10])
def test_keras_agrees_if_rare_tokens_are_neighbours(min_count):
    X, y = documents()
    X = [*X, *["seldom read"] * 5]
    fitted = classifier(min_count=min_count).fit(X, [*y, 1, 0, 1, 0, 1])
    outputs = fitted.model_.predict(fitted.vectorizer_.encode(X), verbose=0)[:, 0]
    np.testing.assert_allclose(outputs, fitted.predict_proba(X)[:, 1], rtol=0, atol=1e-5)


def test_fits_in_threads_are_reproducible():
    X, y = documents(200)
    fits = [delayed(classifier().fit)(X, y) for _ in range(4)]
    predictions = [fitted.predict_proba(X) for fitted in Parallel(2, backend="threading")(fits)]
    assert all(np.array_equal(predictions[0], other) for other in predictions[1:])


def test_classes_without_weight_are_left_out():
    X, y = documents()
    weights = np.where(np.arange(60) % 3 == 2, 1e-200, 1.0)
    logits = linear_logits(classifier().fit(X, np.where(weights < 1, 2, y), weights), X)
    assert np.all(logits[:, 2] < logits[:, :2].max(axis=1))
    assert np.mean(logits[:, 1] > logits[:, 0]) == 0.5


@pytest.mark.filterwarnings("error")
def test_many_small_classes_cause_no_warning():
    y = [label for label in range(30) for _ in range(2 + label % 2)]
    classifier().fit([f"word{label} t{label % 5}" for label in y], y)


def test_labels_without_weight_are_left_out():
    X, y = documents()
    labels = np.column_stack([y, 1 - y, y])
    weights = [{0: 0, 1: 0}, {0: 1, 1: 1}, {0: 0, 1: 1}]
    probabilities = classifier(class_weight=weights).fit(X, labels).predict_proba(X)
    assert np.all(np.isfinite(probabilities))


def test_partial_fit_trains_no_linear_model():
    X, y = documents()
    fitted = classifier().partial_fit(X, y, classes=[0, 1])
    assert not fitted._fitted.network.linear_weights


def test_partial_fit_keeps_the_linear_model():
    X, y = documents()
    fitted = classifier().fit(X, y)
    before = linear_logits(fitted, X)
    recurrent = fitted.decision_function(X)
    fitted.partial_fit(X, y)
    np.testing.assert_allclose(linear_logits(fitted, X), before, rtol=0, atol=1e-5)
    assert not np.allclose(fitted.decision_function(X), recurrent)


def test_warm_start_fits_a_new_linear_model():
    X, y = documents()
    fitted = classifier(warm_start=True).fit(X, y)
    before = linear_logits(fitted, X)
    fitted.fit(X, 1 - y)
    assert np.all(linear_logits(fitted, X) * before < 0)
    fitted.set_params(linear_model=False).fit(X, y)
    assert not fitted._fitted.network.linear_weights
    assert not fitted._fitted.input.spelling
    fitted.set_params(linear_model=True).fit(X, y)
    assert linear_logits(fitted, ["pearlike"])[0, 0] < linear_logits(fitted, ["motorway"])[0, 0]


def test_weights_of_samples_count():
    X, y = documents()
    weights = np.where(np.arange(len(y)) < 30, 1.0, 1e-3)
    y_wrong = np.where(np.arange(len(y)) < 30, y, 1 - y)
    fitted = classifier().fit(X, y_wrong, sample_weight=weights)
    assert np.mean((linear_logits(fitted, X)[:, 0] > 0) == y) == 1


def test_absent_and_constant_classes():
    X, y = documents()
    three = classifier().fit([*X, "unusual document"], [*y, 2])  # a class with a single sample
    assert three.predict_proba(X).shape == (60, 3)
    labels = np.column_stack([y, np.zeros(60, int), np.ones(60, int)])
    probabilities = classifier().fit(X, labels).predict_proba(X)
    logits = linear_logits(classifier().fit(X, labels), X)
    assert np.all(np.isfinite(probabilities))
    assert logits[:, 1].max() < logit(0.02)
    assert logits[:, 2].min() > logit(0.98)


def test_probabilities_of_rare_labels_have_the_right_sum():
    X, _ = documents(400)
    rng = np.random.default_rng(0)
    rare = np.array(["pear" in document.split() for document in X]) & (rng.random(400) < 0.1)
    labels = np.column_stack([rare, np.arange(400) % 2])
    expected = expit(linear_logits(classifier().fit(X, labels), X)).sum(axis=0)
    np.testing.assert_allclose(expected, labels.sum(axis=0), rtol=0.25)


def test_too_large_linear_models_are_left_out(monkeypatch):
    monkeypatch.setattr(_linear_model, "_MOST_WEIGHTS", 5)
    X, y = documents()
    fitted = pickle.loads(pickle.dumps(classifier().fit(X, y)))
    assert not fitted._fitted.network.linear_weights
    assert not fitted._fitted.input.spelling
    assert fitted.predict_proba(X).shape == (60, 2)
