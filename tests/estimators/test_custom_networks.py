"""Estimators with a custom network."""

import joblib
import numpy as np
import pytest
from conftest import EVERY_ESTIMATOR, SMALL, outputs, problem
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrnn import NetworkSpec, RNNTextClassifier


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def custom_network(spec: NetworkSpec):
    import keras

    from skrnn.layers import NaNMasking

    if spec.n_tokens is None:
        layers = [keras.Input((None, spec.n_features)), NaNMasking()]
    else:
        layers = [keras.Input((None,), dtype="int32"), keras.layers.Embedding(spec.n_tokens, 8, mask_zero=True)]
    output = keras.layers.Dense(spec.n_outputs, activation=spec.output_activation)
    return keras.Sequential([*layers, keras.layers.GRU(8), keras.layers.Dropout(0.1), output])


@EVERY_ESTIMATOR
def test_custom_networks_fit_predict_and_persist(cls, tmp_path):
    estimator, X, y = problem(cls)
    estimator.set_params(network=custom_network, epochs=10, units=9)
    estimator.fit(X, y)
    assert estimator.score(X, y) > 0.6
    assert [type(layer).__name__ for layer in estimator.model_.layers][-3:] == ["GRU", "Dropout", "Dense"]
    expected = outputs(estimator, X)
    np.testing.assert_array_equal(outputs(clone(estimator).fit(X, y), X), expected)
    joblib.dump(estimator, tmp_path / "estimator.joblib")
    np.testing.assert_array_equal(outputs(joblib.load(tmp_path / "estimator.joblib"), X), expected)
    np.testing.assert_allclose(outputs(estimator, X[:1]), expected[:1], rtol=1e-5, atol=1e-6)


def test_custom_networks_work_in_searches_and_streams(reviews):
    documents, y = reviews
    own = small(network=custom_network, epochs=2)
    search = GridSearchCV(own, {"learning_rate": [0.01]}, cv=2, n_jobs=2, error_score="raise")
    assert np.isfinite(search.fit(documents, y).cv_results_["mean_test_score"]).all()
    whole = own.fit(documents, y).predict_proba(documents)
    stream = clone(own).partial_fit(documents, y, classes=["neg", "pos"]).partial_fit(documents, y)
    np.testing.assert_array_equal(stream.predict_proba(documents), whole)
    with pytest.raises(ValueError, match="network would change it"):
        stream.set_params(network=None).partial_fit(documents, y)


def test_invalid_networks_are_refused(reviews):
    import keras

    with pytest.raises(TypeError, match=r"function from NetworkSpec to keras\.Model"):
        small(network="cnn").fit(*reviews)
    with pytest.raises(TypeError, match=r"to return a keras\.Model; it returned None"):
        small(network=lambda _spec: None).fit(*reviews)
    with pytest.raises(ValueError, match="model that is built"):
        small(network=lambda _spec: keras.Sequential([keras.layers.Dense(1)])).fit(*reviews)
    with pytest.raises(ValueError, match=r"outputs of shape \(batch, 1\)"):
        small(network=lambda _spec: keras.Sequential([keras.Input((None, 2)), keras.layers.LSTM(3)])).fit(*reviews)
