"""Numeric sequences as input."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import SMALL_NUMERIC, make_trends, needs_spoken_digits
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNSequenceClassifier
from skrnn.datasets import load_spoken_digits


def classifier(**params):
    return RNNSequenceClassifier(**{**SMALL_NUMERIC, **params})


@pytest.fixture(scope="module")
def fitted(trends):
    """A fitted classifier. Tests must not change it."""
    return classifier(epochs=15).fit(*trends)


def test_classifier_learns_the_order_of_time_steps(fitted, trends):
    X, y = trends
    assert fitted.score(*make_trends(seed=1)) > 0.9
    assert fitted.score([sequence[::-1] for sequence in X], 1 - y) > 0.9
    assert fitted.n_features_in_ == 2


def test_lists_and_arrays_of_equal_length_agree():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 5, 3)), np.arange(20) % 2
    from_array = classifier(epochs=1).fit(X, y).predict_proba(X)
    for container in (list, tuple, lambda X: X.tolist()):
        np.testing.assert_array_equal(
            classifier(epochs=1).fit(container(X), y).predict_proba(container(X)), from_array
        )


def test_containers_of_sequences_agree(fitted, trends):
    X, _ = trends
    expected = fitted.predict_proba(X)
    objects = np.empty(len(X), dtype=object)
    objects[:] = X
    for same in (tuple(X), objects, pd.Series(X), [sequence.tolist() for sequence in X]):
        np.testing.assert_array_equal(fitted.predict_proba(same), expected)


def test_columns_of_lists_are_sequences(fitted, trends):
    X, _ = trends

    lists = [sequence.tolist() for sequence in X]
    for column in (pa.array(lists), pa.chunked_array([lists]), pl.Series(lists)):
        np.testing.assert_array_equal(fitted.predict_proba(column), fitted.predict_proba(X))


def test_slices_of_an_array_of_series_are_accepted():
    rng = np.random.default_rng(0)
    X, y = np.empty(12, dtype=object), np.arange(12) % 2
    X[:] = [rng.normal(size=3 + i % 3) for i in range(12)]
    series = classifier(epochs=1).fit(X, y)
    for part in (X[::3], X[:1]):
        np.testing.assert_array_equal(series.predict_proba(part), series.predict_proba(list(part)))
    classifier(epochs=1).fit(X[::3], [0, 1, 0, 1])


@pytest.mark.parametrize("n_val", [30, 29])
def test_scores_use_validation_series_of_other_lengths(n_val):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(40, 6)), columns=list("abcdef"))
    X_val, y_val = [rng.normal(size=4 + 4 * (i % 2)) for i in range(n_val)], np.arange(n_val) % 2
    series = classifier(epochs=1, early_stopping=True, scoring="neg_log_loss")
    series.fit(table, np.arange(40) % 2, X_val=X_val, y_val=y_val)
    np.testing.assert_allclose(series.validation_scores_, -log_loss(y_val, series.predict_proba(X_val)), rtol=1e-6)


@pytest.mark.filterwarnings("error:X does not have valid feature names")
def test_scoring_a_table_does_not_warn_about_names():
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=list("abc"))
    classifier(epochs=1, early_stopping=True, scoring="accuracy").fit(table, np.arange(40) % 2)


def test_univariate_series_can_have_different_lengths():
    rng = np.random.default_rng(0)
    table, y = rng.normal(size=(30, 6)), np.arange(30) % 2
    series = classifier(epochs=1).fit(table, y)
    expected = series.predict_proba(table)
    assert series.n_features_in_ == 6
    columns = classifier(epochs=1).fit(table[:, :, None], y)
    assert columns.n_features_in_ == 1
    np.testing.assert_array_equal(columns.predict_proba(table[:, :, None]), expected)
    np.testing.assert_array_equal(columns.predict_proba(table), expected)
    longer = [np.ones(9)]
    np.testing.assert_allclose(series.predict_proba(longer), series.predict_proba([*longer, np.ones(2)])[:1])
    ragged = [table[0], table[1, :3], table[2, :1]]
    np.testing.assert_allclose(series.predict_proba(ragged)[0], expected[0], rtol=1e-12)
    with pytest.raises(ValueError, match="X has 4 features, but RNNSequenceClassifier is expecting 6 features"):
        series.predict(table[:, :4])


def test_data_frame_sets_feature_names():
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=["mon", "tue", "wed"])
    y = np.arange(30) % 2
    series = classifier(epochs=1).fit(table, y)
    assert series.feature_names_in_.tolist() == ["mon", "tue", "wed"]
    with pytest.raises(ValueError, match="feature names should match"):
        series.predict(table[["tue", "mon", "wed"]])
    assert not hasattr(series.fit(list(table.to_numpy()[:, :, None]), y), "feature_names_in_")


def test_empty_sequences_are_accepted(trends):
    X, y = trends
    X = [*X, np.empty((0, 2))]
    probabilities = classifier(epochs=1).fit(X, [*y, 1]).predict_proba(X)
    assert np.all(np.isfinite(probabilities))


def test_empty_series_are_accepted():
    X, y = [[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]] * 4, [0, 1, 0] * 4
    model = classifier(epochs=1).fit(X, y)
    beside_another = model.predict_proba([[], [1.0, 2.0]])
    np.testing.assert_allclose(model.predict_proba([[]]), beside_another[:1], rtol=1e-12)


def test_zeros_are_data_and_not_padding(trends):
    X, y = trends
    padded = [np.vstack([sequence, np.zeros((3, 2))]) for sequence in X]
    model = classifier(epochs=2, pooling="mean").fit(padded, y)
    assert np.abs(model.predict_proba(padded) - model.predict_proba(X)).max() > 1e-3


def test_prediction_depends_on_the_sequence_alone(fitted, trends):
    X, _ = trends
    one_by_one = np.vstack([fitted.predict_proba([sequence]) for sequence in X])
    np.testing.assert_allclose(fitted.predict_proba(X), one_by_one, rtol=1e-12)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([np.zeros((3, 2)), np.zeros((4, 3))], r"sequence 0 has shape \(3, 2\), and sequence 1 \(4, 3\)"),
        ([np.zeros((3, 2)), np.zeros(4)], "same n_features"),
        ([np.zeros((3, 2, 2)), np.zeros((4, 2, 2))], "n_steps, n_features"),
        ([np.zeros((3, 2)), np.array([[0, 0], [0, np.nan]])], r"contains NaN.*See sequence 1"),
        ([np.zeros((3, 2)), np.full((1, 2), np.inf)], r"infinity.*See sequence 1"),
        ([["a", "b"], ["c"]], "numbers; got <U1"),
        (["some", "text"], "RNNTextClassifier"),
        (np.zeros((2, 2, 2, 2)), "n_steps, n_features|Found array with dim 4"),
        (sparse.eye(2).tocsr(), "[Ss]parse"),
        ([], "0 sample|minimum of 1|Expected 2D array"),
        (pd.DataFrame({"dim_0": [pd.Series([1.0, 2.0]), pd.Series([3.0])]}), "got Series.* X is a list of arrays"),
        (pd.DataFrame({"day": pd.date_range("2020", periods=2)}), "numbers; got datetime64"),
        ([np.zeros(2, "m8[s]"), np.zeros(3, "m8[s]")], "sequence 0 of X to be numbers; got timedelta64"),
        (np.ma.masked_greater(np.arange(12.0).reshape(2, 3, 2), 5), "without masked values"),
        ([np.zeros((3, 2)), None], "sequence 1 of X to be an array-like; got a NoneType"),
        ((sequence for sequence in np.zeros((2, 3, 2))), "got a generator. Pass a list"),
    ],
)  # fmt: skip
def test_invalid_sequences_are_refused(X, message):
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        classifier().fit(X, [0, 1])


def test_invalid_sequences_are_refused_in_predict(fitted):
    with pytest.raises(
        ValueError, match="X has 3 features at each time step, but RNNSequenceClassifier is expecting 2"
    ):
        fitted.predict(np.zeros((4, 5, 3)))
    with pytest.raises(ValueError, match=r"1 features at each time step.* single sequence needs a list"):
        fitted.predict(np.zeros((4, 5)))


def test_float32_and_float64_predict_the_same(fitted, trends):
    X, _ = trends
    halves = [sequence.astype(np.float32) for sequence in X]
    np.testing.assert_allclose(fitted.predict_proba(halves), fitted.predict_proba(X), atol=1e-5)


def test_searches_cut_lists_of_sequences(trends):
    grid = {"learning_rate": [0.01, 0.02]}
    search = GridSearchCV(classifier(), grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(*trends)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    scaled = make_pipeline(StandardScaler(), classifier(epochs=1))
    table = np.random.default_rng(0).normal(size=(20, 4))
    assert np.isfinite(cross_val_score(scaled, table, np.arange(20) % 2, cv=2, error_score="raise")).all()


@needs_spoken_digits
def test_classifier_beats_flat_models_on_spoken_digits():
    digits = load_spoken_digits()
    n = 400
    scaler = StandardScaler().fit(np.concatenate(digits.data[:n]))
    X, y = [scaler.transform(sequence) for sequence in digits.data[: n + 600]], digits.target[: n + 600]
    longest = max(map(len, X))
    flat = np.array([np.pad(sequence, ((0, longest - len(sequence)), (0, 0))).ravel() for sequence in X])
    flat_models = (KNeighborsClassifier(), LogisticRegression(max_iter=500))
    flat_scores = [model.fit(flat[:n], y[:n]).score(flat[n:], y[n:]) for model in flat_models]
    assert RNNSequenceClassifier(random_state=0).fit(X[:n], y[:n]).score(X[n:], y[n:]) > max(flat_scores)
