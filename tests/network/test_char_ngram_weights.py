import numpy as np
import pytest
from conftest import random_weights, small_spec

from skrnn.text._char_ngrams import MOST_PER_TOKEN, sum_parts


@pytest.mark.parametrize("n_ngrams", [0, 5])
def test_summed_vectors_give_the_predictions_of_training(n_ngrams):
    from skrnn.network._keras import build_network, build_training_network

    spec = small_spec(n_ngrams=n_ngrams)
    rng = np.random.default_rng(0)
    rows = np.zeros((spec.n_tokens, MOST_PER_TOKEN), dtype=np.int32)
    rows[2:6, :3] = rng.integers(0, 7, size=(4, 3))
    vectors = rng.normal(size=(7, spec.n_features)).astype(np.float32)
    weights = {"char_ngram_embedding": vectors, "char_ngram_rows": rows, **random_weights(spec)}
    in_training, served = build_training_network(spec, n_char_ngrams=7), build_network(spec)
    in_training.set_weights(list(weights.values()))
    served.set_weights(list(sum_parts(weights).values()))
    ids = np.array([[2, 3, 4, 1, 10], [5, 5, 9, 0, 0], [0, 0, 0, 0, 0]], dtype=np.int32)
    np.testing.assert_allclose(*(model.predict(ids, verbose=0) for model in (in_training, served)), atol=1e-5)
    assert not np.allclose(sum_parts(weights)["embedding"][2:6], weights["embedding"][2:6])
    np.testing.assert_array_equal(sum_parts(weights)["embedding"][6:], weights["embedding"][6:])


def test_training_network_can_be_saved_and_cloned(tmp_path):
    import keras

    from skrnn.network._keras import build_training_network

    model = build_training_network(small_spec(n_ngrams=5), n_char_ngrams=7)
    model.save(tmp_path / "model.keras")
    ids = np.array([[2, 3, 4, 1, 10], [5, 5, 9, 0, 0]], dtype=np.int32)
    expected = model.predict(ids, verbose=0)
    np.testing.assert_array_equal(
        keras.saving.load_model(tmp_path / "model.keras").predict(ids, verbose=0), expected
    )
    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    np.testing.assert_array_equal(copied.predict(ids, verbose=0), expected)
