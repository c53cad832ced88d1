"""Pooling in NumPy: packed hidden states to one vector for each sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from skrnn.network._packing import Packing
from skrnn.network._spec import NetworkSpec

Weights = Mapping[str, np.ndarray]


def pool(spec: NetworkSpec, weights: Weights, packing: Packing, states: np.ndarray) -> np.ndarray:
    """Return a vector for each sequence, from its hidden states (tokens, hidden_dim)."""
    return _POOLINGS[spec.pooling](spec, weights, packing, states)


def sqrtn(packing: Packing, vectors: np.ndarray) -> np.ndarray:
    """Return the sum of the vectors of each sequence, divided by the root of their number."""
    return _sum(packing, vectors) / np.sqrt(packing.lengths[:, None].astype(vectors.dtype))


def _last(spec: NetworkSpec, weights: Weights, packing: Packing, states: np.ndarray) -> np.ndarray:
    """The last state of each direction: at the last token forward, and at the first token backward."""
    units, n_sequences = spec.units[-1], len(packing.lengths)
    ends = packing.offsets[packing.lengths - 1] + np.arange(n_sequences)
    pooled = states[ends]
    pooled[:, units:] = states[:n_sequences, units:]
    return pooled


def _max(spec: NetworkSpec, weights: Weights, packing: Packing, states: np.ndarray) -> np.ndarray:
    largest = np.full((len(packing.lengths), states.shape[1]), -np.inf, dtype=states.dtype)
    for n, tokens in packing.runs():
        maxima = states[tokens].reshape(-1, n, states.shape[1]).max(axis=0)
        np.maximum(largest[:n], maxima, out=largest[:n])
    return largest


def _mean(spec: NetworkSpec, weights: Weights, packing: Packing, states: np.ndarray) -> np.ndarray:
    return _sum(packing, states) / packing.lengths[:, None].astype(states.dtype)


def _max_mean(spec: NetworkSpec, weights: Weights, packing: Packing, states: np.ndarray) -> np.ndarray:
    return np.concatenate([f(spec, weights, packing, states) for f in (_max, _mean)], axis=1)


def _attention(spec: NetworkSpec, weights: Weights, packing: Packing, states: np.ndarray) -> np.ndarray:
    scores = np.exp(np.tanh(states @ weights["attention/kernel"] + weights["attention/bias"]))  # (tokens, 1)
    return _sum(packing, states * scores) / _sum(packing, scores)


def _sum(packing: Packing, states: np.ndarray) -> np.ndarray:
    # In single precision, a sum over thousands of steps would depend on where other sequences end.
    total = np.zeros((len(packing.lengths), states.shape[1]))
    for n, tokens in packing.runs():
        total[:n] += states[tokens].reshape(-1, n, states.shape[1]).sum(axis=0, dtype=np.float64)
    return total.astype(states.dtype)


_POOLINGS: dict[str, Callable[[NetworkSpec, Weights, Packing, np.ndarray], np.ndarray]] = {
    "last": _last,
    "max": _max,
    "mean": _mean,
    "max_mean": _max_mean,
    "attention": _attention,
}
