import copy
import json
import multiprocessing
import pickle
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest
from conftest import SMALL, random_weights, small_spec
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrnn import RNNSequenceRegressor, RNNTextClassifier, SequenceVectorizer
from skrnn.network._trained import TrainedNetwork
from skrnn.sequences._storage import RaggedArray


@pytest.fixture(scope="module")
def search(reviews):
    return GridSearchCV(RNNTextClassifier(**SMALL), {"learning_rate": [0.01, 0.02]}, cv=2).fit(*reviews)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol_restores_predictions(protocol, reviews, fitted):
    restored = pickle.loads(pickle.dumps(fitted, protocol=protocol))
    np.testing.assert_array_equal(restored.predict_proba(reviews[0]), fitted.predict_proba(reviews[0]))
    assert restored.history_ == fitted.history_


def test_unfitted_and_fitted_estimators_can_be_copied(reviews, fitted):
    assert pickle.loads(pickle.dumps(RNNTextClassifier(units=3))).units == 3
    copied = copy.deepcopy(fitted)
    np.testing.assert_array_equal(copied.predict_proba(reviews[0]), fitted.predict_proba(reviews[0]))


@pytest.mark.parametrize("options", [{}, {"compress": 3}])
def test_joblib_round_trip_is_exact(options, tmp_path, reviews, fitted, search):
    for model in (fitted, search, make_pipeline(fitted)):
        joblib.dump(model, tmp_path / "model.joblib", **options)
        restored = joblib.load(tmp_path / "model.joblib")
        np.testing.assert_array_equal(restored.predict_proba(reviews[0]), model.predict_proba(reviews[0]))


def test_memory_mapped_weights_predict(tmp_path, reviews, fitted):
    joblib.dump(fitted, tmp_path / "model.joblib")
    restored = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    np.testing.assert_array_equal(restored.predict_proba(reviews[0]), fitted.predict_proba(reviews[0]))


def test_restored_classifier_resumes_training(reviews):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "warm_start": True}).fit(*reviews)
    restored = pickle.loads(pickle.dumps(classifier))
    expected = classifier.fit(*reviews).predict_proba(reviews[0])
    np.testing.assert_array_equal(restored.fit(*reviews).predict_proba(reviews[0]), expected)


def restore(estimator, *path, value):
    """Return the estimator with a changed entry in its state."""
    state = entry = copy.copy(estimator.__getstate__())
    for key in path[:-1]:
        entry[key] = copy.copy(entry[key])
        entry = entry[key]
    entry[path[-1]] = value
    restored = type(estimator).__new__(type(estimator))
    restored.__setstate__(state)
    return restored


NETWORK, TARGET, INPUT = (("_fitted", part) for part in ("network", "target", "input"))


def test_file_of_format_1_is_read(reviews):
    saved = joblib.load(Path(__file__).parents[1] / "data" / "format_1.joblib")
    classifier = saved["classifier"]
    np.testing.assert_allclose(classifier.predict_proba(saved["documents"]), saved["probabilities"], atol=1e-6)
    assert classifier.fit(*reviews).n_iter_ == 4


@pytest.mark.parametrize("stamp", [None, {}, {"format": "1"}, {"format": True}])
def test_state_without_a_format_is_refused(stamp, fitted):
    with pytest.raises(ValueError, match="does not say in which format"):
        restore(fitted, "_skrnn", value=stamp)


def test_state_of_another_format_is_refused(fitted):
    with pytest.raises(ValueError, match=r"saved by skrnn 9\.9 in format 99\. skrnn .* reads format 1"):
        restore(fitted, "_skrnn", value={"format": 99, "version": "9.9"})


def test_state_of_another_version_warns(fitted, reviews):
    with pytest.warns(InconsistentVersionWarning, match=r"RNNTextClassifier from version 0\.0\.9"):
        restored = restore(fitted, "_skrnn", value={"format": 1, "version": "0.0.9"})
    np.testing.assert_array_equal(restored.predict_proba(reviews[0]), fitted.predict_proba(reviews[0]))


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (np.zeros(7, np.float32), r"float32 \(1,\); got float32 \(7,\)"),
        (np.zeros(1), "got float64"),
        ([0.0], "got list"),
        (np.full(1, np.nan, np.float32), "infinit|NaN"),
    ],
)
def test_damaged_weights_are_refused(bias, message, fitted):
    with pytest.raises(ValueError, match=f"RNNTextClassifier cannot be restored.*output/bias.*({message})"):
        restore(fitted, *NETWORK, "weights", "output/bias", value=bias)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_tokens", 10**12, "embedding"),
        ("units", [-4], "units|integers > 0"),
        ("units", [4.0], "units|integers > 0"),
        ("units", [4, 4], "embedding"),
        ("cell", "conv", "cell"),
        ("more", 1, "unexpected keyword"),
    ],
)
def test_damaged_specification_is_refused(name, value, message, fitted):
    with pytest.raises(ValueError, match=f"RNNTextClassifier cannot be restored.*({message})"):
        restore(fitted, *NETWORK, "spec", name, value=value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("_fitted",), 3),
        (("_fitted",), {}),
        (NETWORK, None),
        (NETWORK, {"spec": {}}),
        ((*NETWORK, "weights"), None),
        ((*NETWORK, "n_epochs"), "x"),
        ((*NETWORK, "n_epochs"), -5),
        ((*TARGET, "kind"), "numeric"),
        ((*TARGET, "classes"), np.arange(3)),
        ((*TARGET, "classes"), np.array(["a", "a"])),
        ((*TARGET, "class_weight"), None),
        ((*INPUT, "kind"), "sequences"),
        ((*INPUT, "n_tokens"), 3),
        ((*INPUT, "vectorizer"), None),
        ((*INPUT, "vectorizer"), CountVectorizer()),
        (("_fitted", "history"), None),
        (("_fitted", "best_epoch"), "last"),
    ],
)
def test_damaged_state_is_refused(path, value, fitted):
    with pytest.raises(ValueError, match="RNNTextClassifier cannot be restored"):
        restore(fitted, *path, value=value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "optimizer_variables",
            [np.full(3, np.nan)],
            "optimizer_variables to be a list of arrays",
        ),
        ("char_ngrams", {"rows": np.zeros((2, 2))}, "missing"),
        ("more", 1, "Expected the fields .*; got .*more"),
    ],
)
def test_damaged_checkpoint_is_refused(name, value, message, warm):
    with pytest.raises(ValueError, match=f"RNNTextClassifier cannot be restored.*{message}"):
        restore(warm, *NETWORK, "checkpoint", name, value=value)


def test_vectorizer_with_another_vocabulary_is_refused(fitted):
    larger = clone(fitted.vectorizer_).fit(["a b c", *fitted.vocabulary_])
    with pytest.raises(ValueError, match=r"The vectorizer has \d+ token ids, but the input has \d+"):
        restore(fitted, *INPUT, "vectorizer", value=larger)


@pytest.mark.parametrize("name", ["mean", "scale"])
@pytest.mark.parametrize("value", [np.full(2, np.nan), np.ones(3), None])
def test_damaged_scale_of_targets_is_refused(name, value, fitted_numeric):
    with pytest.raises(ValueError, match="RNNSequenceRegressor cannot be restored"):
        restore(fitted_numeric[0], *TARGET, name, value=value)


@pytest.mark.parametrize("save", [pickle.dumps, copy.deepcopy])
def test_an_invalid_parameter_is_refused_before_it_is_saved(save, fitted):
    estimator = copy.copy(fitted).set_params(units=-1)
    with pytest.raises(ValueError, match="Expected units to be"):
        save(estimator)
    assert pickle.loads(pickle.dumps(RNNTextClassifier(units=-1))).units == -1  # a fit will refuse it


def my_analyzer(document):
    return document.split()


def test_functions_of_a_module_are_restored(reviews):
    vectorizer = SequenceVectorizer(analyzer=my_analyzer, strip_accents=str.upper, tokenizer=partial(my_analyzer))
    fitted = vectorizer.fit(reviews[0])
    assert pickle.loads(pickle.dumps(fitted)).analyzer is my_analyzer


class WithAttributes(RNNTextClassifier):
    note = "default"


def test_attributes_of_a_subclass_are_restored():
    estimator = WithAttributes()
    estimator.note, estimator.other = "own", 1
    restored = pickle.loads(pickle.dumps(estimator))
    assert (restored.note, restored.other) == ("own", 1)


@pytest.mark.parametrize("changes", [{}, {"output_activation": "linear"}])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_weights_that_overflow_are_refused_in_use(changes):
    spec = small_spec(n_tokens=None, **changes)
    weights = {name: np.full_like(weight, 3e38) for name, weight in random_weights(spec).items()}
    network = TrainedNetwork.from_state(TrainedNetwork(spec, weights).to_state())
    sequences = RaggedArray.of([np.zeros((0, 3), np.float32), np.ones((2, 3), np.float32)])
    with pytest.raises(ValueError, match=r"outputs .* sample 1 are infinite or NaN.* Scale X down"):
        network.predict(sequences)


@pytest.mark.parametrize("vocabulary", [{"a": 2, "b": 9}, {}, 5, {"a": "2"}])
def test_damaged_vocabulary_is_refused(vocabulary, fitted):
    with pytest.raises(ValueError, match="SequenceVectorizer cannot be restored"):
        restore(fitted.vectorizer_, "vocabulary_", value=vocabulary)


@pytest.fixture(scope="module")
def warm(reviews):
    return RNNTextClassifier(**{**SMALL, "epochs": 1, "warm_start": True}).fit(*reviews)


@pytest.fixture(scope="module")
def fitted_numeric():
    X = np.random.default_rng(0).normal(size=(20, 4))
    options = {name: value for name, value in SMALL.items() if not name.startswith(("embedding", "token"))}
    return RNNSequenceRegressor(**{**options, "epochs": 1}).fit(X, X[:, :2]), X


def test_skops_files_need_public_types_only(fitted, fitted_numeric, reviews):
    skops = pytest.importorskip("skops.io")
    numeric, X = fitted_numeric
    for model, documents in [(fitted, reviews[0]), (make_pipeline(fitted), reviews[0]), (numeric, X)]:
        data = skops.dumps(model)
        trusted = [
            name
            for name in skops.get_untrusted_types(data=data)
            if name in ("skrnn.RNNTextClassifier", "skrnn.RNNSequenceRegressor", "skrnn.SequenceVectorizer")
        ]
        restored = skops.loads(data, trusted=trusted)
        np.testing.assert_array_equal(restored.predict(documents), model.predict(documents))
        with pytest.raises(skops.exceptions.UntrustedTypesFoundException):
            skops.loads(data)
        with pytest.raises(zipfile.BadZipFile):
            skops.loads(data[: len(data) // 2], trusted=trusted)


def test_tampered_skops_file_is_refused(fitted, monkeypatch):
    skops = pytest.importorskip("skops.io")
    with monkeypatch.context() as patch:
        patch.setitem(fitted._fitted.network.weights, "output/bias", np.full(1, np.nan, np.float32))
        data = skops.dumps(fitted)
    with pytest.raises(ValueError, match=r"output/bias.*(infinit|NaN)"):
        skops.loads(data, trusted=skops.get_untrusted_types(data=data))


def test_to_keras_returns_an_independent_model(fitted, reviews, tmp_path):
    import keras

    model = fitted.to_keras()
    ids = fitted.vectorizer_.encode(reviews[0])
    np.testing.assert_allclose(
        model.predict(ids, verbose=0)[:, 0], fitted.predict_proba(reviews[0])[:, 1], atol=1e-5
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(ids, verbose=0), model.predict(ids, verbose=0), atol=1e-6)
    model.save_weights(tmp_path / "model.weights.h5")
    again = fitted.to_keras()
    again.set_weights([0 * weight for weight in model.get_weights()])
    again.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(again.predict(ids, verbose=0), model.predict(ids, verbose=0))
    before = fitted.predict_proba(reviews[0])
    model.set_weights([0 * weight for weight in model.get_weights()])
    np.testing.assert_array_equal(fitted.predict_proba(reviews[0]), before)


@pytest.mark.parametrize("policy", ["float64", "mixed_float16"])
def test_weights_survive_every_training_precision(reviews, policy):
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
def test_forked_process_refuses_to_train(fitted, reviews):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        error = pool.submit(clone(fitted).fit, *reviews).exception(timeout=60)
    assert isinstance(error, RuntimeError)
    assert "forked from one in which it has run" in str(error)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_forked_process_predicts(fitted, reviews):
    expected = fitted.predict_proba(reviews[0])
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        np.testing.assert_array_equal(pool.submit(fitted.predict_proba, reviews[0]).result(timeout=60), expected)


def test_threads_predict_the_same(fitted, reviews):
    expected = fitted.predict_proba(reviews[0])
    with ThreadPoolExecutor(8) as pool:
        for probabilities in pool.map(fitted.predict_proba, [reviews[0]] * 40):
            np.testing.assert_array_equal(probabilities, expected)


def test_fitted_state_is_plain_data(warm):
    state = warm.__getstate__()
    json.dumps(state, default=_plain_array)


def _plain_array(value):
    assert type(value) is np.ndarray or isinstance(value, SequenceVectorizer)
    return value.tolist() if type(value) is np.ndarray else value.__getstate__()


def test_predict_adds_nothing_to_the_state(fitted, reviews):
    restored = pickle.loads(pickle.dumps(fitted))
    before = pickle.dumps(restored)
    restored.predict_proba(reviews[0])
    assert pickle.dumps(restored) == before


def test_training_changes_predictions_but_not_earlier_copies(fitted, reviews):
    documents, y = reviews
    classifier = pickle.loads(pickle.dumps(fitted))
    before, shallow = classifier.predict_proba(documents), copy.copy(classifier)
    classifier.partial_fit(documents, y)
    after = classifier.predict_proba(documents)
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_array_equal(shallow.predict_proba(documents), before)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(documents), after)


def test_file_is_little_larger_than_the_weights(tmp_path, fitted):
    joblib.dump(fitted, tmp_path / "model.joblib")
    assert (tmp_path / "model.joblib").stat().st_size < 4 * fitted.n_parameters_ + 8000


@pytest.mark.parametrize("kind", ["object", "str", "NumPy str", "int", "bool", "date"])
def test_labels_of_any_kind_survive_a_file(kind, reviews):
    labels = {
        "object": np.array(["n", "p"], dtype=object),
        "str": np.array(["n", "p"]),
        "NumPy str": np.array([np.str_("n"), np.str_("p")], dtype=object),
        "int": np.array([-1, 5]),
        "bool": np.array([False, True]),
        "date": np.array(["2020-01-01", "2021-01-01"], dtype="M8[D]"),
    }[kind]
    y = labels[np.arange(60) % 2]
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1}).fit(reviews[0], y)
    restored = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(restored.predict(reviews[0]), classifier.predict(reviews[0]))
    assert restored.classes_.dtype == classifier.classes_.dtype
