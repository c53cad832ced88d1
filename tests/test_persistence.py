import copy
import json
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from conftest import SMALL
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrnn import RNNTextClassifier

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


def test_fitted_state_is_plain_data(fitted):
    network = fitted._network
    assert json.loads(json.dumps(network["spec"]))["cell"] == "lstm"
    assert all(type(weight) is np.ndarray and weight.dtype == np.float32 for weight in network["weights"].values())
    assert network["resumption"] is None
    assert {type(token) for token in fitted.vocabulary_} == {str}
    modules = {getattr(type(value), "__module__", "") for value in vars(fitted).values()}
    assert not any(module.startswith(("keras", "tensorflow", "scikeras")) for module in modules)


def test_the_file_holds_little_but_the_weights(tmp_path, fitted):
    joblib.dump(fitted, tmp_path / "model.joblib")
    assert (tmp_path / "model.joblib").stat().st_size < 4 * fitted.n_parameters_ + 8000
