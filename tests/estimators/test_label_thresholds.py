"""MultilabelThresholdClassifier: a threshold for each label, chosen on held-back samples."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    fbeta_score,
    log_loss,
    matthews_corrcoef,
)
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils import column_or_1d, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skrnn import MultilabelThresholdClassifier, RNNTextClassifier
from skrnn.datasets import load_bbc_news
from skrnn.estimators._label_thresholds import METRICS, best_threshold, label_thresholds
from skrnn.inspection import token_attributions

FUNCTIONS = {
    "f1": partial(f1_score, zero_division=0),
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "matthews_corrcoef": matthews_corrcoef,
}

labels_and_probabilities = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.7, 1.0])), min_size=2, max_size=20
).filter(lambda pairs: len({label for label, _ in pairs}) == 2)


@pytest.mark.parametrize("scoring", METRICS)
@settings(deadline=None, max_examples=40)
@given(pairs=labels_and_probabilities)
def test_no_other_threshold_is_better(scoring, pairs):
    labels, probabilities = np.array(pairs).T
    threshold, metric = best_threshold(labels.astype(int), probabilities, scoring), FUNCTIONS[scoring]
    score = metric(labels, probabilities > threshold)
    assert score >= max(metric(labels, probabilities > other) for other in np.linspace(0.05, 0.95, 19)) - 1e-9


@settings(deadline=None, max_examples=40)
@given(pairs=labels_and_probabilities)
def test_callable_finds_the_same_score(pairs):
    labels, probabilities = np.array(pairs).T
    scores = [
        f1_score(labels, probabilities > best_threshold(labels.astype(int), probabilities, scoring))
        for scoring in ("f1", FUNCTIONS["f1"])
    ]
    assert scores[0] == pytest.approx(scores[1])


def test_callable_is_called_at_most_100_times_for_a_label():
    rng = np.random.default_rng(0)
    labels, probabilities, calls = rng.integers(2, size=5000), rng.random(5000), []

    def metric(y_true, y_pred):
        calls.append(y_pred)
        return f1_score(y_true, y_pred)

    found, best = (best_threshold(labels, probabilities, scoring) for scoring in (metric, "f1"))
    assert len(calls) == 100
    scores = [f1_score(labels, probabilities > threshold) for threshold in (found, best)]
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


def test_threshold_is_in_the_middle_between_two_probabilities():
    labels, probabilities = np.array([0, 1, 0, 1]), np.array([0.1, 0.3, 0.2, 0.8], dtype=np.float32)
    assert best_threshold(labels, probabilities, "f1") == pytest.approx(0.25)


@pytest.mark.parametrize("scoring", [*METRICS, FUNCTIONS["f1"]], ids=[*METRICS, "function"])
@pytest.mark.parametrize("label", [0, 1])
def test_label_that_all_or_no_samples_have_gets_the_common_threshold(label, scoring):
    labels = np.column_stack([np.arange(50) > 30, np.full(50, label)]).astype(int)
    probabilities = np.column_stack([np.arange(50) / 50, np.full(50, label)])
    thresholds, scores = label_thresholds(labels, probabilities, scoring)
    assert thresholds[1] == pytest.approx(best_threshold(labels.ravel(), probabilities.ravel(), scoring))
    np.testing.assert_array_equal(np.isnan(scores), [False, True])
    assert label_thresholds(np.full((5, 2), label), np.full((5, 2), 0.1), scoring)[0].tolist() == [0.5, 0.5]


def test_thresholds_of_rare_labels_are_near_the_common_threshold():
    rng = np.random.default_rng(0)
    frequent = rng.random(2000)
    labels = np.column_stack([frequent > rng.random(2000), np.arange(2000) < 1]).astype(int)
    probabilities = np.column_stack([frequent, np.where(labels[:, 1], 0.05, 0.01 * frequent)])
    own = [best_threshold(labels[:, i], probabilities[:, i], "f1") for i in range(2)]
    common = best_threshold(labels.ravel(), probabilities.ravel(), "f1")
    thresholds, _ = label_thresholds(labels, probabilities, "f1")
    assert thresholds[0] == pytest.approx(own[0], abs=0.01)
    assert own[1] < 0.05 < thresholds[1] < common


@pytest.fixture(scope="module")
def topics():
    """Documents of real words. Each of 30 rare topics has a word, which other documents sometimes have too."""
    rng = np.random.default_rng(0)
    words = [word for text in load_bbc_news().data[:200] for word in text.split() if word.isalpha()]
    words = np.array(list(dict.fromkeys(words)))[:90]
    telling, neutral = words[:30], words[30:]
    y = (rng.random((2100, 30)) < 0.02).astype(int)
    documents = []
    for row in y:
        misleading = rng.choice(telling, size=int(rng.random() < 0.3))
        chosen = np.concatenate([rng.choice(neutral, size=8), telling[row > 0], misleading])
        documents.append(" ".join(rng.permutation(chosen).tolist()))
    return documents[:1400], y[:1400], documents[1400:], y[1400:]


@pytest.fixture(scope="module")
def tuned(topics):
    """A classifier that has chosen its thresholds. Tests must not change it."""
    changes = {"epochs": 12, "embedding_dim": 64, "learning_rate": 0.005, "learning_rate_decay": "cosine"}
    network = RNNTextClassifier(**{**SMALL, **changes}, max_ngrams=0)
    return MultilabelThresholdClassifier(network, cv=ShuffleSplit(1, test_size=0.4, random_state=0)).fit(
        *topics[:2]
    )


def test_thresholds_find_more_rare_labels(topics, tuned):
    documents, y = topics[2:]
    probabilities, predicted = tuned.predict_proba(documents), tuned.predict(documents)
    for average in ("micro", "macro"):
        at_one_half = f1_score(y, probabilities > 0.5, average=average, zero_division=0)
        assert f1_score(y, predicted, average=average, zero_division=0) > at_one_half + 0.05


def test_probabilities_of_rare_labels_are_better_than_base_rates(topics, tuned):
    documents, y = topics[2:]
    base_rates = np.tile(topics[1].mean(axis=0), (len(y), 1))
    losses = [
        np.mean([log_loss(y[:, i], columns[:, i], labels=[0, 1]) for i in range(30)])
        for columns in (tuned.predict_proba(documents), base_rates)
    ]
    assert losses[0] < 0.9 * losses[1]


# Quick classifiers of scikit-learn stand for any classifier in the following tests.
LINEAR = make_pipeline(TfidfVectorizer(), OneVsRestClassifier(LogisticRegression()))


@pytest.fixture(scope="module")
def small_topics(topics):
    return topics[0][:300], topics[1][:300].reshape(300, 3, 10).max(axis=2)


def test_thresholds_are_chosen_for_samples_that_the_classifier_has_not_seen(small_topics):
    documents, y = small_topics
    model = MultilabelThresholdClassifier(LINEAR, cv=4).fit(documents, y)
    folds = KFold(4, shuffle=True, random_state=0)
    held_back = cross_val_predict(LINEAR, documents, y, cv=folds, method="predict_proba")
    scores = [f1_score(y[:, i], held_back[:, i] > model.thresholds_[i]) for i in range(3)]
    np.testing.assert_allclose(model.scores_, scores)
    np.testing.assert_array_equal(model.thresholds_, label_thresholds(y, held_back, "f1")[0])
    expected = clone(LINEAR).fit(documents, y).predict_proba(documents)
    np.testing.assert_array_equal(model.predict_proba(documents), expected)
    np.testing.assert_array_equal(model.predict(documents), expected > model.thresholds_)
    assert not hasattr(model.estimator, "classes_")
    assert model.classes_.tolist() == [0, 1, 2]


def test_frozen_estimator_chooses_with_all_samples(small_topics):
    documents, y = small_topics
    fitted = clone(LINEAR).fit(documents[:200], y[:200])
    model = MultilabelThresholdClassifier(FrozenEstimator(fitted)).fit(documents[200:], y[200:])
    assert model.estimator_.estimator is fitted
    probabilities = fitted.predict_proba(documents[200:])
    expected, _ = label_thresholds(y[200:], probabilities, "f1")
    np.testing.assert_array_equal(model.thresholds_, expected)


@pytest.mark.parametrize(
    "cv", [2, KFold(2), ShuffleSplit(1, test_size=0.3), [(range(200), range(200, 300))]], ids=str
)
@pytest.mark.parametrize("container", [list, iter, np.array, pd.Series], ids=lambda container: container.__name__)
def test_every_split_and_container_is_taken(cv, container, small_topics):
    documents, y = small_topics
    model = MultilabelThresholdClassifier(LINEAR, cv=cv).fit(container(documents), y)
    assert model.thresholds_.shape == (3,)


@pytest.mark.parametrize("to_y", [pd.DataFrame, sparse.csr_matrix, np.ndarray.tolist], ids=str)
def test_every_indicator_matrix_is_taken(to_y, small_topics):
    documents, y = small_topics
    expected = MultilabelThresholdClassifier(LINEAR, cv=2).fit(documents, y).thresholds_
    found = MultilabelThresholdClassifier(LINEAR, cv=2).fit(documents, to_y(y)).thresholds_
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "classifier",
    [RandomForestClassifier(5, random_state=0), MultiOutputClassifier(LogisticRegression())],
    ids=lambda classifier: type(classifier).__name__,
)
def test_classifiers_that_return_a_list_of_probabilities_are_taken(classifier, small_topics):
    documents, y = small_topics
    y = np.column_stack([y, np.arange(len(y)) < 1])[::-1]  # the forest of a fold sees no sample of the last label
    model = MultilabelThresholdClassifier(make_pipeline(TfidfVectorizer(), classifier), cv=KFold(2))
    if isinstance(classifier, RandomForestClassifier):
        assert model.fit(documents, y).predict_proba(documents).shape == y.shape
        assert model.predict(documents).shape == y.shape
    else:
        assert model.fit(documents, y[:, :3]).predict(documents).shape == (len(y), 3)


def test_parameters_of_the_estimator_can_be_searched(small_topics):
    grid = {"estimator__onevsrestclassifier__estimator__C": [1, 100], "scoring": ["f1", "accuracy"]}
    model = MultilabelThresholdClassifier(LINEAR, cv=2)
    search = GridSearchCV(model, grid, cv=2, scoring="f1_micro", error_score="raise").fit(*small_topics)
    assert search.best_estimator_.thresholds_.shape == (3,)


def test_fit_parameters_are_split_and_routed(small_topics):
    documents, y = small_topics
    weights = np.arange(1.0, len(y) + 1)
    forest = RandomForestClassifier(5, random_state=0)
    X = TfidfVectorizer(max_features=20).fit_transform(documents)
    plain = MultilabelThresholdClassifier(forest, cv=2).fit(X, y)
    model = MultilabelThresholdClassifier(forest, cv=2).fit(X, y, sample_weight=weights)
    expected = clone(forest).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(model.estimator_.predict(X), expected.predict(X))
    assert np.any(model.scores_ != plain.scores_)
    with config_context(enable_metadata_routing=True):
        routed = MultilabelThresholdClassifier(clone(forest).set_fit_request(sample_weight=True), cv=2)
        routed.fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(routed.thresholds_, model.thresholds_)


def test_failed_fit_changes_nothing(small_topics):
    documents, y = small_topics
    model = MultilabelThresholdClassifier(LINEAR, cv=2).fit(documents, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(documents, y[:5])
    model.scoring = before["scoring"] = lambda *_: np.nan
    with pytest.raises(ValueError, match=r"Expected scoring=.* to return numbers; got nan"):
        model.fit(documents, y)
    assert vars(model) == before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"estimator": None}, "Expected estimator to be a classifier with fit and predict_proba"),
        ({"estimator": RNNTextClassifier}, "Expected estimator to be a classifier with fit and predict_proba"),
        ({"scoring": "f1_macro"}, "Expected scoring to be 'f1', 'accuracy', .* or a callable"),
        ({"cv": 1}, "Expected cv to be"),
        ({"cv": "prefit"}, "Expected cv to be"),
        ({"cv": []}, "at least one split"),
        ({"cv": [1, 2]}, "a pair of positions"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(params, message, small_topics):
    with pytest.raises(ValueError, match=message):
        MultilabelThresholdClassifier(**{"estimator": LINEAR, **params}).fit(*small_topics)


def test_one_label_is_refused(small_topics):
    documents, y = small_topics
    for one in (y[:, 0], y[:, :1], np.where(y[:, 0], "yes", "no")):
        with pytest.raises(ValueError, match="TunedThresholdClassifierCV"):
            MultilabelThresholdClassifier(LINEAR).fit(documents, one)


def test_prediction_before_fit_raises(small_topics):
    model = MultilabelThresholdClassifier(LINEAR)
    for method in (model.predict, model.predict_proba, model.decision_function):
        with pytest.raises(NotFittedError, match="MultilabelThresholdClassifier"):
            method(small_topics[0])
    assert not hasattr(model, "classes_")


def test_decision_function_is_that_of_the_estimator(topics, tuned):
    documents = topics[2][:5]
    np.testing.assert_array_equal(
        tuned.decision_function(documents), tuned.estimator_.decision_function(documents)
    )
    assert not hasattr(MultilabelThresholdClassifier(RandomForestClassifier()), "decision_function")


def test_tags_are_those_of_a_classifier_of_several_labels():
    tags = get_tags(MultilabelThresholdClassifier(RNNTextClassifier()))
    assert tags.input_tags == get_tags(RNNTextClassifier()).input_tags
    assert tags.estimator_type == "classifier"
    assert tags.classifier_tags.multi_label
    assert not tags.classifier_tags.multi_class


def test_repr_and_html_show_the_estimator(tuned):
    assert repr(MultilabelThresholdClassifier(RNNTextClassifier(units=3))) == (
        "MultilabelThresholdClassifier(estimator=RNNTextClassifier(units=3))"
    )
    assert "RNNTextClassifier" in tuned._repr_html_()


def test_predictions_are_explained(topics, tuned):
    found, expected = (
        token_attributions(model, topics[2][:1], method="occlusion")[0] for model in (tuned, tuned.estimator_)
    )
    np.testing.assert_array_equal(found.values, expected.values)


def test_files_restore_the_predictions(topics, tuned, tmp_path):
    documents = topics[2][:50]
    restored = pickle.loads(pickle.dumps(tuned))
    np.testing.assert_array_equal(restored.predict(documents), tuned.predict(documents))
    skops_io = pytest.importorskip("skops.io")
    path = tmp_path / "tuned.skops"
    model = MultilabelThresholdClassifier(FrozenEstimator(tuned.estimator_)).fit(*topics[2:])
    skops_io.dump(model, path)
    trusted = ["skrnn.MultilabelThresholdClassifier", "skrnn.RNNTextClassifier", "skrnn.SequenceVectorizer"]
    restored = skops_io.load(path, trusted=trusted)
    np.testing.assert_array_equal(restored.predict(documents), model.predict(documents))


@pytest.mark.parametrize(
    "damage", [{"estimator_": None}, {"thresholds_": None}, {"thresholds_": ["0.5"]}, {"scores_": 3}], ids=str
)
def test_damaged_state_is_refused(damage, tuned):
    state = {**tuned.__getstate__(), **damage}
    with pytest.raises(ValueError, match="its state is damaged"):
        MultilabelThresholdClassifier.__new__(MultilabelThresholdClassifier).__setstate__(state)


def test_fbeta_with_a_large_beta_lowers_thresholds(small_topics):
    documents, y = small_topics
    recall = MultilabelThresholdClassifier(LINEAR, scoring=partial(fbeta_score, beta=5), cv=2).fit(documents, y)
    precision = MultilabelThresholdClassifier(LINEAR, scoring=partial(fbeta_score, beta=0.1), cv=2)
    assert np.all(recall.thresholds_ <= precision.fit(documents, y).thresholds_)


def _two_labels(y):
    if y is None:
        return None
    is_high = column_or_1d(y) > np.median(y)
    return np.column_stack([is_high, ~is_high]).astype(int)


class _TwoLabels(MultilabelThresholdClassifier):
    """Takes a y with one number for each sample, which scikit-learn's checks of estimators have."""

    __module__ = __name__

    def fit(self, X, y, **fit_params):
        return super().fit(X, _two_labels(y), **fit_params)

    def score(self, X, y):
        return super().score(X, _two_labels(y))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = None  # checks of classifiers compare predictions with y
        return tags


@parametrize_with_checks(
    [_TwoLabels(KNeighborsClassifier(1), cv=2)],
    expected_failed_checks=lambda _: dict.fromkeys(
        ["check_estimator_sparse_array", "check_estimator_sparse_matrix"],
        "they expect predictions with one column",
    ),
)
def test_classifier_passes_scikit_learns_checks(estimator, check):
    check(estimator)
