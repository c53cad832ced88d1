import os
import pickle
import subprocess
import sys
from collections import Counter
from copy import deepcopy

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skrnn import SequenceVectorizer
from skrnn.text import _subwords

SUBWORD_DOCUMENTS = [
    "lower lowest low Low, low!",
    "newer newest new slow",
    "我喜欢北京 我喜欢上海",
    "คนไทยชอบกิน คนไทยชอบ",
    "カタカナとカタカナ 👩‍👩‍👧‍👦😀😀",
]


@pytest.fixture
def vectorizer():
    pytest.importorskip("tokenizers")
    return SequenceVectorizer("subword").fit(SUBWORD_DOCUMENTS)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("LOW lowest newer", ["▁low", "▁low", "est", "▁new", "er"]),
        ("slow-lower", ["▁", "s", "low", "-", "▁low", "er"]),
        ("我喜欢东京", ["我喜欢", "东", "京"]),
        ("คนไทยชอบกิน", ["คนไทยชอบ", "ก", "ิ", "น"]),
        ("カタカナlow、", ["カタカナ", "▁low", "、"]),
        ("👩‍👩‍👧‍👦😀😀", ["👩‍", "👩‍", "👧", "‍", "👦", "😀", "😀"]),
        (" \n\u200b", []),
    ],
)
def test_subword_analyzer(vectorizer, document, expected):
    assert vectorizer.build_analyzer()(document) == expected
    known = [subword if subword in vectorizer.vocabulary_ else "[UNK]" for subword in expected]
    assert vectorizer.inverse_transform(vectorizer.transform([document])) == [known]


def test_subword_vocabulary_is_sorted_by_frequency_then_alphabet(vectorizer):
    X = vectorizer.transform(SUBWORD_DOCUMENTS)
    counts = Counter(X.data.tolist())
    names = vectorizer.get_vocabulary()
    ids = range(2, len(names))
    assert sorted(ids, key=lambda i: (-counts[i], names[i])) == list(ids)
    assert counts[len(names) - 1] == 0
    assert list(vectorizer.vocabulary_.values()) == list(range(2, len(names)))


def test_max_features_limits_subwords_and_single_characters():
    pytest.importorskip("tokenizers")
    documents = ["的一是不了人我在有他这为之大来以个中上们", *["喜欢 low"] * 3]
    for n in (1, 2, 5, 10, 20):
        assert 1 <= len(SequenceVectorizer("subword", max_features=n).fit(documents).vocabulary_) <= n
    assert {"喜欢", "▁low"} <= set(SequenceVectorizer("subword", max_features=12).fit(documents).vocabulary_)


def test_subwords_are_learned_from_preprocessed_documents():
    pytest.importorskip("tokenizers")
    for params, subword in [
        ({}, "▁né"),
        ({"lowercase": False}, "▁Né"),
        ({"strip_accents": "unicode"}, "▁ne"),
        ({"preprocessor": str.upper}, "▁NÉ"),
    ]:
        assert next(iter(SequenceVectorizer("subword", **params).fit(["Né Né"]).vocabulary_)) == subword


@settings(deadline=None)
@given(st.data(), st.integers(1, 6), st.sampled_from(["head", "tail", "both"]))
def test_fit_transform_and_transform_cut_the_same_subwords(data, max_length, truncate):
    pytest.importorskip("tokenizers")
    words = st.lists(st.sampled_from(["low", "lower", "slow", "我喜欢", "喜欢我", "!", "x", "é"]), max_size=8)
    documents = [*data.draw(st.lists(words.map(" ".join), min_size=1, max_size=6)), "low"]
    vectorizer = SequenceVectorizer("subword", max_features=9, max_length=max_length, truncate=truncate)
    X = vectorizer.fit_transform(documents)
    assert len(vectorizer.vocabulary_) <= 9
    np.testing.assert_array_equal(vectorizer.transform(documents).toarray(), X.toarray())


def test_new_words_consist_of_known_subwords(vectorizer):
    assert vectorizer.oov_rate(["trowel 欢喜"]) == 0
    assert vectorizer.oov_rate(["low é"]) == 1 / 3


def test_fixed_subword_vocabulary(vectorizer):
    fixed = SequenceVectorizer("subword", vocabulary=vectorizer.vocabulary_)
    np.testing.assert_array_equal(
        fixed.fit_transform(SUBWORD_DOCUMENTS).toarray(), vectorizer.transform(SUBWORD_DOCUMENTS).toarray()
    )
    by_hand = SequenceVectorizer("subword", vocabulary=["▁un", "▁", "un", "able"])
    assert by_hand.fit_transform(["unable able x"]).toarray().tolist() == [[2, 5, 3, 5, 3, 1]]


def test_documents_without_subwords_are_refused():
    pytest.importorskip("tokenizers")
    with pytest.raises(ValueError, match="Empty vocabulary: the documents hold no token"):
        SequenceVectorizer("subword").fit(["", " "])


def test_subword_analyzer_needs_a_fit():
    with pytest.raises(NotFittedError):
        SequenceVectorizer("subword").build_analyzer()


def test_fitted_subwords_can_be_saved_and_copied(vectorizer, tmp_path):
    assert set(vars(vectorizer)) == {*vectorizer.get_params(), "vocabulary_", "max_length_"}
    joblib.dump(vectorizer, tmp_path / "vectorizer.joblib")
    copies = [pickle.loads(pickle.dumps(vectorizer)), deepcopy(vectorizer)]
    copies.append(joblib.load(tmp_path / "vectorizer.joblib"))
    skops = pytest.importorskip("skops.io")
    data = skops.dumps(vectorizer)
    copies.append(skops.loads(data, trusted=skops.get_untrusted_types(data=data)))
    for copy in copies:
        np.testing.assert_array_equal(
            copy.transform(SUBWORD_DOCUMENTS).toarray(), vectorizer.transform(SUBWORD_DOCUMENTS).toarray()
        )
    again = clone(vectorizer)
    assert not hasattr(again, "vocabulary_")
    assert list(again.fit(SUBWORD_DOCUMENTS).vocabulary_.items()) == list(vectorizer.vocabulary_.items())


def test_missing_tokenizers_library_is_named(vectorizer, monkeypatch):
    X = vectorizer.transform(SUBWORD_DOCUMENTS)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    advice = r"A fitted vectorizer works without.*Learning subwords needs .*pip install tokenizers$"
    with pytest.raises(ImportError, match=advice):
        SequenceVectorizer("subword").fit(SUBWORD_DOCUMENTS)
    np.testing.assert_array_equal(vectorizer.transform(SUBWORD_DOCUMENTS).toarray(), X.toarray())


LEARN_IN_PROCESSES = """
import os, sys
import joblib
from skrnn import SequenceVectorizer

def learn(_):
    documents = [f"number{i} 喜欢{i % 7} slow slower slowest" for i in range(2000)]
    return list(SequenceVectorizer("subword", max_features=80).fit(documents).vocabulary_)

before = dict(os.environ)
vocabulary = learn(None)
assert os.environ == before
if hasattr(os, "fork"):
    child = os.fork()
    if child == 0:
        os._exit(learn(None) != vocabulary)
    assert os.waitpid(child, 0)[1] == 0
for backend in ("threading", "loky"):
    assert joblib.Parallel(n_jobs=2, backend=backend)(map(joblib.delayed(learn), range(2))) == [vocabulary] * 2
print(*vocabulary)
"""


def test_subwords_are_the_same_in_forks_threads_and_workers():
    pytest.importorskip("tokenizers")
    learned = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        environment.pop("TOKENIZERS_PARALLELISM", None)
        result = subprocess.run(
            [sys.executable, "-c", LEARN_IN_PROCESSES],
            env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120,
        )  # fmt: skip
        assert (result.returncode, result.stderr) == (0, "")
        learned.append(result.stdout)
    assert learned[0] == learned[1]


def test_very_long_words_are_learned_in_parts(monkeypatch):
    pytest.importorskip("tokenizers")
    monkeypatch.setattr(_subwords, "_LONGEST_WORD", 4)
    seen = []
    monkeypatch.setattr(_subwords, "Counter", lambda text: seen.append(text) or Counter(text))
    vectorizer = SequenceVectorizer("subword", max_features=20).fit(["abcabcabcabc abc", "xyz"])
    assert seen == ["▁abc abca bcab c ▁abc▁xyz"]
    assert vectorizer.inverse_transform(vectorizer.transform(["abcabc"]))[0][0] == "▁abc"


def test_very_long_words_are_not_cached():
    tokenizer = _subwords.SubwordTokenizer(["a"])
    words = ["a" * n for n in (1, 100, 101, 10**6)]
    assert [tokenizer.cut(word) for word in words] == [["a"] * len(word) for word in words]
    assert set(tokenizer.cut.__self__) == set(words[:2])


def test_cache_of_words_is_bounded(monkeypatch):
    monkeypatch.setattr(_subwords, "_N_CACHED_WORDS", 3)
    tokenizer = _subwords.SubwordTokenizer(["a", "b"])
    for word in ("a", "b", "ab", "ba", "a"):
        assert tokenizer.cut(word) == list(word)
        assert len(tokenizer.cut.__self__) <= 3
