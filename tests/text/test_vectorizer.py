import math
import os
import pickle
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from copy import deepcopy
from enum import Enum
from types import MappingProxyType

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer

from skrnn import SequenceVectorizer
from skrnn.text._documents import check_documents

DOCUMENTS = ["the cat sat", "the dog, the cat", "", "别慌 don’t panic"]

WORDS = {
    "inner apostrophes": ("Don't rock'n'roll l'été", ["don't", "rock'n'roll", "l'été"]),
    "typographic apostrophes": ("it’s aujourd’hui", ["it's", "aujourd'hui"]),
    "outer apostrophes": ("'tis dogs' ‘x’", ["'", "tis", "dogs", "'", "‘", "x", "'"]),
    "numbers": ("1,000.5 3.14. 1,,2 v1.2", ["1,000.5", "3.14", ".", "1", ",", ",", "2", "v1.2"]),
    "punctuation": ("x!? (a_b) co-op $5", ["x", "!", "?", "(", "a_b", ")", "co", "-", "op", "$", "5"]),
    "one-letter words": ("I a", ["i", "a"]),
    "white space": (" a\t\n\u3000b\xa0c ", ["a", "b", "c"]),
    "emoji": ("nice😀😀!", ["nice", "😀", "😀", "!"]),
    "ZWJ sequences": ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦❤️‍🔥🏳️‍🌈", ["👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦", "❤️‍🔥", "🏳️‍🌈"]),
    "flags": ("🇫🇷🇩🇪🏴\U000e0067\U000e0062\U000e007f", ["🇫🇷", "🇩🇪", "🏴\U000e0067\U000e0062\U000e007f"]),
    "skin tones": ("👍🏽👍🤷🏽‍♂️", ["👍🏽", "👍", "🤷🏽‍♂️"]),
    "keycaps": ("1️⃣#️⃣", ["1️⃣", "#️⃣"]),
    "Chinese": ("我爱北京，𠀀！", ["我", "爱", "北", "京", "，", "𠀀", "！"]),
    "Chinese and Latin": ("iphone很好用2次", ["iphone", "很", "好", "用", "2", "次"]),
    "Japanese": ("カタカナとひらがな。人々", [*"カタカナとひらがな。人々"]),
    "Korean": ("한국어 글", ["한", "국", "어", "글"]),
    "Thai": ("ที่นี่", ["ที่", "นี่"]),
    "Hindi": ("हिन्दी में क्षत्रिय।", ["हिन्दी", "में", "क्षत्रिय", "।"]),
    "Arabic with vowel marks": ("مُحَمَّدٌ، كَتَبَ", ["مُحَمَّدٌ", "،", "كَتَبَ"]),
    "Persian with ZWNJ": ("می‌خواهم کتاب‌ها؟", ["می‌خواهم", "کتاب‌ها", "؟"]),
    "Greek final sigma": ("ΟΔΟΣ", ["οδος"]),
    "astral letters": ("𐍈𐌰 𝒜", ["𐍈𐌰", "𝒜"]),
    "no token": (" \u200b\u0301 ", []),
}


def split(document):
    return document.split()


def assert_same(X, expected):
    assert X.shape == expected.shape
    assert (expected != X).nnz == 0


def tokens_of(document, **params):
    return list(SequenceVectorizer(**params).build_analyzer()(document))


@pytest.mark.parametrize(("document", "tokens"), WORDS.values(), ids=WORDS)
def test_word_analyzer_cuts(document, tokens):
    assert tokens_of(document) == tokens


@pytest.mark.parametrize("document", ["Café Ångström", "한국어", "がぎぐ", "क़लम", "İstanbul ΑΣ"])
def test_composed_and_decomposed_text_give_the_same_tokens(document):
    composed, decomposed = unicodedata.normalize("NFC", document), unicodedata.normalize("NFD", document)
    assert tokens_of(composed) == tokens_of(decomposed)
    assert tokens_of(composed, analyzer="char") == tokens_of(decomposed, analyzer="char")


def test_char_analyzer_makes_characters_tokens_and_folds_white_space():
    assert tokens_of("  Ab \n\t 慌! ", analyzer="char") == ["a", "b", " ", "慌", "!"]
    X = SequenceVectorizer(analyzer="char").fit_transform(["ab a", "b"])
    assert X.toarray().tolist() == [[2, 3, 4, 2], [3, 0, 0, 0]]


@pytest.mark.parametrize(
    "analyzer", [split, lambda document: tuple(document.split()), lambda document: (t for t in document.split())]
)
def test_callable_analyzer_takes_the_document_as_given(analyzer):
    vectorizer = SequenceVectorizer(analyzer, max_length=2).fit(["A b! A", "é"])
    assert vectorizer.vocabulary_ == {"A": 2, "b!": 3, "é": 4}
    assert vectorizer.transform(["b! x A", ""]).toarray().tolist() == [[3, 1], [0, 0]]


@pytest.mark.parametrize(
    ("params", "tokens"),
    [
        ({}, ["the", "cafés", "of", "ökotown", "!"]),
        ({"lowercase": False}, ["The", "cafés", "of", "Ökotown", "!"]),
        ({"strip_accents": "unicode"}, ["the", "cafes", "of", "okotown", "!"]),
        ({"strip_accents": "ascii"}, ["the", "cafes", "of", "okotown", "!"]),
        ({"strip_accents": lambda text: text.replace("é", "E")}, ["the", "cafEs", "of", "ökotown", "!"]),
        ({"preprocessor": str.upper}, ["THE", "CAFÉS", "OF", "ÖKOTOWN", "!"]),
        ({"preprocessor": str.upper, "analyzer": "char"}, [*"THE CAFÉS OF ÖKOTOWN!"]),
        ({"tokenizer": str.split}, ["the", "cafés", "of", "ökotown!"]),
        ({"token_pattern": r"\w{3,}"}, ["the", "cafés", "ökotown"]),
        ({"token_pattern": r"(\w)\w{2,}"}, ["t", "c", "ö"]),
        ({"stop_words": "english"}, ["cafés", "ökotown", "!"]),
        ({"stop_words": ["!", "cafés", "Ökotown"]}, ["the", "of", "ökotown"]),
        ({"stop_words": {"of"}, "tokenizer": str.split}, ["the", "cafés", "ökotown!"]),
    ],
)
def test_parameters_shape_the_tokens(params, tokens):
    document = "The cafés of Ökotown!"
    assert tokens_of(document, **params) == tokens
    vectorizer = SequenceVectorizer(**params)
    assert vectorizer.inverse_transform(vectorizer.fit_transform([document])) == [tokens]


def test_strip_accents_ascii_drops_what_unicode_keeps():
    assert tokens_of("é 慌", strip_accents="ascii") == ["e"]
    assert tokens_of("é 慌", strip_accents="unicode") == ["e", "慌"]


def test_vocabulary_is_most_frequent_first_and_ties_are_alphabetical():
    documents = ["z b a c", "z c", "z"]
    assert SequenceVectorizer().fit(documents).vocabulary_ == {"z": 2, "c": 3, "a": 4, "b": 5}
    for n, tokens in enumerate(["z", "zc", "zca", "zcab", "zcab"], start=1):
        vectorizer = SequenceVectorizer(max_features=n).fit(documents)
        assert list(vectorizer.vocabulary_.items()) == [(t, i) for i, t in enumerate(tokens, start=2)]


def test_max_features_counts_occurrences_and_not_documents():
    assert list(SequenceVectorizer(max_features=1).fit(["a", "a", "b b b"]).vocabulary_) == ["b"]


@settings(deadline=None)
@given(
    documents=st.lists(st.lists(st.sampled_from("abcdef"), max_size=6).map(" ".join), min_size=1, max_size=8),
    min_df=st.integers(1, 5) | st.floats(0, 1),
    max_df=st.integers(1, 5) | st.floats(0, 1),
)
def test_document_frequencies_choose_the_vocabulary_of_count_vectorizer(documents, min_df, max_df):
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
def test_fixed_vocabulary_numbers_its_tokens_and_overrules_selection(vocabulary, tokens):
    vectorizer = SequenceVectorizer(vocabulary=vocabulary, max_features=1, min_df=2, max_df=0.1)
    X = vectorizer.fit_transform(["a b", "x"])
    assert list(vectorizer.vocabulary_.items()) == [(tokens[0], 2), (tokens[1], 3)]
    assert vectorizer.inverse_transform(X) == [["a", "b"], ["[UNK]"]]


def test_vocabulary_of_a_fitted_vectorizer_is_a_fixed_vocabulary():
    fitted = SequenceVectorizer().fit(DOCUMENTS)
    X = SequenceVectorizer(vocabulary=fitted.vocabulary_).fit_transform(DOCUMENTS)
    assert_same(X, fitted.transform(DOCUMENTS))


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (["a", "b", "a"], "to be distinct, got 'a' twice"),
        ({"a": 2, "b": 4}, "without gaps or repetitions"),
        ({"a": 2, "b": 2}, "without gaps or repetitions"),
        ({"a": 0, "b": 1}, "ids of vocabulary to be 2, 3"),
        ({"a": 2, "b": None}, "ids of vocabulary to be 2, 3"),
        ([], "Empty vocabulary: the one that was passed"),
        (set(), "Empty vocabulary: the one that was passed"),
        ({}, "Empty vocabulary: the one that was passed"),
    ],
)
def test_fixed_vocabulary_is_refused(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        SequenceVectorizer(vocabulary=vocabulary).fit(["a"])


def test_a_failed_fit_leaves_the_fixed_vocabulary_of_before():
    vectorizer = SequenceVectorizer(vocabulary=["good"]).fit(["good"])
    vectorizer.set_params(vocabulary=["bad"], tokenizer=lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        vectorizer.fit(["bad"])
    assert vectorizer.vocabulary_ == {"good": 2}


def test_tokens_may_be_of_any_kind_that_is_equal_again():
    numbers = SequenceVectorizer(tokenizer=lambda text: [int(word) for word in text.split()])
    assert numbers.fit_transform(["1 2 3", "2 3"]).toarray().tolist() == [[4, 2, 3], [2, 3, 0]]


def test_tokens_are_plain_str():
    cutting = SequenceVectorizer(tokenizer=lambda text: np.array([text]))
    for vectorizer in (SequenceVectorizer(vocabulary=np.array(["a"])), cutting):
        assert {type(token) for token in vectorizer.fit(["a", "b"]).vocabulary_} == {str}


@pytest.mark.parametrize(
    ("truncate", "max_length", "kept"),
    [
        ("head", 3, "abc"),
        ("tail", 3, "efg"),
        ("both", 3, "abg"),
        ("both", 4, "abfg"),
        ("both", 1, "a"),
        ("tail", 1, "g"),
        ("both", 7, "abcdefg"),
        ("tail", 100, "abcdefg"),
    ],
)
@pytest.mark.parametrize("analyzer", ["word", "char", iter], ids=["word", "char", "generator"])
def test_long_documents_are_cut(analyzer, truncate, max_length, kept):
    document = "a b c d e f g" if analyzer == "word" else "abcdefg"
    vectorizer = SequenceVectorizer(analyzer, max_length=max_length, truncate=truncate)
    assert vectorizer.inverse_transform(vectorizer.fit_transform([document])) == [list(kept)]
    assert list(vectorizer.vocabulary_) == list(kept)


def test_documents_are_cut_before_tokens_are_counted():
    vectorizer = SequenceVectorizer(max_length=2, max_features=1).fit(["a b b b", "a"])
    assert list(vectorizer.vocabulary_) == ["a"]


@pytest.mark.parametrize(
    "params",
    [{}, {"analyzer": "char"}, {"max_features": 3}, {"min_df": 2}, {"max_length": 2}, {"vocabulary": ["cat"]}],
)
def test_fit_transform_is_fit_then_transform(params):
    X = SequenceVectorizer(**params).fit_transform(DOCUMENTS)
    again = SequenceVectorizer(**params).fit(DOCUMENTS).transform(DOCUMENTS)
    assert_same(X, again)


@pytest.mark.parametrize("params", [{}, {"min_df": 2, "max_features": 2}, {"vocabulary": ["cat"]}])
def test_each_document_is_tokenised_once(params):
    seen = []

    def analyze(document):
        seen.append(document)
        return document.split()

    vectorizer = SequenceVectorizer(analyze, **params)
    vectorizer.fit_transform(DOCUMENTS)
    assert seen == DOCUMENTS
    vectorizer.transform(DOCUMENTS)
    assert seen == DOCUMENTS * 2


def test_sequences_are_left_aligned_int32_csr_without_stored_zeros():
    vectorizer = SequenceVectorizer()
    X = vectorizer.fit_transform(DOCUMENTS)
    assert vectorizer.vocabulary_ == {
        "the": 2, "cat": 3, ",": 4, "dog": 5, "don't": 6, "panic": 7, "sat": 8, "别": 9, "慌": 10,
    }  # fmt: skip
    assert isinstance(X, sparse.csr_matrix)
    assert (X.dtype, X.indices.dtype, X.indptr.dtype) == (np.int32, np.int32, np.int32)
    assert X.has_canonical_format
    assert X.data.min() > 0
    assert np.diff(X.indptr).tolist() == [3, 5, 0, 4]
    assert X.toarray().tolist() == [[2, 3, 8, 0, 0], [2, 5, 4, 2, 3], [0, 0, 0, 0, 0], [9, 10, 6, 7, 0]]


def test_width_is_that_of_the_longest_document_transformed():
    vectorizer = SequenceVectorizer().fit(["a b c d e"])
    assert vectorizer.transform(["a", "b x"]).shape == (2, 2)
    empty = vectorizer.transform(["", " \n"])
    assert (empty.shape, empty.nnz) == ((2, 1), 0)


def test_inverse_transform_gives_the_tokens_back():
    vectorizer = SequenceVectorizer().fit(["a b", "c"])
    X = vectorizer.transform(["b x a", "", "C"])
    expected = [["b", "[UNK]", "a"], [], ["c"]]
    stored_zeros = sparse.csr_matrix(X.toarray() + 1)
    stored_zeros.data -= 1
    for same in (X, X.toarray(), X.tocsc(), sparse.csr_array(X), stored_zeros):
        assert vectorizer.inverse_transform(same) == expected
    assert vectorizer.inverse_transform(np.array([[0, 0, 2], [1, 0, 3]])) == [["a"], ["[UNK]", "b"]]


def test_inverse_transform_of_no_document_is_an_empty_list():
    vectorizer = SequenceVectorizer().fit(["a"])
    assert vectorizer.inverse_transform(vectorizer.transform(["a"])[:0]) == []


def test_inverse_transform_reads_columns_in_order_even_if_stored_otherwise():
    vectorizer = SequenceVectorizer().fit(["a b c"])
    X = vectorizer.transform(["a b c"])[:, ::-1]
    assert vectorizer.inverse_transform(X) == vectorizer.inverse_transform(X.toarray()) == [["c", "b", "a"]]


def test_soft_hyphens_and_inner_joiners_keep_words_whole():
    analyze = SequenceVectorizer().build_analyzer()
    assert analyze("co\u00adoperate צה״ל paral·lel") == ["cooperate", "צה״ל", "paral·lel"]


def test_inverse_transform_takes_whole_numbers_stored_as_floats():
    vectorizer = SequenceVectorizer().fit(["a b"])
    assert vectorizer.inverse_transform(vectorizer.transform(["b a"]).astype(float)) == [["b", "a"]]


@pytest.mark.parametrize(
    ("X", "message"), [([[2, 4]], "token ids from 0 to 3, got 4"), ([[-1, 2]], "token ids to be integers from 0")]
)
def test_inverse_transform_refuses_ids_out_of_range(X, message):
    with pytest.raises(ValueError, match=f"Expected {message}"):
        SequenceVectorizer().fit(["a b"]).inverse_transform(np.array(X))


def test_feature_names_are_indexed_by_id():
    vectorizer = SequenceVectorizer().fit(DOCUMENTS)
    names = vectorizer.get_feature_names_out()
    assert names.dtype == object
    assert names[:2].tolist() == ["", "[UNK]"]
    assert {token: names[i] for token, i in vectorizer.vocabulary_.items()} == {t: t for t in names[2:]}
    assert len(names) == len(vectorizer.vocabulary_) + 2


@pytest.mark.parametrize(
    ("documents", "rate"), [(["a b", "a"], 0), (["a x y", "", "b"], 0.5), (["x"], 1), ([""], 0)]
)
def test_oov_rate_is_the_share_of_unknown_tokens(documents, rate):
    found = SequenceVectorizer().fit(["a b"]).oov_rate(documents)
    assert isinstance(found, float)
    assert found == rate


def test_clone_has_the_parameters_and_nothing_learned():
    params = {
        "analyzer": split,
        "lowercase": False,
        "strip_accents": "ascii",
        "preprocessor": str.upper,
        "tokenizer": str.split,
        "token_pattern": r"\w",
        "stop_words": ["a"],
        "max_features": 7,
        "min_df": 2,
        "max_df": 0.5,
        "vocabulary": {"a": 2},
        "max_length": 9,
        "truncate": "both",
    }
    vectorizer = SequenceVectorizer(**params)
    assert vectorizer.get_params() == params
    assert all(getattr(vectorizer, name) is value for name, value in params.items())
    copy = clone(vectorizer.fit(["a b", "a"]))
    assert copy.get_params() == params
    assert not hasattr(copy, "vocabulary_")
    assert copy.set_params(truncate="tail").truncate == "tail"


def test_fitted_vectorizer_pickles_small_and_whole():
    vectorizer = SequenceVectorizer(token_pattern=r"\w+", stop_words="english").fit(DOCUMENTS)
    pickled = pickle.dumps(vectorizer)
    assert len(pickled) < 1000
    copy = pickle.loads(pickled)
    assert copy.vocabulary_ == vectorizer.vocabulary_
    assert_same(copy.transform(DOCUMENTS), vectorizer.transform(DOCUMENTS))


def test_refit_forgets_the_first_fit():
    vectorizer = SequenceVectorizer().fit(["a b"])
    assert vectorizer.fit(["c"]).vocabulary_ == {"c": 2}


@pytest.mark.parametrize(
    "use",
    [
        lambda vectorizer: vectorizer.transform(["a"]),
        lambda vectorizer: vectorizer.inverse_transform([[2]]),
        lambda vectorizer: vectorizer.get_feature_names_out(),
        lambda vectorizer: vectorizer.oov_rate(["a"]),
    ],
)
def test_use_before_fit_is_refused(use):
    with pytest.raises(NotFittedError, match="SequenceVectorizer"):
        use(SequenceVectorizer())


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_sequences_stay_sparse_under_another_output_container(container):
    with config_context(transform_output=container):
        assert sparse.issparse(SequenceVectorizer().fit_transform(DOCUMENTS))


def test_inputs_are_not_mutated():
    documents = np.array([["A b"], ["C"]], dtype=object)
    vocabulary, stop_words = {"c": 3, "b": 2}, ["x"]
    vectorizer = SequenceVectorizer(vocabulary=vocabulary, stop_words=stop_words)
    X = vectorizer.fit_transform(documents)
    before = X.copy()
    vectorizer.inverse_transform(X)
    assert documents.tolist() == [["A b"], ["C"]]
    assert (list(vocabulary.items()), stop_words) == ([("c", 3), ("b", 2)], ["x"])
    assert vectorizer.vocabulary_ is not vocabulary
    assert_same(X, before)


CONTAINERS = {
    "tuple": tuple,
    "generator": lambda texts: (text for text in texts),
    "dict values": lambda texts: dict(enumerate(texts)).values(),
    "object array": lambda texts: np.array(texts, dtype=object),
    "str array": np.array,
    "column array": lambda texts: np.array(texts, dtype=object)[:, None],
    "str subclass": lambda texts: [np.str_(text) for text in texts],
    "bytes": lambda texts: [text.encode() for text in texts],
    "bytes array": lambda texts: np.array([text.encode() for text in texts]),
    "text and bytes": lambda texts: [texts[0].encode(), *texts[1:]],
    "pandas Series": lambda texts: pd.Series(texts, index=range(9, 9 - len(texts), -1)),
    "pandas Series of string dtype": lambda texts: pd.Series(texts, dtype="string"),
    "pandas Series of object dtype": lambda texts: pd.Series(texts, dtype=object),
    "pandas categorical": lambda texts: pd.Series(texts, dtype="category"),
    "pandas Index": pd.Index,
    "pandas DataFrame": lambda texts: pd.DataFrame({"text": texts}),
    "pandas DataFrame of string dtype": lambda texts: pd.DataFrame({3: texts}, dtype="string"),
    "polars Series": pl.Series,
    "polars DataFrame": lambda texts: pl.DataFrame({"text": texts}),
    "pyarrow Array": pa.array,
    "pyarrow ChunkedArray": lambda texts: pa.chunked_array([texts[:1], texts[1:]]),
    "pyarrow Table": lambda texts: pa.table({"text": texts}),
}
if hasattr(np.dtypes, "StringDType"):
    CONTAINERS["StringDType array"] = lambda texts: np.array(texts, dtype=np.dtypes.StringDType())
    CONTAINERS["StringDType column"] = lambda texts: np.array(texts, dtype=np.dtypes.StringDType())[:, None]


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_containers_give_the_same_sequences(container):
    documents = check_documents(container(DOCUMENTS))
    assert documents == DOCUMENTS
    assert set(map(type, documents)) == {str}
    vectorizer = SequenceVectorizer()
    X = vectorizer.fit_transform(container(DOCUMENTS))
    expected = SequenceVectorizer().fit_transform(DOCUMENTS)
    assert_same(X, expected)
    assert_same(vectorizer.transform(container(DOCUMENTS)), expected)


def test_str_subclass_counts_as_the_text_it_holds():
    class Answer(str, Enum):
        YES = "yes, please"

    assert check_documents([Answer.YES]) == ["yes, please"]


MISSING = "Document 1 is missing"
REFUSED = {
    "str": ("one document", ValueError, "got a single str; wrap it in a list"),
    "NumPy str": (np.str_("one"), ValueError, "got a single str_; wrap it in a list"),
    "bytes": (b"one document", ValueError, "got a single bytes; wrap it in a list"),
    "dict": ({"text": ["a"]}, TypeError, "Expected an iterable of str documents, got a dict"),
    "set": ({"a", "b"}, TypeError, "Expected an iterable of str documents, got a set"),
    "sparse matrix": (sparse.csr_matrix([[1]]), TypeError, "of str documents, got a csr_matrix"),
    "sparse array": (sparse.csc_array([[1]]), TypeError, "of str documents, got a csc_array"),
    "int": (3, TypeError, "Expected an iterable of str documents, got int"),
    "None": (None, TypeError, "Expected an iterable of str documents, got NoneType"),
    "0-D array": (np.array("text"), ValueError, "one document a row, got an array of shape ()"),
    "two columns": (np.array([["a", "b"]]), ValueError, "one document a row, got an array of shape (1, 2)"),
    "3-D array": (np.array([[["a"]]]), ValueError, "one document a row, got an array of shape (1, 1, 1)"),
    "pandas columns": (pd.DataFrame({"a": ["x"], "b": ["y"]}), ValueError, "Select the text column (X['text'])"),
    "polars columns": (pl.DataFrame({"a": ["x"], "b": ["y"]}), ValueError, "sklearn.compose.ColumnTransformer"),
    "missing None": (["a", None], ValueError, f"{MISSING} (None)"),
    "missing nan": (["a", math.nan], ValueError, f"{MISSING} (nan)"),
    "missing np.nan": (np.array(["a", np.nan], dtype=object), ValueError, MISSING),
    "missing NA": (["a", pd.NA], ValueError, f"{MISSING} (<NA>)"),
    "missing NaT": (["a", pd.NaT], ValueError, f"{MISSING} (NaT)"),
    "missing in pandas": (pd.Series(["a", None, "b"]), ValueError, MISSING),
    "missing in pandas string": (pd.Series(["a", None], dtype="string"), ValueError, f"{MISSING} (<NA>)"),
    "missing in pandas DataFrame": (pd.DataFrame({"text": ["a", None]}), ValueError, MISSING),
    "missing in polars": (pl.Series(["a", None]), ValueError, f"{MISSING} (None); drop it or replace it"),
    "number": (["a", "b", 3], TypeError, "Expected every document to be a str, got int at position 2"),
    "numbers": (np.array([1.5, 2.5]), TypeError, "got float at position 0"),
    "token lists": ([["a", "b"]], TypeError, "got list at position 0"),
    "arrays": ([np.array([1, 2])], TypeError, "got ndarray at position 0"),
    "Latin-1": ([b"a", "é".encode("latin-1")], ValueError, "Document 1 is bytes that are not UTF-8"),
    "empty list": ([], ValueError, "Expected at least one document, got none (0 samples)"),
    "empty generator": (iter(()), ValueError, "Expected at least one document, got none"),
    "empty array": (np.empty((0, 1), dtype=object), ValueError, "Expected at least one document, got none"),
    "empty pandas Series": (pd.Series([], dtype=object), ValueError, "Expected at least one document, got none"),
}


@pytest.mark.parametrize(("documents", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_documents_are_refused_with_what_is_wrong_and_where(documents, error, message):
    with pytest.raises(error, match=re.escape(message)):
        check_documents(documents)
    with pytest.raises(error):
        SequenceVectorizer().fit(documents)
    with pytest.raises(error):
        SequenceVectorizer().fit(["a"]).transform(documents)


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
def test_empty_vocabulary_says_what_emptied_it(params, message):
    documents = ["", " "] if not params else ["the", "and"]
    with pytest.raises(ValueError, match=f"Empty vocabulary: .*{re.escape(message)}"):
        SequenceVectorizer(**params).fit(documents)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"analyzer": "wrod"}, ValueError, "'subword' or a callable; got 'wrod'. Did you mean 'word'?"),
        ({"analyzer": None}, TypeError, "to be one of 'word', 'char', 'subword' or a callable; got None"),
        ({"strip_accents": "Unicode"}, ValueError, "got 'Unicode'. Did you mean 'unicode'?"),
        ({"strip_accents": True}, TypeError, "Expected strip_accents to be one of 'ascii', 'unicode'"),
        (
            {"stop_words": "englsh"},
            ValueError,
            "or a collection of str or None; got 'englsh'. Did you mean 'english'?",
        ),
        ({"stop_words": "xyz"}, ValueError, "got 'xyz'."),
        ({"truncate": "haed"}, ValueError, "'head', 'tail', 'both'; got 'haed'. Did you mean 'head'?"),
        (
            {"token_pattern": "(a)(b)"},
            ValueError,
            "at most one capturing group, got '(a)(b)'; write the others as",
        ),
        *(
            ({name: value}, error, f"Expected {name} to be {expected}; got {value!r}.")
            for name, expected, value, error in [
                ("max_features", "an integer >= 1", 0, ValueError),
                ("max_features", "an integer >= 1", -1, ValueError),
                ("max_features", "an integer >= 1", 10.0, TypeError),
                ("max_features", "an integer >= 1", True, TypeError),
                ("max_features", "an integer >= 1", "10", TypeError),
                ("max_length", "an integer >= 1", 0, ValueError),
                ("max_length", "an integer >= 1", 2.5, TypeError),
                ("max_length", "an integer >= 1", False, TypeError),
                ("min_df", "an integer >= 1", 0, ValueError),
                ("min_df", "an integer >= 1", True, TypeError),
                ("min_df", "a number >= 0 and <= 1", 1.5, ValueError),
                ("min_df", "a number >= 0 and <= 1", math.nan, ValueError),
                ("min_df", "a number >= 0 and <= 1", "1", TypeError),
                ("max_df", "an integer >= 1", -2, ValueError),
                ("max_df", "an integer >= 1", True, TypeError),
                ("max_df", "a number >= 0 and <= 1", -0.1, ValueError),
                ("max_df", "a number >= 0 and <= 1", None, TypeError),
            ]
        ),
    ],
)
def test_wrong_parameters_are_refused_in_fit(params, error, message):
    vectorizer = SequenceVectorizer(**params)
    with pytest.raises(error, match=re.escape(message)):
        vectorizer.fit(["a"])
    assert not hasattr(vectorizer, "vocabulary_")


@pytest.mark.parametrize(
    "params", [{"max_features": np.int64(1)}, {"min_df": np.float32(0.75)}, {"max_length": np.int8(1)}], ids=str
)
def test_numpy_numbers_are_numbers(params):
    assert SequenceVectorizer(**params).fit(["a b", "a"]).vocabulary_ == {"a": 2}


SUBWORD_DOCUMENTS = [
    "lower lowest low Low, low!",
    "newer newest new slow",
    "我喜欢北京 我喜欢上海",
    "คนไทยชอบกิน คนไทยชอบ",
    "カタカナとカタカナ 👩‍👩‍👧‍👦😀😀",
]


@pytest.fixture
def subwords():
    pytest.importorskip("tokenizers")
    return SequenceVectorizer("subword").fit(SUBWORD_DOCUMENTS)


@pytest.mark.parametrize(
    ("document", "pieces"),
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
def test_subword_analyzer_cuts(subwords, document, pieces):
    assert subwords.build_analyzer()(document) == pieces
    known = [piece if piece in subwords.vocabulary_ else "[UNK]" for piece in pieces]
    assert subwords.inverse_transform(subwords.transform([document])) == [known]


def test_subwords_are_most_frequent_first_and_ties_are_alphabetical(subwords):
    X = subwords.transform(SUBWORD_DOCUMENTS)
    counts = Counter(X.data.tolist())
    names = subwords.get_feature_names_out()
    ids = range(2, len(names))
    assert sorted(ids, key=lambda i: (-counts[i], names[i])) == list(ids)
    assert counts[len(names) - 1] == 0
    assert list(subwords.vocabulary_.values()) == list(range(2, len(names)))


def test_max_features_bounds_the_subwords_and_leaves_room_for_more_than_characters():
    pytest.importorskip("tokenizers")
    documents = ["的一是不了人我在有他这为之大来以个中上们", *["喜欢 low"] * 3]
    for n in (1, 2, 5, 10, 20):
        assert 1 <= len(SequenceVectorizer("subword", max_features=n).fit(documents).vocabulary_) <= n
    assert {"喜欢", "▁low"} <= set(SequenceVectorizer("subword", max_features=12).fit(documents).vocabulary_)


def test_preprocessing_comes_before_subwords():
    pytest.importorskip("tokenizers")
    for params, piece in [
        ({}, "▁né"),
        ({"lowercase": False}, "▁Né"),
        ({"strip_accents": "unicode"}, "▁ne"),
        ({"preprocessor": str.upper}, "▁NÉ"),
    ]:
        assert next(iter(SequenceVectorizer("subword", **params).fit(["Né Né"]).vocabulary_)) == piece


@settings(deadline=None)
@given(st.data(), st.integers(1, 6), st.sampled_from(["head", "tail", "both"]))
def test_subwords_of_a_fit_are_those_of_a_transform(data, max_length, truncate):
    pytest.importorskip("tokenizers")
    words = st.lists(st.sampled_from(["low", "lower", "slow", "我喜欢", "喜欢我", "!", "x", "é"]), max_size=8)
    documents = [*data.draw(st.lists(words.map(" ".join), min_size=1, max_size=6)), "low"]
    vectorizer = SequenceVectorizer("subword", max_features=9, max_length=max_length, truncate=truncate)
    X = vectorizer.fit_transform(documents)
    assert len(vectorizer.vocabulary_) <= 9
    assert_same(vectorizer.transform(documents), X)


def test_new_words_are_spelled_with_the_characters_of_old_ones(subwords):
    assert subwords.oov_rate(["trowel 欢喜"]) == 0
    assert subwords.oov_rate(["low é"]) == 1 / 3


def test_fixed_subwords_need_no_fit_of_their_own(subwords):
    fixed = SequenceVectorizer("subword", vocabulary=subwords.vocabulary_)
    assert_same(fixed.fit_transform(SUBWORD_DOCUMENTS), subwords.transform(SUBWORD_DOCUMENTS))
    by_hand = SequenceVectorizer("subword", vocabulary=["▁un", "▁", "un", "able"])
    assert by_hand.fit_transform(["unable able x"]).toarray().tolist() == [[2, 5, 3, 5, 3, 1]]


def test_subwords_of_documents_without_tokens_are_refused():
    pytest.importorskip("tokenizers")
    with pytest.raises(ValueError, match="Empty vocabulary: the documents hold no token"):
        SequenceVectorizer("subword").fit(["", " "])


def test_subwords_are_unknown_before_fit():
    with pytest.raises(NotFittedError):
        SequenceVectorizer("subword").build_analyzer()


def test_fitted_subwords_are_plain_data(subwords, tmp_path):
    assert set(vars(subwords)) == {*subwords.get_params(), "vocabulary_"}
    joblib.dump(subwords, tmp_path / "subwords.joblib")
    copies = [pickle.loads(pickle.dumps(subwords)), deepcopy(subwords), joblib.load(tmp_path / "subwords.joblib")]
    skops = pytest.importorskip("skops.io")
    data = skops.dumps(subwords)
    copies.append(skops.loads(data, trusted=skops.get_untrusted_types(data=data)))
    for copy in copies:
        assert_same(copy.transform(SUBWORD_DOCUMENTS), subwords.transform(SUBWORD_DOCUMENTS))
    again = clone(subwords)
    assert not hasattr(again, "vocabulary_")
    assert list(again.fit(SUBWORD_DOCUMENTS).vocabulary_.items()) == list(subwords.vocabulary_.items())


def test_learning_subwords_without_tokenizers_says_what_to_install(subwords, monkeypatch):
    X = subwords.transform(SUBWORD_DOCUMENTS)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=re.escape('pip install "skrnn[subword]"')):
        SequenceVectorizer("subword").fit(SUBWORD_DOCUMENTS)
    assert_same(subwords.transform(SUBWORD_DOCUMENTS), X)


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


def test_subwords_are_the_same_in_forks_threads_and_workers_and_without_a_warning():
    pytest.importorskip("tokenizers")
    learnt = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        environment.pop("TOKENIZERS_PARALLELISM", None)
        result = subprocess.run(
            [sys.executable, "-c", LEARN_IN_PROCESSES],
            env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120,
        )  # fmt: skip
        assert (result.returncode, result.stderr) == (0, "")
        learnt.append(result.stdout)
    assert learnt[0] == learnt[1]


# Characters that the cutting treats apart, so that short examples bring them together.
characters = st.characters() | st.sampled_from(
    "aZéΣσ1²_.,'’-\"!  \n\u200c\u200d\u00ad\u0301\u0345\u20e3\ufe0f👩👍🏽🇫🇷❤🏴\U000e0067"
    "，。〰（？一我々カーｶﾞ한한ทีนि्कكَـ\u0130\u212b\u1fbc𝒜𠀀\ud800\U0010ffff"
)
texts = st.text(characters, max_size=30)


@settings(deadline=None, max_examples=300)
@given(texts)
def test_any_text_gives_tokens_that_are_neither_empty_nor_white_space(text):
    for token in tokens_of(text):
        assert token
        assert not any(character.isspace() for character in token)


@settings(deadline=None, max_examples=300)
@given(texts)
def test_every_letter_appears_in_some_token(text):
    found = Counter("".join(tokens_of(text)))
    normalized = unicodedata.normalize("NFC", text.lower())
    letters = Counter(character for character in normalized if unicodedata.category(character)[0] == "L")
    assert letters <= found


@settings(deadline=None, max_examples=300)
@given(texts)
def test_tokens_do_not_depend_on_unicode_composition(text):
    assert tokens_of(unicodedata.normalize("NFD", text)) == tokens_of(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize("document", ["\u200d一起去", "去一\u200d", "一🏻 我", "一🏻一我\u200d一", "一\ufe0f 一"])
def test_a_joiner_or_a_modifier_beside_any_character(document):
    documents = ["我们一起去吃饭", document, "看电影 一个"]
    vectorizer = SequenceVectorizer()
    assert vectorizer.inverse_transform(vectorizer.fit_transform(documents)) == [*map(tokens_of, documents)]


@settings(deadline=None, max_examples=300)
@given(st.lists(texts, min_size=1), texts, st.integers(1, 8), st.sampled_from(["head", "tail", "both"]))
def test_sequences_are_those_of_the_tokens_one_by_one(documents, corpus, max_length, truncate):
    vectorizer = SequenceVectorizer(max_length=max_length, truncate=truncate).fit([corpus + "a一"])
    one_by_one = SequenceVectorizer(
        tokens_of, vocabulary=vectorizer.vocabulary_, max_length=max_length, truncate=truncate
    )
    assert_same(vectorizer.transform(documents), one_by_one.fit_transform(documents))


@settings(deadline=None)
@given(texts.map(lambda text: text + "a"), st.sampled_from(["word", "char"]))
def test_any_text_survives_the_round_trip(text, analyzer):
    vectorizer = SequenceVectorizer(analyzer)
    assert vectorizer.inverse_transform(vectorizer.fit_transform([text])) == [tokens_of(text, analyzer=analyzer)]


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "cc", "我", "!", "x", "y"]), max_size=6).map(" ".join), min_size=1
    ),
    st.data(),
)
def test_transform_of_a_subset_is_the_subset_of_the_transform(documents, data):
    vectorizer = SequenceVectorizer(max_length=4).fit(["a b cc 我", "!"])
    rows = data.draw(st.lists(st.sampled_from(range(len(documents))), min_size=1))
    everything = vectorizer.inverse_transform(vectorizer.transform(documents))
    subset = vectorizer.inverse_transform(vectorizer.transform([documents[row] for row in rows]))
    assert subset == [everything[row] for row in rows]
