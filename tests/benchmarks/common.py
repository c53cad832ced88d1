"""Data sets and other classifiers that several benchmarks use.

A data set is a folder with the files ``train.tsv.gz`` and ``test.tsv.gz``. They are UTF-8, with the header
``text<TAB>label``.
"""

import argparse
import os
import platform
import re
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import distributions, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from skrnn import __version__
from skrnn.datasets import load_bbc_news

NEWS = "news"  # the name of skrnn.datasets.load_bbc_news among the data sets


def read_table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def set_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def check_data(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Stop with an error if a data set needs a folder, and there is none."""
    missing = [name for name in arguments.sets if name != NEWS]
    if missing and arguments.data is None:
        parser.error(f"--data is required for {', '.join(missing)}")


def load(name: str, folder: Path | None) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return X_train, y_train, X_test and y_test."""
    if name == NEWS:
        news = load_bbc_news()
        X_train, X_test, y_train, y_test = train_test_split(
            news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
        )
        return X_train, y_train.tolist(), X_test, y_test.tolist()
    train, test = (read_table(folder / name / f"{part}.tsv.gz") for part in ("train", "test"))
    return train["text"].tolist(), train["label"].tolist(), test["text"].tolist(), test["label"].tolist()


def is_spaced(documents: Iterable[str]) -> bool:
    """Return whether spaces are between the words."""
    return sum(text.count(" ") for text in documents) > 0.05 * sum(map(len, documents))


def linear_baselines(spaced: bool) -> dict[str, BaseEstimator]:
    ngrams = {"ngram_range": (1, 2)} if spaced else {"analyzer": "char", "ngram_range": (1, 3)}
    words = TfidfVectorizer(sublinear_tf=True, **ngrams)
    union = make_union(words, TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5), min_df=2))
    return {
        "words": make_pipeline(words, LinearSVC(random_state=0)),
        "union": make_pipeline(union, LinearSVC(random_state=0)),
        "union + logistic": make_pipeline(union, LogisticRegression(max_iter=1000)),
    }


class FastText(ClassifierMixin, BaseEstimator):
    """fastText on words (characters of text without spaces) in lower case, and on pairs of them."""

    PREFIX = "##"  # marks a label; no token begins with it

    def __init__(self, spaced: bool, *, options: dict[str, Any], random_state: int = 0):
        self.spaced = spaced
        self.options = options
        self.random_state = random_state

    def fit(self, X, y):
        import fasttext

        self.classes_, targets = np.unique(y, return_inverse=True)
        lines = [f"{self.PREFIX}{target} {line}\n" for target, line in zip(targets, self._lines(X), strict=True)]
        self._folder = tempfile.TemporaryDirectory()  # fastText trains and quantizes from a file
        self._file = Path(self._folder.name, "train.txt")
        self._file.write_text("".join(lines), encoding="utf-8")
        options = {"epoch": 25, "wordNgrams": 2, "verbose": 0, **self.options}
        seed = 1 + self.random_state  # fastText treats 0 as 1
        self.model_ = fasttext.train_supervised(str(self._file), label=self.PREFIX, seed=seed, **options)
        self.n_iter_ = options["epoch"]
        return self

    def predict(self, X) -> np.ndarray:
        labels, _ = self.model_.predict(self._lines(X))
        return self.classes_[[self._target(label) for (label,) in labels]]

    def predict_proba(self, X) -> np.ndarray:
        probabilities = np.full((len(X), len(self.classes_)), 1e-9)  # fastText may return no labels
        predictions = zip(*self.model_.predict(self._lines(X), k=-1), strict=True)
        for row, (labels, shares) in zip(probabilities, predictions, strict=True):
            row[[self._target(label) for label in labels]] += shares
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def compress(self) -> "FastText":
        self.model_.quantize(str(self._file), retrain=True, epoch=1, qnorm=True, cutoff=100_000, verbose=0)
        return self

    def save(self, path: Path) -> None:
        self.model_.save_model(str(path))

    def _target(self, label: str) -> int:
        return int(label.removeprefix(self.PREFIX))

    def _lines(self, X: Iterable[str]) -> list[str]:
        pattern = r"\w+|[^\w\s]" if self.spaced else r"\S"
        return [" ".join(re.findall(pattern, text.lower())) for text in X]


def new_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def in_new_process(function: Callable, *arguments: object) -> Any:
    """Call a function in a new process, whose memory starts small."""
    with new_process() as process:
        return process.submit(function, *arguments).result()


def circumstances(packages: list[str]) -> dict[str, object]:
    """Return what the times of a benchmark depend on, for the file of its results."""
    versions = {"python": platform.python_version(), "skrnn": __version__}
    versions |= {name: version(name) for name in packages if list(distributions(name=name))}
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # not on Windows
    return {"cores": joblib.cpu_count(), "load": load_average, "versions": versions}
