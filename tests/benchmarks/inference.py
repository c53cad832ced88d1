"""Speed of inference in NumPy beside the same network in Keras and PyTorch, and the start of a new process.

    python tests/benchmarks/inference.py [one many start] [--documents 20000] [--runs 5]

one: a document of 60 tokens. many: documents of mixed length. start: load a saved classifier in a new process
and classify one text (Linux only). The network is an LSTM(128), one direction, on embeddings of length 128 of
20,000 tokens; documents are random. The methods of a section run in turn, and each figure is a median over the
runs. A ratio is that of seconds to skrnn's; the bar is what it should at least be. PyTorch is shown if it is
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
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np

from skrnn import NetworkSpec, RNNTextClassifier
from skrnn._inference import forward
from skrnn._network import initial_weights
from skrnn._sequences import dense_batch, ragged_to_csr, sorted_batches

SPEC = NetworkSpec(20_000, 128, "lstm", (128,), False, "tanh", "last", 1, "sigmoid", 0.0, 0.0, 0.0)
WEIGHTS = initial_weights(SPEC, np.random.default_rng(0))
BATCH_SIZE = 256


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
    X = _documents([60])
    model = _keras_network()
    ids = dense_batch(X, np.arange(1))
    prepared = {}  # as PyTorch's layer has its weights from one call to the next
    methods = {
        "skrnn": (lambda: forward(SPEC, WEIGHTS, X, prepared), None),
        "keras predict": (lambda: model.predict(ids, verbose=0), 40),
    }
    if find_spec("torch"):
        methods["torch"] = (_torch_method(X, _torch_padded), 1)
    _print_ratios("one document of 60 tokens", methods, arguments.runs, n_calls=20)


def _many_documents(arguments) -> None:
    lengths = _lengths(arguments.documents)
    X = _documents(lengths)
    model = _keras_network()
    padded = dense_batch(X, np.arange(len(lengths)))
    batches = sorted_batches(lengths, BATCH_SIZE)

    def keras_bucketed():
        outputs = np.empty((len(lengths), SPEC.n_outputs))
        for rows in batches:
            outputs[rows] = model.predict_on_batch(dense_batch(X, rows))
        return outputs

    prepared = {}  # as PyTorch's layer has its weights from one call to the next
    methods = {
        "skrnn": (lambda: forward(SPEC, WEIGHTS, X, prepared), None),
        "keras predict": (lambda: model.predict(padded, batch_size=BATCH_SIZE, verbose=0), 6),
        "keras, by length": (keras_bucketed, 1.2),
    }
    if find_spec("torch"):
        methods["torch, by length"] = (_torch_method(X, _torch_padded), 0.67)
        methods["torch, packed"] = (_torch_method(X, _torch_packed), 0.67)
    title = f"{len(lengths)} documents, {lengths.mean():.0f} tokens on average, at most {lengths.max()}"
    _print_ratios(title, methods, arguments.runs, n_calls=1)


def _lengths(n_documents: int) -> np.ndarray:
    drawn = np.random.default_rng(0).lognormal(np.log(54), 0.75, size=n_documents)
    return np.clip(drawn, 1, 200).astype(np.int64)


def _documents(lengths):
    """Random ids, frequent ones more often, as in text: a token's share falls with its rank."""
    drawn = np.random.default_rng(1).zipf(1.1, size=np.sum(lengths))
    return ragged_to_csr((2 + drawn % (SPEC.n_tokens - 2)).astype(np.int32), np.asarray(lengths))


def _keras_network():
    from skrnn._keras_network import build_network

    model = build_network(SPEC)
    model.set_weights(list(WEIGHTS.values()))
    return model


def _torch_method(X, last_states: Callable) -> Callable[[], np.ndarray]:
    """The network in PyTorch, on batches of documents of similar length."""
    import torch

    weights = {name: torch.tensor(weight) for name, weight in WEIGHTS.items()}
    lstm = torch.nn.LSTM(SPEC.n_features, SPEC.units[0], batch_first=True)
    parameters = [weights["rnn_0/forward/kernel"].T, weights["rnn_0/forward/recurrent_kernel"].T]
    parameters += [weights["rnn_0/forward/bias"], torch.zeros(4 * SPEC.units[0])]
    lstm.load_state_dict(dict(zip(lstm.state_dict(), parameters, strict=True)))
    lengths = np.diff(X.indptr).astype(np.int64)
    batches = sorted_batches(lengths, BATCH_SIZE)

    @torch.inference_mode()
    def outputs():
        result = np.empty((len(lengths), SPEC.n_outputs))
        for rows in batches:
            ids = torch.from_numpy(dense_batch(X, rows))
            states = last_states(lstm, weights["embedding"][ids], torch.from_numpy(lengths[rows]))
            result[rows] = torch.sigmoid(states @ weights["output/kernel"] + weights["output/bias"])
        return result

    return outputs


def _torch_padded(lstm, inputs, lengths):
    return lstm(inputs)[0][range(len(lengths)), lengths - 1]


def _torch_packed(lstm, inputs, lengths):
    from torch.nn.utils.rnn import pack_padded_sequence

    packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    return lstm(packed)[1][0][0]


def _print_ratios(title: str, methods: dict[str, tuple[Callable, float | None]], n_runs: int, n_calls: int):
    seconds = {name: [] for name in methods}
    expected = methods["skrnn"][0]()
    for method, _ in methods.values():
        np.testing.assert_allclose(method(), expected, rtol=0, atol=1e-4)  # the same network; a first run
    for _ in range(n_runs):  # in turn, so that all meet the same moods of the machine
        for name, (method, _) in methods.items():
            time.sleep(0.1)  # until the threads of the one before no longer wait for work
            started = time.perf_counter()
            for _ in range(n_calls):
                method()
            seconds[name].append((time.perf_counter() - started) / n_calls)
    print(f"\n{title}\n{'':<20}{'ms':>10}{'ratio':>8}{'bar':>8}")
    for name, (_, bar) in methods.items():
        ratio = statistics.median(np.divide(seconds[name], seconds["skrnn"]))
        row = f"{name:<20}{1000 * statistics.median(seconds[name]):>10.1f}{ratio:>8.2f}"
        print(row if bar is None else f"{row}{bar:>8.2f}", flush=True)


# What each process of the section start does; they tell their peak memory when they are done.
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
            _run_process(code, folder)  # reads the files of the packages, which then stand in memory
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
    """A classifier that knows 20,000 tokens, the Keras model in it, and one text as both read it."""
    words = [f"w{rank}" for rank in range(SPEC.n_tokens - 2)]
    texts = [" ".join(words[start : start + 100]) for start in range(0, len(words), 100)]
    classifier = RNNTextClassifier(
        units=SPEC.units,
        embedding_dim=SPEC.n_features,
        bidirectional=False,
        pooling=SPEC.pooling,
        max_ngrams=0,  # Keras has no such layer, and would have to import ours; nor the next
        token_dropout=0.0,
        skip_connection=False,
        epochs=1,
        random_state=0,
    )
    classifier.set_params(vectorizer__min_df=1, vectorizer__max_features=None)
    classifier.fit(texts, np.arange(len(texts)) % 2)
    joblib.dump(classifier, folder / "classifier.joblib")
    classifier.model_.save(folder / "model.keras")
    text = " ".join(words[:60])
    (folder / "text.txt").write_text(text)
    (folder / "ids.json").write_text(json.dumps(classifier.vectorizer_.transform([text]).data.tolist()))


def _run_process(code: str, folder: str) -> tuple[float, float]:
    """Seconds from start to end, and the peak of resident memory in MB."""
    # An installation compiles modules; those of a checkout are compiled by the first process, if it may.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code + _PEAK]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024


if __name__ == "__main__":
    main()
