import re
from collections import Counter
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from skrnn import SequenceVectorizer

DOCUMENTS = ["the cat sat", "the dog, the cat", "", "别慌 don’t panic"]


def split(document):
    return document.split()


def test_vocabulary_is_sorted_by_frequency_then_alphabet():
    documents = ["z b a c", "z c", "z"]
    assert SequenceVectorizer().fit(documents).vocabulary_ == {"z": 2, "c": 3, "a": 4, "b": 5}
    for n, tokens in enumerate(["z", "zc", "zca", "zcab", "zcab"], start=1):
        vectorizer = SequenceVectorizer(max_features=n).fit(documents)
        assert list(vectorizer.vocabulary_.items()) == [(t, i) for i, t in enumerate(tokens, start=2)]


def test_max_features_counts_occurrences():
    assert list(SequenceVectorizer(max_features=1).fit(["a", "a", "b b b"]).vocabulary_) == ["b"]


@settings(deadline=None)
@given(
    documents=st.lists(st.lists(st.sampled_from("abcdef"), max_size=6).map(" ".join), min_size=1, max_size=8),
    min_df=st.integers(1, 5) | st.floats(0, 1),
    max_df=st.integers(1, 5) | st.floats(0, 1),
)
def test_min_df_and_max_df_agree_with_count_vectorizer(documents, min_df, max_df):
    params = {"analyzer": split, "min_df": min_df, "max_df": max_df}
    try:
        expected = set(CountVectorizer(**params).fit(documents).vocabulary_)
    except ValueError:
        expected = set()
    if not expected:
        with pytest.raises(ValueError, match="Empty vocabulary"):
            SequenceVectorizer(**params).fit(documents)
        return
    vectorizer = SequenceVectorizer(**params).fit(documents)
    counts = Counter(token for document in documents for token in document.split())
    assert list(vectorizer.vocabulary_) == sorted(expected, key=lambda token: (-counts[token], token))


@pytest.mark.parametrize(
    ("vocabulary", "tokens"),
    [
        (["b", "a"], ["b", "a"]),
        (("b", "a"), ["b", "a"]),
        (np.array(["b", "a"], dtype=object), ["b", "a"]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset("ba"), ["a", "b"]),
        ({"a": 3, "b": 2}, ["b", "a"]),
        (MappingProxyType({"a": np.int64(3), "b": np.int64(2)}), ["b", "a"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_fixed_vocabulary_overrules_selection(vocabulary, tokens):
    vectorizer = SequenceVectorizer(vocabulary=vocabulary, max_features=1, min_df=2, max_df=0.1)
    X = vectorizer.fit_transform(["a b", "x"])
    assert list(vectorizer.vocabulary_.items()) == [(tokens[0], 2), (tokens[1], 3)]
    assert vectorizer.inverse_transform(X) == [["a", "b"], ["[UNK]"]]


def test_fitted_vocabulary_can_be_a_fixed_vocabulary():
    fitted = SequenceVectorizer().fit(DOCUMENTS)
    X = SequenceVectorizer(vocabulary=fitted.vocabulary_).fit_transform(DOCUMENTS)
    np.testing.assert_array_equal(X.toarray(), fitted.transform(DOCUMENTS).toarray())


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (["a", "b", "a"], "to be distinct, got 'a' twice"),
        ({"a": 2, "b": 4}, "without gaps or repetitions"),
        ({"a": 2, "b": 2}, "without gaps or repetitions"),
        ({"a": 0, "b": 1}, "ids of vocabulary to be 2, 3"),
        ({"a": 2, "b": None}, "ids of vocabulary to be 2, 3"),
        ([], "Empty vocabulary: the given vocabulary"),
        (set(), "Empty vocabulary: the given vocabulary"),
        ({}, "Empty vocabulary: the given vocabulary"),
    ],
)
def test_invalid_fixed_vocabulary_is_refused(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        SequenceVectorizer(vocabulary=vocabulary).fit(["a"])


@pytest.mark.parametrize("vocabulary", [["a", 3], {3, "a"}, {3: 2, "a": 3}], ids=["list", "set", "dict"])
def test_tokens_of_a_fixed_vocabulary_must_be_str(vocabulary):
    with pytest.raises(TypeError, match="Expected the tokens of vocabulary to be str, got"):
        SequenceVectorizer(vocabulary=vocabulary).fit(["a"])


def test_vocabulary_holds_plain_str():
    cutting = SequenceVectorizer(tokenizer=lambda text: np.array([text]))
    for vectorizer in (SequenceVectorizer(vocabulary=np.array(["a"])), cutting):
        assert {type(token) for token in vectorizer.fit(["a", "b"]).vocabulary_} == {str}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "the documents hold no token"),
        ({"stop_words": "english"}, "contain stop words only"),
        ({"token_pattern": "x+"}, "token_pattern, tokenizer or analyzer that finds nothing"),
        ({"analyzer": lambda _: []}, "the documents hold no token"),
        ({"min_df": 3}, "min_df=3 and max_df=1.0 leave none of the 2 tokens of 2 documents"),
        ({"max_df": 0.1}, "min_df=1 and max_df=0.1 leave none of the 2 tokens of 2 documents"),
        ({"min_df": 0.9, "max_df": 1}, "Lower min_df or raise max_df"),
    ],
)
def test_empty_vocabulary_is_refused_with_the_cause(params, message):
    documents = ["", " "] if not params else ["the", "and"]
    with pytest.raises(ValueError, match=f"Empty vocabulary: .*{re.escape(message)}"):
        SequenceVectorizer(**params).fit(documents)
