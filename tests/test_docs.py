"""The README, the examples and the docstrings are correct."""

import ast
import inspect
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpydoc.docscrape import FunctionDoc, NumpyDocString
from sklearn.utils import Bunch
from sklearn.utils._testing import assert_docstring_consistency

import skrnn.datasets

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

# The first section has the code that the others continue.
SETUP, *RECIPES = (ROOT / "examples" / "other_tools.md").read_text(encoding="utf-8").split("\n## ")

NETWORKS = [
    skrnn.RNNTextClassifier,
    skrnn.RNNTextRegressor,
    skrnn.RNNSequenceClassifier,
    skrnn.RNNSequenceRegressor,
]
EVERY_ESTIMATOR = pytest.mark.parametrize("estimator", [*NETWORKS, skrnn.SequenceVectorizer])
EVERY_CLASS = pytest.mark.parametrize(
    "estimator",
    [*NETWORKS, skrnn.SequenceVectorizer, skrnn.RNNEncoder, skrnn.MultilabelThresholdClassifier],
)


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def short_documents(monkeypatch):
    """Let the documentation load the beginnings of articles and reviews, which is faster."""
    for name, n_characters in (("load_bbc_news", 200), ("load_chinese_reviews", 40)):
        bunch = getattr(skrnn.datasets, name)()
        beginnings = Bunch(data=[text[:n_characters] for text in bunch.data], target=bunch.target)
        monkeypatch.setattr(skrnn.datasets, name, lambda beginnings=beginnings: beginnings)


@pytest.mark.usefixtures("short_documents")
def test_readme_code_runs(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "readme"}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["classifier"].score(namespace["X_test"], namespace["y_test"]) > 0.6


@pytest.fixture
def run_recipe(short_documents, tmp_path, monkeypatch):  # noqa: ARG001 - the fixture changes the data
    """A function that runs a recipe in an empty folder, with fewer reviews, and returns its variables."""

    def run(name, **minimum_versions):
        for package, version in minimum_versions.items():
            pytest.importorskip(package, version)
        (code,) = (blocks("python", recipe)[0] for recipe in RECIPES if recipe.startswith(f"{name}\n"))
        (setup,) = blocks("python", SETUP)
        variables = {"__name__": "recipe"}
        exec(compile(setup, "other_tools.md", "exec"), variables)
        variables |= {name: variables[name][:100] for name in ("X_train", "y_train")}
        code = code.replace("n_trials=20", "n_trials=2")
        exec(compile(code, "other_tools.md", "exec"), variables)
        return variables

    monkeypatch.chdir(tmp_path)
    return run


def test_skl2onnx_converts_an_ensemble(run_recipe):
    variables = run_recipe("skl2onnx", skl2onnx="1.20")
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(variables["model"].SerializeToString())
    texts = variables["X_test"][:20]
    labels, probabilities = session.run(None, {"documents": np.array(texts, dtype=object)})
    ensemble = variables["ensemble"]
    np.testing.assert_allclose(probabilities, ensemble.predict_proba(texts), atol=1e-5)
    np.testing.assert_array_equal(labels, ensemble.predict(texts))


def test_mlflow_restores_the_classifier(run_recipe, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    variables = run_recipe("MLflow", mlflow="3.17")
    texts = variables["X_test"]
    expected = variables["classifier"].predict_proba(texts)
    assert (variables["restored"].predict_proba(texts) == expected).all()


def test_the_model_card_shows_description_parameters_and_score(run_recipe):
    variables = run_recipe("Model card of skops", skops="0.11")
    card = Path("README.md").read_text(encoding="utf-8")
    score = variables["classifier"].score(variables["X_test"], variables["y_test"])
    for expected in (
        "positive from negative Chinese reviews",
        "vectorizer__max_length",
        "accuracy",
        f"{score:.2f}",
    ):
        assert expected in card


def test_optuna_finds_parameters_of_the_classifier(run_recipe):
    variables = run_recipe("Optuna", optuna="4")
    study, classifier = variables["study"], variables["classifier"]
    assert study.best_value == max(trial.value for trial in study.trials) > 0.5
    assert classifier.set_params(**study.best_params).learning_rate == study.best_params["learning_rate"]


def test_readme_commands_name_existing_files_and_extras():
    commands = "".join(blocks("bash"))
    for path in re.findall(r"python (\S+\.py)", commands):
        assert (ROOT / path).is_file()
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r'"\.\[(\w+)\]"', commands):
        assert re.search(rf"^{extra} = \[", pyproject, flags=re.MULTILINE)


def test_contributing_names_existing_files_and_functions():
    contributing = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:skrnn|tests|\.ci)/[\w/.]*)`", contributing)
    functions = re.findall(r"`(skrnn/[\w/.]+)` \(`(\w+)`\)", contributing)
    assert paths
    assert functions
    assert not [path for path in paths if not (ROOT / path).exists()]
    for path, name in functions:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^ *(def |class )?{name}\b", source, flags=re.MULTILINE), (path, name)


def test_readme_states_the_right_defaults():
    signature = inspect.signature(skrnn.RNNTextClassifier).parameters
    for names, defaults in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (`[^|]+`) \|", README, flags=re.MULTILINE):
        for name, default in zip(*(re.findall("`([^`]+)`", cell) for cell in (names, defaults)), strict=True):
            if name != "vectorizer":
                assert repr(signature[name].default).replace("'", '"') == default


@EVERY_ESTIMATOR
def test_every_parameter_is_documented_with_type_and_default(estimator):
    documented = {parameter.name: parameter for parameter in _documentation(estimator)["Parameters"]}
    parameters = inspect.signature(estimator).parameters
    assert list(documented) == list(parameters)
    for name, parameter in parameters.items():
        default = repr(parameter.default).replace("'", '"')
        kind, found = documented[name].type.rsplit(", default=", 1)
        assert kind
        assert (name, found) == (name, default)
        assert documented[name].desc


def _documentation(cls):
    return NumpyDocString(inspect.getdoc(cls))


@EVERY_CLASS
def test_every_parameter_of_a_method_is_documented(estimator):
    methods = inspect.getmembers(estimator, inspect.isfunction)
    own = [method for name, method in methods if name[0] != "_" and method.__module__.startswith("skrnn.")]
    assert own
    for method in own:
        documented = [name for entry in FunctionDoc(method)["Parameters"] for name in entry.name.split(", ")]
        signature = [
            str(p).split(":")[0].split("=")[0].strip() for p in inspect.signature(method).parameters.values()
        ]
        assert (method.__name__, ["self", *documented]) == (method.__name__, signature)


@pytest.mark.filterwarnings("ignore:Checking was skipped")
@pytest.mark.parametrize("pair", list(combinations(NETWORKS, 2)))
def test_shared_parameters_and_attributes_have_the_same_description(pair):
    assert_docstring_consistency(pair, include_params=True, include_attrs=True)


def test_shared_parameters_have_the_same_default():
    defaults = {}
    for estimator in NETWORKS:
        for name, parameter in inspect.signature(estimator).parameters.items():
            assert defaults.setdefault(name, parameter.default) == parameter.default


@EVERY_CLASS
def test_every_citation_has_a_reference(estimator):
    documentation = inspect.getdoc(estimator)
    cited = set(re.findall(r"\[(\w+)\]_", documentation))
    assert cited == set(re.findall(r"^\.\. \[(\w+)\]", documentation, flags=re.MULTILINE))


@EVERY_CLASS
def test_docstrings_are_static(estimator):
    source = Path(inspect.getfile(estimator.__init__)).read_text(encoding="utf-8")
    definition = next(node for node in ast.parse(source).body if getattr(node, "name", None) == estimator.__name__)
    assert ast.get_docstring(definition) == inspect.getdoc(estimator)
    assert "%(" not in source


@EVERY_ESTIMATOR
def test_html_explains_every_parameter(estimator):
    pytest.importorskip("sklearn", "1.9")  # the first version with tooltips
    html = estimator()._repr_html_()
    for name in inspect.signature(estimator).parameters:
        assert re.search(rf'<span class="param-doc-description"[^>]*doc-link-{name};"', html)
