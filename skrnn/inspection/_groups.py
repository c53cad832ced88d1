"""Groups of neighbouring tokens, which are left out of a document together. A group can be a single token."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log, log2
from typing import Any

import numpy as np

from skrnn.inspection._shapley import Estimate
from skrnn.sequences._storage import RaggedArray, Sequences, ragged_to_csr

Outputs = Callable[[Any], np.ndarray]  # from sequences to outputs, (n_sequences, n_outputs)

# Tokens that are predicted together, which limits the memory.
_MAX_TOKENS = 2**21
# A group with a large value is split into at most this number of groups.
_N_PARTS = 8
_FEWEST_GROUPS = 8


class TokenGroups:
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

    def __init__(self, sequence: Any, outputs: Outputs, bounds: np.ndarray) -> None:
        self._sequence, self._outputs, self._bounds = sequence, outputs, bounds
        self.sizes = np.diff(bounds)

    @classmethod
    def equal(cls, sequence: Any, outputs: Outputs, n_groups: int) -> TokenGroups:
        """Return groups with about the same number of tokens."""
        return cls(sequence, outputs, np.linspace(0, len(sequence.data), n_groups + 1).astype(np.intp))

    def __len__(self) -> int:
        return len(self.sizes)

    def __call__(self, stays: np.ndarray) -> np.ndarray:
        """Return the outputs for parts of the document.

        Parameters
        ----------
        stays : ndarray of bool, of shape (n_parts, n_groups)
            The groups that each part has.

        Returns
        -------
        outputs : ndarray of shape (n_parts, n_outputs)
        """
        n_rows = max(_MAX_TOKENS // max(self._bounds[-1], 1), 1)
        chunks = [stays[start : start + n_rows] for start in range(0, len(stays), n_rows)]
        return np.concatenate([self._outputs(self._parts(chunk)) for chunk in chunks])

    def _parts(self, stays: np.ndarray) -> Sequences:
        _, positions = np.nonzero(stays.repeat(self.sizes, axis=1))
        lengths, data = stays @ self.sizes, self._sequence.data[positions]
        if isinstance(self._sequence, RaggedArray):
            return RaggedArray(data, np.concatenate([[0], np.cumsum(lengths)]))
        return ragged_to_csr(data, lengths)

    def of_tokens(self) -> np.ndarray:
        """Return the group of each token: (n_tokens,)."""
        return np.arange(len(self)).repeat(self.sizes)

    def shared_by_tokens(self, estimate: Estimate) -> Estimate:
        """Return the values of the tokens, which have equal shares in the value of their group."""
        shares = self.sizes[:, None]
        return Estimate(
            (estimate.values / shares).repeat(self.sizes, axis=0),
            (estimate.standard_errors / shares).repeat(self.sizes, axis=0),
        )

    def _split(self, values: np.ndarray, max_groups: int) -> TokenGroups:
        """Split groups, those with the largest values first, until there are twice as many or `max_groups`."""
        order = np.argsort(-np.abs(values).max(axis=1), kind="stable")
        n_more = np.cumsum(np.minimum(self.sizes[order], _N_PARTS) - 1)
        chosen = order[n_more <= min(len(self), max_groups - len(self))]
        inner = np.linspace(self._bounds[chosen], self._bounds[chosen + 1], _N_PARTS + 1).astype(np.intp)
        return TokenGroups(self._sequence, self._outputs, np.union1d(self._bounds, inner))


def group_tokens(
    sequence: Any, outputs: Outputs, max_groups: int, explain: Callable[[TokenGroups], Estimate]
) -> TokenGroups:
    """Return a group for each token, or at most `max_groups`, which are smaller where the values are large.

    ``explain`` returns the values of groups. It is called for groups whose numbers add up to less than
    `max_groups`, because each call doubles them.
    """
    n_tokens = len(sequence.data)
    if n_tokens <= max_groups:
        return TokenGroups.equal(sequence, outputs, n_tokens)
    n_splits = min(max(ceil(log(n_tokens / max_groups, 4)), 1), int(log2(max_groups / _FEWEST_GROUPS)))
    groups = TokenGroups.equal(sequence, outputs, max_groups >> n_splits)
    for _ in range(n_splits):
        groups = groups._split(explain(groups).values, max_groups)
    return groups
