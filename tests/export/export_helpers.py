"""Estimators with random weights, and runs of their ONNX models."""

from dataclasses import replace

import numpy as np
from conftest import random_weights, small_spec, to_csr
from onnxruntime import InferenceSession, SessionOptions

from skrnn import (
    RNNSequenceClassifier,
    RNNSequenceRegressor,
    RNNTextClassifier,
    RNNTextRegressor,
    SequenceVectorizer,
)
from skrnn.estimators._fitted import Fitted
from skrnn.estimators._inputs import SequenceInput, TextInput, TokenInput
from skrnn.estimators._targets import ClassTarget, MultilabelTarget, NumericTarget
from skrnn.export import to_onnx
from skrnn.network._trained import TrainedNetwork
from skrnn.sequences._batches import dense_batch
from skrnn.sequences._storage import RaggedArray
from skrnn.text._char_ngrams import shared_ngrams

N_TOKENS, N_FEATURES = 11, 3

# The output layer of each task.
TASKS = {
    "binary": {"n_outputs": 1, "output_activation": "sigmoid"},
    "multiclass": {"n_outputs": 3, "output_activation": "softmax"},
    "multilabel": {"n_outputs": 3, "output_activation": "sigmoid"},
    "regression": {"n_outputs": 2, "output_activation": "linear"},
}


def make_estimator(
    reads="tokens", task="multiclass", seed=0, target_scale=1.0, target_mean=0.0, n_tokens=N_TOKENS, **changes
):
    """An estimator that looks fitted, with random weights."""
    spec = small_spec(
        n_tokens=n_tokens if reads == "tokens" else None, n_features=N_FEATURES, **TASKS[task], **changes
    )
    if reads == "tokens":
        estimator = (RNNTextRegressor if task == "regression" else RNNTextClassifier)("passthrough")
        input_ = TokenInput(max(n_tokens, spec.n_linear_tokens), n_tokens, spec.n_ngrams)
    else:
        estimator = (RNNSequenceRegressor if task == "regression" else RNNSequenceClassifier)()
        input_ = SequenceInput(N_FEATURES)
    if task == "regression":
        scale, mean = np.array([1.0, 2.0]) * target_scale, np.array([0.5, -3.0]) + target_mean
        target = NumericTarget(mean, scale, is_1d=False)
    else:
        n_classes = 2 if task == "binary" else 3
        classes = np.arange(n_classes)
        if task == "multilabel":
            target = MultilabelTarget(classes, np.ones((n_classes, 2)))
        else:
            target = ClassTarget(classes, np.ones(n_classes))
    estimator._fitted = Fitted(
        input_, target, TrainedNetwork(spec, random_weights(spec, seed), n_epochs=1), {}, 1, None
    )
    return estimator


def with_classes(estimator, classes):
    """The classifier with other classes."""
    classes = np.asarray(classes)
    estimator._fitted = replace(estimator._fitted, target=ClassTarget(classes, np.ones(len(classes))))
    return estimator


def with_all_classes_predicted(estimator, X):
    """The classifier with biases that make it predict different classes for X."""
    network_weights(estimator)["output/bias"] -= np.median(estimator.decision_function(X), axis=0)
    return estimator


def network_weights(estimator):
    return estimator._fitted.network.weights


def make_text_estimator(documents, task="multiclass", vocabulary=None, network=None, **options):
    """A text estimator that looks fitted. Its weights are random, so that other tokens give other outputs.

    Unknown words have weights, too, if they contain a character n-gram of the vocabulary.
    """
    vectorizer = SequenceVectorizer(vocabulary=vocabulary, **options).fit(documents)
    n_tokens = len(vectorizer.vocabulary_) + 2
    spelling = {ngram: i for i, ngram in enumerate(shared_ngrams(list(vectorizer.vocabulary_), (2, 5), 500))}
    linear = {"n_linear_tokens": n_tokens, "n_linear_char_ngrams": len(spelling)}
    estimator = make_estimator(task=task, n_tokens=n_tokens, **linear, **(network or {}))
    estimator.set_params(vectorizer=vectorizer)
    n_ngrams = estimator._fitted.network.spec.n_ngrams
    estimator._fitted = replace(
        estimator._fitted,
        input=TextInput(vectorizer, n_tokens=n_tokens, n_vectors=n_tokens, n_ngrams=n_ngrams, spelling=spelling),
    )
    return estimator


def random_sequences(reads, lengths, seed=0):
    rng = np.random.default_rng(seed)
    if reads == "tokens":
        return [rng.integers(1, N_TOKENS, size=length).tolist() for length in lengths]
    return [rng.normal(size=(length, N_FEATURES)).astype(np.float32) for length in lengths]


def to_feed(sequences, reads, min_width=1):
    """The model's inputs. Vectors are padded with NaN, so that a model that uses padding fails."""
    X = to_csr(sequences) if reads == "tokens" else RaggedArray.of(sequences)
    batch = dense_batch(X, np.arange(len(sequences)))
    lengths = np.array([len(sequence) for sequence in sequences])
    longest = max(lengths)
    shape = (len(batch), max(longest, min_width), *batch.shape[2:])
    padded = np.full(shape, 0 if reads == "tokens" else np.nan, dtype=batch.dtype)
    padded[:, :longest] = batch[:, :longest]
    if reads == "tokens":
        return {"token_ids": padded}
    return {"sequences": padded, "lengths": lengths}


def open_session(model):
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(model.SerializeToString(), options)


def run(model, feed):
    return open_session(model).run(None, feed)[0]


def run_documents(session, documents):
    return session.run(None, {"documents": np.array(documents, dtype=object)})[0]


def predictions(estimator, X):
    return estimator.predict(X) if hasattr(estimator, "target_scale_") else estimator.predict_proba(X)


def expected_outputs(estimator, sequences):
    return predictions(estimator, to_csr(sequences) if hasattr(estimator, "vectorizer_") else sequences)


def assert_agrees(estimator, sequences, atol=1e-5, rtol=0, min_width=1):
    reads = "tokens" if hasattr(estimator, "vectorizer_") else "vectors"
    outputs = run(to_onnx(estimator), to_feed(sequences, reads, min_width))
    expected = expected_outputs(estimator, sequences)
    assert outputs.shape == expected.shape
    np.testing.assert_allclose(outputs, expected, rtol=rtol, atol=atol, equal_nan=False)


def assert_agrees_on_documents(estimator, documents, session=None):
    session = session or open_session(to_onnx(estimator, inputs="documents"))
    outputs = run_documents(session, documents)
    np.testing.assert_allclose(outputs, predictions(estimator, documents), rtol=0, atol=1e-5, equal_nan=False)
