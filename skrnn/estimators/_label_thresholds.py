"""The threshold of each label, chosen on held-back samples: which threshold is best, and the meta-estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
from scipy.special import expit, logit
from sklearn import get_config
from sklearn.base import ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_method_params, check_is_fitted

from skrnn.estimators._samples import check_same_length
from skrnn.estimators._splits import SPLITS, positions_of_splits, rereadable
from skrnn.estimators._targets import check_labels, is_multilabel
from skrnn.utils._parameters import CALLABLE, Interval, Options, Where, is_plain_array, validated, validated_params
from skrnn.utils._persistence import PersistentEstimator

Metric = Callable[[np.ndarray, np.ndarray], float]

# A threshold that was chosen with so many samples counts as much as the threshold for all labels together.
_N_COMMON = 10

# A callable metric is computed for at most so many thresholds of a label.
_MOST_CALLS = 100


def _f1(tp: np.ndarray, fp: np.ndarray, n_positives: int, _: int) -> np.ndarray:
    return 2 * tp / (tp + fp + n_positives)


def _accuracy(tp: np.ndarray, fp: np.ndarray, n_positives: int, n_negatives: int) -> np.ndarray:
    return (tp + n_negatives - fp) / (n_positives + n_negatives)


def _balanced_accuracy(tp: np.ndarray, fp: np.ndarray, n_positives: int, n_negatives: int) -> np.ndarray:
    return (tp / n_positives + 1 - fp / n_negatives) / 2


def _matthews_corrcoef(tp: np.ndarray, fp: np.ndarray, n_positives: int, n_negatives: int) -> np.ndarray:
    n_with = tp + fp
    product = n_with * (n_positives + n_negatives - n_with) * n_positives * n_negatives
    # 0 if all or no samples get the label
    return (tp * n_negatives - fp * n_positives) / np.sqrt(np.maximum(product, 1))


# From the numbers of true positives, false positives, positives and negatives.
METRICS: Mapping[str, Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]] = {
    "f1": _f1,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "matthews_corrcoef": _matthews_corrcoef,
}


def label_thresholds(
    labels: np.ndarray, probabilities: np.ndarray, scoring: str | Metric
) -> tuple[np.ndarray, np.ndarray]:
    """Return the threshold of each label, and the score of each label with it: (n_labels,).

    The best threshold of a rare label for these samples is often far from the best one for others. So the fewer
    samples have a label, the nearer is its threshold to the best threshold for all labels together, as logits. A
    label that all or none of the samples have gets that threshold, and NaN as its score.

    Parameters
    ----------
    labels : ndarray of int, of shape (n_samples, n_labels)
    probabilities : ndarray of shape (n_samples, n_labels)
    scoring : str or callable
        The name of a metric, or a function ``metric(y_true, y_pred)``.
    """
    common = best_threshold(labels.ravel(), probabilities.ravel(), scoring)
    pairs = list(zip(labels.T, probabilities.T, strict=True))
    own = [best_threshold(*pair, scoring) for pair in pairs]
    n_scarce = np.minimum(labels.sum(axis=0), (1 - labels).sum(axis=0))
    share = n_scarce / (n_scarce + _N_COMMON)
    thresholds = expit(share * logit(own) + (1 - share) * logit(common))
    scores = [_score(*pair, threshold, scoring) for pair, threshold in zip(pairs, thresholds, strict=True)]
    return thresholds, np.array(scores)


def best_threshold(labels: np.ndarray, probabilities: np.ndarray, scoring: str | Metric) -> float:
    """Return the threshold with the highest score, or 0.5 if all or none of the samples have the label.

    It is in the middle between two neighbouring probabilities. If several are equally good, it is the highest.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        1 for samples with the label, else 0.
    probabilities : ndarray of shape (n_samples,)
    scoring : str or callable
        The name of a metric, or a function ``metric(y_true, y_pred)``.
    """
    n_samples, n_positives = len(labels), int(labels.sum())
    if n_positives in (0, n_samples):
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    edges = np.concatenate([[1.0], probabilities[order], [0.0]])  # in float64, where middles are exact
    above = np.flatnonzero(edges[:-1] > edges[1:])  # how many samples can be above a threshold
    thresholds = (edges[above] + edges[above + 1]) / 2
    tp = np.concatenate([[0], np.cumsum(labels[order])]).astype(np.float64)[above]
    fp = above - tp
    if isinstance(scoring, str):
        scores = METRICS[scoring](tp, fp, n_positives, n_samples - n_positives)
    else:
        rows = _worth_a_call(tp, fp)
        thresholds = thresholds[rows]
        scores = np.array([_score(labels, probabilities, t, scoring) for t in thresholds])
    if np.any(np.isnan(scores)):
        raise ValueError(f"Expected scoring={scoring!r} to return numbers; got nan.")
    return float(thresholds[np.argmax(scores)])


def _score(labels: np.ndarray, probabilities: np.ndarray, threshold: float, scoring: str | Metric) -> float:
    n_positives, predicted = int(labels.sum()), (probabilities > threshold).astype(int)
    if n_positives in (0, len(labels)):
        return np.nan
    if callable(scoring):
        return float(scoring(labels, predicted))
    tp = predicted @ labels
    return float(METRICS[scoring](tp, predicted.sum() - tp, n_positives, len(labels) - n_positives))


def _worth_a_call(tp: np.ndarray, fp: np.ndarray) -> np.ndarray:
    """Return the positions of thresholds for a callable metric.

    A metric that rewards true positives and punishes false positives is highest where a lower threshold adds a
    false positive, and a higher one loses a true positive. If there are too many, take some, spread evenly.
    """
    gains, costs = np.diff(tp, prepend=-1) > 0, np.diff(fp, append=np.inf) > 0
    rows = np.flatnonzero(gains & costs)
    return rows[np.unique(np.linspace(0, len(rows) - 1, _MOST_CALLS).astype(np.intp))]


def _has_predict_proba(estimator: Any) -> bool:
    return hasattr(estimator, "fit") and hasattr(estimator, "predict_proba") and not isinstance(estimator, type)


def _estimator_has(method: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), method)  # its error says why it is missing
        return True

    return check


_CLASSIFIER = Where("a classifier with fit and predict_proba", _has_predict_proba)

Classifier = TypeVar("Classifier", bound="MultilabelThresholdClassifier")


class MultilabelThresholdClassifier(ClassifierMixin, MetaEstimatorMixin, PersistentEstimator):
    """Classifier of several labels, with a threshold for each label that is chosen on held-back samples.

    A classifier predicts the labels with a probability above 0.5. Rare labels seldom reach it, so that most of
    their samples are missed. For each label, this meta-estimator chooses the threshold with the best score, for
    samples that the classifier has not seen. Thresholds do not change the probabilities.

    It is :class:`~sklearn.model_selection.TunedThresholdClassifierCV` for several labels.

    Parameters
    ----------
    estimator : estimator object
        A classifier of several labels with ``predict_proba``: an RNNTextClassifier, a pipeline or search around
        it, or a classifier of scikit-learn. Clones of it are fitted. To choose thresholds for a fitted classifier
        on samples that it has not seen, pass ``FrozenEstimator(fitted)`` (``sklearn.frozen.FrozenEstimator``).
    scoring : {"f1", "accuracy", "balanced_accuracy", "matthews_corrcoef"} or callable, default="f1"
        The score of each label. The best thresholds for "f1" also maximize the mean of the labels' scores
        ("f1_macro"). A callable ``metric(y_true, y_pred)`` gets zeros and ones for the samples, and higher is
        better, as ``functools.partial(fbeta_score, beta=2)``. At most 100 thresholds of each label are tried.
    cv : int, cross-validation generator or list of splits, default=5
        How samples are held back. For each split, a clone is fitted on the training part and predicts the other
        part. All predictions together choose the thresholds. An int is the number of folds, which are shuffled,
        always in the same way. ``ShuffleSplit(1, test_size=0.2)`` needs a single additional fit. For groups, pass
        ``list(GroupKFold(5).split(X, y, groups))``. Not used with a FrozenEstimator, for which all samples count
        as held back.

    Attributes
    ----------
    estimator_ : estimator object
        The classifier, fitted on all samples. A FrozenEstimator is not fitted again.
    thresholds_ : ndarray of shape (n_labels,)
        A label is predicted if its probability is above its threshold.
    scores_ : ndarray of shape (n_labels,)
        The score of each label on the held-back samples. It is a bit too high, because the threshold was chosen on
        the same samples. NaN for a label that all or none of them have.
    classes_ : ndarray of shape (n_labels,)
        The indices of the columns of y.
    n_features_in_ : int
        Number of columns of X. Only available if the fitted estimator has it.
    feature_names_in_ : ndarray of str
        Names of the columns. Only available if the fitted estimator has them.

    See Also
    --------
    RNNTextClassifier : Classifier for raw text.
    sklearn.model_selection.TunedThresholdClassifierCV : Choose the threshold of a binary classifier.

    Notes
    -----
    The best threshold of a rare label for the held-back samples is often far from the best one for new samples. So
    thresholds are drawn towards the best threshold for all labels together. For a label with ten samples, the
    threshold is in the middle between this one and its own, as logits. A label that all or none of the held-back
    samples have gets the threshold for all labels.

    ``score`` is the accuracy: the fraction of the samples for which all labels are correct. To measure labels
    one by one, pass ``predict(X)`` to :func:`~sklearn.metrics.f1_score` with ``average="macro"`` (mean over
    labels, rare ones count as much as frequent ones) or ``average="micro"`` (all decisions together).

    Examples
    --------
    >>> from sklearn.preprocessing import MultiLabelBinarizer
    >>> from skrnn import MultilabelThresholdClassifier, RNNTextClassifier
    >>> documents = ["cheap red bike", "red car", "blue bike", "green boat"] * 20
    >>> tags = [["bike", "cheap"], ["car"], ["bike"], []] * 20
    >>> binarizer = MultiLabelBinarizer()
    >>> y = binarizer.fit_transform(tags)
    >>> network = RNNTextClassifier(cell="simple", units=4, embedding_dim=8, epochs=20, random_state=0)
    >>> classifier = MultilabelThresholdClassifier(network, cv=2).fit(documents, y)
    >>> binarizer.inverse_transform(classifier.predict(["a cheap red bike", "red car"]))
    [('bike', 'cheap'), ('car',)]
    >>> classifier.thresholds_.shape
    (3,)
    """

    __module__ = "skrnn"

    _parameter_constraints = {
        "estimator": [_CLASSIFIER],
        "scoring": [Options(list(METRICS)), CALLABLE],
        "cv": [Interval(int, 2), SPLITS],
    }
    _learned_attribute = "estimator_"
    estimator_: Any
    thresholds_: np.ndarray
    scores_: np.ndarray

    def __init__(self, estimator: Any, *, scoring: str | Metric = "f1", cv: Any = 5) -> None:
        self.estimator = estimator
        self.scoring = scoring
        self.cv = cv

    def fit(self: Classifier, X: Any, y: Any, **fit_params: Any) -> Classifier:
        """Fit the classifier, and choose a threshold for each label.

        Parameters
        ----------
        X : iterable of str, sequences, or what the estimator takes
            Training samples.
        y : array-like of shape (n_samples, n_labels)
            Indicator matrix of the labels, with at least two columns.
        **fit_params : dict
            Parameters of the estimator's ``fit``, such as ``sample_weight``. With metadata routing, only those
            that the estimator requests. Those with as many entries as X are split. All held-back samples count the
            same in the choice of the thresholds.

        Returns
        -------
        self : object
            Fitted classifier.
        """
        params = validated_params(self, self._parameter_constraints)
        labels = check_labels(y)
        if not is_multilabel(labels):
            raise ValueError(
                "Expected y to be an indicator matrix with a column for each of several labels; got shape "
                f"{labels.shape}. For two classes, use sklearn.model_selection.TunedThresholdClassifierCV."
            )
        X, labels = rereadable(X), labels.astype(int)
        check_same_length("y", labels, X)
        splits = self._splits(labels)
        fit_params = self._routed(fit_params)
        fitted = clone(self.estimator).fit(X, labels, **fit_params)
        probabilities, held_back = [], []
        for train, test in splits:
            other = fitted
            if not isinstance(fitted, FrozenEstimator):
                train_params = _check_method_params(X, fit_params, train)
                other = clone(self.estimator).fit(_safe_indexing(X, train), labels[train], **train_params)
            probabilities.append(_label_probabilities(other, _safe_indexing(X, test), labels.shape[1]))
            held_back.append(labels[test])
        best = label_thresholds(np.concatenate(held_back), np.concatenate(probabilities), params.scoring)
        self.estimator_, (self.thresholds_, self.scores_) = fitted, best
        return self

    def _splits(self, labels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        if isinstance(self.estimator, FrozenEstimator):
            every = np.arange(len(labels))
            return [(every[:0], every)]
        splits = positions_of_splits(self.cv, labels, is_class=False)
        if not splits:
            raise ValueError(f"Expected cv to have at least one split; got {self.cv!r}.")
        return splits

    def _routed(self, fit_params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters for the estimator's ``fit``, which can be read again."""
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        return {name: list(value) if isinstance(value, Iterator) else value for name, value in fit_params.items()}

    def predict(self, X: Any) -> np.ndarray:
        """Predict the labels whose probabilities are above their thresholds.

        Parameters
        ----------
        X : iterable of str, sequences, or what the estimator takes
            Samples, as in :meth:`fit`.

        Returns
        -------
        labels : ndarray of int, of shape (n_samples, n_labels)
            Indicator matrix.
        """
        return (self.predict_proba(X) > self.thresholds_).astype(int)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the fitted estimator.

        Parameters
        ----------
        X : iterable of str, sequences, or what the estimator takes
            Samples, as in :meth:`fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_labels)
            The probability of each label. Thresholds do not change it.
        """
        check_is_fitted(self)
        return _label_probabilities(self.estimator_, X, len(self.thresholds_))

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the decision function of the fitted estimator, such as logits.

        Parameters
        ----------
        X : iterable of str, sequences, or what the estimator takes
            Samples, as in :meth:`fit`.

        Returns
        -------
        decisions : ndarray of shape (n_samples, n_labels)
            The value for each label. Thresholds do not change it.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which methods of the estimator get which metadata.

        Returns
        -------
        routing : MetadataRouter
            ``fit`` passes metadata to the estimator's ``fit``.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=type(self).__name__).add(estimator=self.estimator, method_mapping=mapping)

    @property
    def classes_(self) -> np.ndarray:
        check_is_fitted(self)
        return np.arange(len(self.thresholds_))

    @property
    def n_features_in_(self) -> int:
        check_is_fitted(self)
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        check_is_fitted(self)
        return self.estimator_.feature_names_in_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        return tags

    def _from_plain_state(self, state: dict[str, Any]) -> dict[str, Any]:
        if self._learned_attribute in state:
            check_is_fitted(validated("estimator_", state["estimator_"], [_CLASSIFIER]))
            for name in ("thresholds_", "scores_"):
                validated(name, state.get(name), [_NUMBERS])
        return state


_NUMBERS = Where(
    "an array with a number for each label",
    lambda value: is_plain_array(value) and value.dtype.kind == "f" and value.ndim == 1,
)


def _label_probabilities(estimator: Any, X: Any, n_labels: int) -> np.ndarray:
    """Return the probability of each label, (n_samples, n_labels)."""
    probabilities = estimator.predict_proba(X)
    if isinstance(probabilities, list):  # forests return the probabilities of the classes of each label
        pairs = zip(probabilities, estimator.classes_, strict=True)
        probabilities = np.column_stack([columns[:, classes == 1].sum(axis=1) for columns, classes in pairs])
    if probabilities.ndim != 2 or probabilities.shape[1] != n_labels:
        raise ValueError(
            f"Expected predict_proba of the estimator to return a probability for each of {n_labels} labels; got "
            f"shape {probabilities.shape}."
        )
    return probabilities
