"""Base of the estimators of text, with the parameters of the vectorizer and of the token vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar, cast

from sklearn.base import clone

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._fitted import Encoding, Fitted
from skrnn.estimators._inputs import TextInput, TokenInput, check_range_of_ids, feature_names
from skrnn.estimators._samples import Samples
from skrnn.estimators._sklearn_callbacks import with_callbacks
from skrnn.estimators._unlabeled import join_documents, label_documents
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn.text._word_vectors import check_embeddings, check_file
from skrnn.utils._parameters import BOOLEAN, NONE, Constraint, IntegerTuple, Interval, Options, Where

Text = TypeVar("Text", bound="TextRNN")


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
        "embedding_dropout": [Interval(float, 0, 1)],
        "token_dropout": [Interval(float, 0, 1)],
    }

    vectorizer: SequenceVectorizer | str | None

    @with_callbacks
    def fit(
        self: Text,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        X_unlabeled: Any = None,
    ) -> Text:
        """Fit the network.

        Parameters
        ----------
        X : iterable of str, or token ids
            Training documents. With ``vectorizer="passthrough"``, token ids.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss. Only their ratios matter. A sample of weight 0 is left out of
            training, but its class is in ``classes_``. None gives all samples the same weight.
        X_val, y_val : as X and y, default=None
            Validation data. Early stopping uses it instead of a part of the training samples. Without early
            stopping, it is only scored after each epoch, for ``history_``.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of the validation samples.
        X_unlabeled : as X, default=None
            More documents, without targets. This helps if few documents have targets, and can harm if most have.
            A linear model on a latent semantic analysis of all documents [Deerwester1990]_ predicts the missing
            targets, and the network learns from all documents (self-training [Yarowsky1995]_). The confidence of a
            predicted target is its weight in the loss. The vocabulary and the n-grams come from all documents. The
            fit takes about as long as if all of these documents had targets.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        KeyboardInterrupt
            If the user interrupts training (Ctrl-C). After the first epoch, the estimator is fitted with the best
            weights so far (without early stopping, with the current weights).

        Notes
        -----
        If a fit fails, the estimator does not change.

        Cross-validation and searches of scikit-learn split every argument of ``fit`` that has as many samples as
        X. This includes validation data and `X_unlabeled` with exactly as many samples: each fit then gets only a
        part of them.

        In a pipeline and in a search over one, the name of the step is the prefix of an argument, for example
        ``pipeline.fit(X, y, rnn__X_unlabeled=documents)``. Earlier steps do not transform such an argument. With
        scikit-learn's metadata routing, request it with ``set_fit_request(X_unlabeled=True)``, and leave out the
        prefix. ``Pipeline(steps, transform_input=["X_unlabeled"])`` then lets the earlier steps transform it.

        References
        ----------
        .. [Deerwester1990] Deerwester et al. (1990), Indexing by latent semantic analysis. Journal of the American
           Society for Information Science 41(6).
        .. [Yarowsky1995] Yarowsky (1995), Unsupervised word sense disambiguation rivaling supervised methods. ACL
           1995.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), X_unlabeled)

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

    def _add_unlabeled(
        self, training: Samples, X: Any, encoding: Encoding, resumed: Fitted | None, params: SimpleNamespace
    ) -> Samples:
        try:
            unlabeled: Any = encoding.input.check(X, self._reader(encoding))
            if isinstance(params.vectorizer, str):
                check_range_of_ids(unlabeled)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In X_unlabeled: {error}") from error
        documents = join_documents(training.X, unlabeled)
        if resumed is None:
            sequences = cast(TokenInput, encoding.input).newly_tokenized(documents)
        else:
            sequences = encoding.input.transform(documents)
        joined = label_documents(training, unlabeled, sequences, encoding.target)
        if params.verbose:
            from skrnn.training._display import print_line

            n = len(training)
            confidence = joined.sample_weight[n:].mean() / training.sample_weight.mean()
            print_line(
                f"predicted the targets of {len(joined) - n} documents with a mean confidence of {confidence:.2f}"
            )
        return joined

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
