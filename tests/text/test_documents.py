import math
import re
from enum import Enum

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from skrnn import SequenceVectorizer
from skrnn.text._documents import check_documents

DOCUMENTS = ["the cat sat", "the dog, the cat", "", "别慌 don’t panic"]


class Converts:
    """Converts to an array and is no iterable, as an xarray.DataArray without dimensions."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def __array__(self, dtype=None, copy=None):
        return self.array


CONTAINERS = {
    "tuple": tuple,
    "generator": lambda texts: (text for text in texts),
    "dict values": lambda texts: dict(enumerate(texts)).values(),
    "object array": lambda texts: np.array(texts, dtype=object),
    "str array": np.array,
    "column array": lambda texts: np.array(texts, dtype=object)[:, None],
    "str subclass": lambda texts: [np.str_(text) for text in texts],
    "bytes": lambda texts: [text.encode() for text in texts],
    "bytes array": lambda texts: np.array([text.encode() for text in texts]),
    "text and bytes": lambda texts: [texts[0].encode(), *texts[1:]],
    "pandas Series": lambda texts: pd.Series(texts, index=range(9, 9 - len(texts), -1)),
    "pandas Series of string dtype": lambda texts: pd.Series(texts, dtype="string"),
    "pandas Series of object dtype": lambda texts: pd.Series(texts, dtype=object),
    "pandas categorical": lambda texts: pd.Series(texts, dtype="category"),
    "pandas Index": pd.Index,
    "pandas DataFrame": lambda texts: pd.DataFrame({"text": texts}),
    "pandas DataFrame of string dtype": lambda texts: pd.DataFrame({3: texts}, dtype="string"),
    "polars Series": pl.Series,
    "polars DataFrame": lambda texts: pl.DataFrame({"text": texts}),
    "pyarrow Array": pa.array,
    "pyarrow ChunkedArray": lambda texts: pa.chunked_array([texts[:1], texts[1:]]),
    "pyarrow Table": lambda texts: pa.table({"text": texts}),
    "pyarrow RecordBatch": lambda texts: pa.record_batch({"text": texts}),
    "masked array": lambda texts: np.ma.array(texts, mask=[False] * len(texts)),
    "object that converts to an array": lambda texts: Converts(np.array(texts)),
    "Dask array": lambda texts: pytest.importorskip("dask.array").from_array(np.array(texts), chunks=2),
    "Dask Series": lambda texts: pytest.importorskip("dask.dataframe").from_pandas(pd.Series(texts), 2),
    "Dask DataFrame": lambda texts: pytest.importorskip("dask.dataframe").from_pandas(
        pd.DataFrame({"text": texts}), 2
    ),
}


if hasattr(np.dtypes, "StringDType"):
    CONTAINERS["StringDType array"] = lambda texts: np.array(texts, dtype=np.dtypes.StringDType())
    CONTAINERS["StringDType column"] = lambda texts: np.array(texts, dtype=np.dtypes.StringDType())[:, None]


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_all_containers_give_the_same_sequences(container):
    documents = check_documents(container(DOCUMENTS))
    assert documents == DOCUMENTS
    assert set(map(type, documents)) == {str}
    vectorizer = SequenceVectorizer()
    X = vectorizer.fit_transform(container(DOCUMENTS))
    expected = SequenceVectorizer().fit_transform(DOCUMENTS)
    np.testing.assert_array_equal(X.toarray(), expected.toarray())
    np.testing.assert_array_equal(vectorizer.transform(container(DOCUMENTS)).toarray(), expected.toarray())


TOKEN_LISTS = [["the", "cat"], [], ["a cat"]]


@pytest.mark.parametrize(
    "container",
    [
        list,
        lambda lists: (tuple(tokens) for tokens in lists),
        lambda lists: [np.array(tokens, dtype=object) for tokens in lists],
        pd.Series,
        lambda lists: pd.DataFrame({"tokens": lists}),
        pl.Series,
        pa.array,
    ],
)
def test_callable_analyzer_takes_lists_of_tokens(container):
    vectorizer = SequenceVectorizer(analyzer=list).fit(TOKEN_LISTS)
    assert vectorizer.vocabulary_ == {"a cat": 2, "cat": 3, "the": 4}
    assert vectorizer.transform(container(TOKEN_LISTS)).toarray().tolist() == [[4, 3], [0, 0], [2, 0]]


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA, pd.NaT])
def test_callable_analyzer_does_not_get_missing_documents(missing):
    with pytest.raises(ValueError, match="Document 1 is missing"):
        SequenceVectorizer(analyzer=list).fit([["a"], missing])


def test_callable_analyzer_gets_text_as_plain_str():
    seen = []
    SequenceVectorizer(lambda document: seen.append(type(document)) or ["a"]).fit([b"a", np.str_("a"), "a", {"a"}])
    assert seen == [str, str, str, set]


def test_str_subclasses_become_plain_str():
    class Answer(str, Enum):
        YES = "yes, please"

    assert check_documents([Answer.YES]) == ["yes, please"]


MISSING = "Document 1 is missing"


REFUSED = {
    "str": ("one document", ValueError, "got a single str. Wrap it in a list"),
    "NumPy str": (np.str_("one"), ValueError, "got a single str_. Wrap it in a list"),
    "bytes": (b"one document", ValueError, "got a single bytes. Wrap it in a list"),
    "dict": ({"text": ["a"]}, TypeError, "Expected an iterable of str documents, got a dict"),
    "set": ({"a", "b"}, TypeError, "Expected an iterable of str documents, got a set"),
    "sparse matrix": (sparse.csr_matrix([[1]]), TypeError, "one str a document; got a csr_matrix. Token ids"),
    "sparse array": (sparse.csc_array([[1]]), TypeError, "got a csc_array. Token ids need an estimator with"),
    "numbers in columns": (
        np.ones((2, 3)),
        ValueError,
        "got numbers of shape (2, 3). Token ids need",
    ),
    "polars LazyFrame": (pl.LazyFrame({"text": ["a"]}), TypeError, "got a LazyFrame. Call its method collect()"),
    "masked document": (np.ma.array(["a", "b"], mask=[False, True]), ValueError, f"{MISSING} (None)"),
    "dates": (np.array(["2024-01-01"], "datetime64[D]"), TypeError, "got date at position 0. Convert it to text"),
    "timestamps": (
        pd.Series([pd.Timestamp(0)]),
        TypeError,
        "got Timestamp at position 0. Convert it to text",
    ),
    "int": (3, TypeError, "Expected an iterable of str documents, got int"),
    "None": (None, TypeError, "Expected an iterable of str documents, got NoneType"),
    "0-D array": (np.array("text"), ValueError, "one document a row, got an array of shape ()"),
    "two columns": (np.array([["a", "b"]]), ValueError, "one document a row, got an array of shape (1, 2)"),
    "3-D array": (np.array([[["a"]]]), ValueError, "one document a row, got an array of shape (1, 1, 1)"),
    "pandas columns": (pd.DataFrame({"a": ["x"], "b": ["y"]}), ValueError, "Select the text column (X['text'])"),
    "polars columns": (pl.DataFrame({"a": ["x"], "b": ["y"]}), ValueError, "sklearn.compose.ColumnTransformer"),
    "missing None": (["a", None], ValueError, f"{MISSING} (None)"),
    "missing nan": (["a", math.nan], ValueError, f"{MISSING} (nan)"),
    "missing np.nan": (np.array(["a", np.nan], dtype=object), ValueError, MISSING),
    "missing NA": (["a", pd.NA], ValueError, f"{MISSING} (<NA>)"),
    "missing NaT": (["a", pd.NaT], ValueError, f"{MISSING} (NaT)"),
    "missing in pandas": (pd.Series(["a", None, "b"]), ValueError, MISSING),
    "missing in pandas string": (pd.Series(["a", None], dtype="string"), ValueError, f"{MISSING} (<NA>)"),
    "missing in pandas DataFrame": (pd.DataFrame({"text": ["a", None]}), ValueError, MISSING),
    "missing in polars": (pl.Series(["a", None]), ValueError, f"{MISSING} (None); drop it or replace it"),
    "number": (["a", "b", 3], TypeError, "Expected every document to be a str, got int at position 2"),
    "numbers": (np.array([1.5, 2.5]), TypeError, "got float at position 0"),
    "token lists": ([["a", "b"]], TypeError, "at position 0. Lists of tokens need a callable analyzer"),
    "arrays": ([np.array([1, 2])], TypeError, "got ndarray at position 0"),
    "Latin-1": ([b"a", "é".encode("latin-1")], ValueError, "Document 1 is bytes that are not UTF-8"),
    "empty list": ([], ValueError, "Expected at least one document, got none (0 samples)"),
    "empty generator": (iter(()), ValueError, "Expected at least one document, got none"),
    "empty array": (np.empty((0, 1), dtype=object), ValueError, "Expected at least one document, got none"),
    "empty pandas Series": (pd.Series([], dtype=object), ValueError, "Expected at least one document, got none"),
}


@pytest.mark.parametrize(("documents", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_invalid_documents_are_refused(documents, error, message):
    with pytest.raises(error, match=re.escape(message)):
        check_documents(documents)
    with pytest.raises(error):
        SequenceVectorizer().fit(documents)
    with pytest.raises(error):
        SequenceVectorizer().fit(["a"]).transform(documents)
