"""Measure the time and the memory of a corpus that is never in memory as a whole.

    python tests/benchmarks/out_of_core.py [--documents 10_000_000] [--chunk 20_000]

The documents are generated, with 4 classes and about 9 words each, and no file is written. The words follow Zipf's
law without an end, so that new words keep coming, as in real text. Three processes pass over the corpus one
after the other: one learns the vocabulary from merged counts, one trains with ``partial_fit``, and one predicts
documents that have not been trained on. After each million documents (or each chunk, if it is larger), the script
prints the seconds for the last million, and the current and the peak memory of the process (Linux and macOS).
"""

import argparse
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from skrnn import RNNTextClassifier, SequenceVectorizer, TokenCounts

CLASSES = ["arts", "money", "sports", "travel"]
REPORT = 1_000_000  # documents


def chunks(n_documents: int, size: int, seed: int) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield documents and their classes. The same seed gives the same chunks."""
    names = [f"w{i:x}" for i in range(100_000)]
    for i, start in enumerate(range(0, n_documents, size)):
        rng = np.random.default_rng([seed, i])
        n = min(size, n_documents - start)
        y = rng.integers(len(CLASSES), size=n)
        lengths = rng.integers(3, 16, size=n)
        ranks = rng.zipf(1.25, size=lengths.sum())
        # Every seventh word is one of 200 that mostly occur in a class, and every fourth of these is misleading.
        telling = rng.random(len(ranks)) < 1 / 7
        of_class = np.repeat(y, lengths)[telling]
        misleads = rng.random(len(of_class)) < 1 / 4
        of_class[misleads] = rng.integers(len(CLASSES), size=misleads.sum())
        ranks[telling] = 1000 + 200 * of_class + rng.integers(200, size=len(of_class))
        words = [names[rank] if rank < len(names) else f"w{rank:x}" for rank in ranks.tolist()]
        ends = np.cumsum(lengths).tolist()
        documents = [
            " ".join(words[end - length : end]) for end, length in zip(ends, lengths.tolist(), strict=True)
        ]
        yield documents, np.array(CLASSES)[y]


class Report:
    """Print the cost of each million documents."""

    def __init__(self, phase: str) -> None:
        self.phase, self.n, self.printed = phase, 0, 0
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def add(self, n: int, note: str = "") -> None:
        self.n += n
        new = self.n - self.printed
        if new < REPORT:
            return
        wall, cpu = time.perf_counter(), time.process_time()
        print(
            f"{self.phase:<12}{self.n / 1e6:>6.2f}{(wall - self.wall) / new * 1e6:>10.1f}"
            f"{(cpu - self.cpu) / new * 1e6:>10.1f}{memory():>9.0f}{peak_memory():>9.0f}  {note}",
            flush=True,
        )
        self.printed, self.wall, self.cpu = self.n, wall, cpu


def memory() -> float:
    """Return the memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) if sys.platform == "linux" else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_memory() -> float:
    """Return the peak memory of this process in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def generate(arguments: argparse.Namespace) -> None:
    report = Report("generate")
    for documents, _ in chunks(min(arguments.documents, REPORT), arguments.chunk, seed=0):
        report.add(len(documents))


def learn_vocabulary(arguments: argparse.Namespace) -> SequenceVectorizer:
    vectorizer = SequenceVectorizer(max_features=arguments.max_features)
    report = Report("vocabulary")

    def parts() -> Iterable[TokenCounts]:
        for documents, _ in chunks(arguments.documents, arguments.chunk, seed=0):
            yield vectorizer.count_tokens(documents)
            report.add(len(documents))

    counts = TokenCounts.merge(parts(), arguments.max_tokens)
    start = time.perf_counter()
    vectorizer.fit_counts(counts)
    print(
        f"  {len(counts.tokens):,} tokens counted, dropped tokens occur at most {counts.n_dropped} times; "
        f"{len(vectorizer.vocabulary_):,} tokens chosen in {time.perf_counter() - start:.1f} s"
    )
    return vectorizer


def train(arguments: argparse.Namespace, vocabulary: list[str]) -> RNNTextClassifier:
    classifier = RNNTextClassifier(
        SequenceVectorizer(vocabulary=vocabulary),
        cell="gru",
        units=16,
        bidirectional=False,
        embedding_dim=16,
        char_ngram_range=None,
        max_ngrams=0,
        batch_size=512,
        random_state=0,
    )
    report = Report("partial_fit")
    for documents, y in chunks(arguments.documents, arguments.chunk, seed=0):
        classifier.partial_fit(documents, y, classes=CLASSES)
        report.add(len(documents), f"loss {classifier.history_['loss'][-1]:.3f}")
    return classifier


def predict(arguments: argparse.Namespace, classifier: RNNTextClassifier) -> None:
    report = Report("predict")
    n_correct = 0
    for documents, y in chunks(arguments.documents, arguments.chunk, seed=1):
        n_correct += int(np.sum(classifier.predict(documents) == y))
        report.add(len(documents), f"accuracy {n_correct / (report.n + len(documents)):.4f}")


def in_new_process(function: Callable, *arguments: object) -> object:
    """Call a function in a new process, whose memory starts small."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=10_000_000)
    parser.add_argument("--chunk", type=int, default=20_000, help="documents in a chunk")
    parser.add_argument("--max-features", type=int, default=20_000, help="size of the vocabulary")
    parser.add_argument("--max-tokens", type=int, default=500_000, help="see TokenCounts.merge; 0 for no limit")
    arguments = parser.parse_args()
    arguments.max_tokens = arguments.max_tokens or None
    print(f"{'phase':<12}{'10^6':>6}{'s/10^6':>10}{'CPU s':>10}{'MB':>9}{'peak MB':>9}", flush=True)
    in_new_process(generate, arguments)
    vectorizer = in_new_process(learn_vocabulary, arguments)
    classifier = in_new_process(train, arguments, list(vectorizer.vocabulary_))
    in_new_process(predict, arguments, classifier)


if __name__ == "__main__":
    main()
