"""Documents without labels: fit(X, y, X_unlabeled=...)."""

import numpy as np
import pytest
from conftest import SMALL, make_reviews
from sklearn import config_context
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skrnn import RNNTextClassifier, RNNTextRegressor, SequenceVectorizer

# No labelled document contains "violin" or "goal". Other documents show which words they go with.
LABELED = ["piano"] * 6 + ["football"] * 6
MUSIC, SPORT = ["piano violin", "violin sonata piano"] * 10, ["football goal", "goal match football"] * 10
UNLABELED, QUESTIONS = MUSIC + SPORT, ["violin", "goal"]
SUBJECTS = np.repeat(["music", "sport"], 6)


def small(cls=RNNTextClassifier, **params):
    return cls(**{**SMALL, "embedding_dropout": 0.0, "epochs": 12, **params})


def test_words_of_unlabeled_documents_speak_for_classes():
    classifier = small().fit(LABELED, SUBJECTS, X_unlabeled=UNLABELED)
    assert list(classifier.predict(QUESTIONS)) == ["music", "sport"]
    assert set(classifier.vocabulary_) == {"piano", "football", "violin", "goal", "sonata", "match"}
    without = small().fit(LABELED, SUBJECTS).predict_proba(QUESTIONS)
    np.testing.assert_array_equal(*without)


def test_three_classes_learn_from_unlabeled_documents():
    documents, y = [*LABELED, *["rain"] * 6], [*SUBJECTS, *["weather"] * 6]
    unlabeled = [*UNLABELED, *["rain storm", "storm cloud rain"] * 10]
    classifier = small().fit(documents, y, X_unlabeled=unlabeled)
    assert list(classifier.predict([*QUESTIONS, "storm"])) == ["music", "sport", "weather"]


def test_several_labels_learn_from_unlabeled_documents():
    y = np.stack([SUBJECTS == "music", SUBJECTS == "sport", np.zeros(12)], axis=1).astype(int)
    classifier = small().fit(LABELED, y, X_unlabeled=UNLABELED)
    music, sport = classifier.predict_proba(QUESTIONS)
    assert music[0] > sport[0]
    assert music[1] < sport[1]
    assert max(music[2], sport[2]) < 0.2  # a label that no document has


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_regressors_learn_from_unlabeled_documents(n_outputs):
    y = np.where(SUBJECTS == "music", 10.0, -10.0)
    y = y if n_outputs == 1 else np.stack([y, -y], axis=1)
    unlabeled = UNLABELED + QUESTIONS * 10
    regressor = small(RNNTextRegressor, epochs=50).fit(LABELED, y, X_unlabeled=unlabeled)
    music, sport = regressor.predict(QUESTIONS).reshape(2, -1)
    assert music[0] > 0 > sport[0]


def test_token_ids_without_labels():
    vectorizer = SequenceVectorizer().fit(LABELED + UNLABELED)
    ids, unlabeled, questions = map(vectorizer.transform, (LABELED, UNLABELED, QUESTIONS))
    classifier = small(vectorizer="passthrough").fit(ids, SUBJECTS, X_unlabeled=unlabeled)
    text = small(char_ngram_range=None).fit(LABELED, SUBJECTS, X_unlabeled=UNLABELED)
    np.testing.assert_array_equal(classifier.predict_proba(questions), text.predict_proba(QUESTIONS))


def test_weights_of_labeled_samples_decide_on_predicted_labels():
    documents, y, weights = [*LABELED, *LABELED], [*SUBJECTS, *SUBJECTS[::-1]], np.repeat([3, 0], 12)
    weighted = small().fit(documents, y, weights, X_unlabeled=iter(UNLABELED))
    plain = small().fit(LABELED, SUBJECTS, X_unlabeled=UNLABELED)
    np.testing.assert_allclose(weighted.predict_proba(QUESTIONS), plain.predict_proba(QUESTIONS), atol=1e-5)
    ignored = small(class_weight={"music": 1, "sport": 0}).fit(LABELED, SUBJECTS, X_unlabeled=UNLABELED)
    assert list(ignored.predict(QUESTIONS)) == ["music", "music"]


def test_training_resumes_with_unlabeled_documents():
    halves = small(epochs=2, warm_start=True)
    for _ in range(2):
        halves.fit(LABELED, SUBJECTS, X_unlabeled=UNLABELED)
    whole = small(epochs=4).fit(LABELED, SUBJECTS, X_unlabeled=UNLABELED)
    np.testing.assert_array_equal(halves.predict_proba(QUESTIONS), whole.predict_proba(QUESTIONS))


@pytest.mark.parametrize(
    ("cls", "y"),
    [(RNNTextClassifier, [0, 1]), (RNNTextClassifier, [[0, 1], [0, 1]]), (RNNTextRegressor, [0.5, 1.5])],
)
def test_unlabeled_documents_may_have_nothing_in_common(cls, y):
    model = small(cls, epochs=1).fit(["one", "two"], y, X_unlabeled=["three", "", "..."])
    assert np.all(np.isfinite(model.predict(["one", ""])))


def test_a_single_number_learns_from_unlabeled_documents():
    assert small(RNNTextRegressor, epochs=1).fit(["one"], [1], X_unlabeled=["one two"]).predict(["two"]) == 1


def test_early_stopping_holds_out_labeled_documents_only():
    documents, y = make_reviews(40)
    classifier = small(early_stopping=True, validation_fraction=0.25, scoring="accuracy")
    classifier.fit(documents, y, X_unlabeled=make_reviews(60, seed=1)[0])
    n_correct = 10 * np.array(classifier.validation_scores_)  # of ten documents
    np.testing.assert_allclose(n_correct, np.round(n_correct))


@pytest.mark.parametrize(
    ("unlabeled", "error", "message"),
    [("text", ValueError, "In X_unlabeled: .*single str"), ([1, 2], TypeError, "In X_unlabeled: ")],
)
def test_a_fit_with_wrong_unlabeled_documents_changes_nothing(unlabeled, error, message):
    classifier = small(epochs=1).fit(LABELED, SUBJECTS)
    before = classifier.predict_proba(QUESTIONS)
    with pytest.raises(error, match=message):
        classifier.fit(LABELED, SUBJECTS, X_unlabeled=unlabeled)
    np.testing.assert_array_equal(classifier.predict_proba(QUESTIONS), before)


def test_unlabeled_token_ids_must_fit_into_memory():
    classifier = small(vectorizer="passthrough")
    with pytest.raises(ValueError, match="In X_unlabeled: Token id 2000000000 of document 0"):
        classifier.fit([[2, 3], [3]], [0, 1], X_unlabeled=[[2_000_000_000]])


def test_pipelines_and_searches_pass_unlabeled_documents_on():
    search = GridSearchCV(Pipeline([("rnn", small())]), {"rnn__units": [4]}, cv=2, error_score="raise")
    search.fit(LABELED, SUBJECTS, rnn__X_unlabeled=UNLABELED)
    assert list(search.predict(QUESTIONS)) == ["music", "sport"]
    with config_context(enable_metadata_routing=True):
        rnn = small(vectorizer="passthrough").set_fit_request(X_unlabeled=True)
        # The labelled documents have one word, and without max_length, the others would be cut to one.
        tokens = SequenceVectorizer(vocabulary=["piano", "football", "violin", "goal"], max_length=3)
        pipeline = Pipeline([("tokens", tokens), ("rnn", rnn)], transform_input=["X_unlabeled"])
        pipeline.fit(LABELED, SUBJECTS, X_unlabeled=UNLABELED)
        routed = GridSearchCV(pipeline, {"rnn__units": [4]}, cv=2, error_score="raise")
        routed.fit(LABELED, SUBJECTS, X_unlabeled=UNLABELED)
    assert list(pipeline.predict(QUESTIONS)) == list(routed.predict(QUESTIONS)) == ["music", "sport"]


def test_a_verbose_fit_shows_how_confident_the_labels_are(capsys):
    small(epochs=1, verbose=True).fit(LABELED, SUBJECTS, X_unlabeled=UNLABELED)
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("predicted the targets of 40 documents with a mean confidence of 0.")
