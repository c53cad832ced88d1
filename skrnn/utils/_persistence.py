"""The state of estimators in files: its format, and what is refused before it is used.

The format number goes up when the state changes in such a way that older code would misread it, or that newer
code would misread older states. Then ``_MIGRATIONS`` gets a function that turns a state of the format before into
one of the new, and a small file of each format stays under test.
"""

import warnings
from collections.abc import Callable

from sklearn.exceptions import InconsistentVersionWarning

from skrnn._version import __version__

FORMAT = 5


def _without_pretrained_vectors(state: dict) -> dict:
    """Format 2: text estimators have parameters for pretrained vectors."""
    if "embedding_dim" not in state:
        return state
    return {**state, "embeddings": None, "trainable_embeddings": True, "_pretrained_dim": None}


def _without_bigrams(state: dict) -> dict:
    """Format 3: text estimators know pairs of tokens, classifiers of text a start, and all a falling rate."""
    if "learning_rate" not in state:
        return state
    state = {**state, "learning_rate_decay": None}
    if "embedding_dim" in state:
        state |= {"max_bigrams": 0, "_n_bigrams": 0, "skip_connection": False}
    if "class_weight" in state:
        state["label_smoothing"] = 0.0
    if "embedding_dim" in state and "class_weight" in state:
        state["embedding_init"] = "uniform"
    return state


def _ngrams_for_bigrams(state: dict) -> dict:
    """Format 4: n-grams, of which pairs are the shortest."""
    network = state.get("_network")
    if isinstance(network, dict):
        network = {name: _of_ngrams(part) if isinstance(part, dict) else part for name, part in network.items()}
        state = {**state, "_network": network}
    return _of_ngrams(state)


def _of_ngrams(names: dict) -> dict:
    renamed = {
        "max_bigrams": "max_ngrams",
        "_n_bigrams": "_n_ngrams",
        "n_bigrams": "n_ngrams",
        "bigram_embedding": "ngram_embedding",
        "bigram_pairs": "ngram_keys",
        "bigram_slots": "ngram_slots",
    }
    return {renamed.get(name, name): value for name, value in names.items()}


def _without_char_ngrams(state: dict) -> dict:
    """Format 5: tokens of text estimators share vectors of character n-grams in training."""
    return {**state, "char_ngram_range": None} if "embedding_dim" in state else state


# From a format to the next: functions that take and return the dict of an estimator's attributes.
_MIGRATIONS: dict[int, Callable[[dict], dict]] = {
    1: _without_pretrained_vectors,
    2: _without_bigrams,
    3: _ngrams_for_bigrams,
    4: _without_char_ngrams,
}

_STAMP = "_skrnn"


class PersistentMixin:
    """Stamps the state with its format when it is pickled, and checks both when it is restored."""

    def __getstate__(self):
        return {**super().__getstate__(), _STAMP: {"format": FORMAT, "version": __version__}}

    def __setstate__(self, state):
        state = dict(state)
        name = type(self).__name__
        stamp = state.pop(_STAMP, None)
        if not isinstance(stamp, dict) or not isinstance(stamp.get("format"), int):
            raise ValueError(f"This {name} cannot be restored: its state does not say in which format it is.")
        version = stamp.get("version")
        if not 1 <= stamp["format"] <= FORMAT:
            raise ValueError(
                f"This {name} was saved by skrnn {version}, in format {stamp['format']}; skrnn {__version__} "
                f"reads the formats up to {FORMAT}. Install a version of skrnn that is as new as the file."
            )
        for number in range(stamp["format"], FORMAT):
            state = _MIGRATIONS[number](state)
        self._check_state(state)
        if version != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=name, current_sklearn_version=__version__, original_sklearn_version=version
                ),
                stacklevel=2,
            )
        super().__setstate__(state)

    def __copy__(self):
        # A shallow copy would go through the state and its checks, which are for what comes from elsewhere.
        copied = type(self).__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def _check_state(self, state: dict) -> None:
        """Raise if attributes of a fitted estimator do not fit together."""
