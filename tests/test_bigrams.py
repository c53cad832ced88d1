"""Pairs of tokens: which get a vector, how they are found, and how naive Bayes starts their vectors."""

import numpy as np
import pytest
from conftest import SMALL, to_csr
from hypothesis import given
from hypothesis import strategies as st

from skrnn import RNNTextClassifier
from skrnn._bigrams import (
    NO_BIGRAM,
    bigram_rows,
    bigram_table,
    frequent_bigrams,
    n_slots_for,
    previous_ids,
    slot_of,
)
from skrnn._naive_bayes import start_with_naive_bayes
from skrnn._sequences import PADDING, UNKNOWN

token_ids = st.lists(st.lists(st.integers(1, 9), max_size=8), min_size=1, max_size=8)


def pairs_of(row):
    return zip([PADDING, *row[:-1]], row, strict=True) if row else ()


@given(token_ids, st.integers(1, 30))
def test_the_most_frequent_pairs_of_several_documents_are_chosen(rows, n_most):
    counts = {}
    for row in rows:
        for pair in {pair for pair in pairs_of(row) if UNKNOWN not in pair}:
            counts[pair] = counts.get(pair, 0) + 1
    frequent = sorted(
        (pair for pair, count in counts.items() if count > 1), key=lambda pair: (-counts[pair], pair)
    )
    chosen = [tuple(pair) for pair in frequent_bigrams(to_csr(rows), n_most).tolist()]
    assert chosen == frequent[:n_most]


def test_a_table_finds_its_pairs_and_no_others():
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(2, 40_000, size=(3000, 2), dtype=np.int32), axis=0)
    bigrams = rng.permutation(pairs)[:2000]
    table = bigram_table(bigrams, len(bigrams) + 1)
    rows = bigram_rows(bigrams[:, 0], bigrams[:, 1], *table)
    found = rows != NO_BIGRAM
    np.testing.assert_array_equal(rows[found], np.arange(1, 2001)[found])
    assert found.mean() > 0.85  # where two share a slot, the less frequent one is left out
    assert found[:100].all()
    others = pairs[~(pairs[:, None] == bigrams[None]).all(axis=2).any(axis=1)]
    assert not bigram_rows(others[:, 0], others[:, 1], *table).any()


def test_a_slot_belongs_to_the_most_frequent_of_its_pairs():
    n_slots = n_slots_for(3)
    ids = np.arange(2, 50_000, dtype=np.int32)
    sharing = ids[slot_of(np.int32(5), ids, n_slots) == slot_of(np.int32(5), ids[:1], n_slots)][:2]
    bigrams = np.array([[5, sharing[1]], [5, sharing[0]]])
    assert bigram_rows(bigrams[:, 0], bigrams[:, 1], *bigram_table(bigrams, 3)).tolist() == [1, NO_BIGRAM]


@pytest.mark.parametrize("n_rows", [1, 2, 63, 64, 65, 128, 129, 1000, 1024, 1025, 50_001])
def test_tables_that_share_a_graph_have_one_size(n_rows):
    from skrnn._training import _round_up

    assert n_slots_for(_round_up(n_rows)) == n_slots_for(n_rows)


def test_slots_of_great_ids_do_not_overflow():
    ids = np.array([0, 2**15, 2**25, 2**29], dtype=np.int32)
    for previous in ids:
        exact = [((int(previous) % 2**15) * 40503 + int(token)) % 512 for token in ids]
        assert slot_of(previous, ids, 512).tolist() == exact


def test_padding_stands_before_each_document():
    X = to_csr([[4, 5], [], [6], [7, 8, 9]])
    assert previous_ids(X).tolist() == [0, 4, 0, 0, 7, 8]


def start(rows, memberships, n_tokens=6, dim=4, weights=None, bigrams=None):
    arrays = {"embedding": np.full((n_tokens, dim), 0.01, dtype=np.float32)}
    if bigrams is not None:
        arrays["bigram_embedding"] = np.zeros((len(bigrams) + 1, dim), dtype=np.float32)
        arrays["bigram_pairs"], arrays["bigram_slots"] = bigram_table(np.array(bigrams), len(bigrams) + 1)
    start_with_naive_bayes(arrays, to_csr(rows), np.asarray(memberships, dtype=float), weights)
    return arrays


ROWS = [[2, 4, 4], [2, 5], [3, 4], [3, 5]]
TWO = [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_vectors_start_with_the_log_count_ratios():
    embedding = start(ROWS, TWO)["embedding"]
    # Of two documents of each class, smoothed: 2 is in both of the first, 4 and 5 are in one of each.
    assert embedding[2, 0] == pytest.approx(-embedding[3, 0])
    assert embedding[2, 0] < 0 < embedding[3, 0]  # two classes: one dimension, that of the second
    assert embedding[4, 0] == pytest.approx(0, abs=1e-6)
    assert embedding[2:, 0].std() == pytest.approx(0.3, rel=1e-5)
    assert (embedding[:2, 0] == 0).all()
    assert (embedding[:, 1:] == np.float32(0.01)).all()


def test_weights_count_documents():
    doubled = start([*ROWS, ROWS[0]], [*TWO, TWO[0]])
    weighted = start(ROWS, TWO, weights=np.array([2, 1, 1, 1]))
    np.testing.assert_allclose(weighted["embedding"], doubled["embedding"], rtol=1e-6)


def test_pairs_start_with_their_ratios_too():
    vectors = start(ROWS, TWO, bigrams=[[PADDING, 3], [PADDING, 2]])["bigram_embedding"]
    assert vectors[1, 0] == pytest.approx(-vectors[2, 0])
    assert vectors[1, 0] > 0.1
    assert not vectors[0].any()


def test_many_classes_take_half_of_the_dimensions():
    rng = np.random.default_rng(0)
    labels = rng.integers(6, size=200)
    rows = [[2 + label, *rng.integers(8, 20, size=3)] for label in labels]
    embedding = start(rows, np.eye(6)[labels], n_tokens=20, dim=10)["embedding"]
    assert (embedding[:, 5:] == np.float32(0.01)).all()
    assert embedding[2:, :5].std() == pytest.approx(0.3, rel=1e-4)
    # The tokens that tell a class stand far from each other, those that tell nothing close together.
    assert np.linalg.norm(embedding[2:8, :5], axis=1).min() > 2 * np.linalg.norm(embedding[8:, :5], axis=1).max()


def test_tokens_that_are_everywhere_leave_the_start_alone():
    embedding = start([[2], [2]], [[1, 0], [0, 1]], n_tokens=3)["embedding"]
    assert (embedding == np.float32(0.01)).all()


def word_order():
    """Documents of the same words: which comes before which tells the class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=120)
    fill = [" ".join(rng.choice(list("abcdefgh"), size=2)) for _ in labels]
    return [
        f"{words} {'not good' if label else 'good not'}" for words, label in zip(fill, labels, strict=True)
    ], labels


def test_pairs_tell_what_single_tokens_cannot():
    documents, labels = word_order()
    params = {**SMALL, "units": 1, "bidirectional": False, "learning_rate": 0.01, "epochs": 8, "dropout": 0}
    scores = [
        RNNTextClassifier(**params, max_bigrams=n_bigrams)
        .fit(documents[:80], labels[:80])
        .score(documents[80:], labels[80:])
        for n_bigrams in (50, 0)
    ]
    assert scores[0] > 0.95 > scores[1]


def test_no_pairs_without_any_that_comes_twice_or_where_they_have_no_place(reviews):
    distinct = [f"w{i} x{i}" for i in range(20)]
    fitted = RNNTextClassifier(**{**SMALL, "epochs": 1}).fit(distinct, ["a", "b"] * 10)
    assert fitted._network["spec"]["n_bigrams"] == 1  # the one vector of all that are unknown
    assert np.isfinite(fitted.predict_proba(["w1 x1", ""])).all()
    for params in ({"max_bigrams": 0}, {"trainable_embeddings": False}):
        fitted = RNNTextClassifier(**{**SMALL, "epochs": 1, **params}).fit(*reviews)
        assert fitted._network["spec"]["n_bigrams"] == 0


def test_pairs_are_limited_to_the_most_frequent(reviews):
    fitted = RNNTextClassifier(**{**SMALL, "epochs": 1}, max_bigrams=10).fit(*reviews)
    assert fitted._network["weights"]["bigram_embedding"].shape == (11, SMALL["embedding_dim"])
