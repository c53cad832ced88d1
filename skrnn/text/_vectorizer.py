"""Strings to sequences of token ids.

This module knows about text and sparse matrices only: nothing of Keras, networks or training.
"""

import copy
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import chain, repeat
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import TransformerMixin
from sklearn.feature_extraction.text import (
    ENGLISH_STOP_WORDS,
    strip_accents_ascii,
    strip_accents_unicode,
)
from sklearn.utils.validation import check_is_fitted

from skrnn.sequences._storage import FIRST_TOKEN, UNKNOWN, check_token_ids, ragged_to_csr
from skrnn.utils._persistence import PersistentEstimator
from skrnn.text._subwords import learn_pieces, word_cutter
from skrnn.utils._validation import check_choice, check_number

UNKNOWN_NAME = "[UNK]"
WORD_START = "▁"  # as in SentencePiece

# Subwords to learn if `max_features` does not say how many.
_N_SUBWORDS = 8000

# Scripts that put no space between words: each of their letters is a token. (Korean does put spaces, but
# around words with their endings attached; syllables generalise better.) Inclusive ranges of code points.
_UNSPACED_SCRIPTS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul jamo
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # Han radicals
    (0x3000, 0x4DBF),  # kana, bopomofo, Hangul compatibility jamo, Han extension A
    (0x4E00, 0xA4CF),  # Han, Yi
    (0xA960, 0xA97F),  # Hangul jamo extended A
    (0xA9E0, 0xA9FF),  # Myanmar extended B
    (0xAA60, 0xAA7F),  # Myanmar extended A
    (0xAC00, 0xD7FF),  # Hangul syllables, jamo extended B
    (0xF900, 0xFAFF),  # Han compatibility
    (0xFF66, 0xFFDC),  # halfwidth kana and Hangul
)


# Punctuation of those scripts. Inclusive ranges of code points.
_UNSPACED_PUNCTUATION = ((0x3001, 0x303F), (0xFF01, 0xFF65))

_N_BASIC = 0x10000  # code points of the Basic Multilingual Plane

# Stands for a run of unspaced characters while the text around it is cut: a token of its own next to anything.
_RUN = "一"

# What is replaced and what is removed, so that one token stands for what reads the same.
TYPOGRAPHIC_APOSTROPHE, APOSTROPHE, SOFT_HYPHEN = "\u2019", "'", "\u00ad"


class Patterns:
    r"""The regular expressions that cut text in any script.

    Written out as explicit classes because ``\w`` leaves out the combining marks that Hindi, Thai or
    vocalised Arabic words are full of, and because the regular expression engine looks a character of an
    explicit class up in a table: this is as fast as scikit-learn's two-letter ``\b\w\w+\b``. Each is compiled
    when it is first used, which takes a process that serves much longer than to classify its first text.
    """

    def __init__(self):
        unspaced, unspaced_punctuation = _ranges(_UNSPACED_SCRIPTS), _ranges(_UNSPACED_PUNCTUATION)
        categories = "".join(map(unicodedata.category, map(chr, range(_N_BASIC)))).encode()
        groups = np.frombuffer(categories, dtype="S1")[::2]
        underscore = _ranges([(ord("_"), ord("_"))])
        letters, marks, numbers = groups == b"L", groups == b"M", (groups == b"N") | underscore
        symbols = ((groups == b"P") | (groups == b"S")) & ~underscore

        # Above the Basic Multilingual Plane, whole ranges are exact enough and keep the classes short.
        single = _class_of(letters & unspaced) + "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
        astral_letters = "\U00010000-\U0001afff\U0001b170-\U0001efff"
        start = _class_of((letters & ~unspaced) | numbers) + astral_letters
        # ZERO WIDTH (NON-)JOINER belongs inside the words of Persian and of Indic scripts.
        joiners = _ranges([(0x200C, 0x200D)])
        inside = _class_of((letters & ~unspaced) | numbers | marks | joiners) + astral_letters
        mark = _class_of(marks)
        symbol = _class_of(symbols) + "\U0001f000-\U0001ffff"
        modifier = mark + "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"  # variation, skin tone, tag

        # Apostrophe, Hebrew geresh and gershayim, Catalan middle dot.
        self._joiner = f"{APOSTROPHE}\u05f3\u05f4\u00b7"
        self._start, self._inside = start, inside
        self._whole_word = rf"[{start}][{inside}]*(?:[{self._joiner}][{inside}]+|(?<=\d)[.,](?=\d)[{inside}]+)*"
        flag = "[\U0001f1e6-\U0001f1ff]{2}"
        self._others = rf"{flag}|[{symbol}][{modifier}]*(?:\u200d[{symbol}][{modifier}]*)*"
        self._single_token, self._single_whole = rf"[{single}][{mark}]*", rf"[{single}][{single}{mark}]*"
        symbol_of_run = _class_of(symbols & unspaced_punctuation)
        self._run = rf"((?<!\u200d)[{single}{symbol_of_run}]+(?![{modifier}\u200d]))"

    @cached_property
    def token(self) -> re.Pattern:
        """A token of the word analyzer."""
        return re.compile(f"{self._whole_word}|{self._single_token}|{self._others}")

    @cached_property
    def run(self) -> re.Pattern:
        """A run of unspaced letters and punctuation without modifiers, each of which is a token of its own."""
        return re.compile(self._run)

    @cached_property
    def whole(self) -> re.Pattern:
        """A token, but with all unspaced letters that stand together in one."""
        return re.compile(f"{self._whole_word}|{self._single_whole}|{self._others}")

    @cached_property
    def word(self) -> re.Pattern:
        """The first character of a word, in a script with spaces, or of a number."""
        return re.compile(f"[{self._start}]")

    @property
    def portable_token(self) -> str:
        """What `token` matches, for engines without look-arounds; the longest match is the one."""
        return f"{self._portable_word}|{self._single_token}|{self._others}"

    @property
    def portable_whole(self) -> str:
        """Likewise what `whole` matches."""
        return f"{self._portable_word}|{self._single_whole}|{self._others}"

    @cached_property
    def _portable_word(self) -> str:
        # Without look-arounds, whole numbers with points and commas stand for letters.
        digit = char_class([cp for cp in range(0x1F000) if chr(cp).isdecimal()])
        number = rf"[{digit}](?:[.,][{digit}])+"
        inside = rf"(?:[{self._inside}]|{number})"
        return rf"(?:[{self._start}]|{number}){inside}*(?:[{self._joiner}]{inside}+)*"


@cache
def patterns() -> Patterns:
    """Those of this process."""
    return Patterns()


def _ranges(ranges: Iterable[tuple[int, int]]) -> np.ndarray:
    """Whether each basic code point is in one of these inclusive ranges."""
    inside = np.zeros(_N_BASIC, dtype=bool)
    for first, last in ranges:
        inside[first : last + 1] = True
    return inside


def _class_of(chosen: np.ndarray) -> str:
    return char_class(np.flatnonzero(chosen))


def char_class(code_points: Collection[int]) -> str:
    """The inside of a ``[...]`` that matches these code points."""
    ordered = np.sort(code_points)
    breaks = np.flatnonzero(np.diff(ordered) > 1)
    firsts, lasts = ordered[np.r_[0, breaks + 1]].tolist(), ordered[np.r_[breaks, -1]].tolist()
    return "".join(f"{_in_class(first)}-{_in_class(last)}" for first, last in zip(firsts, lasts, strict=True))


def _in_class(code_point: int) -> str:
    # Characters are read faster than escapes; of the first 128, some have a meaning of their own.
    return chr(code_point) if code_point >= 128 else f"\\U{code_point:08x}"


def check_documents(raw_documents) -> list[str]:
    """Any container of strings as a list of str, or an error that says what is wrong and where.

    Parameters
    ----------
    raw_documents : iterable of str or bytes
        A list, tuple, generator, NumPy array (object, str or ``StringDType``), pandas or polars Series, or a
        two-dimensional array or DataFrame of exactly one column. Bytes are decoded as UTF-8.

    Returns
    -------
    documents : list of str

    Raises
    ------
    ValueError
        For a single string, several columns, missing values, bytes that are not UTF-8, or no document.
    TypeError
        For anything that is not an iterable, or a document that is not text.
    """
    if isinstance(raw_documents, str | bytes):
        kind = type(raw_documents).__name__
        raise ValueError(
            f"Expected an iterable of str documents, got a single {kind}; wrap it in a list: [document]."
        )
    if isinstance(raw_documents, Mapping | set | frozenset) or sparse.issparse(raw_documents):
        kind = type(raw_documents).__name__
        raise TypeError(f"Expected an iterable of str documents, got a {kind}. Pass a list.")
    shape = getattr(raw_documents, "shape", None)
    if shape is not None and len(shape) != 1:
        raw_documents = _single_column(raw_documents, tuple(shape))
    if hasattr(raw_documents, "to_list"):  # pandas and polars Series
        documents = raw_documents.to_list()
    elif hasattr(raw_documents, "to_pylist"):  # PyArrow's arrays
        documents = raw_documents.to_pylist()
    elif isinstance(raw_documents, np.ndarray):
        documents = raw_documents.tolist()
    else:
        try:
            documents = list(raw_documents)
        except TypeError:
            kind = type(raw_documents).__name__
            raise TypeError(f"Expected an iterable of str documents, got {kind}.") from None
    if not documents:
        raise ValueError("Expected at least one document, got none (0 samples).")
    if set(map(type, documents)) != {str}:
        documents = [_check_document(document, i) for i, document in enumerate(documents)]
    return documents


def _single_column(table, shape: tuple[int, ...]):
    """The one column of a 2-D array or DataFrame of text."""
    if len(shape) != 2 or shape[1] != 1:
        raise ValueError(
            f"Expected one document a row, got an array of shape {shape}. Select the text column (X['text']), "
            "or put the estimator behind a sklearn.compose.ColumnTransformer that selects it."
        )
    if isinstance(table, np.ndarray):
        return table[:, 0]
    column = table.columns[0]  # of PyArrow the column, of others its name
    return column if hasattr(column, "to_pylist") else table[column]


def _check_document(document, position: int) -> str:
    """One document as str; ``position`` goes into the error."""
    if isinstance(document, str):
        return str.__str__(document)  # str() of a subclass may say something else
    if isinstance(document, bytes):
        try:
            return document.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"Document {position} is bytes that are not UTF-8 ({error}); decode the documents first: "
                "document.decode(encoding)."
            ) from error
    # NaN and NaT differ from themselves; comparing pandas' NA gives NA, whose truth value is undefined.
    missing = document is None or type(document).__name__ == "NAType" or document != document
    if isinstance(missing, bool | np.bool_) and missing:
        raise ValueError(
            f"Document {position} is missing ({document!r}); drop it or replace it by an empty string."
        )
    raise TypeError(f"Expected every document to be a str, got {type(document).__name__} at position {position}.")


# Its columns are time steps, not features: set_output has nothing to name, and leaves the matrix alone.
class SequenceVectorizer(TransformerMixin, PersistentEstimator, auto_wrap_output_keys=None):
    """Turn documents into sequences of token ids.

    The result is a sparse matrix in which entry ``(i, t)`` is the id of token ``t`` of document ``i``. The
    padding of shorter documents is what a sparse matrix does not store, so memory grows with the number of
    tokens, not with the longest document.

    Id 0 is padding and never stored, id 1 stands for every token outside the vocabulary, and the vocabulary
    has the ids from 2 on, the most frequent token first.

    Parameters
    ----------
    analyzer : {"word", "char", "subword"} or callable, default="word"
        "word" cuts a document into words (with their inner apostrophes), numbers, punctuation marks and
        emoji. In scripts that put no space between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese), and
        in Korean, each letter or syllable with its combining marks is a token. "char" makes each character
        a token, white space folded into single spaces. "subword" learns pieces of words from the documents by
        byte-pair encoding [1]_, which needs ``pip install "skrnn[subword]"`` for the fit only. A frequent word
        is one piece, a rare one several; frequent words of Chinese, Japanese or Thai are pieces, too. A piece
        that begins a word begins with "▁". A document is cut into the longest pieces, from the left [2]_. A
        callable takes a document as given and returns its tokens.
    lowercase : bool, default=True
        Lowercase the documents first.
    strip_accents : {"ascii", "unicode"} or callable, default=None
        Remove accents, as in :class:`~sklearn.feature_extraction.text.CountVectorizer`.
    preprocessor : callable, default=None
        Replaces the preprocessing (lowercasing, accents, Unicode composition to NFC, typographic apostrophes
        to straight ones): takes and returns a str. Not used with a callable ``analyzer``.
    tokenizer : callable, default=None
        Replaces the cutting into words: takes a preprocessed str and returns its tokens. Only with
        ``analyzer="word"``.
    token_pattern : str, default=None
        A regular expression for a token, in place of the built-in one. With one capturing group, the group is
        the token. Only with ``analyzer="word"``.
    stop_words : {"english"} or collection of str, default=None
        Tokens to leave out. Only with ``analyzer="word"``.
    max_features : int, default=None
        Size of the vocabulary: only the most frequent tokens are kept (ties in alphabetical order). With
        ``analyzer="subword"``, the most pieces to learn, of which single characters are at most half; None is
        8000.
    min_df : int or float, default=1
        Leave out tokens that occur in fewer documents: a count, or a share of the documents if float. Not
        used with ``analyzer="subword"``, nor is `max_df`.
    max_df : int or float, default=1.0
        Leave out tokens that occur in more documents: a count, or a share of the documents if float.
    vocabulary : mapping or collection of str, default=None
        A fixed vocabulary: tokens in the order of their ids, or a mapping from token to id such as the
        ``vocabulary_`` of another vectorizer (ids from 2, without gaps). Then `max_features`, `min_df` and
        `max_df` have no effect.
    max_length : int, default=None
        Longest sequence, in tokens. Longer documents are cut before anything is counted (but subwords are
        learnt from all of the text). None keeps everything.
    truncate : {"head", "tail", "both"}, default="head"
        Which part of a document longer than `max_length` stays: its beginning, its end, or one half from
        each end.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of each token, in the order of the ids.

    See Also
    --------
    sklearn.feature_extraction.text.CountVectorizer : Counts tokens, and forgets their order.

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

    def __init__(
        self,
        analyzer="word",
        *,
        lowercase=True,
        strip_accents=None,
        preprocessor=None,
        tokenizer=None,
        token_pattern=None,
        stop_words=None,
        max_features=None,
        min_df=1,
        max_df=1.0,
        vocabulary=None,
        max_length=None,
        truncate="head",
    ):
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

    def fit(self, raw_documents, y=None):
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

    def fit_transform(self, raw_documents, y=None):
        """Learn the vocabulary and return the sequences, in one pass over the text.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents.
        y : None
            Ignored.

        Returns
        -------
        X : csr_matrix of shape (n_documents, longest), dtype int32
            Token ids; ``longest`` is the length of the longest document, in tokens.
        """
        self._check_params()
        documents = check_documents(raw_documents)
        if self.vocabulary is not None:
            fitted = copy.copy(self)
            fitted.vocabulary_ = _check_vocabulary(self.vocabulary)
            sequences = fitted.transform(documents)
            self.vocabulary_ = fitted.vocabulary_
            return sequences
        if self.analyzer == "subword":
            pieces = self._learn_pieces(documents)
            tokens, numbers, lengths = self._number_tokens(documents, self._subword_analyzer(pieces))
            self.vocabulary_ = _number_pieces(pieces, tokens, numbers)
        else:
            tokens, numbers, lengths = self._number_tokens(documents, self.build_analyzer())
            self.vocabulary_ = self._select(tokens, numbers, lengths)
        return self._to_ids(tokens, numbers, lengths)

    def transform(self, raw_documents):
        """Documents to sequences of token ids.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents.

        Returns
        -------
        X : csr_matrix of shape (n_documents, longest), dtype int32
            Token ids; ``longest`` is the length of the longest of these documents, in tokens.
        """
        check_is_fitted(self)
        return self._to_ids(*self._number_tokens(check_documents(raw_documents), self.build_analyzer()))

    def inverse_transform(self, X):
        """Sequences of token ids to lists of tokens.

        Parameters
        ----------
        X : sparse matrix or array of shape (n_documents, longest)
            Token ids, as :meth:`transform` returns them.

        Returns
        -------
        documents : list of list of str
            Unknown tokens come back as "[UNK]".
        """
        check_is_fitted(self)
        X = check_token_ids(X)
        tokens = self.get_feature_names_out()
        if X.data.max(initial=0) >= len(tokens):
            raise ValueError(f"Expected token ids from 0 to {len(tokens) - 1}, got {X.data.max()}.")
        return [tokens[row].tolist() for row in np.split(X.data, X.indptr[1:-1])] if X.shape[0] else []

    def get_feature_names_out(self, input_features=None):
        """The tokens in the order of their ids.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        tokens : ndarray of str objects, of shape (n_tokens + 2,)
            ``tokens[i]`` is the token with id ``i``: an empty string for padding, "[UNK]" for unknown tokens,
            then the vocabulary.
        """
        check_is_fitted(self)
        return np.array(["", UNKNOWN_NAME, *self.vocabulary_], dtype=object)

    def oov_rate(self, raw_documents):
        """Share of the tokens that are out of vocabulary.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents.

        Returns
        -------
        rate : float
            Between 0 and 1; 0 for documents without any token.
        """
        X = self.transform(raw_documents)
        return float(np.mean(X.data == UNKNOWN)) if X.nnz else 0.0

    def build_analyzer(self):
        """A callable that cuts a document into tokens.

        Returns
        -------
        analyzer : callable
            Takes a str and returns a sequence of str.

        Raises
        ------
        NotFittedError
            With ``analyzer="subword"``, before the vocabulary is learnt.
        """
        if callable(self.analyzer):
            return self.analyzer
        if self.analyzer == "subword":
            check_is_fitted(self)
            return self._subword_analyzer(self.vocabulary_)
        preprocess = self.preprocessor or self._preprocess
        if self.analyzer == "char":
            return partial(_analyze, preprocess, _to_characters, frozenset())
        stop_words = self._stop_words()
        if self.tokenizer is not None:
            tokenize = self.tokenizer
        elif self.token_pattern is not None:
            tokenize = re.compile(self.token_pattern).findall
        elif not stop_words:
            return _WordAnalyzer(preprocess)
        else:
            tokenize = patterns().token.findall
        return partial(_analyze, preprocess, tokenize, stop_words)

    def _preprocess(self, document: str) -> str:
        if self.lowercase:
            document = document.lower()
        if not document.isascii():
            # One token for what reads the same: composed and decomposed letters, both apostrophes, soft hyphens.
            document = unicodedata.normalize("NFC", document)
            document = document.replace(TYPOGRAPHIC_APOSTROPHE, APOSTROPHE).replace(SOFT_HYPHEN, "")
        if self.strip_accents == "ascii":
            return strip_accents_ascii(document)
        if self.strip_accents == "unicode":
            return strip_accents_unicode(document)
        if self.strip_accents is not None:
            return self.strip_accents(document)
        return document

    def _stop_words(self) -> frozenset[str]:
        if self.stop_words is None:
            return frozenset()
        return ENGLISH_STOP_WORDS if self.stop_words == "english" else frozenset(self.stop_words)

    def _subword_analyzer(self, pieces: Collection[str]) -> Callable[[str], list[str]]:
        preprocess = self.preprocessor or self._preprocess
        return partial(_analyze_subwords, preprocess, word_cutter(pieces))

    def _learn_pieces(self, documents: list[str]) -> set[str]:
        preprocess = self.preprocessor or self._preprocess
        texts = (_mark_words(preprocess(document)) for document in documents)
        return learn_pieces(texts, self.max_features or _N_SUBWORDS)

    def _number_tokens(self, documents: list[str], analyze: Callable):
        """The distinct tokens, the numbers of all tokens in reading order, and the length of each document.

        The number of a token is its index among the distinct ones. What `max_length` cuts off is not in the
        numbers and lengths.
        """
        number = analyze.number_tokens if isinstance(analyze, _WordAnalyzer) else partial(_number_tokens, analyze)
        tokens, numbers, lengths = number(documents)
        if self.max_length is not None:
            numbers, lengths = _truncate(numbers, lengths, self.max_length, self.truncate)
        return tokens, numbers, lengths

    def _to_ids(self, tokens: list[str], numbers: np.ndarray, lengths: np.ndarray) -> sparse.csr_matrix:
        ids = np.fromiter(map(self.vocabulary_.get, tokens, repeat(UNKNOWN)), dtype=np.int32, count=len(tokens))
        return ragged_to_csr(ids[numbers], lengths)

    def _check_params(self):
        self._check_analysis_params()
        if not (self.vocabulary is None or _is_collection(self.vocabulary)):
            raise TypeError(
                f"Expected vocabulary to be a mapping or collection of str, or None; got {self.vocabulary!r}."
            )
        if self.max_features is not None:
            check_number("max_features", self.max_features, Integral, low=1)
        for name, value in (("min_df", self.min_df), ("max_df", self.max_df)):
            if isinstance(value, Integral):
                check_number(name, value, Integral, low=1)
            else:
                check_number(name, value, Real, low=0, high=1)
        if self.max_length is not None:
            check_number("max_length", self.max_length, Integral, low=1)
        check_choice("truncate", self.truncate, ("head", "tail", "both"))

    def _check_analysis_params(self):
        if not callable(self.analyzer):
            check_choice("analyzer", self.analyzer, ("word", "char", "subword"), or_else="a callable")
        if not (self.strip_accents is None or callable(self.strip_accents)):
            check_choice("strip_accents", self.strip_accents, ("ascii", "unicode"), or_else="a callable or None")
        if not (self.stop_words is None or _is_collection(self.stop_words)):
            check_choice("stop_words", self.stop_words, ("english",), or_else="a collection of str or None")
        for name in ("preprocessor", "tokenizer"):
            value = getattr(self, name)
            if not (value is None or callable(value)):
                raise TypeError(f"Expected {name} to be a callable or None; got {value!r}.")
        if self.token_pattern is not None:
            if not isinstance(self.token_pattern, str):
                raise TypeError(f"Expected token_pattern to be a str or None; got {self.token_pattern!r}.")
            if re.compile(self.token_pattern).groups > 1:
                raise ValueError(
                    f"Expected token_pattern to have at most one capturing group, got {self.token_pattern!r}; "
                    "write the others as (?:...)."
                )

    def _select(self, tokens: list[str], numbers: np.ndarray, lengths: np.ndarray) -> dict[str, int]:
        """The vocabulary: which of the ``tokens`` have ids."""
        counts = np.bincount(numbers, minlength=len(tokens))
        occurring = counts > 0
        if not occurring.any():
            raise ValueError(
                "Empty vocabulary: the documents hold no token. They may be empty, or contain stop words only, "
                "or be cut by a token_pattern, tokenizer or analyzer that finds nothing in them."
            )
        kept = occurring & self._within_document_frequencies(numbers, lengths, len(tokens))
        if not kept.any():
            raise ValueError(
                f"Empty vocabulary: min_df={self.min_df} and max_df={self.max_df} leave none of the "
                f"{occurring.sum()} tokens of {len(lengths)} documents. Lower min_df or raise max_df."
            )
        alphabetical = np.array(sorted(np.flatnonzero(kept), key=tokens.__getitem__), dtype=np.intp)
        chosen = alphabetical[np.argsort(-counts[alphabetical], kind="stable")][: self.max_features]
        return _with_ids(tokens[number] for number in chosen)

    def _within_document_frequencies(self, numbers, lengths, n_tokens) -> np.ndarray:
        """Mask of the tokens whose document frequency lies between `min_df` and `max_df`."""
        n_documents = len(lengths)
        low = self.min_df if isinstance(self.min_df, Integral) else self.min_df * n_documents
        high = self.max_df if isinstance(self.max_df, Integral) else self.max_df * n_documents
        if low <= 1 and high >= n_documents:
            return np.ones(n_tokens, dtype=bool)
        documents = np.repeat(np.arange(n_documents), lengths)
        occurs = sparse.csr_matrix(
            (np.ones(len(numbers), dtype=np.int32), (documents, numbers)), shape=(n_documents, n_tokens)
        )  # the constructor adds up repeated tokens, so that each counts once a document
        frequencies = np.bincount(occurs.indices, minlength=n_tokens)
        return (frequencies >= low) & (frequencies <= high)

    def _from_plain_state(self, state):
        if "vocabulary_" in state:
            _check_vocabulary(state["vocabulary_"])
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def _is_collection(value) -> bool:
    return isinstance(value, Collection | np.ndarray) and not isinstance(value, str | bytes)


@dataclass(frozen=True)
class _WordAnalyzer:
    """Cuts documents with the built-in pattern."""

    preprocess: Callable[[str], str]

    def __call__(self, document: str) -> list[str]:
        return patterns().token.findall(self.preprocess(document))

    def number_tokens(self, documents: list[str]):
        """As ``_number_tokens``, without a str for each character of scripts that put no space between words.

        Those take most of the time of cutting Chinese text. Whole runs of letters and punctuation are set aside
        instead, and their characters numbered by code point.
        """
        findall, split = patterns().token.findall, patterns().run.split
        number_of = _consecutive_numbers()
        lengths: list[int] = []  # in tokens, a run counting as one
        runs: list[str] = []

        def cut(document: str) -> list[str]:
            if document.isascii():
                return findall(document)
            parts = split(document)  # text, run, text, …, run, text
            texts = parts[::2]
            if any(_RUN in text for text in texts):  # beside a joiner or a modifier, it is in no run
                tokens = findall(document)
                runs.extend(token for token in tokens if token == _RUN)
                return tokens
            runs.extend(parts[1::2])
            return findall(_RUN.join(texts))

        def token_lists():
            for document in map(self.preprocess, documents):
                tokens = cut(document)
                lengths.append(len(tokens))
                yield tokens

        numbers = np.fromiter(map(number_of.__getitem__, chain.from_iterable(token_lists())), dtype=np.int32)
        indptr = np.cumsum([0, *lengths])
        if runs:
            is_run = numbers == number_of[_RUN]
            widths = np.ones(len(numbers), dtype=np.int32)
            widths[is_run] = list(map(len, runs))
            numbers = np.repeat(numbers, widths)
            numbers[np.repeat(is_run, widths)] = _number_characters("".join(runs), number_of)
            indptr = np.concatenate([[0], np.cumsum(widths)])[indptr]
        return list(number_of), numbers, np.diff(indptr)


def _number_characters(characters: str, number_of: defaultdict[str, int]) -> np.ndarray:
    """The number of each character."""
    code_points = np.frombuffer(characters.encode("utf-32-le"), dtype="<u4")
    occurs = np.zeros(code_points.max() + 1, dtype=bool)
    occurs[code_points] = True
    occurring = np.flatnonzero(occurs)
    numbers = np.empty(len(occurs), dtype=np.int32)
    numbers[occurring] = [number_of[character] for character in map(chr, occurring)]
    return numbers[code_points]


def _analyze(preprocess: Callable, tokenize: Callable, stop_words: frozenset[str], document: str):
    tokens = tokenize(preprocess(document))
    return [token for token in tokens if token not in stop_words] if stop_words else tokens


def _analyze_subwords(preprocess: Callable, cut: Callable[[str], list[str]], document: str) -> list[str]:
    return list(chain.from_iterable(map(cut, _mark_words(preprocess(document)))))


def _mark_words(document: str) -> list[str]:
    """What pieces are cut from: words with a mark in front, runs of unspaced letters, punctuation, emoji."""
    starts_word = patterns().word.match
    return [WORD_START + part if starts_word(part) else part for part in patterns().whole.findall(document)]


def _number_pieces(pieces: Collection[str], tokens: list[str], numbers: np.ndarray) -> dict[str, int]:
    """The vocabulary of all pieces: those that occur only inside longer ones may spell the words to come."""
    if not pieces:
        raise ValueError("Empty vocabulary: the documents hold no token. They may be empty.")
    counts = defaultdict(int, zip(tokens, np.bincount(numbers, minlength=len(tokens)).tolist(), strict=True))
    return _with_ids(sorted(pieces, key=lambda piece: (-counts[piece], piece)))


def _to_characters(document: str) -> str:
    return " ".join(document.split())  # a str is the sequence of its characters


def _consecutive_numbers() -> defaultdict[str, int]:
    """Gives each token that is looked up for the first time the next number, from 0 on."""
    number_of: defaultdict[str, int] = defaultdict()
    number_of.default_factory = number_of.__len__
    return number_of


def _number_tokens(analyze: Callable, documents: list[str]):
    """The distinct tokens, the numbers of all tokens in reading order, and the length of each document."""
    number_of = _consecutive_numbers()
    lengths: list[int] = []

    def token_lists():
        for document in documents:
            tokens = analyze(document)
            if not hasattr(tokens, "__len__"):  # a callable analyzer may be a generator
                tokens = list(tokens)
            lengths.append(len(tokens))
            yield tokens

    numbers = np.fromiter(map(number_of.__getitem__, chain.from_iterable(token_lists())), dtype=np.int32)
    return list(number_of), numbers, np.array(lengths, dtype=np.int64)


def n_from_end(max_length: int, truncate: str) -> int:
    """How many of the ``max_length`` tokens that stay of a longer document are its last ones."""
    return {"head": 0, "tail": max_length, "both": max_length // 2}[truncate]


def _truncate(numbers: np.ndarray, lengths: np.ndarray, max_length: int, truncate: str):
    """The numbers and lengths of what is left of documents that stand one after another."""
    n_last = n_from_end(max_length, truncate)
    steps = np.arange(len(numbers)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kept = (steps < max_length - n_last) | (steps >= np.repeat(lengths - n_last, lengths))
    return numbers[kept], np.minimum(lengths, max_length)


def _check_vocabulary(vocabulary) -> dict[str, int]:
    """A fixed vocabulary as a dict from token to id, in the order of the ids."""
    if isinstance(vocabulary, Mapping):
        ids = vocabulary.values()
        are_numbers = all(isinstance(number, Integral) for number in ids)
        if not are_numbers or sorted(ids) != list(range(FIRST_TOKEN, FIRST_TOKEN + len(ids))):
            raise ValueError(
                f"Expected the ids of vocabulary to be {FIRST_TOKEN}, {FIRST_TOKEN + 1}, … without gaps or "
                "repetitions (0 is padding, 1 unknown); pass the tokens as a list to number them."
            )
        ordered = sorted(vocabulary, key=vocabulary.__getitem__)
    else:
        ordered = sorted(vocabulary) if isinstance(vocabulary, set | frozenset) else list(vocabulary)
        strangers = [token for token in ordered if not isinstance(token, str)]
        if strangers:
            raise TypeError(f"Expected the tokens of vocabulary to be str, got {strangers[0]!r}.")
        if len(set(ordered)) < len(ordered):
            repeated = next(token for i, token in enumerate(ordered) if token in ordered[:i])
            raise ValueError(f"Expected the tokens of vocabulary to be distinct, got {repeated!r} twice.")
    if not ordered:
        raise ValueError("Empty vocabulary: the one that was passed holds no token.")
    return _with_ids(ordered)


def _with_ids(tokens: Iterable[str]) -> dict[str, int]:
    # Of NumPy's kind of str and other subclasses, the plain str that is equal to it.
    plain = (str.__str__(token) if isinstance(token, str) else token for token in tokens)
    return {token: i for i, token in enumerate(plain, start=FIRST_TOKEN)}
