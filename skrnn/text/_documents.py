"""Check the documents that a user passes, and return them as a list."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from skrnn.sequences._storage import check_in_memory

_NUMBERS_ARE_NOT_TEXT = (
    "Token ids need an estimator with vectorizer='passthrough'. Counts and weights of words, and other numbers, "
    "need another estimator, such as LogisticRegression."
)


def check_documents(raw_documents: Iterable[Any], *, any_type: bool = False, min_documents: int = 1) -> list[Any]:
    """Return documents from any container as a list.

    Parameters
    ----------
    raw_documents : iterable of str or bytes
        A list, tuple, generator, NumPy array (of objects, str or ``StringDType``), pandas or polars Series, or an
        object that converts to an array, for example of Dask. A two-dimensional array or a DataFrame must have
        exactly one column. Bytes are decoded as UTF-8.
    any_type : bool, default=False
        Whether documents may be other objects than text, such as lists of tokens.
    min_documents : {0, 1}, default=1
        Smallest number of documents. A partition of a corpus can have none.

    Returns
    -------
    documents : list of str
        With `any_type`, it also contains the objects that are not text.

    Raises
    ------
    ValueError
        If there is no document, a document is missing or not UTF-8, or `raw_documents` is a single string or has
        several columns.
    TypeError
        If `raw_documents` is not an iterable or is not in memory, or a document is not text.
    """
    if isinstance(raw_documents, str | bytes):
        kind = type(raw_documents).__name__
        raise ValueError(
            f"Expected an iterable of str documents, got a single {kind}. Wrap it in a list: [document]."
        )
    kind = type(raw_documents).__name__
    if sparse.issparse(raw_documents):
        raise TypeError(f"Expected raw text, one str a document; got a {kind}. {_NUMBERS_ARE_NOT_TEXT}")
    if isinstance(raw_documents, Mapping | set | frozenset):
        raise TypeError(f"Expected an iterable of str documents, got a {kind}. Pass a list.")
    check_in_memory(raw_documents)
    shape = getattr(raw_documents, "shape", None)
    if shape is not None and len(shape) != 1:
        raw_documents = _single_column(raw_documents, tuple(shape))
    documents = _to_list(raw_documents)
    if len(documents) < min_documents:
        raise ValueError("Expected at least one document, got none (0 samples).")
    if set(map(type, documents)) != {str}:
        documents = [_check_document(document, i, any_type) for i, document in enumerate(documents)]
    return documents


def _single_column(table: Any, shape: tuple[int, ...]) -> Any:
    """Return the only column of a two-dimensional array or DataFrame."""
    if len(shape) != 2 or shape[1] != 1:
        if getattr(getattr(table, "dtype", None), "kind", "O") in "biuf":
            raise ValueError(
                f"Expected raw text, one str a document; got numbers of shape {shape}. {_NUMBERS_ARE_NOT_TEXT}"
            )
        raise ValueError(
            f"Expected one document a row, got an array of shape {shape}. Select the text column (X['text']), "
            "or put the estimator behind a sklearn.compose.ColumnTransformer that selects it."
        )
    if isinstance(table, np.ndarray):
        return table[:, 0]
    column = table.columns[0]  # a PyArrow table lists its columns, other tables list names
    return column if hasattr(column, "to_pylist") else table[column]


def _to_list(container: Any) -> list[Any]:
    if hasattr(container, "to_list"):  # pandas and polars
        return container.to_list()
    if hasattr(container, "to_pylist"):  # PyArrow
        return container.to_pylist()
    if hasattr(container, "__array__"):  # NumPy, Dask and xarray
        return np.asanyarray(container).tolist()
    try:
        documents = iter(container)
    except TypeError:
        kind = type(container).__name__
        raise TypeError(f"Expected an iterable of str documents, got {kind}.") from None
    return list(documents)


def _check_document(document: Any, position: int, any_type: bool) -> Any:
    """Return one document, text as str. An error message contains its position."""
    if isinstance(document, str):
        return str.__str__(document)  # a subclass may override __str__
    if isinstance(document, bytes):
        try:
            return document.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"Document {position} is bytes that are not UTF-8 ({error}); decode the documents first: "
                "document.decode(encoding)."
            ) from error
    if _is_missing(document):
        raise ValueError(
            f"Document {position} is missing ({document!r}); drop it or replace it by an empty string."
        )
    if any_type:
        return document
    advice = "Convert it to text first: str(document)."
    if isinstance(document, list | tuple | np.ndarray):
        advice = (
            "Lists of tokens need a callable analyzer: SequenceVectorizer(analyzer=list). Lists of token ids need "
            "an estimator with vectorizer='passthrough'."
        )
    kind = type(document).__name__
    raise TypeError(f"Expected every document to be a str, got {kind} at position {position}. {advice}")


def _is_missing(document: Any) -> bool:
    if document is None or type(document).__name__ == "NAType":  # pandas' NA has no truth value
        return True
    differs = document != document  # as NaN and NaT do; arrays compare element by element
    return isinstance(differs, bool | np.bool_) and bool(differs)
