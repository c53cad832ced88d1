import pickle
from io import BytesIO

import joblib
import numpy as np
import pytest
from conftest import EVERY_ESTIMATOR, SMALL, outputs, problem
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skrnn import MultilabelThresholdClassifier, RNNEncoder, RNNTextClassifier, SequenceVectorizer, compress
from skrnn.inspection import token_attributions

DTYPES = pytest.mark.parametrize("dtype", ["int8", "float16"])
SIZE = 30_000


def weights_of(estimator):
    return estimator._fitted.network.weights


def n_bytes(estimator, path):
    joblib.dump(estimator, path)
    return path.stat().st_size


@pytest.fixture(scope="module")
def large(news):
    """A classifier with many tokens and n-grams. Tests must not change it."""
    documents, y = news
    return RNNTextClassifier(**{**SMALL, "epochs": 2, "warm_start": True}).fit(documents, y)


@pytest.fixture(scope="module")
def pruned(large):
    return compress(large, max_bytes=SIZE).estimator


@EVERY_ESTIMATOR
def test_the_copy_predicts_nearly_the_same(cls):
    estimator, X, y = problem(cls)
    estimator.fit(X, y)
    expected, weights = outputs(estimator, X), weights_of(estimator)
    before = {name: (weight, weight.copy()) for name, weight in weights.items()}
    for dtype in ("int8", "float16"):
        result = compress(estimator, X, y, dtype=dtype)
        assert type(result.estimator) is cls
        assert result.estimator.get_params() == estimator.get_params()
        assert result.n_bytes < result.n_bytes_before
        difference = np.abs(outputs(result.estimator, X) - expected).max()
        assert 0 < difference == result.max_difference < 0.05
        assert (result.score, result.score_before) == (result.estimator.score(X, y), estimator.score(X, y))
        assert weights_of(result.estimator)["output/kernel"].dtype == np.float16
        if "embedding" in weights:
            assert weights_of(result.estimator)["embedding"].dtype == dtype
    np.testing.assert_array_equal(outputs(estimator, X), expected)
    for name, (weight, values) in before.items():
        assert weights_of(estimator)[name] is weight
        np.testing.assert_array_equal(weight, values)


def test_the_copy_shares_no_parameters(fitted):
    estimator = pickle.loads(pickle.dumps(fitted)).set_params(vectorizer=SequenceVectorizer())
    compress(estimator).estimator.set_params(vectorizer__max_length=3)
    assert estimator.vectorizer.max_length is None


def test_without_validation_samples_nothing_is_compared(fitted, reviews):
    result = compress(fitted)
    assert result.max_difference is result.score is result.score_before is None
    result = compress(fitted, iter(reviews[0]))
    assert result.max_difference > 0
    assert result.score is None


@DTYPES
@pytest.mark.parametrize("max_bytes", [None, SIZE])
def test_files_keep_types_and_predictions(dtype, max_bytes, large, news):
    skops = pytest.importorskip("skops.io")
    estimator = compress(large, dtype=dtype, max_bytes=max_bytes).estimator
    expected, file = estimator.predict_proba(news[0][:50]), BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    trusted = ["skrnn.RNNTextClassifier", "skrnn.SequenceVectorizer"]
    restored = [
        pickle.loads(pickle.dumps(estimator)),
        joblib.load(file),
        skops.loads(skops.dumps(estimator), trusted=trusted),
    ]
    for copy in restored:
        np.testing.assert_array_equal(copy.predict_proba(news[0][:50]), expected)
        types = {name: weight.dtype for name, weight in weights_of(copy).items()}
        assert types == {name: weight.dtype for name, weight in weights_of(estimator).items()}
        assert list(copy.vocabulary_) == list(estimator.vocabulary_)


@DTYPES
@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
def test_the_file_is_as_small_as_asked(dtype, share, large, tmp_path):
    largest = compress(large, dtype=dtype).n_bytes
    smallest = _smallest(large, dtype)
    max_bytes = int(smallest + share * (largest - smallest))
    result = compress(large, dtype=dtype, max_bytes=max_bytes)
    assert n_bytes(large, tmp_path / "before.joblib") == result.n_bytes_before
    assert n_bytes(result.estimator, tmp_path / "after.joblib") == result.n_bytes
    assert 0.97 * max_bytes < result.n_bytes <= max_bytes


def _smallest(estimator, dtype):
    with pytest.raises(ValueError, match=r"at least \d+, the size without .*; got 1\.") as raised:
        compress(estimator, dtype=dtype, max_bytes=1)
    return int(str(raised.value).split("at least ")[1].split(",")[0])


def test_the_smallest_size_is_possible(large, news):
    estimator = compress(large, max_bytes=_smallest(large, "int8")).estimator
    assert len(estimator.vocabulary_) == 1
    assert np.all(np.isfinite(estimator.predict_proba(news[0][:5])))


def test_a_size_that_is_large_enough_removes_nothing(large):
    assert compress(large, max_bytes=10**9).estimator.vocabulary_ == large.vocabulary_


def test_removed_tokens_are_unknown_and_the_others_keep_their_order(large, pruned, news):
    before, after = list(large.vocabulary_), list(pruned.vocabulary_)
    assert 0 < len(after) < len(before)
    assert after == [token for token in before if token in set(after)]
    assert list(pruned.vocabulary_.values()) == list(range(2, 2 + len(after)))
    names = np.array(["", "[UNK]", *after])
    for document, ids in zip(news[0][:20], pruned.vectorizer_.encode(news[0][:20]), strict=True):
        tokens = large.vectorizer_.inverse_transform(large.vectorizer_.encode([document]))[0]
        expected = [token if token in pruned.vocabulary_ else "[UNK]" for token in tokens]
        assert names[ids[ids > 0]].tolist() == expected


def test_most_predictions_survive_pruning(large, pruned, news):
    documents, _ = news
    assert len(pruned.vocabulary_) < len(large.vocabulary_) / 2
    assert np.mean(pruned.predict(documents) == large.predict(documents)) > 0.9


@settings(deadline=None, max_examples=20)
@given(rows=st.lists(st.integers(0, 299), min_size=1, max_size=20))
def test_predictions_of_a_pruned_estimator_depend_on_the_document_alone(rows, pruned, news):
    documents = [news[0][row] for row in rows]
    together = pruned.predict_proba(documents)
    alone = np.concatenate([pruned.predict_proba([document]) for document in documents])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


def test_keras_and_onnx_agree(pruned, news):
    onnxruntime = pytest.importorskip("onnxruntime")
    from skrnn.export import to_onnx

    documents = news[0][:10]
    ids = pruned.vectorizer_.encode(documents)
    # Token ids do not have the spelling of removed words.
    from_ids = pruned._fitted.network.predict(pruned.vectorizer_.transform(documents))[:, 0]
    positive = np.asarray(pruned.model_.predict(ids, verbose=0))[:, 0]
    np.testing.assert_allclose(positive, from_ids, rtol=0, atol=1e-5)
    feeds = {"token_ids": (ids, from_ids)}
    feeds["documents"] = np.array(documents, dtype=object), pruned.predict_proba(documents)[:, 1]
    for name, (feed, expected) in feeds.items():
        session = onnxruntime.InferenceSession(to_onnx(pruned, inputs=name).SerializeToString())
        np.testing.assert_allclose(session.run(None, {name: feed})[0][:, 1], expected, rtol=0, atol=1e-5)


def test_predictions_are_explained(pruned, news):
    (attributions,) = token_attributions(pruned, news[0][:1])
    assert len(attributions.values) == len(attributions.tokens)


@pytest.mark.parametrize("max_bytes", [None, SIZE])
def test_training_resumes_with_wide_weights(max_bytes, large, news):
    documents, y = news[0][:40], news[1][:40]
    result = compress(large, max_bytes=max_bytes)
    expected, n_epochs = result.estimator.predict_proba(documents), large.n_iter_
    assert result.estimator._fitted.network.checkpoint is None
    streamed = pickle.loads(pickle.dumps(result.estimator)).partial_fit(documents, y)
    longer = pickle.loads(pickle.dumps(result.estimator)).set_params(epochs=1).fit(documents, y)
    for estimator in (streamed, longer):
        assert estimator.n_iter_ == n_epochs + 1
        assert estimator.vocabulary_ == result.estimator.vocabulary_
        assert weights_of(estimator)["embedding"].dtype == np.float32
        assert np.abs(estimator.predict_proba(documents) - expected).max() > 1e-4
    np.testing.assert_array_equal(result.estimator.predict_proba(documents), expected)
    assert compress(streamed).n_bytes < compress(streamed).n_bytes_before


def test_a_compact_estimator_can_be_compressed_again(large, news):
    compact = compress(large, dtype="float16").estimator
    again = compress(compact, news[0], max_bytes=SIZE)
    assert weights_of(again.estimator)["embedding"].dtype == np.int8
    assert again.n_bytes <= SIZE
    assert compress(again.estimator, news[0]).max_difference < 1e-5


def test_token_ids_of_a_user_keep_their_meaning(large, news):
    ids = large.vectorizer_.transform(news[0])
    estimator = RNNTextClassifier(**{**SMALL, "epochs": 1}, vectorizer="passthrough").fit(ids, news[1])
    largest = compress(estimator).n_bytes
    smaller = compress(estimator, max_bytes=largest - 3000).estimator
    spec, before = smaller._fitted.network.spec, estimator._fitted.network.spec
    assert (spec.n_tokens, spec.n_linear_tokens) == (before.n_tokens, before.n_linear_tokens)
    assert spec.n_ngrams < before.n_ngrams
    np.testing.assert_allclose(smaller.predict_proba(ids), estimator.predict_proba(ids), rtol=0, atol=0.2)


@pytest.mark.parametrize("analyzer", ["char", "subword"])
def test_every_analyzer_can_be_pruned(analyzer, news):
    if analyzer == "subword":
        pytest.importorskip("tokenizers")
    vectorizer = SequenceVectorizer(analyzer, max_features=300)
    estimator = RNNTextClassifier(vectorizer, **{**SMALL, "epochs": 1}).fit(*news)
    smaller = compress(estimator, max_bytes=_smallest(estimator, "int8") + 300).estimator
    assert len(smaller.vocabulary_) < len(estimator.vocabulary_)
    np.testing.assert_allclose(smaller.predict_proba(news[0]).sum(axis=1), 1, rtol=1e-6)
    pickle.loads(pickle.dumps(smaller))


def test_several_labels(reviews):
    documents, _ = reviews
    labels = np.array([["film" in text, "night" in text] for text in documents]).astype(int)
    tagger = MultilabelThresholdClassifier(RNNTextClassifier(**{**SMALL, "epochs": 1}), cv=2).fit(
        documents, labels
    )
    result = compress(tagger, documents, labels)
    assert type(result.estimator) is MultilabelThresholdClassifier
    np.testing.assert_array_equal(result.estimator.thresholds_, tagger.thresholds_)
    assert 0 < result.max_difference < 0.02
    assert result.n_bytes < result.n_bytes_before


def test_an_encoder_returns_nearly_the_same_vectors(large, news):
    encoder = RNNEncoder(FrozenEstimator(large)).fit(news[0])
    result = compress(encoder, news[0][:20], max_bytes=SIZE)
    difference = np.abs(result.estimator.transform(news[0][:20]) - encoder.transform(news[0][:20])).max()
    assert result.max_difference == difference
    assert result.score is None
    assert result.n_bytes <= SIZE
    assert result.estimator.estimator_ is result.estimator.estimator


def test_estimators_inside_of_others_are_compressed(reviews):
    documents, y = reviews
    network = RNNTextClassifier(**{**SMALL, "epochs": 1})
    search = GridSearchCV(make_pipeline(network), {"rnntextclassifier__units": [4]}, cv=2)
    calibrated = CalibratedClassifierCV(network, cv=2)
    for model in (search, calibrated):
        model.fit(documents, y)
        result = compress(model, documents, y)
        assert type(result.estimator) is type(model)
        assert 0 < result.max_difference < 0.02
        assert result.n_bytes < result.n_bytes_before
    inner = result.estimator.calibrated_classifiers_[0].estimator
    assert weights_of(inner)["embedding"].dtype == np.int8
    max_bytes = result.n_bytes - 1000
    assert compress(calibrated, max_bytes=max_bytes).n_bytes <= max_bytes


def test_classifiers_without_probabilities_are_compared(fitted, reviews):
    documents, labels = reviews
    by_margin = make_pipeline(RNNEncoder(FrozenEstimator(fitted)), LinearSVC()).fit(documents, labels)
    result = compress(by_margin, documents, labels)
    difference = np.abs(result.estimator.decision_function(documents) - by_margin.decision_function(documents))
    assert result.max_difference == difference.max() > 0
    only_labels = VotingClassifier([("svc", by_margin)]).fit(documents, labels)
    result = compress(only_labels, documents, labels)
    assert result.max_difference is None
    assert result.score == result.estimator.score(documents, labels)


def test_the_largest_difference_of_several_outputs_counts(fitted, reviews):
    documents, y = reviews
    encoder = RNNEncoder(FrozenEstimator(fitted))
    targets = np.column_stack([y, np.arange(len(y)) % 3])
    model = make_pipeline(encoder, MultiOutputClassifier(LogisticRegression())).fit(documents, targets)
    result = compress(model, documents, targets)
    pairs = zip(result.estimator.predict_proba(documents), model.predict_proba(documents), strict=True)
    assert result.max_difference == max(np.abs(after - before).max() for after, before in pairs) > 0


def test_bad_arguments_are_refused(fitted, reviews):
    with pytest.raises(NotFittedError):
        compress(RNNTextClassifier())
    with pytest.raises(NotFittedError):
        compress(make_pipeline(RNNTextClassifier()))
    with pytest.raises(TypeError, match=r"Expected a fitted estimator of skrnn, .*; got DummyClassifier"):
        compress(DummyClassifier().fit([[0], [1]], [0, 1]))
    with pytest.raises(
        ValueError, match=r"Expected dtype to be 'int8' or 'float16'; got 'int9'\. Did you mean 'int8'"
    ):
        compress(fitted, dtype="int9")
    for max_bytes in (0, 1.5, "2 MB", True):
        with pytest.raises(ValueError, match="Expected max_bytes to be an integer >= 1 or None"):
            compress(fitted, max_bytes=max_bytes)
    with pytest.raises(ValueError, match="Expected X_val and y_val together; X_val is missing"):
        compress(fitted, y_val=reviews[1])
    with pytest.raises(TypeError, match=r"method score, .* RNNEncoder has none\. Leave y_val out"):
        compress(RNNEncoder(FrozenEstimator(fitted)).fit(reviews[0]), *reviews)


def test_a_custom_network_is_refused(fitted):
    custom = pickle.loads(pickle.dumps(fitted))
    object.__setattr__(custom._fitted.network, "build_model", len)
    with pytest.raises(ValueError, match=r"Expected an estimator with the built-in network; .* network=<built-in"):
        compress(custom)
