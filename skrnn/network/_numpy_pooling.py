"""Pooling in NumPy: packed hidden states to one vector for each sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from skrnn.network._packing import Packing
from skrnn.network._spec import NetworkSpec


@dataclass
class _States:
    """Packed hidden states of the last recurrent layer.

    Parameters
    ----------
    packing : Packing
    values : ndarray of shape (tokens, hidden_dim)
    units : int
        Hidden units in each direction.
    weights : mapping of str to ndarray
        Weights of the network, for poolings that have weights.
    """

    packing: Packing
    values: np.ndarray
    units: int
    weights: Mapping[str, np.ndarray]


def pool(spec: NetworkSpec, weights: Mapping[str, np.ndarray], packing: Packing, states: np.ndarray) -> np.ndarray:
    """Return a vector for each sequence, from its hidden states (tokens, hidden_dim). No sequence is empty."""
    return _POOLINGS[spec.pooling](_States(packing, states, spec.units[-1], weights))


def sqrtn(packing: Packing, vectors: np.ndarray) -> np.ndarray:
    """Return the sum of the vectors of each sequence, divided by the root of their number."""
    return _sum(packing, vectors) / np.sqrt(packing.lengths[:, None].astype(vectors.dtype))


def _last(states: _States) -> np.ndarray:
    """Return the last state of each direction: at the last token forward, and at the first token backward."""
    packing, n_sequences = states.packing, len(states.packing.lengths)
    ends = packing.offsets[packing.lengths - 1] + np.arange(n_sequences)
    pooled = states.values[ends]
    pooled[:, states.units :] = states.values[:n_sequences, states.units :]
    return pooled


def _max(states: _States) -> np.ndarray:
    values, packing = states.values, states.packing
    largest = np.full((len(packing.lengths), values.shape[1]), -np.inf, dtype=values.dtype)
    for n, tokens in packing.runs():
        maxima = values[tokens].reshape(-1, n, values.shape[1]).max(axis=0)
        np.maximum(largest[:n], maxima, out=largest[:n])
    return largest


def _mean(states: _States) -> np.ndarray:
    lengths = states.packing.lengths[:, None].astype(states.values.dtype)
    return _sum(states.packing, states.values) / lengths


def _max_mean(states: _States) -> np.ndarray:
    return np.concatenate([_max(states), _mean(states)], axis=1)


def _attention(states: _States) -> np.ndarray:
    kernel, bias = states.weights["attention/kernel"], states.weights["attention/bias"]
    scores = np.exp(np.tanh(states.values @ kernel + bias))  # (tokens, 1)
    return _sum(states.packing, states.values * scores) / _sum(states.packing, scores)


def _sum(packing: Packing, values: np.ndarray) -> np.ndarray:
    # In float32, the rounding of a long sum would depend on the other sequences, whose ends divide it into parts.
    total = np.zeros((len(packing.lengths), values.shape[1]))
    for n, tokens in packing.runs():
        total[:n] += values[tokens].reshape(-1, n, values.shape[1]).sum(axis=0, dtype=np.float64)
    return total.astype(values.dtype)


_POOLINGS: dict[str, Callable[[_States], np.ndarray]] = {
    "last": _last,
    "max": _max,
    "mean": _mean,
    "max_mean": _max_mean,
    "attention": _attention,
}
