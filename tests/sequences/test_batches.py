import numpy as np
import pytest
from conftest import ragged_ids, ragged_vectors, rows_among, to_csr
from hypothesis import given, settings
from hypothesis import strategies as st

from skrnn.sequences._batches import dense_batch, share_of_longest, shuffled_batches, sorted_batches
from skrnn.sequences._storage import RaggedArray


@settings(deadline=None)
@given(ragged_ids, st.data())
def test_longest_row_sets_the_width_of_a_batch(rows, data):
    X = to_csr(rows)
    chosen = data.draw(rows_among(rows))
    batch = dense_batch(X, chosen)
    width = max([1, *(len(rows[row]) for row in chosen)])
    expected = np.zeros((len(chosen), max(width, X.shape[1])), dtype=np.int32)
    expected[:, : X.shape[1]] = X.toarray()[chosen]
    assert batch.dtype == np.int32
    np.testing.assert_array_equal(batch, expected[:, :width])


def test_batch_of_empty_documents_has_one_column():
    assert dense_batch(to_csr([[2, 3, 4], [], [5, 1]]), np.array([1, 1])).tolist() == [[0], [0]]


@settings(deadline=None)
@given(ragged_vectors, st.data())
def test_batches_of_vectors_are_padded_with_nan(sequences, data):
    chosen = data.draw(rows_among(sequences))
    batch = dense_batch(RaggedArray.of(sequences), chosen)
    width = max([1, *(len(sequences[row]) for row in chosen)])
    expected = np.full((len(chosen), width, sequences[0].shape[1]), np.nan)
    for padded, row in zip(expected, chosen, strict=True):
        padded[: len(sequences[row])] = sequences[row]
    assert batch.dtype == sequences[0].dtype
    np.testing.assert_array_equal(batch, expected)


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=300), st.integers(1, 40), st.integers(0, 5))
def test_each_row_is_in_one_batch(lengths, batch_size, seed):
    lengths = np.array(lengths)
    shuffled = shuffled_batches(lengths, batch_size, np.random.default_rng(seed))
    for batches in (shuffled, sorted_batches(lengths, batch_size)):
        assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
        assert all(1 <= len(batch) <= batch_size for batch in batches)
        assert sum(len(batch) < batch_size for batch in batches) <= 1


def padding(lengths, batches):
    return sum(int((lengths[batch].max() - lengths[batch]).sum()) for batch in batches)


@pytest.fixture
def lengths():
    return np.random.default_rng(0).geometric(0.02, size=8000)


def test_shuffled_batches_depend_on_the_seed_alone(lengths):
    first, again, other = (shuffled_batches(lengths, 16, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in again]
    assert {frozenset(batch) for batch in first}.isdisjoint(map(frozenset, other))


def test_shuffled_batches_come_in_random_order(lengths):
    batches = shuffled_batches(lengths[:800], 16, np.random.default_rng(0))
    means = [lengths[batch].mean() for batch in batches]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.4


def test_shuffled_batches_waste_little_on_padding(lengths):
    unsorted = np.split(np.random.default_rng(0).permutation(len(lengths)), len(lengths) // 16)
    shuffled = padding(lengths, shuffled_batches(lengths, 16, np.random.default_rng(0)))
    best = padding(lengths, sorted_batches(lengths, 16))
    assert best < shuffled < 0.1 * padding(lengths, unsorted)


def test_sorted_batches_sort_stably_by_length():
    batches = sorted_batches(np.array([3, 1, 2, 1, 0]), 2)
    assert [batch.tolist() for batch in batches] == [[4, 1], [3, 2], [0]]


@pytest.mark.parametrize("lengths", [[10] * 64 + [5_000] * 60 + [1_000_000] * 2, [300_000], [1] * 63 + [5_000]])
def test_batches_of_very_long_sequences_are_smaller(lengths):
    lengths = np.array(lengths)
    for batches in (sorted_batches(lengths, 64), shuffled_batches(lengths, 64, np.random.default_rng(0))):
        assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
        for batch in batches:
            assert len(batch) == 1 or len(batch) * lengths[batch].max() <= 2**18


def test_all_epochs_have_the_same_number_of_batches():
    rng = np.random.default_rng(0)
    lengths = rng.geometric(0.02, size=3000)
    lengths[rng.choice(3000, size=50)] = rng.integers(10_000, 200_000, size=50)
    counts = {len(shuffled_batches(lengths, 8, np.random.default_rng(seed))) for seed in range(8)}
    assert counts == {len(sorted_batches(lengths, 8))}


def test_short_sequences_are_not_padded_to_a_very_long_one():
    lengths = np.array([20] * 300 + [10_000, 100_000])
    for batches in (sorted_batches(lengths, 64), shuffled_batches(lengths, 64, np.random.default_rng(0))):
        assert padding(lengths, batches) == 0


def test_estimate_finds_few_long_sequences():
    skewed = np.random.default_rng(0).lognormal(4, 1, size=10_000).astype(int)
    share, _, limit = share_of_longest(skewed, 64)
    assert share < 0.2
    assert 0.94 < np.mean(skewed <= limit) < 1
    share, n_steps, limit = share_of_longest(np.array([20] * 299 + [100_000]), 64)
    assert share > 0.95
    assert (n_steps, limit) == (100_000, 20)
    share, _, limit = share_of_longest(np.array([20] * 98 + [30_000] * 2), 64)
    assert share > 0.95
    assert limit == 20
    assert share_of_longest(np.zeros(3, dtype=int), 64) == (0, 0, 0)
