"""Measure the size of compressed classifiers against their accuracy, speed and memory.

    python tests/benchmarks/compression.py news
    python tests/benchmarks/compression.py --data DIR chnsenticorp banking77 --sizes 4 2 1

"news" is the articles of the BBC in examples/quickstart.py. Other sets are folders of DIR, as in accuracy.py.
Each row is a copy of an ``RNNTextClassifier()``. "ms" is the time of one document, cut to 300 characters. The
memory is the size of a new process that has loaded the file and predicted a document (Linux only). Run it on an
idle machine.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import pandas as pd
from common import check_data, load

from skrnn import RNNTextClassifier, compress

SERVE = """
import os, sys, joblib
model = joblib.load(sys.argv[1])
model.predict([sys.argv[2]])
with open("/proc/self/statm") as file:
    print(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
"""
N_DOCUMENTS, N_CHARACTERS, N_REPETITIONS = 50, 300, 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", help='"news", or folders of DIR')
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--sizes", nargs="*", type=float, default=[4, 2, 1], help="values of max_bytes in MB")
    arguments = parser.parse_args()
    check_data(parser, arguments)
    for name in arguments.sets:
        X_train, y_train, X_test, y_test = load(name, arguments.data)
        print(f"\n{name}: {len(X_train)} training documents, {len(X_test)} test documents", flush=True)
        classifier = RNNTextClassifier(random_state=0).fit(X_train, y_train)
        options = [{"dtype": "float16"}, {}, *({"max_bytes": int(size * 1e6)} for size in arguments.sizes)]
        results = [compress(classifier, X_test, y_test, **option) for option in options]
        models = [classifier, *(result.estimator for result in results)]
        before = {"MB": results[0].n_bytes_before / 1e6, "accuracy": 100 * results[0].score_before}
        after = [
            {"MB": result.n_bytes / 1e6, "accuracy": 100 * result.score, "max difference": result.max_difference}
            for result in results
        ]
        table = pd.DataFrame([before, *after], index=["as fitted", *map(str, options)])
        table["ms"] = _milliseconds(models, X_test)
        table["memory MB"] = [_memory(model, X_test[0]) for model in models]
        print(table.to_string(float_format="{:.4g}".format), flush=True)


def _milliseconds(models: list[RNNTextClassifier], documents: list[str]) -> list[float]:
    """Return the median time of a document for each model. The models take turns."""
    times = [[] for _ in models]
    for _ in range(N_REPETITIONS):
        for model, own in zip(models, times, strict=True):
            started = time.perf_counter()
            for document in documents[:N_DOCUMENTS]:
                model.predict([document[:N_CHARACTERS]])
            own.append(1000 * (time.perf_counter() - started) / N_DOCUMENTS)
    return [statistics.median(own[1:]) for own in times]


def _memory(model: RNNTextClassifier, document: str) -> float:
    """Return the memory of a process that serves the model, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.joblib")
        joblib.dump(model, path)
        command = [sys.executable, "-c", SERVE, str(path), document]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1e6


if __name__ == "__main__":
    main()
