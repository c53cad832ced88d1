"""What X means: an input turns documents, token ids or numeric sequences into what the network reads."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import compress, zip_longest
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import numpy as np
from scipy import sparse
from sklearn.utils.validation import _get_feature_names, check_is_fitted, validate_data

from skrnn.estimators._arrays import as_numbers, check_finite
from skrnn.estimators._start import Start, TokenStart
from skrnn.network._spec import NetworkSpec
from skrnn.sequences._storage import FIRST_TOKEN, UNKNOWN, RaggedArray, Sequences, check_token_ids, with_known_ids
from skrnn.text._char_ngrams import char_ngrams, shared_ngrams, spellings
from skrnn.text._tokenization import WORD_START
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn.utils._parameters import DICT, NONE, STRING, Constraint, Interval, Where, list_of

# epochs="auto" aims at this number of characters of text, or time steps of other sequences. A number of tokens
# would give too few epochs to texts whose tokens are characters.
_AUTO_CHARACTERS, _AUTO_TIME_STEPS = 1_200_000, 750_000
_TYPICAL_TOKEN = 4  # characters of a token whose spelling is not known

# The largest token id may be this large, or this many times the number of distinct ids.
_MANY_TOKENS, _IDS_PER_DISTINCT = 1_000_000, 10

# Predictions are computed in the precision of X. Training is always in float32.
_DTYPES = [np.float64, np.float32]


# The lengths and the number of character n-grams in a linear model. With three times as many, accuracy is hardly
# higher, and files of compressed networks are larger by a tenth.
SPELLING_RANGE, _MOST_SPELLING_NGRAMS = (2, 5), 16_000


_NAMES = list_of(STRING, "a list of str")


def _is_index(value: Any) -> bool:
    return (
        value in DICT
        and all(isinstance(key, str) for key in value)
        and list(value.values()) == [*range(len(value))]
    )


class Input(ABC):
    """What X means to an estimator, learned from the X of a fit."""

    kind: ClassVar[str]  # name of the class in files
    fields: ClassVar[Mapping[str, Sequence[Constraint]]]  # what a file holds, the arguments of the class
    n_tokens: int = 0  # number of token ids, if X becomes tokens
    feature_names: list[str] | None = None  # names of the columns, if X was a DataFrame

    @abstractmethod
    def check(self, X: Any, estimator: Any) -> Any:
        """Return X as a list of documents, token ids or a RaggedArray, or raise an error."""

    @abstractmethod
    def fit_transform(self, X: Any, params: SimpleNamespace) -> tuple[Sequences, Start]:
        """Learn from a checked X, and return its sequences and how the network starts."""

    @abstractmethod
    def transform(self, X: Any) -> Sequences:
        """Return the sequences that the network reads, from a checked X."""

    @abstractmethod
    def spec_fields(self, params: SimpleNamespace) -> dict[str, Any]:
        """Return the fields of the NetworkSpec that follow from the input and its parameters."""

    @abstractmethod
    def n_auto_epochs(self, sequences: Sequences) -> float:
        """Return the number of epochs that the total length of the sequences asks for, with ``epochs="auto"``."""

    @abstractmethod
    def check_spec(self, spec: NetworkSpec) -> None:
        """Raise an error unless a network with this specification reads the input."""

    def to_user(self, X: Any) -> Any:
        """Return a checked X as users pass it, for scorers."""
        return X

    def with_spelling(self, is_used: bool) -> Input:
        """Return an input for a linear model that reads the spelling of words, or for none."""
        return self

    def transform_with_spellings(self, X: Any) -> tuple[Sequences, sparse.csr_matrix | None]:
        """Return the sequences, and the character n-grams of unknown words.

        The first unknown word has the id ``n_tokens``. None if the spelling of words is not used.
        """
        return self.transform(X), None

    def spellings_of_tokens(self) -> sparse.csr_matrix | None:
        """Return the character n-grams of each token id, or None."""
        return None


class TokenInput(Input):
    """Sequences of token ids, with ``vectorizer="passthrough"``.

    Attributes
    ----------
    n_tokens : int
        Number of token ids, padding and the unknown token included.
    n_vectors : int
        Number of token ids with a vector. Larger ids have the vector of the unknown token.
    n_ngrams : int
        Number of vectors for n-grams of tokens.
    pretrained_dim : int or None
        Length of the pretrained vectors. None if there are none.
    """

    kind = "token_ids"
    fields = {
        "n_tokens": [Interval(int, FIRST_TOKEN)],
        "n_vectors": [Interval(int, FIRST_TOKEN)],
        "n_ngrams": [Interval(int, 0)],
        "pretrained_dim": [Interval(int, 1), NONE],
        "feature_names": [_NAMES, NONE],
    }

    def __init__(
        self,
        n_tokens: int = 0,
        n_vectors: int = 0,
        n_ngrams: int = 0,
        pretrained_dim: int | None = None,
        feature_names: list[str] | None = None,
    ) -> None:
        self.n_tokens = n_tokens
        self.n_vectors = n_vectors
        self.feature_names = feature_names
        self.n_ngrams = n_ngrams
        self.pretrained_dim = pretrained_dim

    def check(self, X: Any, estimator: Any) -> Any:
        self._check_feature_names(X)
        X = check_token_ids(X)
        if X.shape[0] == 0:
            raise ValueError("Expected at least one document, got none (0 samples).")
        return X

    def _check_feature_names(self, X: Any) -> None:
        names = feature_names(X)
        if self.feature_names is None or names is None or names == self.feature_names:
            return
        pairs = enumerate(zip_longest(self.feature_names, names))
        i, (expected, name) = next(pair for pair in pairs if len(set(pair[1])) == 2)
        raise ValueError(
            "The feature names should match those that were passed during fit: expected the name of column "
            f"{i} to be {expected!r}, got {name!r}."
        )

    def fit_transform(self, X: Any, params: SimpleNamespace) -> tuple[sparse.csr_matrix, Start]:
        self.n_tokens = max(int(X.data.max(initial=0)), UNKNOWN) + 1
        self.n_vectors = _n_frequent(X, self.n_tokens, params)
        start = TokenStart.find(with_known_ids(X, self.n_vectors), None, None, params)
        self.n_ngrams = start.n_ngrams
        return X, start

    def transform(self, X: Any) -> sparse.csr_matrix:
        return with_known_ids(X, self.n_tokens)

    def newly_tokenized(self, X: Any) -> sparse.csr_matrix:
        """Return token ids of a vocabulary that is learned from X. The input does not change."""
        return X

    def with_tokens(self, keeps: np.ndarray, keeps_char_ngram: np.ndarray, spec: NetworkSpec) -> TokenInput:
        """Return an input with these token ids, which get new numbers, for a network with this specification."""
        smaller = copy.copy(self)
        smaller.n_tokens, smaller.n_vectors, smaller.n_ngrams = int(keeps.sum()), spec.n_tokens or 0, spec.n_ngrams
        return smaller

    def spec_fields(self, params: SimpleNamespace) -> dict[str, Any]:
        return {
            "n_tokens": self.n_vectors,
            "n_features": self.pretrained_dim or params.embedding_dim,
            "embedding_dropout": params.embedding_dropout,
            "token_dropout": params.token_dropout,
            "trainable_embeddings": params.trainable_embeddings,
            "n_ngrams": self.n_ngrams,
            "skip_connection": params.skip_connection,
        }

    def n_auto_epochs(self, sequences: Sequences) -> float:
        return _AUTO_CHARACTERS / max(self._characters()[sequences.data].sum(), 1)

    def _characters(self) -> np.ndarray:
        """Return the number of characters of each token."""
        return np.full(self.n_tokens, _TYPICAL_TOKEN)

    def check_spec(self, spec: NetworkSpec) -> None:
        expected = self.n_vectors, self.n_ngrams
        if expected != (spec.n_tokens, spec.n_ngrams) or spec.n_linear_tokens not in (0, self.n_tokens):
            raise ValueError(
                f"The input has {self.n_tokens} token ids, {self.n_vectors} of them with vectors, and "
                f"{self.n_ngrams} n-grams, but the network is {spec}."
            )
        if self.n_vectors > self.n_tokens:
            raise ValueError(f"There are {self.n_vectors} vectors for {self.n_tokens} token ids.")
        if self.pretrained_dim not in (None, spec.n_features):
            raise ValueError(
                f"The pretrained vectors have length {self.pretrained_dim}, but the network has vectors of length "
                f"{spec.n_features}."
            )


def _n_frequent(X: sparse.csr_matrix, n_tokens: int, params: SimpleNamespace) -> int:
    """Return the number of ids up to the last one that occurs ``min_count`` times, or of all ids."""
    min_count = getattr(params, "min_count", 1)
    if params.network is not None or params.embeddings is not None or min_count == 1:
        return n_tokens
    frequent = np.flatnonzero(np.bincount(X.data) >= min_count)
    return max(int(frequent.max(initial=0)) + 1, FIRST_TOKEN)


def _char_ngram_rows(vocabulary: Mapping[str, int], params: SimpleNamespace) -> tuple[np.ndarray, int] | None:
    """Return the character n-grams of each token, and the number of n-grams, or None."""
    if params.network is not None or params.char_ngram_range is None:
        return None
    return char_ngrams(list(vocabulary), params.char_ngram_range)


def check_range_of_ids(X: sparse.csr_matrix) -> None:
    """Raise ValueError if all ids are unknown, or if few of the ids up to the largest occur.

    A network has a vector for each of these ids. A million vectors fit into memory. If a vocabulary
    is larger, even a small part of the corpus contains a tenth of its tokens.
    """
    largest = int(X.data.max(initial=0))
    if X.nnz and largest <= UNKNOWN:
        raise ValueError(
            f"Expected token ids >= {FIRST_TOKEN} in some document; all ids are {UNKNOWN}, the unknown token. "
            "Columns of zeros and ones are not token ids."
        )
    if largest < _MANY_TOKENS:
        return
    n_distinct = len(np.unique(X.data))
    if largest > _IDS_PER_DISTINCT * n_distinct:
        document = int(np.searchsorted(X.indptr, X.data.argmax(), side="right")) - 1
        raise ValueError(
            f"Token id {largest} of document {document} needs vectors for {largest + 1} ids, but X has only "
            f"{n_distinct} distinct ids. Renumber the ids from 2 on, for example with "
            "numpy.unique(ids, return_inverse=True)."
        )


class TextInput(TokenInput):
    """Documents, which a vectorizer turns into token ids.

    Attributes
    ----------
    vectorizer : SequenceVectorizer
        Fitted by ``fit_transform``.
    feature_names : list of str or None
        The name of the column, if X was a DataFrame.
    embedding_coverage : float or None
        Share of the vocabulary that has a pretrained vector. None without pretrained vectors.
    spelling : dict of str to int
        Character n-grams with weights in the linear model, and their indices. Unknown words consist of them.
    """

    kind = "text"
    fields = {
        **TokenInput.fields,
        "vectorizer": [Where("a SequenceVectorizer", lambda value: isinstance(value, SequenceVectorizer))],
        "embedding_coverage": [Interval(float, 0, 1, closed="right"), NONE],
        "spelling": [Where("a mapping from n-grams to indices from 0 on", _is_index)],
    }

    def __init__(
        self,
        vectorizer: SequenceVectorizer,
        feature_names: list[str] | None = None,
        n_tokens: int = 0,
        n_vectors: int = 0,
        n_ngrams: int = 0,
        pretrained_dim: int | None = None,
        embedding_coverage: float | None = None,
        spelling: dict[str, int] | None = None,
    ) -> None:
        super().__init__(n_tokens, n_vectors, n_ngrams, pretrained_dim, feature_names)
        self.vectorizer = vectorizer
        self.embedding_coverage = embedding_coverage
        self.spelling = spelling or {}

    def check(self, X: Any, estimator: Any) -> list[str]:
        self._check_feature_names(X)
        return self.vectorizer._check_documents(X)

    def fit_transform(self, X: list[str], params: SimpleNamespace) -> tuple[sparse.csr_matrix, Start]:
        sequences = self.vectorizer._fit_to_ids(X)
        vocabulary = self.vectorizer.vocabulary_
        self.n_tokens = len(vocabulary) + FIRST_TOKEN
        self.n_vectors = _n_frequent(sequences, self.n_tokens, params)
        known = with_known_ids(sequences, self.n_vectors)  # n-grams consist of tokens with vectors
        start = TokenStart.find(known, self.vectorizer, _char_ngram_rows(vocabulary, params), params)
        self.n_ngrams = start.n_ngrams
        if start.pretrained is not None:
            ids, vectors = start.pretrained
            self.pretrained_dim = vectors.shape[1]
            self.embedding_coverage = len(ids) / len(vocabulary)
        return sequences, start

    def newly_tokenized(self, X: list[str]) -> sparse.csr_matrix:
        return copy.deepcopy(self.vectorizer)._fit_to_ids(X)

    def transform(self, X: list[str]) -> sparse.csr_matrix:
        return self.vectorizer._to_ids(X)

    def with_spelling(self, is_used: bool) -> TextInput:
        ngrams: list[str] = []
        if is_used:
            ngrams = shared_ngrams(list(self.vectorizer.vocabulary_), SPELLING_RANGE, _MOST_SPELLING_NGRAMS)
        changed = copy.copy(self)
        changed.spelling = {ngram: i for i, ngram in enumerate(ngrams)}
        return changed

    def transform_with_spellings(self, X: list[str]) -> tuple[sparse.csr_matrix, sparse.csr_matrix | None]:
        if not self.spelling:
            return self.transform(X), None
        sequences, words = self.vectorizer._to_ids_with_unknown(X)
        return sequences, spellings(words, self.spelling, SPELLING_RANGE) if words else None

    def spellings_of_tokens(self) -> sparse.csr_matrix | None:
        if not self.spelling:
            return None
        of_tokens = spellings(list(self.vectorizer.vocabulary_), self.spelling, SPELLING_RANGE)
        none = sparse.csr_matrix((FIRST_TOKEN, len(self.spelling)))  # padding and the unknown token
        return sparse.vstack([none, of_tokens], format="csr")

    def with_tokens(self, keeps: np.ndarray, keeps_char_ngram: np.ndarray, spec: NetworkSpec) -> TextInput:
        smaller = cast(TextInput, super().with_tokens(keeps, keeps_char_ngram, spec))
        smaller.spelling = {ngram: i for i, ngram in enumerate(compress(self.spelling, keeps_char_ngram))}
        smaller.vectorizer = copy.copy(self.vectorizer)
        tokens = compress(self.vectorizer.vocabulary_, keeps[FIRST_TOKEN:])
        smaller.vectorizer.vocabulary_ = {token: i for i, token in enumerate(tokens, start=FIRST_TOKEN)}
        return smaller

    def _characters(self) -> np.ndarray:
        n_characters = super()._characters()
        tokens = self.vectorizer.vocabulary_
        n_characters[FIRST_TOKEN:] = [len(token.strip(f" {WORD_START}")) for token in tokens]
        return n_characters

    def check_spec(self, spec: NetworkSpec) -> None:
        check_is_fitted(self.vectorizer)
        n_tokens = len(self.vectorizer.vocabulary_) + FIRST_TOKEN
        if n_tokens != self.n_tokens:
            raise ValueError(f"The vectorizer has {n_tokens} token ids, but the input has {self.n_tokens}.")
        if spec.n_linear_char_ngrams != len(self.spelling):
            raise ValueError(f"The input has {len(self.spelling)} character n-grams, but the network is {spec}.")
        super().check_spec(spec)


class SequenceInput(Input):
    """Sequences of vectors, or a table whose rows are univariate series.

    Attributes
    ----------
    n_features : int
        Number of features at each time step.
    n_columns : int or None
        Number of columns of the table. None for sequences of vectors.
    feature_names : list of str or None
        The names of the columns, if X was a DataFrame.
    """

    kind = "sequences"
    fields = {
        "n_features": [Interval(int, 1)],
        "n_columns": [Interval(int, 1), NONE],
        "feature_names": [_NAMES, NONE],
    }

    def __init__(
        self, n_features: int, n_columns: int | None = None, feature_names: list[str] | None = None
    ) -> None:
        self.n_features = n_features
        self.n_columns = n_columns
        self.feature_names = feature_names

    @classmethod
    def fit(cls, X: Any, estimator: Any) -> tuple[SequenceInput, RaggedArray]:
        """Return the input for sequences like X, and X as a RaggedArray."""
        X = _unpacked(X)
        sequences = _as_sequences(X)
        if sequences is not None:
            ragged = _check_sequences(sequences)
            return cls(ragged.data.shape[1]), ragged
        table = _check_table(X, estimator)
        return cls(1, table.shape[1], feature_names(X)), _series_of(table)

    def check(self, X: Any, estimator: Any) -> RaggedArray:
        X = _unpacked(X)
        sequences = _as_sequences(X)
        if sequences is not None:
            ragged = _check_sequences(sequences)
        else:
            ragged = _series_of(_check_table(X, estimator))
            # A list may contain series of another length than in the fit.
            if self.n_columns is not None and not isinstance(X, list | tuple):
                validate_data(estimator, X, reset=False, skip_check_array=True)  # names and number of columns
        n_features = ragged.data.shape[1]
        if n_features != self.n_features:
            raise ValueError(
                f"X has {n_features} features at each time step, but {type(estimator).__name__} is expecting "
                f"{self.n_features} features at each time step. The axes of an array are (n_sequences, n_steps, "
                "n_features). A single sequence needs a list around it."
            )
        return ragged

    def fit_transform(self, X: RaggedArray, params: SimpleNamespace) -> tuple[RaggedArray, Start]:
        return X, Start()

    def transform(self, X: RaggedArray) -> RaggedArray:
        return X

    def to_user(self, X: RaggedArray) -> Any:
        sequences = np.split(X.data, X.indptr[1:-1])
        if self.n_columns is None:
            return sequences
        series = [sequence.ravel() for sequence in sequences]
        # A list may contain series with another length than in the fit.
        return np.array(series) if set(map(len, series)) == {self.n_columns} else series

    def spec_fields(self, params: SimpleNamespace) -> dict[str, Any]:
        return {"n_tokens": None, "n_features": self.n_features, "embedding_dropout": 0.0, "token_dropout": 0.0}

    def n_auto_epochs(self, sequences: Sequences) -> float:
        return _AUTO_TIME_STEPS / max(len(sequences.data), 1)

    def check_spec(self, spec: NetworkSpec) -> None:
        if spec.n_tokens is not None or spec.n_features != self.n_features:
            raise ValueError(f"The input has {self.n_features} features, but the network is {spec}.")
        n_names = self.n_columns if self.feature_names is None else len(self.feature_names)
        if self.n_columns != n_names or (self.n_columns is not None and self.n_features != 1):
            raise ValueError(
                f"The input has {self.n_features} features, {self.n_columns} columns and {n_names} names of them."
            )


def feature_names(X: Any) -> list[str] | None:
    """Return the names of the columns of a table, or None."""
    names = _get_feature_names(X)
    return None if names is None else names.tolist()


def _unpacked(X: Any) -> Any:
    """Return the sequences in a Series or an array of objects as a list, and any other X as it is."""
    if len(getattr(X, "shape", "1")) != 1:
        return X
    for method in ("to_list", "to_pylist"):  # pandas and polars, PyArrow
        if hasattr(X, method):
            return getattr(X, method)()
    return list(X) if isinstance(X, np.ndarray) and X.dtype == object else X


def _as_sequences(X: Any) -> list[np.ndarray] | None:
    """Return a list of arrays, or None if X is a table or a list of equally long series."""
    if getattr(X, "ndim", None) == 3:
        return list(check_finite(_numbers(X, "X"), "X", dtype=_DTYPES, allow_nd=True))
    if not isinstance(X, list | tuple):
        return None
    if any(isinstance(sequence, str) for sequence in X):
        raise TypeError(
            "Expected sequences of numbers, got str. RNNTextClassifier and RNNTextRegressor take text."
        )
    sequences = [_numbers(sequence, f"sequence {i} of X") for i, sequence in enumerate(X)]
    shapes = {sequence.shape for sequence in sequences}
    if not any(shapes):
        return None
    are_rows = len(shapes) == 1 and len(next(iter(shapes))) == 1 and shapes != {(0,)}
    return None if are_rows else sequences


def _numbers(values: Any, name: str) -> np.ndarray:
    try:
        return as_numbers(values, name)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{error} X is a list of arrays of shape (n_steps, n_features), an array of shape (n_sequences, "
            "n_steps, n_features), or a table with a series of numbers in each row."
        ) from error


def _check_table(X: Any, estimator: Any) -> np.ndarray:
    return check_finite(_numbers(X, "X"), "X", dtype=_DTYPES, estimator=estimator)


def _check_sequences(sequences: Sequence[np.ndarray]) -> RaggedArray:
    columns = [sequence[:, None] if sequence.ndim == 1 else sequence for sequence in sequences]
    for i, column in enumerate(columns):
        if column.ndim != 2 or column.shape[1] != columns[0].shape[1]:
            raise ValueError(
                "Expected every sequence to be an array of shape (n_steps, n_features) with the same n_features; "
                f"sequence 0 has shape {sequences[0].shape}, and sequence {i} {sequences[i].shape}."
            )
    ragged = RaggedArray.of(columns)
    try:
        data = check_finite(ragged.data, "X", dtype=_DTYPES, ensure_min_samples=0)
    except ValueError as error:
        is_bad = ~np.isfinite(ragged.data.astype(np.float64)).all(axis=1)
        i = int(np.searchsorted(ragged.indptr, is_bad.argmax(), side="right")) - 1
        raise ValueError(f"{error} See sequence {i}." if is_bad.any() else str(error)) from error
    return RaggedArray(data, ragged.indptr)


def _series_of(table: np.ndarray) -> RaggedArray:
    """Return the rows of a table as series. Its columns are time steps."""
    return RaggedArray(table.reshape(-1, 1), np.arange(len(table) + 1) * table.shape[1])
