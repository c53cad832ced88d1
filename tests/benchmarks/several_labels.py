"""Measure the probabilities and the thresholds of rare labels, where a document can have several.

    python tests/benchmarks/several_labels.py banking77 r52 --data DIR

DIR is as in accuracy.py. A data set becomes one of several labels: a document is one of the set, or two of them
joined. The labels are the 30 most frequent classes with less than a tenth of the documents. Classes with fewer
than 50 training documents are left out, so that r52 has 11 labels. ``--skip 30`` takes the next 30 classes.
About 2 % of the documents have each label. A document of the set is used at most once. Documents of other
classes have no label.

Each set gets a ``MultilabelThresholdClassifier`` of an ``RNNTextClassifier(random_state=0)``, which predicts test
documents. The expected number of labels is the sum of the probabilities. The log loss is the mean over the labels.
The base rates are the rates of the labels in the training documents.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from common import load
from sklearn.metrics import f1_score

from skrnn import MultilabelThresholdClassifier, RNNTextClassifier

N_LABELS, RATE, MIN_DOCUMENTS = 30, 0.02, 50
JOINED = 0.5  # fraction of the documents that are two of the set


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", help="folders of DIR")
    parser.add_argument("--data", type=Path, metavar="DIR", required=True, help="folder of the data sets")
    parser.add_argument("--skip", type=int, default=0, metavar="N", help="leave out the N most frequent labels")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in arguments.sets:
        X_train, classes_train, X_test, classes_test = load(name, arguments.data)
        labels = _labels(classes_train)[arguments.skip :][:N_LABELS]
        if not labels:
            parser.error(f"{name} has no class that can be a label; use another set, or a smaller --skip")
        X_train, y_train = _documents(X_train, classes_train, labels)
        X_test, y_test = _documents(X_test, classes_test, labels)
        print(f"\n{name}: {len(labels)} labels, {len(X_train)} training documents, {len(X_test)} test documents")
        classifier = MultilabelThresholdClassifier(RNNTextClassifier(random_state=0)).fit(X_train, y_train)
        probabilities = classifier.predict_proba(X_test)
        figures = {
            "expected / true labels": probabilities.sum() / y_test.sum(),
            "log loss of the base rates": _log_loss(y_test, y_train.mean(axis=0)),
            "log loss": _log_loss(y_test, probabilities),
        }
        for average in ("micro", "macro"):
            for threshold, predicted in (("0.5", probabilities > 0.5), ("chosen", classifier.predict(X_test))):
                score = f1_score(y_test, predicted, average=average, zero_division=0)
                figures[f"{average}-F1 %, {threshold}"] = 100 * score
        print(pd.Series(figures).to_string(float_format="{:.4g}".format), flush=True)


def _labels(classes: list[str]) -> list[str]:
    counts = pd.Series(classes).value_counts()
    return counts[(counts >= MIN_DOCUMENTS) & (counts < len(classes) / 10)].index.tolist()


def _documents(texts: list[str], classes: list[str], labels: list[str]) -> tuple[list[str], np.ndarray]:
    """Return as many documents as possible, and the indicator matrix of their labels."""
    rng = np.random.default_rng(0)
    is_label = np.array(classes)[:, None] == labels  # (n_texts, n_labels)
    others = np.flatnonzero(~is_label.any(axis=1))
    others_of_a_document = 1 + JOINED - RATE * len(labels)
    n = int(min(is_label.sum(axis=0).min() / RATE, len(others) / others_of_a_document))
    rows = [rng.choice(np.flatnonzero(column), int(RATE * n), replace=False) for column in is_label.T]
    rows.append(rng.choice(others, int(others_of_a_document * n), replace=False))
    rows = rng.permutation(np.concatenate(rows))
    first, second = rows[:n], rows[n:]
    documents = [texts[row] for row in first]
    y = is_label[first]
    for i, row in enumerate(second):
        documents[i] += "\n" + texts[row]
        y[i] |= is_label[row]
    return documents, y.astype(int)


def _log_loss(y: np.ndarray, probabilities: np.ndarray) -> float:
    of_truth = np.where(y, probabilities, 1 - probabilities)
    return float(-np.log(of_truth.clip(1e-7)).mean())


if __name__ == "__main__":
    main()
