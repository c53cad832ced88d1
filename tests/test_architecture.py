"""Imports point one way, and the package is light until a fit begins."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skrnn

PACKAGE = Path(skrnn.__file__).parent
HEAVY = {"tensorflow", "keras", "scikeras"}
# The modules that import these, and that are themselves imported only when they are needed.
KERAS = {"layers", "_keras_network", "_optimizers", "_progress", "_recurrence", "_training"}

# What each module may import of the package.
ALLOWED = {
    "_validation": set(),
    "_sequences": set(),
    "_ngrams": {"_sequences"},
    "_char_ngrams": {"_sequences"},
    "_naive_bayes": {"_ngrams", "_sequences"},
    "_network": {"_ngrams"},
    "datasets": set(),
    "estimator_checks": set(),
    "_embeddings": set(),
    "_threads": set(),
    "_inference": {"_ngrams", "_network", "_sequences", "_threads"},
    "_subwords": set(),
    "_vectorizer": {"_docs", "_sequences", "_state", "_subwords", "_validation"},
    "_recurrence": set(),
    "layers": {"_char_ngrams", "_ngrams", "_recurrence", "_sequences"},
    "_keras_network": {"_char_ngrams", "_network", "_sequences", "layers"},
    "_progress": set(),
    "_optimizers": set(),
    "_training": {
        "_char_ngrams",
        "_keras_network",
        "_network",
        "_optimizers",
        "_progress",
        "_sequences",
        "_threads",
    },
    "_callbacks": set(),
    "_base": {
        "_callbacks",
        "_char_ngrams",
        "_docs",
        "_inference",
        "_network",
        "_state",
        "_threads",
        "_validation",
        "_training",
        "_keras_network",
    },
    "_text": {
        "_base",
        "_char_ngrams",
        "_ngrams",
        "_embeddings",
        "_naive_bayes",
        "_sequences",
        "_validation",
        "_vectorizer",
    },
    "_numeric": {"_base", "_sequences"},
    "_docs": set(),
    "_version": set(),
    "_state": {"_version"},
    "_classifier": {"_docs", "_numeric", "_text", "_validation"},
    "_regressor": {"_docs", "_numeric", "_text", "_validation"},
    "_export_text": {"_sequences", "_vectorizer"},
    "export": {
        "_base",
        "_ngrams",
        "_export_text",
        "_network",
        "_sequences",
        "_text",
        "_validation",
        "_vectorizer",
        "_version",
    },
    "__init__": {"_classifier", "_network", "_regressor", "_vectorizer", "_version"},
}


def _imports(path, top_level_only=False):
    """Names of the modules that a source file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_module_has_its_place():
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(ALLOWED)


@pytest.mark.parametrize("module", ALLOWED)
def test_imports_point_one_way(module):
    imported = [name.split(".") for name in _imports(PACKAGE / f"{module}.py")]
    assert {parts[1] for parts in imported if parts[0] == "skrnn"} <= ALLOWED[module]


@pytest.mark.parametrize("module", sorted(set(ALLOWED) - KERAS))
def test_keras_is_imported_in_few_modules_only(module):
    assert not {name.split(".")[0] for name in _imports(PACKAGE / f"{module}.py")} & HEAVY
    at_the_top = {name.split(".")[-1] for name in _imports(PACKAGE / f"{module}.py", top_level_only=True)}
    assert not at_the_top & KERAS


def test_only_training_knows_scikeras():
    assert [path.stem for path in PACKAGE.glob("*.py") if "scikeras.wrappers" in set(_imports(path))] == [
        "_training"
    ]


def test_importing_the_package_loads_neither_keras_nor_tensorflow():
    code = f"import sys, skrnn, skrnn.datasets, skrnn.estimator_checks; assert not {HEAVY} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_public_names():
    estimators = {"RNNTextClassifier", "RNNTextRegressor", "RNNSequenceClassifier", "RNNSequenceRegressor"}
    assert set(skrnn.__all__) == estimators | {"SequenceVectorizer", "NetworkSpec", "__version__"}
