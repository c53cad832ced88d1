import copy
import json
import multiprocessing
import pickle
import subprocess
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest
from conftest import SMALL
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrnn import RNNSequenceRegressor, RNNTextClassifier
from skrnn.utils._persistence import FORMAT

LOAD_AND_PREDICT = """
import sys
import joblib
import numpy as np

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras", "scikeras"):
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Refuse())
folder = sys.argv[1]
documents = joblib.load(folder + "/documents.joblib")
np.save(folder + "/probabilities.npy", joblib.load(folder + "/model.joblib").predict_proba(documents))
"""


@pytest.fixture(scope="module")
def search(reviews):
    return GridSearchCV(RNNTextClassifier(**SMALL), {"learning_rate": [0.01, 0.02]}, cv=2).fit(*reviews)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_at_any_protocol(protocol, reviews, fitted):
    restored = pickle.loads(pickle.dumps(fitted, protocol=protocol))
    np.testing.assert_array_equal(restored.predict_proba(reviews[0]), fitted.predict_proba(reviews[0]))
    assert restored.history_ == fitted.history_


def test_unfitted_and_deep_copies(reviews, fitted):
    assert pickle.loads(pickle.dumps(RNNTextClassifier(units=3))).units == 3
    copied = copy.deepcopy(fitted)
    np.testing.assert_array_equal(copied.predict_proba(reviews[0]), fitted.predict_proba(reviews[0]))


@pytest.mark.parametrize("options", [{}, {"compress": 3}])
def test_joblib_round_trip_is_bit_identical(options, tmp_path, reviews, fitted, search):
    for model in (fitted, search, make_pipeline(fitted)):
        joblib.dump(model, tmp_path / "model.joblib", **options)
        restored = joblib.load(tmp_path / "model.joblib")
        np.testing.assert_array_equal(restored.predict_proba(reviews[0]), model.predict_proba(reviews[0]))


def test_memory_mapped_weights_predict(tmp_path, reviews, fitted):
    joblib.dump(fitted, tmp_path / "model.joblib")
    restored = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    np.testing.assert_array_equal(restored.predict_proba(reviews[0]), fitted.predict_proba(reviews[0]))


@pytest.mark.parametrize("name", ["fitted", "search"])
def test_a_new_process_predicts_the_same_without_tensorflow(name, tmp_path, reviews, request):
    model = request.getfixturevalue(name)
    joblib.dump(model, tmp_path / "model.joblib")
    joblib.dump(reviews[0], tmp_path / "documents.joblib")
    subprocess.run([sys.executable, "-c", LOAD_AND_PREDICT, str(tmp_path)], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "probabilities.npy"), model.predict_proba(reviews[0]))


def test_a_restored_classifier_goes_on_training_as_the_original(reviews):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "warm_start": True}).fit(*reviews)
    restored = pickle.loads(pickle.dumps(classifier))
    expected = classifier.fit(*reviews).predict_proba(reviews[0])
    np.testing.assert_array_equal(restored.fit(*reviews).predict_proba(reviews[0]), expected)


def restore_with(estimator, **changes):
    """What becomes of the estimator when its state has been tampered with."""
    state = {**estimator.__getstate__(), **changes}
    restored = type(estimator).__new__(type(estimator))
    restored.__setstate__(state)
    return restored


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_a_file_of_every_format_is_read(number, reviews):
    """Files of a classifier of ``conftest.SMALL`` with warm_start, and what it predicted for some documents.

    That of format 2 has pretrained vectors, which stay as they are, that of format 3 has pairs of tokens, that of
    format 4 longer n-grams of letters, and that of format 5 vectors that are sums of parts.
    """
    saved = joblib.load(Path(__file__).parent / "data" / f"format_{number}.joblib")
    classifier = saved["classifier"]
    np.testing.assert_allclose(classifier.predict_proba(saved["documents"]), saved["probabilities"], atol=1e-6)
    assert classifier.fit(*reviews).n_iter_ == 4


def test_a_state_of_another_format_is_refused(fitted):
    for stamp in (None, {}, {"format": "1"}):
        with pytest.raises(ValueError, match="does not say in which format"):
            restore_with(fitted, _skrnn=stamp)
    with pytest.raises(ValueError, match=r"saved by skrnn 9\.9, in format 99; skrnn .* reads the formats up to"):
        restore_with(fitted, _skrnn={"format": 99, "version": "9.9"})


def test_a_state_of_another_version_gives_a_warning(fitted, reviews):
    with pytest.warns(InconsistentVersionWarning, match=r"RNNTextClassifier from version 0\.0\.9"):
        restored = restore_with(fitted, _skrnn={"format": 1, "version": "0.0.9"})
    np.testing.assert_array_equal(restored.predict_proba(reviews[0]), fitted.predict_proba(reviews[0]))


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (np.zeros(7, np.float32), r"float32 \(1,\); got float32 \(7,\)"),
        (np.zeros(1), "got float64"),
        ([0.0], "got list"),
        (np.full(1, np.nan, np.float32), "holds infinite numbers or NaN"),
    ],
)
def test_damaged_weights_are_refused(bias, message, fitted):
    network = {**fitted._network, "weights": {**fitted._network["weights"], "output/bias": bias}}
    with pytest.raises(ValueError, match=f"RNNTextClassifier cannot be restored.*output/bias.*{message}"):
        restore_with(fitted, _network=network)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_tokens": 10**12}, "embedding to be float32"),
        ({"units": [-4]}, "integers > 0"),
        ({"units": [4.0]}, "integers > 0"),
        ({"units": [4, 4]}, "Expected the weights embedding"),
        ({"cell": "conv"}, "Expected cell of the network"),
        ({"more": 1}, "unexpected keyword"),
    ],
)
def test_a_damaged_specification_is_refused(changes, message, fitted):
    network = {**fitted._network, "spec": {**fitted._network["spec"], **changes}}
    with pytest.raises(ValueError, match=f"RNNTextClassifier cannot be restored.*{message}"):
        restore_with(fitted, _network=network)


def test_parts_that_are_missing_or_do_not_fit_are_refused(fitted):
    for changes in ({"_network": {"spec": {}}}, {"_network": 3}, {"_network": None}, {"classes_": np.arange(3)}):
        with pytest.raises(ValueError, match="RNNTextClassifier cannot be restored"):
            restore_with(fitted, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": None}, "weights by their names"),
        ({"resumption": {"n_epochs": "x"}}, "n_epochs"),
        ({"resumption": {"n_epochs": -5}}, "n_epochs"),
        ({"resumption": {"n_epochs": 1, "optimizer": [np.full(3, np.nan)]}}, "optimizer holds"),
    ],
)
def test_a_damaged_state_of_training_is_refused(changes, message, fitted):
    with pytest.raises(ValueError, match=f"RNNTextClassifier cannot be restored.*{message}"):
        restore_with(fitted, _network={**fitted._network, **changes})


def test_a_vectorizer_of_another_vocabulary_is_refused(fitted):
    more = copy.deepcopy(fitted.vectorizer_).set_params(min_df=1).fit(["a b c", *fitted.vocabulary_])
    with pytest.raises(ValueError, match=r"its vectorizer has \d+ token ids, and its network vectors for \d+"):
        restore_with(fitted, vectorizer_=more)


@pytest.mark.parametrize("name", ["target_mean_", "target_scale_"])
def test_a_damaged_scale_of_targets_is_refused(name, fitted_numeric):
    for values in (np.full(2, np.nan), np.ones(3), None):
        with pytest.raises(ValueError, match=f"RNNSequenceRegressor cannot be restored: expected {name}"):
            restore_with(fitted_numeric[0], **{name: values})


def test_a_damaged_vocabulary_is_refused(fitted):
    for vocabulary in ({"a": 2, "b": 9}, {}, 5, {"a": "2"}):
        with pytest.raises(ValueError, match="SequenceVectorizer cannot be restored, its vocabulary is damaged"):
            restore_with(fitted.vectorizer_, vocabulary_=vocabulary)


@pytest.fixture(scope="module")
def fitted_numeric():
    X = np.random.default_rng(0).normal(size=(20, 4))
    options = {name: value for name, value in SMALL.items() if not name.startswith(("embedding", "token"))}
    return RNNSequenceRegressor(**{**options, "epochs": 1}).fit(X, X[:, :2]), X


def test_files_of_skops(fitted, fitted_numeric, reviews):
    skops = pytest.importorskip("skops.io")
    numeric, X = fitted_numeric
    for model, documents in [(fitted, reviews[0]), (make_pipeline(fitted), reviews[0]), (numeric, X)]:
        data = skops.dumps(model)
        trusted = skops.get_untrusted_types(data=data)
        assert all(name.startswith("skrnn.") for name in trusted)
        restored = skops.loads(data, trusted=trusted)
        np.testing.assert_array_equal(restored.predict(documents), model.predict(documents))
        with pytest.raises(skops.exceptions.UntrustedTypesFoundException):
            skops.loads(data)
        with pytest.raises(zipfile.BadZipFile):
            skops.loads(data[: len(data) // 2], trusted=trusted)


def test_a_tampered_file_of_skops_is_refused(fitted, monkeypatch):
    skops = pytest.importorskip("skops.io")
    with monkeypatch.context() as patch:
        patch.setitem(fitted._network["weights"], "output/bias", np.full(1, np.nan, np.float32))
        data = skops.dumps(fitted)
    with pytest.raises(ValueError, match="output/bias holds infinite numbers or NaN"):
        skops.loads(data, trusted=skops.get_untrusted_types(data=data))


def test_to_keras_is_a_trained_model_of_its_own(fitted, reviews, tmp_path):
    import keras

    model = fitted.to_keras()
    ids = fitted.vectorizer_.transform(reviews[0]).toarray()
    np.testing.assert_allclose(
        model.predict(ids, verbose=0)[:, 0], fitted.predict_proba(reviews[0])[:, 1], atol=1e-5
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(ids, verbose=0), model.predict(ids, verbose=0), atol=1e-6)
    before = fitted.predict_proba(reviews[0])
    model.set_weights([0 * weight for weight in model.get_weights()])
    np.testing.assert_array_equal(fitted.predict_proba(reviews[0]), before)


@pytest.mark.parametrize("policy", ["float64", "mixed_float16"])
def test_what_is_trained_in_another_precision_is_kept_in_the_usual_one(reviews, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "warm_start": True}).fit(*reviews)
        restored = pickle.loads(pickle.dumps(classifier))
        np.testing.assert_array_equal(restored.predict_proba(reviews[0]), classifier.predict_proba(reviews[0]))
        assert restored.fit(*reviews).n_iter_ == 2
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_does_not_wait_for_ever_to_train(fitted, reviews):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        error = pool.submit(clone(fitted).fit, *reviews).exception(timeout=60)
    assert isinstance(error, RuntimeError)
    assert "forked from one in which it has run" in str(error)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_predicts(fitted, reviews):
    expected = fitted.predict_proba(reviews[0])
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        np.testing.assert_array_equal(pool.submit(fitted.predict_proba, reviews[0]).result(timeout=60), expected)


def test_eight_threads_predict_what_one_does(fitted, reviews):
    expected = fitted.predict_proba(reviews[0])
    with ThreadPoolExecutor(8) as pool:
        for probabilities in pool.map(fitted.predict_proba, [reviews[0]] * 40):
            np.testing.assert_array_equal(probabilities, expected)


def test_fitted_state_is_plain_data(fitted):
    network = fitted._network
    assert json.loads(json.dumps(network["spec"]))["cell"] == "lstm"
    assert {type(weight) for weight in network["weights"].values()} == {np.ndarray}
    assert {weight.dtype.name for weight in network["weights"].values()} == {"float32", "int32"}
    assert network["resumption"] is None
    assert {type(token) for token in fitted.vocabulary_} == {str}
    modules = {getattr(type(value), "__module__", "") for value in vars(fitted).values()}
    assert not any(module.startswith(("keras", "tensorflow", "scikeras")) for module in modules)


def test_predicting_adds_nothing_to_the_state(fitted, reviews):
    restored = pickle.loads(pickle.dumps(fitted))
    before, names = pickle.dumps(restored), set(restored._network)
    restored.predict_proba(reviews[0])
    assert pickle.dumps(restored) == before
    assert set(restored._network) == names


def test_predictions_follow_the_training(fitted, reviews):
    documents, y = reviews
    classifier = pickle.loads(pickle.dumps(fitted))
    before, shallow = classifier.predict_proba(documents), copy.copy(classifier)
    classifier.partial_fit(documents, y)
    after = classifier.predict_proba(documents)
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_array_equal(shallow.predict_proba(documents), before)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(documents), after)


def test_the_file_holds_little_but_the_weights(tmp_path, fitted):
    joblib.dump(fitted, tmp_path / "model.joblib")
    assert (tmp_path / "model.joblib").stat().st_size < 4 * fitted.n_parameters_ + 8000
