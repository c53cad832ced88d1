"""Compare the speed of predictions with Keras, PyTorch and ONNX Runtime, and measure the start of a process.

    python tests/benchmarks/inference.py [one many start] [--documents 20000] [--runs 5]

Sections:

- one: a document of 60 tokens. It is always the same, so that skrnn has cached the input products of its tokens.
  The row "skrnn, new tokens" has another document in each call.
- many: documents of different lengths.
- start: a new process that loads a saved classifier and classifies a text (Linux only).

All methods have the same network, an LSTM(128) of one direction on embeddings of length 128 of 20,000 tokens. The
documents are random. The methods of a section run in turn, each in a separate process, because the threads of one
library slow down another one. Figures are medians over the runs. The ratio divides the seconds of a method by the
seconds of skrnn. The bar is the smallest ratio that is acceptable. PyTorch and ONNX Runtime run if they are
installed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from importlib.util import find_spec
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path

import joblib
import numpy as np
from training_peers import last_of_packed, last_of_padded

from skrnn import NetworkSpec, RNNTextClassifier
from skrnn.network._numpy import NumpyNetwork
from skrnn.network._weights import initial_weights
from skrnn.sequences._batches import dense_batch, sorted_batches
from skrnn.sequences._storage import ragged_to_csr

SPEC = NetworkSpec(20_000, 128, "lstm", (128,), False, "tanh", "last", 1, "sigmoid", 0.0, 0.0, 0.0)
WEIGHTS = initial_weights(SPEC, np.random.default_rng(0))
BATCH_SIZE = 256
NEEDED = {  # modules
    "torch, by length": ["torch"],
    "torch, packed": ["torch"],
    "onnxruntime, by length": ["onnx", "onnxruntime"],
}


def main():
    sections = {"one": _one_document, "many": _many_documents, "start": _start}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=list(sections), metavar="section", help="; ".join(sections))
    parser.add_argument("--documents", type=int, default=20_000, help="number of documents of the section many")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for section in arguments.sections:
        sections[section](arguments)


def _one_document(arguments) -> None:
    bars = {
        "skrnn": None,
        "skrnn, new tokens": None,
        "keras predict": 40,
        "torch, by length": 1,
        "onnxruntime, by length": None,
    }
    _compare("one document of 60 tokens", bars, (60,), arguments.runs, n_calls=20)


def _many_documents(arguments) -> None:
    lengths = _lengths(arguments.documents)
    title = f"{len(lengths)} documents, {lengths.mean():.0f} tokens on average, at most {lengths.max()}"
    bars = {
        "skrnn": None,
        "keras predict": 6,
        "keras, by length": 1.2,
        "torch, by length": 0.67,
        "torch, packed": 0.67,
        "onnxruntime, by length": 0.67,
    }
    _compare(title, bars, tuple(lengths.tolist()), arguments.runs, n_calls=1)


def _lengths(n_documents: int) -> np.ndarray:
    drawn = np.random.default_rng(0).lognormal(np.log(54), 0.75, size=n_documents)
    return np.clip(drawn, 1, 200).astype(np.int64)


def _documents(lengths):
    """Return documents of random ids. As in text, a few tokens are much more frequent than others."""
    drawn = np.random.default_rng(1).zipf(1.1, size=np.sum(lengths))
    return ragged_to_csr((2 + drawn % (SPEC.n_tokens - 2)).astype(np.int32), np.asarray(lengths))


# Each makes the network of a method, and returns the function that classifies the documents.


def _skrnn(X) -> Callable[[], np.ndarray]:
    network = NumpyNetwork(SPEC, WEIGHTS)
    return lambda: network.predict(X)


def _skrnn_new_tokens(X) -> Callable[[], np.ndarray]:
    """Classify another document in each call. The input products of hardly any of its tokens are cached."""
    network, n_tokens = NumpyNetwork(SPEC, WEIGHTS), SPEC.n_tokens - 2
    moved = [(X.data - 2 + step * n_tokens // 300) % n_tokens + 2 for step in range(300)]
    documents = cycle([ragged_to_csr(ids.astype(np.int32), np.diff(X.indptr)) for ids in moved])
    return lambda: network.predict(next(documents))


def _keras_padded(X) -> Callable[[], np.ndarray]:
    model, rows = _keras_network(), np.arange(X.shape[0])
    return lambda: model.predict(dense_batch(X, rows), batch_size=BATCH_SIZE, verbose=0)


def _keras_by_length(X) -> Callable[[], np.ndarray]:
    model = _keras_network()
    return _in_batches(X, lambda ids, _: model.predict_on_batch(ids))


def _keras_network():
    from skrnn.network._keras import build_network

    model = build_network(SPEC)
    model.set_weights(list(WEIGHTS.values()))
    return model


def _onnx(X) -> Callable[[], np.ndarray]:
    from onnxruntime import InferenceSession

    with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # this process stays without TensorFlow
        session = InferenceSession(pool.submit(_onnx_model).result())
    return _in_batches(X, lambda ids, _: session.run(["probabilities"], {"token_ids": ids})[0][:, 1:])


def _onnx_model() -> bytes:
    from skrnn.export import to_onnx

    ids = ragged_to_csr(np.array([1, SPEC.n_tokens - 1], dtype=np.int32), np.array([1, 1]))
    classifier = _classifier("passthrough").fit(ids, [0, 1])
    network = replace(classifier._fitted.network, weights=WEIGHTS)
    classifier._fitted = replace(classifier._fitted, network=network)
    return to_onnx(classifier).SerializeToString()


def _torch(last_states: Callable, X) -> Callable[[], np.ndarray]:
    import torch

    weights = {name: torch.tensor(weight) for name, weight in WEIGHTS.items()}
    lstm = torch.nn.LSTM(SPEC.n_features, SPEC.units[0], batch_first=True)
    parameters = [weights["rnn_0/forward/kernel"].T, weights["rnn_0/forward/recurrent_kernel"].T]
    parameters += [weights["rnn_0/forward/bias"], torch.zeros(4 * SPEC.units[0])]
    lstm.load_state_dict(dict(zip(lstm.state_dict(), parameters, strict=True)))

    def outputs(ids, lengths):
        states = last_states(lstm, weights["embedding"][torch.from_numpy(ids)], torch.from_numpy(lengths))
        return torch.sigmoid(states @ weights["output/kernel"] + weights["output/bias"])

    return torch.inference_mode()(_in_batches(X, outputs))


def _in_batches(X, outputs_of: Callable) -> Callable[[], np.ndarray]:
    lengths = np.diff(X.indptr).astype(np.int64)
    batches = sorted_batches(lengths, BATCH_SIZE)

    def outputs():
        result = np.empty((len(lengths), SPEC.n_outputs))
        for rows in batches:
            result[rows] = outputs_of(dense_batch(X, rows), lengths[rows])
        return result

    return outputs


METHODS = {
    "skrnn": _skrnn,
    "skrnn, new tokens": _skrnn_new_tokens,
    "keras predict": _keras_padded,
    "keras, by length": _keras_by_length,
    "torch, by length": partial(_torch, last_of_padded),
    "torch, packed": partial(_torch, last_of_packed),
    "onnxruntime, by length": _onnx,
}


def _compare(
    title: str, bars: dict[str, float | None], lengths: tuple[int, ...], n_runs: int, n_calls: int
) -> None:
    names = [name for name in bars if all(map(find_spec, NEEDED.get(name, [])))]
    with ExitStack() as stack:
        processes = {name: stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"))) for name in names}

        def call(function, name, *arguments):
            return processes[name].submit(function, name, lengths, *arguments).result()

        expected, *others = (call(_outputs, name) for name in names)  # a first run
        for outputs in others:
            np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-4)
        seconds = {name: [] for name in names}
        for _ in range(n_runs):  # in turn, so that all meet the same moods of the machine
            for name in names:
                time.sleep(0.1)  # until the threads of the one before no longer wait for work
                seconds[name].append(call(_seconds, name, n_calls))
    print(f"\n{title}\n{'':<24}{'ms':>10}{'ratio':>8}{'bar':>8}")
    for name in names:
        ratio = statistics.median(np.divide(seconds[name], seconds["skrnn"]))
        row = f"{name:<24}{1000 * statistics.median(seconds[name]):>10.2f}{ratio:>8.2f}"
        print(row if bars[name] is None else f"{row}{bars[name]:>8.2f}", flush=True)


@cache
def _method(name: str, lengths: tuple[int, ...]) -> Callable[[], np.ndarray]:
    return METHODS[name](_documents(lengths))


def _outputs(name: str, lengths: tuple[int, ...]) -> np.ndarray:
    return _method(name, lengths)()


def _seconds(name: str, lengths: tuple[int, ...], n_calls: int) -> float:
    method = _method(name, lengths)
    started = time.perf_counter()
    for _ in range(n_calls):
        method()
    return (time.perf_counter() - started) / n_calls


# The code of each process of the section start, and of its last line, which prints the peak memory
_PROCESSES = {
    "import sklearn": "import sklearn",
    "skrnn": """
import joblib
joblib.load("classifier.joblib").predict_proba([open("text.txt").read()])
""",
    "keras": """
import json, keras, numpy
ids = numpy.array([json.load(open("ids.json"))], dtype="int32")
keras.saving.load_model("model.keras").predict(ids, verbose=0)
""",
}
_PEAK = "\nprint(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"


def _start(arguments) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _save_classifier(Path(folder))
        for code in _PROCESSES.values():
            _run_process(code, folder)  # reads the files of the packages into the cache of the system
        runs = {name: [] for name in _PROCESSES}
        for _ in range(arguments.runs):
            for name, code in _PROCESSES.items():
                runs[name].append(_run_process(code, folder))
    medians = {name: np.median(figures, axis=0) for name, figures in runs.items()}
    print("\na new process: load, classify a text of 60 tokens (bar: a third of keras; sklearn + 0.3 s, + 60 MB)")
    print(f"{'':<20}{'s':>10}{'MB':>8}{'to keras':>20}{'beyond sklearn':>24}")
    for name, figures in medians.items():
        seconds, megabytes = figures / medians["keras"]
        more_seconds, more_megabytes = figures - medians["import sklearn"]
        share = f"{seconds:.2f}, {megabytes:.2f}"
        more = f"{more_seconds:+.2f} s, {more_megabytes:+.0f} MB"
        print(f"{name:<20}{figures[0]:>10.2f}{figures[1]:>8.0f}{share:>20}{more:>24}", flush=True)


def _save_classifier(folder: Path) -> None:
    """Write a classifier with 20,000 tokens, its Keras model, and a text as both read it."""
    words = [f"w{rank}" for rank in range(SPEC.n_tokens - 2)]
    texts = [" ".join(words[start : start + 100]) for start in range(0, len(words), 100)]
    classifier = _classifier()
    classifier.set_params(vectorizer__min_df=1, vectorizer__max_features=None)
    classifier.fit(texts, np.arange(len(texts)) % 2)
    joblib.dump(classifier, folder / "classifier.joblib")
    classifier.model_.save(folder / "model.keras")
    text = " ".join(words[:60])
    (folder / "text.txt").write_text(text)
    (folder / "ids.json").write_text(json.dumps(classifier.vectorizer_.encode([text])[0].tolist()))


def _classifier(vectorizer=None) -> RNNTextClassifier:
    """Return a classifier with the common network that is hardly trained."""
    return RNNTextClassifier(
        vectorizer,
        units=SPEC.units,
        embedding_dim=SPEC.n_features,
        bidirectional=False,
        pooling=SPEC.pooling,
        max_ngrams=0,  # Keras has no such layer, and would have to import ours; nor the next
        token_dropout=0.0,
        skip_connection=False,
        linear_model=False,
        min_count=1,
        epochs=1,
        random_state=0,
    )


def _run_process(code: str, folder: str) -> tuple[float, float]:
    """Return the seconds from start to end, and the peak memory in MB."""
    # The first process may compile the modules of a checkout. An installation has done this before.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code + _PEAK]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024


if __name__ == "__main__":
    main()
