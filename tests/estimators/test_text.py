import numpy as np
import pandas as pd
import pytest
from conftest import QUICK
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it enables the import below
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.model_selection import HalvingGridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder
from sklearn.semi_supervised import SelfTrainingClassifier

from skrnn import RNNTextClassifier, RNNTextRegressor, SequenceVectorizer

BOTH = pytest.mark.parametrize("cls", [RNNTextClassifier, RNNTextRegressor])


def quick(vectorizer="passthrough", **params):
    return RNNTextClassifier(vectorizer, **{**QUICK, "epochs": 1, **params})


@BOTH
def test_parameters_of_the_default_vectorizer_are_listed(cls):
    estimator = cls()
    assert "vectorizer__max_features" not in estimator.get_params(deep=False)
    deep = estimator.get_params()
    assert {name.removeprefix("vectorizer__"): deep[name] for name in deep if "__" in name} == (
        SequenceVectorizer().get_params()
    )
    assert clone(estimator).set_params(**deep).get_params() == deep
    assert estimator.set_params(vectorizer__max_features=None).vectorizer is None
    assert estimator.set_params(vectorizer__max_features=9).vectorizer.max_features == 9
    assert not [name for name in cls("passthrough").get_params() if "__" in name]


def test_halving_may_increase_a_parameter_of_the_default_vectorizer(reviews):
    search = HalvingGridSearchCV(
        quick(None), {"units": [4]}, resource="vectorizer__max_features", min_resources=4, max_resources=8, cv=2
    )
    assert len(search.fit(*reviews).best_estimator_.vocabulary_) == search.n_resources_[-1]


def test_number_of_features_is_there_with_their_names(reviews):
    documents, y = reviews
    classifier = quick(None).fit(pd.DataFrame({"text": documents}), y)
    assert classifier.n_features_in_ == 1
    classifier.fit(documents, y)
    assert not hasattr(classifier, "n_features_in_")


def test_estimators_read_documents_that_are_longer_than_in_the_fit(reviews, fitted):
    long = " ".join(reviews[0][:9])
    assert len(long.split()) > fitted.vectorizer_.max_length_
    ids = fitted.vectorizer_.encode([long])
    outputs = fitted.model_.predict(ids, verbose=0)[0]
    np.testing.assert_allclose(fitted.predict_proba([long])[0, 1], outputs[0], atol=1e-5)
    assert ids.shape[1] > fitted.vectorizer_.max_length_


@pytest.mark.skipif("sparse_interface" not in get_config(), reason="scikit-learn 1.9 brought the option")
def test_sparse_interface_of_scikit_learn_does_not_matter(reviews):
    documents, y = reviews
    expected = quick(None).fit(documents, y).predict_proba(documents)
    with config_context(sparse_interface="sparray"):
        pipeline = make_pipeline(SequenceVectorizer(), quick(char_ngram_range=None)).fit(documents, y)
        assert pipeline.predict_proba(documents).shape == expected.shape
        np.testing.assert_array_equal(quick(None).fit(documents, y).predict_proba(documents), expected)


def test_lists_of_tokens_equal_their_text(reviews):
    documents, y = reviews
    tokens = [document.split() for document in documents]
    classifier = quick(SequenceVectorizer(analyzer=list)).fit(tokens, y)
    expected = quick(SequenceVectorizer(tokenizer=str.split)).fit(documents, y).predict_proba(documents)
    np.testing.assert_array_equal(classifier.predict_proba(tokens), expected)


def test_lists_of_token_ids_equal_their_matrix(reviews):
    documents, y = reviews
    X = SequenceVectorizer().fit_transform(documents)
    lists = [ids.tolist() for ids in np.split(X.data, X.indptr[1:-1])]
    expected = quick().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(quick().fit(lists, y).predict_proba(lists), expected)
    one = quick().fit(pd.Series(lists), y).predict_proba(lists[:1])
    np.testing.assert_allclose(one, expected[:1], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OneVsOneClassifier(quick()),
        lambda: OutputCodeClassifier(quick(), random_state=0),
        lambda: BaggingClassifier(quick(), 2, random_state=0),
        lambda: AdaBoostClassifier(quick(epochs=5), n_estimators=2),
        lambda: SelfTrainingClassifier(quick()),
    ],
)
def test_meta_estimators_take_documents_of_other_lengths(make, reviews):
    documents, y = reviews
    labels = (y == "pos").astype(int)
    meta = make()
    if isinstance(meta, SelfTrainingClassifier):
        labels[-5:] = -1
    pipeline = make_pipeline(SequenceVectorizer(), meta).fit(documents, labels)
    new = ["splendid", "", " ".join(documents)]
    assert pipeline.predict(new).shape == (3,)
    assert pipeline.predict(new[:1]).shape == (1,)


@pytest.mark.parametrize(
    "transformer",
    [
        CountVectorizer(),
        TfidfVectorizer(),
        HashingVectorizer(n_features=50),
        make_union(SequenceVectorizer(), CountVectorizer()),
    ],
)
def test_counts_and_weights_of_words_are_refused_as_token_ids(transformer, reviews):
    with pytest.raises(ValueError, match=r"leave vectorizer at None.* Give them to another estimator"):
        make_pipeline(transformer, quick()).fit(*reviews)


@pytest.mark.parametrize("other", ["passthrough", OneHotEncoder()])
def test_columns_beside_token_ids_are_refused(other, reviews):
    documents, y = reviews
    table = pd.DataFrame({"text": documents, "age": np.arange(len(documents)) % 5 + 20})
    columns = ColumnTransformer([("tokens", SequenceVectorizer(), "text"), ("age", other, ["age"])])
    with pytest.raises(ValueError, match="zero between the numbers of document"):
        make_pipeline(columns, quick()).fit(table, y)


def test_columns_of_zeros_and_ones_are_refused_as_token_ids(reviews):
    _, y = reviews
    ages = (np.arange(len(y)) % 5)[:, None]
    with pytest.raises(ValueError, match="all ids are 1, the unknown token"):
        make_pipeline(OneHotEncoder(), quick()).fit(ages, y)
    with pytest.raises(ValueError, match="dtype bool"):
        quick().fit(sparse.csr_matrix(np.ones((len(y), 3), dtype=bool)), y)


def test_labels_of_a_chain_are_refused_as_token_ids(reviews):
    documents, y = reviews
    labels = np.stack([y == "pos", y == "neg"], axis=1).astype(int)
    with pytest.raises(ValueError, match="zero between the numbers of document"):
        make_pipeline(SequenceVectorizer(), ClassifierChain(quick())).fit(documents, labels)


def test_stray_token_id_is_refused(reviews):
    documents, y = reviews
    X = SequenceVectorizer().fit_transform(documents)
    X.data[X.indptr[7]] = 20_000_000
    with pytest.raises(ValueError, match=r"Token id 20000000 of document 7 .* Renumber the ids from 2 on"):
        quick().fit(X, y)


def test_sparse_counts_are_refused_as_documents(reviews):
    with pytest.raises(TypeError, match="Expected raw text, one str a document; got a csr_matrix"):
        quick(None).fit(sparse.csr_matrix(np.eye(len(reviews[0]))), reviews[1])
