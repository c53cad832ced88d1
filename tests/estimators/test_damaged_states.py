"""A damaged state is refused, or the estimator works: each entry of a state is replaced by many other values."""

import copy
from contextlib import suppress

import numpy as np
import pytest
from conftest import QUICK, SMALL_NUMERIC, make_reviews, make_trends, outputs
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skrnn import RNNSequenceRegressor, RNNTextClassifier, SequenceVectorizer, compress


class Subclass(np.ndarray):
    """An array of another type."""


class Text(str):
    """A str of another type."""

    __slots__ = ()


WRONG = [
    None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1.5, np.nan, np.inf, 10**30, 1e300, 10**400, 1j,
    "", "a", "word", "chaR", b"a", [], [1], ["a"], [None], [[]], (), (1,),
    (2, 1), (3, 10**30), {}, {"a": 1}, {1: 2}, set(),
    {"a": [0.5]}, {"a": "b"}, range(3), slice(3), object(), Exception, int, len, str.upper, np.add, np.float32,
    np.float32(1), np.str_("a"), np.array(1.0), np.zeros(3), np.zeros(0), np.zeros((2, 2)), np.array(["a", "b"]),
    np.array(["a", 1], dtype=object), np.array([None]), np.ma.masked_array([1.0, 2.0], mask=[False, True]),
    np.array([1.0, np.nan]), np.array(["2020-01-01", "NaT"], dtype="M8[D]"), np.ones(2, dtype=[("x", "f4")]),
    np.zeros(2).view(Subclass), SequenceVectorizer(), RNNTextClassifier(), Text("lstm"),
]  # fmt: skip


def damaged_arrays(array):
    """Return other arrays of about the same values."""
    yield from (array.view(Subclass), np.ma.masked_array(array), array.astype(object), array.tolist())
    array = np.atleast_1d(array)
    yield from (array[:-1], np.concatenate([array, array]), array[None], array[::-1], array.astype("U9"))
    if array.dtype.kind in "iuf":
        yield from (array.astype(np.float64), array.astype(np.int64), array + 1j, -array - 1, array * 0)
        yield from (array.astype(np.float16), array.astype(array.dtype.newbyteorder()))
    if array.dtype.kind == "f":
        yield from (np.full_like(array, value) for value in (np.nan, np.inf, -np.inf, 3e38, -3e38))


def walk(state, path=()):
    """Yield the path and the value of each entry, and of the entries inside of it."""
    for key, value in state.items():
        yield (*path, key), value
        if isinstance(value, dict):
            yield from walk(value, (*path, key))
        if isinstance(value, list) and path:
            yield from walk(dict(enumerate(value)), (*path, key))


def replace(other):
    return lambda entries, key: entries.__setitem__(key, other)


def delete(entries, key):
    del entries[key]


def rename(entries, key):
    entries[f"{key}_" if isinstance(entries, dict) else slice(0, 0)] = entries.pop(key), 0


def changed(state, path, change):
    """Return a state with another entry. The states share their other entries."""
    state, (key, *rest) = copy.copy(state), path
    if rest:
        state[key] = changed(state[key], rest, change)
    else:
        change(state, key)
    return state


def restore(kind, state):
    restored = kind.__new__(kind)
    restored.__setstate__(state)
    return restored


def check(restored, documents):
    """Raise AssertionError unless the estimator works, and what it says has the right types."""
    if isinstance(restored, SequenceVectorizer):
        ids = restored.transform(documents)
        assert ids.dtype == np.int32
        assert ids.data.max(initial=0) < len(restored.vocabulary_) + 2
        assert restored.vocabulary_
        return
    if isinstance(restored, RNNTextClassifier):
        probabilities = restored.predict_proba(documents)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        assert probabilities.shape == (len(documents), len(restored.classes_))
        assert set(restored.predict(documents)) <= set(restored.classes_.tolist())
    else:
        assert np.all(np.isfinite(restored.predict(documents)))
    assert all(type(value) is float for values in restored.history_.values() for value in values)
    assert all(type(score) is float for score in restored.validation_scores_ or ())
    assert type(restored.n_iter_) is type(restored.best_epoch_) is int
    assert 0 <= restored.best_epoch_ <= restored.n_iter_
    clone(restored)
    repr(restored)


@pytest.fixture(scope="module")
def text():
    documents, y = make_reviews()
    options = {**QUICK, "epochs": 1, "warm_start": True, "early_stopping": True}
    classifier = RNNTextClassifier(SequenceVectorizer(max_length=9), **options).fit(documents, y)
    return classifier, documents[:3]


@pytest.fixture(scope="module")
def vectorizer(text):
    return text[0].vectorizer_, text[1]


@pytest.fixture(scope="module")
def numeric():
    X, y = make_trends()
    options = {**SMALL_NUMERIC, "cell": "simple", "bidirectional": False, "epochs": 1}
    return RNNSequenceRegressor(**options).fit(X, np.stack([y, 2 * y], axis=1)), X[:3]


# Errors of functions and of collections that a user passes, and of weights or scales that overflow
ERRORS_IN_USE = "analyzer", "preprocessor", "tokenizer", "strip_accents", "stop_words", "build_model", "weights"


def count_outcomes(estimator, documents, is_changed):
    """Return how many changes of a state are refused, and with how many the estimator works."""
    state = estimator.__getstate__()
    expected = None if isinstance(estimator, SequenceVectorizer) else outputs(estimator, documents)
    n_refused = n_working = 0
    for path, value in walk(state):
        if not is_changed(path):
            continue
        others = [*WRONG, *(damaged_arrays(value) if isinstance(value, np.ndarray) else ())]
        for change in [delete, rename, *map(replace, others)]:
            try:
                restored = restore(type(estimator), changed(state, path, change))
            except ValueError as error:
                assert "restored" in str(error) or path == ("_skrnn", "format")  # noqa: PT017
                n_refused += 1
                continue
            may_fail = set(path) & set(ERRORS_IN_USE)
            with suppress(NotFittedError, *[Exception] * bool(may_fail)):
                check(restored, documents)
                if expected is not None and path[0] != "_fitted":
                    np.testing.assert_array_equal(outputs(restored, documents), expected)
                n_working += 1
    return n_refused, n_working


@pytest.mark.parametrize("name", ["text", "numeric", "vectorizer"])
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_state_is_refused_or_works(name, request):
    n_refused, n_working = count_outcomes(*request.getfixturevalue(name), lambda _path: True)
    assert n_refused > 5 * n_working > 500


@pytest.mark.filterwarnings("ignore")
def test_damaged_compact_weights_are_refused_or_work(text):
    estimator = compress(text[0]).estimator
    n_refused, n_working = count_outcomes(estimator, text[1], lambda path: "weights" in path)
    assert n_refused > 20 * n_working > 100
