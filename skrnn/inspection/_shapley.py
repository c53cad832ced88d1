"""Shapley values and occlusion of any function of sets: what each of n players adds to its value.

Coalitions are rows of a boolean array of shape (n_coalitions, n_players).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, comb

import numpy as np

# From coalitions to their values, (n_coalitions, n_outputs).
SetFunction = Callable[[np.ndarray], np.ndarray]

# The standard errors of fewer pairs of permutations are too uncertain to stop.
_MIN_PAIRS = 10
# The variance of a player from few pairs is uncertain. The mean over all players counts as this number of pairs.
_PRIOR_PAIRS = 4
# Coalitions that are evaluated together, which limits the memory.
_BATCH = 4096


@dataclass(frozen=True, eq=False)
class Estimate:
    """Values of the players and their standard errors, both of shape (n_players, n_outputs)."""

    values: np.ndarray
    standard_errors: np.ndarray


def exact_shapley_values(value: SetFunction, n_players: int) -> Estimate:
    """Return the Shapley values from the values of all coalitions."""
    numbers = np.arange(2**n_players)
    coalitions = numbers[:, None] >> np.arange(n_players) & 1 == 1
    of_coalition, sizes = value(coalitions), coalitions.sum(axis=1)
    weights = np.array([1 / (n_players * comb(n_players - 1, size)) for size in range(n_players)])
    values = np.empty((n_players, of_coalition.shape[1]))
    for i in range(n_players):
        without = numbers[~coalitions[:, i]]
        values[i] = weights[sizes[without]] @ (of_coalition[without | 1 << i] - of_coalition[without])
    return Estimate(values, np.zeros_like(values))


def sampled_shapley_values(
    value: SetFunction,
    n_players: int,
    ends: np.ndarray,
    n_pairs: int,
    rng: np.random.Generator,
    *,
    tol: float = 0.0,
    watched: slice = slice(None),
) -> Estimate:
    """Estimate the Shapley values from pairs of a random permutation and its reverse.

    Parameters
    ----------
    value : callable
    n_players : int
        At least 2.
    ends : ndarray of shape (2, n_outputs)
        The values of the coalition without players, and of the one with all.
    n_pairs : int
        Largest number of pairs.
    rng : numpy.random.Generator
    tol : float
        Stop when no standard error of an output is above this share of the range of its values.
    watched : slice
        The outputs that `tol` is for.
    """
    n_together = max(_BATCH // (2 * (n_players - 1)), 1)
    n_new = n_pairs if tol == 0 else _MIN_PAIRS
    differences = np.empty((0, n_players, ends.shape[1]))
    while True:
        n_new = min(n_new, n_pairs - len(differences), n_together)
        differences = np.concatenate([differences, _differences(value, n_players, ends, n_new, rng)])
        estimate = _estimate(differences)
        n_done, excess = len(differences), _excess(estimate, tol, watched)
        if n_done == n_pairs or (n_done >= _MIN_PAIRS and excess <= 1):
            return estimate
        # The square of a standard error is inversely proportional to the number of pairs.
        n_new = max(ceil(min(n_done * excess**2, n_pairs)), _MIN_PAIRS) - n_done


def _excess(estimate: Estimate, tol: float, watched: slice) -> float:
    """Return the largest standard error as a multiple of the largest that the tolerance allows."""
    errors = estimate.standard_errors[:, watched].max(axis=0)
    allowed = tol * np.ptp(estimate.values[:, watched], axis=0)
    multiples = np.full_like(errors, np.inf)
    np.divide(errors, allowed, out=multiples, where=allowed > 0)
    return float(np.where(errors > 0, multiples, 0).max())


def _differences(
    value: SetFunction, n_players: int, ends: np.ndarray, n_pairs: int, rng: np.random.Generator
) -> np.ndarray:
    """Return what each player adds in random pairs of permutations: (n_pairs, n_players, n_outputs)."""
    orders = rng.permuted(np.tile(np.arange(n_players), (n_pairs, 1)), axis=1)
    ranks = orders.argsort(axis=1)
    first = ranks[:, None, :] < np.arange(1, n_players)[:, None]  # the first 1, 2, ... players of each order
    coalitions = np.concatenate([first, ~first]).reshape(-1, n_players)
    inner = value(coalitions).reshape(2, n_pairs, n_players - 1, -1)
    empty, full = (np.broadcast_to(end, (n_pairs, 1, len(end))) for end in ends)
    joining = np.diff(np.concatenate([empty, inner[0], full], axis=1), axis=1)
    leaving = -np.diff(np.concatenate([full, inner[1], empty], axis=1), axis=1)
    return np.take_along_axis((joining + leaving) / 2, ranks[:, :, None], axis=1)


def _estimate(differences: np.ndarray) -> Estimate:
    """Return the means, and their standard errors with variances that are shrunk to the mean variance [1]_.

    References
    ----------
    .. [1] Smyth (2004). Linear Models and Empirical Bayes Methods for Assessing Differential Expression in
       Microarray Experiments. Statistical Applications in Genetics and Molecular Biology 3.
    """
    n_pairs = len(differences)
    if n_pairs == 1:
        return Estimate(differences[0], np.full(differences.shape[1:], np.inf))
    variances = differences.var(axis=0, ddof=1)
    shrunk = (n_pairs - 1) * variances + _PRIOR_PAIRS * variances.mean(axis=0)
    errors = np.sqrt(shrunk / (n_pairs - 1 + _PRIOR_PAIRS) / n_pairs)
    return Estimate(differences.mean(axis=0), errors)


def occlusion(value: SetFunction, n_players: int, full: np.ndarray) -> Estimate:
    """Return how much the value falls without each player."""
    values = full - value(~np.eye(n_players, dtype=bool))
    return Estimate(values, np.zeros_like(values))
