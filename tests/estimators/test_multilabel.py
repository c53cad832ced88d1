"""Classifiers that predict several labels for each sample."""

import numpy as np
import pytest
from conftest import SMALL, make_reviews
from scipy import sparse
from sklearn.model_selection import cross_val_score

from skrnn import RNNTextClassifier


def make_multilabel(n=90):
    documents, labels = make_reviews(n_documents=n)
    rng = np.random.default_rng(0)
    is_long = rng.integers(2, size=n)
    documents = [
        f"{document} slowly" if slow else document for document, slow in zip(documents, is_long, strict=True)
    ]
    return documents, np.column_stack([labels == "pos", is_long]).astype(int)


def test_classifier_learns_several_labels():
    documents, Y = make_multilabel()
    model = RNNTextClassifier(**{**SMALL, "epochs": 15}).fit(documents, Y)
    probabilities = model.predict_proba(documents)
    assert probabilities.shape == Y.shape
    np.testing.assert_array_equal(model.predict(documents), probabilities > 0.5)
    assert model.score(documents, Y) > 0.9
    assert model.classes_.tolist() == [0, 1]
    same = RNNTextClassifier(**{**SMALL, "epochs": 15}).fit(documents, sparse.csr_matrix(Y))
    np.testing.assert_array_equal(same.predict_proba(documents), probabilities)


def test_multilabel_targets_stop_early_and_stream():
    documents, Y = make_multilabel()
    held_back = RNNTextClassifier(**{**SMALL, "early_stopping": True, "epochs": 2}).fit(documents, Y)
    assert held_back.validation_scores_ is not None
    stream = RNNTextClassifier(**SMALL).partial_fit(documents, Y).partial_fit(documents, Y)
    whole = RNNTextClassifier(**{**SMALL, "epochs": 2}).fit(documents, Y)
    np.testing.assert_array_equal(stream.predict_proba(documents), whole.predict_proba(documents))


def test_scorers_accept_two_labels():
    documents, Y = make_multilabel()
    scores = cross_val_score(
        RNNTextClassifier(**SMALL), documents, Y, cv=2, scoring="roc_auc", error_score="raise"
    )
    assert np.all(scores > 0.7)


def test_many_combinations_of_labels_are_split():
    documents, _ = make_multilabel(n=300)
    Y = np.random.default_rng(0).integers(2, size=(300, 16))  # almost every sample has different labels
    model = RNNTextClassifier(**{**SMALL, "early_stopping": True, "epochs": 1}).fit(documents, Y)
    assert model.validation_scores_ is not None


def test_invalid_indicator_matrices_are_refused():
    documents, Y = make_multilabel()
    with pytest.raises(ValueError, match="class_weight is for binary and multiclass"):
        RNNTextClassifier(**SMALL, class_weight="balanced").fit(documents, Y)
    with pytest.raises(ValueError, match="indicator matrix"):
        RNNTextClassifier(**SMALL).fit(documents, Y * 3)
    model = RNNTextClassifier(**{**SMALL, "epochs": 1}).fit(documents, Y)
    for other in (Y[:, 0], np.column_stack([Y, Y[:, 0]])):
        with pytest.raises(ValueError, match="indicator matrix"):
            model.partial_fit(documents, other)
    with pytest.raises(ValueError, match="indicator matrix"):
        model.partial_fit(documents, Y * 5)
    with pytest.raises(ValueError, match="y is multilabel"):
        RNNTextClassifier(**SMALL).partial_fit(documents, Y, classes=["a", "b"])
