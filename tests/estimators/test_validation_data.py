"""Validation data that the user passes to fit."""

import numpy as np
import pytest
from conftest import SMALL, make_reviews
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline

from skrnn import RNNTextClassifier, SequenceVectorizer


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def test_errors_name_the_validation_data(reviews):
    documents, y = reviews
    for X_val, y_val, message in [
        ("text", y, "single str"),
        (["a", "b"], ["neg"], "2 in X, and y of length 1"),
        (["a"], ["new"], "previously unseen labels"),
    ]:
        with pytest.raises(ValueError, match=f"In the validation data .*{message}"):
            small().fit(documents, y, X_val=X_val, y_val=y_val)


def test_validation_data_may_be_as_long_as_the_training_data(reviews):
    documents, y = reviews
    X_val, y_val = make_reviews(n_documents=60, seed=5)
    assert small(epochs=1).fit(documents, y, X_val=X_val, y_val=y_val).n_iter_ == 1


def test_searches_accept_validation_data_of_any_length(reviews):
    documents, y = reviews
    X_val, y_val = make_reviews(n_documents=59, seed=5)
    search = GridSearchCV(small(epochs=1), {"units": [4]}, cv=2, error_score="raise")
    search.fit(documents, y, X_val=X_val, y_val=y_val)
    assert len(search.best_estimator_.history_["val_loss"]) == 1


def test_weights_and_validation_data_are_routed(reviews):
    documents, y = reviews
    X_val, y_val = make_reviews(n_documents=30, seed=5)
    weights = np.arange(60) % 2
    with config_context(enable_metadata_routing=True):
        rnn = small(vectorizer="passthrough", early_stopping=True)
        rnn.set_fit_request(sample_weight=True, X_val=True, y_val=True).set_score_request(sample_weight=True)
        pipeline = Pipeline([("tokens", SequenceVectorizer()), ("rnn", rnn)], transform_input=["X_val"])
        pipeline.fit(documents, y, sample_weight=weights, X_val=X_val, y_val=y_val)
        scores = cross_validate(
            small().set_fit_request(sample_weight=True).set_score_request(sample_weight=True),
            documents,
            y,
            params={"sample_weight": weights},
            cv=2,
            error_score="raise",
        )["test_score"]
    plain = small(early_stopping=True).fit(documents, y, weights, X_val=X_val, y_val=y_val)
    # The vocabulary of the pipeline also contains the documents of weight 0. The validation data is the same.
    assert len(pipeline["rnn"].validation_scores_) >= 1
    assert np.isfinite(plain.validation_scores_).all()
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
