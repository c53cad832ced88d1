"""Regressors of sequences and of text."""

import joblib
import numpy as np
import pytest
from conftest import SMALL, SMALL_NUMERIC, make_reviews, make_trends
from sklearn.base import is_regressor
from sklearn.metrics import mean_absolute_error

from skrnn import RNNSequenceRegressor, RNNTextRegressor


def regressor(**params):
    return RNNSequenceRegressor(**{**SMALL_NUMERIC, "epochs": 20, **params})


def test_constant_target_has_scale_one(trends):
    X, _ = trends
    values = np.column_stack(
        [np.full(60, 0.1), np.arange(60.0)]
    )  # the computed mean of these 60 values is not 0.1
    model = regressor(epochs=1).fit(X, values)
    np.testing.assert_allclose(model.target_scale_, [1, np.arange(60).std()])


def test_targets_of_weight_zero_can_be_huge(trends):
    X, y = trends
    values, weights = np.where(np.arange(60) < 5, 1e200, y), np.arange(60) >= 5
    with np.errstate(over="ignore"):
        weighted = regressor(epochs=1).fit(X, values, sample_weight=weights.astype(float))
    removed = regressor(epochs=1).fit(X[5:], y[5:])
    np.testing.assert_array_equal(weighted.predict(X), removed.predict(X))


def test_regressor_predicts_in_the_units_of_y(trends, tmp_path):
    X, y = trends
    values = 1e6 + 1e4 * y
    model = regressor().fit(X, values)
    assert is_regressor(model)
    assert model.predict(X).shape == (60,)
    assert model.score(X, values) > 0.8
    np.testing.assert_allclose([model.target_mean_[0], model.target_scale_[0]], [values.mean(), values.std()])
    joblib.dump(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib").predict(X), model.predict(X))


def test_outputs_can_have_different_units(trends):
    X, y = trends
    values = np.column_stack([y, -1000.0 * y + 5])
    model = regressor().fit(X, values)
    assert model.predict(X).shape == (60, 2)
    assert model.score(X, values) > 0.8
    assert regressor(epochs=1).fit(X, values[:, :1]).predict(X).shape == (60, 1)


def test_constant_target_is_predicted(trends):
    X, _ = trends
    np.testing.assert_allclose(regressor().fit(X, np.full(60, 7.3)).predict(X), 7.3, rtol=1e-9)
    targets = np.column_stack([np.full(60, 7.3), np.arange(60.0)])  # beside another target, too
    np.testing.assert_allclose(regressor().fit(X, targets).predict(X)[:, 0], 7.3, rtol=1e-9)


def test_absolute_error_is_less_sensitive_to_outliers(trends):
    X, y = trends
    values = y + np.where(np.arange(60) % 12 == 0, 50.0, 0.0)
    errors = {}
    for loss in ("squared_error", "absolute_error"):
        model = regressor(loss=loss, epochs=30).fit(X, values)
        errors[loss] = mean_absolute_error(y, model.predict(X))
    assert errors["absolute_error"] < errors["squared_error"]


def test_text_regressor_learns_from_words():
    documents, labels = make_reviews(n_classes=3, n_documents=90)
    stars = np.select([labels == "neg", labels == "pos"], [1.0, 5.0], 3.0)
    model = RNNTextRegressor(**{**SMALL, "epochs": 20}).fit(documents, stars)
    assert model.score(documents, stars) > 0.8
    assert model.history_.keys() == {"loss"}
    assert model.predict(["splendid"])[0] > model.predict(["terrible"])[0]


def test_regressor_stops_early():
    X, y = make_trends(n=200)
    model = regressor(early_stopping=True, epochs=5).fit(X, y)
    assert len(model.history_["val_loss"]) == model.n_iter_
    assert model.validation_scores_ == [-loss for loss in model.history_["val_loss"]]


def test_scale_of_the_target_uses_sample_weights(trends):
    X, y = trends
    values, weights = np.append(y, 1e9).astype(float), np.append(np.ones(60), 1e-12)
    model = regressor(epochs=1).fit([*X, X[0]], values, sample_weight=weights)
    assert model.target_scale_[0] < 1000


@pytest.mark.parametrize("weight", [1e305, 5e-324])
def test_scale_of_the_target_accepts_weights_of_any_size(trends, weight):
    X, y = trends
    usual, weighted = (regressor(epochs=1).fit(X, y * 1000.0, weights) for weights in (None, np.full(60, weight)))
    np.testing.assert_allclose(weighted.target_scale_, usual.target_scale_)


@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_targets_of_any_scale_are_learned(trends, scale):
    X, y = trends
    usual, scaled = regressor(epochs=1).fit(X, y), regressor(epochs=1).fit(X, y * scale)
    np.testing.assert_allclose(scaled.predict(X) / scale, usual.predict(X), rtol=1e-4)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(60) * 2e306, "finite standard deviation"),
        (np.full(60, np.nan), "NaN"),
        (["a"] * 60, "numbers; got <U1"),
        (np.zeros((60, 2, 2)), "n_outputs|dim 3"),
    ],
)
def test_invalid_numbers_are_refused(y, message, trends):
    with pytest.raises((TypeError, ValueError), match=message):
        regressor().fit(trends[0], y)
    with pytest.raises(ValueError, match="absolute_error"):
        regressor(loss="absolut_error").fit(*trends)
