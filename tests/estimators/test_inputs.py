from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import small_spec, to_csr

from skrnn import SequenceVectorizer
from skrnn.estimators._inputs import SequenceInput, TextInput, TokenInput, check_range_of_ids

PARAMS = SimpleNamespace(
    embeddings=None,
    network=None,
    min_count=1,
    trainable_embeddings=True,
    max_ngrams=0,
    char_ngram_range=None,
    embedding_dim=3,
    embedding_dropout=0.0,
    token_dropout=0.0,
    skip_connection=False,
)


def test_documents_become_token_ids():
    text = TextInput(SequenceVectorizer())
    sequences, _ = text.fit_transform(text.check(["a b", "b"], None), PARAMS)
    np.testing.assert_array_equal(sequences.toarray(), [[3, 2], [2, 0]])
    assert text.n_tokens == 4
    np.testing.assert_array_equal(text.transform(["a z"]).toarray(), [[3, 1]])
    assert text.spec_fields(PARAMS)["n_tokens"] == 4


def test_pretrained_vectors_set_the_dimension():
    text = TextInput(SequenceVectorizer())
    _, start = text.fit_transform(
        ["a b c d"], SimpleNamespace(**{**vars(PARAMS), "embeddings": {"a": [1.0, 2.0]}})
    )
    assert (text.pretrained_dim, text.embedding_coverage) == (2, 0.25)
    np.testing.assert_array_equal(start.pretrained[1], [[1, 2]])
    assert text.spec_fields(PARAMS)["n_features"] == 2


def test_token_ids_beyond_the_fit_are_unknown():
    tokens = TokenInput()
    sequences, _ = tokens.fit_transform(to_csr([[2, 3], [4]]), PARAMS)
    assert tokens.n_tokens == 5
    X = to_csr([[2, 9]])
    np.testing.assert_array_equal(tokens.transform(X).toarray(), [[2, 1]])
    np.testing.assert_array_equal(X.toarray(), [[2, 9]])
    np.testing.assert_array_equal(tokens.transform(sequences).toarray(), sequences.toarray())


@pytest.mark.parametrize(("largest", "n_distinct"), [(999_999, 1), (2_000_000, 200_000)])
def test_large_vocabularies_are_allowed(largest, n_distinct):
    check_range_of_ids(to_csr([[largest, *range(2, n_distinct + 1)]]))


@pytest.mark.parametrize(("largest", "n_distinct"), [(1_000_000, 4), (2_000_001, 200_000), (2**31 - 1, 1000)])
def test_stray_ids_are_refused(largest, n_distinct):
    X = to_csr([[], [2, 3], [4, largest], list(range(5, n_distinct + 1))])
    message = f"Token id {largest} of document 2 needs vectors for {largest + 1} ids, but X has only {n_distinct} "
    with pytest.raises(ValueError, match=message):
        check_range_of_ids(X)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["b", "a"], "column 0 to be 'a', got 'b'"),
        (["a"], "column 1 to be 'b', got None"),
        (["a", "b", "c"], "column 2 to be None, got 'c'"),
    ],
)
def test_columns_of_token_ids_keep_their_names(columns, message):
    tokens = TokenInput(feature_names=["a", "b"])
    assert tokens.check(pd.DataFrame([[2, 3]], columns=["a", "b"]), None).shape == (1, 2)
    assert tokens.check([[2, 3, 4]], None).shape == (1, 3)
    with pytest.raises(ValueError, match=message):
        tokens.check(pd.DataFrame([[2] * len(columns)], columns=columns), None)


def test_sequences_keep_their_lengths():
    X = [np.zeros((2, 3)), np.ones((1, 3))]
    sequences, ragged = SequenceInput.fit(X, None)
    assert (sequences.n_features, sequences.n_columns) == (3, None)
    np.testing.assert_array_equal(ragged.indptr, [0, 2, 3])
    for restored, sequence in zip(sequences.to_user(ragged), X, strict=True):
        np.testing.assert_array_equal(restored, sequence)


def test_table_contains_univariate_series():
    sequences, ragged = SequenceInput.fit(np.arange(6.0).reshape(2, 3), None)
    assert (sequences.n_features, sequences.n_columns) == (1, 3)
    np.testing.assert_array_equal(sequences.to_user(ragged), [[0, 1, 2], [3, 4, 5]])


def test_other_numbers_of_features_are_refused():
    sequences, _ = SequenceInput.fit([np.zeros((2, 3))], None)
    with pytest.raises(ValueError, match="2 features at each time step"):
        sequences.check([np.zeros((2, 2))], None)


def test_networks_for_other_inputs_are_refused():
    with pytest.raises(ValueError, match="token ids"):
        TokenInput(n_tokens=7).check_spec(small_spec())
    with pytest.raises(ValueError, match="features"):
        SequenceInput(5).check_spec(small_spec(n_tokens=None))
    with pytest.raises(ValueError, match=r"vectorizer has 4 token ids.* input has 11"):
        TextInput(SequenceVectorizer().fit(["a b"]), n_tokens=11).check_spec(small_spec())
    with pytest.raises(ValueError, match=r"pretrained vectors have length 7.* vectors of length 3"):
        TokenInput(n_tokens=11, n_vectors=11, pretrained_dim=7).check_spec(small_spec())
    with pytest.raises(ValueError, match="1 features, 4 columns and 2 names"):
        SequenceInput(1, 4, ["a", "b"]).check_spec(small_spec(n_tokens=None, n_features=1))
