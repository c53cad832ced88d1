"""Early stopping monitors the scores of validation samples."""

import numpy as np
import pytest
from conftest import QUICK, SMALL, SMALL_NUMERIC, make_reviews, problem
from sklearn.metrics import f1_score, make_scorer

from skrnn import RNNSequenceClassifier, RNNTextClassifier, RNNTextRegressor


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def quick(**params):
    return RNNTextClassifier(**{**QUICK, **params})


def macro_f1(estimator, X, y):
    return f1_score(y, estimator.predict(X), average="macro")


def test_early_stopping_monitors_scoring():
    documents, y = make_reviews(n_documents=80)
    X_val, y_val = make_reviews(n_documents=60, seed=5)
    validation = {"X_val": X_val, "y_val": y_val}
    params = {"early_stopping": True, "n_iter_no_change": 2, "epochs": 30, "tol": 0, "linear_model": False}
    by_f1 = small(scoring="f1_macro", **params).fit(documents, y, **validation)
    scores = by_f1.validation_scores_
    assert scores == by_f1.history_["val_score"]
    assert by_f1.best_epoch_ == np.argmax(scores) + 1 == by_f1.n_iter_ - 2
    assert scores[by_f1.best_epoch_ - 1] == pytest.approx(f1_score(y_val, by_f1.predict(X_val), average="macro"))
    by_own = small(scoring=macro_f1, **params).fit(documents, y, **validation)
    assert by_own.validation_scores_ == scores
    accuracies = small(scoring=None, **params).fit(documents, y, **validation).validation_scores_
    assert set(np.round(np.array(accuracies) * 60, 9)) <= set(range(61))
    with pytest.raises(ValueError, match="f1_makro"):
        small(scoring="f1_makro").fit(documents, y)


def test_scores_are_scores_of_the_network_alone():
    documents, y = make_reviews(n_documents=80)
    X_val, y_val = make_reviews(n_documents=60, seed=5)
    both, alone = (
        small(scoring="accuracy", epochs=3, linear_model=has_linear_model).fit(
            documents, y, X_val=X_val, y_val=y_val
        )
        for has_linear_model in (True, False)
    )
    assert both.validation_scores_ == alone.validation_scores_
    assert alone.validation_scores_ == pytest.approx(alone.history_["val_accuracy"])
    assert (both.predict_proba(X_val) != alone.predict_proba(X_val)).any()


def test_scores_are_weighted():
    documents, y = make_reviews(n_documents=80)
    X_val, y_val = [*documents[:10], "terrible"], [*y[:10], "pos"]
    weights = [0.0] * 10 + [1.0]
    weighted = small(scoring="accuracy").fit(documents, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    assert weighted.validation_scores_[-1] == 0


@pytest.mark.parametrize(
    "scorer",
    [lambda estimator, X, y: estimator.score(X, y), make_scorer(lambda y, predicted: np.mean(y == predicted))],
    ids=["function", "metric"],
)
def test_scorers_without_weights_are_accepted(scorer):
    documents, y = make_reviews(n_documents=40)
    weighted = small(scoring=scorer, early_stopping=True, epochs=1).fit(documents, y, np.arange(40) + 1.0)
    assert 0 <= weighted.validation_scores_[0] <= 1


def test_scorers_get_samples_in_their_original_form():
    seen = []

    def scorer(estimator, X, y):
        seen.append(X)
        return estimator.score(X, y)

    documents, y = make_reviews(n_documents=40)
    options = {"scoring": scorer, "early_stopping": True, "epochs": 1, "class_weight": {"neg": 1, "pos": 2}}
    small(**options).fit(documents, y)
    assert set(seen[-1]) <= set(documents)
    sequences = [np.full((n, 2), float(n)) for n in range(1, 41)]
    numeric = RNNSequenceClassifier(**{**SMALL_NUMERIC, **options})
    numeric.fit(sequences, y)
    assert all(np.array_equal(sequence, sequences[len(sequence) - 1]) for sequence in seen[-1])
    numeric.fit(np.ones((40, 3)), y)
    assert seen[-1].shape == (4, 3)


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        (lambda *_: float("nan"), "to be a number; got nan. Raise validation_fraction"),
        ("roc_auc", "of the 2 validation samples"),  # they have one class
    ],
    ids=["nan", "one class"],
)
@pytest.mark.filterwarnings("ignore:Only one class is present")
def test_undefined_scores_are_refused(scoring, message):
    documents, y = make_reviews(n_documents=20)
    validation = {"X_val": documents[:2], "y_val": ["pos", "pos"]}
    with pytest.raises(ValueError, match=message):
        quick(scoring=scoring, early_stopping=True).fit(documents, y, **validation)


def test_invalid_scoring_is_refused(reviews):
    with pytest.raises(TypeError, match="Expected scoring to be"):
        small(scoring=["accuracy", "f1"]).fit(*reviews)
    diverging = {"optimizer": "sgd", "learning_rate": 1e30, "activation": "relu", "clipnorm": None}
    _, X, y = problem(RNNTextRegressor)
    model = RNNTextRegressor(**{**QUICK, **diverging}, scoring="r2")
    with pytest.raises(ValueError, match="Lower learning_rate"):
        model.fit(X, y, X_val=X, y_val=y)
