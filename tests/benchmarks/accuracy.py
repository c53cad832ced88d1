"""Compare the accuracy and calibration of RNNTextClassifier with other text classifiers.

    python tests/benchmarks/accuracy.py --data DIR [--sets mr r8 ...] [--seeds 5] [--jobs 2] [--out results.jsonl]
    python tests/benchmarks/accuracy.py --data DIR --models default linear    # also: fasttext article
    python tests/benchmarks/accuracy.py --data DIR --models default --ablation
    python tests/benchmarks/accuracy.py --data DIR --models --config "units=32 pooling=mean" --config max_ngrams=0
    python tests/benchmarks/accuracy.py --data DIR --per-class 10 30 100 --seeds 5    # learning curves
    python tests/benchmarks/accuracy.py --data DIR --labeled 500 --unlabeled          # the others as X_unlabeled
    python tests/benchmarks/accuracy.py --data DIR --folds 5                          # without the test parts

DIR has a folder for each data set, with the files ``train.tsv.gz`` and ``test.tsv.gz``. They are UTF-8, with the
header ``text<TAB>label``. ``--config`` changes parameters of the default, and labels the result with its text.
``--ablation`` turns off one feature of the default at a time.

"words" is a linear SVC on TF-IDF of words and pairs of words, or of 1 to 3 characters for texts with hardly any
spaces. "union" also has the n-grams of 2 to 5 characters inside of words. "union + logistic" has probabilities.
Trained on all documents, these baselines do not depend on a seed and run once. fastText runs if it is installed.
It gets words in lower case, separated from punctuation, and one thread, because several threads give results that
differ from run to run.

``--per-class`` draws so many training documents of each class (all, if there are fewer), others for each seed.
``--labeled`` draws so many training documents of all classes together. With ``--unlabeled``, networks also run
with the documents that were not drawn as ``X_unlabeled``.
``--folds`` splits the training parts for cross-validation, to decide without looking at the test parts. Then the
seed is the number of the fold.

The script appends each result to the file as a line of JSON. Fractions are between 0 and 1, and missing values are
null. The log-loss (in nats) clips probabilities at 1e-7. The expected calibration error (ECE) uses 15 bins of
equal width. The standard error (se) is computed over seeds, in the last table from the means over the data sets.
Seconds of a fit are measured while ``--jobs`` - 1 others run, on the cores that joblib gives to a worker. CPU
seconds add up all threads. The last tables compare each configuration with the one of ``--reference``: mean ranks
over the data sets, and mean differences with their standard error over the data sets.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from common import FastText, is_spaced, linear_baselines, read_table, set_names
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

from skrnn import RNNTextClassifier, __version__

MODELS = ["default", "linear", "fasttext", "article"]
ABLATION = (
    "max_ngrams=0 char_ngram_range=None skip_connection=False linear_model=False min_count=1 label_smoothing=0.0 "
    "learning_rate_decay=None pooling=last bidirectional=False token_dropout=0.0 embedding_dropout=0.0"
)
ARTICLE = (
    "vectorizer__max_features=5000 cell=simple units=128 bidirectional=False pooling=last embedding_dim=16 "
    "dropout=0 embedding_dropout=0 token_dropout=0 label_smoothing=0 max_ngrams=0 linear_model=False min_count=1 "
    "char_ngram_range=None skip_connection=False learning_rate=0.001 learning_rate_decay=None clipnorm=None "
    "epochs=10 batch_size=64 early_stopping=False"
)
N_BINS = 15
COLUMNS = {  # heading, factor and decimals in the tables
    "accuracy": ("accuracy %", 100, 2),
    "se": ("se", 100, 2),
    "macro_f1": ("macro-F1 %", 100, 2),
    "log_loss": ("log-loss", 1, 3),
    "calibration_error": ("ECE %", 100, 2),
    "fit_seconds": ("fit s", 1, 1),
    "fit_cpu_seconds": ("fit CPU s", 1, 1),
    "predict_seconds": ("predict s", 1, 2),
    "epochs": ("epochs", 1, 1),
}
MEASURES = [name for name in COLUMNS if name != "se"]


def main():
    arguments = _parse_arguments()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tasks = list(_tasks(arguments))  # a list, to find wrong parameter names before the first fit
    parallel = Parallel(arguments.jobs, return_as="generator_unordered", batch_size=1)
    results = []
    for result in parallel(delayed(_run)(*task) for task in tasks):
        results.append(result)
        with arguments.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result, ensure_ascii=False, default=repr) + "\n")
        progress = f"[{len(results)}/{len(tasks)}] {result['set']}, {result['configuration']}, {result['seed']}:"
        print(f"{progress} {100 * result['accuracy']:.2f} % in {result['fit_seconds']:.1f} s", flush=True)
    if results:
        _print_tables(pd.DataFrame(results), tasks, arguments.reference)


def _parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with a folder for each data set")
    parser.add_argument("--sets", nargs="+", help="names of the data sets; default: all")
    parser.add_argument("--seeds", type=int, default=1, help="number of random states, from 0")
    parser.add_argument("--models", nargs="*", choices=MODELS, default=MODELS, help="default: all")
    parser.add_argument("--config", action="append", default=[], help="parameters, as 'name=value name=value'")
    parser.add_argument("--ablation", action="store_true", help="turn off one feature of the default at a time")
    parser.add_argument("--jobs", type=int, default=1, help="number of processes that fit")
    parser.add_argument("--per-class", type=int, nargs="+", default=[], help="documents of a class; default: all")
    parser.add_argument("--labeled", type=int, nargs="+", default=[], help="documents to draw; default: all")
    parser.add_argument(
        "--unlabeled", action="store_true", help="also fit with the other documents as X_unlabeled"
    )
    parser.add_argument("--folds", type=int, default=0, help="cross-validate on the training parts")
    parser.add_argument("--reference", default="union", help="configuration that the others are compared with")
    parser.add_argument("--out", type=Path, default=Path("results.jsonl"), help="file to append results to")
    return parser.parse_args()


def _tasks(arguments) -> Iterator[tuple[_Data, str, int, BaseEstimator]]:
    """Yield the data, configuration, seed and model of each fit."""
    models = set(arguments.models)
    if "fasttext" in models and not find_spec("fasttext"):
        print("fastText is not installed. It is left out.")
        models.remove("fasttext")
    networks = {name: text for name, text in (("article", ARTICLE), ("default", "")) if name in models}
    networks |= {text: text for text in arguments.config + (ABLATION.split() if arguments.ablation else [])}
    names = arguments.sets or set_names(arguments.data)
    sizes = [(n, 0) for n in arguments.per_class] + [(0, n) for n in arguments.labeled]
    for name, (n_per_class, n_labeled) in product(names, sizes or [(0, 0)]):
        spaced = is_spaced(read_table(arguments.data / name / "train.tsv.gz")["text"])
        data_differ = bool(n_per_class or n_labeled or arguments.folds)
        for seed in range(arguments.folds or arguments.seeds):
            data = _Data(arguments.data / name, n_per_class, n_labeled, arguments.folds, seed)
            if "linear" in models and (data_differ or seed == 0):
                for configuration, model in linear_baselines(spaced).items():
                    yield data, configuration, seed, model
            if "fasttext" in models:
                yield data, "fastText", seed, FastText(spaced, options={"thread": 1}, random_state=seed)
            for configuration, text in networks.items():
                network = RNNTextClassifier(random_state=seed).set_params(**_parameters(text))
                yield data, configuration, seed, network
                if arguments.unlabeled:
                    yield data, f"{configuration} + unlabelled", seed, network


@dataclass(frozen=True)
class _Data:
    """A data set, or a part of it."""

    folder: Path
    n_per_class: int  # 0: all
    n_labeled: int  # 0: all
    n_folds: int  # 0: the test part is for the test
    seed: int  # of the draw, or number of the fold

    @property
    def name(self) -> str:
        if self.n_labeled:
            return f"{self.folder.name}, {self.n_labeled} labelled"
        return f"{self.folder.name}, {self.n_per_class} a class" if self.n_per_class else self.folder.name

    def load(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Return the documents for training, for the test, and those that were not drawn for training."""
        train = read_table(self.folder / "train.tsv.gz")
        if self.n_folds:
            folds = StratifiedKFold(self.n_folds, shuffle=True, random_state=0).split(train, train["label"])
            rows, others = list(folds)[self.seed]
            train, test = train.iloc[rows], train.iloc[others]
        else:
            test = read_table(self.folder / "test.tsv.gz")
        drawn = train
        if self.n_per_class or self.n_labeled:
            shuffled = train.sample(frac=1, random_state=self.seed)
            drawn = shuffled.groupby("label").head(self.n_per_class) if self.n_per_class else shuffled
            drawn = drawn.head(self.n_labeled or len(drawn))
        return drawn, test, train.drop(drawn.index)


def _parameters(text: str) -> dict[str, object]:
    return {name: _value(value) for name, value in (pair.split("=", 1) for pair in text.split())}


def _value(text: str) -> object:
    with contextlib.suppress(ValueError, SyntaxError):
        return ast.literal_eval(text)
    return text


def _run(data: _Data, configuration: str, seed: int, model: BaseEstimator) -> dict[str, object]:
    if isinstance(model, RNNTextClassifier):
        import_module("skrnn.training._train")  # imports TensorFlow before the clock starts
    train, test, others = data.load()
    fit_params = {"X_unlabeled": others["text"]} if configuration.endswith(" + unlabelled") else {}
    measured = _measure(model, train, test, fit_params)
    result = {"set": data.name, "configuration": configuration, "seed": seed, **measured}
    return result | {"version": __version__, "parameters": model.get_params(deep=False)}


def _measure(
    model: BaseEstimator, train: pd.DataFrame, test: pd.DataFrame, fit_params: dict[str, pd.Series]
) -> dict[str, float | None]:
    started, started_cpu = time.perf_counter(), time.process_time()
    model.fit(train["text"], train["label"], **fit_params)
    fitted, fitted_cpu = time.perf_counter(), time.process_time()
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(test["text"])
        predicted = model.classes_[probabilities.argmax(axis=1)]
    else:
        probabilities, predicted = None, model.predict(test["text"])
    ended = time.perf_counter()
    truth = test["label"].to_numpy()
    return {
        "accuracy": float(np.mean(predicted == truth)),
        "macro_f1": float(f1_score(truth, predicted, average="macro")),
        **_measure_probabilities(probabilities, model.classes_, truth),
        "fit_seconds": fitted - started,
        "fit_cpu_seconds": fitted_cpu - started_cpu,
        "predict_seconds": ended - fitted,
        "epochs": getattr(model, "n_iter_", None),
    }


def _measure_probabilities(probabilities, classes: np.ndarray, truth: np.ndarray) -> dict[str, float | None]:
    if probabilities is None:
        return {"log_loss": None, "calibration_error": None}
    is_true = truth[:, None] == classes
    log_loss = -np.mean(np.log(np.maximum(np.sum(probabilities * is_true, axis=1), 1e-7)))
    confidence = probabilities.max(axis=1)
    is_right = is_true[range(len(truth)), probabilities.argmax(axis=1)]
    bins = np.minimum(np.ceil(N_BINS * confidence), N_BINS).astype(int)  # a sum of float32 can exceed 1
    excess = np.bincount(bins, weights=confidence - is_right)
    return {"log_loss": float(log_loss), "calibration_error": float(np.sum(np.abs(excess)) / len(truth))}


def _print_tables(results: pd.DataFrame, tasks: list[tuple], reference: str) -> None:
    data, configurations = (list(dict.fromkeys(column)) for column in list(zip(*tasks, strict=True))[:2])
    results["set"] = pd.Categorical(results["set"], list(dict.fromkeys(part.name for part in data)))
    results["configuration"] = pd.Categorical(results["configuration"], configurations)
    results[MEASURES] = results[MEASURES].astype(float)
    _print_table("by set", results, ["set", "configuration"])
    over_sets = results.groupby(["configuration", "seed"], observed=True)[MEASURES].mean().reset_index()
    _print_table("mean over sets", over_sets, ["configuration"])
    if reference in configurations:
        _print_comparison(results, reference)


def _print_comparison(results: pd.DataFrame, reference: str) -> None:
    for measure in ("accuracy", "macro_f1"):
        table = results.groupby(["set", "configuration"], observed=True)[measure].mean().unstack()
        differences = 100 * table.sub(table[reference], axis=0)
        columns = {
            "mean rank": table.rank(axis=1, ascending=False).mean(),
            "difference": differences.mean(),
            "se": differences.sem(),
            "better on": (differences > 0).sum(),
        }
        print(f"\n{measure} in per cent, compared with {reference} on {len(table)} sets")
        print(pd.DataFrame(columns).to_string(float_format="{:.2f}".format))


def _print_table(title: str, results: pd.DataFrame, keys: list[str]) -> None:
    groups = results.groupby(keys, observed=True)
    table = groups[MEASURES].mean().assign(se=groups["accuracy"].sem())
    shown = {heading: factor * table[name] for name, (heading, factor, _) in COLUMNS.items()}
    formatters = {heading: f"{{:.{decimals}f}}".format for heading, _, decimals in COLUMNS.values()}
    print(f"\n{title}\n{pd.DataFrame(shown).to_string(formatters=formatters, na_rep='')}")


if __name__ == "__main__":
    main()
