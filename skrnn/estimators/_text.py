"""Base of the estimators of text, with the parameters of the vectorizer and of the token vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

from sklearn.base import clone

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._inputs import TextInput, TokenInput, check_range_of_ids, feature_names
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn.text._word_vectors import check_embeddings, check_file
from skrnn.utils._parameters import BOOLEAN, NONE, Constraint, IntegerTuple, Interval, Options, Where


def _are_embeddings(embeddings: Any) -> bool:
    check_embeddings(embeddings)  # it raises more specific errors than a constraint
    return True


class TextRNN(BaseRNN):
    """X is documents, or token ids with ``vectorizer="passthrough"``."""

    _parameter_constraints: ClassVar[Mapping[str, Sequence[Constraint]]] = {
        **BaseRNN._parameter_constraints,
        "vectorizer": [
            Where(
                "a SequenceVectorizer (token ids in the order of the text, not counts or weights of words)",
                lambda vectorizer: isinstance(vectorizer, SequenceVectorizer),
            ),
            Options(["passthrough"]),
            NONE,
        ],
        "embedding_dim": [Interval(int, 1)],
        "embeddings": [Where("pretrained vectors or None", _are_embeddings)],
        "trainable_embeddings": [BOOLEAN],
        "max_ngrams": [Interval(int, 0)],
        "char_ngram_range": [
            IntegerTuple(
                1,
                "two integers (min_n, max_n) with 1 <= min_n <= max_n",
                lambda range_: len(range_) == 2 and range_[0] <= range_[1],
            ),
            NONE,
        ],
        "skip_connection": [BOOLEAN],
        "linear_model": [BOOLEAN],
        "min_count": [Interval(int, 1)],
        "embedding_dropout": [Interval(float, 0, 1)],
        "token_dropout": [Interval(float, 0, 1)],
    }

    vectorizer: SequenceVectorizer | str | None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of the vectorizer, with the prefix ``vectorizer__``. If `vectorizer` is
            None, these are the defaults of a SequenceVectorizer.

        Returns
        -------
        params : dict
            Names and values of parameters.
        """
        params = super().get_params(deep=deep)
        if deep and self.vectorizer is None:
            defaults = SequenceVectorizer().get_params()
            params |= {f"vectorizer__{name}": value for name, value in defaults.items()}
        return params

    def set_params(self, **params: Any) -> Any:
        """Set parameters of the estimator.

        Parameters
        ----------
        **params : dict
            Names and values of parameters. ``vectorizer__<name>`` sets a parameter of the vectorizer, also while
            `vectorizer` is None.

        Returns
        -------
        self : object
            The estimator.
        """
        inside = {name for name in params if name.startswith("vectorizer__")}
        if inside and params.get("vectorizer", self.vectorizer) is None:
            vectorizer = SequenceVectorizer()
            defaults = vectorizer.get_params()
            vectorizer.set_params(**{name.removeprefix("vectorizer__"): params[name] for name in inside})
            is_default = all(value is defaults[name] for name, value in vectorizer.get_params().items())
            params = {name: value for name, value in params.items() if name not in inside}
            params["vectorizer"] = None if is_default else vectorizer
        return super().set_params(**params)

    def _fit_input(self, X: Any, params: SimpleNamespace) -> tuple[TokenInput, Any]:
        _check_sources_of_vectors(params)
        input_: TokenInput
        if isinstance(params.vectorizer, str):
            input_ = TokenInput()
        else:
            vectorizer = SequenceVectorizer() if params.vectorizer is None else clone(params.vectorizer)
            input_ = TextInput(vectorizer)
        checked: Any = input_.check(X, self)
        if isinstance(params.vectorizer, str):
            check_range_of_ids(checked)
        input_.feature_names = feature_names(X)
        return input_, checked

    @property
    def vectorizer_(self) -> SequenceVectorizer | str:
        learned = self._learned.input
        return learned.vectorizer if isinstance(learned, TextInput) else "passthrough"

    @property
    def n_features_in_(self) -> int:
        return len(self.feature_names_in_)

    @property
    def vocabulary_(self) -> dict[str, int]:
        return self._text_input("vocabulary_").vectorizer.vocabulary_

    @property
    def embedding_coverage_(self) -> float:
        coverage = self._text_input("embedding_coverage_").embedding_coverage
        if coverage is None:
            raise AttributeError(f"{type(self).__name__} was fitted without pretrained vectors.")
        return coverage

    def _text_input(self, attribute: str) -> TextInput:
        learned = self._learned.input
        if not isinstance(learned, TextInput):
            raise AttributeError(f"{type(self).__name__} has no {attribute} with vectorizer='passthrough'.")
        return learned

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        takes_ids = isinstance(self.vectorizer, str)
        tags.input_tags.sparse = tags.input_tags.two_d_array = takes_ids
        tags.input_tags.string = tags.input_tags.one_d_array = not takes_ids
        return tags


def _check_sources_of_vectors(params: SimpleNamespace) -> None:
    """Raise an error if pretrained vectors cannot be used with the other parameters, or their file is missing."""
    if params.embeddings is None:
        return
    if isinstance(params.vectorizer, str):
        raise ValueError(
            "Expected embeddings=None with vectorizer='passthrough', because the tokens of the ids are not known. "
            "Pass the documents as X, and the SequenceVectorizer as vectorizer."
        )
    if params.network is not None:
        raise ValueError(
            "Expected embeddings=None with a custom network, which starts with the weights of its layers. Pass "
            "the vectors to its embedding layer, or leave network at None."
        )
    check_file(params.embeddings)
