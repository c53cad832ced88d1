from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest
from conftest import SMALL, to_csr, tokens_of_ngrams
from hypothesis import given
from hypothesis import strategies as st

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.sequences._ngrams import (
    MAX_LENGTH,
    NO_NGRAM,
    frequent_ngrams,
    n_slots_for,
    ngram_rows,
    ngram_table,
    previous_in,
    slot_of,
)
from skrnn.sequences._storage import PADDING, UNKNOWN

token_ids = st.lists(st.lists(st.integers(1, 4), max_size=8), min_size=1, max_size=30)


def ngrams_of(row, length):
    """Return the n-grams without unknown tokens. They can start with the padding before the first token."""
    padded = [PADDING, *row]
    return {
        ngram
        for ngram in (tuple(padded[i : i + length]) for i in range(len(padded) - length + 1))
        if UNKNOWN not in ngram
    }


def rows_of(row, table):
    X = to_csr([row])
    return ngram_rows(X.data, previous_in(X), *table).tolist()


@patch("skrnn.sequences._ngrams._SHARE_OF_LETTERS", 0)  # treat tokens as letters, even if most are unknown
@given(token_ids, st.integers(1, 60))
def test_most_frequent_ngrams_are_chosen(rows, n_most):
    found = tokens_of_ngrams(frequent_ngrams(to_csr(rows), n_most))
    assert len(set(found)) == len(found) <= n_most
    room = n_most
    for length in range(2, MAX_LENGTH + 1):
        counts = Counter(ngram for row in rows for ngram in ngrams_of(row, length))
        frequent = [count for count in counts.values() if count >= (2 if length == 2 else 5)]
        chosen = [counts[ngram] for ngram in found if len(ngram) == length]
        assert chosen == sorted(frequent, reverse=True)[:room]
        room -= len(chosen)


@patch("skrnn.sequences._ngrams._SHARE_OF_LETTERS", 0)
@given(token_ids)
def test_longest_ngram_of_each_token_is_found(rows):
    chosen = frequent_ngrams(to_csr(rows), 1000)
    keys, slots = table = ngram_table(chosen, len(chosen) + 1)
    numbers = {}
    for number, (ngram, key) in enumerate(zip(tokens_of_ngrams(chosen), keys[1:], strict=True), start=1):
        has_its_slot = slots[slot_of(*key, len(slots))] == number
        if has_its_slot and (len(ngram) == 2 or ngram[:-1] in numbers):
            numbers[ngram] = number
    for row in rows:
        padded = (PADDING, *row)
        for end, found in enumerate(rows_of(row, table), start=2):
            ending = (padded[end - length : end] for length in range(MAX_LENGTH, 1, -1) if length <= end)
            assert found == next((numbers[ngram] for ngram in ending if ngram in numbers), NO_NGRAM)


def test_table_finds_only_its_ngrams():
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(2, 40_000, size=(3000, 2), dtype=np.int32), axis=0)
    chosen = rng.permutation(pairs)[:2000]
    table = ngram_table(chosen, len(chosen) + 1)
    rows = np.array([rows_of(pair, table)[1] for pair in chosen])
    found = rows != NO_NGRAM
    np.testing.assert_array_equal(rows[found], np.arange(1, 2001)[found])
    assert found.mean() > 0.85  # if two n-grams share a slot, the table drops the rarer one
    assert found[:100].all()
    others = pairs[~(pairs[:, None] == chosen[None]).all(axis=2).any(axis=1)]
    assert not any(rows_of(pair, table)[1] for pair in others)


def test_most_frequent_ngram_gets_a_shared_slot():
    n_slots = n_slots_for(3)
    ids = np.arange(2, 50_000, dtype=np.int32)
    sharing = ids[slot_of(np.int32(5), ids, n_slots) == slot_of(np.int32(5), ids[:1], n_slots)][:2]
    table = ngram_table(np.array([[5, sharing[1]], [5, sharing[0]]]), 3)
    assert [rows_of([5, token], table)[1] for token in sharing] == [NO_NGRAM, 1]


@pytest.mark.parametrize("n_rows", [1, 2, 63, 64, 65, 128, 129, 1000, 1024, 1025, 50_001])
def test_tables_for_the_same_graph_have_the_same_size(n_rows):
    from skrnn.training._reuse import round_up

    assert n_slots_for(round_up(n_rows)) == n_slots_for(n_rows)


def test_slots_of_large_ids_do_not_overflow():
    ids = np.array([0, 2**15, 2**25, 2**29], dtype=np.int32)
    for previous in ids:
        exact = [((int(previous) % 2**15) * 40503 + int(token)) % 512 for token in ids]
        assert slot_of(previous, ids, 512).tolist() == exact


def test_padding_comes_before_each_document():
    X = to_csr([[4, 5], [], [6], [7, 8, 9]])
    assert previous_in(X)(X.data, PADDING).tolist() == [0, 4, 0, 0, 7, 8]


@pytest.mark.parametrize(
    ("analyzer", "phrases"),
    [
        ("word", [" good not", " not good"]),
        ("char", ["xabacax", "xacabax"]),  # both contain the same pairs equally often
    ],
)
def test_ngrams_learn_the_order_of_tokens(analyzer, phrases):
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=120)
    documents = [" ".join(rng.choice(list("defghijk"), size=2)) + phrases[label] for label in labels]
    params = {**SMALL, "units": 1, "bidirectional": False, "learning_rate": 0.01, "epochs": 8, "dropout": 0}
    scores = [
        RNNTextClassifier(SequenceVectorizer(analyzer=analyzer), **params, max_ngrams=max_ngrams)
        .fit(documents[:80], labels[:80])
        .score(documents[80:], labels[80:])
        for max_ngrams in (200, 0)
    ]
    assert scores[0] > 0.95 > scores[1]


def test_ngrams_of_words_are_pairs():
    rng = np.random.default_rng(0)
    vocabulary = rng.integers(2, 400, size=(50, 20))
    rows = [[2, 3, 4, *row] for row in vocabulary.tolist()]
    unknown = [[*row[:3], *[UNKNOWN] * 20] for row in rows]
    for documents in (rows, unknown):
        assert max(map(len, tokens_of_ngrams(frequent_ngrams(to_csr(documents), 1000)))) == 2
    assert (2, 3, 4) in tokens_of_ngrams(frequent_ngrams(to_csr([row[:3] for row in rows]), 1000))


def test_networks_without_frequent_ngrams_have_no_ngram_vectors(reviews):
    distinct = [f"w{i} x{i}" for i in range(20)]
    fitted = RNNTextClassifier(**{**SMALL, "epochs": 1}).fit(distinct, ["a", "b"] * 10)
    assert fitted._fitted.network.spec.n_ngrams == 0
    assert np.isfinite(fitted.predict_proba(["w1 x1", ""])).all()
    for params in ({"max_ngrams": 0}, {"trainable_embeddings": False}):
        fitted = RNNTextClassifier(**{**SMALL, "epochs": 1, **params}).fit(*reviews)
        assert fitted._fitted.network.spec.n_ngrams == 0


def test_max_ngrams_limits_the_ngrams(reviews):
    fitted = RNNTextClassifier(**{**SMALL, "epochs": 1}, max_ngrams=10).fit(*reviews)
    assert fitted._fitted.network.weights["ngram_embedding"].shape == (11, SMALL["embedding_dim"])


def test_ngrams_without_a_vector_add_nothing():
    texts = ["a b c d", "b a d c", "a b d c", "c d a b"] * 3
    classifier = RNNTextClassifier(**SMALL, max_ngrams=4).fit(texts, [0, 1, 0, 1] * 3)
    vectors = classifier._fitted.network.weights["ngram_embedding"]
    np.testing.assert_array_equal(vectors[NO_NGRAM], 0)
    assert np.all(vectors[NO_NGRAM + 1 :].any(axis=1))
