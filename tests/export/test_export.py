"""The function to_onnx: the model, its file and its errors."""

import errno
import io
import json
import os
import pickle
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import SMALL, to_csr
from export_helpers import (
    N_FEATURES,
    TASKS,
    assert_agrees_on_documents,
    make_estimator,
    make_text_estimator,
    open_session,
    random_sequences,
    run,
    to_feed,
    with_all_classes_predicted,
    with_classes,
)
from onnxruntime import InferenceSession
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skrnn
from skrnn import (
    RNNSequenceClassifier,
    RNNSequenceRegressor,
    RNNTextClassifier,
    RNNTextRegressor,
    SequenceVectorizer,
)
from skrnn.estimators._inputs import TextInput
from skrnn.export import to_onnx


@pytest.mark.parametrize("reads", ["tokens", "vectors"])
@pytest.mark.parametrize("task", TASKS)
def test_the_model_is_valid_and_names_its_inputs_and_outputs(task, reads):
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
    output, *labels = session.get_outputs()
    assert (output.name, output.type, output.shape) == {
        "binary": ("probabilities", "tensor(float)", ["batch", 2]),
        "multiclass": ("probabilities", "tensor(float)", ["batch", 3]),
        "multilabel": ("probabilities", "tensor(float)", ["batch", 3]),
        "regression": ("values", "tensor(double)", ["batch", 2]),
    }[task]
    assert [(value.name, value.type, value.shape) for value in labels] == {
        "binary": [("labels", "tensor(int64)", ["batch"])],
        "multiclass": [("labels", "tensor(int64)", ["batch"])],
        "multilabel": [("labels", "tensor(int64)", ["batch", 3])],
        "regression": [],
    }[task]
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["task"] == task
    assert ("classes" in metadata) == (task != "regression")
    assert "vocabulary" not in metadata  # there is no vectorizer


def test_a_fitted_text_classifier_agrees(fitted, reviews, tmp_path):
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
    assert tokens == fitted.vectorizer_.get_vocabulary()
    assert all(tokens[i] == token for token, i in fitted.vocabulary_.items())
    token_ids = fitted.vectorizer_.encode(documents)
    outputs, labels = session.run(["probabilities", "labels"], {"token_ids": token_ids})
    np.testing.assert_allclose(outputs, fitted.predict_proba(documents), rtol=0, atol=1e-5)
    assert labels.tolist() == fitted.predict(documents).tolist()


def test_a_fitted_regressor_of_series_agrees():
    X = np.random.default_rng(0).normal(size=(20, 6))
    regressor = RNNSequenceRegressor(units=4, epochs=1, early_stopping=False, random_state=0)
    regressor.fit(X, 100 + 5 * X.sum(axis=1))
    feed = {"sequences": X[:, :, None].astype(np.float32), "lengths": np.full(20, 6)}
    outputs = run(to_onnx(regressor), feed)
    np.testing.assert_allclose(outputs[:, 0], regressor.predict(X), rtol=0, atol=1e-4)


CLASSES = {
    "bool": [False, True],
    "int": [-1, 1],
    "int8": np.array([-1, 1], np.int8),
    "uint64": np.array([1, 2**64 - 1], np.uint64),
    "float": [-1.0, 1.0],
    "str": np.array(["ä", "\ud800"], dtype=object),
    "date": np.array(["2024-01-01", "2024-01-02"], "datetime64[D]"),
}


@pytest.mark.parametrize(
    ("classes", "written"),
    [
        (CLASSES["bool"], [False, True]),
        (CLASSES["int"], [-1, 1]),
        (CLASSES["str"], ["ä", "\ud800"]),
        (CLASSES["date"], ["2024-01-01", "2024-01-02"]),
    ],
    ids=["bool", "int", "str", "date"],
)
def test_classes_of_any_type_are_in_the_metadata(classes, written):
    estimator = with_classes(make_estimator(task="binary"), classes)
    metadata = {entry.key: entry.value for entry in to_onnx(estimator).metadata_props}
    assert json.loads(metadata["classes"]) == written


@pytest.mark.parametrize("kind", CLASSES)
def test_labels_have_the_type_of_the_classes_or_are_strings(kind):
    sequences = random_sequences("tokens", range(20))
    estimator = with_all_classes_predicted(make_estimator(task="binary"), to_csr(sequences))
    estimator = with_classes(estimator, CLASSES[kind])
    model = to_onnx(estimator)
    onnx.checker.check_model(model, full_check=True)
    _, labels = open_session(model).run(None, to_feed(sequences, "tokens"))
    expected = estimator.predict(to_csr(sequences))
    assert len(set(expected.tolist())) == 2
    if kind in ("str", "date"):
        assert labels.tolist() == [str(label).replace("\ud800", "?") for label in expected.tolist()]
    else:
        assert labels.dtype == expected.dtype
        np.testing.assert_array_equal(labels, expected)


def test_labels_of_a_multilabel_target_are_an_indicator_matrix():
    estimator = make_estimator(task="multilabel")
    sequences = random_sequences("tokens", range(20))
    _, labels = open_session(to_onnx(estimator)).run(None, to_feed(sequences, "tokens"))
    assert labels.dtype == np.int64
    assert set(labels.ravel()) == {0, 1}
    np.testing.assert_array_equal(labels, estimator.predict(to_csr(sequences)))


def test_the_labels_can_be_left_out_for_runtimes_without_strings(tmp_path):
    estimator = with_classes(make_estimator(task="binary"), ["neg", "pos"])
    model = to_onnx(estimator, tmp_path / "model.onnx")
    new_path = str(tmp_path / "new.onnx")
    onnx.utils.extract_model(str(tmp_path / "model.onnx"), new_path, ["token_ids"], ["probabilities"])
    extracted = onnx.load(new_path)
    assert onnx.TensorProto.STRING not in {constant.data_type for constant in extracted.graph.initializer}
    feed = to_feed([[3, 4], [5]], "tokens")
    (probabilities,) = open_session(extracted).run(None, feed)
    np.testing.assert_array_equal(probabilities, run(model, feed))


@pytest.mark.parametrize("inputs", ["token_ids", "documents"])
def test_no_node_leaves_out_an_optional_input(inputs):
    model = to_onnx(make_text_estimator(["a b Σ", "b a"] * 3, analyzer="subword"), inputs=inputs)
    assert all(name for node in model.graph.node for name in node.input)


def test_models_of_token_ids_need_no_other_domain(fitted):
    model = to_onnx(fitted, inputs="token_ids")
    assert [entry.domain for entry in model.opset_import] == [""]
    assert model == to_onnx(fitted)


def test_exporting_is_reproducible_and_leaves_the_estimator_unchanged(fitted):
    before = pickle.dumps(fitted)
    first = to_onnx(fitted).SerializeToString(deterministic=True)
    assert to_onnx(fitted).SerializeToString(deterministic=True) == first
    assert pickle.dumps(fitted) == before


def test_exporting_imports_neither_keras_nor_tensorflow(tmp_path, fitted):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    code = (
        "import pickle, sys; from pathlib import Path; from skrnn.export import to_onnx\n"
        "assert 'onnx' not in sys.modules\n"
        "to_onnx(pickle.loads(Path(sys.argv[1]).read_bytes()))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model.pickle")], check=True)


def test_the_function_is_public():
    assert to_onnx.__module__ == "skrnn.export"


# The file


def test_an_existing_file_is_replaced(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    model = to_onnx(make_estimator(), str(path))
    assert path.read_bytes() == model.SerializeToString()
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_keeps_its_mode(tmp_path):
    path = tmp_path / "model.onnx"
    path.touch()
    path.chmod(0o600)
    to_onnx(make_estimator(), path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away")
def test_an_existing_file_keeps_its_owner(tmp_path):
    path = tmp_path / "model.onnx"
    path.touch()
    os.chown(path, 1234, 4321)
    to_onnx(make_estimator(), path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_a_new_file_has_the_mode_of_other_new_files(tmp_path):
    to_onnx(make_estimator(), tmp_path / "model.onnx")
    (tmp_path / "other").touch()
    assert (tmp_path / "model.onnx").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("n_bytes", [218, 255])
def test_names_can_be_as_long_as_the_file_system_allows(tmp_path, n_bytes):
    path = tmp_path / ("m" * n_bytes)
    to_onnx(make_estimator(), path)
    assert path.stat().st_size > 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_gets_the_model_and_stays(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        content = pool.submit(path.read_bytes)
        model = to_onnx(make_estimator(), path)
        assert content.result(timeout=60) == model.SerializeToString()
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device /dev/full")
def test_devices_stay():
    to_onnx(make_estimator(), "/dev/null")
    with pytest.raises(OSError, match="No space left on device"):
        to_onnx(make_estimator(), "/dev/full")
    assert not os.path.isfile("/dev/null")
    assert not os.path.isfile("/dev/full")


class _Interrupted(io.BytesIO):
    """A file that fails after its first half is written."""

    def __init__(self, file, error):
        super().__init__()
        self._file, self._error = file, error

    def write(self, content):
        self._file.write(content[: len(content) // 2])
        self._file.close()
        raise self._error


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=["full", "interrupt"]
)
@pytest.mark.parametrize("interrupted", ["write", "replace"])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, interrupted, error):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    open_file = Path.open

    def fail(*_):
        raise error

    if interrupted == "write":
        monkeypatch.setattr(Path, "open", lambda self, mode: _Interrupted(open_file(self, mode), error))
    else:
        monkeypatch.setattr("os.replace", fail)
    with pytest.raises(type(error)) as caught:
        to_onnx(make_estimator(), path)
    assert isinstance(error, KeyboardInterrupt) or str(path) in str(caught.value)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("missing/model.onnx", FileNotFoundError, "No such file or directory: '{}'"),
        ("folder", IsADirectoryError, "Is a directory: '{}'"),
        (".", IsADirectoryError, "Is a directory: '{}'"),
        ("new/", ValueError, "Expected path to be the name of a file; got '{}'"),
        ("", ValueError, "Expected path to be the name of a file; got '{}'"),
        ("file/model.onnx", NotADirectoryError, "Not a directory: '{}'"),
        ("loop", OSError, "symbolic links: '{}'"),
        ("m" * 256, OSError, "File name too long: '{}'"),
        (3, TypeError, "not int"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other messages")
def test_other_paths_are_refused_and_leave_nothing(tmp_path, monkeypatch, name, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=re.escape(message.format(name))):
        to_onnx(make_estimator(), name)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("read_only", ["file", "folder"])
def test_what_is_read_only_is_not_replaced(tmp_path, read_only):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    protected = path if read_only == "file" else tmp_path
    protected.chmod(0o500)
    with pytest.raises(PermissionError, match=r"model\.onnx"):
        to_onnx(make_estimator(), path)
    protected.chmod(0o700)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"old", None], ids=["existing", "dangling"])
def test_a_link_stays_a_link(tmp_path, content):
    (tmp_path / "folder").mkdir()
    if content is not None:
        (tmp_path / "folder" / "v1.onnx").write_bytes(content)
    (tmp_path / "current.onnx").symlink_to("folder/v1.onnx")
    model = to_onnx(make_estimator(), tmp_path / "current.onnx")
    assert (tmp_path / "current.onnx").is_symlink()
    assert (tmp_path / "folder" / "v1.onnx").read_bytes() == model.SerializeToString()


# Errors


@pytest.mark.parametrize(
    "estimator", [RNNTextClassifier(), RNNTextRegressor(), RNNSequenceClassifier(), RNNSequenceRegressor()]
)
def test_unfitted_estimators_are_rejected(estimator):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        to_onnx(estimator)


def test_other_objects_are_rejected(fitted):
    others = [make_pipeline(fitted), GridSearchCV(fitted, {}), LogisticRegression(), None, "model.joblib"]
    for other in others:
        with pytest.raises(TypeError, match=f"Expected a fitted estimator of skrnn; got {type(other).__name__}"):
            to_onnx(other)
    with pytest.raises(TypeError, match="got RNNTextClassifier"):
        to_onnx(RNNTextClassifier)
    with pytest.raises(TypeError, match="Pass the last step of a pipeline, or best_estimator_ of a search"):
        to_onnx(others[0])


def custom_network(spec):
    from skrnn.network._keras import build_network

    return build_network(replace(spec, pooling="max"))


def test_custom_networks_are_rejected(reviews, tmp_path):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "network": custom_network}).fit(*reviews)
    with pytest.raises(ValueError, match=r'custom_network.* estimator\.model_\.export\(path, format="onnx"\)'):
        to_onnx(classifier, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def tokenize(document):
    return document.split()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"analyzer": tokenize}, "analyzer='word', 'char' or 'subword'.*got analyzer=<function tokenize"),
        ({"tokenizer": tokenize}, "tokenizer=None.*got tokenizer=<function tokenize"),
        ({"preprocessor": str.lower}, "preprocessor=None.*got preprocessor=<method 'lower'"),
        ({"preprocessor": str.lower, "analyzer": "char"}, "preprocessor=None"),
        ({"token_pattern": r"\w+"}, r"token_pattern=None.*got token_pattern='\\\\w\+'"),
        ({"strip_accents": "ascii"}, "strip_accents=None.*got strip_accents='ascii'"),
        ({"strip_accents": "unicode", "analyzer": "subword"}, "strip_accents=None.*got strip_accents='unicode'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",  # functions have no lasting names
)
def test_vectorizers_that_onnx_cannot_follow_are_rejected(options, expected, tmp_path):
    estimator = make_text_estimator(["a b", "b a"] * 3, **options)
    with pytest.raises(ValueError, match=rf"Expected {expected}.*Export with inputs='token_ids'.*encode"):
        to_onnx(estimator, tmp_path / "model.onnx", inputs="documents")
    assert list(tmp_path.iterdir()) == []
    to_onnx(estimator)


def test_settings_without_effect_are_accepted():
    documents = ["a b", "b a"] * 3
    estimator = make_text_estimator(
        documents, analyzer="char", tokenizer=tokenize, token_pattern="x", stop_words="english"
    )
    assert_agrees_on_documents(estimator, documents)


class CustomVectorizer(SequenceVectorizer):
    pass


def test_documents_are_rejected_without_a_sequence_vectorizer():
    with pytest.raises(ValueError, match=r"Expected an estimator fitted on text .*got vectorizer='passthrough'"):
        to_onnx(make_estimator(), inputs="documents")
    with pytest.raises(ValueError, match=r"Expected inputs='documents' only for .* text.*RNNSequenceClassifier"):
        to_onnx(make_estimator("vectors"), inputs="documents")
    estimator = make_text_estimator(["a b"])
    custom = TextInput(CustomVectorizer().fit(["a b"]), n_tokens=4, n_vectors=4)
    estimator._fitted = replace(estimator._fitted, input=custom)
    with pytest.raises(ValueError, match=r"SequenceVectorizer with .*got vectorizer=CustomVectorizer\(\)"):
        to_onnx(estimator, inputs="documents")


def test_unknown_inputs_are_rejected():
    with pytest.raises(ValueError, match=r"Expected inputs to be 'token_ids' or 'documents'; got .*Did you mean"):
        to_onnx(make_estimator(), inputs="document")
    with pytest.raises(TypeError, match="Expected inputs to be 'token_ids' or 'documents'; got None"):
        to_onnx(make_estimator(), inputs=None)


def test_without_onnx_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"The export needs .*pip install onnx$"):
        to_onnx(make_estimator())
