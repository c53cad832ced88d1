"""The examples run, say what is true, and are listed on a page with pictures."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from sklearn.utils import Bunch

import skrnn.datasets

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
GALLERY = runpy.run_path(str(ROOT / ".github" / "gallery.py"))


@pytest.fixture
def run_example(tmp_path, monkeypatch, capsys):
    """A function that runs an example in an empty folder with a part of the data.

    ``run_example(name, n_documents, n_characters, CONSTANT=value, ...)`` returns its variables and what it prints.
    """
    pytest.importorskip("matplotlib").use("Agg")

    def run(name, n_documents=400, n_characters=300, **constants):
        for loader in ("load_bbc_news", "load_chinese_reviews"):
            bunch = getattr(skrnn.datasets, loader)()
            step = len(bunch.data) // n_documents
            short = Bunch(data=[text[:n_characters] for text in bunch.data[::step]], target=bunch.target[::step])
            monkeypatch.setattr(skrnn.datasets, loader, lambda short=short: short)
        source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        for constant, value in constants.items():
            source, n_found = re.subn(rf"^{constant} = .*$", f"{constant} = {value!r}", source, flags=re.MULTILINE)
            assert n_found == 1, f"{name}.py defines {constant} {n_found} times"
        script = tmp_path / f"{name}.py"
        script.write_text(source, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [script.name])
        variables = runpy.run_path(str(script), run_name="__main__")
        return variables, capsys.readouterr().out

    return run


def listed():
    return [name for names in GALLERY["SECTIONS"].values() for name in names]


def test_the_index_lists_every_example():
    assert sorted(listed()) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


def test_the_index_is_current():
    assert (EXAMPLES / "README.md").read_text(encoding="utf-8") == GALLERY["index"](), (
        "Run: python .github/gallery.py index"
    )


@pytest.mark.parametrize("name", listed())
def test_an_example_that_saves_a_figure_has_a_thumbnail(name):
    saves_figure = f"{name}.png" in (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    images = ROOT / ".github" / "images"
    assert (images / f"{name}.png").is_file() == saves_figure
    assert (images / "thumbnails" / f"{name}.png").is_file() == saves_figure


def test_a_custom_network_learns_topics(run_example):
    variables, _ = run_example("custom_network")
    assert variables["classifier"].score(variables["X_test"], variables["y_test"]) > 0.6
    assert Path("custom_network.png").is_file()
