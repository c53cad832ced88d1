"""Checks of text estimators: estimators that follow the conventions pass, and each check can fail."""

import copy
import inspect
from unittest import SkipTest

import numpy as np
import pytest
from conftest import SMALL
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import EstimatorCheckFailedWarning, SkipTestWarning
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skrnn import RNNTextClassifier, RNNTextRegressor
from skrnn.utils import estimator_checks
from skrnn.utils._text_checks import _api, _classifiers, _consistency, _inputs, _regressors
from skrnn.utils.estimator_checks import check_text_estimator, parametrize_with_text_checks, yield_text_checks


def count_words(X):
    if len(X) == 0:
        raise ValueError("Expected at least one document, got none.")
    return HashingVectorizer(alternate_sign=False, norm=None, n_features=2**12).transform(X)


def check_weights(sample_weight):
    if sample_weight is not None and not np.any(sample_weight):
        raise ValueError("Expected some sample_weight > 0; all are zero.")


class WordClassifier(ClassifierMixin, BaseEstimator):
    """Naive Bayes on words. It follows the conventions. Broken classifiers inherit from it."""

    def __init__(self, alpha=1.0, class_weight=None, vectorizer=None, max_iter=1):
        self.alpha = alpha
        self.class_weight = class_weight
        self.vectorizer = vectorizer
        self.max_iter = max_iter

    def fit(self, X, y, sample_weight=None):
        self.bayes_ = MultinomialNB(alpha=self.alpha)
        self.n_iter_ = 1
        return self.learn(X, y, sample_weight)

    def partial_fit(self, X, y, classes=None):
        if not hasattr(self, "bayes_"):
            self.bayes_ = MultinomialNB(alpha=self.alpha)
        elif not np.all(np.isin(y, self.classes_)):
            raise ValueError(f"Expected labels among {self.classes_}; got {np.unique(y)}.")
        self.bayes_.partial_fit(count_words(X), y, classes)
        return self

    def learn(self, X, y, sample_weight):
        check_classification_targets(y)
        check_weights(sample_weight)
        if self.class_weight is not None:
            sample_weight = compute_sample_weight(self.class_weight, y)
        self.bayes_.fit(count_words(X), y, sample_weight=sample_weight)
        return self

    @property
    def classes_(self):
        return self.bayes_.classes_

    def predict(self, X):
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X):
        check_is_fitted(self)
        return self.bayes_.predict_proba(count_words(X))

    def predict_log_proba(self, X):
        return np.log(self.predict_proba(X))


class WordRegressor(RegressorMixin, BaseEstimator):
    """Ridge regression on words, with its chunks stored. Broken regressors inherit from it."""

    def fit(self, X, y, sample_weight=None):
        check_weights(sample_weight)
        y = column_or_1d(y, warn=True)
        self.ridge_ = Ridge().fit(count_words(X), y, sample_weight=sample_weight)
        return self

    def partial_fit(self, X, y):
        self._chunks = [*getattr(self, "_chunks", []), (count_words(X), y)]
        counts, targets = zip(*self._chunks, strict=True)
        self.ridge_ = Ridge().fit(sparse.vstack(counts), np.concatenate(targets))
        return self

    def predict(self, X):
        check_is_fitted(self)
        return self.ridge_.predict(count_words(X))


WELL_BEHAVED = [
    RNNTextClassifier(**SMALL),
    RNNTextRegressor(**SMALL),
    make_pipeline(TfidfVectorizer(), LogisticRegression()),
    make_pipeline(CountVectorizer(), Ridge()),
    make_pipeline(CountVectorizer(), RidgeClassifier()),
    make_pipeline(CountVectorizer(), OneVsRestClassifier(LogisticRegression())),
    make_pipeline(CountVectorizer(), DecisionTreeClassifier(random_state=0)),
    WordClassifier(),
    WordClassifier(alpha=0.5, vectorizer=CountVectorizer()),
    WordRegressor(),
]


@parametrize_with_text_checks(WELL_BEHAVED)
def test_estimators_that_follow_the_conventions_pass(estimator, check):
    check(estimator)


BROKEN = []


def rejected_by(*checks, error=AssertionError, **params):
    """Register a class for checks that must reject it."""

    def register(cls):
        BROKEN.extend(pytest.param(check, cls(**params), error, id=f"{check}-{cls.__name__}") for check in checks)
        return cls

    return register


@rejected_by("check_text_estimator_cloneable", alpha=2.0)
class LosesParametersWhenCloned(WordClassifier):
    def __sklearn_clone__(self):
        return type(self)()


@rejected_by("check_text_estimator_cloneable")
class StaysFittedWhenCloned(WordClassifier):
    def __sklearn_clone__(self):
        return copy.copy(self)


@rejected_by("check_text_no_attributes_set_in_init")
class SetsOtherAttributesInInit(WordClassifier):
    def __init__(self, alpha=1.0):
        super().__init__(alpha=alpha)


@rejected_by("check_text_no_attributes_set_in_init", alpha=(1, 2))
class ConvertsInInit(BaseEstimator, ClassifierMixin):
    def __init__(self, alpha=(1,)):
        self.alpha = list(alpha)

    def __sklearn_clone__(self):
        return type(self)(alpha=self.alpha)


@rejected_by("check_text_do_not_raise_errors_in_init_or_set_params")
class ValidatesInInit(WordClassifier):
    def __init__(self, alpha=1.0):
        if alpha < 0:
            raise ValueError("alpha < 0")
        self.alpha = alpha


@rejected_by("check_text_get_and_set_params")
class AcceptsUnknownParameters(WordClassifier):
    def set_params(self, **params):
        vars(self).update(params)
        return self


@rejected_by("check_text_get_and_set_params")
class ReturnsNoneFromSetParams(WordClassifier):
    def set_params(self, **params):
        super().set_params(**params)


@rejected_by("check_text_estimator_type", "check_text_cross_val_score")
class MixinComesLast(BaseEstimator, ClassifierMixin):
    fit, predict, learn = WordClassifier.fit, WordClassifier.predict, WordClassifier.learn
    classes_, predict_proba = WordClassifier.classes_, WordClassifier.predict_proba
    alpha, class_weight = 1.0, None


@rejected_by("check_text_fit_score_takes_y")
class NamesTheTargetLabels(WordClassifier):
    def fit(self, X, labels):
        return super().fit(X, labels)


@rejected_by("check_text_fit_score_takes_y", "check_text_grid_search")
class ScoresNaN(WordClassifier):
    def score(self, X, y):
        return np.nan


@rejected_by("check_text_fit_returns_self")
class ReturnsNoneFromFit(WordClassifier):
    def fit(self, X, y):
        super().fit(X, y)


@rejected_by("check_text_unfitted")
class RaisesAttributeErrorBeforeFit(WordClassifier):
    def predict_proba(self, X):
        return self.bayes_.predict_proba(count_words(X))


@rejected_by("check_text_fit_keeps_parameters")
class ChangesParameters(WordClassifier):
    def fit(self, X, y):
        self.alpha = max(self.alpha, 2.0)
        return super().fit(X, y)


@rejected_by("check_text_fit_keeps_parameters", vectorizer=CountVectorizer())
class FitsAParameter(WordClassifier):
    def fit(self, X, y):
        self.vectorizer.fit(X)
        return super().fit(X, y)


@rejected_by("check_text_fit_attributes")
class AddsAPublicAttribute(WordClassifier):
    def fit(self, X, y):
        self.n_documents = len(X)
        return super().fit(X, y)


@rejected_by("check_text_fit_keeps_its_input")
class ChangesDocumentsInPlace(WordClassifier):
    def fit(self, X, y):
        for i, document in enumerate(X):
            X[i] = document.replace("rain", "sun")
        return super().fit(X, y)


@rejected_by("check_text_dict_unchanged")
class CountsPredictions(WordClassifier):
    def predict_proba(self, X):
        self.n_predictions_ = getattr(self, "n_predictions_", 0) + len(X)
        return super().predict_proba(X)


@rejected_by("check_text_pickle", alpha=2.0)
class LosesStateWhenPickled(WordClassifier):
    def __reduce__(self):
        return type(self), ()


@rejected_by("check_text_memory_mapped_estimator", error=ValueError)
class WritesToItsArrays(WordClassifier):
    def predict_proba(self, X):
        self.bayes_.feature_log_prob_ += 0
        return super().predict_proba(X)


@rejected_by("check_text_readonly_memmap_input", error=ValueError)
class WritesToTheTarget(WordClassifier):
    def fit(self, X, y):
        y[0] = y[0]
        return super().fit(X, y)


@rejected_by("check_text_document_containers", error=KeyError)
class IndexesDocuments(WordClassifier):
    def fit(self, X, y):
        return super().fit([X[i] for i in range(len(X))], y)


@rejected_by("check_text_document_containers")
class SortsDocumentsExceptLists(WordClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X if isinstance(X, list) else sorted(X))


@rejected_by("check_text_target_containers", error=KeyError)
class IndexesTargets(WordClassifier):
    def fit(self, X, y):
        return super().fit(X, [y[i] for i in range(len(y))])


@rejected_by("check_text_unknown_documents")
class DividesByTheNumberOfWords(WordClassifier):
    def predict_proba(self, X):
        n_words = np.array([len(document.split()) for document in X])
        with np.errstate(invalid="ignore"):
            return super().predict_proba(X) * (n_words / n_words)[:, None]


@rejected_by("check_text_sample_order_invariance")
class DependsOnTheFirstDocument(WordClassifier):
    def predict_proba(self, X):
        probabilities = super().predict_proba(X)
        return (probabilities + probabilities[:1]) / 2


@rejected_by("check_text_subset_invariance")
class DependsOnTheBatch(WordClassifier):
    def predict_proba(self, X):
        probabilities = super().predict_proba(X)
        return (probabilities + probabilities.mean(axis=0)) / 2


@rejected_by("check_text_fit_idempotent", "check_text_pipeline_consistency")
class IsNotSeeded(WordClassifier):
    def fit(self, X, y):
        return super().fit(X, y, sample_weight=np.random.default_rng().random(len(X)))


@rejected_by(
    "check_text_fit_idempotent", "check_text_refit_forgets", "check_text_fit_forgets_partial_fit", error=Exception
)
class ContinuesInFit(WordClassifier):
    def fit(self, X, y):
        return super().partial_fit(X, y, np.unique(y))


@rejected_by("check_text_refit_forgets")
class LeavesAttributes(WordClassifier):
    def fit(self, X, y):
        super().fit(X, y)
        if len(self.classes_) > 2:
            self.multiclass_ = True
        return self


@rejected_by("check_text_refit_forgets", "check_text_fit_forgets_partial_fit")
class DependsOnEarlierFits(WordClassifier):
    def fit(self, X, y):
        smoothing = 5 if hasattr(self, "bayes_") else 1
        super().fit(X, y)
        self.bayes_.set_params(alpha=smoothing).fit(count_words(X), y)
        return self


@rejected_by("check_text_supervised_y_2d")
class RavelsWithoutWarning(WordClassifier):
    def fit(self, X, y):
        return super().fit(X, np.ravel(y))


@rejected_by("check_text_bare_string_refused")
class AcceptsABareString(WordClassifier):
    def predict_proba(self, X):
        return super().predict_proba([X] if isinstance(X, str) else X)


@rejected_by("check_text_no_text_refused")
class ConvertsAnythingToText(WordClassifier):
    def fit(self, X, y):
        return super().fit([str(document) for document in X], y)


@rejected_by("check_text_no_documents_refused")
class AcceptsNoDocuments(WordClassifier):
    def predict(self, X):
        return super().predict(X) if len(X) else np.array([])


@rejected_by("check_text_inconsistent_lengths")
class TruncatesToTheShorter(WordClassifier):
    def fit(self, X, y):
        n = min(len(X), len(y))
        return super().fit(X[:n], y[:n])


@rejected_by("check_text_requires_y_none")
class FitsWithoutATarget(WordClassifier):
    def fit(self, X, y=None):
        return super().fit(X, np.arange(len(X)) % 2 if y is None else y)


@rejected_by("check_text_supervised_y_no_nan", "check_text_classifiers_regression_target")
class AcceptsAnythingAsLabel(WordClassifier):
    def fit(self, X, y):
        return super().fit(X, np.asarray(y).astype(str))


@rejected_by("check_text_sample_weight_equivalence")
class IgnoresWeights(WordClassifier):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y)


@rejected_by("check_text_sample_weight_containers")
class IgnoresListsOfWeights(WordClassifier):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, None if isinstance(sample_weight, list) else sample_weight)


@rejected_by("check_text_sample_weights_not_overwritten")
class ScalesWeightsInPlace(WordClassifier):
    def fit(self, X, y, sample_weight=None):
        sample_weight /= sample_weight.mean()
        return super().fit(X, y, sample_weight)


@rejected_by("check_text_sample_weights_refused")
class AcceptsWeightsOfAnyShape(WordClassifier):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, np.resize(sample_weight, len(X)))


@rejected_by("check_text_sample_weights_refused")
class AcceptsWeightsOfZero(WordClassifier):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, np.asarray(sample_weight) + 1)


@rejected_by("check_text_classifiers_one_label", "check_text_classifiers_one_label_sample_weights")
class RejectsOneLabelWithoutReason(WordClassifier):
    def fit(self, X, y, sample_weight=None):
        if len(set(y[np.flatnonzero(np.ones(len(y)) if sample_weight is None else sample_weight)])) < 2:
            raise ValueError("bad input shape")
        return super().fit(X, y)


@rejected_by("check_text_n_iter")
class HasNoNIter(WordClassifier):
    def fit(self, X, y):
        super().fit(X, y)
        del self.n_iter_
        return self


@rejected_by("check_text_partial_fit_classifier")
class GuessesTheClasses(WordClassifier):
    def partial_fit(self, X, y, classes=None):
        return super().partial_fit(X, y, np.unique(y) if classes is None else classes)


@rejected_by("check_text_partial_fit_classifier")
class IgnoresUnseenLabels(WordClassifier):
    def partial_fit(self, X, y, classes=None):
        if hasattr(self, "bayes_"):
            known = np.isin(y, self.classes_)
            X, y = [X[i] for i in np.flatnonzero(known)], np.asarray(y)[known]
        return super().partial_fit(X, y, classes)


@rejected_by("check_text_partial_fit_regressor")
class LearnsFromOneChunk(WordRegressor):
    def partial_fit(self, X, y):
        return self if hasattr(self, "ridge_") else super().partial_fit(X, y)


@rejected_by("check_text_classifiers_train")
class PredictsOneClass(WordClassifier):
    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@rejected_by("check_text_classifiers_train")
class ReversesClasses(WordClassifier):
    @property
    def classes_(self):
        return self.bayes_.classes_[::-1]


@rejected_by("check_text_classifiers_classes")
class PredictsStr(WordClassifier):
    def predict(self, X):
        return super().predict(X).astype(str)


@rejected_by("check_text_predict_proba")
class ReversesColumns(WordClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X)[:, ::-1]

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmin(axis=1)]


@rejected_by("check_text_predict_proba")
class ReturnsOneColumn(WordClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X)[:, 1:]


@rejected_by("check_text_predict_proba")
class ProbabilitiesDoNotSumToOne(WordClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X) * 0.9


@rejected_by("check_text_predict_log_proba")
class UsesLogarithmToBase2(WordClassifier):
    def predict_log_proba(self, X):
        return np.log2(self.predict_proba(X))


@rejected_by("check_text_decision_function")
class ReturnsTwoColumnsOfDecisions(WordClassifier):
    def decision_function(self, X):
        return self.predict_proba(X)


@rejected_by("check_text_decision_function")
class NegatesDecisions(WordClassifier):
    def decision_function(self, X):
        return self.predict_proba(X)[:, 0] - 0.5


@rejected_by("check_text_classifiers_one_label")
class InventsASecondLabel(WordClassifier):
    def predict(self, X):
        return np.resize(["calm", "rough"], len(X))


@rejected_by("check_text_class_weight_classifiers")
class IgnoresClassWeights(WordClassifier):
    def fit(self, X, y):
        self.bayes_ = MultinomialNB().fit(count_words(X), y)
        return self


class MultilabelClassifier(ClassifierMixin, BaseEstimator):
    def fit(self, X, Y):
        self.model_ = OneVsRestClassifier(LogisticRegression()).fit(count_words(X), Y)
        return self

    def predict(self, X):
        return self.model_.predict(count_words(X))

    def predict_proba(self, X):
        return self.model_.predict_proba(count_words(X))


@rejected_by("check_text_multilabel")
class PredictsProbabilities(MultilabelClassifier):
    def predict(self, X):
        return self.predict_proba(X)


@rejected_by("check_text_multilabel")
class PredictsOneLabel(MultilabelClassifier):
    def predict(self, X):
        probabilities = self.predict_proba(X)
        return (probabilities == probabilities.max(axis=1, keepdims=True)).astype(int)


@rejected_by("check_text_multilabel")
class ReturnsProbabilitiesOfOneLabel(MultilabelClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X)[:, :1]


@rejected_by("check_text_regressors_train")
class PredictsAColumn(WordRegressor):
    def predict(self, X):
        return super().predict(X)[:, None]


@rejected_by("check_text_regressors_train")
class PredictsTheMean(WordRegressor):
    def predict(self, X):
        return np.full(len(X), super().predict(X).mean())


@rejected_by("check_text_regressors_int")
class DividesIntegers(WordRegressor):
    def fit(self, X, y):
        return super().fit(X, y // 2 if y.dtype.kind == "i" else y / 2)


@rejected_by("check_text_regressors_multioutput")
class PredictsTheFirstOutput(WordRegressor):
    def fit(self, X, y):
        self.ridge_ = Ridge().fit(count_words(X), y)
        return self

    def predict(self, X):
        return super().predict(X)[:, 0]


@rejected_by("check_text_regressors_no_decision_function")
class RegressorWithDecisionFunction(WordRegressor):
    def decision_function(self, X):
        return self.predict(X)


# Each check by its name.
CHECKS = {
    name: check
    for module in (_api, _consistency, _inputs, _classifiers, _regressors)
    for name, check in inspect.getmembers(module, inspect.isfunction)
    if name.startswith("check_text_")
}


@pytest.mark.parametrize(("check", "estimator", "error"), BROKEN)
def test_checks_reject_broken_estimators(check, estimator, error):
    with pytest.raises(error) as raised:
        CHECKS[check](type(estimator).__name__, estimator)
    if error is AssertionError:
        assert "Expected" in str(raised.value)


def test_every_check_is_run_and_can_fail():
    run = {check.func.__name__ for estimator in WELL_BEHAVED for _, check in yield_text_checks(estimator)}
    assert run == CHECKS.keys()
    assert {broken.values[0] for broken in BROKEN} == CHECKS.keys()


def names(estimator):
    return {check.func.__name__ for _, check in yield_text_checks(estimator)}


def test_tags_and_methods_select_the_checks():
    class Unrepeatable(WordClassifier):
        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.non_deterministic = tags.no_validation = True
            return tags

    left_out = names(WordClassifier()) - names(Unrepeatable())
    assert {"check_text_fit_idempotent", "check_text_bare_string_refused"} <= left_out
    assert "check_text_pickle" in names(Unrepeatable())
    assert "check_text_regressors_int" not in names(WordClassifier())
    assert not any("classifier" in name or "proba" in name for name in names(WordRegressor()))


@pytest.mark.parametrize(
    ("estimator", "message"),
    [(WordClassifier, "got the class WordClassifier; instantiate it"), (TfidfVectorizer(), "is neither")],
)
def test_other_objects_are_rejected(estimator, message):
    with pytest.raises(TypeError, match=message):
        check_text_estimator(estimator)


def test_the_first_failure_is_raised():
    with pytest.raises(
        AssertionError, match=r"Expected ReturnsNoneFromFit.fit to return the estimator; it returned None"
    ):
        check_text_estimator(ReturnsNoneFromFit())


def test_failures_give_warnings_and_results():
    seen = []
    with pytest.warns(EstimatorCheckFailedWarning, match="check_text_n_iter"):
        results = check_text_estimator(HasNoNIter(), on_fail="warn", callback=lambda **result: seen.append(result))
    assert seen == results
    assert [result["check_name"] for result in results if result["status"] == "failed"] == ["check_text_n_iter"]
    assert all(result["exception"] is None for result in results if result["status"] == "passed")


def test_an_expected_failure_is_not_raised():
    expected = {"check_text_n_iter": "it does not count"}
    results = check_text_estimator(HasNoNIter(), expected_failed_checks=expected)
    (failed,) = (result for result in results if result["status"] != "passed")
    assert (failed["status"], failed["expected_to_fail_reason"]) == ("xfail", "it does not count")


def test_a_check_that_cannot_run_is_skipped(monkeypatch):
    def check_text_nothing(*_):
        raise SkipTest("there is nothing to check")

    monkeypatch.setattr(estimator_checks, "_yield_all_checks", lambda _: [check_text_nothing])
    with pytest.warns(SkipTestWarning, match="Skipped check_text_nothing for WordClassifier: there is nothing"):
        (result,) = check_text_estimator(WordClassifier())
    assert result["status"] == "skipped"


@pytest.mark.parametrize("options", [{"on_fail": "print"}, {"on_skip": "raise"}, {"callback": print}])
def test_invalid_options_are_rejected(options):
    with pytest.raises(ValueError, match=r"on_fail|on_skip"):
        check_text_estimator(WordClassifier(), **options)


def test_parametrized_tests_are_named_and_marked():
    mark = parametrize_with_text_checks(
        [HasNoNIter(alpha=2.0)],
        expected_failed_checks=lambda _: {"check_text_n_iter": "it does not count"},
        xfail_strict=True,
    ).mark
    names, params = mark.args
    assert names == ("estimator", "check")
    (marked,) = (param for param in params if param.marks)
    assert marked.values[1].func.__name__ == "check_text_n_iter"
    assert marked.marks[0].kwargs == {"reason": "it does not count", "strict": True}
    assert [mark.kwargs["ids"](value) for value in marked.values] == [
        "HasNoNIter(alpha=2.0)",
        "check_text_n_iter",
    ]


def test_the_passed_estimator_is_not_fitted():
    estimator = WordClassifier()
    check_text_estimator(estimator)
    assert vars(estimator) == vars(clone(estimator))
