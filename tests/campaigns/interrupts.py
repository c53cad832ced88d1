"""KeyboardInterrupt at random times in fits and predictions."""

import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import joblib
import keras
import numpy as np
import sklearn
import tensorflow as tf
from conftest import EVERY_ESTIMATOR, outputs, problem
from outcomes import checked_outputs, require, require_equal
from sklearn.base import clone
from threadpoolctl import threadpool_info

import skrnn.training._reuse


def prepare() -> Callable[[random.Random], None]:
    signal.signal(signal.SIGALRM, _interrupt)
    skrnn.training._reuse._POOL._size = 50  # so that most fits compile nothing
    subjects = []
    for cls in EVERY_ESTIMATOR.args[1]:
        estimator, X, y = problem(cls)
        cell = {"cell": "simple", "bidirectional": False}  # compiles in half the time
        for options in ({}, {"early_stopping": True}, {"warm_start": True}):
            estimator.set_params(epochs=3, early_stopping=False, **cell).set_params(**options)
            subjects.append((clone(estimator), X, y, outputs(clone(estimator).fit(X, y), X)))
    return lambda rng: _check(rng, *rng.choice(subjects))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _check(rng: random.Random, subject: Any, X: Any, y: Any, expected: np.ndarray) -> None:
    estimator, name = clone(subject), type(subject).__name__
    start = time.monotonic()
    fitted = clone(subject).fit(X, y)
    duration = time.monotonic() - start
    if rng.random() < 0.6:
        estimator = fitted
    learned = vars(estimator).get("_fitted")
    before, threads = _process_state(), set(threading.enumerate())
    if learned is not None and rng.random() < 0.2:
        _run_interrupted(lambda: outputs(estimator, X), rng.uniform(0, 0.01))
    else:
        _run_interrupted(lambda: estimator.fit(X, y), rng.uniform(0, duration))
    if vars(estimator).get("_fitted") is not learned:
        checked_outputs(estimator, X)
    elif learned is not None:
        require_equal(outputs(estimator, X), expected, 0, f"{name}: the estimator after an interrupt")
    require_equal(outputs(clone(subject).fit(X, y), X), expected, 0, f"{name}: the next fit after an interrupt")
    for part, value in _process_state().items():
        require(value == before[part], f"{name}: an interrupt changed {part}", f"from {before[part]} to {value}")
    end = time.monotonic() + 5
    while (new := set(threading.enumerate()) - threads) and time.monotonic() < end:
        time.sleep(0.05)
    require(not new, f"{name}: an interrupt left threads", str(new))


def _run_interrupted(action: Callable[[], object], seconds: float) -> None:
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-4))
        try:
            action()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        pass


def _process_state() -> dict[str, Any]:
    """Return what a fit must not change in the process."""
    loggers = [logging.getLogger(name) for name in (None, "tensorflow", "absl", "keras")]
    return {
        "the threads of BLAS": [(one["filepath"], one["num_threads"]) for one in threadpool_info()],
        "the loggers": [(logger.level, list(logger.filters), list(logger.handlers)) for logger in loggers],
        "the warning filters": list(warnings.filters),
        "the environment": dict(os.environ),
        "scikit-learn's configuration": sklearn.get_config(),
        "Keras' configuration": (keras.config.floatx(), keras.config.dtype_policy().name),
        "TensorFlow's configuration": (tf.config.functions_run_eagerly(), tf.executing_eagerly()),
        "the seeds": joblib.hash([np.random.get_state(), random.getstate()]),  # noqa: NPY002
        "the streams and signals": (sys.stdout, sys.stderr, signal.getsignal(signal.SIGINT)),
    }
