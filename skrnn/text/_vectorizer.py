"""The vectorizer: it learns a vocabulary, and turns documents into sequences of token ids."""

import copy
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from numbers import Integral
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrnn.sequences._storage import UNKNOWN, check_token_ids
from skrnn.text._documents import check_documents
from skrnn.text._patterns import patterns
from skrnn.text._preprocessing import CustomPreprocessor, Preprocessor
from skrnn.text._spans import LocatedTokens, RawTokens, locate
from skrnn.text._subwords import SubwordTokenizer, learn_subwords
from skrnn.text._token_counts import TokenCounts, check_counts, count_tokens, vocabulary_of_counts
from skrnn.text._tokenization import (
    CharAnalyzer,
    CustomWordAnalyzer,
    PatternTokenizer,
    SubwordAnalyzer,
    TokenizedDocuments,
    WordAnalyzer,
    mark_words,
    tokenize,
)
from skrnn.text._vocabulary import checked_vocabulary, most_frequent_tokens, ranked_subwords
from skrnn.text._word_lists import stop_word_set, warn_of_inconsistent_stop_words, warn_of_unmatched_tokens
from skrnn.utils._parameters import (
    BOOLEAN,
    CALLABLE,
    NONE,
    Constraint,
    Interval,
    InvalidParameterError,
    Options,
    Where,
    validated,
    validated_params,
)
from skrnn.utils._persistence import PersistentEstimator

_Tokens = TypeVar("_Tokens", TokenizedDocuments, LocatedTokens)

UNKNOWN_NAME = "[UNK]"

# Subwords to learn if `max_features` is None.
_N_SUBWORDS = 8000


def _is_share(value: object) -> bool:
    return not isinstance(value, Integral) and value in Interval(float, 0, 1, closed="both")


def _is_collection(value: object) -> bool:
    is_1d = getattr(value, "ndim", 1) == 1
    return isinstance(value, Collection) and not isinstance(value, str | bytes) and is_1d


def _is_token_pattern(value: object) -> bool:
    try:
        return isinstance(value, str) and re.compile(value).groups <= 1
    except re.error as error:
        raise InvalidParameterError(
            f"Expected token_pattern to be a valid regular expression; got {value!r}: {error}."
        ) from error


_COUNT = Interval(int, 1)
_SHARE = Where("a float >= 0 and <= 1", _is_share, float)
_COLLECTION = Where("a collection of str", _is_collection)
_VOCABULARY = Where("a mapping or collection of str", _is_collection)
_TOKEN_PATTERN = Where(
    "a valid regular expression with at most one capturing group (write other groups as (?:...))",
    _is_token_pattern,
    str,
)


# set_output leaves the result as it is, because a data frame would store the padding.
class SequenceVectorizer(  # pyright: ignore[reportGeneralTypeIssues]
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    PersistentEstimator,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    """Turn documents into sequences of token ids.

    The result is a sparse matrix in which entry ``(i, t)`` is the id of token ``t`` of document ``i``. It does not
    store the padding of shorter documents. Its size depends on the number of tokens, and not on the longest
    document. It has ``max_length_`` columns in every call, as other estimators expect. :meth:`transform` cuts
    documents that are longer. :meth:`encode` and the text estimators of skrnn read them whole.

    Id 0 is padding. Id 1 stands for all tokens outside the vocabulary. The tokens of the vocabulary have the ids
    from 2 on, the most frequent token first.

    Parameters
    ----------
    analyzer : {"word", "char", "subword"} or callable, default="word"
        How a document is cut into tokens.

        - "word": words with their inner apostrophes, numbers, punctuation marks and emoji. Chinese, Japanese,
          Korean, Thai, Lao, Khmer and Burmese are cut into letters or syllables with their combining marks.
        - "char": characters. White space becomes single spaces. A space is added before the first word and after
          the last, so that a network sees where words begin and end. Both count for `max_length`, and a
          `vocabulary` should contain the space. Empty documents stay empty.
        - "subword": frequent words and frequent parts of words, learned from the documents by byte-pair encoding
          [1]_. A subword that begins a word begins with "▁". Each word is cut into the longest subwords, from left
          to right [2]_. Learning needs ``pip install tokenizers``.
        - callable: takes a raw document and returns its tokens. Documents can be other objects than text. Use
          ``analyzer=list`` for lists of tokens.
    lowercase : bool, default=True
        Convert documents to lowercase first.
    strip_accents : {"ascii", "unicode"} or callable, default=None
        Remove accents, as in :class:`~sklearn.feature_extraction.text.CountVectorizer`. "ascii" also removes all
        characters that have no ASCII form. "unicode" keeps marks that spell a letter, such as the vowel signs of
        Hindi, and does not change Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese.
    preprocessor : callable, default=None
        Takes a document and returns a str. It replaces the built-in preprocessing, which converts to lowercase,
        removes accents, normalizes Unicode to NFC and replaces typographic apostrophes by straight ones. Not used
        with a callable `analyzer`.
    tokenizer : callable, default=None
        Takes a preprocessed document and returns its tokens. It replaces the built-in pattern. Only used with
        ``analyzer="word"``.
    token_pattern : str, default=None
        Regular expression that matches a token. It replaces the built-in pattern. If it has a capturing group, the
        group is the token. Only used with ``analyzer="word"`` and without a `tokenizer`.
    stop_words : {"english"} or collection of str, default=None
        Tokens to leave out. They get the built-in preprocessing, as the documents do. Only used with
        ``analyzer="word"``.
    max_features : int, default=None
        Largest size of the vocabulary. It takes the most frequent tokens, and of equally frequent tokens the
        alphabetically first. With ``analyzer="subword"``, it is the largest number of subwords, at most half of
        which are single characters. None then means 8000.
    min_df : int or float, default=1
        Leave out tokens that occur in fewer documents. An int is a number of documents, a float a share of them.
        Not used with ``analyzer="subword"``.
    max_df : int or float, default=1.0
        Leave out tokens that occur in more documents. An int is a number of documents, a float a share of them.
        Not used with ``analyzer="subword"``.
    vocabulary : mapping or collection of str, default=None
        Fixed vocabulary: the tokens in the order of their ids, or a mapping from tokens to ids. The ids start
        at 2 and have no gaps, as in ``vocabulary_``. `max_features`, `min_df` and `max_df` then have no effect.
    max_length : int, default=None
        Largest number of tokens of a document. Longer documents are truncated before tokens are counted. Subwords
        are still learned from the whole documents. None means no limit, except that :meth:`transform` cuts
        documents that are longer than all documents of the fit.
    truncate : {"head", "tail", "both"}, default="head"
        The part of a long document that stays: its beginning, its end, or a half from each.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of each token, in the order of the ids.
    max_length_ : int
        Number of columns that :meth:`transform` returns: `max_length`, or the number of tokens of the longest
        document of the fit if `max_length` is None. At least 1.

    See Also
    --------
    sklearn.feature_extraction.text.CountVectorizer : Count tokens without their order.

    References
    ----------
    .. [1] Sennrich, R., Haddow, B., & Birch, A. (2016). Neural machine translation of rare words with subword
       units. ACL. arXiv:1508.07909.
    .. [2] Uzan, O., Schmidt, C. W., Tanner, C., & Pinter, Y. (2024). Greed is all you need: An evaluation of
       tokenizer inference methods. ACL. arXiv:2403.01289.

    Examples
    --------
    >>> from skrnn import SequenceVectorizer
    >>> vectorizer = SequenceVectorizer()
    >>> X = vectorizer.fit_transform(["Don't panic!", "Don't! 别慌"])
    >>> X.toarray()
    array([[3, 4, 2, 0],
           [3, 2, 5, 6]], dtype=int32)
    >>> vectorizer.inverse_transform(X)
    [["don't", 'panic', '!'], ["don't", '!', '别', '慌']]
    """

    __module__ = "skrnn"  # pickles and messages use the public name

    _parameter_constraints: ClassVar[dict[str, list[Constraint]]] = {
        "analyzer": [Options(["word", "char", "subword"]), CALLABLE],
        "lowercase": [BOOLEAN],
        "strip_accents": [Options(["ascii", "unicode"]), CALLABLE, NONE],
        "preprocessor": [CALLABLE, NONE],
        "tokenizer": [CALLABLE, NONE],
        "token_pattern": [_TOKEN_PATTERN, NONE],
        "stop_words": [Options(["english"]), _COLLECTION, NONE],
        "max_features": [_COUNT, NONE],
        "min_df": [_COUNT, _SHARE],
        "max_df": [_COUNT, _SHARE],
        "vocabulary": [_VOCABULARY, NONE],
        "max_length": [_COUNT, NONE],
        "truncate": [Options(["head", "tail", "both"])],
    }

    _learned_attribute = "vocabulary_"
    vocabulary_: dict[str, int]
    max_length_: int

    def __init__(
        self,
        analyzer: str | Callable[[str], Iterable[str]] = "word",
        *,
        lowercase: bool = True,
        strip_accents: str | Callable[[str], str] | None = None,
        preprocessor: Callable[[str], str] | None = None,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        token_pattern: str | None = None,
        stop_words: str | Collection[str] | None = None,
        max_features: int | None = None,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        vocabulary: Mapping[str, int] | Collection[str] | None = None,
        max_length: int | None = None,
        truncate: str = "head",
    ) -> None:
        self.analyzer = analyzer
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.preprocessor = preprocessor
        self.tokenizer = tokenizer
        self.token_pattern = token_pattern
        self.stop_words = stop_words
        self.max_features = max_features
        self.min_df = min_df
        self.max_df = max_df
        self.vocabulary = vocabulary
        self.max_length = max_length
        self.truncate = truncate

    def fit(self, raw_documents: Iterable[Any], y: object = None) -> "SequenceVectorizer":
        """Learn the vocabulary.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents.
        y : None
            Ignored.

        Returns
        -------
        self : SequenceVectorizer
        """
        self.fit_transform(raw_documents)
        return self

    def fit_transform(  # pyright: ignore[reportIncompatibleMethodOverride]  # as in CountVectorizer
        self, raw_documents: Iterable[Any], y: object = None
    ) -> sparse.csr_matrix:
        """Learn the vocabulary and return the sequences, in a single pass over the documents.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents.
        y : None
            Ignored.

        Returns
        -------
        X : csr_matrix of shape (n_documents, max_length_), dtype int32
            Token ids. A csr_array if ``sparse_interface`` of scikit-learn's configuration is "sparray".
        """
        return self._with_width_of_fit(self._fit_to_ids(self._check_documents(raw_documents)))

    def count_tokens(self, raw_documents: Iterable[Any]) -> TokenCounts:
        """Count the tokens of a part of a corpus, for :meth:`fit_counts`.

        The vectorizer does not have to be fitted, and it does not change.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents of the part. There can be none.

        Returns
        -------
        counts : TokenCounts
            How often each token occurs.

        Raises
        ------
        ValueError
            If `analyzer` is "subword" and there is no `vocabulary`.
        """
        params = self._params_for_counts()
        documents = self._check_documents(raw_documents, min_documents=0)
        return count_tokens(_truncated(tokenize(documents, self._analyzer_of_fixed_tokens(params)), params))

    def fit_counts(self, counts: TokenCounts) -> "SequenceVectorizer":
        """Learn the vocabulary from the counts of tokens, for a corpus that is larger than memory.

        The vectorizer is then the same as after :meth:`fit` on all documents. `max_features`, `min_df` and
        `max_df` apply to the whole corpus.

        Parameters
        ----------
        counts : TokenCounts
            The result of :meth:`count_tokens`, or of :meth:`TokenCounts.merge` for several parts. The parameters
            that cut documents into tokens must have been the same then.

        Returns
        -------
        self : SequenceVectorizer

        Raises
        ------
        TypeError
            If `counts` is another object.
        ValueError
            If there are no documents, if no token is left, or if tokens that :meth:`TokenCounts.merge` dropped can
            change the vocabulary.

        Examples
        --------
        >>> from skrnn import SequenceVectorizer, TokenCounts
        >>> parts = [["a b", "b"], ["b c c c"]]
        >>> vectorizer = SequenceVectorizer(max_features=2)
        >>> vectorizer.fit_counts(TokenCounts.merge(map(vectorizer.count_tokens, parts))).vocabulary_
        {'b': 2, 'c': 3}
        >>> SequenceVectorizer(max_features=2).fit(["a b", "b", "b c c c"]).vocabulary_
        {'b': 2, 'c': 3}
        """
        check_counts("counts", counts)
        if not counts.n_documents:
            raise ValueError("Expected counts of at least one document, got none (0 samples).")
        params = self._params_for_counts()
        _warn_of_unmatched_words(params)
        if params.vocabulary is not None:
            vocabulary = checked_vocabulary(params.vocabulary)
        else:
            vocabulary = vocabulary_of_counts(counts, params.min_df, params.max_df, params.max_features)
        self.__dict__.update(vocabulary_=vocabulary, max_length_=params.max_length or max(counts.longest, 1))
        return self

    def transform(self, raw_documents: Iterable[Any]) -> sparse.csr_matrix:
        """Return documents as sequences of token ids.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents. Those with more than ``max_length_`` tokens are cut as `truncate` says.

        Returns
        -------
        X : csr_matrix of shape (n_documents, max_length_), dtype int32
            Token ids. A csr_array if ``sparse_interface`` of scikit-learn's configuration is "sparray".
        """
        fitted = copy.copy(self)  # another thread may fit the vectorizer again
        tokenized = fitted._tokenize(fitted._check_documents(raw_documents))
        ids = tokenized.truncated(fitted.max_length_, fitted.truncate).to_ids(fitted.vocabulary_)
        return fitted._with_width_of_fit(ids)

    def encode(self, raw_documents: Iterable[Any]) -> np.ndarray:
        """Return documents as token ids for a network, such as ``model_`` or an ONNX model.

        The result contains what the text estimators read: `max_length` limits documents, but ``max_length_`` does
        not.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents.

        Returns
        -------
        ids : ndarray of shape (n_documents, longest), dtype int32
            Token ids, padded with 0 at the end. ``longest`` is the number of tokens of the longest of these
            documents, or 1 if none has a token. Because of the padding, pass long and short documents apart.
        """
        return self._to_ids(self._check_documents(raw_documents)).toarray()

    def inverse_transform(self, X: Any) -> list[list[str]]:
        """Return sequences of token ids as lists of tokens.

        Parameters
        ----------
        X : sparse matrix or array of shape (n_documents, longest)
            Token ids, as :meth:`transform` or :meth:`encode` returns them.

        Returns
        -------
        documents : list of list of str
            Unknown tokens are "[UNK]".
        """
        check_is_fitted(self)
        X = check_token_ids(X)
        tokens = np.array(self.get_vocabulary(), dtype=object)
        if X.data.max(initial=0) >= len(tokens):
            raise ValueError(f"Expected token ids from 0 to {len(tokens) - 1}, got {X.data.max()}.")
        return [tokens[row].tolist() for row in np.split(X.data, X.indptr[1:-1])] if X.shape[0] else []

    def get_vocabulary(self) -> list[str]:
        """Return the tokens in the order of their ids.

        :meth:`get_feature_names_out` names the columns of the result, which are positions in a document.

        Returns
        -------
        tokens : list of str
            ``tokens[i]`` is the token with id ``i``. The first two are an empty string for padding and "[UNK]" for
            unknown tokens.
        """
        check_is_fitted(self)
        return ["", UNKNOWN_NAME, *self.vocabulary_]

    def oov_rate(self, raw_documents: Iterable[Any]) -> float:
        """Return the share of the tokens that are out of vocabulary.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents.

        Returns
        -------
        rate : float
            Between 0 and 1. It is 0 for documents without tokens.
        """
        ids = self._to_ids(self._check_documents(raw_documents)).data
        return float(np.mean(ids == UNKNOWN)) if len(ids) else 0.0

    def build_analyzer(self) -> Callable[[str], Iterable[str]]:
        """Return a callable that cuts a document into tokens.

        Returns
        -------
        analyzer : callable
            Takes a str and returns a sequence of str.

        Raises
        ------
        NotFittedError
            If `analyzer` is "subword" and the vectorizer is not fitted.
        """
        params = validated_params(self, self._parameter_constraints)
        if params.analyzer == "subword":
            check_is_fitted(self)
            return _subword_analyzer(params, self.vocabulary_)
        return _analyzer(params)

    def build_preprocessor(self) -> Callable[[str], str]:
        """Return a callable that prepares a document before it is cut into tokens.

        Returns
        -------
        preprocessor : callable
            Takes a str and returns a str.
        """
        return _preprocessor(validated_params(self, self._parameter_constraints))

    def build_tokenizer(self) -> Callable[[str], Iterable[str]]:
        """Return a callable that cuts a raw document into tokens as they are written.

        Tools that explain predictions look for these tokens in the document. They are not preprocessed, and stop
        words stay. With ``analyzer="char"``, all white space is a token. With ``analyzer="subword"``, tokens are
        the parts of a word.

        Returns
        -------
        tokenizer : callable
            Takes a str and returns a sequence of str. With a `tokenizer`, this is the `tokenizer` itself.

        Raises
        ------
        ValueError
            If `analyzer` is a callable.
        NotFittedError
            If `analyzer` is "subword" and the vectorizer is not fitted.
        """
        params = validated_params(self, self._parameter_constraints)
        if callable(params.analyzer):
            raise ValueError(
                "Expected analyzer to be 'word', 'char' or 'subword'; got a callable, which cuts raw documents "
                "without a tokenizer. Use build_analyzer()."
            )
        if params.analyzer == "char":
            return list
        if params.analyzer == "word" and params.tokenizer is not None:
            return params.tokenizer
        if params.analyzer == "subword":
            check_is_fitted(self)
            return RawTokens(_subword_analyzer(params, self.vocabulary_))
        params.stop_words = None
        return RawTokens(_word_analyzer(params))

    def _check_documents(self, raw_documents: Iterable[Any], min_documents: int = 1) -> list[Any]:
        return check_documents(raw_documents, any_type=callable(self.analyzer), min_documents=min_documents)

    def _fit_to_ids(self, documents: list[Any]) -> sparse.csr_matrix:
        """Learn the vocabulary from checked documents, and return them as the text estimators read them."""
        params = validated_params(self, self._parameter_constraints)
        _warn_of_unmatched_words(params)

        def tokenize_with(analyze: Callable[[Any], Iterable[str]]) -> TokenizedDocuments:
            return _truncated(tokenize(documents, analyze), params)

        if params.vocabulary is not None:
            vocabulary = checked_vocabulary(params.vocabulary)
            tokenized = tokenize_with(self._analyzer_of_fixed_tokens(params))
        elif params.analyzer == "subword":
            subwords = _learn_subwords(documents, params)
            tokenized = tokenize_with(_subword_analyzer(params, subwords))
            vocabulary = ranked_subwords(subwords, tokenized)
        else:
            tokenized = tokenize_with(self.build_analyzer())
            vocabulary = most_frequent_tokens(tokenized, params.min_df, params.max_df, params.max_features)
        ids = tokenized.to_ids(vocabulary)
        # In one step, so that other threads never read one attribute of this fit and one of the fit before.
        self.__dict__.update(vocabulary_=vocabulary, max_length_=params.max_length or ids.shape[1])
        return ids

    def _analyzer_of_fixed_tokens(self, params: SimpleNamespace) -> Callable[[Any], Iterable[str]]:
        """Return the analyzer that a fit uses, unless the fit learns subwords first."""
        if params.analyzer == "subword":
            return _subword_analyzer(params, checked_vocabulary(params.vocabulary))
        return self.build_analyzer()

    def _params_for_counts(self) -> SimpleNamespace:
        params = validated_params(self, self._parameter_constraints)
        if params.analyzer == "subword" and params.vocabulary is None:
            raise ValueError(
                "Expected analyzer to be 'word', 'char' or a callable, because subwords are learned from whole "
                "documents and not from counts; got 'subword'. Fit on a sample of the documents, and pass its "
                "vocabulary_ as vocabulary."
            )
        return params

    def _to_ids(self, documents: list[Any]) -> sparse.csr_matrix:
        """Return checked documents as the text estimators read them: only as wide as the longest of them."""
        fitted = copy.copy(self)  # as in transform
        return fitted._tokenize(documents).to_ids(fitted.vocabulary_)

    def _to_ids_with_unknown(self, documents: list[Any]) -> tuple[sparse.csr_matrix, list[str]]:
        """Return checked documents with ids behind the vocabulary for unknown tokens, and the unknown tokens."""
        fitted = copy.copy(self)  # as in transform
        return fitted._tokenize(documents).to_ids_with_unknown(fitted.vocabulary_)

    def _tokenize(self, documents: list[Any]) -> TokenizedDocuments:
        check_is_fitted(self)
        return _truncated(tokenize(documents, self.build_analyzer()), self._limits())

    def _locate(self, documents: list[Any]) -> list[LocatedTokens]:
        """Return the tokens of checked documents, the same as `_to_ids`, and where they come from."""
        check_is_fitted(self)
        limits = self._limits()
        return [_truncated(located, limits) for located in locate(documents, self.build_analyzer())]

    def _limits(self) -> SimpleNamespace:
        # build_analyzer checks the other parameters.
        return validated_params(
            self, {name: self._parameter_constraints[name] for name in ("max_length", "truncate")}
        )

    def _with_width_of_fit(self, ids: sparse.csr_matrix) -> sparse.csr_matrix:
        # An option of scikit-learn from 1.9 on.
        is_array = get_config().get("sparse_interface") == "sparray"
        cls: Any = sparse.csr_array if is_array else sparse.csr_matrix
        return cls((ids.data, ids.indices, ids.indptr), shape=(ids.shape[0], self.max_length_))

    @property
    def _n_features_out(self) -> int:
        return self.max_length_

    def _from_plain_state(self, state: dict[str, Any]) -> dict[str, Any]:
        if "vocabulary_" not in state:
            return state
        max_length = validated("max_length_", state["max_length_"], [_COUNT])
        vocabulary = state["vocabulary_"]
        if not isinstance(vocabulary, Mapping) or not all(isinstance(token, str) for token in vocabulary):
            raise ValueError("Expected vocabulary_ to be a mapping from str to ids.")
        return {**state, "vocabulary_": checked_vocabulary(vocabulary), "max_length_": max_length}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def _truncated(tokenized: _Tokens, params: SimpleNamespace) -> _Tokens:
    return tokenized if params.max_length is None else tokenized.truncated(params.max_length, params.truncate)


def _preprocessor(params: SimpleNamespace) -> Callable[[str], str]:
    if params.preprocessor is not None:
        return CustomPreprocessor(params.preprocessor)
    return Preprocessor(params.lowercase, params.strip_accents)


def _analyzer(params: SimpleNamespace) -> Callable[[str], Iterable[str]]:
    """Return the analyzer for parameters that do not ask for subwords."""
    if not isinstance(params.analyzer, str):
        return params.analyzer
    if params.analyzer == "char":
        return CharAnalyzer(_preprocessor(params))
    return _word_analyzer(params)


def _word_analyzer(params: SimpleNamespace) -> WordAnalyzer | CustomWordAnalyzer:
    stop_words = stop_word_set(params)
    if params.tokenizer is None and params.token_pattern is None and not stop_words:
        return WordAnalyzer(_preprocessor(params))
    if params.tokenizer is not None:
        tokenizer = params.tokenizer
    elif params.token_pattern is not None:
        tokenizer = PatternTokenizer(re.compile(params.token_pattern))
    else:
        tokenizer = PatternTokenizer(patterns().token)
    return CustomWordAnalyzer(_preprocessor(params), tokenizer, stop_words)


def _subword_analyzer(params: SimpleNamespace, subwords: Collection[str]) -> SubwordAnalyzer:
    return SubwordAnalyzer(_preprocessor(params), SubwordTokenizer(subwords))


def _warn_of_unmatched_words(params: SimpleNamespace) -> None:
    """Warn of stop words and entries of the vocabulary that match no token of a document."""
    if callable(params.analyzer):
        return
    if params.vocabulary is not None and params.preprocessor is None:
        preprocess = Preprocessor(params.lowercase, params.strip_accents)
        warn_of_unmatched_tokens(checked_vocabulary(params.vocabulary), preprocess)
    if params.stop_words is not None and params.analyzer == "word":
        analyze = _analyzer(params)
        if isinstance(analyze, CustomWordAnalyzer):
            warn_of_inconsistent_stop_words(analyze)


def _learn_subwords(documents: list[str], params: SimpleNamespace) -> set[str]:
    texts = map(mark_words, map(_preprocessor(params), documents))
    subwords = learn_subwords(texts, params.max_features or _N_SUBWORDS)
    if not subwords:
        raise ValueError("Empty vocabulary: the documents hold no token. They may be empty.")
    return subwords
