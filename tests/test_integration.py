"""The classifier in scikit-learn's tools, on real text."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - importing it is what enables
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_chinese_reviews


def small(**params):
    params = {"vectorizer": SequenceVectorizer(max_features=300, max_length=40), **params}
    return RNNTextClassifier(**{**SMALL, "epochs": 12, **params})


@pytest.fixture(scope="module")
def split(news):
    documents, labels = news
    return train_test_split(documents, labels, test_size=60, stratify=labels, random_state=0)


def test_passthrough_equals_the_own_vectorizer(split, tmp_path):
    X_train, X_test, y_train, _ = split
    # Ids have no spelling.
    whole = make_pipeline(small(epochs=2, char_ngram_range=None)).fit(X_train, y_train)
    tokens = SequenceVectorizer(max_features=300, max_length=40)
    cached = make_pipeline(tokens, small(vectorizer="passthrough", epochs=2), memory=str(tmp_path))
    for _ in range(2):  # the second fit reads tokens from the cache
        cached.fit(X_train, y_train)
        np.testing.assert_array_equal(cached.predict_proba(X_test), whole.predict_proba(X_test))
    assert any(tmp_path.iterdir())


def unlearned(**params):
    """Return a network alone, which has learned little after few epochs."""
    return small(linear_model=False, **params)


def test_grid_search_does_not_depend_on_n_jobs(split):
    X_train, X_test, y_train, y_test = split
    grid = [
        {"cell": ["simple"], "learning_rate": [1e-5, 0.02]},
        {"units": [3], "cell": ["simple"], "vectorizer__max_features": [200]},
    ]
    classifier = unlearned(epochs=8, bidirectional=False)
    searches = [
        GridSearchCV(classifier, grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(X_train, y_train)
        for n_jobs in (1, 2)
    ]
    one, two = (search.cv_results_["mean_test_score"] for search in searches)
    np.testing.assert_array_equal(one, two)
    assert searches[0].best_params_.get("learning_rate") != 1e-5
    assert searches[1].score(X_test, y_test) > 0.8


def test_search_sets_parameters_of_the_default_vectorizer(split):
    X_train, _, y_train, _ = split
    search = RandomizedSearchCV(
        small(vectorizer=None, epochs=1),
        {"vectorizer__max_features": [30, 300], "cell": ["gru", "lstm"], "learning_rate": [0.01, 0.02]},
        n_iter=2,
        cv=2,
        random_state=0,
        n_jobs=2,
        error_score="raise",
    ).fit(X_train, y_train)
    assert len(search.best_estimator_.vocabulary_) == search.best_params_["vectorizer__max_features"]


def _threads_of_tensorflow(reviews):
    small(epochs=1).fit(*reviews)
    from tensorflow import config

    return config.threading.get_intra_op_parallelism_threads()


def test_joblib_worker_uses_its_share_of_the_cores(reviews):
    here = _threads_of_tensorflow(reviews)
    counts = joblib.Parallel(n_jobs=2)(joblib.delayed(_threads_of_tensorflow)(reviews) for _ in range(2))
    assert counts == [max(joblib.cpu_count() // 2, 1)] * 2
    assert _threads_of_tensorflow(reviews) == here


@pytest.mark.parametrize(
    ("environment", "n_threads"),
    [({"OMP_NUM_THREADS": "1"}, 1), ({"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "2"}, 0)],
    ids=["share", "told otherwise"],
)
def test_fits_use_the_expected_number_of_threads(environment, n_threads):
    code = "import conftest, test_integration as t; print(t._threads_of_tensorflow(conftest.make_reviews()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[-1]) == n_threads


def test_halving_search_accepts_epochs_as_the_resource(split):
    X_train, _, y_train, _ = split
    search = HalvingGridSearchCV(
        unlearned(),
        {"learning_rate": [1e-6, 1e-5, 0.02]},
        resource="epochs",
        min_resources=4,
        max_resources=12,
        factor=3,
        cv=2,
        error_score="raise",
    ).fit(X_train, y_train)
    assert search.best_params_ == {"learning_rate": 0.02, "epochs": 12}


def test_integer_cv_is_stratified_and_scoring_finds_probabilities(news):
    documents, labels = news
    order = np.argsort(labels, kind="stable")  # without stratification, folds would have one class
    documents, labels = [documents[i] for i in order], labels[order]
    scores = cross_val_score(small(epochs=8), documents, labels, cv=3, scoring="roc_auc", error_score="raise")
    assert np.all(scores > 0.8)


def test_search_computes_several_scores_on_sorted_labels(reviews):
    documents, labels = reviews
    order = np.argsort(labels, kind="stable")
    search = GridSearchCV(
        RNNTextClassifier(**SMALL),
        {"epochs": [3, 6]},
        cv=3,
        scoring=["roc_auc", "neg_log_loss"],
        refit=False,
        n_jobs=2,
        error_score="raise",
    ).fit([documents[i] for i in order], labels[order])
    for score in ("mean_test_roc_auc", "mean_test_neg_log_loss"):
        assert np.all(np.isfinite(search.cv_results_[score]))
    assert search.cv_results_["mean_test_roc_auc"].max() > 0.9


def test_column_transformer_selects_a_text_column(split):
    X_train, X_test, y_train, _ = split
    text = small(epochs=2, char_ngram_range=None)  # ids have no spelling
    expected = text.fit(X_train, y_train).predict_proba(X_test)
    train, test = (pd.DataFrame({"id": range(len(X)), "text": X}) for X in (X_train, X_test))
    select = ColumnTransformer([("text", "passthrough", ["text"])])
    vectorize = ColumnTransformer([("tokens", SequenceVectorizer(max_features=300, max_length=40), "text")])
    passthrough = small(vectorizer="passthrough", epochs=2)
    for model in (make_pipeline(select, text), make_pipeline(vectorize, passthrough)):
        np.testing.assert_array_equal(model.fit(train, y_train).predict_proba(test), expected)


def tfidf():
    return make_pipeline(TfidfVectorizer(), LogisticRegression())


@pytest.mark.parametrize(
    "ensemble",
    [
        VotingClassifier([("rnn", small(epochs=8)), ("linear", tfidf())], voting="soft"),
        StackingClassifier([("rnn", small(epochs=8)), ("linear", tfidf())], cv=2),
        CalibratedClassifierCV(small(epochs=8), cv=2),
        OneVsRestClassifier(small()),
        TunedThresholdClassifierCV(small(), cv=2),
    ],
    ids=lambda ensemble: type(ensemble).__name__,
)
def test_meta_estimators_accept_text(ensemble, split, tmp_path):
    X_train, X_test, y_train, y_test = split
    ensemble.fit(X_train, y_train)
    assert ensemble.score(X_test, y_test) > 0.75
    joblib.dump(ensemble, tmp_path / "ensemble.joblib")
    restored = joblib.load(tmp_path / "ensemble.joblib")
    np.testing.assert_array_equal(restored.predict_proba(X_test), ensemble.predict_proba(X_test))


def test_cross_val_predict_gives_probabilities(news):
    documents, labels = news
    probabilities = cross_val_predict(small(), documents, labels, cv=2, method="predict_proba")
    assert probabilities.shape == (len(documents), 2)
    assert np.mean(probabilities.argmax(axis=1) == (labels == "tech")) > 0.75


def test_html_shows_the_name_of_the_estimator(split):
    X_train, _, y_train, _ = split
    search = GridSearchCV(make_pipeline(small()), {"rnntextclassifier__units": [3, 4]})
    for estimator in (search, small(), small(epochs=1).fit(X_train, y_train)):
        assert "RNNTextClassifier" in estimator._repr_html_()


def test_chinese_reviews_need_no_settings():
    reviews = load_chinese_reviews()
    X_train, X_test, y_train, y_test = train_test_split(
        reviews.data, reviews.target, train_size=1500, test_size=1000, stratify=reviews.target, random_state=0
    )
    classifier = RNNTextClassifier(epochs=6, units=16, embedding_dim=64, random_state=0).fit(X_train, y_train)
    assert classifier.score(X_test, y_test) > 0.75
    assert classifier.vectorizer_.oov_rate(X_test) < 0.05
