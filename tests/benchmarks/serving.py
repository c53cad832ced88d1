"""Speed and memory of the service example, beside the same network in Keras and ONNX Runtime behind the same app.

    python -m pip install ".[examples,onnx,serve]" onnxruntime
    python tests/benchmarks/serving.py [skrnn "keras predict" ...] [--concurrency 16] [--rate 100]

A classifier with the default parameters learns from news articles for one epoch. Each request contains the first
words (--words) of one article. The script stops with an error if an answer is missing, or if it does not have the
probabilities that the network gives to this article. No two articles have the same probabilities. Keras and token
ids in ONNX do not read the spelling of unknown words, so they have probabilities of their own.

The first columns are for connections (--concurrency) that send the next request when they have an answer. The next
columns are for requests that arrive at fixed times (--rate): a latency begins when the request is due. The last
columns are the memory of a worker process in MB (Linux only): resident (RSS), with a share of the pages that
several processes use (PSS), and without these pages (USS). Each figure is a median over the runs. The processes
are new for each runtime in each run, and each one computes with one thread. The client runs on the same machine.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np

ROOT = Path(__file__).parents[2]
RUNTIMES = [
    "skrnn",
    "onnxruntime token_ids",
    "onnxruntime documents",
    "keras __call__",
    "keras predict",
    "keras predict_on_batch",
]
READ_SPELLING = ["skrnn", "onnxruntime documents"]
COLUMNS = ["requests/s", "p50 ms", "p99 ms", "p50 ms", "p99 ms", "RSS MB", "PSS MB", "USS MB"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runtimes", nargs="*", default=RUNTIMES, metavar="runtime", help=", ".join(RUNTIMES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=16, help="number of connections")
    parser.add_argument("--rate", type=int, default=100, help="requests a second that arrive at fixed times")
    parser.add_argument("--seconds", type=float, default=5, help="length of a measurement")
    parser.add_argument("--words", type=int, default=60, help="words of a document")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as name:
        exchanges = _save_models(Path(name), arguments.words)
        runs = {runtime: [] for runtime in arguments.runtimes}
        for _ in range(arguments.runs):  # in turn, because the speed of the machine changes
            for runtime in arguments.runtimes:
                with _service(Path(name), runtime, arguments.workers) as (port, workers):
                    figures = _measure(port, exchanges[runtime in READ_SPELLING], arguments)
                    runs[runtime].append([*figures, *_memory(workers)])
    print(f"\n{arguments.workers} workers, documents of {arguments.words} words")
    print(f"{'':<24}{f'{arguments.concurrency} connections':>33}{f'{arguments.rate} requests/s':>22}")
    print(f"{'':<24}" + "".join(f"{column:>11}" for column in COLUMNS))
    for runtime, figures in runs.items():
        print(f"{runtime:<24}" + "".join(f"{figure:>11.1f}" for figure in np.median(figures, axis=0)))


@dataclass
class Exchange:
    """The body of a request, and the probabilities that its answer should have."""

    body: bytes
    probabilities: list[float]


def _save_models(folder: Path, n_words: int) -> dict[bool, list[Exchange]]:
    """Write the file of each runtime, and return what the services should answer, with spelling and without it."""
    from skrnn import RNNTextClassifier
    from skrnn.datasets import load_bbc_news
    from skrnn.export import to_onnx

    news = load_bbc_news()
    training = [article[:1500] for article in news.data[::2]]
    classifier = RNNTextClassifier(epochs=1, early_stopping=False, random_state=0).fit(training, news.target[::2])
    joblib.dump(classifier, folder / "skrnn.joblib")
    joblib.dump(classifier.vectorizer_, folder / "vectorizer")
    classifier.to_keras().save(folder / "model.keras")
    for inputs in ("token_ids", "documents"):
        to_onnx(classifier, folder / f"{inputs}.onnx", inputs=inputs)
    this = import_module("serving")  # the workers import it under this name
    for runtime in RUNTIMES[1:]:
        library, kind = runtime.split()
        load = this.load_keras if library == "keras" else this.load_onnx
        joblib.dump(Call(load, folder, kind, classifier.classes_), folder / f"{runtime}.joblib")

    documents = [" ".join(article.split()[:n_words]) for article in news.data[1::2]]
    probabilities = {
        True: classifier.predict_proba(documents),
        False: load_onnx(folder, "token_ids", classifier.classes_).predict_proba(documents),
    }
    different = set(range(len(documents)))
    for expected in probabilities.values():
        different &= {*np.unique(expected.round(3), axis=0, return_index=True)[1]}
    bodies = {i: json.dumps({"documents": [documents[i]]}).encode() for i in different}
    return {
        reads_spelling: [Exchange(body, expected[i].tolist()) for i, body in bodies.items()]
        for reads_spelling, expected in probabilities.items()
    }


class Call:
    """A call in a file. To load the file means to make the call."""

    def __init__(self, function, *arguments):
        self._call = function, arguments

    def __reduce__(self):
        return self._call


def load_keras(folder: Path, method: str, classes: np.ndarray) -> SimpleNamespace:
    """Return a classifier that predicts with a method of a Keras model."""
    import keras
    import tensorflow as tf

    import skrnn.layers  # noqa: F401

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    vectorizer = joblib.load(folder / "vectorizer")
    model = keras.saving.load_model(folder / "model.keras")
    predict = {
        "__call__": lambda ids: model(ids, training=False).numpy(),
        "predict": lambda ids: model.predict(ids, verbose=0),
        "predict_on_batch": model.predict_on_batch,
    }[method]
    return SimpleNamespace(classes_=classes, predict_proba=lambda documents: predict(vectorizer.encode(documents)))


def load_onnx(folder: Path, inputs: str, classes: np.ndarray) -> SimpleNamespace:
    """Return a classifier that predicts with ONNX Runtime, from token ids or from strings."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(folder / f"{inputs}.onnx", options)
    encode = joblib.load(folder / "vectorizer").encode if inputs == "token_ids" else _strings
    return SimpleNamespace(
        classes_=classes, predict_proba=lambda documents: session.run(None, {inputs: encode(documents)})[0]
    )


def _strings(documents: list[str]) -> np.ndarray:
    return np.array(documents, dtype=object)


@contextmanager
def _service(folder: Path, runtime: str, n_workers: int) -> Iterator[tuple[int, list[int]]]:
    """Run the example with the file of a runtime. Return its port and the ids of its worker processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "MODEL": str(folder / f"{runtime}.joblib"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
    }
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "examples"), "service:app"]
    command += ["--port", str(port), "--workers", str(n_workers), "--no-access-log", "--log-level", "error"]
    service = subprocess.Popen(command, env=environment)
    try:
        while service.poll() is None:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.1)
        yield port, _workers(service.pid, n_workers)
    finally:
        service.terminate()
        service.wait()


def _workers(service: int, n_workers: int) -> list[int]:
    if n_workers == 1:
        return [service]
    with suppress(OSError):
        children = Path(f"/proc/{service}/task/{service}/children").read_text().split()
        return [int(child) for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]
    return []


def _memory(workers: list[int]) -> list[float]:
    """Return the mean RSS, PSS and USS of processes in MB, or NaN where the system does not show them."""
    rows = []
    with suppress(OSError):
        for worker in workers:
            lines = Path(f"/proc/{worker}/smaps_rollup").read_text().splitlines()[1:]
            kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
            own = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
            rows.append([kilobytes["Rss"], kilobytes["Pss"], own])
    return (np.mean(rows, axis=0) / 1024).tolist() if rows else [np.nan] * 3


def _measure(port: int, exchanges: list[Exchange], arguments) -> list[float]:
    """Return requests/s, p50 and p99 with waiting connections, and p50 and p99 at a rate. Times are in ms."""
    n_connections, seconds = arguments.concurrency, arguments.seconds
    asyncio.run(_keep_busy(port, exchanges, n_connections, 2 * seconds))  # Keras traces for many seconds
    started = time.perf_counter()
    busy = asyncio.run(_keep_busy(port, exchanges, n_connections, seconds))
    rate = len(busy) / (time.perf_counter() - started)
    timed = asyncio.run(_send_at_rate(port, exchanges, arguments.rate, seconds))
    return [rate, *(1000 * np.percentile(busy, [50, 99])), *(1000 * np.percentile(timed, [50, 99]))]


async def _keep_busy(port: int, exchanges: list[Exchange], n_connections: int, seconds: float) -> list[float]:
    """Send the next request on each connection after each answer, and return the latencies in seconds."""
    end = time.perf_counter() + seconds
    latencies = []

    async def send(first: int) -> None:
        async with _Connection(port) as connection:
            i = first
            while (started := time.perf_counter()) < end:
                await connection.check(exchanges[i % len(exchanges)])
                latencies.append(time.perf_counter() - started)
                i += n_connections

    await asyncio.gather(*map(send, range(n_connections)))
    return latencies


async def _send_at_rate(port: int, exchanges: list[Exchange], rate: int, seconds: float) -> list[float]:
    """Send requests at fixed times, each on a free connection, and return the latencies in seconds."""
    started = time.perf_counter()
    free: list[_Connection] = []

    async def send(i: int) -> float:
        due = started + i / rate
        await asyncio.sleep(due - time.perf_counter())
        connection = free.pop() if free else await _Connection(port).__aenter__()
        await connection.check(exchanges[i % len(exchanges)])
        free.append(connection)
        return time.perf_counter() - due

    latencies = await asyncio.gather(*map(send, range(int(rate * seconds))))
    for connection in free:
        await connection.__aexit__()
    return latencies


class _Connection:
    """An HTTP connection. A client library would take more time than the service."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> "_Connection":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def check(self, exchange: Exchange) -> None:
        """Send a request, and raise an error if its answer is not the expected one."""
        head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(exchange.body)}\r\n\r\n"
        self._writer.write(head.encode() + exchange.body)
        status, *headers = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        length = next(int(header.split(":")[1]) for header in headers if header.startswith("content-length:"))
        content = await self._reader.readexactly(length)
        if status != "http/1.1 200 ok":
            raise RuntimeError(f"Expected an answer with status 200; got {status}: {content.decode()}")
        (prediction,) = json.loads(content)
        answered = prediction["probabilities"].values()
        if any(abs(a - b) > 1e-4 for a, b in zip(answered, exchange.probabilities, strict=True)):
            raise RuntimeError(f"Expected the probabilities {exchange.probabilities}; got {answered}.")


if __name__ == "__main__":
    main()
