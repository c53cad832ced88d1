"""Classifiers that predict several labels for each sample."""

import pickle

import numpy as np
import pytest
from conftest import NETWORK_ALONE, SMALL, make_reviews
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
    whole = RNNTextClassifier(**{**SMALL, **NETWORK_ALONE, "epochs": 2}).fit(documents, Y)
    np.testing.assert_array_equal(stream.predict_proba(documents), whole.predict_proba(documents))


def test_probabilities_of_rare_labels_start_at_their_rates():
    documents = [f"word{i % 9} again" for i in range(200)]
    Y = np.arange(200)[:, None] % [2, 10, 40] == 0
    params = {**SMALL, "epochs": 1, "learning_rate": 1e-9, "linear_model": False}
    for weights, rates in (
        (None, [0.5, 0.1, 0.025]),
        (np.where(Y.any(axis=1), 3.0, 1.0), [0.75, 0.15, 0.0375]),
    ):
        model = RNNTextClassifier(**params).fit(documents, Y.astype(int), weights)
        np.testing.assert_allclose(model.predict_proba(documents).mean(axis=0), rates, rtol=0.15)
    balanced = RNNTextClassifier(**params, class_weight="balanced").fit(documents, Y[:, :2].astype(int))
    np.testing.assert_allclose(balanced.predict_proba(documents).mean(axis=0), [0.5, 0.5], rtol=0.1)


def test_a_label_that_may_come_later_in_a_stream_is_not_ruled_out():
    documents, Y = make_multilabel(n=600)
    model = RNNTextClassifier(**{**SMALL, "batch_size": 600}).partial_fit(documents, Y * [1, 0])
    # The first documents have no such label. At their rate, its probabilities would be below 0.001.
    assert np.all(model.predict_proba(documents)[:, 1] > 0.003)


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


def test_equal_weights_of_labels_change_nothing():
    documents, Y = make_multilabel()
    plain = RNNTextClassifier(**SMALL).fit(documents, Y).predict_proba(documents)
    equal = RNNTextClassifier(**SMALL, class_weight=[{0: 3, 1: 3}] * 2).fit(documents, Y)
    np.testing.assert_array_equal(equal.predict_proba(documents), plain)


@pytest.mark.parametrize(
    ("class_weight", "expected"),
    [(None, [0.05, 0.9]), ("balanced", [0.5, 0.5]), ([{1: 19}, {}], [0.5, 0.9])],
    ids=str,
)
def test_weights_of_a_label_change_its_probability_alone(class_weight, expected):
    rng = np.random.default_rng(0)
    Y = (rng.permuted(np.arange(400)[:, None] % [20, 10], axis=0) < [1, 9]).astype(int)
    documents = [" ".join(rng.choice(["the", "film", "was", "seen"], 3)) for _ in Y]  # nothing to learn
    model = RNNTextClassifier(**SMALL, class_weight=class_weight).fit(documents, Y)
    weights = np.take_along_axis(model.class_weight_, Y.T, axis=1).T
    found = np.average(model.predict_proba(documents), axis=0, weights=weights)
    np.testing.assert_allclose(found, expected, atol=0.07)


def test_weights_of_labels_work_when_training_resumes():
    documents, Y = make_multilabel()
    params = {**SMALL, "class_weight": [{1: 5}, {0: 2}]}
    stream = RNNTextClassifier(**params).partial_fit(documents, Y).partial_fit(documents, Y)
    whole = RNNTextClassifier(**{**params, **NETWORK_ALONE, "epochs": 2}).fit(documents, Y)
    np.testing.assert_array_equal(stream.predict_proba(documents), whole.predict_proba(documents))
    with pytest.raises(ValueError, match="list of dicts"):
        RNNTextClassifier(**SMALL, class_weight="balanced").partial_fit(documents, Y)
    warm = RNNTextClassifier(**SMALL, warm_start=True).fit(documents, Y)
    warm.set_params(class_weight="balanced").fit(documents, Y)
    assert warm.n_iter_ == 2 * SMALL["epochs"]
    assert warm.class_weight_.shape == (2, 2)
    assert np.all(warm.class_weight_ != 1)


def test_pickle_keeps_the_weights_of_labels():
    documents, Y = make_multilabel()
    model = RNNTextClassifier(**{**SMALL, "epochs": 1}, class_weight=[{1: 5}, {}]).fit(documents, Y)
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(restored.class_weight_, model.class_weight_)
    assert restored.class_weight == [{1: 5}, {}]
