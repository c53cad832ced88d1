"""ONNX models compute what the estimators compute."""

import json
import pickle
import subprocess
import sys
from dataclasses import asdict, replace
from itertools import cycle, product
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import SMALL, random_weights, small_spec, to_csr, vector_sequences
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from onnxruntime import InferenceSession, SessionOptions
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skrnn
from skrnn import RNNSequenceClassifier, RNNSequenceRegressor, RNNTextClassifier, RNNTextRegressor
from skrnn._network import ACTIVATIONS, N_GATES, POOLINGS
from skrnn._sequences import RaggedArray, dense_batch
from skrnn.export import to_onnx

N_TOKENS, N_FEATURES = 11, 3

# The output layer of each task.
TASKS = {
    "binary": {"n_outputs": 1, "output_activation": "sigmoid"},
    "multiclass": {"n_outputs": 3, "output_activation": "softmax"},
    "multilabel": {"n_outputs": 3, "output_activation": "sigmoid"},
    "regression": {"n_outputs": 2, "output_activation": "linear"},
}


def make_estimator(reads="tokens", task="multiclass", seed=0, target_scale=1.0, target_mean=0.0, **changes):
    """An estimator as if it had been fitted, with random weights."""
    n_tokens = N_TOKENS if reads == "tokens" else None
    spec = small_spec(n_tokens=n_tokens, n_features=N_FEATURES, **TASKS[task], **changes)
    if reads == "tokens":
        estimator = (RNNTextRegressor if task == "regression" else RNNTextClassifier)("passthrough")
        estimator.vectorizer_, estimator._n_token_ids = "passthrough", N_TOKENS
    else:
        estimator = (RNNSequenceRegressor if task == "regression" else RNNSequenceClassifier)()
        estimator._n_features, estimator._is_fitted_on_series = N_FEATURES, False
    if task == "regression":
        estimator._is_multioutput = True
        estimator.target_scale_ = np.array([1.0, 2.0]) * target_scale
        estimator.target_mean_ = np.array([0.5, -3.0]) + target_mean
    else:
        estimator.classes_ = np.arange(2 if task == "binary" else 3)
        estimator._is_multilabel = task == "multilabel"
    estimator._network = {"spec": asdict(spec), "weights": random_weights(spec, seed), "network": None}
    return estimator


def random_sequences(reads, lengths, seed=0):
    rng = np.random.default_rng(seed)
    if reads == "tokens":
        return [rng.integers(1, N_TOKENS, size=length).tolist() for length in lengths]
    return [rng.normal(size=(length, N_FEATURES)).astype(np.float32) for length in lengths]


def to_feed(sequences, reads, min_width=1):
    """The model's inputs; vectors are padded with NaN, of which nothing may get through."""
    X = to_csr(sequences) if reads == "tokens" else RaggedArray.of(sequences)
    batch = dense_batch(X, np.arange(len(sequences)), min_width)
    if reads == "tokens":
        return {"token_ids": batch}
    return {"sequences": batch, "lengths": np.array([len(sequence) for sequence in sequences])}


def run(model, feed):
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    (output,) = InferenceSession(model.SerializeToString(), options).run(None, feed)
    return output


def expected_outputs(estimator, sequences):
    X = to_csr(sequences) if hasattr(estimator, "vectorizer_") else sequences
    return estimator.predict(X) if hasattr(estimator, "target_scale_") else estimator.predict_proba(X)


def assert_agrees(estimator, sequences, atol=1e-5, rtol=0, min_width=1):
    reads = "tokens" if hasattr(estimator, "vectorizer_") else "vectors"
    outputs = run(to_onnx(estimator), to_feed(sequences, reads, min_width))
    expected = expected_outputs(estimator, sequences)
    assert outputs.shape == expected.shape
    np.testing.assert_allclose(outputs, expected, rtol=rtol, atol=atol, equal_nan=False)


both_inputs = pytest.mark.parametrize("reads", ["tokens", "vectors"])
LENGTHS = [3, 0, 7, 1, 0, 7]


@both_inputs
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("units", [(4,), (4, 3, 2)])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", N_GATES)
def test_every_cell_pooling_direction_and_depth(cell, pooling, units, bidirectional, reads):
    shape = {"cell": cell, "pooling": pooling, "units": units, "bidirectional": bidirectional}
    estimator = make_estimator(reads, **shape)
    sequences = random_sequences(reads, LENGTHS)
    assert_agrees(estimator, sequences)
    assert np.ptp(expected_outputs(estimator, sequences), axis=0).min() > 1e-3  # or little would be compared


@both_inputs
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("cell", "activation"), list(product(N_GATES, ACTIVATIONS)))
def test_every_activation_and_task(cell, activation, task, reads):
    estimator = make_estimator(reads, task, cell=cell, activation=activation, pooling="max_mean", units=(5, 3))
    # Values of relu networks may be great.
    assert_agrees(estimator, random_sequences(reads, LENGTHS), rtol=1e-5 if task == "regression" else 0)


@settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    reads=st.sampled_from(["tokens", "vectors"]),
    task=st.sampled_from(sorted(TASKS)),
    seed=st.integers(0, 99),
    cell=st.sampled_from(sorted(N_GATES)),
    units=st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
    bidirectional=st.booleans(),
    activation=st.sampled_from(ACTIVATIONS),
    pooling=st.sampled_from(POOLINGS),
    min_width=st.integers(0, 8),
    data=st.data(),
)
def test_models_agree_with_estimators(reads, task, seed, min_width, data, **spec):
    if reads == "tokens":
        tokens = st.lists(st.integers(1, N_TOKENS - 1), max_size=6)
        sequences = data.draw(st.lists(tokens, min_size=1, max_size=6))
    else:
        sequences = data.draw(vector_sequences(N_FEATURES, np.float32))
    rtol = 1e-5 if task == "regression" else 0
    assert_agrees(make_estimator(reads, task, seed, **spec), sequences, rtol=rtol, min_width=min_width)


@both_inputs
@pytest.mark.parametrize("pooling", POOLINGS)
def test_batches_of_empty_sequences_only_with_and_without_a_step(pooling, reads):
    estimator = make_estimator(reads, pooling=pooling, units=(4, 3))
    nothing = random_sequences(reads, [0, 0])
    assert_agrees(estimator, nothing, min_width=0)
    assert_agrees(estimator, nothing, min_width=4)


@pytest.mark.parametrize("cell", N_GATES)
@pytest.mark.parametrize("task", TASKS)
def test_a_batch_of_no_sequence_gives_no_output(task, cell):
    outputs = run(to_onnx(make_estimator("tokens", task, cell=cell)), {"token_ids": np.empty((0, 4), np.int32)})
    feed = {"sequences": np.empty((0, 4, N_FEATURES), np.float32), "lengths": np.empty(0, np.int64)}
    assert outputs.shape == run(to_onnx(make_estimator("vectors", task, cell=cell)), feed).shape
    assert outputs.shape == (0, 2 if task in ("binary", "regression") else 3)


@both_inputs
@pytest.mark.parametrize(("cell", "pooling"), list(zip(cycle(N_GATES), POOLINGS, strict=False)))
def test_an_output_depends_on_its_sequence_alone(cell, pooling, reads):
    model = to_onnx(make_estimator(reads, cell=cell, pooling=pooling, units=(4, 3)))
    sequences = random_sequences(reads, [5, 0, 1, 9, 60, 2])
    together = run(model, to_feed(sequences, reads, min_width=70))
    alone = [run(model, to_feed([sequence], reads)) for sequence in sequences]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=1e-6)
    reversed_order = run(model, to_feed(sequences[::-1], reads))[::-1]
    np.testing.assert_allclose(reversed_order, together, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", N_GATES)
def test_long_sequences_through_wide_layers(cell):
    for reads, pooling in product(["tokens", "vectors"], ["last", "max_mean"]):
        estimator = make_estimator(reads, cell=cell, pooling=pooling, units=(48, 32))
        assert_agrees(estimator, random_sequences(reads, [400, 13, 0, 399, 1]))


def test_padding_may_stand_in_front_or_anywhere_as_for_the_estimator():
    estimator = make_estimator(pooling="last")
    ids = np.array([[0, 0, 3, 4, 5], [3, 4, 5, 0, 0], [0, 3, 0, 4, 5], [0] * 5, [1, 2, 3, 4, 5]], dtype=np.int32)
    outputs = run(to_onnx(estimator), {"token_ids": ids})
    np.testing.assert_array_equal(outputs[:2], outputs[1:3])
    np.testing.assert_allclose(outputs, estimator.predict_proba(ids), rtol=0, atol=1e-5)


def test_ids_out_of_range_are_unknown_or_padding():
    model = to_onnx(make_estimator(pooling="last"))
    outputs = run(
        model, {"token_ids": np.array([[3, N_TOKENS, 4, -1], [3, 10**6, 4, -99], [3, 1, 4, 0]], np.int32)}
    )
    np.testing.assert_array_equal(outputs, outputs[[2, 2, 2]])


def test_lengths_beyond_the_array_are_refused():
    model = to_onnx(make_estimator("vectors"))
    feed = to_feed(random_sequences("vectors", [3, 2]), "vectors")
    with pytest.raises(Exception, match="sequence_lens"):
        run(model, {**feed, "lengths": np.array([3, 4])})


def test_small_probabilities_are_exact():
    estimator = make_estimator(task="binary")
    for logit in (-40, 40):
        estimator._network["weights"]["output/bias"][:] = logit
        outputs = run(to_onnx(estimator), to_feed([[3, 4]], "tokens"))
        logits = estimator.decision_function(to_csr([[3, 4]]))
        np.testing.assert_allclose(np.log(outputs[0].min()), -np.abs(logits[0]), rtol=1e-5)


@both_inputs
def test_values_of_a_great_mean_keep_their_digits(reads):
    for scale, mean in [(1e-3, 1e6), (1e4, 0.0)]:
        estimator = make_estimator(reads, "regression", target_scale=scale, target_mean=mean)
        assert_agrees(estimator, random_sequences(reads, LENGTHS), atol=1e-5 * scale)


# The model itself


@both_inputs
@pytest.mark.parametrize("task", TASKS)
def test_the_model_is_valid_and_says_what_goes_in_and_out(task, reads):
    model = to_onnx(make_estimator(reads, task))
    onnx.checker.check_model(model, full_check=True)
    session = InferenceSession(model.SerializeToString())
    inputs = {value.name: (value.type, value.shape) for value in session.get_inputs()}
    assert inputs == (
        {"token_ids": ("tensor(int32)", ["batch", "time"])}
        if reads == "tokens"
        else {
            "sequences": ("tensor(float)", ["batch", "time", N_FEATURES]),
            "lengths": ("tensor(int64)", ["batch"]),
        }
    )
    (output,) = session.get_outputs()
    assert (output.name, output.type, output.shape) == {
        "binary": ("probabilities", "tensor(float)", ["batch", 2]),
        "multiclass": ("probabilities", "tensor(float)", ["batch", 3]),
        "multilabel": ("probabilities", "tensor(float)", ["batch", 3]),
        "regression": ("values", "tensor(double)", ["batch", 2]),
    }[task]
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["task"] == task
    assert ("classes" in metadata) == (task != "regression")
    assert "vocabulary" not in metadata  # which only a vectorizer has


def test_a_fitted_classifier_of_text(fitted, reviews, tmp_path):
    documents = [*reviews[0][:20], "", "never seen", "splendid"]
    path = tmp_path / "model.onnx"
    model = to_onnx(fitted, path)
    assert onnx.load(path) == model
    session = InferenceSession(path)
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["skrnn_version"] == skrnn.__version__
    assert metadata["estimator"] == "RNNTextClassifier"
    assert json.loads(metadata["classes"]) == ["neg", "pos"]
    tokens = json.loads(metadata["vocabulary"])
    assert tokens == fitted.vectorizer_.get_feature_names_out().tolist()
    assert all(tokens[i] == token for token, i in fitted.vocabulary_.items())
    token_ids = fitted.vectorizer_.transform(documents).toarray()
    (outputs,) = session.run(["probabilities"], {"token_ids": token_ids})
    np.testing.assert_allclose(outputs, fitted.predict_proba(documents), rtol=0, atol=1e-5)


def test_a_fitted_regressor_of_series():
    X = np.random.default_rng(0).normal(size=(20, 6))
    regressor = RNNSequenceRegressor(units=4, epochs=1, early_stopping=False, random_state=0)
    regressor.fit(X, 100 + 5 * X.sum(axis=1))
    feed = {"sequences": X[:, :, None].astype(np.float32), "lengths": np.full(20, 6)}
    outputs = run(to_onnx(regressor), feed)
    np.testing.assert_allclose(outputs[:, 0], regressor.predict(X), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("classes", "written"),
    [
        (np.array([False, True]), [False, True]),
        (np.array([-1, 1]), [-1, 1]),
        (np.array(["ä", "\ud800"], dtype=object), ["ä", "\ud800"]),
        (np.array(["2024-01-01", "2024-01-02"], "datetime64[D]"), ["2024-01-01", "2024-01-02"]),
    ],
    ids=["bool", "int", "str", "date"],
)
def test_classes_of_any_type(classes, written):
    estimator = make_estimator(task="binary")
    estimator.classes_ = classes
    metadata = {entry.key: entry.value for entry in to_onnx(estimator).metadata_props}
    assert json.loads(metadata["classes"]) == written


def test_exporting_changes_nothing_and_repeats(fitted):
    before = pickle.dumps(fitted)
    first = to_onnx(fitted).SerializeToString(deterministic=True)
    assert to_onnx(fitted).SerializeToString(deterministic=True) == first
    assert pickle.dumps(fitted) == before


def test_exporting_needs_neither_keras_nor_tensorflow_and_importing_no_onnx(tmp_path, fitted):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    code = (
        "import pickle, sys; from pathlib import Path; from skrnn.export import to_onnx\n"
        "assert 'onnx' not in sys.modules\n"
        "to_onnx(pickle.loads(Path(sys.argv[1]).read_bytes()))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model.pickle")], check=True)


# The file


def test_a_file_is_replaced_at_one_stroke(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    model = to_onnx(make_estimator(), str(path))
    assert path.read_bytes() == model.SerializeToString()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("interrupted", ["write", "replace"])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, interrupted, error):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def write_half(self, content):
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise error

    def refuse(*_):
        raise error

    if interrupted == "write":
        monkeypatch.setattr(Path, "write_bytes", write_half)
    else:
        monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(type(error)):
        to_onnx(make_estimator(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        to_onnx(make_estimator(), tmp_path / "missing" / "model.onnx")


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "v1.onnx").write_bytes(b"old")
    (tmp_path / "current.onnx").symlink_to("v1.onnx")
    model = to_onnx(make_estimator(), tmp_path / "current.onnx")
    assert (tmp_path / "current.onnx").is_symlink()
    assert (tmp_path / "v1.onnx").read_bytes() == model.SerializeToString()


# What is refused


@pytest.mark.parametrize(
    "estimator", [RNNTextClassifier(), RNNTextRegressor(), RNNSequenceClassifier(), RNNSequenceRegressor()]
)
def test_unfitted_estimators_are_refused(estimator):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        to_onnx(estimator)


def test_other_objects_are_refused(fitted):
    others = [make_pipeline(fitted), GridSearchCV(fitted, {}), LogisticRegression(), None, "model.joblib"]
    for other in others:
        with pytest.raises(TypeError, match=f"Expected a fitted estimator of skrnn; got {type(other).__name__}"):
            to_onnx(other)
    with pytest.raises(TypeError, match="got RNNTextClassifier"):
        to_onnx(RNNTextClassifier)
    with pytest.raises(TypeError, match="Of a pipeline pass the last step, of a search best_estimator_"):
        to_onnx(others[0])


def own_network(spec):
    from skrnn._keras_network import build_network

    return build_network(replace(spec, pooling="max"))


def test_networks_of_ones_own_are_refused(reviews, tmp_path):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "network": own_network}).fit(*reviews)
    with pytest.raises(ValueError, match=r'own_network.* estimator\.model_\.export\(path, format="onnx"\)'):
        to_onnx(classifier, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_there_is_an_error_that_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "skrnn\[onnx\]"'):
        to_onnx(make_estimator())
