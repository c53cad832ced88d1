import numpy as np
import pytest
from conftest import to_csr
from scipy import sparse

from skrnn.network._naive_bayes import start_with_naive_bayes
from skrnn.sequences._ngrams import ngram_table
from skrnn.sequences._storage import PADDING


def start(rows, indicators, n_tokens=6, dim=4, weights=None, ngrams=None, skip_connection=True, n_outputs=None):
    n_classes = np.shape(indicators)[1]
    n_outputs = n_outputs or (1 if n_classes == 2 else n_classes)
    arrays = {
        "embedding": np.full((n_tokens, dim), 0.01, dtype=np.float32),
        "output/kernel": np.full((3 + dim, n_outputs), 0.01, dtype=np.float32),  # three are from the pooling
    }
    if ngrams is not None:
        arrays["ngram_embedding"] = np.zeros((len(ngrams) + 1, dim), dtype=np.float32)
        arrays["ngram_keys"], arrays["ngram_slots"] = ngram_table(np.array(ngrams), len(ngrams) + 1)
    start_with_naive_bayes(
        arrays, to_csr(rows), sparse.csr_matrix(indicators, dtype=float), weights, skip_connection
    )
    return arrays


ROWS = [[2, 4, 4], [2, 5], [3, 4], [3, 5]]
TWO = [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_token_vectors_start_with_log_count_ratios():
    embedding = start(ROWS, TWO)["embedding"]
    # Each class has two documents. Both documents of the first class contain token 2. Each class has one document
    # with token 4 and another with token 5.
    assert embedding[2, 0] == pytest.approx(-embedding[3, 0])
    assert embedding[2, 0] < 0 < embedding[3, 0]  # two classes use one dimension, for the second class
    assert embedding[4, 0] == pytest.approx(0, abs=1e-6)
    assert embedding[2:, 0].std() == pytest.approx(0.3, rel=1e-5)
    assert (embedding[:2, 0] == 0).all()
    assert (embedding[:, 1:] == np.float32(0.01)).all()


def test_documents_of_weight_two_count_twice():
    doubled = start([*ROWS, ROWS[0]], [*TWO, TWO[0]])
    weighted = start(ROWS, TWO, weights=np.array([2, 1, 1, 1]))
    np.testing.assert_allclose(weighted["embedding"], doubled["embedding"], rtol=1e-6)


def test_ngram_vectors_start_with_log_count_ratios():
    vectors = start(ROWS, TWO, ngrams=[[PADDING, 3], [PADDING, 2]])["ngram_embedding"]
    assert vectors[1, 0] == pytest.approx(-vectors[2, 0])
    assert vectors[1, 0] > 0.1
    assert not vectors[0].any()


def test_many_classes_use_half_of_the_dimensions():
    rng = np.random.default_rng(0)
    labels = rng.integers(6, size=200)
    rows = [[2 + label, *rng.integers(8, 20, size=3)] for label in labels]
    embedding = start(rows, np.eye(6)[labels], n_tokens=20, dim=10)["embedding"]
    assert (embedding[:, 5:] == np.float32(0.01)).all()
    assert embedding[2:, :5].std() == pytest.approx(0.3, rel=1e-4)
    # Tokens of one class have larger vectors than tokens of all classes.
    assert np.linalg.norm(embedding[2:8, :5], axis=1).min() > 2 * np.linalg.norm(embedding[8:, :5], axis=1).max()


def test_tokens_in_every_document_change_no_vector():
    embedding = start([[2], [2]], [[1, 0], [0, 1]], n_tokens=3)["embedding"]
    assert (embedding == np.float32(0.01)).all()


def test_the_output_layer_starts_to_add_up_the_ratios_of_each_class():
    labels = np.arange(12) % 3
    rows = [[2 + label, 5] for label in labels]
    arrays = start(rows, np.eye(3)[labels], dim=8)
    skip_connection = arrays["output/kernel"][3:]
    logits = arrays["embedding"][2:5] @ skip_connection
    assert (np.argmax(logits, axis=1) == [0, 1, 2]).all()
    assert (arrays["output/kernel"][:3] == np.float32(0.01)).all()
    assert (skip_connection[3:] == np.float32(0.01)).all()
    without = start(rows, np.eye(3)[labels], dim=8, skip_connection=False)
    assert (without["output/kernel"] == np.float32(0.01)).all()


def test_memory_does_not_grow_with_classes_times_tokens():
    n_classes = n_tokens = 50_000  # an array of both would have 20 GB
    labels = np.arange(n_classes)
    indicators = sparse.csr_matrix((np.ones(n_classes), labels, np.arange(n_classes + 1)))
    weights = {
        "embedding": np.zeros((2 + n_tokens, 4), dtype=np.float32),
        "output/kernel": np.zeros((4, n_classes), dtype=np.float32),
    }
    start_with_naive_bayes(weights, to_csr([[2 + label] for label in labels]), indicators, None, True)
    assert weights["embedding"].any()


def test_two_labels_have_a_direction_each():
    rows = [[2, 4], [2, 5], [3, 4], [3, 5]]
    arrays = start(rows, [[1, 1], [1, 0], [0, 1], [0, 0]], n_outputs=2)
    logits = arrays["embedding"] @ arrays["output/kernel"][3:]
    assert logits[2, 0] > logits[3, 0]
    assert logits[4, 1] > logits[5, 1]
    np.testing.assert_allclose(logits[[2, 3], 1], logits[[3, 2], 1], atol=0.01)


@pytest.mark.parametrize("labels", [np.zeros((8, 20)), np.eye(8, 20)], ids=["none", "equal documents"])
def test_labels_that_no_token_distinguishes_change_no_vector(labels):
    embedding = start([[2, 3, 4]] * 8, labels, n_tokens=5)["embedding"]
    assert (embedding == np.float32(0.01)).all()
