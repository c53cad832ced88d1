"""Compare the speed and memory of training and searching with other ways to train the same network.

    python tests/benchmarks/training.py [epoch overhead search memory growth] [--data DIR] [--out FILE]

Sections:

- epoch: one more epoch of a network that is already built, on long and on short documents. The "sgemm floor" is
  the time of the network's matrix products alone.
- overhead: a fit on 1,000 short documents, and the part of its time that is not in the training steps.
- search: a grid search of 36 small fits. Each way runs in a separate process.
- memory: the peak of a fit, and the memory of a process after 10 and after 100 fits (Linux only). Each way runs in
  a separate process.
- growth: fits with more documents, longer documents, more tokens, or more units.

vectorizer.py measures the speed of the vectorizer.

Documents are generated. With ``--data DIR``, the section epoch uses real documents. DIR has a folder for each data
set, with a file ``train.tsv.gz`` in UTF-8 with the header ``text<TAB>label``. After a first run of each way, all
ways run in turn. Figures are medians over these runs. The ratio divides the seconds of a way by the seconds of
skrnn. The bar is the smallest ratio that is acceptable. Other libraries run if they are installed
(``pip install torch skorch fasttext-numpy2``).

On a busy machine, threads wait for each other and wall time varies. Use one core and its CPU time instead:
``taskset -c 0 python tests/benchmarks/training.py epoch overhead --clock cpu``.
"""

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import training_peers as peers
from common import circumstances, in_new_process, new_process, set_names
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from training_peers import Documents

# The ways to train, and the additional module that each of them needs.
WAYS = {
    "skrnn": (peers.skrnn_on_ids, None),
    "skrnn, from text": (peers.skrnn_on_text, None),
    "keras by hand": (peers.keras_by_hand, None),
    "scikeras": (peers.scikeras_on_padded, None),
    "skorch, padded": (peers.skorch_padded, "skorch"),
    "skorch, packed": (peers.skorch_packed, "skorch"),
    "torch, by length": (peers.torch_by_length, "torch"),
    "tfidf + SVC": (peers.tfidf_svc, None),
    "fasttext": (peers.fasttext, "fasttext"),
    "sgemm floor": (peers.sgemm_floor, None),
}
BARS = {
    "long": {"keras by hand": 4, "scikeras": 4, "skorch, packed": 2, "torch, by length": 1},
    "short": {"keras by hand": 1.5},
}

PACKAGES = ["numpy", "scikit-learn", "tensorflow", "keras", "scikeras", "torch", "skorch"]

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}

Rows = dict[str, dict[str, float | str]]  # name of the row -> name of the column -> figure


def main():
    sections = {"epoch": _epoch, "overhead": _overhead, "search": _search, "memory": _memory, "growth": _growth}
    arguments = _parse_arguments(sections)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel("ERROR")  # hides warnings about models that are traced again
    tables = {}
    for section in arguments.sections:
        for title, rows in sections[section](arguments):
            tables[title] = rows
            _print_table(title, rows)
            if arguments.out:
                run = {"command": sys.argv, **circumstances(PACKAGES)}
                arguments.out.write_text(json.dumps({"run": run, "tables": tables}, indent=1))


def _parse_arguments(sections):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=list(sections), metavar="section", help="; ".join(sections))
    parser.add_argument("--data", type=Path, help="folder with a folder for each data set")
    parser.add_argument("--sets", nargs="+", help="names of the data sets; default: all")
    parser.add_argument("--ways", nargs="+", choices=WAYS, metavar="way", help="; ".join(WAYS))
    parser.add_argument("--size", type=float, default=1.0, help="factor on the numbers of documents and of fits")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for one core of a busy machine")
    parser.add_argument("--out", type=Path, help="JSON file to write the tables to")
    return parser.parse_args()


def _epoch(arguments) -> Iterator[tuple[str, Rows]]:
    for name, documents, bars in _corpora(arguments):
        trainers = {way: make(documents) for way, make in _ways(arguments).items()}
        ways = {way: partial(train, 1) for way, train in trainers.items()}
        first, seconds = _time_in_turn(ways, arguments)
        rows = _ratios(seconds, bars)
        for way, row in rows.items():
            row["tokens/s"] = documents.lengths.sum() / row["s"]
            row["of floor"] = np.median(seconds["sgemm floor"] / seconds[way])
            row["first s"] = first[way]
        size = f"{len(documents.labels)} {name} documents of {documents.lengths.mean():.0f} tokens on average"
        rate = peers.sgemm_flop(documents) / rows["sgemm floor"]["s"] / 1e9
        floor = f"the floor is {rate:.0f} GFLOP/s; tfidf + SVC is the whole fit"
        yield f"an epoch of {size}, at most {documents.lengths.max()}; {floor}", rows


def _corpora(arguments) -> Iterator[tuple[str, Documents, dict[str, float]]]:
    n_long, n_short = round(2000 * arguments.size), round(10_000 * arguments.size)
    if arguments.data is None:
        yield "long", peers.long_documents(n_long), BARS["long"]
        yield "short", peers.short_documents(n_short), BARS["short"]
        return
    for name in arguments.sets or set_names(arguments.data):
        documents = peers.read_documents(arguments.data / name / "train.tsv.gz", n_long)
        yield name, documents, BARS["long" if documents.lengths.mean() > 150 else "short"]


def _overhead(arguments) -> Iterator[tuple[str, Rows]]:
    documents = peers.short_documents(round(1000 * arguments.size))
    few, many = 1, 5  # epochs
    makers = {way: make for way, make in _ways(arguments).items() if way != "sgemm floor"}
    ways = {(way, n): partial(_train_anew, makers[way], documents, n) for way in makers for n in (few, many)}
    first, seconds = _time_in_turn(ways, arguments)
    rows = {}
    for way in makers:
        epoch = (seconds[way, many] - seconds[way, few]) / (many - few)
        rows[way] = {
            "first s": first[way, few],
            "s": np.median(seconds[way, few]),
            "an epoch s": np.median(epoch),
            "overhead s": np.median(seconds[way, few] - few * epoch),
        }
        if way.startswith("skrnn"):
            rows[way]["at most"] = 0.2
    yield (
        f"a fit of {few} epoch on {len(documents.labels)} short documents, and its time outside of the steps",
        rows,
    )


def _train_anew(make: Callable, documents: Documents, n_epochs: int) -> None:
    make(documents)(n_epochs)


def _search(arguments) -> Iterator[tuple[str, Rows]]:
    documents = peers.short_documents(round(1000 * arguments.size))
    grid = {"units": [32, 64], "batch_size": [32, 64], "learning_rate": [0.001, 0.002, 0.005]}
    scikeras_grid = {name.replace("learning", "optimizer__learning"): values for name, values in grid.items()}
    searches = {
        "skrnn": (peers.skrnn_classifier(epochs=2), grid, documents.texts),
        "scikeras": (peers.scikeras_classifier(documents, epochs=2), scikeras_grid, documents.padded),
    }
    with ExitStack() as stack:
        # In separate processes, because joblib restarts workers whose memory has grown much. A restart because of
        # one way would delete the networks that another way has built in the worker.
        processes = {way: stack.enter_context(new_process()) for way in searches}
        ways = {
            f"{way}, n_jobs={n}": partial(_call, processes[way], _run_search, *search, documents.labels, n)
            for way, search in searches.items()
            for n in (1, 2)
        }
        first, seconds = _time_in_turn(ways, arguments)
    rows = _ratios(seconds, {"scikeras, n_jobs=1": 3}, to="skrnn, n_jobs=1")
    rows["skrnn, n_jobs=2"] |= {"faster": 1 / rows["skrnn, n_jobs=2"]["ratio"], "faster, bar": 1.7}
    for way, row in rows.items():
        row["first s"] = first[way]
    yield f"a search of 12 candidates in 3 folds, 2 epochs on {len(documents.labels)} short documents", rows


def _run_search(estimator, grid: dict, X, y, n_jobs: int) -> None:
    folds = StratifiedKFold(3)
    GridSearchCV(estimator, grid, cv=folds, n_jobs=n_jobs, refit=False, error_score="raise").fit(X, y)


def _memory(arguments) -> Iterator[tuple[str, Rows]]:
    n = round(1000 * arguments.size)
    ways = _ways(arguments)
    peaks = {way: {"peak MB": in_new_process(_peak_of_a_fit, make, n)} for way, make in ways.items()}
    yield f"memory of a process that fits {n} long documents for an epoch", peaks
    few, many = 10, max(round(100 * arguments.size), 11)
    rows = {}
    for way in ("skrnn", "keras by hand", "scikeras"):
        if way not in ways:
            continue
        after_few, after_many = in_new_process(_resident_after_fits, ways[way], (few, many))
        rows[way] = {
            f"MB after {few}": after_few,
            f"MB after {many}": after_many,
            "growth %": 100 * (after_many / after_few - 1),
        }
    rows["skrnn"]["at most"] = 5
    yield "memory of a process after many fits of one epoch on 200 short documents", rows


def _call(process: ProcessPoolExecutor, function: Callable, *arguments):
    return process.submit(function, *arguments).result()


def _peak_of_a_fit(make: Callable, n_documents: int) -> float:
    make(peers.long_documents(n_documents))(1)
    return _megabytes("VmHWM")


def _resident_after_fits(make: Callable, marks: tuple[int, ...]) -> list[float]:
    documents = peers.short_documents(200)
    resident = []
    for n_fits in range(1, max(marks) + 1):
        make(documents)(1)
        if n_fits in marks:
            resident.append(_megabytes("VmRSS"))
    return resident


def _megabytes(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def _growth(arguments) -> Iterator[tuple[str, Rows]]:
    n = round(1000 * arguments.size)
    base = {"n_documents": n, "mean": 20, "spread": 0.45}
    sizes = {
        "base": (base, {}),
        "documents x 4": (base | {"n_documents": 4 * n}, {}),
        "documents x 16": (base | {"n_documents": 16 * n}, {}),
        "length x 4": (base | {"mean": 80}, {}),
        "length x 16": (base | {"mean": 320}, {}),
        "vocabulary x 10": (base | {"n_tokens": 10 * peers.N_TOKENS}, {}),
        "units x 4": (base, {"units": 4 * peers.UNITS}),
    }
    ways = {name: partial(_fit, peers.generated(**data), parameters) for name, (data, parameters) in sizes.items()}
    _, seconds = _time_in_turn(ways, arguments)
    rows = _ratios(seconds, {}, to="base")
    for name in ("documents x 16", "length x 16"):
        rows[name]["at most"] = 18
    yield f"growth of a fit of 2 epochs (base: {n} documents of 20 tokens, vocabulary of {peers.N_TOKENS})", rows


def _fit(documents: Documents, parameters: dict) -> None:
    peers.skrnn_classifier("passthrough", epochs=2, **parameters).fit(documents.ids, documents.labels)


def _ways(arguments) -> dict[str, Callable]:
    """Return the chosen ways that are installed, and always skrnn and the floor, which the ratios need."""
    chosen = {"skrnn", "sgemm floor", *(arguments.ways or WAYS)}
    missing = [way for way in chosen if WAYS[way][1] and not find_spec(WAYS[way][1])]
    for way in missing:
        print(f"{way}: not installed")
    return {way: make for way, (make, _) in WAYS.items() if way in chosen and way not in missing}


def _time_in_turn(ways: dict, arguments) -> tuple[dict, dict]:
    """Return the seconds of the first run of each way, and an array with the seconds of the later runs."""
    clock = CLOCKS[arguments.clock]
    first = {way: _seconds(run, clock) for way, run in ways.items()}
    # In turn, so that other load of the machine affects all ways.
    later = [[_seconds(run, clock) for run in ways.values()] for _ in range(arguments.runs)]
    return first, dict(zip(ways, np.transpose(later), strict=True))


def _seconds(run: Callable, clock: Callable[[], float]) -> float:
    time.sleep(0.1)  # lets the threads of the way before end
    started = clock()
    run()
    return clock() - started


def _ratios(seconds: dict[str, np.ndarray], bars: dict[str, float], to: str = "skrnn") -> Rows:
    rows = {way: {"s": np.median(runs), "ratio": np.median(runs / seconds[to])} for way, runs in seconds.items()}
    for way in bars.keys() & rows.keys():
        rows[way]["bar"] = bars[way]
    return rows


def _print_table(title: str, rows: Rows) -> None:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    print(f"\n{title}\n{'':<20}" + "".join(f"{column:>13}" for column in columns))
    for name, row in rows.items():
        print(f"{name:<20}" + "".join(f"{_format(row.get(column)):>13}" for column in columns), flush=True)


def _format(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


if __name__ == "__main__":
    main()
