import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.utils.class_weight import compute_sample_weight

from skrnn.estimators._fitted import restore_target
from skrnn.estimators._targets import (
    ClassTarget,
    MultilabelTarget,
    NumericTarget,
    check_labels,
    check_numbers,
    is_multilabel,
)

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
    assert target.loss(SimpleNamespace(label_smoothing=0.0)) == ("categorical_crossentropy", 0.0)


# NumPy removes null characters at the end of strings.
LABEL = st.text(st.characters(exclude_characters="\0"), max_size=3)


@given(st.lists(LABEL, min_size=2, unique=True), st.data())
def test_decoding_the_encoded_labels_returns_them(classes, data):
    target = class_target(classes)
    y = np.array(data.draw(st.lists(st.sampled_from(classes), min_size=1)))
    outputs = np.eye(len(classes))[target.strata(target.encode(y))]
    np.testing.assert_array_equal(target.decode(outputs[:, 1:] if len(classes) == 2 else outputs), y)


def test_balanced_class_weights_ignore_samples_of_weight_0():
    y, weights = np.array([0, 0, 0, 1, 1, 1]), np.array([1, 1, 1, 1, 0, 0])
    target = ClassTarget.fit(y, weights, "balanced", None)
    np.testing.assert_allclose(target.class_weight, [4 / 6, 2])
    np.testing.assert_allclose(target.class_weights(target.encode(y))[[0, 3]], [4 / 6, 2])


def label_target(y, class_weight=None, sample_weight=None):
    y = np.array(y)
    return MultilabelTarget.fit(y, np.ones(len(y)) if sample_weight is None else sample_weight, class_weight, None)


def test_base_rates_are_weighted_shares_of_the_samples():
    encoded = class_target(["a", "b"]).encode(np.array(["a", "b", "b", "b"]))
    np.testing.assert_allclose(class_target(["a", "b"]).base_rates(encoded, None), [0.75])
    np.testing.assert_allclose(class_target(["a", "b"]).base_rates(encoded, np.array([3, 1, 1, 1])), [0.5])
    three = class_target(["a", "b", "c"])
    np.testing.assert_allclose(three.base_rates(three.encode(np.array(["a", "c"])), None), [0.5, 0, 0.5])
    for last_class_is_absent in (class_target(["a", "b"]), three):
        encoded = last_class_is_absent.encode(np.array(["a", "a"]))
        assert last_class_is_absent.base_rates(encoded, None)[-1] == 0
    many = np.ones((200_000, 1), dtype=np.float32)
    weights = np.random.default_rng(0).random(len(many), dtype=np.float32)
    np.testing.assert_allclose(label_target(many.astype(int)).base_rates(many, weights), [1], rtol=1e-12)
    labels = label_target([[1, 0], [1, 1]])
    np.testing.assert_allclose(labels.base_rates(np.array([[1, 0], [1, 1]]), None), [1, 0.5])


def test_resuming_takes_the_new_class_weights():
    y, weights = np.array(["a", "b", "b"]), np.ones(3)
    resumed = class_target(["a", "b"]).resumed(y, weights, SimpleNamespace(class_weight={"a": 3}))
    assert resumed.classes.tolist() == ["a", "b"]
    assert resumed.class_weight.tolist() == [3, 1]
    balanced = resumed.resumed(y[1:], weights[1:], SimpleNamespace(class_weight="balanced"))
    assert balanced.class_weight.tolist() == [1, 1]
    labels = np.eye(2, dtype=int)
    params = SimpleNamespace(class_weight=[{1: 3}, {0: 2}])
    assert label_target(labels).resumed(labels, ONES[:2], params).class_weight.tolist() == [[1, 3], [2, 1]]


LABELS = [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0]]


def test_balanced_weights_of_labels_are_those_of_scikit_learn():
    y = np.array(LABELS)
    target = label_target(y, "balanced")
    assert target.class_weight.tolist() == [[4 / 6, 2], [2, 4 / 6], [1, 1]]
    weights = np.take_along_axis(target.class_weight, y.T, axis=1)
    np.testing.assert_allclose(weights.prod(axis=0), compute_sample_weight("balanced", y))
    target = label_target(y, "balanced", sample_weight=np.array([1, 1, 0, 0]))
    assert target.class_weight.tolist() == [[1, 1], [1, 1], [1, 1]]


def test_weights_of_labels_have_a_mean_of_1():
    y, weights = np.array(LABELS), np.array([2.0, 1, 0.5, 0.5])
    target = label_target(y, [{1: 5}, {0: 2, 1: 0}, {}])
    assert target.loss(SimpleNamespace(label_smoothing=0.1)) == ("weighted_binary_crossentropy", 0.1)
    found = target.label_weights(target.encode(y), weights)
    np.testing.assert_allclose(found / found[2, 0], [[1, 5], [2, 0], [1, 1]], rtol=1e-6)
    elements = weights[:, None] * np.take_along_axis(found, y.T, axis=1).T
    assert elements.mean() == pytest.approx(1)


def test_base_rates_of_labels_are_weighted_with_class_weight():
    y = np.array(LABELS)
    target = label_target(y, [{0: 1, 1: 3}, {0: 0, 1: 1}, {0: 0, 1: 0}])
    np.testing.assert_allclose(target.base_rates(target.encode(y), None), [0.5, 1, 0])


def test_outputs_of_labels_start_at_their_weighted_rates():
    y = np.array(LABELS)
    start = expit(label_target(y).initial_bias(y, None))
    np.testing.assert_allclose(start, [0.25, 0.75, 0.01])  # no sample has the third one
    np.testing.assert_allclose(expit(label_target(y).initial_bias(y, np.array([3, 1, 1, 1]))), [0.5, 0.5, 0.01])
    balanced = label_target(y, "balanced").initial_bias(y, None)
    np.testing.assert_allclose(expit(balanced), [0.5, 0.5, 0.01])
    predicted = np.array([[0.2, 0.4], [0.4, 0.8]])  # for X_unlabeled
    np.testing.assert_allclose(expit(label_target(y[:, :2]).initial_bias(predicted, None)), [0.3, 0.6])
    all_have_it = np.ones((3, 2), dtype=int)
    np.testing.assert_allclose(expit(label_target(all_have_it).initial_bias(all_have_it, None)), [0.99, 0.99])
    classes = class_target(["a", "b", "c"])
    assert classes.initial_bias(classes.encode(np.array(["a", "a", "b"])), None).tolist() == [0, 0, 0]


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_rare_labels_count_as_many_classes(class_weight):
    def effective_n_classes(y, weights=None):
        return label_target(y, class_weight).effective_n_classes(np.array(y), weights)

    assert effective_n_classes(np.eye(20, dtype=int)[:, :2]) == pytest.approx(20)
    assert effective_n_classes([[1, 0], [0, 1], [0, 0], [0, 0]]) == pytest.approx(4)
    assert effective_n_classes([[1, 0], [0, 1], [0, 0], [0, 0]], np.array([3, 3, 1, 1])) == pytest.approx(8 / 3)
    assert effective_n_classes(np.ones((10, 5), dtype=int)) == 5  # never fewer than there are labels
    assert effective_n_classes(np.zeros((10, 3), dtype=int)) == 3
    assert effective_n_classes([[0.2, 0.1], [0.4, 0.1]]) == pytest.approx(5)  # predicted for X_unlabeled
    assert class_target(["a", "b"]).effective_n_classes(np.zeros((10, 1)), None) == 2


@pytest.mark.parametrize("class_weight", [None, [{}, {}, {}], [{0: 5, 1: 5}] * 3], ids=str)
def test_equal_weights_of_labels_are_no_weights(class_weight):
    target = label_target(LABELS, class_weight)
    assert target.loss(SimpleNamespace(label_smoothing=0.1)) == ("binary_crossentropy", 0.1)
    assert target.label_weights(target.encode(np.array(LABELS)), None) is None


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({1: 5}, 'Expected class_weight to be "balanced" or a list of 3 dicts'),
        ([{1: 5}] * 2, 'Expected class_weight to be "balanced" or a list of 3 dicts'),
        ([{1: -5}, {}, {}], "class_weight to be >= 0, and some > 0"),
        ([{0: 0, 1: 0}] * 3, "class_weight to be >= 0, and some > 0"),
        ([{1: np.inf}, {}, {}], "class_weight to be >= 0, and some > 0"),
        ([{"pos": 5}, {}, {}], r"The classes, \[0, 1\], are not in class_weight"),
    ],
    ids=str,
)
def test_wrong_weights_of_labels_are_refused(class_weight, message):
    with pytest.raises(ValueError, match=message):
        label_target(LABELS, class_weight)


@pytest.mark.parametrize("weight", [0, 1e308])
def test_weights_of_labels_without_a_mean_are_refused(weight):
    target = label_target(LABELS, [{0: weight, 1: 1}] * 3)
    with pytest.raises(ValueError, match="class_weight to have a finite mean > 0"):
        target.label_weights(np.zeros((4, 3), dtype=np.float32), np.full(4, 2.0))


def test_list_of_class_weights_is_refused_for_one_label():
    with pytest.raises(ValueError, match="A list as class_weight is for several labels"):
        class_target(["a", "b"], [{"a": 1}])


def test_unseen_labels_are_refused():
    with pytest.raises(ValueError, match=r"previously unseen labels: \['c'\]"):
        class_target(["a", "b"]).encode(np.array(["a", "c"]))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="at least 2 classes"):
        class_target(["a", "a"])


def test_indicator_matrix_has_a_column_for_each_label():
    y = np.array([[0, 1], [1, 1], [1, 1]])
    target = label_target(y)
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
        MultilabelTarget(np.arange(2), np.ones(2)),
        ClassTarget(np.array(["a", "b"]), np.ones((2, 2))),
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
    with pytest.raises(TypeError, match="got a set"):
        check_labels({"a", "b"})


COLUMNS = pd.DataFrame({"a": [0, 1, 1], "b": [1, 0, 1]})


@pytest.mark.parametrize("dtypes", ["boolean", "Int64", "Float64", {"a": bool}, {"a": "boolean", "b": "Int64"}])
def test_columns_of_any_dtype_are_an_indicator_matrix(dtypes):
    y = check_labels(COLUMNS.astype(dtypes))
    assert is_multilabel(y)
    np.testing.assert_array_equal(label_target(y).encode(y), COLUMNS)


def test_columns_with_missing_labels_are_refused():
    with pytest.raises(ValueError, match="y contains NaN"):
        is_multilabel(check_labels(COLUMNS.astype("Int64").replace(0, pd.NA)))


def test_numbers_are_checked():
    assert check_numbers([1, 2]).dtype == np.float64
    with pytest.raises(ValueError, match="dim 3"):
        check_numbers(np.zeros((2, 2, 2)))


def test_missing_dates_are_refused_as_labels():
    with pytest.raises(ValueError, match="Expected a label for every sample; y contains NaT"):
        check_labels(np.array(["2020-01-01", "NaT"], dtype="M8[D]"))
