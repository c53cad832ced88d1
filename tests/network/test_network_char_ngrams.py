"""Character n-grams in the weights of a network."""

import numpy as np
import pytest
from conftest import random_weights, small_spec

from skrnn.network._char_ngrams import CharNgramVectors, from_training_weights, to_training_weights
from skrnn.text._char_ngrams import MOST_PER_TOKEN


def char_ngram_vectors(spec, token_vectors=None):
    """Return vectors of seven n-grams. Tokens 2 to 5 have up to three n-grams each."""
    rng = np.random.default_rng(0)
    rows = np.zeros((spec.n_tokens, MOST_PER_TOKEN), dtype=np.int32)
    rows[2:6, :3] = rng.integers(0, 7, size=(4, 3))
    return CharNgramVectors(rows, rng.normal(size=(7, spec.n_features)).astype(np.float32), token_vectors)


@pytest.mark.parametrize("n_ngrams", [0, 5])
def test_sums_equal_the_vectors_in_training(n_ngrams):
    from skrnn.network._keras import build_network, build_training_network

    spec = small_spec(n_ngrams=n_ngrams)
    weights = random_weights(spec)
    training_weights = to_training_weights(weights, char_ngram_vectors(spec))
    summed, _ = from_training_weights(training_weights)
    in_training, trained = build_training_network(spec, n_char_ngrams=7), build_network(spec)
    in_training.set_weights(list(training_weights.values()))
    trained.set_weights(list(summed.values()))
    ids = np.array([[2, 3, 4, 1, 10], [5, 5, 9, 0, 0], [0, 0, 0, 0, 0]], dtype=np.int32)
    np.testing.assert_allclose(*(model.predict(ids, verbose=0) for model in (in_training, trained)), atol=1e-5)
    assert not np.allclose(summed["embedding"][2:6], weights["embedding"][2:6])
    np.testing.assert_array_equal(summed["embedding"][6:], weights["embedding"][6:])


def test_training_weights_are_restored_exactly():
    spec = small_spec(n_ngrams=5)
    weights, token_vectors = random_weights(spec), random_weights(spec, seed=1)["embedding"]
    training_weights = to_training_weights(weights, char_ngram_vectors(spec, token_vectors))
    names = list(training_weights)
    assert names == ["char_ngram_embedding", "char_ngram_rows", *weights]
    again = to_training_weights(*from_training_weights(training_weights))
    assert list(again) == names
    for name, weight in training_weights.items():
        np.testing.assert_array_equal(again[name], weight)
    np.testing.assert_array_equal(again["embedding"], token_vectors)


def test_weights_without_character_ngrams_do_not_change():
    weights = random_weights(small_spec())
    assert to_training_weights(weights, None) is weights
    assert from_training_weights(weights) == (weights, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token_vectors": None}, "Expected token_vectors"),
        ({"token_vectors": np.zeros((5, 3), np.float32)}, "Expected token_vectors"),
        ({"rows": np.full((11, MOST_PER_TOKEN), 7, np.int32)}, "exceed the 7 vectors"),
        ({"rows": np.full((11, MOST_PER_TOKEN), -1, np.int32)}, "exceed the 7 vectors"),
        ({"rows": np.zeros((11, MOST_PER_TOKEN))}, "Expected rows .* int32"),
        ({"vectors": np.full((7, 3), np.nan, np.float32)}, "vectors .* infinity or NaN"),
    ],
)
def test_damaged_vectors_are_refused(changes, message):
    spec = small_spec()
    fields = {**vars(char_ngram_vectors(spec, np.zeros((11, 3), np.float32))), **changes}
    with pytest.raises(ValueError, match=message):
        CharNgramVectors(**fields).check((spec.n_tokens, spec.n_features))
