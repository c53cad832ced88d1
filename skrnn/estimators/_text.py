"""What the estimators of raw text share: the vectorizer in front of the network."""

from numbers import Integral

import numpy as np
from sklearn.base import clone

from skrnn.estimators._base import BaseRNN
from skrnn.text._char_ngrams import ROWS, VECTORS, char_ngrams
from skrnn.text._word_vectors import check_embeddings, check_file_exists, pretrained_vectors
from skrnn.network._naive_bayes import start_with_naive_bayes
from skrnn.sequences._ngrams import frequent_ngrams, ngram_table
from skrnn.sequences._storage import FIRST_TOKEN, UNKNOWN, check_token_ids
from skrnn.utils._validation import check_bool, check_number, check_rate
from skrnn.text._documents import check_documents
from skrnn.text._tokenization import WORD_START
from skrnn.text._vectorizer import SequenceVectorizer

# epochs="auto": in tokens, short texts of a script whose tokens are characters would be seen too rarely, or those
# of words too often.
MIN_AUTO_CHARACTERS = 1_200_000
_TYPICAL_TOKEN = 4  # characters, where nobody knows


class TextRNN(BaseRNN):
    """X is raw text, or token ids with ``vectorizer="passthrough"``."""

    def set_params(self, **params):
        """Set parameters of this estimator, or of its vectorizer as ``vectorizer__<name>``.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self : object
        """
        inside = {name for name in params if name.startswith("vectorizer__")}
        if inside and params.get("vectorizer", self.vectorizer) is None:
            vectorizer = SequenceVectorizer()
            vectorizer.set_params(**{name.removeprefix("vectorizer__"): params[name] for name in inside})
            params = {name: params[name] for name in params if name not in inside} | {"vectorizer": vectorizer}
        return super().set_params(**params)

    def _check_state(self, state):
        super()._check_state(state)
        vectorizer = state.get("vectorizer_")
        if "_network" in state and isinstance(vectorizer, SequenceVectorizer):
            n_ids, n_vectors = len(vectorizer.vocabulary_) + FIRST_TOKEN, state["_network"]["spec"]["n_tokens"]
            if n_ids != n_vectors:
                raise ValueError(
                    f"This {type(self).__name__} cannot be restored: its vectorizer has {n_ids} token ids, and "
                    f"its network vectors for {n_vectors}."
                )

    @property
    def vocabulary_(self):
        """The id of each token."""
        if not isinstance(getattr(self, "vectorizer_", None), SequenceVectorizer):
            raise AttributeError(f"{type(self).__name__} has no vocabulary_ before it is fitted on text.")
        return self.vectorizer_.vocabulary_

    def _check_params(self):
        super()._check_params()
        is_known = self.vectorizer is None or isinstance(self.vectorizer, SequenceVectorizer)
        if not (is_known or _is_passthrough(self.vectorizer)):
            raise TypeError(
                f"Expected vectorizer to be a SequenceVectorizer, 'passthrough' or None; got {self.vectorizer!r}. "
                "With 'passthrough', X holds token ids in the order of the text, not counts or weights of words."
            )
        if self.embeddings is not None and _is_passthrough(self.vectorizer):
            raise ValueError(
                "Expected embeddings=None with vectorizer='passthrough': token ids do not tell which tokens the "
                "vectors are for. Give the estimator the text, and the transformer as its vectorizer."
            )
        if self.embeddings is not None and self.network is not None:
            raise ValueError(
                "Expected embeddings=None with a network of your own: it starts with the weights of its layers. "
                "Give the vectors to its embedding layer, or leave network at None."
            )

    def _check_network_params(self):
        super()._check_network_params()
        check_number("embedding_dim", self.embedding_dim, Integral, low=1)
        check_embeddings(self.embeddings)
        check_bool("trainable_embeddings", self.trainable_embeddings)
        check_number("max_ngrams", self.max_ngrams, Integral, low=0)
        _check_char_ngram_range(self.char_ngram_range)
        check_bool("skip_connection", self.skip_connection)
        check_rate("embedding_dropout", self.embedding_dropout)
        check_rate("token_dropout", self.token_dropout)

    def _check_input(self, X, reset=False):
        if reset:
            self._reset_input(X)
        if not _is_passthrough(self.vectorizer_):
            self._check_feature_names(X)
            return check_documents(X)
        X = check_token_ids(X)
        if X.shape[0] == 0:
            raise ValueError("Expected at least one document, got none (0 samples).")
        return X

    def _reset_input(self, X):
        check_file_exists(self.embeddings)
        if self.vectorizer is None:
            self.vectorizer_ = SequenceVectorizer()
        else:
            self.vectorizer_ = "passthrough" if _is_passthrough(self.vectorizer) else clone(self.vectorizer)
        for name in ("feature_names_in_", "embedding_coverage_"):  # learned by some fits only
            vars(self).pop(name, None)
        if _has_named_columns(X):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)

    def _check_feature_names(self, X):
        expected = getattr(self, "feature_names_in_", None)
        if expected is not None and _has_named_columns(X) and list(X.columns) != list(expected):
            raise ValueError(
                f"The feature names should match those that were passed during fit: expected {list(expected)}, "
                f"got {list(X.columns)}."
            )

    def _fit_sequences(self, X):
        sequences = self._fit_tokens(X)
        self._n_ngrams = 0
        # Token vectors that stay as they are leave little to learn, and n-grams would bring that back.
        if self.max_ngrams and self.trainable_embeddings and self.network is None:
            ngrams = frequent_ngrams(sequences, int(self.max_ngrams))
            if len(ngrams):
                self._ngrams = ngrams
                self._n_ngrams = len(ngrams) + 1
        return sequences

    def _n_epochs_to_read(self, sequences):
        n_characters = np.full(self._n_token_ids, _TYPICAL_TOKEN)
        if not _is_passthrough(self.vectorizer_):
            tokens = (str(token).strip(f" {WORD_START}") for token in self.vectorizer_.vocabulary_)
            n_characters[FIRST_TOKEN:] = list(map(len, tokens))
        return MIN_AUTO_CHARACTERS / max(n_characters[sequences.data].sum(), 1)

    def _initial_parts(self, spec):
        is_asked_for = self.char_ngram_range is not None and self.trainable_embeddings and self.network is None
        if not is_asked_for or _is_passthrough(self.vectorizer_):
            return None
        rows, n_rows = char_ngrams(list(self.vectorizer_.vocabulary_), self.char_ngram_range)
        if n_rows == 1:  # tokens that are characters have none
            return None
        vectors = np.zeros((n_rows, spec.n_features), dtype=np.float32)
        return {VECTORS: vectors, ROWS: rows}

    def _optimizer_kind(self):
        lengths = None if self.char_ngram_range is None else list(self.char_ngram_range)
        return {**super()._optimizer_kind(), "char_ngram_range": lengths}

    def _fit_tokens(self, X):
        self._pretrained_dim = None
        if _is_passthrough(self.vectorizer_):
            self._n_token_ids = max(int(X.data.max(initial=0)), UNKNOWN) + 1
            return X
        sequences = self.vectorizer_.fit_transform(X)
        self._n_token_ids = len(self.vectorizer_.vocabulary_) + FIRST_TOKEN
        if self.embeddings is not None:
            positions, vectors = pretrained_vectors(self.embeddings, list(self.vectorizer_.vocabulary_))
            self.embedding_coverage_ = len(positions) / len(self.vectorizer_.vocabulary_)
            self._pretrained_dim = vectors.shape[1]
            self._pretrained = positions + FIRST_TOKEN, vectors
        return sequences

    def _sequences(self, X):
        if not _is_passthrough(self.vectorizer_):
            return self.vectorizer_.transform(X)
        X.data[X.data >= self._n_token_ids] = UNKNOWN
        return X

    def _input_spec(self):
        return {
            "n_tokens": self._n_token_ids,
            "n_features": self._pretrained_dim or int(self.embedding_dim),
            "embedding_dropout": float(self.embedding_dropout),
            "token_dropout": float(self.token_dropout),
            "trainable_embeddings": bool(self.trainable_embeddings),
            "n_ngrams": self._n_ngrams,
            "skip_connection": bool(self.skip_connection),
        }

    def _initial_weights(self, spec, rng, training):
        weights = super()._initial_weights(spec, rng, training)
        if spec.n_ngrams:  # what is kept of them are the weights, as of pretrained vectors
            table = ngram_table(vars(self).pop("_ngrams"), spec.n_ngrams)
            weights["ngram_keys"], weights["ngram_slots"] = table
        memberships = self._class_memberships(training.targets)
        if self._pretrained_dim:
            ids, vectors = vars(self).pop("_pretrained")
            embedding = weights["embedding"]
            embedding *= vectors.std() / embedding.std()  # tokens without a vector are as long as the others
            embedding[UNKNOWN] = vectors.mean(axis=0)
            embedding[ids] = vectors
        elif memberships is not None:
            start_with_naive_bayes(weights, training.sequences, memberships, training.weights)
        return weights

    def _class_memberships(self, _targets) -> np.ndarray | None:
        """Of shape (n_documents, n_classes), if the vectors of the tokens are to start with what they tell."""
        return None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        takes_ids = _is_passthrough(self.vectorizer)
        tags.input_tags.sparse = tags.input_tags.two_d_array = takes_ids
        tags.input_tags.string = tags.input_tags.one_d_array = not takes_ids
        return tags


def _check_char_ngram_range(value) -> None:
    if value is None:
        return
    is_pair = isinstance(value, tuple | list) and len(value) == 2
    if not (is_pair and all(isinstance(n, Integral) and not isinstance(n, bool) for n in value)):
        raise TypeError(f"Expected char_ngram_range to be two integers (min_n, max_n) or None; got {value!r}.")
    if not 1 <= value[0] <= value[1]:
        raise ValueError(f"Expected char_ngram_range with 1 <= min_n <= max_n; got {value!r}.")


def _has_named_columns(X) -> bool:
    return hasattr(X, "columns") and all(isinstance(name, str) for name in X.columns)


def _is_passthrough(vectorizer) -> bool:
    return isinstance(vectorizer, str) and vectorizer == "passthrough"
