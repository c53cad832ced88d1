"""A process without TensorFlow loads files, predicts, explains and exports.

.ci/run sets SERVING_PYTHON to the Python of an environment with only the packages that the README lists for this.
"""

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

from skrnn.inspection import token_attributions

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["a splendid film", "a terrible night, terrible!", ""]
PUBLIC = ["skrnn.RNNTextClassifier", "skrnn.SequenceVectorizer"]

SERVE = """
import sys
from importlib.metadata import packages_distributions

needed = {"numpy", "scipy", "sklearn", "joblib", "threadpoolctl", "skrnn"}
needed |= {"narwhals", "cloudpickle"}  # recent versions of scikit-learn and joblib import them
others = set(packages_distributions()) - needed


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in others:
            raise ModuleNotFoundError(name)  # as if it were not installed


sys.meta_path.insert(0, Refuse())
import joblib
from skrnn.inspection import TokenAttributionDisplay, token_attributions

documents = joblib.load("documents.joblib")
model = joblib.load("model.joblib")
results = {
    "probabilities": model.predict_proba(documents),
    "explanations": [tokens.values for tokens in token_attributions(model, documents, random_state=0)],
    "page": TokenAttributionDisplay.from_estimator(model, documents[0], random_state=0).to_html(),
}
joblib.dump(results, "results.joblib")
"""

EXPORT = """
import sys

sys.modules.update(dict.fromkeys(["tensorflow", "keras", "scikeras"]))  # as if they were not installed
import skops.io
from skrnn.export import to_onnx

to_onnx(skops.io.load("model.skops", trusted=sys.argv[1:]), "model.onnx", inputs="documents")
"""


def run(code, folder, *arguments):
    """Run code in a process of the environment that serves, or else of this one."""
    python = os.environ.get("SERVING_PYTHON")
    environment = {**os.environ, "PYTHONPATH": "" if python else str(ROOT)}
    subprocess.run([python or sys.executable, "-c", code, *arguments], cwd=folder, env=environment, check=True)


def test_predictions_and_explanations_need_few_packages(fitted, tmp_path):
    joblib.dump(fitted, tmp_path / "model.joblib")
    joblib.dump(DOCUMENTS, tmp_path / "documents.joblib")
    run(SERVE, tmp_path)
    results = joblib.load(tmp_path / "results.joblib")
    np.testing.assert_allclose(results["probabilities"], fitted.predict_proba(DOCUMENTS), atol=1e-6)
    explanations = token_attributions(fitted, DOCUMENTS, random_state=0)
    for values, expected in zip(results["explanations"], explanations, strict=True):
        np.testing.assert_allclose(values, expected.values, atol=1e-5)
    assert "splendid" in results["page"]


def test_skops_file_is_exported_without_tensorflow(fitted, tmp_path):
    pytest.importorskip("skops.io").dump(fitted, tmp_path / "model.skops")
    run(EXPORT, tmp_path, *PUBLIC)
    session = pytest.importorskip("onnxruntime").InferenceSession(tmp_path / "model.onnx")
    probabilities, _labels = session.run(None, {"documents": np.array(DOCUMENTS, dtype=object)})
    np.testing.assert_allclose(probabilities, fitted.predict_proba(DOCUMENTS), atol=1e-5)


def test_pickles_name_only_public_classes_of_the_package(fitted):
    names = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            names.add(f"{module}.{name}")
            return super().find_class(module, name)

    Unpickler(io.BytesIO(pickle.dumps(fitted))).load()
    assert {name for name in names if name.startswith("skrnn")} == set(PUBLIC)
