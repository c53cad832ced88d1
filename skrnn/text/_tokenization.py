"""Cut documents into tokens: the analyzers, and the result as arrays."""

import re
import reprlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count, repeat
from typing import Any

import numpy as np
from scipy import sparse

from skrnn.sequences._storage import FIRST_TOKEN, UNKNOWN, ragged_to_csr
from skrnn.text._patterns import patterns
from skrnn.text._subwords import SubwordTokenizer

WORD_START = "▁"  # as in SentencePiece

# Replaces a run of unspaced characters while the text around it is cut. It is a token next to any character.
_PLACEHOLDER = "一"


@dataclass(frozen=True, eq=False)
class TokenizedDocuments:
    """The tokens of documents, as indices into a list of distinct tokens."""

    tokens: list[str]  # some may not occur
    indices: np.ndarray  # int32 (n_occurrences,), one document after another
    lengths: np.ndarray  # int64 (n_documents,)

    @property
    def n_documents(self) -> int:
        """The number of documents."""
        return len(self.lengths)

    @property
    def counts(self) -> np.ndarray:
        """How often each distinct token occurs, (n_distinct,)."""
        return np.bincount(self.indices, minlength=len(self.tokens))

    @property
    def document_frequencies(self) -> np.ndarray:
        """The number of documents that contain each distinct token, (n_distinct,)."""
        n_distinct = len(self.tokens)
        rows = np.repeat(np.arange(self.n_documents), self.lengths)
        ones = np.ones(len(self.indices), dtype=np.int32)
        # The constructor adds up the entries of repeated tokens.
        occurs = sparse.csr_matrix((ones, (rows, self.indices)), shape=(self.n_documents, n_distinct))
        return np.bincount(occurs.indices, minlength=n_distinct)

    def truncated(self, max_length: int, truncate: str) -> "TokenizedDocuments":
        """Return the documents with at most `max_length` tokens each."""
        if self.lengths.max(initial=0) <= max_length:
            return self
        steps = np.arange(len(self.indices)) - np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)
        stays = stays_if_truncated(steps, np.repeat(self.lengths, self.lengths), max_length, truncate)
        return TokenizedDocuments(self.tokens, self.indices[stays], np.minimum(self.lengths, max_length))

    def to_ids(self, vocabulary: Mapping[str, int]) -> sparse.csr_matrix:
        """Return sequences of token ids, (n_documents, longest)."""
        return ragged_to_csr(self._ids_of_tokens(vocabulary)[self.indices], self.lengths)

    def to_ids_with_unknown(self, vocabulary: Mapping[str, int]) -> tuple[sparse.csr_matrix, list[str]]:
        """Return sequences in which unknown tokens have ids behind the vocabulary, and the unknown tokens."""
        ids = self._ids_of_tokens(vocabulary)
        unknown = np.flatnonzero(ids == UNKNOWN)
        ids[unknown] = FIRST_TOKEN + len(vocabulary) + np.arange(len(unknown))
        return ragged_to_csr(ids[self.indices], self.lengths), [self.tokens[i] for i in unknown]

    def _ids_of_tokens(self, vocabulary: Mapping[str, int]) -> np.ndarray:
        return np.fromiter(map(vocabulary.get, self.tokens, repeat(UNKNOWN)), np.int32, count=len(self.tokens))


def n_from_end(max_length: int, truncate: str) -> int:
    """Return how many of the `max_length` tokens of a truncated document come from its end."""
    return {"head": 0, "tail": max_length, "both": max_length // 2}[truncate]


def stays_if_truncated(steps: np.ndarray, lengths: np.ndarray | int, max_length: int, truncate: str) -> np.ndarray:
    """Return which tokens of documents stay, from their positions and the lengths of their documents."""
    n_last = n_from_end(max_length, truncate)
    return (steps < max_length - n_last) | (steps >= lengths - n_last)


def tokenize(documents: list[str], analyze: Callable[[str], Iterable[str]]) -> TokenizedDocuments:
    """Cut all documents into tokens."""
    if isinstance(analyze, WordAnalyzer):
        return analyze.tokenize(documents)
    if isinstance(analyze, CharAnalyzer | SubwordAnalyzer | CustomWordAnalyzer):
        return _index_tokens(map(analyze, documents))
    return _index_tokens(checked_tokens(analyze(document), "analyzer") for document in documents)


def checked_tokens(tokens: Any, parameter: str) -> list[str]:
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
    index_of = consecutive_indices()
    lengths: list[int] = []

    def counted() -> Iterator[Sequence[str]]:
        for tokens in token_lists:
            lengths.append(len(tokens))
            yield tokens

    indices = np.fromiter(map(index_of.__getitem__, chain.from_iterable(counted())), dtype=np.int32)
    return TokenizedDocuments(list(index_of), indices, np.array(lengths, dtype=np.int64))


def consecutive_indices(tokens: Iterable[str] = ()) -> defaultdict[str, int]:
    """Return a dict with the index of each token, which gives a new token the next index."""
    known = {token: i for i, token in enumerate(tokens)}
    # The method of the dict, __len__, would be a cycle: memory would stay in use until a full garbage collection.
    return defaultdict(count(len(known)).__next__, known)


@dataclass(frozen=True)
class PatternTokenizer:
    """Cut texts into the matches of a pattern, or of its group."""

    pattern: re.Pattern[str]

    def __call__(self, text: str) -> list[str]:
        return self.pattern.findall(text)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Return where each token begins and ends. A group that takes no part is empty."""
        group = self.pattern.groups
        for match in self.pattern.finditer(text):
            yield match.span(group) if match.start(group) >= 0 else (match.end(), match.end())


@dataclass(frozen=True)
class CustomWordAnalyzer:
    """Cut documents into words with any tokenizer, and leave out stop words."""

    preprocess: Callable[[str], str]
    tokenizer: Callable[[str], Iterable[str]]
    stop_words: frozenset[str]

    def __call__(self, document: str) -> list[str]:
        tokens = checked_tokens(self.tokenizer(self.preprocess(document)), "tokenizer")
        return [token for token in tokens if token not in self.stop_words] if self.stop_words else tokens


@dataclass(frozen=True)
class CharAnalyzer:
    """Cut documents into characters.

    Words have single spaces between them, one before the first word and one after the last.
    """

    preprocess: Callable[[str], str]

    def __call__(self, document: str) -> str:
        words = self.preprocess(document).split()
        return " ".join(["", *words, ""]) if words else ""  # a str is a sequence of characters


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
        index_of = consecutive_indices(tokenized.tokens)
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
