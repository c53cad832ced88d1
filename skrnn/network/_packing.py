"""Packed sequences: sorted by length, longest first, with the tokens of one time step next to each other.

A sequence that has ended is no longer among the rows of a step. Nothing is computed for padding, and the result
for a sequence does not depend on the other sequences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# Sequences that run side by side: enough rows for fast matrix products, and few enough tokens for the memory.
_CHUNK_ROWS, _CHUNK_TOKENS = 256, 2**18
# A sequence with more tokens than this, and twice as many as the next one, is faster alone.
_LONG_ALONE = 64


def chunks(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows of sequences that run side by side, longest first. Empty sequences are left out."""
    order = np.argsort(-lengths, kind="stable")
    order = order[: np.count_nonzero(lengths)]
    start = 0
    while start < len(order):
        longest, *following = lengths[order[start : start + 2]].tolist()
        n_rows = min(_CHUNK_ROWS, max(1, _CHUNK_TOKENS // longest))
        if following and longest > max(2 * following[0], _LONG_ALONE):
            n_rows = 1
        yield order[start : start + n_rows]
        start += n_rows


@dataclass
class Packing:
    """Where the tokens of packed sequences are.

    Parameters
    ----------
    lengths : ndarray of shape (batch,)
        Lengths of the sequences, in descending order.
    batch_sizes : ndarray of shape (time,)
        ``batch_sizes[t]`` sequences are longer than ``t``.
    offsets : ndarray of shape (time + 1,)
        Step ``t`` is ``slice(offsets[t], offsets[t + 1])``.
    times, rows : ndarray of shape (tokens,)
        The step and the sequence of each packed token.
    """

    lengths: np.ndarray
    batch_sizes: np.ndarray
    offsets: np.ndarray
    times: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, lengths: np.ndarray) -> Packing:
        """Return the packing of sequences with these lengths, in descending order."""
        steps = np.arange(lengths[0])
        if len(lengths) == 1:
            return cls(lengths, np.ones_like(steps), np.arange(lengths[0] + 1), steps, np.zeros_like(steps))
        batch_sizes = len(lengths) - lengths[::-1].searchsorted(steps, side="right")
        offsets = np.zeros(len(steps) + 1, dtype=np.intp)
        batch_sizes.cumsum(out=offsets[1:])
        rows = np.arange(offsets[-1]) - offsets[:-1].repeat(batch_sizes)
        return cls(lengths, batch_sizes, offsets, steps.repeat(batch_sizes), rows)

    def flat_positions(self, starts: np.ndarray) -> np.ndarray:
        """Return the position of each packed token in data where sequence ``i`` begins at ``starts[i]``."""
        return starts[self.rows] + self.times

    def previous(self, values: np.ndarray, first: int) -> np.ndarray:
        """Return the value of the token before each packed token, and ``first`` at the first step."""
        later = slice(self.offsets[1], None)
        before = np.full_like(values, first)
        # The step before has batch_sizes[t - 1] tokens, so the token before is as many positions earlier.
        n_back = self.batch_sizes[self.times[later] - 1]
        before[later] = values[np.arange(self.offsets[1], len(values)) - n_back]
        return before

    def runs(self, max_tokens: int | None = None) -> Iterator[tuple[int, slice]]:
        """Yield consecutive time steps with the same batch size, with at most ``max_tokens`` tokens together.

        Yields
        ------
        batch_size : int
        tokens : slice
            The packed tokens of the steps.
        """
        changes = 1 + np.flatnonzero(self.batch_sizes[1:] != self.batch_sizes[:-1])
        for first, last in pairwise([0, *changes.tolist(), len(self.batch_sizes)]):
            # Python's own integers make slices faster.
            n, start, stop = int(self.batch_sizes[first]), int(self.offsets[first]), int(self.offsets[last])
            n_tokens = stop - start if max_tokens is None else n * max(max_tokens // n, 1)
            for begin in range(start, stop, n_tokens):
                yield n, slice(begin, min(begin + n_tokens, stop))
