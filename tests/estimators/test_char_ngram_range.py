"""Text estimators whose tokens share character n-grams (parameter ``char_ngram_range``)."""

import copy

import numpy as np
import pytest
import skops.io
from conftest import SMALL
from sklearn.base import clone
from sklearn.metrics import log_loss

from skrnn import RNNTextClassifier, RNNTextRegressor, SequenceVectorizer


def word_forms(n_forms, rng):
    """Return different forms of four stems. Each class has two stems."""
    stems, endings = ["grumbl", "whimper", "rejoic", "celebrat"], [f"{a}{b}" for a in "aeiou" for b in "mnrstx"]
    forms = [(stem + ending, i // 2) for i, stem in enumerate(stems) for ending in endings[:n_forms]]
    return [forms[i] for i in rng.permutation(len(forms))]


def test_unseen_word_forms_are_classified():
    forms = word_forms(20, np.random.default_rng(0))
    documents, labels = [form for form, _ in forms], np.array([label for _, label in forms])
    vectorizer = SequenceVectorizer(vocabulary=documents)  # training uses half of it
    params = {**SMALL, "max_ngrams": 0, "token_dropout": 0, "epochs": 12}
    scores = [
        RNNTextClassifier(vectorizer, **params, char_ngram_range=char_ngram_range)
        .fit(documents[1::2], labels[1::2])
        .score(documents[::2], labels[::2])
        for char_ngram_range in ((3, 4), None)
    ]
    assert scores[0] > 0.95
    assert scores[1] < 0.75


@pytest.fixture(scope="module")
def resumable():
    forms = word_forms(12, np.random.default_rng(1))
    documents, labels = [form for form, _ in forms], [label for _, label in forms]
    params = {**SMALL, "epochs": 2, "warm_start": True, "max_ngrams": 0}
    return RNNTextClassifier(**params).fit(documents, labels), documents, labels


def test_resumed_training_equals_one_long_training(resumable):
    fitted, documents, labels = resumable
    file = skops.io.dumps(fitted)
    restored = skops.io.loads(file, trusted=skops.io.get_untrusted_types(data=file))
    expected = clone(fitted).set_params(epochs=4).fit(documents, labels).predict_proba(documents)
    for half in (copy.deepcopy(fitted), restored):
        np.testing.assert_array_equal(half.fit(documents, labels).predict_proba(documents), expected)


def test_resuming_with_another_range_is_refused(resumable):
    fitted, documents, labels = resumable
    with pytest.raises(ValueError, match="char_ngram_range would change it"):
        copy.deepcopy(fitted).set_params(char_ngram_range=None).fit(documents, labels)


def test_best_epoch_has_the_recorded_score():
    forms = word_forms(16, np.random.default_rng(2))
    documents, labels = [form for form, _ in forms], np.array([label for _, label in forms])
    params = {**SMALL, "max_ngrams": 0, "early_stopping": True, "n_iter_no_change": 2, "epochs": 8}
    params["linear_model"] = False  # the scores are for the network alone
    vectorizer = SequenceVectorizer(vocabulary=documents)
    fitted = RNNTextClassifier(vectorizer, **params, scoring="neg_log_loss").fit(
        documents[::2], labels[::2], X_val=documents[1::4], y_val=labels[1::4]
    )
    loss = log_loss(labels[1::4], fitted.predict_proba(documents[1::4]))
    assert -loss == pytest.approx(fitted.validation_scores_[fitted.best_epoch_ - 1])


@pytest.mark.parametrize("estimator", [RNNTextClassifier, RNNTextRegressor])
def test_fitted_network_does_not_grow(estimator, reviews):
    documents, y = reviews[0], np.arange(len(reviews[0])) % 2
    with_ngrams, without = (
        estimator(**{**SMALL, "epochs": 1}, char_ngram_range=char_ngram_range).fit(documents, y)
        for char_ngram_range in ((3, 4), None)
    )
    shapes = [
        {name: weight.shape for name, weight in fitted._fitted.network.without_linear_model().weights.items()}
        for fitted in (with_ngrams, without)
    ]
    assert shapes[0] == shapes[1]
    assert with_ngrams._fitted.network.checkpoint is None
    embeddings = [fitted._fitted.network.weights["embedding"] for fitted in (with_ngrams, without)]
    assert not np.array_equal(*embeddings)


def test_fit_without_warm_start_can_be_resumed(reviews):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 2}).fit(*reviews)
    before = classifier.score(*reviews)
    classifier.set_params(warm_start=True).fit(*reviews)
    assert classifier.n_iter_ == 4
    assert classifier.history_["loss"][2] < classifier.history_["loss"][0]
    assert classifier.score(*reviews) >= before


@pytest.mark.parametrize(
    "params",
    [
        {"trainable_embeddings": False, "linear_model": False},
        {"vectorizer": SequenceVectorizer(analyzer="char")},
        {"char_ngram_range": (30, 40), "linear_model": False},
    ],
)
def test_char_ngram_range_is_ignored_if_it_does_not_apply(params, reviews):
    fits = [
        RNNTextClassifier(**{**SMALL, "epochs": 1, **params, **more}).fit(*reviews)
        for more in ({}, {"char_ngram_range": None})
    ]
    np.testing.assert_array_equal(*(fit.predict_proba(reviews[0]) for fit in fits))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (3, TypeError, "two integers"),
        ((3,), TypeError, "two integers"),
        ((3, 4.5), TypeError, "two integers"),
        ((True, 4), TypeError, "two integers"),
        ((0, 4), ValueError, "1 <= min_n"),
        ((5, 4), ValueError, "min_n <= max_n"),
    ],
)
def test_invalid_ranges_are_refused(value, error, message, reviews):
    with pytest.raises(error, match=message):
        RNNTextClassifier(char_ngram_range=value).fit(*reviews)
