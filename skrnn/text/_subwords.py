"""Subwords: learn them by byte-pair encoding, and cut words into them.

A word is cut into the longest subword that it begins with, and its rest in the same way. This needs only the
vocabulary. It works as well as the merges of byte-pair encoding (Uzan et al. 2024, arXiv:2403.01289).
"""

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import chain
from typing import Any

from skrnn.utils._installed import check_installed

_LONGEST = 16  # characters of a subword; longer ones are phrases that a text repeats
# Learning takes a time that is quadratic in the length of a word, so it sees longer words as several.
_LONGEST_WORD = 1000

_N_CACHED_WORDS, _LONGEST_CACHED_WORD = 2**16, 100


def learn_subwords(texts: Iterable[list[str]], n_subwords: int) -> set[str]:
    """Learn subwords by byte-pair encoding.

    Parameters
    ----------
    texts : iterable of list of str
        The words of each document, without white space.
    n_subwords : int
        Largest number of subwords. At most half of them are single characters, the most frequent ones, so that
        a script of thousands of characters leaves room for longer subwords.

    Returns
    -------
    subwords : set of str
    """
    check_installed("A fitted vectorizer works without tokenizers. Learning subwords needs", "tokenizers")
    import tokenizers

    documents = [" ".join(chain.from_iterable(map(_parts, words))) for words in texts]
    counts = Counter("".join(documents))
    del counts[" "]
    by_frequency = sorted(counts, key=lambda character: (-counts[character], character))
    alphabet = by_frequency[: n_subwords - n_subwords // 2]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=n_subwords,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        max_token_length=_LONGEST,
    )
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(documents, trainer)
    return set(tokenizer.get_vocab())


def _parts(word: str) -> list[str]:
    """Return a word in parts of at most `_LONGEST_WORD` characters."""
    return [word[start : start + _LONGEST_WORD] for start in range(0, len(word), _LONGEST_WORD)]


class SubwordTokenizer:
    """Cut words into the longest subwords of a vocabulary.

    ``cut(word)`` returns a list of subwords, with a single character where no subword fits. Results are cached.
    """

    def __init__(self, subwords: Collection[str]) -> None:
        self._subwords = subwords
        self.cut = _CutWords(subwords).__getitem__

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._subwords,)  # without the cache


class _CutWords(dict[str, list[str]]):
    """Words that were cut into subwords. A new word is cut, and remembered unless it is very long."""

    def __init__(self, subwords: Collection[str]) -> None:
        super().__init__()
        self._subwords = subwords
        self._longest = max(map(len, subwords), default=1)

    def __missing__(self, word: str) -> list[str]:
        subwords = _cut_word(self._subwords, self._longest, word)
        if len(word) <= _LONGEST_CACHED_WORD:
            if len(self) >= _N_CACHED_WORDS:
                self.clear()
            self[word] = subwords
        return subwords


def _cut_word(subwords: Collection[str], longest: int, word: str) -> list[str]:
    found = []
    start = 0
    while start < len(word):
        end = min(start + longest, len(word))
        while end > start + 1 and word[start:end] not in subwords:
            end -= 1
        found.append(word[start:end])
        start = end
    return found
