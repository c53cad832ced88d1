"""Compiled networks, which later training runs reuse.

TensorFlow takes seconds to trace and optimize the graph of a new model. A network from the pool gets new weights,
optimizer variables and seeds, and then trains exactly as a new network does.
"""

import os
from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state  # Keras has no public access to the counters

from skrnn.network._char_ngrams import CharNgramVectors
from skrnn.network._keras import IdlePool, build_own, build_training_network
from skrnn.network._spec import NetworkSpec
from skrnn.network._trained import TrainedNetwork
from skrnn.training._engine import compile_model
from skrnn.training._settings import TrainingSettings
from skrnn.utils._tensorflow import without_harmless_lines
from skrnn.utils._threads import n_tasks_at_a_time, worker_share


@dataclass(frozen=True)
class CompiledNetwork:
    """A compiled model.

    ``optimizer_start`` holds the initial values of the optimizer's variables, with None for zeros. ``key``
    identifies the graph. It is None if the model must not be reused.
    """

    model: Any
    optimizer_start: list[np.ndarray | None]
    key: Hashable


_POOL: IdlePool[CompiledNetwork] = IdlePool(size=4)


def take_network(
    start: TrainedNetwork, char_ngrams: CharNgramVectors | None, settings: TrainingSettings
) -> CompiledNetwork:
    """Return a compiled network that no other thread uses. The caller sets all of its variables."""
    spec, n_char_ngrams = start.spec, 0
    if start.build_model is None and spec.n_tokens is not None:
        spec = replace(spec, n_tokens=round_up(spec.n_tokens), n_ngrams=round_up(spec.n_ngrams))
    if char_ngrams is not None:
        n_char_ngrams = round_up(len(char_ngrams.vectors))
    key = _key(spec, n_char_ngrams, start, settings)
    return _POOL.take(key) or _new_network(spec, n_char_ngrams, start, settings, key)


def put_network(network: CompiledNetwork) -> None:
    """Put a network into the pool for later training runs."""
    _POOL.put(network.key, network)


def round_up(n_rows: int) -> int:
    """Return a number of rows that vocabularies of about the same size share, and with it a graph.

    The folds of a cross-validation differ by a few tokens. At most 63 rows or an eighth are added. No token uses
    them, so they get no gradient, and the trained network does not have them.
    """
    step = 1 << max(n_rows.bit_length() - 4, 6)
    return -(-n_rows // step) * step


def _key(spec: NetworkSpec, n_char_ngrams: int, start: TrainedNetwork, settings: TrainingSettings) -> Hashable:
    """Return everything that the graph depends on, or None if the network must not be reused."""
    # A callback may change the model, a schedule is a part of the graph, and a custom network gets its initial
    # weights when it is built.
    if settings.callbacks or start.build_model is not None or settings.learning_rate_schedule is not None:
        return None
    return (
        spec,
        n_char_ngrams,
        settings.loss,
        settings.label_smoothing,
        settings.optimizer,
        settings.weight_decay,
        settings.clipnorm,
        keras.config.dtype_policy().name,  # the user may change it for the process
    )


def _new_network(
    spec: NetworkSpec, n_char_ngrams: int, start: TrainedNetwork, settings: TrainingSettings, key: Hashable
) -> CompiledNetwork:
    _start_tensorflow()
    if start.build_model is None:
        with _names_as_before():
            model = build_training_network(spec, n_char_ngrams)
            compile_model(model, settings)
    else:  # the user's function may have made layers before, which must keep names of their own
        model = build_own(spec, start.build_model, settings.seed)
        compile_model(model, settings)
    values = [variable.numpy() for variable in model.optimizer.variables]
    return CompiledNetwork(model, [value if np.any(value) else None for value in values], key)


@contextmanager
def _names_as_before() -> Iterator[None]:
    """Restore the counters with which Keras numbers the names of layers.

    TensorFlow never frees the 35 kB that it needs for each new name of a variable. With the same counters, the
    layers and variables of the next network have the same names.
    """
    counters = global_state.get_global_attribute("object_name_uids", defaultdict(int))
    global_state.set_global_attribute("object_name_uids", counters.copy())
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", counters)


@cache
def _start_tensorflow() -> None:
    """Set the number of threads and read from a generator, as each fit does, without harmless lines."""
    with without_harmless_lines():
        _limit_threads()
        numbers = tf.data.Dataset.from_generator(lambda: iter([0]), output_signature=tf.TensorSpec((), tf.int32))
        next(iter(numbers))


def _limit_threads() -> None:
    """Give TensorFlow as many threads as this worker process has cores, unless the user set a number.

    TensorFlow does not read ``OMP_NUM_THREADS``, so every worker process would use all cores.
    """
    n_threads = worker_share()
    if n_threads is None or "TF_NUM_INTRAOP_THREADS" in os.environ:
        return
    if tf.config.threading.get_intra_op_parallelism_threads():
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        # Operations run in these threads. With a single one, two fits at a time would take turns.
        tf.config.threading.set_inter_op_parallelism_threads(n_threads * n_tasks_at_a_time())
    except RuntimeError:
        pass  # TensorFlow has started already, with the user's number of threads
