"""Regular expressions that find tokens, and characters that combine, in text of any script."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, cached_property

import numpy as np

# The preprocessing replaces the first by the second and removes the third.
TYPOGRAPHIC_APOSTROPHE, APOSTROPHE, SOFT_HYPHEN = "\u2019", "'", "\u00ad"

# Longest run of combining marks and other joining characters, as in the Stream-Safe Text Format of Unicode. The
# rest of a run is removed, because normalization takes a time that is quadratic in the length of a run.
LONGEST_JOINING_RUN = 30

# Scripts without spaces between words. Each of their letters is a token. Korean has spaces, but words have endings
# attached, and syllables generalise better. Inclusive ranges of code points.
UNSPACED_SCRIPTS = (
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

_N_BASIC = 0x10000  # code points of the Basic Multilingual Plane


class Patterns:
    r"""Regular expressions that find tokens in text of any script.

    They list their characters, because ``\w`` lacks the combining marks that words of Hindi, Thai or vocalised
    Arabic contain. The regular expression engine looks up listed characters in a table, so they are as fast as
    scikit-learn's ``\b\w\w+\b``. Each is compiled at its first use, as this takes longer than to cut a document.
    """

    def __init__(self) -> None:
        unspaced, unspaced_punctuation = _in_ranges(UNSPACED_SCRIPTS), _in_ranges(_UNSPACED_PUNCTUATION)
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
    def cluster(self) -> re.Pattern[str]:
        """A character, with the characters behind it that may join it."""
        return re.compile(f"(?s:.)[{self.joining}]*")

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
