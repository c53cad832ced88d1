"""Cut documents into tokens as they are written, for tools that look for the tokens in the document."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise

from skrnn.text._patterns import APOSTROPHE, TYPOGRAPHIC_APOSTROPHE, patterns
from skrnn.text._subwords import SubwordTokenizer
from skrnn.text._tokenization import WORD_START


@dataclass(frozen=True)
class RawMatches:
    """Find the matches of a pattern, or of its group, in raw documents."""

    pattern: re.Pattern[str]

    def __call__(self, document: str) -> list[str]:
        # The preprocessing replaces the apostrophes, too. All characters stay where they are.
        text = document.replace(TYPOGRAPHIC_APOSTROPHE, APOSTROPHE)
        spans = [match.span(self.pattern.groups) for match in self.pattern.finditer(text)]
        return [document[start:end] for start, end in spans]


@dataclass(frozen=True)
class RawSubwords:
    """Cut raw documents into subwords. A word whose length the preprocessing changes stays whole."""

    preprocess: Callable[[str], str]
    tokenizer: SubwordTokenizer

    def __call__(self, document: str) -> list[str]:
        return [part for word in RawMatches(patterns().whole)(document) for part in self._cut(word)]

    def _cut(self, word: str) -> list[str]:
        prepared = self.preprocess(word)
        if len(prepared) != len(word):
            return [word]
        mark = WORD_START if patterns().word.match(prepared) else ""
        ends = accumulate(map(len, self.tokenizer.cut(mark + prepared)))
        bounds = [0, *(end - len(mark) for end in ends)]
        return [word[start:end] for start, end in pairwise(bounds) if start < end]
