"""Find the characters of a raw document that each of its tokens comes from."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, chain, compress, pairwise
from typing import Any

import numpy as np

from skrnn.text._patterns import patterns
from skrnn.text._preprocessing import Preprocessor
from skrnn.text._tokenization import (
    CharAnalyzer,
    CustomWordAnalyzer,
    PatternTokenizer,
    SubwordAnalyzer,
    WordAnalyzer,
    checked_tokens,
    mark_words,
    stays_if_truncated,
)

_BuiltInAnalyzer = WordAnalyzer | CustomWordAnalyzer | CharAnalyzer | SubwordAnalyzer

# Characters between a part of a word and a whole word that are equal to a token.
_FARTHEST_WORD = 60

_WORD_OR_SPACE = re.compile(r"\S+|\s+")
_REPEATED_SPACE = re.compile(r"(?<=\s)\s")


@dataclass(frozen=True, eq=False)
class LocatedTokens:
    """The tokens of a document, and where they come from.

    Attributes
    ----------
    tokens : list of str
        The tokens, as the analyzer returns them.
    spans : ndarray of shape (n_tokens, 2), or None
        Token ``i`` comes from ``document[spans[i, 0] : spans[i, 1]]``. Starts and ends do not decrease. None if
        the document is not text, or if the tokens of a callable are not found in it.
    n_cut : int
        The number of other tokens of the document, which were cut off.
    """

    tokens: list[str]
    spans: np.ndarray | None
    n_cut: int = 0

    def truncated(self, max_length: int, truncate: str) -> "LocatedTokens":
        """Return at most `max_length` tokens, the same as ``TokenizedDocuments.truncated``."""
        n_tokens = len(self.tokens)
        stays = stays_if_truncated(np.arange(n_tokens), n_tokens, max_length, truncate)
        return replace(self._selected(stays), n_cut=self.n_cut + n_tokens - int(stays.sum()))

    def without(self, stop_words: frozenset[str]) -> "LocatedTokens":
        """Return the tokens that are not stop words."""
        return self._selected(np.array([token not in stop_words for token in self.tokens], dtype=bool))

    def between_spaces(self) -> "LocatedTokens":
        """Return these characters with a space before and after them. The spaces have empty spans."""
        if not self.tokens:
            return self
        spans = self.spans
        if spans is not None:
            start, end = spans[0, 0], spans[-1, 1]
            spans = np.concatenate([[[start, start]], spans, [[end, end]]])
        return LocatedTokens([" ", *self.tokens, " "], spans)

    def _selected(self, stays: np.ndarray) -> "LocatedTokens":
        tokens = list(compress(self.tokens, stays.tolist()))
        return LocatedTokens(tokens, None if self.spans is None else self.spans[stays])


@dataclass(frozen=True)
class RawTokens:
    """Cut documents into tokens as they are written, for tools that look for the tokens in the document."""

    analyze: WordAnalyzer | CustomWordAnalyzer | SubwordAnalyzer

    def __call__(self, document: str) -> list[str]:
        spans = locate([document], self.analyze)[0].spans
        if spans is None:  # a custom preprocessor changes the words
            spans = locate([document], replace(self.analyze, preprocess=str))[0].spans
        tokens, last_end = [], 0
        for start, end in [] if spans is None else spans.tolist():
            if last_end <= start < end:  # several subwords can come from one character
                tokens.append(document[start:end])
                last_end = end
        return tokens


def locate(documents: list[Any], analyze: Callable[[Any], Iterable[str]]) -> list[LocatedTokens]:
    """Return the tokens of each document, and where they come from, in linear time."""
    if isinstance(analyze, _BuiltInAnalyzer):
        sources = _Sources(analyze.preprocess)
        return [_locate(document, analyze, sources) for document in documents]
    return [_find(document, checked_tokens(analyze(document), "analyzer")) for document in documents]


def _locate(document: str, analyze: _BuiltInAnalyzer, sources: "_Sources") -> LocatedTokens:
    text = analyze.preprocess(document)
    tokens, spans = _cut(text, analyze)
    if spans is not None:
        spans = sources.to_document(spans, document, text)
    located = _find(document, tokens) if spans is None else LocatedTokens(tokens, spans)
    if isinstance(analyze, CharAnalyzer):
        return located.between_spaces()
    return located.without(analyze.stop_words) if isinstance(analyze, CustomWordAnalyzer) else located


def _cut(text: str, analyze: _BuiltInAnalyzer) -> tuple[list[str], np.ndarray | None]:
    """Return the tokens of a preprocessed document and their spans in it.

    Stop words are included, and the spaces at the beginning and at the end of characters are not.
    """
    if isinstance(analyze, SubwordAnalyzer):
        return _cut_into_subwords(text, analyze)
    if isinstance(analyze, CharAnalyzer):
        return list(" ".join(text.split())), _spans_of_characters(text)
    tokenizer = PatternTokenizer(patterns().token) if isinstance(analyze, WordAnalyzer) else analyze.tokenizer
    tokens = checked_tokens(tokenizer(text), "tokenizer")
    if isinstance(tokenizer, PatternTokenizer):
        return tokens, _to_array(tokenizer.spans(text))
    return tokens, _find_in_order(tokens, text)


def _cut_into_subwords(text: str, analyze: SubwordAnalyzer) -> tuple[list[str], np.ndarray]:
    tokens: list[str] = []
    spans: list[tuple[int, int]] = []
    for match, word in zip(patterns().whole.finditer(text), mark_words(text), strict=True):
        subwords = analyze.tokenizer.cut(word)
        bounds = [*accumulate(map(len, subwords), initial=match.end() - len(word))]
        bounds[0] = match.start()  # the text does not contain the mark
        tokens += subwords
        spans += pairwise(bounds)
    return tokens, _to_array(spans)


def _spans_of_characters(text: str) -> np.ndarray:
    """Return the spans of the tokens of `CharAnalyzer`. White space within the text is one token."""
    end = len(text.rstrip())
    start = end - len(text.strip())
    repeated = [match.start() - start for match in _REPEATED_SPACE.finditer(text, start, end)]
    bounds = np.delete(np.arange(start, end + 1), repeated)
    return np.stack([bounds[:-1], bounds[1:]], axis=1)


def _to_array(spans: Iterable[tuple[int, int]]) -> np.ndarray:
    return np.fromiter(chain.from_iterable(spans), dtype=np.int64).reshape(-1, 2)


class _Sources:
    """Find where the characters of preprocessed documents come from.

    If a character did not stay in its place, the document is preprocessed in smaller and smaller pieces.
    """

    def __init__(self, preprocess: Callable[[str], str]) -> None:
        self._is_custom = not isinstance(preprocess, Preprocessor) or callable(preprocess.strip_accents)
        # The same words and characters come again and again.
        self._preprocessed = cache(lambda piece: _without_context(preprocess(piece)))
        self._piece = cache(self._preprocess_piece)

    def to_document(self, spans: np.ndarray, document: str, text: str) -> np.ndarray | None:
        """Return spans in the preprocessed document as spans in the document, or None if they are unclear."""
        if text == document or (document.isascii() and not self._is_custom):
            return spans
        try:
            sources = self._find(document, _without_context(text), (_WORD_OR_SPACE, patterns().cluster))
        except Exception:  # a callable of the user may expect whole documents
            return None
        if sources is None:
            return None
        starts = np.append(sources[:, 0], len(document))[spans[:, 0]]
        ends = np.append(0, sources[:, 1])[spans[:, 1]]
        return np.stack([starts, np.maximum(starts, ends)], axis=1)  # the end of an empty span may be before

    def _find(self, document: str, text: str, levels: tuple[re.Pattern[str], ...]) -> np.ndarray | None:
        """Return the span that each character of the text comes from, (n_characters, 2), or None."""
        if len(text) == len(document) and [*text] == [*map(self._preprocessed, document)]:
            return np.arange(len(text))[:, None] + [0, 1]
        pieces = levels[0].findall(document) if levels else []
        found = [self._piece(piece, levels[1:]) for piece in pieces]
        if not found or "".join([piece_text for piece_text, _ in found]) != text:
            return None
        offsets = [*accumulate(map(len, pieces[:-1]), initial=0)]
        lengths = [len(piece_text) for piece_text, _ in found]
        return np.concatenate([sources for _, sources in found]) + np.repeat(offsets, lengths)[:, None]

    def _preprocess_piece(self, piece: str, levels: tuple[re.Pattern[str], ...]) -> tuple[str, np.ndarray]:
        text = self._preprocessed(piece)
        sources = self._find(piece, text, levels)
        return text, np.full((len(text), 2), [0, len(piece)]) if sources is None else sources


def _find(document: Any, tokens: list[str]) -> LocatedTokens:
    """Look for tokens in a document. Their case, accents and white space may be different."""
    if not isinstance(document, str):
        return LocatedTokens(tokens, None)
    spans = _find_in_order(tokens, document)
    if spans is None:
        loosely = Preprocessor(lowercase=True, strip_accents="unicode")
        text = loosely(document)
        spans = _find_in_order([_with_spaces(loosely(token)) for token in tokens], _with_spaces(text))
        if spans is not None:
            spans = _Sources(loosely).to_document(spans, document, text)
    return LocatedTokens(tokens, spans)


def _find_in_order(tokens: list[str], text: str) -> np.ndarray | None:
    """Return the spans of tokens that follow each other in a text, or None if one is not found."""
    spans = []
    end = 0
    for token in tokens:
        start = _find_next(token, text, end)
        if start < 0:
            return None
        end = start + len(token)
        spans.append((start, end))
    return _to_array(spans)


def _find_next(token: str, text: str, end: int) -> int:
    """Return where the next token begins, or -1. It can look like a part of a word that a tokenizer left out."""
    first = start = text.find(token, end)
    if not text[end : max(first, end)].strip():  # nothing was left out
        return first
    while start >= 0 and not _is_whole_word(token, text, start):
        start = text.find(token, start + 1, first + len(token) + _FARTHEST_WORD)
    return first if start < 0 else start


def _is_whole_word(token: str, text: str, start: int) -> bool:
    before, behind = text[start - 1 : start], text[start + len(token) : start + len(token) + 1]
    return not (before.isalnum() and token[:1].isalnum()) and not (behind.isalnum() and token[-1:].isalnum())


def _without_context(text: str) -> str:
    """Return a text with one form of sigma, whose lowercase depends on the letters around it."""
    return text.replace("ς", "σ")


def _with_spaces(text: str) -> str:
    return re.sub(r"\s", " ", _without_context(text))
