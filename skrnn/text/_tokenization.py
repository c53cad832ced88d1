"""Cut documents into tokens: the patterns that find tokens, the analyzers, and the result as arrays."""

import re
import reprlib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain, repeat
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import strip_accents_ascii

from skrnn.sequences._storage import UNKNOWN, ragged_to_csr
from skrnn.text._subwords import SubwordTokenizer

WORD_START = "▁"  # as in SentencePiece

# The preprocessing replaces the first by the second and removes the third.
TYPOGRAPHIC_APOSTROPHE, APOSTROPHE, SOFT_HYPHEN = "\u2019", "'", "\u00ad"

# Longest run of combining marks and other joining characters, as in the Stream-Safe Text Format of Unicode. The
# rest of a run is removed, because normalization takes a time that is quadratic in the length of a run.
LONGEST_JOINING_RUN = 30

# Scripts without spaces between words. Each of their letters is a token. Korean has spaces, but words have endings
# attached, and syllables generalise better. Inclusive ranges of code points.
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
_UNSPACED_PUNCTUATION = ((0x3001, 0x303F), (0xFF01, 0xFF65))

# What may join the letter before it without being a mark: the soft hyphen, which is removed, Korean vowels and
# final consonants, and halfwidth kana voicing marks.
_JOINING_CHARACTERS = ((0xAD, 0xAD), (0x1160, 0x11FF), (0xFF9E, 0xFF9F))

# Combining classes of characters that are no accents: letters (0), nukta, kana voicing, virama, and the vowels and
# tones of Telugu, Thai, Lao and Tibetan.
_SPELLING_CLASSES = frozenset([0, *range(6, 10), *range(84, 133)])

_N_BASIC = 0x10000  # code points of the Basic Multilingual Plane

# Replaces a run of unspaced characters while the text around it is cut. It is a token next to any character.
_PLACEHOLDER = "一"


class Patterns:
    r"""Regular expressions that find tokens in text of any script.

    They list their characters, because ``\w`` lacks the combining marks that words of Hindi, Thai or vocalised
    Arabic contain. The regular expression engine looks up listed characters in a table, so they are as fast as
    scikit-learn's ``\b\w\w+\b``. Each is compiled at its first use, as this takes longer than to cut a document.
    """

    def __init__(self) -> None:
        unspaced, unspaced_punctuation = _in_ranges(_UNSPACED_SCRIPTS), _in_ranges(_UNSPACED_PUNCTUATION)
        categories = "".join(map(unicodedata.category, map(chr, range(_N_BASIC)))).encode()
        groups = np.frombuffer(categories, dtype="S1")[::2]
        underscore = _in_ranges([(ord("_"), ord("_"))])
        letters, marks, numbers = groups == b"L", groups == b"M", (groups == b"N") | underscore
        symbols = ((groups == b"P") | (groups == b"S")) & ~underscore

        # Beyond the Basic Multilingual Plane, whole ranges are exact enough and keep the classes short.
        unspaced_letter = _class_of(letters & unspaced) + "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
        astral_letters = "\U00010000-\U0001afff\U0001b170-\U0001efff"
        start = _class_of((letters & ~unspaced) | numbers) + astral_letters
        # Words of Persian and of Indic scripts contain ZERO WIDTH (NON-)JOINER.
        zero_width = _in_ranges([(0x200C, 0x200D)])
        inside = _class_of((letters & ~unspaced) | numbers | marks | zero_width) + astral_letters
        mark = _class_of(marks)
        symbol = _class_of(symbols) + "\U0001f000-\U0001ffff"
        modifier = mark + "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"  # variation, skin tone, tag

        # Apostrophe, Hebrew geresh and gershayim, Catalan middle dot.
        self._joiner = f"{APOSTROPHE}\u05f3\u05f4\u00b7"
        self._start, self._inside = start, inside
        self._word = rf"[{start}][{inside}]*(?:[{self._joiner}][{inside}]+|(?<=\d)[.,](?=\d)[{inside}]+)*"
        flag = "[\U0001f1e6-\U0001f1ff]{2}"
        self._symbol = rf"{flag}|[{symbol}][{modifier}]*(?:\u200d[{symbol}][{modifier}]*)*"
        self._unspaced_letter = rf"[{unspaced_letter}][{mark}]*"
        self._unspaced_letters = rf"[{unspaced_letter}][{unspaced_letter}{mark}]*"
        punctuation = _class_of(symbols & unspaced_punctuation)
        self._run = rf"((?<!\u200d)[{unspaced_letter}{punctuation}]+(?![{modifier}\u200d]))"
        self._basic_joining = _class_of(marks | _in_ranges(_JOINING_CHARACTERS))

    @cached_property
    def token(self) -> re.Pattern[str]:
        """A token of the word analyzer."""
        return re.compile(f"{self._word}|{self._unspaced_letter}|{self._symbol}")

    @cached_property
    def run(self) -> re.Pattern[str]:
        """A run of unspaced letters and punctuation without modifiers, in which each character is a token."""
        return re.compile(self._run)

    @cached_property
    def whole(self) -> re.Pattern[str]:
        """A token, or a run of unspaced letters as a whole."""
        return re.compile(f"{self._word}|{self._unspaced_letters}|{self._symbol}")

    @cached_property
    def word(self) -> re.Pattern[str]:
        """The first character of a number, or of a word in a script with spaces."""
        return re.compile(f"[{self._start}]")

    @cached_property
    def joining(self) -> str:
        """The inside of a ``[...]`` that matches the characters that may join the letter before them."""
        astral_marks = [cp for cp in range(_N_BASIC, 0x1F000) if unicodedata.category(chr(cp))[0] == "M"]
        return self._basic_joining + char_class(astral_marks)

    @cached_property
    def joining_run(self) -> re.Pattern[str]:
        """A run of joining characters. It is slow, because the characters are in many ranges."""
        return re.compile(f"[{self.joining}]+")

    @cached_property
    def maybe_long_run(self) -> re.Pattern[str]:
        """A run that is too long, in every third character of a document. Some other text matches, too."""
        # Beyond the Basic Multilingual Plane, any letter matches, which keeps the search fast.
        joining = f"[{self._basic_joining}\U00010000-\U0001efff]"
        return re.compile(f"{joining}{joining}{{{LONGEST_JOINING_RUN // 3 - 1}}}")

    @property
    def portable_token(self) -> str:
        """The pattern of `token` for engines that have no look-arounds and take the longest match."""
        return f"{self._portable_word}|{self._unspaced_letter}|{self._symbol}"

    @property
    def portable_whole(self) -> str:
        """The pattern of `whole` for engines that have no look-arounds and take the longest match."""
        return f"{self._portable_word}|{self._unspaced_letters}|{self._symbol}"

    @cached_property
    def _portable_word(self) -> str:
        # A whole number with points and commas takes the place of a letter.
        digit = char_class([cp for cp in range(0x1F000) if chr(cp).isdecimal()])
        number = rf"[{digit}](?:[.,][{digit}])+"
        inside = rf"(?:[{self._inside}]|{number})"
        return rf"(?:[{self._start}]|{number}){inside}*(?:[{self._joiner}]{inside}+)*"


@cache
def patterns() -> Patterns:
    """Return the patterns, which a process makes once."""
    return Patterns()


def _in_ranges(ranges: Iterable[tuple[int, int]]) -> np.ndarray:
    """Return a mask of the basic code points in some inclusive ranges."""
    inside = np.zeros(_N_BASIC, dtype=bool)
    for first, last in ranges:
        inside[first : last + 1] = True
    return inside


def _class_of(chosen: np.ndarray) -> str:
    return char_class(np.flatnonzero(chosen))


def char_class(code_points: Sequence[int] | np.ndarray) -> str:
    """Return the inside of a ``[...]`` that matches these code points."""
    ordered = np.sort(code_points)
    breaks = np.flatnonzero(np.diff(ordered) > 1)
    firsts, lasts = ordered[np.r_[0, breaks + 1]].tolist(), ordered[np.r_[breaks, -1]].tolist()
    return "".join(f"{_in_class(first)}-{_in_class(last)}" for first, last in zip(firsts, lasts, strict=True))


def _in_class(code_point: int) -> str:
    # Characters parse faster than escapes, but some ASCII characters have a special meaning.
    return chr(code_point) if code_point >= 128 else f"\\U{code_point:08x}"


@dataclass(frozen=True, eq=False)
class TokenizedDocuments:
    """The tokens of documents, as indices into a list of distinct tokens."""

    tokens: list[str]  # some may not occur
    indices: np.ndarray  # int32 (n_occurrences,), one document after another
    lengths: np.ndarray  # int64 (n_documents,)

    @property
    def counts(self) -> np.ndarray:
        """How often each distinct token occurs, (n_distinct,)."""
        return np.bincount(self.indices, minlength=len(self.tokens))

    @property
    def document_frequencies(self) -> np.ndarray:
        """The number of documents that contain each distinct token, (n_distinct,)."""
        n_documents, n_distinct = len(self.lengths), len(self.tokens)
        rows = np.repeat(np.arange(n_documents), self.lengths)
        ones = np.ones(len(self.indices), dtype=np.int32)
        # The constructor adds up the entries of repeated tokens.
        occurs = sparse.csr_matrix((ones, (rows, self.indices)), shape=(n_documents, n_distinct))
        return np.bincount(occurs.indices, minlength=n_distinct)

    def truncated(self, max_length: int, truncate: str) -> "TokenizedDocuments":
        """Return the documents with at most `max_length` tokens each."""
        if self.lengths.max(initial=0) <= max_length:
            return self
        n_last = n_from_end(max_length, truncate)
        steps = np.arange(len(self.indices)) - np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)
        stays = (steps < max_length - n_last) | (steps >= np.repeat(self.lengths - n_last, self.lengths))
        return TokenizedDocuments(self.tokens, self.indices[stays], np.minimum(self.lengths, max_length))

    def to_ids(self, vocabulary: Mapping[str, int]) -> sparse.csr_matrix:
        """Return sequences of token ids, (n_documents, longest)."""
        ids = np.fromiter(map(vocabulary.get, self.tokens, repeat(UNKNOWN)), np.int32, count=len(self.tokens))
        return ragged_to_csr(ids[self.indices], self.lengths)


def n_from_end(max_length: int, truncate: str) -> int:
    """Return how many of the `max_length` tokens of a truncated document come from its end."""
    return {"head": 0, "tail": max_length, "both": max_length // 2}[truncate]


def tokenize(documents: list[str], analyze: Callable[[str], Iterable[str]]) -> TokenizedDocuments:
    """Cut all documents into tokens."""
    if isinstance(analyze, WordAnalyzer):
        return analyze.tokenize(documents)
    if isinstance(analyze, CharAnalyzer | SubwordAnalyzer | CustomWordAnalyzer):
        return _index_tokens(map(analyze, documents))
    return _index_tokens(_checked_tokens(analyze(document), "analyzer") for document in documents)


def _checked_tokens(tokens: Any, parameter: str) -> list[str]:
    """Return the tokens from a callable of the user as a list, or raise TypeError."""
    expected = f"Expected {parameter} to return a list of str"
    if isinstance(tokens, str | bytes) or not isinstance(tokens, Iterable):
        hint = " To use its characters as tokens, return list(...)." if isinstance(tokens, str) else ""
        raise TypeError(f"{expected}; got {reprlib.repr(tokens)}.{hint}")
    tokens = list(tokens)
    if not {str}.issuperset(map(type, tokens)):  # types are compared first, which is fast
        for token in tokens:
            if not isinstance(token, str):
                kind = type(token).__name__
                raise TypeError(f"{expected}; got the {kind} {reprlib.repr(token)} as a token.")
    return tokens


def _index_tokens(token_lists: Iterable[Sequence[str]]) -> TokenizedDocuments:
    index_of = _consecutive_indices()
    lengths: list[int] = []

    def counted() -> Iterator[Sequence[str]]:
        for tokens in token_lists:
            lengths.append(len(tokens))
            yield tokens

    indices = np.fromiter(map(index_of.__getitem__, chain.from_iterable(counted())), dtype=np.int32)
    return TokenizedDocuments(list(index_of), indices, np.array(lengths, dtype=np.int64))


def _consecutive_indices(tokens: Iterable[str] = ()) -> defaultdict[str, int]:
    """Return a dict with the index of each token, which gives a new token the next index."""
    index_of: defaultdict[str, int] = defaultdict(None, {token: i for i, token in enumerate(tokens)})
    index_of.default_factory = index_of.__len__
    return index_of


@dataclass(frozen=True)
class Preprocessor:
    """Bring documents that read the same into the same form, before they are cut."""

    lowercase: bool
    strip_accents: str | Callable[[str], str] | None

    def __call__(self, document: str) -> str:
        if not document.isascii():
            document = _shorten_joining_runs(document)
        if self.lowercase:
            document = document.lower()
        if not document.isascii():
            document = document.replace(TYPOGRAPHIC_APOSTROPHE, APOSTROPHE).replace(SOFT_HYPHEN, "")
            document = unicodedata.normalize("NFC", document)
        if self.strip_accents is None:
            return document
        if callable(self.strip_accents):
            return _checked_str(self.strip_accents(document), "strip_accents")
        return document if document.isascii() else self._without_accents(document)

    def _without_accents(self, document: str) -> str:
        is_ascii = self.strip_accents == "ascii"
        document = strip_accents_ascii(document) if is_ascii else document.translate(_WITHOUT_ACCENTS)
        if self.lowercase:  # the sign for "trade mark" has become capitals
            document = document.lower()
        return unicodedata.normalize("NFC", document)


@dataclass(frozen=True)
class CustomPreprocessor:
    """Prepare documents with any function."""

    function: Callable[[str], str]

    def __call__(self, document: str) -> str:
        return _checked_str(self.function(document), "preprocessor")


def _checked_str(returned: Any, parameter: str) -> str:
    """Return what a callable of the user returned, or raise TypeError."""
    if not isinstance(returned, str):
        raise TypeError(f"Expected {parameter} to return a str; got {reprlib.repr(returned)}.")
    return returned


def _shorten_joining_runs(document: str) -> str:
    """Return a document with at most `LONGEST_JOINING_RUN` joining characters in a run."""
    if len(document) > LONGEST_JOINING_RUN and patterns().maybe_long_run.search(document[::3]):
        return patterns().joining_run.sub(lambda run: run[0][:LONGEST_JOINING_RUN], document)
    return document


class _WithoutAccents(dict[int, str]):
    """What each character becomes without accents, for ``str.translate``. Entries are made when they are needed.

    As in scikit-learn, characters are decomposed (NFKD) and lose their combining marks. But marks that spell a
    letter are no accents, and scripts without spaces have no accents.
    """

    def __missing__(self, code_point: int) -> str:
        without = chr(code_point)
        if not any(first <= code_point <= last for first, last in _UNSPACED_SCRIPTS):
            decomposed = unicodedata.normalize("NFKD", without)
            without = "".join(c for c in decomposed if unicodedata.combining(c) in _SPELLING_CLASSES)
        self[code_point] = without
        return without


_WITHOUT_ACCENTS = _WithoutAccents()


@dataclass(frozen=True)
class CustomWordAnalyzer:
    """Cut documents into words with any tokenizer, and leave out stop words."""

    preprocess: Callable[[str], str]
    tokenizer: Callable[[str], Iterable[str]]
    stop_words: frozenset[str]

    def __call__(self, document: str) -> list[str]:
        tokens = _checked_tokens(self.tokenizer(self.preprocess(document)), "tokenizer")
        return [token for token in tokens if token not in self.stop_words] if self.stop_words else tokens


@dataclass(frozen=True)
class CharAnalyzer:
    """Cut documents into characters."""

    preprocess: Callable[[str], str]

    def __call__(self, document: str) -> str:
        return " ".join(self.preprocess(document).split())  # a str is a sequence of characters


@dataclass(frozen=True)
class SubwordAnalyzer:
    """Cut documents into the subwords of a vocabulary."""

    preprocess: Callable[[str], str]
    tokenizer: SubwordTokenizer

    def __call__(self, document: str) -> list[str]:
        return list(chain.from_iterable(map(self.tokenizer.cut, mark_words(self.preprocess(document)))))


def mark_words(document: str) -> list[str]:
    """Return the strings that are cut into subwords.

    These are words with a mark in front, runs of unspaced letters, punctuation and emoji.
    """
    starts_word = patterns().word.match
    return [WORD_START + part if starts_word(part) else part for part in patterns().whole.findall(document)]


@dataclass(frozen=True)
class WordAnalyzer:
    """Cut documents into words with the built-in pattern."""

    preprocess: Callable[[str], str]

    def __call__(self, document: str) -> list[str]:
        return patterns().token.findall(self.preprocess(document))

    def tokenize(self, documents: Iterable[str]) -> TokenizedDocuments:
        """Cut all documents, faster than one by one."""
        cutter = _RunCutter()
        tokenized = _index_tokens(map(cutter.cut, map(self.preprocess, documents)))
        return cutter.replace_placeholders(tokenized) if cutter.runs else tokenized


class _RunCutter:
    """Cut documents into tokens, and each run of unspaced characters into one placeholder.

    To make a str of each unspaced character would take most of the time for Chinese text. The characters of the
    runs are counted by their code points instead, in an array for all documents.
    """

    def __init__(self) -> None:
        self.runs: list[str] = []
        self._find_tokens, self._split_at_runs = patterns().token.findall, patterns().run.split

    def cut(self, document: str) -> list[str]:
        if document.isascii():
            return self._find_tokens(document)
        fragments = self._split_at_runs(document)  # text, run, text, ..., run, text
        texts = fragments[::2]
        if any(_PLACEHOLDER in text for text in texts):  # beside a joiner or a modifier, it is not in a run
            tokens = self._find_tokens(document)
            self.runs.extend(token for token in tokens if token == _PLACEHOLDER)
            return tokens
        self.runs.extend(fragments[1::2])
        return self._find_tokens(_PLACEHOLDER.join(texts))

    def replace_placeholders(self, tokenized: TokenizedDocuments) -> TokenizedDocuments:
        """Return the documents with the characters of the runs in place of the placeholders."""
        index_of = _consecutive_indices(tokenized.tokens)
        is_run = tokenized.indices == index_of[_PLACEHOLDER]
        n_tokens = np.ones(len(is_run), dtype=np.int32)
        n_tokens[is_run] = list(map(len, self.runs))
        indices = np.repeat(tokenized.indices, n_tokens)
        indices[np.repeat(is_run, n_tokens)] = _indices_of_characters("".join(self.runs), index_of)
        starts = np.concatenate([[0], np.cumsum(n_tokens)])  # where the tokens for each index begin
        document_starts = starts[np.concatenate([[0], np.cumsum(tokenized.lengths)])]
        return TokenizedDocuments(list(index_of), indices, np.diff(document_starts))


def _indices_of_characters(characters: str, index_of: defaultdict[str, int]) -> np.ndarray:
    code_points = np.frombuffer(characters.encode("utf-32-le"), dtype="<u4")
    occurs = np.zeros(code_points.max() + 1, dtype=bool)
    occurs[code_points] = True
    occurring = np.flatnonzero(occurs)
    indices = np.empty(len(occurs), dtype=np.int32)
    indices[occurring] = [index_of[character] for character in map(chr, occurring)]
    return indices[code_points]
