"""Remove tokens, n-grams and character n-grams from a network, the least important first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from skrnn.network._spec import NetworkSpec
from skrnn.network._weights import CHAR_NGRAMS, LINEAR, bytes_of_row, rows_of_tables, table
from skrnn.sequences._ngrams import NO_NGRAM, ngram_table, slot_of
from skrnn.sequences._storage import UNKNOWN

Weights = Mapping[str, np.ndarray]

# Tables of tokens, each with the table of the n-grams whose rows are added to its rows.
_PAIRS = (("embedding", "ngram_embedding"), (f"{LINEAR}tokens", f"{LINEAR}ngrams"))

# Only unknown words consist of character n-grams. They are about this share of the words.
_SHARE_UNKNOWN = 0.1


def importance(
    spec: NetworkSpec, weights: Weights, bytes_of_tokens: np.ndarray, bytes_of_char_ngrams: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how much each token and each n-gram contributes to predictions, for each byte of a file.

    A contribution is the frequency times the change of the logits, through the skip connection and the linear
    model, if a token becomes the unknown token, or if an n-gram is missing. Without a skip connection, the length
    of the vectors stands for the change. Ids and rows are in the order of frequency. The frequency is about
    proportional to the inverse of the rank (Zipf's law).

    Parameters
    ----------
    spec : NetworkSpec
    weights : mapping of str to ndarray
        They can be compact.
    bytes_of_tokens : ndarray of shape (n_tokens,)
        The bytes of each token without its rows.
    bytes_of_char_ngrams : ndarray of shape (n_char_ngrams,)
        The bytes of each character n-gram without its row.

    Returns
    -------
    of_tokens : ndarray of shape (n_tokens,)
    of_ngrams : ndarray of shape (n_ngrams,)
        The first row is for all n-grams without a vector.
    of_char_ngrams : ndarray of shape (n_char_ngrams,)
    """
    keys, slots = (weights.get(name, np.empty((0, 2), dtype=np.int32)) for name in ("ngram_keys", "ngram_slots"))
    of_tokens, bytes_of_tokens = np.zeros(len(bytes_of_tokens)), bytes_of_tokens.astype(float)
    of_ngrams, bytes_of_ngrams = np.zeros(len(keys)), float(keys.itemsize * 2)
    for tokens, ngrams in _PAIRS:
        if tokens not in weights:
            continue
        rows = _contributions(spec, weights, tokens)
        lengths = np.linalg.norm(rows - rows[UNKNOWN], axis=1)
        unit = lengths.mean() or 1.0  # makes the two pairs comparable
        of_tokens[: len(lengths)] += lengths / unit
        bytes_of_tokens[: len(lengths)] += bytes_of_row(weights, tokens)
        if len(keys):
            of_ngrams += np.linalg.norm(_contributions(spec, weights, ngrams), axis=1) / unit
            bytes_of_ngrams += bytes_of_row(weights, ngrams)
    if len(keys):
        is_found = slots[slot_of(keys[:, 0], keys[:, 1], len(slots))] == np.arange(len(keys))
        of_ngrams[~is_found] = 0  # another n-gram has the slot
    of_char_ngrams = np.zeros(len(bytes_of_char_ngrams))
    if CHAR_NGRAMS in weights:  # then the last unit is the one of the linear model
        of_char_ngrams = _SHARE_UNKNOWN * np.linalg.norm(table(weights, CHAR_NGRAMS)[:], axis=1) / unit
        bytes_of_char_ngrams = bytes_of_char_ngrams + bytes_of_row(weights, CHAR_NGRAMS)
    ranks_of_tokens = np.maximum(np.arange(len(of_tokens)) - UNKNOWN, 1)
    ranks_of_ngrams = np.maximum(np.arange(len(keys)), 1)
    ranks_of_char_ngrams = np.arange(len(of_char_ngrams)) + 1
    return (
        of_tokens / ranks_of_tokens / bytes_of_tokens,
        of_ngrams / ranks_of_ngrams / bytes_of_ngrams,
        of_char_ngrams / ranks_of_char_ngrams / bytes_of_char_ngrams,
    )


def _contributions(spec: NetworkSpec, weights: Weights, name: str) -> np.ndarray:
    """Return what the rows of a table add to the logits of a document, or the rows if that is not known."""
    rows = table(weights, name)[:]
    if name.startswith(LINEAR) or not spec.skip_connection:
        return rows
    return rows @ weights["output/kernel"][-spec.n_features :].astype(np.float32)


def pruned(
    spec: NetworkSpec,
    weights: Weights,
    keeps_token: np.ndarray,
    keeps_ngram: np.ndarray,
    keeps_char_ngram: np.ndarray,
) -> tuple[NetworkSpec, dict[str, np.ndarray]]:
    """Return the specification and the weights of a network without some tokens and n-grams.

    The others keep their order. N-grams that contain a removed token, or begin with a removed n-gram, are removed
    too.

    Parameters
    ----------
    spec : NetworkSpec
    weights : mapping of str to ndarray
        They can be compact.
    keeps_token : ndarray of bool, of shape (n_tokens,)
        Which token ids to keep, among them padding and the unknown token.
    keeps_ngram : ndarray of bool, of shape (n_ngrams,)
        Which rows of n-grams to keep.
    keeps_char_ngram : ndarray of bool, of shape (n_char_ngrams,)
        Which character n-grams of the linear model to keep.
    """
    kept_tokens, kept_vectors = np.flatnonzero(keeps_token), np.flatnonzero(keeps_token[: spec.n_tokens])
    kept_char_ngrams = np.flatnonzero(keeps_char_ngram[: spec.n_linear_char_ngrams])
    rows = {"embedding": kept_vectors, f"{LINEAR}tokens": kept_tokens, CHAR_NGRAMS: kept_char_ngrams}
    spec = replace(
        spec,
        n_tokens=len(kept_vectors),
        n_linear_tokens=len(kept_tokens) if spec.n_linear_tokens else 0,
        n_linear_char_ngrams=len(kept_char_ngrams),
    )
    hash_table = {}
    if spec.n_ngrams:
        kept_ngrams, keys = _kept_ngrams(weights["ngram_keys"], keeps_token, keeps_ngram)
        rows["ngram_embedding"] = rows[f"{LINEAR}ngrams"] = kept_ngrams
        hash_table["ngram_keys"], hash_table["ngram_slots"] = ngram_table(keys, len(kept_ngrams))
        spec = replace(spec, n_ngrams=len(kept_ngrams))
    kept = rows_of_tables({**weights, **hash_table}, rows)
    return spec, {name: weight for name, weight in kept.items() if len(weight)}  # perhaps no character n-grams


def _kept_ngrams(
    keys: np.ndarray, keeps_token: np.ndarray, keeps_ngram: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of n-grams that are kept, and their new keys. Row 0 is kept and has no key."""
    prefixes, lasts = keys.T
    is_longer = prefixes < 0  # the prefix is an n-gram
    tokens_before, ngrams_before = np.where(is_longer, UNKNOWN, prefixes), np.where(is_longer, ~prefixes, NO_NGRAM)
    keeps = keeps_ngram & keeps_token[lasts] & keeps_token[tokens_before]
    keeps[NO_NGRAM] = True
    while not np.array_equal(keeps, fewer := keeps & keeps[ngrams_before]):
        keeps = fewer  # an n-gram that goes takes the longer ones with it
    new_ids, new_rows = np.cumsum(keeps_token) - 1, np.cumsum(keeps) - 1
    new_prefixes = np.where(is_longer, ~new_rows[ngrams_before], new_ids[tokens_before])
    kept = np.flatnonzero(keeps)
    return kept, np.stack([new_prefixes, new_ids[lasts]], axis=1)[kept[1:]].astype(np.int32)
