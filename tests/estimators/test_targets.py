import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn.estimators._fitted import restore_target
from skrnn.estimators._targets import ClassTarget, MultilabelTarget, NumericTarget, check_labels, check_numbers

ONES = np.ones(6)


def class_target(y, class_weight=None, classes=None):
    y = np.array(y)
    return ClassTarget.fit(y, np.ones(len(y)), class_weight, classes)


def test_two_classes_have_one_output():
    target = class_target(["b", "a", "b"])
    assert (target.n_outputs, target.output_activation) == (1, "sigmoid")
    np.testing.assert_array_equal(target.encode(np.array(["a", "b"])), [[0], [1]])
    np.testing.assert_array_equal(target.decode(np.array([[0.2], [0.9]])), ["a", "b"])
    np.testing.assert_allclose(target.probabilities(np.array([[0.2]])), [[0.8, 0.2]])
    assert target.loss(SimpleNamespace(label_smoothing=0.1)) == ("binary_crossentropy", 0.1)


def test_more_classes_have_an_output_each():
    target = class_target([3, 1, 2])
    assert (target.n_outputs, target.output_activation) == (3, "softmax")
    np.testing.assert_array_equal(target.encode(np.array([1, 3])), [0, 2])
    np.testing.assert_array_equal(target.decode(np.array([[0.1, 0.7, 0.2]])), [2])
    np.testing.assert_array_equal(target.indicators(np.array([0, 2])), [[1, 0, 0], [0, 0, 1]])
    assert target.loss(SimpleNamespace(label_smoothing=0.0)) == ("categorical_crossentropy", 0.0)


@given(st.lists(st.text(max_size=3), min_size=2, unique=True), st.data())
def test_decoding_the_encoded_labels_returns_them(classes, data):
    target = class_target(classes)
    y = np.array(data.draw(st.lists(st.sampled_from(classes), min_size=1)))
    outputs = target.indicators(target.encode(y))
    np.testing.assert_array_equal(target.decode(outputs[:, 1:] if len(classes) == 2 else outputs), y)


def test_balanced_class_weights_ignore_samples_of_weight_0():
    y, weights = np.array([0, 0, 0, 1, 1, 1]), np.array([1, 1, 1, 1, 0, 0])
    target = ClassTarget.fit(y, weights, "balanced", None)
    np.testing.assert_allclose(target.class_weight, [4 / 6, 2])
    np.testing.assert_allclose(target.class_weights(target.encode(y))[[0, 3]], [4 / 6, 2])


def test_unseen_labels_are_refused():
    with pytest.raises(ValueError, match=r"previously unseen labels: \['c'\]"):
        class_target(["a", "b"]).encode(np.array(["a", "c"]))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="at least 2 classes"):
        class_target(["a", "a"])


def test_indicator_matrix_has_a_column_for_each_label():
    y = np.array([[0, 1], [1, 1], [1, 1]])
    target = MultilabelTarget.fit(y, None, None)
    assert (target.n_outputs, target.output_activation) == (2, "sigmoid")
    np.testing.assert_array_equal(target.encode(y), y)
    np.testing.assert_array_equal(target.decode(np.array([[0.6, 0.4]])), [[1, 0]])
    np.testing.assert_array_equal(target.strata(target.encode(y)), [-1, 1, 1])


def test_numbers_are_standardized():
    y = np.array([1.0, 3.0, 5.0, 5.0])
    target = NumericTarget.fit(y, np.ones(4))
    encoded = target.encode(y)
    np.testing.assert_allclose(encoded.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(encoded.std(), 1, atol=1e-6)
    np.testing.assert_allclose(target.decode(encoded), y, atol=1e-6)
    assert target.loss(SimpleNamespace(loss="absolute_error")) == ("absolute_error", 0.0)


def test_columns_of_numbers_keep_their_shape():
    y = np.array([[1.0, 10.0], [2.0, 30.0]])
    target = NumericTarget.fit(y, np.ones(2))
    assert target.decode(target.encode(y)).shape == (2, 2)
    with pytest.raises(ValueError, match="2 outputs as in the fit"):
        target.encode(np.array([1.0, 2.0]))


def test_targets_are_pickled():
    for target in (class_target(["a", "b"]), NumericTarget.fit(np.arange(3.0), np.ones(3))):
        assert vars(pickle.loads(pickle.dumps(target))).keys() == vars(target).keys()


@pytest.mark.parametrize(
    "target",
    [
        ClassTarget(np.array(["a", "a"]), np.ones(2)),
        ClassTarget(["a", "b"], np.ones(2)),
        ClassTarget(np.array(["a", "b"]), np.ones(3)),
        MultilabelTarget(np.arange(2), None),
        NumericTarget(np.zeros(2), np.zeros(2), True),
        NumericTarget(np.array([np.nan]), np.ones(1), True),
        NumericTarget(np.zeros(1), None, True),
    ],
)
def test_damaged_targets_are_refused(target):
    with pytest.raises(ValueError, match="Expected"):
        restore_target({"kind": target.kind, **vars(target)})


def test_labels_are_checked():
    np.testing.assert_array_equal(check_labels([["a"], ["b"]]), ["a", "b"])
    with pytest.raises(ValueError, match="MultiLabelBinarizer"):
        check_labels([["a"], ["b", "c"]])
    with pytest.raises(TypeError, match="a set, which has no order"):
        check_labels({"a", "b"})


def test_numbers_are_checked():
    assert check_numbers([1, 2]).dtype == np.float64
    with pytest.raises(ValueError, match="dim 3"):
        check_numbers(np.zeros((2, 2, 2)))
