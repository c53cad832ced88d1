"""Counts of the parts of a corpus give the vocabulary of one fit on the whole corpus."""

import pickle
import warnings
import weakref
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn import SequenceVectorizer, TokenCounts

WORDS = st.sampled_from(["a", "b", "B", "c", "d", "don't", "é", "e", "别", "慌", "別慌", "!", "👍🏽"])
DOCUMENTS = st.lists(WORDS, max_size=6).map(" ".join)
PARTS = st.lists(st.lists(DOCUMENTS, max_size=5), min_size=1, max_size=5)


def split(document):
    return document.split()


def pairs(document):
    """Return words and pairs of neighbouring words."""
    words = document.split()
    return words + [" ".join(pair) for pair in pairwise(words)]


PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "analyzer": st.sampled_from(["word", "char", split, pairs]),
        "lowercase": st.booleans(),
        "strip_accents": st.sampled_from([None, "ascii", "unicode"]),
        "token_pattern": st.sampled_from([None, r"\w"]),
        "stop_words": st.sampled_from([None, ["a", "c"]]),
        "max_features": st.integers(1, 8),
        "min_df": st.one_of(st.integers(1, 4), st.floats(0, 0.5)),
        "max_df": st.one_of(st.integers(1, 6), st.floats(0.3, 1)),
        "vocabulary": st.sampled_from([None, ["a", "b"], {"c": 2}]),
        "max_length": st.integers(1, 4),
        "truncate": st.sampled_from(["head", "tail", "both"]),
    },
)


def learned(fit):
    """Return the tokens in the order of their ids and the width, or the message of the error."""
    try:
        vectorizer = fit()
    except ValueError as error:
        return str(error)
    return list(vectorizer.vocabulary_.items()), vectorizer.max_length_


def merged(vectorizer, parts, max_tokens=None):
    return TokenCounts.merge(map(vectorizer.count_tokens, parts), max_tokens)


@given(PARAMS, PARTS.filter(any))
def test_counts_of_parts_equal_one_fit(params, parts):
    vectorizer = SequenceVectorizer(**params)
    whole = [document for part in parts for document in part]
    assert learned(lambda: vectorizer.fit_counts(merged(vectorizer, parts))) == learned(
        lambda: SequenceVectorizer(**params).fit(whole)
    )


@given(PARTS.filter(any), st.data())
def test_parts_can_be_merged_in_any_order_and_in_steps(parts, data):
    vectorizer = SequenceVectorizer()
    counts = [vectorizer.count_tokens(part) for part in data.draw(st.permutations(parts))]
    n = data.draw(st.integers(0, len(parts)))
    steps = TokenCounts.merge([TokenCounts.merge(counts[:n]), TokenCounts.merge(counts[n:])])
    direct = merged(vectorizer, parts)
    assert as_dict(steps) == as_dict(direct)
    assert (steps.n_documents, steps.longest) == (direct.n_documents, direct.longest)


@given(PARAMS, PARTS.filter(any))
def test_learned_vocabulary_can_be_passed_on(params, parts):
    params.pop("vocabulary", None)
    vectorizer = SequenceVectorizer(**params)
    try:
        vectorizer.fit_counts(merged(vectorizer, parts))
    except ValueError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fixed = SequenceVectorizer(**params).set_params(vocabulary=vectorizer.vocabulary_, stop_words=None)
        fixed.fit(parts[0] or [""])
    assert fixed.vocabulary_ == vectorizer.vocabulary_


def as_dict(counts):
    rows = zip(counts.counts.tolist(), counts.document_frequencies.tolist(), strict=True)
    return dict(zip(counts.tokens, rows, strict=True))


# The frequencies of letters differ, so that some draws drop only tokens that the vocabulary does not need.
LETTERS = st.sampled_from("aaaaaaaabbbbbcccddefghij")
LETTER_PARTS = st.lists(st.lists(st.lists(LETTERS, max_size=8).map(" ".join), max_size=5), min_size=1, max_size=6)


@given(
    LETTER_PARTS.filter(any),
    st.integers(1, 6),
    st.sampled_from([None, 1, 2, 3]),
    st.one_of(st.integers(1, 5), st.floats(0, 0.5)),
    st.floats(0.5, 1),
    st.booleans(),
)
def test_dropped_tokens_never_change_a_vocabulary(parts, max_tokens, max_features, min_df, max_df, in_steps):
    params = {"max_features": max_features, "min_df": min_df, "max_df": max_df}
    vectorizer = SequenceVectorizer(**params)
    if in_steps:
        n = len(parts) // 2
        halves = (merged(vectorizer, half, max_tokens) for half in (parts[:n], parts[n:]))
        counts = TokenCounts.merge(halves, max_tokens)
    else:
        counts = merged(vectorizer, parts, max_tokens)
    assert len(counts.tokens) <= 2 * max_tokens
    found = learned(lambda: vectorizer.fit_counts(counts))
    whole = [document for part in parts for document in part]
    if isinstance(found, tuple) or not counts.n_dropped:
        assert found == learned(lambda: SequenceVectorizer(**params).fit(whole))


@given(LETTER_PARTS, st.integers(1, 4))
def test_bounds_of_dropped_counts_hold(parts, max_tokens):
    vectorizer = SequenceVectorizer()
    exact, counts = as_dict(merged(vectorizer, parts)), merged(vectorizer, parts, max_tokens)
    for token, (n, _) in exact.items():
        if token in counts.tokens:
            i = counts.tokens.index(token)
            assert counts.counts[i] <= n <= counts.counts[i] + counts.n_missed[i]
        else:
            assert n <= counts.n_dropped


def test_frequent_tokens_are_found_in_bounded_memory():
    vectorizer = SequenceVectorizer(max_features=3)
    parts = [["the cat the dog the " + " ".join(f"rare{i}x{j}" for j in range(20))] * 2 for i in range(50)]
    counts = merged(vectorizer, parts, max_tokens=40)
    assert len(counts.tokens) <= 80
    assert counts.n_dropped > 0
    assert vectorizer.fit_counts(counts).vocabulary_ == {"the": 2, "cat": 3, "dog": 4}
    with pytest.raises(
        ValueError, match=r"Raise max_tokens of TokenCounts.merge, raise min_df, or lower max_feat"
    ):
        SequenceVectorizer(max_features=10).fit_counts(counts)
    assert SequenceVectorizer(min_df=60).fit_counts(counts).get_vocabulary()[2:] == ["the", "cat", "dog"]


def test_one_count_serves_several_parameters():
    counts = SequenceVectorizer().count_tokens(["a b", "a"])
    assert SequenceVectorizer(min_df=2).fit_counts(counts).vocabulary_ == {"a": 2}
    assert SequenceVectorizer(max_df=1).fit_counts(counts).vocabulary_ == {"b": 2}


def test_counting_does_not_change_the_vectorizer():
    vectorizer = SequenceVectorizer()
    vectorizer.count_tokens(["a"])
    assert not hasattr(vectorizer, "vocabulary_")


def test_merged_parts_are_released():
    vectorizer = SequenceVectorizer()
    parts = weakref.WeakSet()

    def counted():
        for _ in range(5):
            assert len(parts) <= 1
            part = vectorizer.count_tokens(["a"])
            parts.add(part)
            yield part
            del part

    assert TokenCounts.merge(counted()).n_documents == 5


def test_merging_does_not_change_the_parts():
    vectorizer = SequenceVectorizer()
    part = vectorizer.count_tokens(["a b"])
    TokenCounts.merge([part, part])
    assert as_dict(part) == {"a": (1, 1), "b": (1, 1)}


def test_counts_are_plain_data():
    counts = SequenceVectorizer(tokenizer=lambda text: np.array([text])).count_tokens(["a"])
    restored = pickle.loads(pickle.dumps(counts))
    assert {type(token) for token in restored.tokens} == {str}
    assert [restored.counts.dtype, restored.document_frequencies.dtype, restored.n_missed.dtype] == [np.int64] * 3
    assert as_dict(restored) == as_dict(counts)
    assert TokenCounts.__module__ == "skrnn"


def test_the_representation_is_short():
    assert repr(SequenceVectorizer().count_tokens(["a b", "a"])) == "TokenCounts(n_tokens=2, n_documents=2)"


def test_subwords_need_a_vocabulary():
    counts = SequenceVectorizer().count_tokens(["a"])
    for call in (SequenceVectorizer("subword").count_tokens, SequenceVectorizer("subword").fit_counts):
        with pytest.raises(ValueError, match=r"Expected analyzer to be 'word', .* got 'subword'. Fit on a sample"):
            call(["a"] if call.__name__ == "count_tokens" else counts)
    vectorizer = SequenceVectorizer("subword", vocabulary=["▁do", "g"])
    counts = merged(vectorizer, [["dog dog"], ["do"]])
    assert as_dict(counts) == {"▁do": (3, 2), "g": (2, 1)}
    assert vectorizer.fit_counts(counts).max_length_ == 4


def test_overridden_analyzer_is_used():
    class Reversed(SequenceVectorizer):
        def build_analyzer(self):
            return lambda document: document[::-1].split()

    assert Reversed().count_tokens(["ab"]).tokens == ["ba"]


def test_missing_counts_are_refused():
    vectorizer = SequenceVectorizer()
    with pytest.raises(TypeError, match=r"Expected counts to be TokenCounts, got list. count_tokens returns them"):
        vectorizer.fit_counts([vectorizer.count_tokens(["a"])])
    with pytest.raises(ValueError, match="Expected counts of at least one document"):
        vectorizer.fit_counts(TokenCounts.merge([]))
    with pytest.raises(ValueError, match="Empty vocabulary: the documents hold no token"):
        vectorizer.fit_counts(vectorizer.count_tokens([""]))
    with pytest.raises(TypeError, match=r"Expected parts to be an iterable of .*; got TokenCounts. Pass a list"):
        TokenCounts.merge(vectorizer.count_tokens(["a"]))
    with pytest.raises(TypeError, match=r"Expected each part to be TokenCounts, got list. count_tokens returns"):
        TokenCounts.merge([["a"]])
    with pytest.raises(ValueError, match="Expected max_tokens to be an integer >= 1 or None; got 0"):
        TokenCounts.merge([], max_tokens=0)
