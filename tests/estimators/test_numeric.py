"""Estimators of numeric sequences, regressors, and targets of several columns."""

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, SMALL_NUMERIC, make_reviews
from scipy import sparse
from sklearn.base import is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mean_absolute_error
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNSequenceClassifier, RNNSequenceRegressor, RNNTextClassifier, RNNTextRegressor
from skrnn.datasets import load_spoken_digits


def classifier(**params):
    return RNNSequenceClassifier(**{**SMALL_NUMERIC, **params})


def regressor(**params):
    return RNNSequenceRegressor(**{**SMALL_NUMERIC, "epochs": 20, **params})


def make_trends(n=60, n_features=2, seed=0):
    """Sequences of different lengths that rise or fall."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    lengths = rng.integers(3, 10, size=n)
    slopes = 2 * y - 1
    X = [
        slope * np.linspace(-1, 1, length)[:, None] + rng.normal(scale=0.3, size=(length, n_features))
        for slope, length in zip(slopes, lengths, strict=True)
    ]
    return X, y


@pytest.fixture(scope="module")
def trends():
    return make_trends()


@pytest.fixture(scope="module")
def fitted(trends):
    """A fitted classifier; tests must not change it."""
    return classifier(epochs=15).fit(*trends)


# Shapes of X


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
        ([["a", "b"], ["c"]], "could not convert string to float"),
        (["some", "text"], "RNNTextClassifier"),
        (np.zeros((2, 2, 2, 2)), "n_steps, n_features|Found array with dim 4"),
        (sparse.eye(2).tocsr(), "[Ss]parse"),
        ([], "0 sample|minimum of 1|Expected 2D array"),
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


# Numbers as targets


def test_constant_target_has_scale_one(trends):
    X, _ = trends
    values = np.column_stack([np.full(60, 0.1), np.arange(60.0)])  # the mean of 60 times 0.1 is another number
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
    np.testing.assert_allclose(regressor().fit(X, np.full(60, 7.0)).predict(X), 7, atol=0.2)


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
        (["a"] * 60, "convert string"),
        (np.zeros((60, 2, 2)), "n_outputs|dim 3"),
    ],
)
def test_invalid_numbers_are_refused(y, message, trends):
    with pytest.raises(ValueError, match=message):
        regressor().fit(trends[0], y)
    with pytest.raises(ValueError, match="absolute_error"):
        regressor(loss="absolut_error").fit(*trends)


# Several labels for each sample


def make_multilabel(n=90):
    documents, labels = make_reviews(n_documents=n)
    rng = np.random.default_rng(0)
    is_long = rng.integers(2, size=n)
    documents = [
        f"{document} slowly" if slow else document for document, slow in zip(documents, is_long, strict=True)
    ]
    return documents, np.column_stack([labels == "pos", is_long]).astype(int)


def test_classifier_learns_several_labels():
    documents, Y = make_multilabel()
    model = RNNTextClassifier(**{**SMALL, "epochs": 15}).fit(documents, Y)
    probabilities = model.predict_proba(documents)
    assert probabilities.shape == Y.shape
    np.testing.assert_array_equal(model.predict(documents), probabilities > 0.5)
    assert model.score(documents, Y) > 0.9
    assert model.classes_.tolist() == [0, 1]
    same = RNNTextClassifier(**{**SMALL, "epochs": 15}).fit(documents, sparse.csr_matrix(Y))
    np.testing.assert_array_equal(same.predict_proba(documents), probabilities)


def test_multilabel_targets_stop_early_and_stream():
    documents, Y = make_multilabel()
    held_back = RNNTextClassifier(**{**SMALL, "early_stopping": True, "epochs": 2}).fit(documents, Y)
    assert held_back.validation_scores_ is not None
    stream = RNNTextClassifier(**SMALL).partial_fit(documents, Y).partial_fit(documents, Y)
    whole = RNNTextClassifier(**{**SMALL, "epochs": 2}).fit(documents, Y)
    np.testing.assert_array_equal(stream.predict_proba(documents), whole.predict_proba(documents))


def test_scorers_accept_two_labels():
    documents, Y = make_multilabel()
    scores = cross_val_score(
        RNNTextClassifier(**SMALL), documents, Y, cv=2, scoring="roc_auc", error_score="raise"
    )
    assert np.all(scores > 0.7)


def test_many_combinations_of_labels_are_split():
    documents, _ = make_multilabel(n=300)
    Y = np.random.default_rng(0).integers(2, size=(300, 16))  # hardly two samples have the same labels
    model = RNNTextClassifier(**{**SMALL, "early_stopping": True, "epochs": 1}).fit(documents, Y)
    assert model.validation_scores_ is not None


def test_invalid_indicator_matrices_are_refused():
    documents, Y = make_multilabel()
    with pytest.raises(ValueError, match="class_weight is for binary and multiclass"):
        RNNTextClassifier(**SMALL, class_weight="balanced").fit(documents, Y)
    with pytest.raises(ValueError, match="indicator matrix"):
        RNNTextClassifier(**SMALL).fit(documents, Y * 3)
    model = RNNTextClassifier(**{**SMALL, "epochs": 1}).fit(documents, Y)
    for other in (Y[:, 0], np.column_stack([Y, Y[:, 0]])):
        with pytest.raises(ValueError, match="classes"):
            model.partial_fit(documents, other)
    with pytest.raises(ValueError, match="indicator matrix"):
        model.partial_fit(documents, Y * 5)
    with pytest.raises(ValueError, match="y is multilabel"):
        RNNTextClassifier(**SMALL).partial_fit(documents, Y, classes=["a", "b"])
