import copy
import re
import warnings

import numpy as np
import pytest
from conftest import to_csr, vector_sequences
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skrnn.sequences._batches import dense_batch, shuffled_batches, sorted_batches
from skrnn.sequences._storage import RaggedArray, check_token_ids

IDS = [[2, 3, 4], [], [5, 1]]
PADDED = np.array([[2, 3, 4, 0], [0, 0, 0, 0], [5, 1, 0, 0]])

ragged = st.lists(st.lists(st.integers(1, 2**31 - 1), max_size=9), min_size=1, max_size=12)
vectors = st.tuples(st.integers(1, 3), st.sampled_from([np.float32, np.float64])).flatmap(
    lambda features_and_dtype: vector_sequences(*features_and_dtype)
)


def rows_among(sequences):
    """Any rows, in any order, some of them more than once, or none."""
    return st.lists(st.sampled_from(range(len(sequences)))).map(lambda rows: np.array(rows, dtype=np.intp))


def rows_of(X):
    assert isinstance(X, sparse.csr_matrix)
    assert X.dtype == np.int32
    lengths = np.diff(X.indptr)
    assert X.indices.tolist() == [step for length in lengths for step in range(length)]
    assert X.shape[1] == max(lengths.max(initial=0), 1)
    return [row.tolist() for row in np.split(X.data, X.indptr[1:-1])]


@settings(deadline=None)
@given(ragged)
def test_ragged_to_csr_puts_each_sequence_at_the_left_of_its_row(rows):
    X = to_csr(rows)
    assert rows_of(X) == rows
    assert X.shape[0] == len(rows)
    assert X.indices.dtype == X.indptr.dtype == np.int32
    assert X.has_canonical_format


def test_ragged_to_csr_of_empty_sequences_has_one_column():
    assert to_csr([[], []]).shape == (2, 1)
    assert to_csr([]).shape == (0, 1)


def with_holes():
    return np.array([[0, 2, 0, 3, 4], [0, 0, 0, 0, 0], [5, 0, 0, 0, 1]])


def with_stored_zeros():
    X = sparse.csr_matrix(with_holes() + 1)
    X.data -= 1
    return X


def unsorted():
    return sparse.csr_matrix(with_holes()[:, ::-1])[:, ::-1]


TOKEN_IDS = {
    "lists": PADDED.tolist,
    "array": lambda: PADDED,
    "pre-padded array": lambda: np.array([[0, 2, 3, 4], [0, 0, 0, 0], [0, 0, 5, 1]]),
    "array with holes": with_holes,
    "unsigned array": lambda: PADDED.astype(np.uint8),
    "whole floats": lambda: PADDED.astype(np.float64),
    "Fortran order": lambda: np.asfortranarray(PADDED),
    **{f"sparse {name}": lambda name=name: sparse.csr_array(PADDED).asformat(name) for name in
       ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")},
    "sparse matrix": lambda: sparse.csr_matrix(PADDED),
    "sparse floats": lambda: sparse.csr_matrix(with_holes().astype(np.float32)),
    "sparse with holes": lambda: sparse.csc_matrix(with_holes()),
    "stored zeros": with_stored_zeros,
    "unsorted columns": unsorted,
    "own result": lambda: to_csr(IDS),
}  # fmt: skip


@pytest.mark.parametrize("make", TOKEN_IDS.values(), ids=TOKEN_IDS)
def test_token_ids_of_any_form_become_left_aligned(make):
    X = make()
    before = copy.deepcopy(X)
    assert rows_of(check_token_ids(X)) == IDS
    if not sparse.issparse(X):
        np.testing.assert_array_equal(X, before)
        return
    assert (X.shape, X.format) == (before.shape, before.format)
    for name, part in vars(before).items():
        if isinstance(part, np.ndarray):
            np.testing.assert_array_equal(getattr(X, name), part, err_msg=name)


def test_the_unsorted_example_is_unsorted():
    assert not unsorted().has_sorted_indices


@settings(deadline=None)
@given(ragged)
def test_checked_token_ids_are_unchanged(rows):
    X = to_csr(rows)
    assert rows_of(check_token_ids(X)) == rows_of(check_token_ids(X.toarray())) == rows


def test_a_matrix_without_columns_is_empty_documents():
    assert rows_of(check_token_ids(np.zeros((2, 0)))) == [[], []]


SHAPE = "Expected token ids as a sparse matrix or array of shape (n_documents, longest)"
VALUES = "Expected token ids to be integers from 0 to 2147483647"
REFUSED = {
    "fractions": ([[1.5]], VALUES),
    "sparse fractions": (sparse.csr_matrix([[0, 1.5]]), VALUES),
    "negatives": ([[2, -1]], VALUES),
    "sparse negatives": (sparse.csr_matrix([[2, -1]]), VALUES),
    "too large": ([[2**31]], VALUES),
    "far too large": (np.array([[2**64 - 1]], dtype=np.uint64), VALUES),
    "nan": ([[np.nan]], VALUES),
    "one-dimensional": (
        [1, 2],
        f"{SHAPE}, as SequenceVectorizer returns them; got an array of shape (2,) and dtype",
    ),
    "three-dimensional": (
        np.zeros((2, 3, 4)),
        f"{SHAPE}, as SequenceVectorizer returns them; got an array of shape",
    ),
    "texts": (["a text"], "and dtype <U6. For raw text, leave vectorizer at None"),
    "column of texts": ([["a text"]], "and dtype <U6. For raw text, leave vectorizer at None"),
    "text": ("a text", SHAPE),
    "objects": (np.array([[1, None]]), "and dtype object"),
}


def test_no_documents_are_an_empty_matrix():
    assert check_token_ids(np.zeros((0, 3))).shape == (0, 1)


@pytest.mark.parametrize(("X", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_token_ids_are_refused(X, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_token_ids(X)


def test_infinite_token_ids_are_refused_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=VALUES):
            check_token_ids([[np.inf]])


@settings(deadline=None)
@given(ragged, st.data())
def test_dense_batch_is_the_rows_cut_to_their_longest(rows, data):
    X = to_csr(rows)
    chosen = data.draw(rows_among(rows))
    batch = dense_batch(X, chosen)
    width = max([1, *(len(rows[row]) for row in chosen)])
    expected = np.zeros((len(chosen), max(width, X.shape[1])), dtype=np.int32)
    expected[:, : X.shape[1]] = X.toarray()[chosen]
    assert batch.dtype == np.int32
    np.testing.assert_array_equal(batch, expected[:, :width])


def test_dense_batch_of_empty_documents_has_one_column():
    assert dense_batch(to_csr(IDS), np.array([1, 1])).tolist() == [[0], [0]]


@settings(deadline=None)
@given(vectors, st.data())
def test_dense_batch_of_vectors_is_padded_with_nan_to_the_longest(sequences, data):
    chosen = data.draw(rows_among(sequences))
    batch = dense_batch(RaggedArray.of(sequences), chosen)
    width = max([1, *(len(sequences[row]) for row in chosen)])
    expected = np.full((len(chosen), width, sequences[0].shape[1]), np.nan)
    for padded, row in zip(expected, chosen, strict=True):
        padded[: len(sequences[row])] = sequences[row]
    assert batch.dtype == sequences[0].dtype
    np.testing.assert_array_equal(batch, expected)


def assert_holds(X, sequences, like):
    """``X`` is ``sequences``, of the features and the type of ``like``."""
    assert X.data.dtype == like.dtype
    assert X.indptr.dtype.kind == "i"
    assert X.shape == (len(sequences), max(map(len, sequences), default=0), like.shape[1])
    assert len(X.indptr) == len(sequences) + 1
    assert X.indptr[0] == 0
    assert X.indptr[-1] == len(X.data)
    for i, sequence in enumerate(sequences):
        np.testing.assert_array_equal(X.data[X.indptr[i] : X.indptr[i + 1]], sequence)


@settings(deadline=None)
@given(vectors)
def test_a_ragged_array_holds_each_sequence(sequences):
    assert_holds(RaggedArray.of(sequences), sequences, like=sequences[0])


@settings(deadline=None)
@given(vectors, st.data())
def test_rows_of_a_ragged_array_are_those_sequences(sequences, data):
    rows = data.draw(rows_among(sequences))
    X = RaggedArray.of(sequences)
    assert_holds(X[rows], [sequences[row] for row in rows], like=sequences[0])
    assert_holds(X, sequences, like=sequences[0])


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=300), st.integers(1, 40), st.integers(0, 5))
def test_batches_are_a_partition_of_the_rows(lengths, batch_size, seed):
    lengths = np.array(lengths)
    shuffled = shuffled_batches(lengths, batch_size, np.random.default_rng(seed))
    for batches in (shuffled, sorted_batches(lengths, batch_size)):
        assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
        assert all(1 <= len(batch) <= batch_size for batch in batches)
        assert sum(len(batch) < batch_size for batch in batches) <= 1


def padding(lengths, batches):
    return sum(int((lengths[batch].max() - lengths[batch]).sum()) for batch in batches)


@pytest.fixture
def lengths():
    return np.random.default_rng(0).geometric(0.02, size=8000)


def test_batches_shuffled_with_the_same_seed_are_the_same(lengths):
    first, again, other = (shuffled_batches(lengths, 16, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in again]
    assert {frozenset(batch) for batch in first}.isdisjoint(map(frozenset, other))


def test_shuffled_batches_come_in_random_order(lengths):
    batches = shuffled_batches(lengths[:800], 16, np.random.default_rng(0))
    means = [lengths[batch].mean() for batch in batches]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.4


def test_shuffled_batches_waste_little_on_padding(lengths):
    unsorted = np.split(np.random.default_rng(0).permutation(len(lengths)), len(lengths) // 16)
    shuffled = padding(lengths, shuffled_batches(lengths, 16, np.random.default_rng(0)))
    best = padding(lengths, sorted_batches(lengths, 16))
    assert best < shuffled < 0.1 * padding(lengths, unsorted)


def test_sorted_batches_go_from_short_to_long_and_ties_keep_their_order():
    batches = sorted_batches(np.array([3, 1, 2, 1, 0]), 2)
    assert [batch.tolist() for batch in batches] == [[4, 1], [3, 2], [0]]


@pytest.mark.parametrize("lengths", [[10] * 64 + [5_000] * 60 + [1_000_000] * 2, [300_000], [1] * 63 + [5_000]])
def test_batches_of_very_long_sequences_are_smaller(lengths):
    lengths = np.array(lengths)
    for batches in (sorted_batches(lengths, 64), shuffled_batches(lengths, 64, np.random.default_rng(0))):
        assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
        for batch in batches:
            assert len(batch) == 1 or len(batch) * lengths[batch].max() <= 2**18


def test_every_epoch_has_equally_many_batches():
    rng = np.random.default_rng(0)
    lengths = rng.geometric(0.02, size=3000)
    lengths[rng.choice(3000, size=50)] = rng.integers(10_000, 200_000, size=50)
    counts = {len(shuffled_batches(lengths, 8, np.random.default_rng(seed))) for seed in range(8)}
    assert counts == {len(sorted_batches(lengths, 8))}
