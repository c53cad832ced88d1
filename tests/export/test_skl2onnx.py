"""Models that skl2onnx exports, with estimators in them, agree with scikit-learn."""

import sys
from functools import lru_cache

import numpy as np
import onnx
import pytest
import skl2onnx
from conftest import SMALL, SMALL_NUMERIC
from export_helpers import (
    make_estimator,
    make_text_estimator,
    open_session,
    random_sequences,
    with_all_classes_predicted,
    with_classes,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrnn import (
    RNNEncoder,
    RNNSequenceClassifier,
    RNNTextClassifier,
    RNNTextRegressor,
    SequenceVectorizer,
    compress,
)
from skrnn.export import register_skl2onnx

TEXTS = [
    *["A good film, truly!", "a bad film", "Caf\u00e9 cafe\u0301 na\u00efve", "ΛΟΓΟΣ λόγος", "don’t 1.5 🎉"],
    *["这本书很好，孩子很喜欢！", "房间太小，再也不来了。", "服务好 very good", "中文。", "", "never ever"],
] * 2
LABELS = {
    "binary": np.array(["neg", "pos"])[[0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1] * 2],
    "multiclass": np.array([3, 5, 9])[[0, 1, 2, 0, 2, 1, 0, 1, 2, 0, 1] * 2],
}
TEXT = StringTensorType([None])


@pytest.fixture(autouse=True, scope="module")
def converters():
    register_skl2onnx()
    register_skl2onnx()  # a second call changes nothing


def convert(model, kind=TEXT, **options):
    is_classifier = hasattr(model, "predict_proba")
    options = {"options": {"zipmap": False}} if is_classifier and not options else options
    converted = skl2onnx.to_onnx(model, initial_types=[("X", kind)], **options)
    onnx.checker.check_model(converted, full_check=True)
    return open_session(converted)


def run_on(session, X):
    return session.run(None, {"X": np.array(X, dtype=object) if isinstance(X, list) else X})


def assert_agrees(model, session, X):
    labels, probabilities = run_on(session, X)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-5, equal_nan=False)
    # Rounding may decide between classes that are equally probable.
    ordered = np.sort(expected, axis=1)
    is_clear = ordered[:, -1] - ordered[:, -2] > 1e-5
    np.testing.assert_array_equal(labels[is_clear], model.predict(X)[is_clear])


def classifier(task, seed=0, **options):
    """A classifier with random weights."""
    estimator = make_text_estimator(TEXTS, task, network={"seed": seed}, **options)
    return with_classes(with_all_classes_predicted(estimator, TEXTS), np.unique(LABELS[task]))


def network(**params):
    return RNNTextClassifier(**{**SMALL, "epochs": 1, "linear_model": False, **params})


def linear():
    return make_pipeline(CountVectorizer(lowercase=False, token_pattern="[a-z]+"), LogisticRegression())


def pipeline_of_ids():
    return make_pipeline(SequenceVectorizer(), network(vectorizer="passthrough"))


MODELS = {
    "classifier": classifier,
    "char": lambda task: classifier(task, analyzer="char"),
    "subword": lambda task: classifier(task, analyzer="subword", max_length=5, truncate="both"),
    "pipeline": lambda task: make_pipeline(classifier(task)),
    "frozen": lambda task: make_pipeline(FrozenEstimator(classifier(task))),
    "pipeline of ids": lambda task: pipeline_of_ids().fit(TEXTS, LABELS[task]),
    "search": lambda task: GridSearchCV(pipeline_of_ids(), {}, cv=2).fit(TEXTS, LABELS[task]),
    "encoder": lambda task: make_pipeline(RNNEncoder(FrozenEstimator(classifier(task))), LogisticRegression()).fit(
        TEXTS, LABELS[task]
    ),
    "calibrated": lambda task: CalibratedClassifierCV(network(), cv=2).fit(TEXTS, LABELS[task]),
    "calibrated later": lambda task: CalibratedClassifierCV(FrozenEstimator(classifier(task))).fit(
        TEXTS, LABELS[task]
    ),
    "calibrated pipeline": lambda task: CalibratedClassifierCV(pipeline_of_ids(), cv=2).fit(TEXTS, LABELS[task]),
    "stacking": lambda task: StackingClassifier(
        [("a", classifier(task)), ("b", classifier(task, seed=1)), ("c", linear().fit(TEXTS, LABELS[task]))],
        cv="prefit",
    ).fit(TEXTS, LABELS[task]),
    "voting": lambda task: VotingClassifier(
        [("rnn", network()), ("linear", linear())], voting="soft", flatten_transform=False
    ).fit(TEXTS, LABELS[task]),
}


@lru_cache
def converted_model(name, task):
    model = MODELS[name](task)
    return model, convert(model)


every_model = pytest.mark.parametrize("name", MODELS)


@every_model
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_models_agree_on_known_documents(name, task):
    model, session = converted_model(name, task)
    assert_agrees(model, session, TEXTS)
    labels, probabilities = session.get_outputs()
    assert (labels.name, probabilities.name) == ("label", "probabilities")
    assert labels.type == {"binary": "tensor(string)", "multiclass": "tensor(int64)"}[task]
    assert probabilities.type == "tensor(float)"


@every_model
@settings(max_examples=15)
@given(
    st.lists(
        st.text(st.sampled_from(sorted(set("".join(TEXTS)))) | st.characters(codec="utf-8"), max_size=12),
        min_size=1,
        max_size=6,
    )
)
def test_models_agree_on_any_documents(name, documents):
    assert_agrees(*converted_model(name, "binary"), documents)


def test_a_column_of_documents_is_read_too():
    model = classifier("binary")
    session = convert(make_pipeline(model), StringTensorType([None, 1]))
    labels, probabilities = run_on(session, np.array(TEXTS, dtype=object)[:, None])
    np.testing.assert_allclose(probabilities, model.predict_proba(TEXTS), rtol=0, atol=1e-5)
    assert labels.tolist() == model.predict(TEXTS).tolist()


@pytest.mark.parametrize(("kind", "dtype"), [(Int32TensorType, np.int32), (Int64TensorType, np.int64)])
def test_token_ids_are_read_with_an_old_opset(kind, dtype):
    model = StackingClassifier([("rnn", make_estimator())], cv="prefit")
    ids = np.random.default_rng(0).integers(1, 11, size=(30, 6)).astype(dtype)
    model.fit(ids, np.arange(30) % 3)
    assert_agrees(model, convert(model, kind([None, None]), target_opset=17, options={"zipmap": False}), ids)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numeric_sequences_are_read(dtype):
    kind = FloatTensorType if dtype == np.float32 else DoubleTensorType
    X = np.stack(random_sequences("vectors", [7] * 20)).astype(dtype)
    model = CalibratedClassifierCV(FrozenEstimator(make_estimator("vectors"))).fit(X, np.arange(20) % 3)
    session = convert(model, kind([None, None, X.shape[2]]))
    assert_agrees(model, session, X)
    assert_agrees(model, session, X[:, :3])


def test_univariate_series_are_read():
    X = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    model = make_pipeline(RNNSequenceClassifier(**{**SMALL_NUMERIC, "epochs": 1})).fit(X, np.arange(20) % 2)
    assert_agrees(model, convert(model, FloatTensorType([None, None])), X)


@pytest.mark.parametrize("ensemble", [StackingRegressor, VotingRegressor])
def test_ensembles_of_regressors_agree(ensemble):
    y = np.arange(len(TEXTS)) % 5 + 0.5
    regressors = [
        ("a", RNNTextRegressor(**{**SMALL, "epochs": 1})),
        ("b", RNNTextRegressor(**{**SMALL, "epochs": 2})),
    ]
    model = ensemble(regressors, **({"cv": 2} if ensemble is StackingRegressor else {})).fit(TEXTS, y)
    (values,) = run_on(convert(model), TEXTS)
    np.testing.assert_allclose(values[:, 0], model.predict(TEXTS), rtol=0, atol=1e-5)


def test_regressors_of_several_values_agree():
    model = make_text_estimator(TEXTS, "regression")
    (values,) = run_on(convert(make_pipeline(model)), TEXTS)
    np.testing.assert_allclose(values, model.predict(TEXTS), rtol=0, atol=1e-5)


def test_several_labels_agree():
    model = make_text_estimator(TEXTS, "multilabel")
    labels, probabilities = run_on(convert(make_pipeline(model)), TEXTS)
    np.testing.assert_allclose(probabilities, model.predict_proba(TEXTS), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(labels, model.predict(TEXTS))


@pytest.mark.parametrize("dtype", ["int8", "float16"])
def test_compressed_models_agree(dtype):
    model = compress(make_pipeline(classifier("multiclass")), dtype=dtype).estimator
    assert_agrees(model, convert(model), TEXTS)
    encoder = compress(RNNEncoder(FrozenEstimator(classifier("binary"))).fit(TEXTS), dtype=dtype).estimator
    (vectors,) = run_on(convert(encoder), TEXTS)
    np.testing.assert_allclose(vectors, encoder.transform(TEXTS), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{}, {"max_length": 3, "truncate": "both"}, {"stop_words": ["a", "好"]}, {"analyzer": "subword"}],
    ids=str,
)
def test_a_vectorizer_gives_its_matrix(options):
    vectorizer = SequenceVectorizer(**options).fit(TEXTS)
    documents = [*TEXTS, " ".join(TEXTS), "x a y"]
    (ids,) = run_on(convert(vectorizer), documents)
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, vectorizer.transform(documents).toarray())


def test_options_of_classifiers_are_supported():
    model = make_pipeline(classifier("binary"))
    expected = model.predict_proba(TEXTS)
    _, zipped = run_on(convert(model, options={"zipmap": True}), TEXTS)
    np.testing.assert_allclose([list(row.values()) for row in zipped], expected, rtol=0, atol=1e-5)
    assert list(zipped[0]) == ["neg", "pos"]
    labels, _ = run_on(convert(model, options={id(model[-1]): {"nocl": True, "zipmap": False}}), TEXTS)
    np.testing.assert_array_equal(labels, expected.argmax(axis=1))
    _, scores = run_on(convert(model[-1], options={"raw_scores": True, "zipmap": False}), TEXTS)
    logits = model.decision_function(TEXTS)
    np.testing.assert_allclose(scores, np.column_stack([-logits, logits]), rtol=1e-4, atol=1e-5)


# Errors


def test_what_onnx_cannot_do_is_refused():
    accents = make_text_estimator(TEXTS, strip_accents="unicode")
    for model in (make_pipeline(accents), accents.vectorizer_):
        with pytest.raises(ValueError, match=r"Expected strip_accents=None.*got strip_accents='unicode'"):
            convert(model)
    with pytest.raises(ValueError, match="Expected target_opset to be at least 20 for this input; got 19"):
        convert(classifier("binary"), target_opset=19)


def test_frozen_estimators_must_be_classifiers_of_skrnn():
    message = "Expected FrozenEstimator to contain an RNNTextClassifier or an .*; got"
    for other in (make_pipeline(classifier("binary")), linear().fit(TEXTS, LABELS["binary"])[-1]):
        with pytest.raises(TypeError, match=f"{message} {type(other).__name__}. Freeze only the classifier"):
            convert(FrozenEstimator(other))


def test_without_skl2onnx_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"The export needs .*pip install skl2onnx$"):
        register_skl2onnx()
