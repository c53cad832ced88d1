"""Values of all types for each parameter."""

import decimal
import fractions
import inspect
import io
import math
import pickle
import random
import signal
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import keras
import numpy as np
import pandas as pd
from conftest import EVERY_ESTIMATOR, QUICK, problem
from outcomes import Finding, Refused, checked_outputs, require, shown
from scipy import sparse

from skrnn import RNNTextClassifier, SequenceVectorizer

CLASSES = [*EVERY_ESTIMATOR.args[1], SequenceVectorizer]
SIZES = {"units", "embedding_dim", "epochs"}  # a large number is right, but takes too much memory or time
LONGEST_FIT, LONGEST_REFUSAL = 20, 1  # seconds


class UserError(Exception):
    """An error in an object of the user, which reaches the user as it is."""


def raise_user_error(*_: object) -> Any:
    raise UserError


class Nasty:
    __hash__ = None
    __eq__ = __repr__ = __bool__ = __len__ = __iter__ = __float__ = raise_user_error


class EqualToAll:
    __hash__ = object.__hash__

    def __eq__(self, _: object) -> bool:
        return True


class Text(str):
    __slots__ = ()
    __repr__ = raise_user_error


def _values() -> list[Any]:
    """Return new values, because a fit might change them."""
    kinds = [np.int8, np.uint8, np.int16, np.int32, np.uint64, np.float16, np.float32, np.longdouble, np.array]
    return [
        *(-(10**30), -1, 0, 1, 2, 3, 64, 2**31, 2**63, 10**30, -1.0, -0.0, 5e-324, 1e-9, 0.1, 0.5, 1.0, 2.0, 1e30),
        *(1.7e308, math.inf, -math.inf, math.nan, 1j, decimal.Decimal(1), fractions.Fraction(1, 2)),
        *(kind(value) for kind in kinds for value in (0, 1, 2, 100)),
        *(True, False, np.True_, np.False_, None, ..., NotImplemented, pd.NA, pd.NaT, np.datetime64("NaT")),
        *("", "a", " ", "adam ", "WORD", "none", "\0", "\ud800", "(", "(a)(b)", "a" * 10**5, Text("gru")),
        *(b"word", bytearray(b"a"), memoryview(b"a"), np.timedelta64(1, "D"), {1}, {"film"}, range(3)),
        *([], [1], [2, 3], [1.5], [True], ["a"], ["film", "the"], [None], [math.nan], [[1]], [10**30], [Nasty()]),
        *((), (1,), (1, 2), (2, 1), (3, 10**9), (0, 0), ("a", 1), {}, {"film": 2}, {"film": [1.0, 2]}, {None: 1}),
        *({0: 1.0, 1: 2.0}, {"neg": 1, "pos": 2}, {"neg": math.nan}, {"film": 2}.keys(), {"film": 2}.values()),
        *(np.array([]), np.array([1, 2]), np.array(["film", "the"]), np.array([[0.5, 1]]), np.array(None)),
        *(np.ma.masked, np.ma.array([1, 2], mask=[0, 1]), sparse.eye(2), pd.Series([1, 2]), pd.Series(["film"])),
        *(pd.Index(["the"]), pd.DataFrame({"film": [1.0, 2]}), pd.Categorical(["a"]), iter([1]), iter(["film"])),
        *(int, str, list, len, str.split, object, object(), type, Exception, print, raise_user_error),
        *(Nasty, Nasty(), EqualToAll(), random, io.StringIO("film"), (word for word in ["film"]), lambda: 1),
        *(lambda x: x, lambda *_: None, lambda *_: math.nan, lambda *_: "a", lambda *_: [1], lambda *_: ["a"]),
        *(keras.optimizers.SGD, keras.optimizers.SGD(), keras.optimizers.schedules.CosineDecay(0.01, 5)),
        *(keras.callbacks.Callback, keras.callbacks.Callback(), [keras.callbacks.TerminateOnNaN()]),
        *(keras.Sequential(), [raise_user_error], np.random.RandomState(0), np.random.default_rng(0), np.random),
        *(SequenceVectorizer(), SequenceVectorizer("char"), SequenceVectorizer, RNNTextClassifier()),
    ]  # fmt: skip


def prepare() -> Callable[[random.Random], None]:
    signal.signal(signal.SIGALRM, _stop)
    for cls in CLASSES:  # compile the networks
        _use(_new(cls), *_samples(cls))

    def check(rng: random.Random) -> None:
        cls = rng.choice(CLASSES)
        name = rng.choice(list(inspect.signature(cls).parameters))
        names = [option for one in cls._parameter_constraints[name] for option in getattr(one, "names", [])]
        value = rng.choice(names if names and rng.random() < 0.1 else _values())
        try:
            with redirect_stdout(io.StringIO()):
                _check(cls, name, value)
        except Finding as finding:
            raise Finding(
                f"{name}: {finding.message}", f"{finding.details} {cls.__name__} {shown(value)}"
            ) from finding

    return check


def _stop(*_: object) -> None:
    raise TimeoutError


def _new(cls: type, **options: Any) -> Any:
    usual = {**QUICK, "epochs": 1, **options}
    return cls(**{name: value for name, value in usual.items() if name in inspect.signature(cls).parameters})


def _samples(cls: type) -> tuple[Any, Any]:
    _, X, y = problem(RNNTextClassifier if cls is SequenceVectorizer else cls)
    return X[:12], y[:12]


def _use(estimator: Any, X: Any, y: Any) -> None:
    if not isinstance(estimator, SequenceVectorizer):
        checked_outputs(estimator.fit(X, y), X)
    elif (estimator.fit_transform(X) != estimator.transform(X)).nnz:
        raise Finding("transform gives other ids than fit_transform")


def _check(cls: type, name: str, value: Any) -> None:
    estimator, content, samples = _new(cls, **{name: value}), _pickled(value), _samples(cls)
    before, start, error = dict(vars(estimator)), time.thread_time(), None
    signal.setitimer(signal.ITIMER_REAL, LONGEST_FIT)
    try:
        _use(estimator, *samples)
    except (UserError, ValueError, TypeError, FileNotFoundError, MemoryError, TimeoutError) as caught:
        error = caught
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    seconds = time.thread_time() - start
    changed = {key for key, kept in vars(estimator).items() if key not in before or kept is not before[key]}
    require(content == _pickled(value), "the fit changed the value")
    if error is None:
        require(getattr(estimator, name) is value, "the estimator holds another value")
        return
    message = f"{type(error).__name__} {error!s:.200}"
    require(not changed, f"a failed fit set {changed}", message)
    if isinstance(error, ValueError | TypeError | FileNotFoundError):
        # An error in a function of the user reaches the user as it is.
        is_clear = str(error).startswith("Expected") or name in str(error) or callable(value)
        require(is_clear, f"unclear {type(error).__name__}", message)
        is_late = seconds > LONGEST_REFUSAL and not callable(value)
        require(not is_late, "a late error", f"after {seconds:.1f} seconds: {message}")
    else:
        require(isinstance(error, UserError) or name in SIZES, message)
    raise Refused


def _pickled(value: Any) -> bytes | None:
    try:
        return pickle.dumps(value) if type(value) in (list, dict, set, np.ndarray, pd.DataFrame) else None
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
