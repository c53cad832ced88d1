"""Compare the speed of SequenceVectorizer with CountVectorizer.

    python tests/benchmarks/vectorizer.py [--data DIR] [--sets imdb10k ...] [--runs 7]

Without DIR, the documents are the news and reviews of ``skrnn.datasets``. Figures are medians over the runs. The
ratio is the speed of skrnn divided by the speed of scikit-learn, which has no subwords and counts words instead.
"""

import argparse
import statistics
import time
from pathlib import Path

from common import read_table, set_names
from sklearn.feature_extraction.text import CountVectorizer

from skrnn import SequenceVectorizer
from skrnn.datasets import load_bbc_news, load_chinese_reviews


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with a folder for each data set, as in accuracy.py")
    parser.add_argument("--sets", nargs="+", help="names of the data sets; default: all")
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{'set':<14}{'analyzer':<10}{'method':<15}{'skrnn doc/s':>12}{'sklearn doc/s':>15}{'ratio':>7}")
    for name, documents in _corpora(arguments.data, arguments.sets):
        for analyzer in ("word", "char", "subword"):
            for method in ("fit_transform", "transform"):
                ours, theirs = _documents_per_second(documents, analyzer, method, arguments.runs)
                row = f"{name:<14}{analyzer:<10}{method:<15}{ours:>12.0f}{theirs:>15.0f}{ours / theirs:>7.2f}"
                print(row, flush=True)


def _corpora(folder: Path | None, names: list[str] | None):
    if folder is None:
        yield "bbc news", load_bbc_news().data
        yield "zh reviews", load_chinese_reviews().data
        return
    for name in names or set_names(folder):
        yield name, read_table(folder / name / "train.tsv.gz")["text"].tolist()


def _documents_per_second(documents: list[str], analyzer: str, method: str, n_runs: int) -> list[float]:
    counter = CountVectorizer(analyzer="word" if analyzer == "subword" else analyzer)
    vectorizers = [SequenceVectorizer(analyzer).fit(documents), counter.fit(documents)]
    seconds = [[], []]
    for _ in range(n_runs):  # in turn, so that other load of the machine affects both
        for vectorizer, times in zip(vectorizers, seconds, strict=True):
            started = time.perf_counter()
            getattr(vectorizer, method)(documents)
            times.append(time.perf_counter() - started)
    return [len(documents) / statistics.median(times) for times in seconds]


if __name__ == "__main__":
    main()
