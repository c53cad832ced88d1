"""Accuracy of the default classifier beside two linear baselines, on labelled data sets in a folder.

    python tests/benchmarks/accuracy.py --data DIR [--sets mr r8 ...] [--seeds 3]

DIR holds a folder for each set, with ``train.tsv.gz`` and ``test.tsv.gz``: UTF-8, a header ``text<TAB>label``.
The linear baselines use words, and for a set whose texts hold hardly any space, characters.
"""

import argparse
import statistics
import time
from pathlib import Path

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skrnn import RNNTextClassifier


def main():
    arguments = _parse_arguments()
    header = f"{'set':<14}{'model':<24}{'accuracy':>9}{'sd':>6}{'fit s':>8}{'predict s':>11}{'epochs':>8}"
    print(header, "-" * len(header), sep="\n")
    for name in arguments.sets or sorted(path.name for path in arguments.data.iterdir() if path.is_dir()):
        train, test = (_read(arguments.data / name / f"{part}.tsv.gz") for part in ("train", "test"))
        for label, models in _models(train["text"], arguments.seeds).items():
            runs = [_measure(model, train, test) for model in models]
            _print_row(name, label, runs)


def _parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with a folder for each data set")
    parser.add_argument("--sets", nargs="+", help="names of the data sets; all if left out")
    parser.add_argument("--seeds", type=int, default=1, help="number of random states for the network")
    return parser.parse_args()


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def _models(texts: pd.Series, n_seeds: int) -> dict[str, list]:
    spaced = texts.str.count(" ").sum() > 0.05 * texts.str.len().sum()
    ngrams = {"ngram_range": (1, 2)} if spaced else {"analyzer": "char", "ngram_range": (1, 3)}
    words = {} if spaced else {"analyzer": "char"}
    return {
        "tfidf + logistic": [make_pipeline(TfidfVectorizer(**words), LogisticRegression(max_iter=1000))],
        "tfidf n-grams + SVC": [make_pipeline(TfidfVectorizer(sublinear_tf=True, **ngrams), LinearSVC())],
        "RNNTextClassifier()": [RNNTextClassifier(random_state=seed) for seed in range(n_seeds)],
    }


def _measure(model, train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    started = time.perf_counter()
    model.fit(train["text"], train["label"])
    fitted = time.perf_counter()
    accuracy = 100 * model.score(test["text"], test["label"])
    return {
        "accuracy": accuracy,
        "fit": fitted - started,
        "predict": time.perf_counter() - fitted,
        "epochs": getattr(model, "n_iter_", float("nan")),
    }


def _print_row(name: str, label: str, runs: list[dict[str, float]]) -> None:
    mean = {key: statistics.mean(run[key] for run in runs) for key in runs[0]}
    spread = f"{statistics.stdev(run['accuracy'] for run in runs):.2f}" if len(runs) > 1 else ""
    epochs = "" if mean["epochs"] != mean["epochs"] else f"{mean['epochs']:.1f}"
    row = f"{name:<14}{label:<24}{mean['accuracy']:>9.2f}{spread:>6}{mean['fit']:>8.1f}{mean['predict']:>11.2f}"
    print(f"{row}{epochs:>8}", flush=True)


if __name__ == "__main__":
    main()
