import math
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skrnn import SequenceVectorizer

DOCUMENTS = ["the cat sat", "the dog, the cat", "", "别慌 don’t panic"]


def split(document):
    return document.split()


def test_failed_fit_keeps_the_previous_vocabulary():
    vectorizer = SequenceVectorizer(vocabulary=["good"]).fit(["good"])
    vectorizer.set_params(vocabulary=["bad"], tokenizer=lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        vectorizer.fit(["bad"])
    assert vectorizer.vocabulary_ == {"good": 2}


@pytest.mark.parametrize(
    "params",
    [{}, {"analyzer": "char"}, {"max_features": 3}, {"min_df": 2}, {"max_length": 2}, {"vocabulary": ["cat"]}],
)
def test_fit_transform_agrees_with_fit_and_transform(params):
    X = SequenceVectorizer(**params).fit_transform(DOCUMENTS)
    again = SequenceVectorizer(**params).fit(DOCUMENTS).transform(DOCUMENTS)
    np.testing.assert_array_equal(X.toarray(), again.toarray())


@pytest.mark.parametrize("params", [{}, {"min_df": 2, "max_features": 2}, {"vocabulary": ["cat"]}])
def test_each_document_is_tokenized_once(params):
    seen = []

    def analyze(document):
        seen.append(document)
        return document.split()

    vectorizer = SequenceVectorizer(analyze, **params)
    vectorizer.fit_transform(DOCUMENTS)
    assert seen == DOCUMENTS
    vectorizer.transform(DOCUMENTS)
    assert seen == DOCUMENTS * 2


def test_result_is_left_aligned_csr_without_stored_zeros():
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


def test_width_is_the_length_of_the_longest_document_of_the_fit():
    vectorizer = SequenceVectorizer()
    assert vectorizer.fit_transform(["a b c", "a"]).shape == (2, vectorizer.max_length_) == (2, 3)
    assert vectorizer.transform(["b"]).toarray().tolist() == [[3, 0, 0]]
    empty = vectorizer.transform(["", " \n"])
    assert (empty.shape, empty.nnz) == ((2, 3), 0)
    assert vectorizer.fit(["a", ""]).max_length_ == 1
    assert SequenceVectorizer(vocabulary=["a"]).fit([""]).max_length_ == 1


@pytest.mark.parametrize(("truncate", "row"), [("head", [2, 3, 4]), ("tail", [4, 5, 6]), ("both", [2, 3, 6])])
def test_longer_documents_are_cut_at_the_width(truncate, row):
    vectorizer = SequenceVectorizer(vocabulary=list("abcde"), truncate=truncate).fit(["a b c"])
    assert vectorizer.transform(["a b c d e"]).toarray().tolist() == [row]


def test_max_length_is_the_width():
    vectorizer = SequenceVectorizer(max_length=4)
    assert vectorizer.fit_transform(["a b"]).shape == (1, 4)
    assert vectorizer.transform(["a b a b a"]).toarray().tolist() == [[2, 3, 2, 3]]
    assert type(SequenceVectorizer(max_length=np.uint8(4)).fit(["a"]).max_length_) is int


def test_encoded_documents_are_whole():
    vectorizer = SequenceVectorizer().fit(["a b"])
    ids = vectorizer.encode(["a b x a", "b"])
    assert ids.tolist() == [[2, 3, 1, 2], [3, 0, 0, 0]]
    assert ids.dtype == np.int32
    assert vectorizer.encode([""]).tolist() == [[0]]
    assert SequenceVectorizer(max_length=2).fit(["a b"]).encode(["a b b"]).tolist() == [[2, 3]]


def test_oov_rate_counts_tokens_behind_the_width():
    assert SequenceVectorizer().fit(["a b"]).oov_rate(["a b x y"]) == 0.5


@pytest.mark.skipif("sparse_interface" not in get_config(), reason="scikit-learn 1.9 brought the option")
def test_sparse_interface_of_scikit_learn_is_obeyed():
    vectorizer = SequenceVectorizer()
    with config_context(sparse_interface="sparray"):
        X = vectorizer.fit_transform(DOCUMENTS)
        assert type(X) is type(vectorizer.transform(DOCUMENTS)) is sparse.csr_array
    assert type(vectorizer.transform(DOCUMENTS)) is sparse.csr_matrix
    np.testing.assert_array_equal(X.toarray(), vectorizer.transform(DOCUMENTS).toarray())


def test_inverse_transform_returns_the_tokens():
    vectorizer = SequenceVectorizer().fit(["a b", "c"])
    X = vectorizer.fit(["a b c"]).transform(["b x a", "", "C"])
    expected = [["b", "[UNK]", "a"], [], ["c"]]
    stored_zeros = sparse.csr_matrix(X.toarray() + 1)
    stored_zeros.data -= 1
    assert stored_zeros.nnz == 9
    for same in (X, X.toarray(), X.tocsc(), sparse.csr_array(X), stored_zeros):
        assert vectorizer.inverse_transform(same) == expected
    assert vectorizer.inverse_transform(np.array([[0, 0, 2], [1, 3, 0]])) == [["a"], ["[UNK]", "b"]]


def test_inverse_transform_without_documents():
    vectorizer = SequenceVectorizer().fit(["a"])
    assert vectorizer.inverse_transform(vectorizer.transform(["a"])[:0]) == []


def test_inverse_transform_sorts_stored_columns():
    vectorizer = SequenceVectorizer().fit(["a b c"])
    X = vectorizer.transform(["a b c"])[:, ::-1]
    assert vectorizer.inverse_transform(X) == vectorizer.inverse_transform(X.toarray()) == [["c", "b", "a"]]


def test_inverse_transform_takes_ids_stored_as_floats():
    vectorizer = SequenceVectorizer().fit(["a b"])
    assert vectorizer.inverse_transform(vectorizer.transform(["b a"]).astype(float)) == [["b", "a"]]


@pytest.mark.parametrize(
    ("X", "message"), [([[2, 4]], "token ids from 0 to 3, got 4"), ([[-1, 2]], "token ids to be integers from 0")]
)
def test_inverse_transform_refuses_ids_out_of_range(X, message):
    with pytest.raises(ValueError, match=f"Expected {message}"):
        SequenceVectorizer().fit(["a b"]).inverse_transform(np.array(X))


def test_vocabulary_lists_the_tokens_in_the_order_of_ids():
    vectorizer = SequenceVectorizer().fit(DOCUMENTS)
    tokens = vectorizer.get_vocabulary()
    assert tokens[:2] == ["", "[UNK]"]
    assert {token: tokens[i] for token, i in vectorizer.vocabulary_.items()} == {t: t for t in tokens[2:]}
    assert len(tokens) == len(vectorizer.vocabulary_) + 2


def test_feature_names_name_the_columns():
    vectorizer = SequenceVectorizer()
    X = vectorizer.fit_transform(["a b c", "a"])
    expected = ["sequencevectorizer0", "sequencevectorizer1", "sequencevectorizer2"]
    assert vectorizer.get_feature_names_out().tolist() == expected
    assert make_pipeline(vectorizer, "passthrough")[:-1].get_feature_names_out(["text"]).tolist() == expected
    assert X.shape[1] == len(expected)


def test_column_transformer_makes_a_data_frame_of_ids():
    table = pd.DataFrame({"text": ["a b c", "a"], "age": [3, 4]})
    columns = ColumnTransformer(
        [("tokens", SequenceVectorizer(), "text"), ("age", "passthrough", ["age"])], sparse_threshold=0
    )
    with config_context(transform_output="pandas"):
        result = columns.fit_transform(table)
    assert result.to_numpy().tolist() == [[2, 3, 4, 3], [2, 0, 0, 4]]
    assert result.columns.tolist() == [f"tokens__sequencevectorizer{i}" for i in range(3)] + ["age__age"]


@pytest.mark.parametrize(
    ("documents", "rate"), [(["a b", "a"], 0), (["a x y", "", "b"], 0.5), (["x"], 1), ([""], 0)]
)
def test_oov_rate_is_the_share_of_unknown_tokens(documents, rate):
    found = SequenceVectorizer().fit(["a b"]).oov_rate(documents)
    assert isinstance(found, float)
    assert found == rate


def test_clone_has_the_parameters_and_no_vocabulary():
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


def test_pickle_is_small_and_complete():
    vectorizer = SequenceVectorizer(token_pattern=r"\w+", stop_words="english").fit(DOCUMENTS)
    pickled = pickle.dumps(vectorizer)
    assert len(pickled) < 1000
    copy = pickle.loads(pickled)
    assert copy.vocabulary_ == vectorizer.vocabulary_
    np.testing.assert_array_equal(copy.transform(DOCUMENTS).toarray(), vectorizer.transform(DOCUMENTS).toarray())


def test_public_name():
    assert SequenceVectorizer.__module__ == "skrnn"
    assert b"_vectorizer" not in pickle.dumps(SequenceVectorizer())


DAMAGES = {
    "list": ({"vocabulary_": ["a", "b"]}, "vocabulary_ to be a mapping"),
    "bytes": ({"vocabulary_": {b"a": 2, "b": 3}}, "vocabulary_ to be a mapping from str"),
    "gap": ({"vocabulary_": {"a": 2, "b": 4}}, "ids of vocabulary"),
    "repetition": ({"vocabulary_": {"a": 2, "b": 2}}, "ids of vocabulary"),
    "float": ({"vocabulary_": {"a": 2, "b": 3.0}}, "ids of vocabulary"),
    "nothing": ({"vocabulary_": {}}, "Empty vocabulary"),
    "analyzer": ({"analyzer": "chaR"}, "Expected analyzer to be 'word'.*got 'chaR'. Did you mean 'char'"),
    "max_length": ({"max_length": -1}, "Expected max_length to be an integer >= 1"),
    "truncate": ({"truncate": None}, "Expected truncate to be"),
    "no width": ({"max_length_": 0}, "Expected max_length_ to be an integer >= 1; got 0"),
    "width": ({"max_length_": 2.5}, "Expected max_length_ to be an integer >= 1; got 2.5"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_state_is_refused(damage, message):
    state = SequenceVectorizer().fit(["a b"]).__getstate__()
    with pytest.raises(ValueError, match=f"SequenceVectorizer cannot be restored, .* damaged: .*{message}"):
        SequenceVectorizer().__setstate__({**state, **damage})


def test_state_without_a_parameter_is_refused():
    state = SequenceVectorizer().fit(["a b"]).__getstate__()
    del state["truncate"]
    with pytest.raises(ValueError, match="SequenceVectorizer cannot be restored"):
        SequenceVectorizer().__setstate__(state)


def test_restored_vocabulary_is_in_the_order_of_ids():
    vectorizer = SequenceVectorizer().fit(["a a b"])
    vectorizer.vocabulary_ = {"b": 3, "a": 2}
    assert pickle.loads(pickle.dumps(vectorizer)).get_vocabulary() == ["", "[UNK]", "a", "b"]


def test_invalid_parameters_of_an_unfitted_vectorizer_can_be_pickled():
    copy = pickle.loads(pickle.dumps(SequenceVectorizer(analyzer="wrod")))
    with pytest.raises(ValueError, match="Did you mean 'word'"):
        copy.fit(["a"])


def test_refit_replaces_the_vocabulary():
    vectorizer = SequenceVectorizer().fit(["a b"])
    assert vectorizer.fit(["c"]).vocabulary_ == {"c": 2}


@pytest.mark.parametrize(
    "use",
    [
        lambda vectorizer: vectorizer.transform(["a"]),
        lambda vectorizer: vectorizer.inverse_transform([[2]]),
        lambda vectorizer: vectorizer.encode(["a"]),
        lambda vectorizer: vectorizer.get_vocabulary(),
        lambda vectorizer: vectorizer.get_feature_names_out(),
        lambda vectorizer: vectorizer.oov_rate(["a"]),
    ],
)
def test_methods_need_a_fit(use):
    with pytest.raises(NotFittedError, match="SequenceVectorizer"):
        use(SequenceVectorizer())


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_result_stays_sparse_under_set_output(container):
    with config_context(transform_output=container):
        assert sparse.issparse(SequenceVectorizer().fit_transform(DOCUMENTS))


def test_inputs_stay_unchanged():
    documents = np.array([["A b"], ["C"]], dtype=object)
    vocabulary, stop_words = {"c": 3, "b": 2}, ["x"]
    vectorizer = SequenceVectorizer(vocabulary=vocabulary, stop_words=stop_words)
    X = vectorizer.fit_transform(documents)
    before = X.copy()
    vectorizer.inverse_transform(X)
    assert documents.tolist() == [["A b"], ["C"]]
    assert (list(vocabulary.items()), stop_words) == ([("c", 3), ("b", 2)], ["x"])
    assert vectorizer.vocabulary_ is not vocabulary
    np.testing.assert_array_equal(X.toarray(), before.toarray())


COUNT_OR_SHARE = "an integer >= 1 or a float >= 0 and <= 1"


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"analyzer": "wrod"}, ValueError, "'subword' or a callable; got 'wrod'. Did you mean 'word'?"),
        ({"analyzer": None}, TypeError, "to be 'word', 'char', 'subword' or a callable; got None"),
        ({"strip_accents": "Unicode"}, ValueError, "got 'Unicode'. Did you mean 'unicode'?"),
        (
            {"strip_accents": True},
            TypeError,
            "strip_accents to be 'ascii', 'unicode', a callable or None",
        ),
        (
            {"stop_words": "englsh"},
            ValueError,
            "'english', a collection of str or None; got 'englsh'. Did you mean 'english'?",
        ),
        ({"stop_words": "xyz"}, ValueError, "got 'xyz'."),
        ({"truncate": "haed"}, ValueError, "'head', 'tail' or 'both'; got 'haed'. Did you mean 'head'?"),
        ({"token_pattern": "(a)(b)"}, ValueError, "one capturing group (write other groups as (?:...)) or None"),
        ({"token_pattern": "(a"}, ValueError, "token_pattern to be a valid regular expression"),
        ({"token_pattern": "("}, ValueError, "got '(': missing ), unterminated subpattern at position 0."),
        ({"stop_words": ["a", 3]}, TypeError, "Expected stop_words to be a collection of str; got 3 in it."),
        ({"token_pattern": b"a"}, TypeError, "token_pattern to be a valid regular expression"),
        ({"lowercase": "no"}, TypeError, "Expected lowercase to be True or False; got 'no'."),
        ({"tokenizer": "a"}, TypeError, "Expected tokenizer to be a callable or None; got 'a'."),
        ({"preprocessor": 1}, TypeError, "Expected preprocessor to be a callable or None; got 1."),
        ({"vocabulary": "ab"}, TypeError, "Expected vocabulary to be a mapping or collection of str or None"),
        *(
            ({name: value}, error, f"Expected {name} to be {expected}; got {value!r}.")
            for name, expected, value, error in [
                ("max_features", "an integer >= 1 or None", 0, ValueError),
                ("max_features", "an integer >= 1 or None", -1, ValueError),
                ("max_features", "an integer >= 1 or None", 10.0, TypeError),
                ("max_features", "an integer >= 1 or None", True, TypeError),
                ("max_features", "an integer >= 1 or None", "10", TypeError),
                ("max_length", "an integer >= 1 or None", 0, ValueError),
                ("max_length", "an integer >= 1 or None", 2.5, TypeError),
                ("max_length", "an integer >= 1 or None", False, TypeError),
                ("min_df", COUNT_OR_SHARE, 0, ValueError),
                ("min_df", COUNT_OR_SHARE, True, TypeError),
                ("min_df", COUNT_OR_SHARE, 1.5, ValueError),
                ("min_df", COUNT_OR_SHARE, math.nan, ValueError),
                ("min_df", COUNT_OR_SHARE, "1", TypeError),
                ("max_df", COUNT_OR_SHARE, -2, ValueError),
                ("max_df", COUNT_OR_SHARE, True, TypeError),
                ("max_df", COUNT_OR_SHARE, -0.1, ValueError),
                ("max_df", COUNT_OR_SHARE, None, TypeError),
            ]
        ),
    ],
)
def test_invalid_parameters_are_refused_in_fit(params, error, message):
    vectorizer = SequenceVectorizer(**params)
    with pytest.raises(error, match=re.escape(message)):
        vectorizer.fit(["a"])
    assert not hasattr(vectorizer, "vocabulary_")


@pytest.mark.parametrize(
    "params", [{"max_features": np.int64(1)}, {"min_df": np.float32(0.75)}, {"max_length": np.int8(1)}], ids=str
)
def test_numpy_scalars_act_as_python_numbers(params):
    assert SequenceVectorizer(**params).fit(["a b", "a"]).vocabulary_ == {"a": 2}


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.uint64])
@pytest.mark.parametrize("truncate", ["head", "tail", "both"])
def test_numpy_max_length_acts_as_int_in_transform(dtype, truncate):
    documents = ["a b c d e f g h", "a b", ""]
    expected = SequenceVectorizer(max_length=6, truncate=truncate).fit_transform(documents).toarray()
    vectorizer = SequenceVectorizer(max_length=dtype(6), truncate=np.str_(truncate))
    np.testing.assert_array_equal(vectorizer.fit_transform(documents).toarray(), expected)
    np.testing.assert_array_equal(vectorizer.transform(documents).toarray(), expected)


def test_parameters_set_after_fit_are_checked_in_transform():
    vectorizer = SequenceVectorizer().fit(["a"]).set_params(max_length=0)
    with pytest.raises(ValueError, match="Expected max_length to be an integer >= 1 or None; got 0"):
        vectorizer.transform(["a"])


class LimitedVectorizer(SequenceVectorizer):
    def __init__(self, analyzer="word", *, limit=2):
        super().__init__(analyzer)
        self.limit = limit

    def build_analyzer(self):
        analyze = super().build_analyzer()
        return lambda document: analyze(document)[: self.limit]


def test_subclass_may_add_parameters_and_override_build_analyzer():
    vectorizer = clone(LimitedVectorizer(limit=1)).fit(["a b", "c"])
    assert vectorizer.vocabulary_ == {"a": 2, "c": 3}
    assert pickle.loads(pickle.dumps(vectorizer)).transform(["c a"]).toarray().tolist() == [[3]]


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "cc", "我", "!", "x", "y"]), max_size=6).map(" ".join), min_size=1
    ),
    st.data(),
)
def test_documents_are_transformed_independently(documents, data):
    vectorizer = SequenceVectorizer(max_length=4).fit(["a b cc 我", "!"])
    rows = data.draw(st.lists(st.sampled_from(range(len(documents))), min_size=1))
    everything = vectorizer.inverse_transform(vectorizer.transform(documents))
    subset = vectorizer.inverse_transform(vectorizer.transform([documents[row] for row in rows]))
    assert subset == [everything[row] for row in rows]


@pytest.mark.parametrize("method", ["transform", "encode"])
def test_a_call_reads_one_fit_while_the_vectorizer_is_fitted_again(method):
    is_interrupted = False

    def analyze(document):
        nonlocal is_interrupted
        if is_interrupted:  # as by another thread
            is_interrupted = False
            vectorizer.fit(["x y z b"])
        return document.split()

    vectorizer = SequenceVectorizer(analyzer=analyze).fit(["a b", "b"])
    expected = getattr(vectorizer, method)(["a b"])
    is_interrupted = True
    found = getattr(vectorizer, method)(["a b"])
    assert found.shape == expected.shape
    assert (found != expected).sum() == 0
    assert vectorizer.max_length_ == 4
