from dataclasses import replace

import numpy as np
import pytest
from conftest import random_weights, small_spec, to_csr, tokens_of_ngrams
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skrnn.network._numpy import NumpyNetwork
from skrnn.network._pruning import importance, pruned
from skrnn.network._weights import check_weights, compacted, table, without_slots

SPEC = small_spec(n_tokens=12, n_ngrams=40, skip_connection=True, n_linear_tokens=15, n_linear_char_ngrams=6)
ALL = np.ones(6, dtype=bool)
WITHOUT = small_spec(n_tokens=12)


def masks(n, n_fixed):
    return arrays(bool, n).map(lambda mask: np.where(np.arange(n) < n_fixed, True, mask))


def names(keys):
    """Return each n-gram as the tuple of its tokens."""
    return tokens_of_ngrams(keys[1:])


@given(masks(15, 3), masks(40, 1), masks(6, 0), st.integers(0, 9), st.sampled_from(["int8", "float16"]))
def test_the_tokens_and_ngrams_that_are_kept_keep_their_rows(keeps_token, keeps_ngram, keeps_char, seed, dtype):
    weights = compacted(random_weights(SPEC, seed), dtype)
    spec, smaller = pruned(SPEC, weights, keeps_token, keeps_ngram, keeps_char)
    check_weights(spec, without_slots(smaller))
    tokens = np.flatnonzero(keeps_token)
    vectors = tokens[tokens < SPEC.n_tokens]
    np.testing.assert_array_equal(table(smaller, "embedding")[:], table(weights, "embedding")[vectors])
    np.testing.assert_array_equal(table(smaller, "linear/tokens")[:], table(weights, "linear/tokens")[tokens])
    if keeps_char.any():
        of_chars = table(weights, "linear/char_ngrams")[np.flatnonzero(keeps_char)]
        np.testing.assert_array_equal(table(smaller, "linear/char_ngrams")[:], of_chars)

    kept = [0]
    for row, (prefix, token) in enumerate(weights["ngram_keys"].tolist()):
        begins = ~prefix in kept if prefix < 0 else keeps_token[prefix]
        if row and keeps_ngram[row] and keeps_token[token] and begins:
            kept.append(row)
    for name in ("ngram_embedding", "linear/ngrams"):
        np.testing.assert_array_equal(table(smaller, name)[:], table(weights, name)[kept])
    expected = np.array(names(weights["ngram_keys"]), dtype=object)[np.array(kept[1:], dtype=int) - 1]
    new_names = [tuple(tokens[list(ngram)]) for ngram in names(smaller["ngram_keys"])]
    assert new_names == list(expected)


@given(st.lists(st.lists(st.integers(1, 14), max_size=6), min_size=1, max_size=5), masks(15, 3))
def test_removed_tokens_predict_as_unknown_tokens(documents, keeps_token):
    weights = random_weights(SPEC)
    every_ngram = np.ones(SPEC.n_ngrams, dtype=bool)
    spec, smaller = pruned(SPEC, weights, keeps_token, every_ngram, ALL)
    ids = np.where(keeps_token, np.cumsum(keeps_token) - 1, 1)
    # N-grams may share slots with others than before. Their rows are zeros, so that only tokens count.
    smaller["ngram_embedding"][:] = smaller["linear/ngrams"][:] = 0
    new = NumpyNetwork(spec, smaller).predict(to_csr([ids[document].tolist() for document in documents]))
    weights["ngram_embedding"][:] = weights["linear/ngrams"][:] = 0
    unknown = [[token if keeps_token[token] else 1 for token in document] for document in documents]
    np.testing.assert_allclose(new, NumpyNetwork(SPEC, weights).predict(to_csr(unknown)), rtol=0, atol=1e-6)


def test_a_network_without_ngrams_is_pruned():
    keeps = np.array([True] * 5 + [False] * 7)
    spec, smaller = pruned(WITHOUT, random_weights(WITHOUT), keeps, *[np.zeros(0, dtype=bool)] * 2)
    check_weights(spec, smaller)
    assert spec.n_tokens == 5
    assert importance(WITHOUT, random_weights(WITHOUT), np.full(12, 5), np.empty(0))[1].shape == (0,)


def test_importance_grows_with_rows_and_frequency():
    weights = random_weights(SPEC)
    of_tokens, of_ngrams, _ = importance(SPEC, weights, np.full(15, 5), np.full(6, 5))
    assert of_tokens.shape == (15,)
    assert of_ngrams.shape == (40,)
    for name in ("embedding", "linear/tokens"):
        weights[name][5] = weights[name][1]  # as the unknown token
        weights[name][7] = weights[name][6] = 1 + weights[name][1]
    of_tokens, *_ = importance(SPEC, weights, np.full(15, 5), np.full(6, 5))
    assert of_tokens[5] == 0
    assert of_tokens[6] == pytest.approx(of_tokens[7] * 6 / 5)
    longer, *_ = importance(SPEC, weights, np.arange(15) * 100, np.full(6, 5))
    assert np.all(longer[6:] < of_tokens[6:])


def test_vectors_count_by_their_part_in_the_logits():
    weights = random_weights(SPEC)
    weights["linear/tokens"][:] = 0
    weights["output/kernel"][-SPEC.n_features :] = [[1] * 3, [0] * 3, [0] * 3]
    weights["embedding"][4] = weights["embedding"][1] + np.float32([0, 9, 9])
    weights["embedding"][5] = weights["embedding"][1] + np.float32([1, 0, 0])
    for skip_connection in (True, False):
        spec = replace(SPEC, skip_connection=skip_connection)
        of_tokens, *_ = importance(spec, weights, np.full(15, 5), np.full(6, 5))
        assert (of_tokens[4] < 1e-6) == skip_connection
        assert of_tokens[5] > 1e-4


def test_ngrams_that_are_never_found_have_no_importance():
    weights = random_weights(SPEC)
    weights["ngram_slots"][weights["ngram_slots"] == 3] = 0
    _, of_ngrams, _ = importance(SPEC, weights, np.full(15, 5), np.full(6, 5))
    assert of_ngrams[3] == 0
    assert of_ngrams[np.unique(weights["ngram_slots"])[1:]].min() > 0


def test_equal_rows_are_no_error():
    weights = {name: np.zeros_like(weight) for name, weight in random_weights(SPEC).items()}
    of_tokens, of_ngrams, _ = importance(SPEC, weights, np.full(15, 5), np.full(6, 5))
    assert not of_tokens.any()
    assert not of_ngrams.any()
