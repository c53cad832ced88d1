"""The encoder: a transformer that returns the vectors of documents or numeric sequences."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from sklearn import get_config
from sklearn.base import ClassNamePrefixFeaturesOutMixin, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._base import BaseRNN
from skrnn.utils._parameters import Where, validated, validated_params
from skrnn.utils._persistence import PersistentEstimator


def _is_network(estimator: Any) -> bool:
    return isinstance(estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator, BaseRNN)


_NETWORK = Where(
    "an instance of RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier or RNNSequenceRegressor, or a "
    "FrozenEstimator around such an instance",
    _is_network,
)

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
    The network is overconfident about samples from which it has learned, and so are their vectors. A model that
    learns from these vectors and the same targets trusts them too much, and can be worse than without them. Fit
    the network on a part of the samples, pass it as a FrozenEstimator, and fit the model on the other part. Two
    such models with the parts exchanged use all samples: average their probabilities, as in
    ``examples/text_and_numbers.py``. ``StackingClassifier`` is an alternative that combines predictions instead
    of vectors.

    Examples
    --------
    A text column and a numeric column in one model. The network learns from the first half of the samples, and
    gradient boosting from the second half:

    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNEncoder, RNNTextClassifier
    >>> offers = pd.DataFrame(
    ...     {
    ...         "text": ["a fine bike", "an old bike", "a fine car", "an old car"] * 20,
    ...         "price": [90, 20, 80, 10] * 20,
    ...     }
    ... )
    >>> is_sold = [False, True, False, True] * 20
    >>> network = RNNTextClassifier(cell="simple", units=4, embedding_dim=4, epochs=5, random_state=0)
    >>> encoder = RNNEncoder(FrozenEstimator(network.fit(offers["text"][:40], is_sold[:40])))
    >>> columns = make_column_transformer((encoder, "text"), remainder="passthrough")
    >>> model = make_pipeline(columns, HistGradientBoostingClassifier(random_state=0))
    >>> model.fit(offers[40:], is_sold[40:]).predict(offers[:2])
    array([False,  True])

    The document that is most similar to a new one:

    >>> from sklearn.neighbors import NearestNeighbors
    >>> vectors = encoder.fit_transform(offers["text"])
    >>> vectors.shape
    (80, 12)
    >>> neighbours = NearestNeighbors(n_neighbors=1, metric="cosine").fit(vectors)
    >>> distances, rows = neighbours.kneighbors(encoder.transform(["an old boat"]))
    >>> offers["text"][rows[0, 0]]
    'an old bike'

    skrub finds the text columns of a table::

        from skrub import TableVectorizer

        TableVectorizer(high_cardinality=encoder).fit_transform(table, y)
    """

    __module__ = "skrnn"

    _parameter_constraints = {"estimator": [_NETWORK]}
    _learned_attribute = "estimator_"
    estimator_: Any

    def __init__(self, estimator: BaseRNN | FrozenEstimator) -> None:
        self.estimator = estimator

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
        validated_params(self, self._parameter_constraints)
        if self.estimator.network is not None:
            raise ValueError(
                "Expected the estimator to have network=None; got a custom network, from which vectors cannot be "
                "read."
            )
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        self.estimator_ = clone(self.estimator).fit(X, y, **fit_params)
        return self

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
