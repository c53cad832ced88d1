import numpy as np
import pytest
from conftest import QUICK, SMALL, make_reviews

from skrnn import RNNTextClassifier


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def quick(**params):
    return RNNTextClassifier(**{**QUICK, **params})


def test_label_smoothing_lowers_confidence(reviews):
    documents, _ = reviews
    rng = np.random.default_rng(0)
    for y in (reviews[1], make_reviews(n_classes=3)[1], rng.integers(2, size=(60, 3))):
        exact, smooth = (
            quick(epochs=20, label_smoothing=rate).fit(documents, y).predict_proba(documents) for rate in (0, 0.3)
        )
        assert np.abs(smooth - 0.5).max() < np.abs(exact - 0.5).max()
    with pytest.raises(ValueError, match="label_smoothing"):
        small(label_smoothing=1).fit(*reviews)


def test_smoothed_losses_equal_the_losses_of_smoothed_targets():
    import keras

    from skrnn.training._losses import SmoothedBinaryCrossentropy, SmoothedCategoricalCrossentropy

    rng = np.random.default_rng(0)
    base_rates = rng.dirichlet(np.ones(4))
    classes, outputs = rng.integers(4, size=10), rng.dirichlet(np.ones(4), size=10).astype(np.float32)
    smoothed = 0.9 * np.eye(4)[classes] + 0.1 * base_rates
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)(np.eye(4)[classes], outputs)
    found = SmoothedCategoricalCrossentropy(0.1)(classes, outputs)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5)
    expected = keras.losses.BinaryCrossentropy()(smoothed, outputs)
    found = SmoothedBinaryCrossentropy(0.1, base_rates)(np.eye(4, dtype=np.float32)[classes], outputs)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_a_probability_as_label_counts_as_weighted_samples_with_and_without_the_label(label_smoothing):
    from skrnn.training._losses import WeightedBinaryCrossentropy

    rng = np.random.default_rng(0)
    weights, base_rates = np.array([[1, 5], [2, 0], [0, 0]]), rng.random(3)
    y, outputs = rng.random((10, 3)).astype(np.float32), rng.random((10, 3)).astype(np.float32)
    loss = WeightedBinaryCrossentropy(label_smoothing, base_rates, weights)
    n = 1000
    present = (np.arange(n) < np.round(n * y[:, :, None])).astype(np.float32)  # (10, 3, n)
    samples = [loss(present[:, :, i], outputs) for i in range(n)]
    np.testing.assert_allclose(np.asarray(loss(y, outputs)), np.mean(samples), rtol=1e-3)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_weighted_loss_weights_each_label_of_a_sample(label_smoothing):
    import keras

    from skrnn.training._losses import WeightedBinaryCrossentropy

    rng = np.random.default_rng(0)
    y, outputs = rng.integers(2, size=(10, 3)), rng.random((10, 3)).astype(np.float32)
    weights, base_rates = rng.random((3, 2)), rng.random(3)
    smoothed = (1 - label_smoothing) * y + label_smoothing * base_rates
    elements = -smoothed * np.log(outputs) - (1 - smoothed) * np.log(1 - outputs)
    expected = np.mean(elements * np.take_along_axis(weights, y.T, axis=1).T)
    loss = WeightedBinaryCrossentropy(label_smoothing, base_rates, weights)
    np.testing.assert_allclose(np.asarray(loss(y.astype(np.float32), outputs)), expected, rtol=1e-5)
    unweighted = WeightedBinaryCrossentropy(0.0, base_rates, np.ones((3, 2)))(y.astype(np.float32), outputs)
    np.testing.assert_allclose(unweighted, keras.losses.BinaryCrossentropy()(y, outputs), rtol=1e-6)


def test_fits_with_other_weights_of_labels_share_a_graph_and_not_the_weights(reviews):
    documents, y = reviews
    Y = np.column_stack([y == "pos", y == "neg"]).astype(int)
    params = {"epochs": 2, "class_weight": [{1: 5}, {}], "linear_model": False}
    alone = quick(**params).fit(documents, Y).predict_proba(documents)
    other = quick(**{**params, "class_weight": [{}, {1: 5}]}).fit(documents, Y).predict_proba(documents)
    after = quick(**params).fit(documents, Y).predict_proba(documents)
    np.testing.assert_array_equal(alone, after)
    assert np.all((alone - other) * [1, -1] > 0)


def test_fits_with_other_base_rates_share_a_graph_and_not_the_rates(reviews):
    documents, y = reviews
    weights = np.where(np.asarray(y) == y[0], 5.0, 1.0)
    alone = quick(epochs=2).fit(documents, y).predict_proba(documents)
    quick(epochs=2).fit(documents, y, sample_weight=weights)
    after = quick(epochs=2).fit(documents, y).predict_proba(documents)
    np.testing.assert_array_equal(alone, after)


def rare_documents(n, n_labels, rate, seed):
    rng = np.random.default_rng(seed)
    y = rng.random((n, n_labels)) < rate
    words = rng.integers(50, size=(n, 6))
    documents = [
        " ".join([f"word{word}" for word in row] + [f"key{label}" for label in np.flatnonzero(labels)])
        for row, labels in zip(words, y, strict=True)
    ]
    return documents, y.astype(int)


@pytest.mark.parametrize(("n_labels", "rate"), [(1, 0.03), (12, 0.05)])
def test_probabilities_of_rare_classes_are_not_too_high(n_labels, rate):
    documents, y = rare_documents(800, n_labels, rate, seed=0)
    classifier = small(epochs=15, embedding_dim=16).fit(documents, y if n_labels > 1 else y[:, 0])
    probabilities = classifier.predict_proba(documents)[:, -n_labels:]
    assert probabilities.mean() == pytest.approx(y.mean(), rel=0.15)
    assert probabilities[y == 0].mean() < rate / 4
    assert probabilities[y == 1].mean() > 0.7
