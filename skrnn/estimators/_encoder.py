"""The encoder: a transformer that returns the vectors of documents or numeric sequences."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from sklearn import get_config
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    clone,
    is_classifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import _check_method_params, check_is_fitted

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._splits import SPLITS, positions_of_splits, rereadable
from skrnn.utils._parameters import NONE, Interval, Where, validated, validated_params
from skrnn.utils._persistence import PersistentEstimator


def _is_network(estimator: Any) -> bool:
    return isinstance(estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator, BaseRNN)


_NETWORK = Where(
    "an instance of RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier or RNNSequenceRegressor, or a "
    "FrozenEstimator around such an instance",
    _is_network,
)

# More would shrink the vectors of few samples.
_SMALL_PENALTY = 0.1

Encoder = TypeVar("Encoder", bound="RNNEncoder")


class RNNEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, MetaEstimatorMixin, PersistentEstimator):
    """Transform documents or numeric sequences into vectors with a recurrent network.

    The network of a classifier or regressor learns from y. The vector of a sample is what its output layer reads:
    the pooled hidden states, and with ``skip_connection=True`` also the sum of the token vectors. A model for
    tables can use the vectors beside numeric columns. Similar samples have similar vectors, so that nearest
    neighbours can be searched.

    Vectors are computed in NumPy, without TensorFlow.

    Parameters
    ----------
    estimator : estimator object
        An RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier or RNNSequenceRegressor. A clone of it is
        fitted. Its parameters can be set and searched, for example as ``estimator__units``. A custom `network` is
        not supported. To use a fitted estimator as it is, pass ``FrozenEstimator(fitted)``
        (``sklearn.frozen.FrozenEstimator``).
    cv : int, cross-validation generator, list of splits or None, default=3
        The splits with which :meth:`fit_transform` computes the vectors of the training samples (cross-fitting).
        An int is the number of folds, which are shuffled, always in the same way, and stratified if each class has
        so many samples. Each fold costs a fit. None turns cross-fitting off, for vectors that are only compared
        with each other, as by nearest neighbours. For groups, pass ``list(GroupKFold(3).split(X, y, groups))``.
        Not used with a FrozenEstimator.

    Attributes
    ----------
    estimator_ : estimator object
        The fitted clone. A FrozenEstimator is not cloned.
    n_features_in_ : int
        Number of columns of X. Only available if the fitted estimator has it.
    feature_names_in_ : ndarray of str
        Names of the columns. Only available if X was a DataFrame with names that are all str.

    See Also
    --------
    RNNTextClassifier : Classifier for raw text.
    RNNTextRegressor : Regressor for raw text.
    RNNSequenceClassifier : Classifier for numeric sequences.
    RNNSequenceRegressor : Regressor for numeric sequences.

    Notes
    -----
    A network is too sure of the samples from which it has learned. A model that learns from their vectors and the
    same targets would trust them too much, and could be worse than without them. So :meth:`fit_transform`, which
    pipelines call, returns vectors of networks that have not seen the sample, as
    :class:`~sklearn.preprocessing.TargetEncoder` does. :meth:`transform` always uses the network that was fitted
    on all samples.

    Examples
    --------
    A model of a text column and a numeric column:

    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNEncoder, RNNTextClassifier
    >>> offers = pd.DataFrame(
    ...     {
    ...         "text": ["a fine bike", "an old bike", "a fine car", "an old car"] * 20,
    ...         "price": [90, 20, 80, 10] * 20,
    ...     }
    ... )
    >>> is_sold = [False, True, False, True] * 20
    >>> network = RNNTextClassifier(cell="simple", units=4, embedding_dim=4, epochs=20, random_state=0)
    >>> columns = make_column_transformer((RNNEncoder(network), "text"), remainder="passthrough")
    >>> model = make_pipeline(columns, HistGradientBoostingClassifier(random_state=0))
    >>> model.fit(offers, is_sold).predict(offers[:2])
    array([False,  True])

    The document that is most similar to a new one:

    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.neighbors import NearestNeighbors
    >>> encoder = RNNEncoder(FrozenEstimator(network.fit(offers["text"], is_sold)))
    >>> vectors = encoder.fit_transform(offers["text"])
    >>> vectors.shape
    (80, 12)
    >>> neighbours = NearestNeighbors(n_neighbors=1, metric="cosine").fit(vectors)
    >>> distances, rows = neighbours.kneighbors(encoder.transform(["an old boat"]))
    >>> offers["text"][rows[0, 0]]
    'an old bike'

    skrub finds the text columns of a table::

        from skrub import TableVectorizer

        TableVectorizer(high_cardinality=RNNEncoder(network)).fit_transform(table, y)
    """

    __module__ = "skrnn"

    _parameter_constraints = {"estimator": [_NETWORK], "cv": [Interval(int, 2), SPLITS, NONE]}
    _learned_attribute = "estimator_"
    estimator_: Any

    def __init__(self, estimator: BaseRNN | FrozenEstimator, *, cv: Any = 3) -> None:
        self.estimator = estimator
        self.cv = cv

    def fit(self: Encoder, X: Any, y: Any = None, **fit_params: Any) -> Encoder:
        """Fit a clone of the estimator.

        Parameters
        ----------
        X : iterable of str, or sequences
            Training samples, as the estimator takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets. A frozen estimator does not need them.
        **fit_params : dict
            Parameters of the estimator's ``fit``, such as ``sample_weight``. With metadata routing, only those
            that the estimator requests. A frozen estimator ignores them.

        Returns
        -------
        self : object
            Fitted encoder.
        """
        self.estimator_ = self._fit_clone(X, y, self._checked_fit_params(fit_params))
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> np.ndarray:
        """Fit a clone of the estimator, and return the vectors of the samples by cross-fitting.

        The vector of a sample comes from a network that was fitted without it. It differs from the result of
        ``fit(X, y).transform(X)``, unless `cv` is None or the estimator is frozen.

        Parameters
        ----------
        X : iterable of str, or sequences
            Training samples, as the estimator takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets. A frozen estimator does not need them.
        **fit_params : dict
            Parameters of the estimator's ``fit``, as in :meth:`fit`. Those with as many entries as X are split.

        Returns
        -------
        vectors : ndarray of shape (n_samples, n_features_out)
            The vectors, as from :meth:`transform`.
        """
        fit_params = self._checked_fit_params(fit_params)
        X = rereadable(X)
        if self.cv is None or isinstance(self.estimator, FrozenEstimator):
            fitted = self._fit_clone(X, y, fit_params)
            vectors = fitted._vectors(X)
        else:
            fitted, vectors = self._cross_fit(X, y, fit_params)
        self.estimator_ = fitted
        return vectors

    def _checked_fit_params(self, fit_params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters for the estimator's ``fit``, after a check of the encoder's own parameters."""
        validated_params(self, self._parameter_constraints)
        if self.estimator.network is not None:
            raise ValueError(
                "Expected the estimator to have network=None; got a custom network, from which vectors cannot be "
                "read."
            )
        if get_config()["enable_metadata_routing"]:
            return process_routing(self, "fit", **fit_params).estimator.fit
        return fit_params

    def _fit_clone(self, X: Any, y: Any, fit_params: dict[str, Any]) -> Any:
        return clone(self.estimator).fit(X, y, **fit_params)

    def _cross_fit(self, X: Any, y: Any, fit_params: dict[str, Any]) -> tuple[Any, np.ndarray]:
        """Return the estimator fitted on all samples, and vectors from networks that have not seen the sample.

        The units of two networks have different meanings. So a linear regression on the training samples maps the
        vectors of the other networks to the vectors of the network that was fitted on all samples.
        """
        fit_params = {
            name: list(value) if isinstance(value, Iterator) else value for name, value in fit_params.items()
        }
        targets = self.estimator._check_y(y)
        splits = self._splits(targets)
        fitted = self._fit_clone(X, y, fit_params)
        vectors = fitted._vectors(X)
        mapped = np.empty_like(vectors)
        for train, test in splits:
            X_train, params = _safe_indexing(X, train), _check_method_params(X, fit_params, train)
            other = self._fit_clone(X_train, targets[train], params)
            to_space = Ridge(alpha=_SMALL_PENALTY).fit(other._vectors(X_train), vectors[train])
            mapped[test] = to_space.predict(other._vectors(_safe_indexing(X, test)))
        return fitted, mapped

    def _splits(self, targets: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the positions of the training and test samples of each split, or raise ValueError."""
        is_class = is_classifier(self.estimator) and targets.ndim == 1
        positions = positions_of_splits(self.cv, targets, is_class=is_class)
        if sorted(chain.from_iterable(test for _, test in positions)) != list(range(len(targets))):
            raise ValueError("Expected each sample in the test part of exactly one split of cv.")
        if is_class and any(len(np.unique(targets[train])) < 2 for train, _ in positions):
            raise ValueError(
                "Expected samples of at least 2 classes in the training part of each split of cv. A class has too "
                "few samples for cross-fitting. Use cv=None."
            )
        return positions

    def transform(self, X: Any) -> np.ndarray:
        """Return the vectors of samples.

        Parameters
        ----------
        X : iterable of str, or sequences
            Samples, as in :meth:`fit`.

        Returns
        -------
        vectors : ndarray of shape (n_samples, n_features_out)
            The vectors. They are float32 for text. For numeric sequences they have the dtype of X.
        """
        check_is_fitted(self)
        return self.estimator_._vectors(X)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which methods of the estimator get which metadata.

        Returns
        -------
        routing : MetadataRouter
            ``fit`` and ``fit_transform`` pass metadata to the estimator's ``fit``.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit").add(caller="fit_transform", callee="fit")
        return MetadataRouter(owner=type(self).__name__).add(estimator=self.estimator, method_mapping=mapping)

    @property
    def n_features_in_(self) -> int:
        check_is_fitted(self)
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        check_is_fitted(self)
        return self.estimator_.feature_names_in_

    @property
    def _n_features_out(self) -> int:
        check_is_fitted(self)
        return self.estimator_._learned.network.spec.vector_dim

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        of_estimator = get_tags(self.estimator)
        tags.input_tags = of_estimator.input_tags
        tags.target_tags = of_estimator.target_tags
        tags.target_tags.required = not isinstance(self.estimator, FrozenEstimator)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"] if tags.input_tags.three_d_array else []
        return tags

    def _from_plain_state(self, state: dict[str, Any]) -> dict[str, Any]:
        if self._learned_attribute in state:
            check_is_fitted(validated("estimator_", state[self._learned_attribute], [_NETWORK]))
        return state
