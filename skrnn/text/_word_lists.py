"""Lists of words that a user passes as stop words or vocabulary, and whether they match words of documents."""

import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from skrnn.text._preprocessing import Preprocessor
from skrnn.text._tokenization import CustomWordAnalyzer


def stop_word_set(params: SimpleNamespace | Any) -> frozenset[str]:
    """Return the stop words as the built-in preprocessing writes them, from the parameters of a vectorizer."""
    if params.stop_words is None:
        return frozenset()
    if isinstance(params.stop_words, str):
        return ENGLISH_STOP_WORDS
    words = tuple(params.stop_words)
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"Expected stop_words to be a collection of str; got {word!r} in it.")
    if params.preprocessor is not None:
        return frozenset(words)
    preprocess = Preprocessor(params.lowercase, params.strip_accents)
    if callable(params.strip_accents):  # it may not be hashable
        return frozenset(map(preprocess, words))
    return _preprocessed(words, preprocess)


@lru_cache(maxsize=8)  # each prediction asks for them
def _preprocessed(words: tuple[str, ...], preprocess: Preprocessor) -> frozenset[str]:
    return frozenset(map(preprocess, words))


def warn_of_inconsistent_stop_words(analyze: CustomWordAnalyzer) -> None:
    """Warn as scikit-learn does if stop words are cut into tokens that are not stop words."""
    without_stop_words = replace(analyze, stop_words=frozenset())
    try:
        tokens = {token for word in analyze.stop_words for token in without_stop_words(word)}
    except Exception:  # as in scikit-learn: the user's preprocessor or tokenizer may expect whole documents
        return
    inconsistent = sorted(tokens - analyze.stop_words)
    if inconsistent:
        warnings.warn(
            "Your stop_words may be inconsistent with your preprocessing. Tokenizing the stop words generated "
            f"tokens {inconsistent} not in stop_words.",
            stacklevel=2,
        )


def warn_of_unmatched_tokens(vocabulary: Iterable[str], preprocess: Preprocessor) -> None:
    """Warn of tokens in a given vocabulary that no preprocessed document contains."""
    changed = [token for token in vocabulary if preprocess(token) != token]
    if preprocess.lowercase and any(map(str.isupper, "".join(changed))):
        warnings.warn(
            "Upper case characters found in vocabulary while 'lowercase' is True. These entries will not be "
            "matched with any documents.",
            stacklevel=2,
        )
    elif changed:
        warnings.warn(
            f"The preprocessing changes entries of vocabulary, such as {changed[0]!r}. These entries will not be "
            "matched with any documents.",
            stacklevel=2,
        )
