"""Imports point one way, and the package is light until a fit begins."""

import ast
import pickle
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import skrnn

PACKAGE = Path(skrnn.__file__).parent
HEAVY = {"tensorflow", "keras", "scikeras"}

# A wing imports those before it.
WINGS = [
    "_version",
    "utils",
    "sequences",
    "text",
    "layers",
    "network",
    "training",
    "estimators",
    "export",
    "inspection",
    "datasets",
]

# Modules that import Keras, and that are imported only when it is needed.
KERAS = {"layers", "training", "network._keras"}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def _imports(name: str, top_level_only: bool = False) -> set[str]:
    """The modules that a module imports."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    imported = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module)
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
    return imported


def _own_imports(name: str) -> set[str]:
    return {imported.removeprefix("skrnn.") for imported in _imports(name) if imported.startswith("skrnn.")}


def _wing(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__init__"])
def test_wings_import_in_one_direction(name):
    later = {i for i in _own_imports(name) if WINGS.index(_wing(i)) > WINGS.index(_wing(name))}
    assert not later


def test_modules_import_without_cycles():
    list(TopologicalSorter({name: _own_imports(name) - {name} for name in MODULES}).static_order())


def _needs_keras(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in HEAVY | KERAS)


@pytest.mark.parametrize("name", [name for name in MODULES if not _needs_keras(name)])
def test_keras_is_imported_only_when_needed(name):
    at_the_top = _imports(name, top_level_only=True)
    assert not [imported for imported in at_the_top if _needs_keras(imported.removeprefix("skrnn."))]


def test_one_module_imports_scikeras():
    assert [name for name in MODULES if "scikeras.wrappers" in _imports(name)] == ["training._engine"]


def test_importing_the_package_imports_no_tensorflow():
    code = "import sys, skrnn.datasets, skrnn.export, skrnn.inspection, skrnn.utils.estimator_checks"
    code += f"; print({HEAVY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_public_names():
    estimators = {"RNNTextClassifier", "RNNTextRegressor", "RNNSequenceClassifier", "RNNSequenceRegressor"}
    others = {
        "RNNEncoder",
        "MultilabelThresholdClassifier",
        "SequenceVectorizer",
        "TokenCounts",
        "NetworkSpec",
        "compress",
        "__version__",
    }
    assert set(skrnn.__all__) == estimators | others


MISSING = """
import pickle, sys

sys.modules[sys.argv[2]] = None  # as if the package were not installed
with open(sys.argv[1], "rb") as file:
    fitted = pickle.load(file)
fitted.predict(["a film"])
unread = (1 / 0 for _ in range(2))  # an error if fit reads the documents first
actions = {
    "fit": lambda: fitted.fit(unread, [0, 1]),
    "partial_fit": lambda: fitted.partial_fit(unread, [0, 1]),
    "to_keras": fitted.to_keras,
    "model_": lambda: fitted.model_,
    "layers": lambda: __import__("skrnn.layers"),
}
for name, action in actions.items():
    try:
        action()
    except ImportError as error:
        print(name, error)
"""


@pytest.mark.parametrize("package", ["tensorflow", "keras", "scikeras"])
def test_errors_say_which_package_to_install(package, fitted, tmp_path):
    path = tmp_path / "fitted.pickle"
    path.write_bytes(pickle.dumps(fitted))
    command = [sys.executable, "-c", MISSING, path, package]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    fits = ["fit", "partial_fit"]
    failing = fits if package == "scikeras" else [*fits, "to_keras", "model_", "layers"]
    assert [line.split()[0] for line in lines] == failing
    assert all(line.endswith(f"python -m pip install {package}") for line in lines)
    assert all("Predictions of built-in networks work without" in line for line in lines)
