"""Tokens of a document, or groups of them, as players. A coalition is the document without the other tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skrnn.inspection._shapley import Estimate, sampled_shapley_values
from skrnn.sequences._storage import RaggedArray, Sequences, ragged_to_csr

# Tokens of the parts that are predicted together, which limits the memory.
_MAX_TOKENS = 2**21
# A group with a large value is split into at most this number of parts.
_N_PARTS = 8


class Players:
    """Groups of neighbouring tokens.

    Parameters
    ----------
    sequence : csr_matrix or RaggedArray
        A single sequence.
    outputs : callable
        From sequences to outputs, (n_sequences, n_outputs).
    bounds : ndarray of shape (n_groups + 1,)
        Group ``i`` has the tokens ``bounds[i]`` to ``bounds[i + 1] - 1``.
    """

    def __init__(self, sequence: Any, outputs: Callable[[Any], np.ndarray], bounds: np.ndarray) -> None:
        self._sequence, self._outputs, self._bounds = sequence, outputs, bounds
        self.sizes = np.diff(bounds)

    def __len__(self) -> int:
        return len(self.sizes)

    def __call__(self, coalitions: np.ndarray) -> np.ndarray:
        """Return the outputs for the document with the tokens of each coalition only."""
        n_rows = max(_MAX_TOKENS // max(self._bounds[-1], 1), 1)
        chunks = [coalitions[start : start + n_rows] for start in range(0, len(coalitions), n_rows)]
        return np.concatenate([self._outputs(self._parts(chunk)) for chunk in chunks])

    def _parts(self, coalitions: np.ndarray) -> Sequences:
        _, positions = np.nonzero(coalitions.repeat(self.sizes, axis=1))
        lengths, data = coalitions @ self.sizes, self._sequence.data[positions]
        if isinstance(self._sequence, RaggedArray):
            return RaggedArray(data, np.concatenate([[0], np.cumsum(lengths)]))
        return ragged_to_csr(data, lengths)

    def shared_by_tokens(self, estimate: Estimate) -> Estimate:
        """Return the values of the tokens, which have equal shares in the value of their group."""
        shares = self.sizes[:, None]
        return Estimate(
            (estimate.values / shares).repeat(self.sizes, axis=0),
            (estimate.standard_errors / shares).repeat(self.sizes, axis=0),
        )

    def split(self, max_players: int, ends: np.ndarray, rng: np.random.Generator) -> tuple[Players, int]:
        """Split groups, those with the largest values first, until there are twice as many players.

        Returns
        -------
        players : Players
            At most `max_players`.
        n_predictions : int
            The number of predictions that this took.
        """
        values = sampled_shapley_values(self, len(self), ends, 1, 0, rng).values
        order = np.argsort(-np.abs(values).max(axis=1), kind="stable")
        n_more = np.cumsum(np.minimum(self.sizes[order], _N_PARTS) - 1)
        chosen = order[n_more <= min(len(self), max_players - len(self))]
        inner = np.linspace(self._bounds[chosen], self._bounds[chosen + 1], _N_PARTS + 1).astype(np.intp)
        players = Players(self._sequence, self._outputs, np.union1d(self._bounds, inner))
        return players, 2 * (len(self) - 1)


def equal_groups(n_tokens: int, max_groups: int) -> np.ndarray:
    """Return the bounds of groups with about the same number of tokens."""
    return np.linspace(0, n_tokens, min(n_tokens, max_groups) + 1).astype(np.intp)
