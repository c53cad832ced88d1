"""Checks of classifiers: classes, probabilities, decisions, class weights, chunks and several labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from skrnn.utils._text_checks._tools import (
    ATOL,
    RTOL,
    THREE_WORDS,
    TWO_WORDS,
    Check,
    Predictions,
    expect,
    expect_raises,
    expect_same,
    expect_shape,
    fit_clone,
    has_poor_score,
    is_deterministic,
    make_data,
    make_documents,
    predictions,
    seeded_clone,
    take,
    with_new_word,
)


def yield_classifier_checks(estimator: Any) -> Iterator[Check]:
    tags = get_tags(estimator)
    yield check_text_classifiers_train
    if is_deterministic(estimator):
        yield check_text_classifiers_classes
    yield check_text_classifiers_one_label
    if has_fit_parameter(estimator, "sample_weight"):
        yield check_text_classifiers_one_label_sample_weights
    if hasattr(estimator, "predict_proba"):
        yield check_text_predict_proba
    if hasattr(estimator, "predict_log_proba"):
        yield check_text_predict_log_proba
    if hasattr(estimator, "decision_function"):
        yield check_text_decision_function
    if not tags.no_validation:
        yield check_text_classifiers_regression_target
    if "class_weight" in estimator.get_params(deep=False):
        yield check_text_class_weight_classifiers
    if hasattr(estimator, "partial_fit"):
        yield check_text_partial_fit_classifier
    if tags.classifier_tags is not None and tags.classifier_tags.multi_label:
        yield check_text_multilabel


def check_text_classifiers_train(name: str, estimator: Any) -> None:
    """Check that the classifier learns two and three classes that depend on a word."""
    for words in (TWO_WORDS, THREE_WORDS):
        X, y = make_data(estimator, words, n_documents=90)
        classifier = fit_clone(estimator, X, y)
        np.testing.assert_array_equal(
            classifier.classes_, np.unique(y), err_msg=f"Expected classes_ of {name} to be the sorted labels"
        )
        predicted = classifier.predict(X)
        expect_shape(predicted, (len(X),), f"predict of {name}")
        accuracy = np.mean(predicted == y)
        expect(
            accuracy > 0.83 or has_poor_score(estimator),
            f"Expected {name} to learn {len(words)} classes to an accuracy > 0.83; got {accuracy:.2f}.",
        )


def check_text_classifiers_classes(name: str, estimator: Any) -> None:
    """Check that labels keep their dtype, and that their names do not change the predictions."""
    X, which = make_documents()
    expected: Predictions = {}
    for labels in _labels():
        classifier = fit_clone(estimator, X, labels[which])
        np.testing.assert_array_equal(
            classifier.classes_, labels, err_msg=f"Expected classes_ of {name} to be the sorted labels"
        )
        actual = predictions(classifier, X)
        predicted = actual["predict"]
        expect(
            _kind(predicted) == _kind(labels) and set(predicted.tolist()) <= set(labels.tolist()),
            f"Expected {name} to predict the labels {labels!r}; got {np.unique(predicted)!r}.",
        )
        actual["predict"] = np.searchsorted(classifier.classes_, predicted)
        expected = expected or actual
        expect_same(actual, expected, f"of {name} not to depend on the names of the labels {labels!r}")


def _kind(labels: np.ndarray) -> str:
    # Text may be an array of str or of objects.
    return "text" if labels.dtype.kind in "UOT" else labels.dtype.kind


def _labels() -> list[np.ndarray]:
    """Return two sorted labels of each kind."""
    return [
        np.array(["calm", "rough"]),
        np.array(["calm", "rough"], dtype=object),
        np.array(["坏", "好"]),
        np.array([False, True]),
        np.array([0, 1]),
        np.array([-1, 7]),
        np.array([3, 200], dtype=np.uint8),
        np.array([-1.0, 2.0]),
    ]


def check_text_predict_proba(name: str, estimator: Any) -> None:
    """Check that probabilities are in [0, 1], sum to 1, and agree with predict."""
    for words in (TWO_WORDS, THREE_WORDS):
        X, y = make_data(estimator, words)
        classifier = fit_clone(estimator, X, y)
        probabilities = classifier.predict_proba(X)
        expect_shape(probabilities, (len(X), len(words)), f"predict_proba of {name}")
        expect(
            np.all((probabilities >= 0) & (probabilities <= 1)),
            f"Expected probabilities of {name} within [0, 1]; got {probabilities.min()} to {probabilities.max()}.",
        )
        message = f"Expected the probabilities of {name} to sum to 1"
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=RTOL, err_msg=message)
        most_probable = classifier.classes_[probabilities.argmax(axis=1)]
        message = f"Expected {name} to predict the most probable class, with the columns in the order of classes_"
        np.testing.assert_array_equal(classifier.predict(X), most_probable, err_msg=message)


def check_text_predict_log_proba(name: str, estimator: Any) -> None:
    """Check that predict_log_proba is the logarithm of predict_proba."""
    X, y = make_data(estimator)
    classifier = fit_clone(estimator, X, y)
    with np.errstate(divide="ignore"):  # some classifiers have probabilities of 0
        expected, actual = np.log(classifier.predict_proba(X)), classifier.predict_log_proba(X)
    message = f"Expected predict_log_proba of {name} to be the logarithm of predict_proba"
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5, err_msg=message)


def check_text_decision_function(name: str, estimator: Any) -> None:
    """Check the shape of decisions for two and three classes, and that they agree with predict."""
    for words in (TWO_WORDS, THREE_WORDS):
        X, y = make_data(estimator, words)
        classifier = fit_clone(estimator, X, y)
        decisions = classifier.decision_function(X)
        shape = (len(X),) if len(words) == 2 else (len(X), len(words))
        expect_shape(decisions, shape, f"decision_function of {name}")
        decided = (decisions > 0).astype(int) if decisions.ndim == 1 else decisions.argmax(axis=1)
        message = f"Expected {name} to predict the class with the largest decision_function"
        np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[decided], err_msg=message)


def check_text_classifiers_one_label(name: str, estimator: Any) -> None:
    """Check that a single class is predicted for each document, or rejected with a clear message."""
    X, _ = make_documents()
    _expect_only_label(name, seeded_clone(estimator), X, np.full(len(X), "calm"), "calm")


def check_text_classifiers_one_label_sample_weights(name: str, estimator: Any) -> None:
    """Check that a single class with weights > 0 counts as a single class."""
    X, y = make_data(estimator)
    weights = (y == "calm").astype(float)
    _expect_only_label(name, seeded_clone(estimator), X, y, "calm", sample_weight=weights)


def _expect_only_label(
    name: str, classifier: Any, X: list[str], y: np.ndarray, label: str, **fit_params: Any
) -> None:
    try:
        classifier.fit(X, y, **fit_params)
    except ValueError as error:
        message = f"Expected {name} to say that it cannot learn from a single class; it said: {error}"
        expect("class" in str(error), message)
        return
    predicted = np.unique(classifier.predict(X)).tolist()
    expect(predicted == [label], f"Expected {name} to predict the only class, {label!r}; got {predicted}.")


def check_text_classifiers_regression_target(name: str, estimator: Any) -> None:
    """Check that a continuous target is rejected."""
    X, _ = make_documents()
    with expect_raises(ValueError, f"when {name}.fit gets a continuous target"):
        fit_clone(estimator, X, np.linspace(0.1, 0.9, len(X)))


def check_text_class_weight_classifiers(name: str, estimator: Any) -> None:
    """Check that a class with a very large weight is predicted."""
    X, y = make_data(estimator)
    for label, other in (("calm", "rough"), ("rough", "calm")):
        weighted = seeded_clone(estimator).set_params(class_weight={label: 1000, other: 0.0001})
        share = np.mean(fit_clone(weighted, X, y).predict(X) == label)
        expect(
            share > 0.87 or has_poor_score(estimator),
            f"Expected {name} to predict a class with a very large class_weight; it does for {share:.0%}.",
        )


def check_text_partial_fit_classifier(name: str, estimator: Any) -> None:
    """Check that the first chunk names all classes, and that later chunks may have new words but no new class."""
    X, y = make_data(estimator, THREE_WORDS)
    classes = np.unique(y)
    in_chunk = y != classes[2]  # the first chunk has no document of the last class
    chunk = take(X, in_chunk)
    with expect_raises(ValueError, f"when the first call of {name}.partial_fit has no classes"):
        seeded_clone(estimator).partial_fit(chunk, y[in_chunk])
    estimator = seeded_clone(estimator)
    returned = estimator.partial_fit(chunk, y[in_chunk], classes=classes)
    expect(
        returned is estimator, f"Expected {name}.partial_fit to return the estimator; it returned {returned!r}."
    )
    estimator.partial_fit(with_new_word(X), y)
    np.testing.assert_array_equal(
        estimator.classes_, classes, err_msg=f"Expected {name}.partial_fit to keep the classes of its first call"
    )
    unknown = set(estimator.predict(X)) - set(classes)
    expect(not unknown, f"Expected {name} to predict the classes of the first call; it also predicts {unknown}.")
    with expect_raises(ValueError, f"when {name}.partial_fit gets a label that is not in classes"):
        estimator.partial_fit(X[:2], [classes[0], "unheard"])


def check_text_multilabel(name: str, estimator: Any) -> None:
    """Check that an indicator matrix is predicted for documents with several labels."""
    X, Y = _multilabel_data()
    classifier = fit_clone(estimator, X, Y)
    predicted = classifier.predict(X)
    expect_shape(predicted, Y.shape, f"predict of {name}")
    expect(
        predicted.dtype.kind == Y.dtype.kind and set(np.unique(predicted)) <= {0, 1},
        f"Expected {name} to predict 0 and 1 of dtype {Y.dtype}; got {predicted!r}.",
    )
    if hasattr(classifier, "predict_proba"):
        probabilities = _label_probabilities(classifier.predict_proba(X))
        expect_shape(probabilities, Y.shape, f"predict_proba of {name}")
        expect(
            np.all((probabilities >= 0) & (probabilities <= 1)),
            f"Expected {name} to give a probability for each label; got {probabilities!r}.",
        )
        # Both labels are right for a probability of 0.5.
        is_clear = np.abs(probabilities - 0.5) > ATOL
        message = f"Expected {name} to predict the labels with a probability > 0.5"
        np.testing.assert_array_equal(predicted[is_clear], (probabilities > 0.5)[is_clear], err_msg=message)
    if hasattr(classifier, "decision_function"):
        expect_shape(classifier.decision_function(X), Y.shape, f"decision_function of {name}")


def _multilabel_data() -> tuple[list[str], np.ndarray]:
    """Return documents, and an indicator matrix for three of their words."""
    first, is_wet = make_documents(("dry", "wet"), seed=0)
    second, is_cold = make_documents(("warm", "cold"), seed=1)
    documents = [" ".join(pair) for pair in zip(first, second, strict=True)]
    return documents, np.column_stack([is_wet, is_cold, 1 - is_wet])


def _label_probabilities(probabilities: np.ndarray | list[np.ndarray]) -> np.ndarray:
    """Return the probability of each label, (n_documents, n_labels)."""
    if isinstance(probabilities, list):  # some classifiers return the probabilities of 0 and 1 for each label
        return np.column_stack([label_probabilities[:, 1] for label_probabilities in probabilities])
    return probabilities
