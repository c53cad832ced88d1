"""Words to pieces of words, and where the pieces come from.

A vocabulary of pieces is all that cutting needs: a word is cut into the longest piece that it begins with, then
the longest that its rest begins with, and so on. This takes no library, and on a vocabulary of byte-pair encoding
it serves as well as replaying the merges (Uzan et al. 2024, arXiv:2403.01289). Nothing of documents here.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

_LONGEST = 16  # characters of a learnt piece; longer ones are phrases that a text repeats
_N_CACHED_WORDS = 2**16


def learn_pieces(texts: Iterable[list[str]], n_pieces: int) -> set[str]:
    """Learn pieces by byte-pair encoding.

    Parameters
    ----------
    texts : iterable of list of str
        Words, without white space, as lists of any length.
    n_pieces : int
        Most pieces to learn, single characters included. Those are at most half of the pieces, the most frequent
        ones, so that a script of thousands of characters leaves room for others.

    Returns
    -------
    pieces : set of str
    """
    tokenizers = _import_tokenizers()
    texts = [" ".join(words) for words in texts]
    counts = Counter("".join(texts))
    del counts[" "]
    alphabet = sorted(counts, key=lambda character: (-counts[character], character))[: n_pieces - n_pieces // 2]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=n_pieces,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        max_token_length=_LONGEST,
    )
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(texts, trainer)
    return set(tokenizer.get_vocab())


def word_cutter(pieces: Collection[str]) -> Callable[[str], list[str]]:
    """A function that cuts a word into ``pieces``, and into single characters where none of them fits."""
    longest = max(map(len, pieces), default=1)

    @lru_cache(maxsize=_N_CACHED_WORDS)
    def cut(word: str) -> list[str]:
        found = []
        start = 0
        while start < len(word):
            end = min(start + longest, len(word))
            while end > start + 1 and word[start:end] not in pieces:
                end -= 1
            found.append(word[start:end])
            start = end
        return found

    return cut


def _import_tokenizers():
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            'Learning subwords needs tokenizers, which is not installed: pip install "skrnn[subword]". '
            "A vectorizer that is fitted, or has a vocabulary, does without."
        ) from error
    return tokenizers
