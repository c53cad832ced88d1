"""Predictions during fits, fits at the same time, and forks."""

import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Event
from typing import Any

import numpy as np
from conftest import EVERY_ESTIMATOR, SMALL, make_reviews, problem
from outcomes import Finding, require
from sklearn.base import clone

import skrnn.training._reuse
from skrnn import RNNTextClassifier, SequenceVectorizer

OPTIONS = {**SMALL, "epochs": 2}


def prepare() -> Callable[[random.Random], None]:
    skrnn.training._reuse._POOL._size = 50  # so that most fits compile nothing
    # Two sets of documents with other words, lengths and classes, and objects that are fitted to each of them
    first, (texts, labels) = make_reviews(), make_reviews(40, n_classes=3, seed=1)
    data = [first, ([f"{text} or {text}" for text in texts], labels)]
    documents = [*first[0][:20], *data[1][0][:20]]
    classifiers = [RNNTextClassifier(**OPTIONS).fit(*samples) for samples in data]
    vectorizers = [SequenceVectorizer().fit(*samples) for samples in data]
    checks = [
        lambda rng: _refit(rng, data, classifiers, lambda classifier: classifier.predict_proba(documents)),
        lambda rng: _refit(rng, data, classifiers, lambda classifier: classifier.vectorizer_.encode(documents)),
        lambda rng: _refit(rng, data, vectorizers, lambda vectorizer: vectorizer.transform(documents).toarray()),
        _same_fits,
        lambda rng: _fork(rng.choice(classifiers), documents),
    ]
    return lambda rng: rng.choice(checks)(rng)


def _refit(rng: random.Random, data: list[Any], fitted: list[Any], read: Callable[[Any], np.ndarray]) -> None:
    """Read from an object in threads while it is fitted again. Each result is that of one of the fits."""
    expected = [read(one) for one in fitted]
    shared, is_over = clone(fitted[0]).fit(*data[0]), Event()

    def read_often(_: int) -> list[np.ndarray]:
        results = [read(shared)]
        while not is_over.is_set():
            results.append(read(shared))
        return results

    n_threads = rng.randint(1, 3)
    with ThreadPoolExecutor(n_threads) as pool:
        results = pool.map(read_often, range(n_threads))
        try:
            for _ in range(rng.randint(1, 4)):
                shared.fit(*rng.choice(data))
        finally:
            is_over.set()
    for result in chain.from_iterable(results):
        is_known = any(result.shape == one.shape and np.allclose(result, one, 0, 1e-6) for one in expected)
        require(is_known, f"{type(shared).__name__}: a result during a fit is that of neither fit")


def _same_fits(rng: random.Random) -> None:
    estimator, X, y = problem(rng.choice(EVERY_ESTIMATOR.args[1]))
    estimator.set_params(epochs=rng.randint(1, 3), random_state=rng.randrange(2**32))
    with ThreadPoolExecutor(3) as pool:
        fits = pool.map(lambda _: clone(estimator).fit(X, y), range(rng.randint(2, 3)))
        first, *others = [fit._fitted.network.weights for fit in fits]
    for name, weight in first.items():
        same = all(np.array_equal(weight, other[name]) for other in others)
        require(same, f"{type(estimator).__name__}: fits in threads have other weights {name}")


def _fork(fitted: Any, documents: list[str]) -> None:
    expected = fitted.predict_proba(documents)
    process = os.fork()
    if not process:
        is_same = False
        try:
            is_same = np.array_equal(fitted.predict_proba(documents), expected)
        finally:
            os._exit(not is_same)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            require(status == 0, f"a prediction in a forked process ends with status {status}")
            return
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    raise Finding("a prediction in a forked process does not end")
