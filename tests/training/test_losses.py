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


def test_smoothed_loss_equals_the_loss_of_one_hot_targets():
    import keras

    from skrnn.training._losses import SmoothedCrossentropy

    rng = np.random.default_rng(0)
    classes, outputs = rng.integers(4, size=10), rng.dirichlet(np.ones(4), size=10).astype(np.float32)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)(np.eye(4)[classes], outputs)
    found = SmoothedCrossentropy(0.1)(classes, outputs)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5)
