from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrnn.inspection._shapley import exact_shapley_values, occlusion, sampled_shapley_values


class RandomGame:
    """A value for each coalition. Large coalitions differ less, as in a document."""

    def __init__(self, n_players, n_outputs=2, seed=0, interactions=0.5):
        rng = np.random.default_rng(seed)
        self.additive = rng.normal(size=(n_players, n_outputs))
        self.table = interactions * rng.normal(size=(2**n_players, n_outputs))
        self.n_evaluated = 0

    def __call__(self, coalitions):
        self.n_evaluated += len(coalitions)
        return coalitions @ self.additive + self.table[coalitions @ (1 << np.arange(coalitions.shape[1]))]

    def ends(self):
        n_players = len(self.additive)
        return self(np.array([[False] * n_players, [True] * n_players]))


def test_exact_values_are_means_over_all_orders():
    game, n_players = RandomGame(5), 5
    expected, orders = np.zeros((n_players, 2)), list(permutations(range(n_players)))
    for order in orders:
        before = np.zeros(n_players, dtype=bool)
        for player in order:
            after = before.copy()
            after[player] = True
            value_before, value_after = game(np.stack([before, after]))
            expected[player] += (value_after - value_before) / len(orders)
            before = after
    estimate = exact_shapley_values(game, n_players)
    np.testing.assert_allclose(estimate.values, expected, atol=1e-12)
    assert np.all(estimate.standard_errors == 0)


@pytest.mark.parametrize("n_players", [2, 3, 6, 10])
def test_sampled_values_are_within_three_standard_errors_of_the_exact_ones(n_players):
    deviations = []
    for seed in range(30):
        game, rng = RandomGame(n_players, seed=seed), np.random.default_rng(seed)
        estimate = sampled_shapley_values(game, n_players, game.ends(), 100, rng)
        differences = np.abs(estimate.values - exact_shapley_values(game, n_players).values)
        deviations.append(np.maximum(differences - 1e-12, 0) <= 3 * estimate.standard_errors)
    assert np.mean(deviations) >= 0.99  # 99.7 % of normal deviations


def test_standard_errors_are_the_spread_of_estimates():
    game, n_players = RandomGame(6), 6

    def estimate(seed):
        rng = np.random.default_rng(seed)
        return sampled_shapley_values(game, n_players, game.ends(), 20, rng)

    estimates = [estimate(seed) for seed in range(300)]
    spread = np.std([found.values for found in estimates], axis=0)
    stated = np.mean([found.standard_errors for found in estimates], axis=0)
    np.testing.assert_allclose(stated, spread, rtol=0.3)  # those of single players are shrunk to the mean
    assert stated.mean() == pytest.approx(spread.mean(), rel=0.05)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 9), st.integers(0, 2**16), st.integers(1, 7))
def test_sampled_values_add_up_to_the_difference_between_all_and_none(n_players, seed, n_pairs):
    game = RandomGame(n_players, seed=seed)
    ends = game.ends()
    rng = np.random.default_rng(seed)
    estimate = sampled_shapley_values(game, n_players, ends, n_pairs, rng)
    np.testing.assert_allclose(estimate.values.sum(axis=0), ends[1] - ends[0], atol=1e-9)


def test_one_pair_is_exact_if_only_pairs_of_players_interact():
    n_players, rng = 7, np.random.default_rng(0)
    pairs = rng.normal(size=(n_players, n_players))

    def game(coalitions):
        return np.einsum("ci,ij,cj->c", coalitions * 1.0, pairs, coalitions * 1.0)[:, None]

    ends = game(np.array([[False] * n_players, [True] * n_players]))
    estimate = sampled_shapley_values(game, n_players, ends, 1, rng)
    np.testing.assert_allclose(estimate.values, exact_shapley_values(game, n_players).values, atol=1e-12)


def test_sampling_keeps_to_its_number_of_pairs():
    game, n_players = RandomGame(8), 8
    ends = game.ends()
    game.n_evaluated = 0
    sampled_shapley_values(game, n_players, ends, 90, np.random.default_rng(0))
    assert game.n_evaluated == 90 * 2 * (n_players - 1)


def test_sampling_stops_when_the_standard_errors_are_small():
    game, n_players = RandomGame(8, interactions=0.1), 8
    ends = game.ends()
    game.n_evaluated = 0
    rng = np.random.default_rng(0)
    estimate = sampled_shapley_values(game, n_players, ends, 10_000, rng, tol=0.05)
    assert np.all(estimate.standard_errors.max(axis=0) <= 0.05 * np.ptp(estimate.values, axis=0))
    assert game.n_evaluated < 2000


def test_a_coalition_of_all_but_one_gives_occlusion():
    game, n_players = RandomGame(4), 4
    full = game.ends()[1]
    estimate = occlusion(game, n_players, full)
    expected = [full - game(np.arange(n_players)[None] != i)[0] for i in range(n_players)]
    np.testing.assert_allclose(estimate.values, expected)
