"""partial_fit learns from a stream, chunk by chunk."""

import pickle

import numpy as np
import pytest
from conftest import SMALL

from skrnn import RNNTextClassifier


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def test_streams_keep_vocabulary_and_classes_of_the_first_chunk(reviews):
    documents, y = reviews
    stream = small().partial_fit(documents[:30], y[:30], classes=["neg", "other", "pos"])
    vocabulary = dict(stream.vocabulary_)
    stream.partial_fit(["a word never seen"], ["other"])
    assert stream.vocabulary_ == vocabulary
    assert stream.classes_.tolist() == ["neg", "other", "pos"]
    assert stream.predict_proba(documents).shape == (len(documents), 3)


def test_streams_learn_and_continue_a_fit(reviews):
    documents, y = reviews
    stream = small()
    for start in list(range(0, 60, 20)) * 6:
        stream.partial_fit(documents[start : start + 20], y[start : start + 20], classes=["neg", "pos"])
    assert stream.score(documents, y) > 0.9
    fitted = small(epochs=2).fit(documents, y)
    assert fitted.partial_fit(documents, y).n_iter_ == 3


def test_invalid_chunks_are_refused(reviews, fitted):
    documents, y = reviews
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        small().partial_fit(documents, y)
    with pytest.raises(ValueError, match="class_weight='balanced' needs"):
        small(class_weight="balanced").partial_fit(documents, y, classes=["neg", "pos"])
    stream = pickle.loads(pickle.dumps(fitted))
    before = stream.predict_proba(documents)
    for chunk, message in [
        ((["x"], ["new"]), r"previously unseen labels: \['new'\]"),
        ((["x"], ["position"]), r"previously unseen labels: \['position'\]"),  # longer than the fitted labels
        ((documents, y, ["neg", "other"]), "not the same as in the earlier fit"),
        ((documents, y[:3]), "inconsistent numbers"),
        ((documents, y, None, np.zeros(60)), "all weights are zero"),
    ]:
        with pytest.raises(ValueError, match=message):
            stream.partial_fit(*chunk)
    np.testing.assert_array_equal(stream.predict_proba(documents), before)
    with pytest.raises(ValueError, match="units would change it"):
        stream.set_params(units=5).partial_fit(documents, y)
