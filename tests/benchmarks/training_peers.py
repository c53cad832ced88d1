"""Documents for training.py, and different ways to train the same network on them.

A way is a function that takes documents and returns a function that trains for a number of epochs. Its first call
starts a new training, and later calls resume it. The network is Embedding -> LSTM -> Dense with a softmax output.
For two classes, skrnn uses a sigmoid output. All libraries use their default number of threads.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from common import read_table
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.sequences._batches import dense_batch, shuffled_batches, sorted_batches
from skrnn.sequences._storage import ragged_to_csr
from skrnn.utils._threads import run_in_threads

N_TOKENS, EMBEDDING_DIM, UNITS, BATCH_SIZE, LEARNING_RATE = 20_000, 128, 128, 64, 1e-3
_FLOOR_ROWS = 1024  # rows of the matrix products over all tokens, enough for full speed


@dataclass(frozen=True)
class Documents:
    """Documents as token ids and in the other forms that the libraries need. Labels are integers from 0."""

    ids: sparse.csr_matrix
    labels: np.ndarray
    n_tokens: int

    @cached_property
    def texts(self) -> list[str]:
        return [" ".join(f"w{i}" for i in row) for row in np.split(self.ids.data, self.ids.indptr[1:-1])]

    @cached_property
    def padded(self) -> np.ndarray:
        """Return the ids of all documents, padded at the beginning: (n_documents, longest)."""
        lengths = self.lengths[:, None]
        steps = np.arange(self.ids.shape[1]) - self.ids.shape[1] + lengths  # (n_documents, longest)
        padded = np.zeros(steps.shape, dtype=np.int32)
        padded[steps >= 0] = self.ids.data
        return padded

    @cached_property
    def padded_at_the_end(self) -> np.ndarray:
        return dense_batch(self.ids, np.arange(len(self.labels)))

    @cached_property
    def lengths(self) -> np.ndarray:
        return np.diff(self.ids.indptr).astype(np.int64)

    @property
    def n_classes(self) -> int:
        return int(self.labels.max()) + 1


def generated(n_documents: int, mean: float, spread: float, n_tokens: int = N_TOKENS) -> Documents:
    """Return documents of log-normal lengths. As in text, a few tokens are much more frequent than others."""
    rng = np.random.default_rng(0)
    lengths = rng.lognormal(np.log(mean) - spread**2 / 2, spread, size=n_documents)
    lengths = np.maximum(np.round(lengths), 1).astype(np.int64)
    ids = 2 + rng.zipf(1.1, size=lengths.sum()) % (n_tokens - 2)
    labels = rng.integers(2, size=n_documents)
    telling = (rng.random(len(ids)) < 0.1) & np.repeat(labels == 1, lengths)
    ids[telling] = rng.integers(100, 200, size=telling.sum())
    ids[0] = n_tokens - 1  # the size of the network does not depend on the documents
    return Documents(ragged_to_csr(ids.astype(np.int32), lengths), labels, n_tokens)


def long_documents(n: int) -> Documents:
    return generated(n, mean=230, spread=0.66)  # like the reviews of IMDB


def short_documents(n: int) -> Documents:
    return generated(n, mean=20, spread=0.45)  # like single sentences


def read_documents(path: Path, n: int) -> Documents:
    """Return n random documents of a file with the header ``text<TAB>label``."""
    table = read_table(path)
    table = table.sample(min(n, len(table)), random_state=0)
    ids = SequenceVectorizer(max_features=N_TOKENS).fit_transform(table["text"])
    return Documents(ids, pd.factorize(table["label"], sort=True)[0], int(ids.data.max()) + 1)


def skrnn_classifier(vectorizer=None, **parameters) -> RNNTextClassifier:
    """Return a classifier with the common network, without the features that skrnn adds by default."""
    parameters = {"units": UNITS, "batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATE, **parameters}
    return RNNTextClassifier(
        vectorizer,
        bidirectional=False,
        pooling="last",
        embedding_dim=EMBEDDING_DIM,
        max_ngrams=0,
        char_ngram_range=None,
        skip_connection=False,
        linear_model=False,
        min_count=1,
        dropout=0,
        embedding_dropout=0,
        token_dropout=0,
        learning_rate_decay=None,
        clipnorm=None,
        label_smoothing=0,
        random_state=0,
        **parameters,
    )


def skrnn_on_ids(documents: Documents) -> Callable[[int], None]:
    classifier = skrnn_classifier("passthrough", warm_start=True)
    return lambda n: classifier.set_params(epochs=n).fit(documents.ids, documents.labels)


def skrnn_on_text(documents: Documents) -> Callable[[int], None]:
    classifier = skrnn_classifier(warm_start=True)
    return lambda n: classifier.set_params(epochs=n).fit(documents.texts, documents.labels)


def keras_by_hand(documents: Documents) -> Callable[[int], None]:
    model = keras_network(documents.n_tokens, documents.n_classes)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    options = {"batch_size": BATCH_SIZE, "verbose": 0}
    return lambda n: model.fit(documents.padded, documents.labels, epochs=n, **options)


def keras_network(n_tokens: int, n_classes: int, units: int = UNITS):
    import keras

    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(n_tokens, EMBEDDING_DIM),
            keras.layers.LSTM(units),
            keras.layers.Dense(n_classes, activation="softmax"),
        ]
    )


def scikeras_classifier(documents: Documents, **parameters):
    from scikeras.wrappers import KerasClassifier

    parameters = {
        "units": UNITS,
        "batch_size": BATCH_SIZE,
        "optimizer__learning_rate": LEARNING_RATE,
        **parameters,
    }
    return KerasClassifier(
        keras_network,
        n_tokens=documents.n_tokens,
        n_classes=documents.n_classes,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        metrics=["accuracy"],
        verbose=0,
        **parameters,
    )


def scikeras_on_padded(documents: Documents) -> Callable[[int], None]:
    classifier = scikeras_classifier(documents, warm_start=True)
    return lambda n: classifier.set_params(epochs=n).fit(documents.padded, documents.labels)


def torch_network(n_tokens: int, n_classes: int, last_states: Callable):
    """Return a network whose function ``last_states`` runs the LSTM on a batch padded at the end."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(n_tokens, EMBEDDING_DIM)
            self.lstm = torch.nn.LSTM(EMBEDDING_DIM, UNITS, batch_first=True)
            self.output = torch.nn.Linear(UNITS, n_classes)

        def forward(self, ids):
            lengths = (ids != 0).sum(dim=1).clamp(min=1)
            return self.output(last_states(self.lstm, self.embedding(ids), lengths))

    return Network()


def last_of_padded(lstm, inputs, lengths):
    return lstm(inputs)[0][range(len(lengths)), lengths - 1]


def last_of_packed(lstm, inputs, lengths):
    from torch.nn.utils.rnn import pack_padded_sequence

    packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    return lstm(packed)[1][0][0]


def skorch_padded(documents: Documents) -> Callable[[int], None]:
    return _skorch(documents, last_of_padded)


def skorch_packed(documents: Documents) -> Callable[[int], None]:
    return _skorch(documents, last_of_packed)


def _skorch(documents: Documents, last_states: Callable) -> Callable[[int], None]:
    import torch
    from skorch import NeuralNetClassifier

    classifier = NeuralNetClassifier(
        torch_network(documents.n_tokens, documents.n_classes, last_states),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=BATCH_SIZE,
        iterator_train__shuffle=True,
        train_split=None,
        warm_start=True,
        verbose=0,
    )
    return lambda n: classifier.set_params(max_epochs=n).fit(documents.padded_at_the_end, documents.labels)


def torch_by_length(documents: Documents) -> Callable[[int], None]:
    """Train in a hand-written loop, with the same batches as skrnn."""
    import torch

    network = torch_network(documents.n_tokens, documents.n_classes, last_of_padded)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    loss = torch.nn.CrossEntropyLoss()
    labels = torch.from_numpy(documents.labels)
    rng = np.random.default_rng(0)

    def train(n_epochs: int) -> None:
        for _ in range(n_epochs):
            for rows in shuffled_batches(documents.lengths, BATCH_SIZE, rng):
                optimizer.zero_grad()
                loss(network(torch.from_numpy(dense_batch(documents.ids, rows))), labels[rows]).backward()
                optimizer.step()

    return train


def tfidf_svc(documents: Documents) -> Callable[[int], None]:
    """Run a complete fit of a linear model, whatever the number of epochs."""
    return lambda _: make_pipeline(TfidfVectorizer(), LinearSVC()).fit(documents.texts, documents.labels)


def fasttext(documents: Documents) -> Callable[[int], None]:
    """Train fastText, which is another network: the mean of the token vectors."""
    from fasttext import train_supervised

    lines = [f"__label__{y} {text}" for y, text in zip(documents.labels, documents.texts, strict=True)]

    def train(n_epochs: int) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(lines))
            file.flush()
            train_supervised(file.name, dim=EMBEDDING_DIM, epoch=n_epochs, verbose=0)

    return train


def sgemm_floor(documents: Documents) -> Callable[[int], None]:
    """Compute only the matrix products of an LSTM in NumPy, without padding.

    In the products of a time step, the rows are the documents that have not ended. In the other products, they are
    all tokens. Each batch runs on one core, so that cores do not wait for each other.
    """
    rng = np.random.default_rng(0)
    inputs, states, gates, kernel, recurrent_kernel = (
        rng.standard_normal(shape, dtype=np.float32)
        for shape in [
            (_FLOOR_ROWS, EMBEDDING_DIM),
            (_FLOOR_ROWS, UNITS),
            (_FLOOR_ROWS, 4 * UNITS),
            (EMBEDDING_DIM, 4 * UNITS),
            (UNITS, 4 * UNITS),
        ]
    )
    batches = [np.sort(documents.lengths[rows]) for rows in sorted_batches(documents.lengths, BATCH_SIZE)]

    def multiply(lengths: np.ndarray) -> None:
        for n in len(lengths) - np.searchsorted(lengths, np.arange(lengths[-1]), side="right"):
            states[:n] @ recurrent_kernel
            gates[:n] @ recurrent_kernel.T
        n_tokens = lengths.sum()
        for start in range(0, n_tokens, _FLOOR_ROWS):
            n = min(n_tokens - start, _FLOOR_ROWS)
            inputs[:n] @ kernel
            gates[:n] @ kernel.T
            inputs[:n].T @ gates[:n]
            states[:n].T @ gates[:n]

    return lambda n_epochs: run_in_threads(multiply, batches * n_epochs)


def sgemm_flop(documents: Documents) -> float:
    """Return the number of floating-point operations in an epoch of :func:`sgemm_floor`."""
    return 2 * 3 * (EMBEDDING_DIM + UNITS) * 4 * UNITS * float(documents.lengths.sum())
