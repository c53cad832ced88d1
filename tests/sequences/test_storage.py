import copy
import re
import warnings

import numpy as np
import pytest
from conftest import ragged_ids, ragged_vectors, rows_among, to_csr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skrnn.sequences._storage import RaggedArray, check_token_ids

IDS = [[2, 3, 4], [], [5, 1]]
PADDED = np.array([[2, 3, 4, 0], [0, 0, 0, 0], [5, 1, 0, 0]])


def rows_of(X):
    assert isinstance(X, sparse.csr_matrix)
    assert X.dtype == np.int32
    lengths = np.diff(X.indptr)
    assert X.indices.tolist() == [step for length in lengths for step in range(length)]
    assert X.shape[1] == max(lengths.max(initial=0), 1)
    return [row.tolist() for row in np.split(X.data, X.indptr[1:-1])]


@settings(deadline=None)
@given(ragged_ids)
def test_matrix_has_left_aligned_rows(rows):
    X = to_csr(rows)
    assert rows_of(X) == rows
    assert X.shape[0] == len(rows)
    assert X.indices.dtype == X.indptr.dtype == np.int32
    assert X.has_canonical_format


def test_matrix_of_empty_sequences_has_one_column():
    assert to_csr([[], []]).shape == (2, 1)
    assert to_csr([]).shape == (0, 1)


PADDED_ON_BOTH_SIDES = np.array([[0, 2, 3, 4, 0], [0, 0, 0, 0, 0], [0, 0, 0, 5, 1]])


def with_stored_zeros():
    X = sparse.csr_matrix(PADDED_ON_BOTH_SIDES + 1)
    X.data -= 1
    return X


def unsorted():
    return sparse.csr_matrix(PADDED_ON_BOTH_SIDES[:, ::-1])[:, ::-1]


def series_of(lists):
    return pytest.importorskip("pandas").Series(lists)


TOKEN_IDS = {
    "lists": PADDED.tolist,
    "array": lambda: PADDED,
    "pre-padded array": lambda: np.array([[0, 2, 3, 4], [0, 0, 0, 0], [0, 0, 5, 1]]),
    "array padded on both sides": lambda: PADDED_ON_BOTH_SIDES,
    "masked array": lambda: np.ma.array(PADDED + 7 * (PADDED == 0), mask=PADDED == 0),
    "lists of different lengths": lambda: IDS,
    "padded lists of different lengths": lambda: [[0, 2, 3, 4], [0], [5, 1, 0, 0, 0]],
    "tuple of arrays": lambda: tuple(np.array(ids, dtype=np.int64) for ids in IDS),
    "array of arrays": lambda: np.array([np.array(ids) for ids in IDS], dtype=object),
    "Series of lists": lambda: series_of(IDS),
    "unsigned array": lambda: PADDED.astype(np.uint8),
    "whole floats": lambda: PADDED.astype(np.float64),
    "Fortran order": lambda: np.asfortranarray(PADDED),
    **{f"sparse {name}": lambda name=name: sparse.csr_array(PADDED).asformat(name) for name in
       ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")},
    "sparse matrix": lambda: sparse.csr_matrix(PADDED),
    "sparse floats": lambda: sparse.csr_matrix(PADDED_ON_BOTH_SIDES.astype(np.float32)),
    "sparse padded on both sides": lambda: sparse.csc_matrix(PADDED_ON_BOTH_SIDES),
    "stored zeros": with_stored_zeros,
    "unsorted columns": unsorted,
    "own result": lambda: to_csr(IDS),
}  # fmt: skip


@pytest.mark.parametrize("make", TOKEN_IDS.values(), ids=TOKEN_IDS)
def test_token_ids_in_any_container_become_left_aligned(make):
    X = make()
    before = copy.deepcopy(X)
    assert rows_of(check_token_ids(X)) == IDS
    if not sparse.issparse(X):
        assert repr(X) == repr(before)
        return
    assert (X.shape, X.format) == (before.shape, before.format)
    for name, array in vars(before).items():
        if isinstance(array, np.ndarray):
            np.testing.assert_array_equal(getattr(X, name), array, err_msg=name)


def test_unsorted_example_is_unsorted():
    assert not unsorted().has_sorted_indices


@settings(deadline=None)
@given(ragged_ids)
def test_checked_token_ids_are_unchanged(rows):
    X = to_csr(rows)
    assert rows_of(check_token_ids(X)) == rows_of(check_token_ids(X.toarray())) == rows


def test_rows_without_columns_are_empty_documents():
    assert rows_of(check_token_ids(np.zeros((2, 0)))) == [[], []]


SHAPE = "Expected token ids as a sparse matrix or array of shape (n_documents, longest), or as a list of sequences"
GAP = "got a zero between the numbers of document"
VALUES = "Expected token ids to be integers from 0 to 2147483647"
REFUSED = {
    "fractions": ([[1.5]], VALUES),
    "sparse fractions": (sparse.csr_matrix([[0, 1.5]]), VALUES),
    "negatives": ([[2, -1]], VALUES),
    "sparse negatives": (sparse.csr_matrix([[2, -1]]), VALUES),
    "too large": ([[2**31]], VALUES),
    "far too large": (np.array([[2**64 - 1]], dtype=np.uint64), VALUES),
    "nan": ([[np.nan]], VALUES),
    "one-dimensional list": ([1, 2], f"{SHAPE} of integers; document 0 has shape () and dtype"),
    "one-dimensional array": (np.array([1, 2]), f"{SHAPE} of integers; the array has shape (2,) and dtype"),
    "three-dimensional": (np.zeros((2, 3, 4)), f"{SHAPE} of integers; the array has shape (2, 3, 4)"),
    "texts": (["a text"], "and dtype <U6. For text, pass the documents and leave vectorizer at None"),
    "column of texts": ([["a text"]], "and dtype <U6. For text, pass the documents and leave vectorizer at None"),
    "text": ("a text", SHAPE),
    "objects": (np.array([[1, None]]), "and dtype object"),
    "lists of tokens": ([[2, 3], ["a"]], "document 1 has shape (1,) and dtype <U1"),
    "counts": (np.array([[2, 1, 0], [0, 1, 1], [1, 0, 3]]), f"{GAP} 2. For text, pass the documents"),
    "sparse counts": (sparse.csc_array(np.array([[2, 1, 0], [1, 0, 3]])), f"{GAP} 1"),
    "list with a gap": ([[], [2, 0, 3]], f"{GAP} 1"),
    "masked between ids": (np.ma.array([[2, 3, 4]], mask=[[False, True, False]]), GAP),
    "weights": (sparse.csr_matrix([[0.5, 0.25]]), "Counts, weights and other columns are not token ids"),
}


def test_no_documents_give_an_empty_matrix():
    assert check_token_ids(np.zeros((0, 3))).shape == check_token_ids([]).shape == (0, 1)


def test_ids_that_are_not_in_memory_are_refused():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"got a LazyFrame. Call its method collect\(\) first"):
        check_token_ids(polars.LazyFrame(PADDED))


@pytest.mark.parametrize(("X", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_token_ids_are_refused(X, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_token_ids(X)


def test_infinite_token_ids_are_refused_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=VALUES):
            check_token_ids([[np.inf]])


def assert_contains(X, sequences, like):
    """Check that ``X`` contains the sequences, and has the features and dtype of ``like``."""
    assert X.data.dtype == like.dtype
    assert X.indptr.dtype.kind == "i"
    assert X.shape == (len(sequences), max(map(len, sequences), default=0), like.shape[1])
    assert len(X.indptr) == len(sequences) + 1
    assert X.indptr[0] == 0
    assert X.indptr[-1] == len(X.data)
    for i, sequence in enumerate(sequences):
        np.testing.assert_array_equal(X.data[X.indptr[i] : X.indptr[i + 1]], sequence)


@settings(deadline=None)
@given(ragged_vectors)
def test_ragged_array_contains_each_sequence(sequences):
    assert_contains(RaggedArray.of(sequences), sequences, like=sequences[0])


@settings(deadline=None)
@given(ragged_vectors, st.data())
def test_rows_select_sequences_of_a_ragged_array(sequences, data):
    rows = data.draw(rows_among(sequences))
    X = RaggedArray.of(sequences)
    assert_contains(X[rows], [sequences[row] for row in rows], like=sequences[0])
    assert_contains(X, sequences, like=sequences[0])
