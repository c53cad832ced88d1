"""What the README, the examples and the docstrings show is what happens."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.utils import Bunch

import skrnn.datasets

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_readme_code_runs(tmp_path, monkeypatch):
    """On the beginnings of the reviews, which are quicker to read."""
    reviews = skrnn.datasets.load_chinese_reviews()
    beginnings = Bunch(data=[text[:40] for text in reviews.data], target=reviews.target)
    monkeypatch.setattr(skrnn.datasets, "load_chinese_reviews", lambda: beginnings)
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "readme"}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["classifier"].score(namespace["X_test"], namespace["y_test"]) > 0.6


def test_readme_commands_name_files_and_extras_that_exist():
    commands = "".join(blocks("bash"))
    for path in re.findall(r"python (\S+\.py)", commands):
        assert (ROOT / path).is_file()
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r'"\.\[(\w+)\]"', commands):
        assert re.search(rf"^{extra} = \[", pyproject, flags=re.MULTILINE)


def test_readme_defaults_are_the_defaults():
    signature = inspect.signature(skrnn.RNNTextClassifier).parameters
    for names, defaults in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (`[^|]+`) \|", README, flags=re.MULTILINE):
        for name, default in zip(*(re.findall("`([^`]+)`", cell) for cell in (names, defaults)), strict=True):
            if name != "vectorizer":
                assert repr(signature[name].default).replace("'", '"') == default


ESTIMATORS = [
    skrnn.RNNTextClassifier,
    skrnn.RNNTextRegressor,
    skrnn.RNNSequenceClassifier,
    skrnn.RNNSequenceRegressor,
    skrnn.SequenceVectorizer,
]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_parameter_is_documented_with_its_default(estimator):
    documentation = inspect.getdoc(estimator)
    documented = dict(re.findall(r"^(\w+) : .*default=(.*)$", documentation, flags=re.MULTILINE))
    assert "%(" not in documentation
    cited = set(re.findall(r"\[(\w+)\]_", documentation))
    assert cited == set(re.findall(r"^\.\. \[(\w+)\]", documentation, flags=re.MULTILINE))
    defaults = {
        name: repr(parameter.default).replace("'", '"')
        for name, parameter in inspect.signature(estimator).parameters.items()
    }
    assert documented == defaults


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_html_representation_explains_every_parameter(estimator):
    pytest.importorskip("sklearn", "1.9")  # which brought the tooltips
    html = estimator()._repr_html_()
    for name in inspect.signature(estimator).parameters:
        assert re.search(rf'<span class="param-doc-description"[^>]*doc-link-{name};"', html)


def test_the_html_representation_links_to_the_documentation_if_there_is_an_address(monkeypatch):
    import skrnn.utils._docs

    address = "https://example.org/skrnn"
    monkeypatch.setattr(skrnn.utils._docs, "_documentation_address", lambda: address)
    assert f'href="{address}"' in skrnn.RNNTextClassifier()._repr_html_()


def test_defaults_agree():
    defaults = {}
    for estimator in ESTIMATORS[:4]:
        for name, parameter in inspect.signature(estimator).parameters.items():
            assert defaults.setdefault(name, parameter.default) == parameter.default


def test_the_articles_example_runs():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = str(ROOT / "examples" / "article_model.py")
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    accuracy = float(re.search(r"test accuracy of the defaults: ([\d.]+)", done.stdout)[1])
    assert accuracy > 0.7
