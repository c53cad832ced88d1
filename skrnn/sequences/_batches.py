"""Where a batch is formed: sequences of similar length together, padded to the longest one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skrnn.sequences._storage import PADDING, Sequences

# _GROUP_BATCHES is the number of batches whose rows are sorted by length together, and _LENGTH_NOISE the relative
# noise on the lengths. More batches and less noise waste less on padding. Fewer batches and more noise make the
# batches of two epochs more different.
_GROUP_BATCHES, _LENGTH_NOISE = 100, 0.03

# A batch of very long sequences has fewer rows, so that it has at most this many time steps, padding included. A
# fit needs memory for all steps of a batch, and a corpus may contain a document as long as a book.
_MAX_BATCH_STEPS = 2**18

# A time step takes about as long as this many rows, besides the time that grows with the rows of its batch.
_ROWS_PER_STEP = 32


def dense_batch(X: Sequences, rows: np.ndarray) -> np.ndarray:
    """Return rows as an array, padded at the end to the longest of them, or to one step if all are empty.

    Returns
    -------
    batch : ndarray of shape (len(rows), longest) or (len(rows), longest, n_features)
        Token ids padded with 0, or vectors padded with NaN.
    """
    starts = X.indptr[rows]
    lengths = X.indptr[rows + 1] - starts
    steps = np.arange(lengths.max(initial=1))
    inside = steps < lengths[:, None]  # (batch, time)
    padding = PADDING if X.data.dtype.kind == "i" else np.nan
    batch = np.full(inside.shape + X.data.shape[1:], padding, dtype=X.data.dtype)
    batch[inside] = X.data[(starts[:, None] + steps)[inside]]
    return batch


def shuffled_batches(lengths: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the rows of each batch of an epoch: rows of similar length together, batches in random order.

    The rows are shuffled, cut into groups, roughly sorted by length within each group and cut into batches. All
    epochs have the same number of batches.
    """
    rows, batches = _split_off_very_long(lengths, batch_size)
    for group in _cut(rng.permutation(rows), batch_size * _GROUP_BATCHES):
        rough = lengths[group] * rng.uniform(1 - _LENGTH_NOISE, 1 + _LENGTH_NOISE, size=len(group))
        batches.extend(_cut(group[np.argsort(rough)], batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def sorted_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Return the rows of each batch for evaluation, in the order of the lengths."""
    rows, very_long = _split_off_very_long(lengths, batch_size)
    return [*_cut(rows, batch_size), *very_long]


def share_of_longest(lengths: np.ndarray, batch_size: int) -> tuple[float, int, int]:
    """Estimate how much of the training time the longest sequences take: the longest 1 % or 5 %.

    Returns
    -------
    share : float
        Part of the time that would be saved if they were cut to the length of the others.
    n_steps : int
        Number of time steps of an epoch that would be saved. Those of one batch are computed at once.
    limit : int
        Largest length of the others.
    """
    steps, cost = _cost(lengths, batch_size)
    candidates = []
    for limit in np.quantile(lengths, [0.99, 0.95], method="lower").tolist():
        steps_cut, cost_cut = _cost(np.minimum(lengths, limit), batch_size)
        candidates.append(((cost - cost_cut) / max(cost, 1), steps - steps_cut, int(limit)))
    return max(candidates)


def _cost(lengths: np.ndarray, batch_size: int) -> tuple[int, int]:
    """Return the number of time steps of an epoch, and an estimate of its time in steps of a single row."""
    batches = sorted_batches(lengths, batch_size)
    longest = np.array([lengths[batch].max() for batch in batches], dtype=np.int64)
    n_rows = np.array([len(batch) for batch in batches])
    return int(longest.sum()), int((longest * (n_rows + _ROWS_PER_STEP)).sum())


def _split_off_very_long(lengths: np.ndarray, batch_size: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the rows in the order of their lengths, and smaller batches of the rows that are too long.

    The rows of a smaller batch are at least half as long as its longest row, so that little of it is padding.
    """
    rows = np.argsort(lengths, kind="stable")
    batches: list[np.ndarray] = []
    while len(rows) and (longest := int(lengths[rows[-1]])) * batch_size > _MAX_BATCH_STEPS:
        n_similar = len(rows) - int(np.searchsorted(lengths[rows], longest / 2))
        n = min(max(_MAX_BATCH_STEPS // longest, 1), n_similar)
        batches.append(rows[-n:])
        rows = rows[:-n]
    return rows, batches[::-1]


def _cut(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
