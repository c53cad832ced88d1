"""Check the documents that a user passes, and return them as a list of str."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy import sparse


def check_documents(raw_documents: Iterable[Any]) -> list[str]:
    """Return documents from any container as a list of str.

    Parameters
    ----------
    raw_documents : iterable of str or bytes
        A list, tuple, generator, NumPy array (of objects, str or ``StringDType``) or pandas or polars Series. A
        two-dimensional array or a DataFrame must have exactly one column. Bytes are decoded as UTF-8.

    Returns
    -------
    documents : list of str

    Raises
    ------
    ValueError
        If there is no document, a document is missing or not UTF-8, or `raw_documents` is a single string or has
        several columns.
    TypeError
        If `raw_documents` is not an iterable, or a document is not text.
    """
    if isinstance(raw_documents, str | bytes):
        kind = type(raw_documents).__name__
        raise ValueError(
            f"Expected an iterable of str documents, got a single {kind}. Wrap it in a list: [document]."
        )
    if isinstance(raw_documents, Mapping | set | frozenset) or sparse.issparse(raw_documents):
        kind = type(raw_documents).__name__
        raise TypeError(f"Expected an iterable of str documents, got a {kind}. Pass a list.")
    shape = getattr(raw_documents, "shape", None)
    if shape is not None and len(shape) != 1:
        raw_documents = _single_column(raw_documents, tuple(shape))
    documents = _to_list(raw_documents)
    if not documents:
        raise ValueError("Expected at least one document, got none (0 samples).")
    if set(map(type, documents)) != {str}:
        documents = [_check_document(document, i) for i, document in enumerate(documents)]
    return documents


def _single_column(table: Any, shape: tuple[int, ...]) -> Any:
    """Return the only column of a two-dimensional array or DataFrame."""
    if len(shape) != 2 or shape[1] != 1:
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
    if isinstance(container, np.ndarray):
        return container.tolist()
    try:
        documents = iter(container)
    except TypeError:
        kind = type(container).__name__
        raise TypeError(f"Expected an iterable of str documents, got {kind}.") from None
    return list(documents)


def _check_document(document: Any, position: int) -> str:
    """Return one document as str; an error message contains its position."""
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
    raise TypeError(f"Expected every document to be a str, got {type(document).__name__} at position {position}.")


def _is_missing(document: Any) -> bool:
    if document is None or type(document).__name__ == "NAType":  # pandas' NA has no truth value
        return True
    differs = document != document  # as NaN and NaT do; arrays compare element by element
    return isinstance(differs, bool | np.bool_) and bool(differs)
