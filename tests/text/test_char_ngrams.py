import copy

import numpy as np
import pytest
import skops.io
from conftest import SMALL
from sklearn.base import clone
from sklearn.metrics import log_loss

from skrnn import RNNTextClassifier, RNNTextRegressor, SequenceVectorizer
from skrnn.text._char_ngrams import MOST_PER_TOKEN, char_ngrams


def ngrams_by_token(tokens, lengths):
    """The numbers of the n-grams that each token has."""
    rows, _ = char_ngrams(tokens, lengths)
    return {token: set(row[row > 0].tolist()) for token, row in zip(["", "[UNK]", *tokens], rows, strict=True)}


def test_ngrams_are_those_that_several_tokens_have():
    rows = ngrams_by_token(["care", "careful", "awful", "x"], (3, 4))
    assert len(rows["care"]) == 5  # <ca, car, are, <car, care; re> and are> are its own
    assert rows["care"] < rows["careful"]
    assert len(rows["careful"] & rows["awful"]) == 3  # ful, ul>, ful>
    assert rows["x"] == rows[""] == rows["[UNK]"] == set()


@pytest.mark.parametrize("lengths", [(1, 4), (3, 4)])
def test_characters_have_no_ngrams(lengths):
    _, n_rows = char_ngrams(list("一二三abc"), lengths)
    assert n_rows == 1


def test_long_tokens_have_those_that_most_others_share():
    tokens = ["abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz!", "uvwxyz", "vwxyz", "wxyz"]
    rows = ngrams_by_token(tokens, (3, 4))
    assert len(rows[tokens[0]]) == MOST_PER_TOKEN
    assert rows["uvwxyz"] & rows["vwxyz"] < rows[tokens[0]]


def test_every_number_is_in_use():
    rng = np.random.default_rng(0)
    tokens = sorted({"".join(rng.choice(list("abcd"), size=rng.integers(1, 39))) for _ in range(300)})
    rows, n_rows = char_ngrams([*tokens, "ab" * 21, "abc" * 1000], (2, 6))
    assert np.unique(rows).tolist() == list(range(n_rows))
    assert not rows[-2:].any()  # addresses and noise


def test_numbers_are_bounded(monkeypatch):
    monkeypatch.setattr("skrnn.text._char_ngrams._MAX_CHAR_NGRAMS", 2)
    _, n_rows = char_ngrams(["care", "careful", "carefully"], (3, 4))
    assert n_rows == 3


def word_forms(n_forms, rng):
    """Forms of four stems; two stems for each class. No form comes twice."""
    stems, endings = ["grumbl", "whimper", "rejoic", "celebrat"], [f"{a}{b}" for a in "aeiou" for b in "mnrstx"]
    forms = [(stem + ending, i // 2) for i, stem in enumerate(stems) for ending in endings[:n_forms]]
    return [forms[i] for i in rng.permutation(len(forms))]


def test_word_forms_learn_from_each_other():
    forms = word_forms(20, np.random.default_rng(0))
    documents, labels = [form for form, _ in forms], np.array([label for _, label in forms])
    vectorizer = SequenceVectorizer(vocabulary=documents)  # half of which no training document has
    params = {**SMALL, "embedding_init": "uniform", "max_ngrams": 0, "token_dropout": 0, "epochs": 12}
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


def test_training_goes_on_with_the_parts(resumable):
    fitted, documents, labels = resumable
    file = skops.io.dumps(fitted)
    restored = skops.io.loads(file, trusted=skops.io.get_untrusted_types(data=file))
    expected = clone(fitted).set_params(epochs=4).fit(documents, labels).predict_proba(documents)
    for half in (copy.deepcopy(fitted), restored):
        np.testing.assert_array_equal(half.fit(documents, labels).predict_proba(documents), expected)


def test_training_does_not_go_on_with_another_range(resumable):
    fitted, documents, labels = resumable
    with pytest.raises(ValueError, match="char_ngram_range would change it"):
        copy.deepcopy(fitted).set_params(char_ngram_range=None).fit(documents, labels)


def test_the_best_epoch_is_what_was_scored():
    forms = word_forms(16, np.random.default_rng(2))
    documents, labels = [form for form, _ in forms], np.array([label for _, label in forms])
    params = {**SMALL, "max_ngrams": 0, "early_stopping": True, "n_iter_no_change": 2, "epochs": 8}
    vectorizer = SequenceVectorizer(vocabulary=documents)
    fitted = RNNTextClassifier(vectorizer, **params, scoring="neg_log_loss").fit(
        documents[::2], labels[::2], X_val=documents[1::4], y_val=labels[1::4]
    )
    loss = log_loss(labels[1::4], fitted.predict_proba(documents[1::4]))
    assert -loss == pytest.approx(fitted.validation_scores_[fitted.best_epoch_ - 1])


@pytest.mark.parametrize("estimator", [RNNTextClassifier, RNNTextRegressor])
def test_a_fitted_network_does_not_grow(estimator, reviews):
    documents, y = reviews[0], np.arange(len(reviews[0])) % 2
    with_ngrams, without = (
        estimator(**{**SMALL, "epochs": 1}, char_ngram_range=char_ngram_range).fit(documents, y)
        for char_ngram_range in ((3, 4), None)
    )
    assert with_ngrams.n_parameters_ == without.n_parameters_
    assert with_ngrams._network["resumption"] is None
    assert not np.array_equal(with_ngrams.predict(documents), without.predict(documents))


def test_a_fit_without_warm_start_can_go_on_too(reviews):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 2}).fit(*reviews)
    before = classifier.score(*reviews)
    classifier.set_params(warm_start=True).fit(*reviews)
    assert classifier.n_iter_ == 4
    assert classifier.history_["loss"][2] < classifier.history_["loss"][0]
    assert classifier.score(*reviews) >= before


@pytest.mark.parametrize(
    "params",
    [
        {"trainable_embeddings": False},
        {"vectorizer": SequenceVectorizer(analyzer="char")},
        {"char_ngram_range": (30, 40)},
    ],
)
def test_none_where_they_have_no_place(params, reviews):
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
def test_other_ranges_are_refused(value, error, message, reviews):
    with pytest.raises(error, match=message):
        RNNTextClassifier(char_ngram_range=value).fit(*reviews)
