"""Bring documents into one form before they are cut into tokens."""

import reprlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.feature_extraction.text import strip_accents_ascii

from skrnn.text._patterns import (
    APOSTROPHE,
    LONGEST_JOINING_RUN,
    SOFT_HYPHEN,
    TYPOGRAPHIC_APOSTROPHE,
    UNSPACED_SCRIPTS,
    patterns,
)

# Combining classes of characters that are no accents: letters (0), nukta, kana voicing, virama, and the vowels and
# tones of Telugu, Thai, Lao and Tibetan.
_SPELLING_CLASSES = frozenset([0, *range(6, 10), *range(84, 133)])


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
        if not any(first <= code_point <= last for first, last in UNSPACED_SCRIPTS):
            decomposed = unicodedata.normalize("NFKD", without)
            without = "".join(c for c in decomposed if unicodedata.combining(c) in _SPELLING_CLASSES)
        self[code_point] = without
        return without


_WITHOUT_ACCENTS = _WithoutAccents()
