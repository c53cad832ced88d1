"""Compare the accuracy, time and file size of text classifiers.

    python tests/benchmarks/comparison.py news banking77 --data DIR --out comparison.jsonl
    python tests/benchmarks/comparison.py --out comparison.jsonl --chart comparison.png

"news" is the articles of ``skrnn.datasets.load_bbc_news``. Other sets are folders of DIR, as in accuracy.py.
Results are appended to a file. The tables and the chart show all results of this file, the latest of each model,
set and random state.

Each model is fitted in a new process, which imports the packages before the clock starts. All libraries use their
default number of threads. The options of each library follow its own tutorials:

- TF-IDF: as in accuracy.py.
- fastText: punctuation apart and lower case, 25 epochs, pairs of words, 50 dimensions and 200,000 buckets. The
  learning rate of 0.5 was the best one (0.1, 0.25, 0.5, 1) on held-out training documents of seven sets.
- Keras, scikeras and skorch: the same network with the 20,000 most frequent words (characters of Chinese) and at
  most 200 of a document, dropout, Adam, and early stopping with the accuracy on a tenth of the documents. Early
  stopping with the loss was less accurate, and took fewer epochs.

Models of libraries that are not installed are left out (``pip install torch skorch fasttext-numpy2``). Run it on
an idle machine.
"""

import argparse
import json
import os
import statistics
import tempfile
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from common import FastText, check_data, circumstances, in_new_process, is_spaced, linear_baselines, load
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import shuffle

from skrnn import RNNTextClassifier, compress

# The networks of Keras, scikeras and skorch
N_TOKENS, MAX_LENGTH, EMBEDDING_DIM, UNITS = 20_000, 200, 128, 64
EMBEDDING_DROPOUT, DROPOUT, BATCH_SIZE, MAX_EPOCHS, PATIENCE = 0.3, 0.5, 64, 20, 3

BASELINE = "TF-IDF of words and characters, SVM"

N_RUNS, N_SINGLE = 3, 50  # predictions of all documents, and of one document


@dataclass(frozen=True)
class Data:
    """Documents, and classes from 0. ``spaced`` says whether spaces are between the words."""

    train: list[str]
    y_train: np.ndarray
    test: list[str]
    y_test: np.ndarray
    spaced: bool


def prepared(name: str, folder: Path | None, n_documents: int | None) -> Data:
    train, y_train, test, y_test = load(name, folder)
    # In random order, because Keras takes the last part for validation.
    train, y_train = shuffle(train, y_train, random_state=0, n_samples=n_documents)
    encoder = LabelEncoder().fit(y_train)
    return Data(train, encoder.transform(y_train), test, encoder.transform(y_test), is_spaced(train))


def fasttext(data: Data, seed: int) -> FastText:
    options = {"lr": 0.5, "bucket": 200_000, "dim": 50}
    return FastText(data.spaced, options=options, random_state=seed)


def keras_network(n_classes: int):
    import keras

    return keras.Sequential(
        [
            keras.Input((None,), dtype="int64"),
            keras.layers.Embedding(N_TOKENS, EMBEDDING_DIM),
            keras.layers.SpatialDropout1D(EMBEDDING_DROPOUT),
            keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True)),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dropout(DROPOUT),
            keras.layers.Dense(n_classes, activation="softmax"),
        ]
    )


class KerasByHand:
    """Keras alone: the ids come from ``TextVectorization``, which is a part of the exported model."""

    def __init__(self, data: Data, seed: int):
        self.split = "whitespace" if data.spaced else "character"
        self.length = _length(data)
        self.seed = seed

    def fit(self, X, y) -> None:
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(self.seed)
        tokens = keras.layers.TextVectorization(N_TOKENS, split=self.split, output_sequence_length=self.length)
        tokens.adapt(X)
        network = keras_network(len(np.unique(y)))
        network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        stop = keras.callbacks.EarlyStopping("val_accuracy", patience=PATIENCE, restore_best_weights=True)
        options = {"batch_size": BATCH_SIZE, "epochs": MAX_EPOCHS, "validation_split": 0.1, "verbose": 0}
        network.fit(tokens(tf.constant(X)), y, callbacks=[stop], **options)
        self.model = keras.Sequential([keras.Input((), dtype="string"), tokens, *network.layers])

    def predict(self, X) -> np.ndarray:
        import tensorflow as tf

        documents = tf.constant(X)
        if len(X) == 1:  # much faster than predict
            return self.model.predict_on_batch(documents).argmax(axis=1)
        return self.model.predict(documents, verbose=0).argmax(axis=1)

    def save(self, path: Path) -> None:
        self.model.save(path.with_suffix(".keras"))  # without the optimizer, because it is not compiled
        path.with_suffix(".keras").rename(path)


class TokenIds(TransformerMixin, BaseEstimator):
    """Cut documents into frequent words or characters, and fill or cut their ids at the end."""

    def __init__(self, analyzer: str, length: int):
        self.analyzer = analyzer
        self.length = length

    def fit(self, X, y=None):
        counts = CountVectorizer(analyzer=self.analyzer, token_pattern=r"(?u)\b\w+\b", max_features=N_TOKENS - 2)
        self.ids_ = {token: i for i, token in enumerate(counts.fit(X).get_feature_names_out(), start=2)}
        self.counts_ = counts
        return self

    def transform(self, X) -> np.ndarray:
        tokenize = self.counts_.build_analyzer()
        ids = np.zeros((len(X), self.length), dtype=np.int64)
        for row, document in zip(ids, X, strict=True):
            known = [self.ids_.get(token, 1) for token in tokenize(document)[: self.length]]
            row[: len(known)] = known
        return ids


def _token_ids(data: Data) -> TokenIds:
    return TokenIds("word" if data.spaced else "char", _length(data))


def _length(data: Data) -> int:
    """Return the number of tokens that are enough for 99 % of the documents, at most MAX_LENGTH."""
    lengths = [len(document.split() if data.spaced else document) for document in data.train]
    return min(MAX_LENGTH, int(np.quantile(lengths, 0.99)))


def scikeras_network(meta: dict):
    return keras_network(meta["n_classes_"])


def scikeras(data: Data, seed: int) -> BaseEstimator:
    import keras
    from scikeras.wrappers import KerasClassifier

    classifier = KerasClassifier(
        scikeras_network,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        optimizer="adam",
        batch_size=BATCH_SIZE,
        epochs=MAX_EPOCHS,
        validation_split=0.1,
        callbacks=keras.callbacks.EarlyStopping,
        callbacks__monitor="val_accuracy",
        callbacks__patience=PATIENCE,
        callbacks__restore_best_weights=True,
        random_state=seed,
        verbose=0,
    )
    return make_pipeline(_token_ids(data), classifier)


def skorch(data: Data, seed: int) -> BaseEstimator:
    import torch
    from comparison_torch import Network
    from skorch import NeuralNetClassifier
    from skorch.callbacks import EarlyStopping
    from skorch.dataset import ValidSplit

    torch.manual_seed(seed)
    classifier = NeuralNetClassifier(
        Network,
        module__n_tokens=N_TOKENS,
        module__n_classes=int(data.y_train.max()) + 1,
        module__embedding_dim=EMBEDDING_DIM,
        module__units=UNITS,
        module__embedding_dropout=EMBEDDING_DROPOUT,
        module__dropout=DROPOUT,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.001,
        batch_size=BATCH_SIZE,
        max_epochs=MAX_EPOCHS,
        iterator_train__shuffle=True,
        train_split=ValidSplit(10, stratified=True),
        callbacks=[EarlyStopping("valid_acc", lower_is_better=False, patience=PATIENCE, load_best=True)],
        verbose=0,
    )
    return make_pipeline(_token_ids(data), classifier)


# The function that makes each model, and the modules that it needs
MODELS: dict[str, tuple[Callable, list[str]]] = {
    "skrnn": (lambda _, seed: RNNTextClassifier(random_state=seed), ["skrnn.training._train"]),
    "TF-IDF of words, SVM": (lambda data, _: linear_baselines(data.spaced)["words"], []),
    BASELINE: (lambda data, _: linear_baselines(data.spaced)["union"], []),
    "fastText": (fasttext, ["fasttext"]),
    "Keras by hand": (KerasByHand, ["tensorflow", "keras"]),
    "scikeras": (scikeras, ["tensorflow", "scikeras"]),
    "skorch": (skorch, ["torch", "skorch"]),
}
SMALLER = {"skrnn": "skrnn, compressed to 2 MB", "fastText": "fastText, quantized"}
PACKAGES = ["scikit-learn", "tensorflow", "keras", "scikeras", "torch", "skorch", "fasttext-numpy2"]

COSTS = {  # name in the results -> heading and unit
    "fit_s": ("fit", "s"),
    "thousand_s": ("1,000 documents", "s"),
    "one_ms": ("one document", "ms"),
    "mb": ("file", "MB"),
}
BLUE, GREY = "#0072b2", "#6b6b6b"  # skrnn, and the others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help='"news", or folders of DIR')
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="default: all")
    parser.add_argument("--seeds", type=int, default=1, help="number of random states, from 0")
    parser.add_argument("--documents", type=int, help="number of training documents, for a trial; default: all")
    parser.add_argument("--out", type=Path, default=Path("comparison.jsonl"), help="file to append results to")
    parser.add_argument("--chart", type=Path, metavar="PNG", help="file for the chart")
    arguments = parser.parse_args()
    check_data(parser, arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    models = [name for name in arguments.models if _is_installed(name)]
    for name, seed, model in product(arguments.sets, range(arguments.seeds), models):
        data = prepared(name, arguments.data, arguments.documents)
        results = in_new_process(measure, model, data, seed)
        for result in results:
            scores = f"{result['accuracy']:.3f} / {result['macro_f1']:.3f} in {result['fit_s']:.1f} s"
            print(f"{name}, {seed}, {result['model']}: {scores}", flush=True)
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"set": name, "seed": seed, **result, **circumstances(PACKAGES)}) + "\n")
    all_results = read_results(arguments.out)
    print_tables(all_results)
    if arguments.chart:
        draw(all_results, arguments.chart)


def _is_installed(name: str) -> bool:
    missing = [module for module in MODELS[name][1] if not find_spec(module)]
    if missing:
        print(f"{name} is left out, because {missing[0]} is not installed.")
    return not missing


def measure(name: str, data: Data, seed: int) -> list[dict[str, object]]:
    """Return the results of a model, and of its smaller copy if it has one."""
    make, modules = MODELS[name]
    for module in modules:
        import_module(module)
    model = make(data, seed)
    _, costs = _timed(lambda: model.fit(data.train, data.y_train))
    results = [{"model": name, **costs, **_measure_fitted(model, data)}]
    if name in SMALLER:
        smaller, more = _timed(lambda: _compressed(model))
        costs = {clock: seconds + more[clock] for clock, seconds in costs.items()}
        results.append({"model": SMALLER[name], **costs, **_measure_fitted(smaller, data)})
    return results


def _timed(function: Callable) -> tuple[Any, dict[str, float]]:
    started, started_cpu = time.perf_counter(), time.process_time()
    result = function()
    return result, {"fit_s": time.perf_counter() - started, "fit_cpu_s": time.process_time() - started_cpu}


def _compressed(model):
    return model.compress() if isinstance(model, FastText) else compress(model, max_bytes=2_000_000).estimator


def _measure_fitted(model, data: Data) -> dict[str, float]:
    predicted = model.predict(data.test)
    return {
        "accuracy": accuracy_score(data.y_test, predicted),
        "macro_f1": f1_score(data.y_test, predicted, average="macro"),
        "thousand_s": 1000 / len(data.test) * _median_seconds(model, [data.test] * N_RUNS),
        "one_ms": 1000 * _median_seconds(model, [[document] for document in data.test[:N_SINGLE]]),
        "mb": _n_bytes(model) / 1e6,
    }


def _median_seconds(model, batches: list[list[str]]) -> float:
    model.predict(batches[0])  # Keras compiles for a new shape
    seconds = []
    for batch in batches:
        started = time.perf_counter()
        model.predict(batch)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _n_bytes(model) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        model.save(path) if hasattr(model, "save") else joblib.dump(model, path)
        return path.stat().st_size


def read_results(path: Path) -> pd.DataFrame:
    """Return the mean scores and the median costs of each model and set."""
    results = pd.read_json(path, lines=True).drop_duplicates(["set", "model", "seed"], keep="last")
    order = [row for name in MODELS for row in (name, SMALLER.get(name)) if row]
    results["model"] = pd.Categorical(results["model"], order)
    results["set"] = pd.Categorical(results["set"], results["set"].unique())
    results[["accuracy", "macro_f1"]] *= 100
    measures = dict.fromkeys(["accuracy", "macro_f1"], "mean") | dict.fromkeys(COSTS, "median")
    return results.groupby(["model", "set"], observed=True).agg(measures)


def print_tables(results: pd.DataFrame) -> None:
    cells = results["accuracy"].map("{:.1f}".format) + " / " + results["macro_f1"].map("{:.1f}".format)
    print("\nAccuracy / macro-F1 in per cent\n")
    _print_table(cells.unstack().fillna(""))
    medians = {name: _complete_sets(results[name]).median(axis=1) for name in COSTS}
    columns = {
        heading: [_rounded(cost, unit) for cost in medians[name]] for name, (heading, unit) in COSTS.items()
    }
    print("\nMedians over the sets that all models have\n")
    _print_table(pd.DataFrame(columns, index=medians["fit_s"].index))


def _complete_sets(values: pd.Series) -> pd.DataFrame:
    """Return the values as a row for each model and a column for each set that all models have."""
    return values.unstack().dropna(axis=1)


def _rounded(value: float, unit: str) -> str:
    """Return two significant digits, for example "0.15 s" or "120 MB"."""
    return f"{float(f'{value:.2g}'):g} {unit}"


def _print_table(table: pd.DataFrame) -> None:
    print("| | " + " | ".join(table.columns) + " |\n" + "|---" * (1 + table.shape[1]) + "|")
    for name, row in table.iterrows():
        print(f"| {name} | " + " | ".join(row) + " |")


def draw(results: pd.DataFrame, path: Path) -> None:
    """Draw a row for each model, with a small dot for each set that all models have, and a large one for all."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    mpl.rcParams["font.size"] = 12
    accuracy = _complete_sets(results["accuracy"])
    gains = accuracy - accuracy.loc[BASELINE]
    panels = [("accuracy (mean)", gains, gains.mean(axis=1), [f"{mean:.1f} %" for mean in accuracy.mean(axis=1)])]
    for name in ("fit_s", "one_ms", "mb"):
        heading, unit = COSTS[name]
        table = _complete_sets(results[name])
        medians = table.median(axis=1)
        panels.append((f"{heading} (median)", table, medians, [_rounded(median, unit) for median in medians]))
    rows = range(len(accuracy))[::-1]
    white = {"facecolor": "white", "edgecolor": "none", "pad": 0}  # hides lines behind a figure
    colours = [BLUE if name.startswith("skrnn") else GREY for name in accuracy.index]
    figure, axes = plt.subplots(1, len(panels), figsize=(11, 5), sharey=True, layout="constrained")
    for axis, (heading, table, middles, texts) in zip(axes, panels, strict=True):
        for row, colour, values, middle, text in zip(rows, colours, table.to_numpy(), middles, texts, strict=True):
            axis.scatter(values, [row] * len(values), s=14, color=colour, alpha=0.45, linewidths=0)
            axis.scatter(middle, row, s=70, color=colour, zorder=4)
            axis.annotate(
                text, (middle, row), (0, 9), textcoords="offset points", ha="center", color=colour, bbox=white
            )
        axis.set_title(heading, fontsize=12, pad=12)
        axis.grid(axis="y", alpha=0.3)
        axis.set_axisbelow(True)
        axis.spines[["left", "top", "right"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.margins(x=0.15)
    axes[0].axvline(0, color=GREY, linewidth=1, zorder=0)
    axes[0].set_xlabel(f"points above\n{BASELINE}", fontsize=10)
    for axis, name in zip(axes[1:], ("fit_s", "one_ms", "mb"), strict=True):
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("")
        axis.set_xlabel(COSTS[name][1], fontsize=10)
    axes[0].set_yticks(rows, [textwrap.fill(name, 26) for name in accuracy.index])
    for label, colour in zip(axes[0].get_yticklabels(), colours, strict=True):
        label.set_color(colour)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
