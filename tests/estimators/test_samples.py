import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn.estimators._samples import Samples, stratified_rows
from skrnn.estimators._targets import ClassTarget


def test_split_is_stratified():
    strata = np.repeat([0, 1, 2, 3], [500, 300, 199, 1])
    rows = stratified_rows(strata, 100, np.random.default_rng(0))
    assert len(set(rows)) == 100
    np.testing.assert_allclose(np.bincount(strata[rows], minlength=4), [50, 30, 20, 0], atol=1)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200), st.floats(0.01, 0.5))
def test_every_stratum_keeps_a_sample(strata, fraction):
    strata = np.array(strata)
    rows = stratified_rows(strata, round(fraction * len(strata)), np.random.default_rng(0))
    assert set(np.delete(strata, rows)) == set(strata)


def samples(weights, class_weight=(1.0, 1.0)):
    y = np.array(["a", "b"])[np.arange(len(weights)) % 2]
    target = ClassTarget(np.array(["a", "b"]), np.array(class_weight))
    return Samples.of([f"document {i}" for i in range(len(weights))], y, np.array(weights, dtype=float), target)


def test_samples_of_weight_0_are_left_out():
    assert samples([1, 0, 2, 0]).X == ["document 0", "document 2"]
    assert samples([1, 1, 1, 1], class_weight=(0, 1)).X == ["document 1", "document 3"]
    with pytest.raises(ValueError, match="all weights are zero"):
        samples([1, 0], class_weight=(0, 1))


def test_loss_weights_have_mean_1():
    assert samples([3, 3, 3]).loss_weights() is None
    np.testing.assert_allclose(samples([1, 2], class_weight=(1, 4)).loss_weights(), [2 / 9, 16 / 9])


def test_split_without_validation_samples_is_refused():
    with pytest.raises(ValueError, match="gives no validation samples"):
        samples([1, 1, 1]).split(np.arange(3), 0.5, np.random.default_rng(0))
