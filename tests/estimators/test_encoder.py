"""RNNEncoder: vectors of documents and numeric sequences, in scikit-learn's tools."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import EVERY_ESTIMATOR, SMALL, make_reviews, problem
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skrnn import (
    RNNEncoder,
    RNNSequenceClassifier,
    RNNTextClassifier,
    RNNTextRegressor,
    SequenceVectorizer,
)
from skrnn.utils._parameters import InvalidParameterError
from skrnn.utils.estimator_checks import parametrize_with_text_checks

_QUICK = RNNSequenceClassifier(units=4, cell="simple", pooling="last", epochs=1, batch_size=16, random_state=0)
_CROSS_FITTING = "fit_transform returns vectors from networks that have not seen the sample"


def _expected_failed_checks(estimator):
    if estimator.cv is None:
        return {}
    return dict.fromkeys(["check_transformer_data_not_an_array", "check_transformer_general"], _CROSS_FITTING)


@parametrize_with_checks(
    [RNNEncoder(_QUICK, cv=None), RNNEncoder(_QUICK, cv=2)], expected_failed_checks=_expected_failed_checks
)
def test_encoder_passes_scikit_learns_checks(estimator, check):
    check(estimator)


@parametrize_with_text_checks(
    [make_pipeline(RNNEncoder(RNNTextClassifier(**SMALL)), LogisticRegression())],
)
def test_pipeline_with_an_encoder_passes_the_checks_of_text_estimators(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def encoder(fitted):
    """An encoder around a fitted classifier. Tests must not change it."""
    return RNNEncoder(FrozenEstimator(fitted)).fit(None)


@EVERY_ESTIMATOR
def test_output_layer_computes_the_prediction_from_the_vectors(cls):
    estimator, X, y = problem(cls)
    if "linear_model" in estimator.get_params():
        estimator.set_params(linear_model=False)
    encoder = RNNEncoder(estimator)
    vectors = encoder.fit(X, y).transform(X)
    fitted = estimator.fit(X, y)
    kernel, bias = fitted.to_keras().get_weights()[-2:]
    logits, _ = fitted._outputs(X, logits=True)
    assert vectors.shape == (len(X), encoder.get_feature_names_out().size)
    np.testing.assert_allclose(vectors @ kernel + bias, logits, atol=1e-5)


@pytest.mark.parametrize(("skip_connection", "n_features_out"), [(True, 2 * 4 + 8), (False, 2 * 4)])
def test_vectors_include_the_sum_of_the_token_vectors_with_a_skip_connection(
    skip_connection, n_features_out, reviews
):
    encoder = RNNEncoder(RNNTextClassifier(**{**SMALL, "epochs": 1}, skip_connection=skip_connection))
    assert encoder.fit_transform(*reviews).shape == (len(reviews[0]), n_features_out)


def test_vectors_of_unfitted_estimators_equal_those_of_fitted_ones(encoder, fitted, reviews):
    unfitted = RNNEncoder(clone(fitted)).fit(*reviews)
    np.testing.assert_array_equal(unfitted.transform(reviews[0]), encoder.transform(reviews[0]))
    assert unfitted.estimator_ is not unfitted.estimator
    assert not hasattr(unfitted.estimator, "classes_")


def test_vector_depends_on_the_document_alone(encoder, reviews):
    together = encoder.transform(reviews[0])
    alone = np.concatenate([encoder.transform([document]) for document in reviews[0][:5]])
    np.testing.assert_allclose(together[:5], alone, atol=1e-6)


def test_empty_document_is_a_vector_of_zeros(encoder):
    assert not encoder.transform([""]).any()


def test_frozen_estimator_is_not_fitted_again_and_needs_no_targets(encoder, fitted, reviews):
    before = fitted.history_
    other = RNNEncoder(FrozenEstimator(fitted))
    np.testing.assert_array_equal(other.fit_transform(reviews[0]), encoder.transform(reviews[0]))
    assert other.estimator_.estimator is fitted
    assert fitted.history_ is before
    assert not get_tags(other).target_tags.required


def test_transform_before_fit_raises(fitted, reviews):
    with pytest.raises(NotFittedError, match="RNNEncoder"):
        RNNEncoder(fitted).transform(reviews[0])


@pytest.mark.parametrize(
    "estimator",
    [None, "rnn", RNNTextClassifier, CountVectorizer(), make_pipeline(RNNTextClassifier()), FrozenEstimator(None)],
    ids=repr,
)
def test_other_estimators_are_refused(estimator, reviews):
    with pytest.raises(ValueError, match="Expected estimator to be an instance of RNNTextClassifier"):
        RNNEncoder(estimator).fit(*reviews)


def test_the_estimator_is_a_required_parameter():
    with pytest.raises(TypeError, match="estimator"):
        RNNEncoder()


def test_frozen_estimator_must_be_fitted(reviews):
    with pytest.raises(NotFittedError, match="RNNTextClassifier"):
        RNNEncoder(FrozenEstimator(RNNTextClassifier())).fit(*reviews)


def never_called(_spec):
    raise AssertionError


def test_custom_network_is_refused_before_it_is_trained(reviews):
    with pytest.raises(ValueError, match="Expected the estimator to have network=None"):
        RNNEncoder(RNNTextClassifier(network=never_called)).fit(*reviews)


def test_failed_fit_changes_nothing(reviews):
    encoder = RNNEncoder(RNNTextClassifier(**{**SMALL, "epochs": 1})).fit(*reviews)
    before, vectors = encoder.estimator_, encoder.transform(reviews[0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        encoder.fit(reviews[0], reviews[1][:5])
    assert encoder.estimator_ is before
    np.testing.assert_array_equal(encoder.transform(reviews[0]), vectors)


def test_parameters_of_the_estimator_can_be_searched(reviews):
    network = RNNTextClassifier(**{**SMALL, "epochs": 1})
    model = make_pipeline(RNNEncoder(network), LogisticRegression())
    grid = {
        "rnnencoder__estimator__units": [3, 4],
        "rnnencoder__estimator__vectorizer__max_features": [10],
    }
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(*reviews)
    fitted = search.best_estimator_[0].estimator_
    assert fitted.units == search.best_params_["rnnencoder__estimator__units"]
    assert len(fitted.vocabulary_) == 10


def test_fit_parameters_reach_the_estimator(reviews):
    documents, labels = reviews
    weights = np.arange(1.0, len(documents) + 1)
    network = RNNTextClassifier(**{**SMALL, "epochs": 1})
    expected = clone(network).fit(documents, labels, sample_weight=weights)
    model = make_pipeline(RNNEncoder(network), LogisticRegression())
    model.fit(documents, labels, rnnencoder__sample_weight=weights)
    with config_context(enable_metadata_routing=True):
        routed = make_pipeline(RNNEncoder(network.set_fit_request(sample_weight=True)), LogisticRegression())
        routed[-1].set_fit_request(sample_weight=False)
        routed.fit(documents, labels, sample_weight=weights)
    for encoder in (model[0], routed[0]):
        np.testing.assert_array_equal(
            encoder.estimator_.predict_proba(documents), expected.predict_proba(documents)
        )


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_output_can_be_a_data_frame(output, encoder, reviews):
    frame = clone(encoder).fit(None).set_output(transform=output).transform(reviews[0])
    assert type(frame).__module__.startswith(output)
    assert frame.columns[0] == "rnnencoder0"
    np.testing.assert_array_equal(frame.to_numpy(), encoder.transform(reviews[0]))


def test_data_frame_keeps_the_index_of_a_column(encoder, reviews):
    table = pd.DataFrame(
        {"text": reviews[0], "length": map(len, reviews[0])}, index=np.arange(len(reviews[0])) + 7
    )
    # Older versions of scikit-learn lose the index of a Series.
    columns = ColumnTransformer([("text", clone(encoder), ["text"])], remainder="passthrough")
    frame = columns.set_output(transform="pandas").fit_transform(table)
    pd.testing.assert_index_equal(frame.index, table.index)
    assert frame.columns[0] == "text__rnnencoder0"
    assert not frame.isna().any(axis=None)


def test_names_of_columns_are_those_of_the_estimator(reviews):
    table = pd.DataFrame({"text": reviews[0]})
    encoder = RNNEncoder(RNNTextClassifier(**{**SMALL, "epochs": 1}))
    assert not hasattr(encoder, "n_features_in_")
    encoder.fit(table, reviews[1])
    assert encoder.n_features_in_ == 1
    assert encoder.feature_names_in_.tolist() == ["text"]
    assert not hasattr(encoder.fit(*reviews), "n_features_in_")


def test_tags_are_those_of_the_estimator():
    for estimator in (RNNTextClassifier(), RNNTextClassifier("passthrough"), RNNSequenceClassifier()):
        tags = get_tags(RNNEncoder(estimator))
        assert tags.input_tags == get_tags(estimator).input_tags
        assert tags.target_tags == get_tags(estimator).target_tags
        assert tags.estimator_type is None


def test_token_ids_have_the_same_vectors_as_their_documents(reviews):
    network = RNNTextClassifier(**{**SMALL, "epochs": 1}, char_ngram_range=None)
    expected = RNNEncoder(network, cv=None).fit_transform(*reviews)
    passthrough = RNNEncoder(clone(network).set_params(vectorizer="passthrough"), cv=None)
    model = make_pipeline(SequenceVectorizer(), passthrough)
    np.testing.assert_array_equal(model.fit_transform(*reviews), expected)


def test_html_shows_the_estimator(encoder):
    for shown in (encoder, RNNEncoder(RNNTextClassifier())):
        html = shown._repr_html_()
        assert "RNNEncoder" in html
        assert "RNNTextClassifier" in html
    assert repr(RNNEncoder(RNNTextClassifier(units=3))) == "RNNEncoder(estimator=RNNTextClassifier(units=3))"


LOAD_AND_TRANSFORM = """
import pickle, sys
import numpy as np
with open(sys.argv[1], "rb") as file:
    encoder, documents = pickle.load(file)
np.save(sys.argv[2], encoder.transform(documents))
print({"tensorflow", "keras"} & set(sys.modules))
"""


def test_new_process_transforms_without_tensorflow(encoder, fitted, reviews, tmp_path):
    unfrozen = RNNEncoder(clone(fitted)).fit(*reviews)
    for i, saved in enumerate([encoder, unfrozen]):
        path, vectors = tmp_path / f"{i}.pickle", tmp_path / f"{i}.npy"
        path.write_bytes(pickle.dumps((saved, reviews[0])))
        command = [sys.executable, "-c", LOAD_AND_TRANSFORM, path, vectors]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"
        np.testing.assert_array_equal(np.load(vectors), saved.transform(reviews[0]))


def test_skops_file_restores_the_vectors(encoder, fitted, reviews, tmp_path):
    skops_io = pytest.importorskip("skops.io")
    trusted = ["skrnn.RNNEncoder", "skrnn.RNNTextClassifier", "skrnn.SequenceVectorizer"]
    for saved in (encoder, RNNEncoder(clone(fitted)).fit(*reviews)):
        path = tmp_path / "encoder.skops"
        skops_io.dump(saved, path)
        restored = skops_io.load(path, trusted=trusted)
        np.testing.assert_array_equal(restored.transform(reviews[0]), saved.transform(reviews[0]))


@pytest.mark.parametrize("estimator", [CountVectorizer(), RNNTextClassifier(), None], ids=repr)
def test_damaged_state_is_refused(estimator, encoder):
    state = {**encoder.__getstate__(), "estimator_": estimator}
    with pytest.raises(ValueError, match="its state is damaged"):
        RNNEncoder.__new__(RNNEncoder).__setstate__(state)


def test_skrub_encodes_each_text_column(reviews):
    skrub = pytest.importorskip("skrub")
    documents, labels = reviews
    table = pd.DataFrame(
        {"review": documents, "reply": documents[::-1], "length": [len(text) for text in documents]}
    )
    encoder = RNNEncoder(RNNTextClassifier(**{**SMALL, "epochs": 1}), cv=2)
    vectorizer = skrub.TableVectorizer(high_cardinality=encoder, cardinality_threshold=5)
    frame = vectorizer.fit_transform(table, labels)
    assert frame.shape == (len(documents), 2 * 16 + 1)
    np.testing.assert_allclose(frame.iloc[:, :16], encoder.fit_transform(documents, labels), rtol=1e-5)
    np.testing.assert_allclose(vectorizer.transform(table).iloc[:, :16], encoder.transform(documents), rtol=1e-5)


class _Recorder(RNNTextClassifier):
    """A classifier that records the documents of each fit."""

    fits = []

    def fit(self, X, y, **params):
        self.fits.append((list(X), {name: np.shape(value) for name, value in params.items()}))
        return super().fit(X, y, **params)


def test_vectors_of_a_sample_come_from_networks_that_have_not_seen_it(reviews):
    documents = [f"{document} {i}" for i, document in enumerate(reviews[0])]  # all are different
    _Recorder.fits.clear()
    encoder = RNNEncoder(_Recorder(**{**SMALL, "epochs": 1}), cv=4)
    vectors = encoder.fit_transform(documents, reviews[1], sample_weight=np.ones(len(documents)))
    (everything, _), *folds = _Recorder.fits
    assert everything == documents
    assert len(folds) == 4
    left_out = [document for fold, _ in folds for document in set(documents) - set(fold)]
    assert sorted(left_out) == sorted(documents)
    assert all(shapes == {"sample_weight": (len(fold),)} for fold, shapes in folds)
    assert not np.allclose(vectors, encoder.transform(documents))


def test_cross_fitted_vectors_are_in_the_space_of_the_network(reviews):
    """A model that learns from them predicts from the vectors of new documents."""
    documents, labels = make_reviews(seed=1)
    encoder = RNNEncoder(RNNTextClassifier(**{**SMALL, "epochs": 15}))
    model = LogisticRegression().fit(encoder.fit_transform(*reviews), reviews[1])
    assert model.score(encoder.transform(documents), labels) > 0.9


@pytest.mark.parametrize("target", ["regression", "labels", "sorted"])
def test_cross_fitting_takes_every_target(target):
    documents, labels = make_reviews()
    y = {
        "regression": np.arange(60.0),
        "labels": np.column_stack([labels == "pos", labels == "neg"]).astype(int),
        "sorted": np.sort(labels),
    }[target]
    cls = RNNTextRegressor if target == "regression" else RNNTextClassifier
    encoder = RNNEncoder(cls(**{**SMALL, "epochs": 1}), cv=2)
    assert encoder.fit_transform(iter(documents), y).shape == (60, 16)


@pytest.mark.parametrize("cv", [KFold(2), [(range(30), range(30, 60)), (range(30, 60), range(30))]], ids=str)
def test_cross_fitting_takes_splits_of_the_user(cv, reviews):
    encoder = RNNEncoder(RNNTextClassifier(**{**SMALL, "epochs": 1}), cv=cv)
    assert np.all(np.isfinite(encoder.fit_transform(*reviews)))


@pytest.mark.parametrize("cv", [1, 0.5, "three", iter([])], ids=lambda cv: type(cv).__name__)
def test_wrong_splits_are_refused(cv, reviews):
    with pytest.raises(InvalidParameterError, match="Expected cv"):
        RNNEncoder(RNNTextClassifier(**SMALL), cv=cv).fit_transform(*reviews)


@pytest.mark.filterwarnings("error::UserWarning")
def test_classes_can_have_fewer_samples_than_there_are_folds():
    documents = ["a film", "a plan", "a car", "a bike", "a boat", "a house"]
    encoder = RNNEncoder(RNNTextClassifier(**{**SMALL, "epochs": 1}))
    vectors = encoder.fit_transform(dict.fromkeys(documents).keys(), list("abcdef"))
    assert vectors.shape == encoder.transform(documents).shape


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (100, "n_splits=100"),
        ([], "exactly one split"),
        ([(range(30), range(30, 59))], "exactly one split"),
        ([1, 2], "a pair of positions"),
        ([(range(58), range(58, 60)), (range(2, 60), range(58))], "at least 2 classes"),
    ],
    ids=str,
)
def test_splits_are_checked_before_the_network_is_trained(cv, message, reviews):
    _Recorder.fits.clear()
    y = np.repeat(["a", "b"], [58, 2])
    with pytest.raises(ValueError, match=message):
        RNNEncoder(_Recorder(**SMALL), cv=cv).fit_transform(reviews[0], y)
    assert not _Recorder.fits


@pytest.mark.parametrize("container", [iter, pd.Index, lambda documents: np.array(documents, dtype=np.str_)])
def test_cross_fitting_takes_every_container(container, reviews):
    encoder = RNNEncoder(RNNTextClassifier(**{**SMALL, "epochs": 1}), cv=2)
    expected = encoder.fit_transform(*reviews)
    np.testing.assert_array_equal(encoder.fit_transform(container(reviews[0]), reviews[1]), expected)


def test_cross_fitting_takes_every_sparse_format(reviews):
    ids = SequenceVectorizer().fit_transform(reviews[0])
    encoder = RNNEncoder(RNNTextClassifier("passthrough", **{**SMALL, "epochs": 1}), cv=2)
    expected = encoder.fit_transform(ids, reviews[1])
    np.testing.assert_array_equal(encoder.fit_transform(ids.tocoo(), reviews[1]), expected)


@pytest.mark.parametrize("wrong", ["a film", {"a film": 1}, None])
def test_what_is_no_list_of_documents_is_refused(wrong, reviews):
    with pytest.raises((TypeError, ValueError), match="Expected an iterable of str documents"):
        RNNEncoder(RNNTextClassifier(**SMALL)).fit_transform(wrong, reviews[1])
