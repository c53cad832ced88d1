"""Training of a network by Keras, with scikeras as the engine of one fit.

The only module that imports scikeras, and itself imported only when a fit begins. It takes and returns plain
arrays; nothing of Keras or scikeras outlives a call of :func:`train`.
"""

import copy
import logging
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Protocol

import keras
import numpy as np
from scipy import sparse

from skrnn.text._char_ngrams import VECTORS, parts_of, sum_parts, take_apart
from skrnn.network._keras import IdlePool, build_own, build_training_network, refuse_forked_processes
from skrnn.network._spec import NetworkSpec
from skrnn.training._display import progress_display
from skrnn.sequences._storage import RaggedArray, dense_batch, shuffled_batches, sorted_batches
from skrnn.utils._threads import n_tasks_at_a_time, worker_share


def _mean_crossentropy(label_smoothing: float) -> keras.losses.Loss:
    if not label_smoothing:
        return keras.losses.SparseCategoricalCrossentropy()
    return _SmoothedCrossentropy(label_smoothing)


class _SmoothedCrossentropy(keras.losses.Loss):
    """Label smoothing for classes that are given as numbers, of which Keras' own loss knows nothing."""

    def __init__(self, label_smoothing: float):
        super().__init__()
        self._label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        tiny = keras.config.epsilon()
        of_the_class = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)  # (batch,)
        of_all = -keras.ops.mean(keras.ops.log(keras.ops.clip(y_pred, tiny, 1.0 - tiny)), axis=-1)
        return (1 - self._label_smoothing) * of_the_class + self._label_smoothing * of_all


# By the names that the estimators use: the loss, from the label smoothing, and what is reported beside it.
_LOSSES = {
    "binary_crossentropy": (
        lambda label_smoothing: keras.losses.BinaryCrossentropy(label_smoothing=label_smoothing),
        keras.metrics.BinaryAccuracy,
    ),
    "categorical_crossentropy": (_mean_crossentropy, keras.metrics.SparseCategoricalAccuracy),
    "squared_error": (lambda _: keras.losses.MeanSquaredError(), None),
    "absolute_error": (lambda _: keras.losses.MeanAbsoluteError(), None),
}


def _import_base_wrapper():
    """Import the wrapper of scikeras, without what that import does to Keras.

    scikeras replaces how models, losses, metrics and optimizers of the whole process are pickled. Put that
    back, unless the user had imported scikeras and counts on it. (One who imports it afterwards finds Keras' own
    pickling, with which fitted wrappers of scikeras pickle too.)
    """
    if "scikeras" in sys.modules:
        from scikeras.wrappers import BaseWrapper

        return BaseWrapper
    classes = (keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer)
    names = ("__reduce__", "__deepcopy__")
    before = [(cls, name, vars(cls).get(name)) for cls in classes for name in names]
    from scikeras.wrappers import BaseWrapper

    for cls, name, method in before:
        if method is not None:
            setattr(cls, name, method)
        elif name in vars(cls):
            delattr(cls, name)
    return BaseWrapper


class _Engine(_import_base_wrapper()):
    """scikeras' routing of compile parameters and callbacks, and its training loop, for one fit.

    Our data comes as batches that are already validated and encoded, which the hooks below let pass.
    """

    def _validate_data(self, X=None, y=None, reset=False, y_numeric=False):
        return X, y

    def _check_model_compatibility(self, y):
        pass


@dataclass(frozen=True)
class Examples:
    """What a network learns from, or is validated on.

    ``targets`` is an array with a row for each sequence, and ``weights`` are the sequences' weights or None.
    """

    sequences: sparse.csr_matrix | RaggedArray
    targets: np.ndarray
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class TrainingState:
    """Where training stands, in arrays. With all fields, it goes on exactly as if it had not stopped."""

    weights: dict[str, np.ndarray] | None  # None: those with which a network of the user's own is built
    parts: dict[str, np.ndarray] | None = None  # of the vectors of tokens that share those of character n-grams
    optimizer: list[np.ndarray] | None = None
    dropout_seeds: list[np.ndarray] | None = None
    learning_rate: float | None = None  # that of the settings; None: it does not stay the same
    n_epochs: int = 0


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. The names are those of the estimators' parameters."""

    network: Callable | None  # the user's own, in place of the built-in one
    loss: str
    label_smoothing: float
    optimizer: str | type
    learning_rate: object
    learning_rate_decay: str | None  # "cosine": down to zero over the epochs
    weight_decay: float
    clipnorm: float | None
    epochs: int
    batch_size: int
    patience: int | None  # epochs without improvement; None: no early stopping
    monitor: str  # "val_loss", or a score that the epochs' observer reports
    tol: float
    callbacks: list
    verbose: bool
    keep_if_interrupted: bool  # what has been learned so far
    seed: int
    resumable: bool  # whether the result is to hold all that resuming needs


class EpochObserver(Protocol):
    """What follows the training, besides Keras' own callbacks."""

    def begin_epoch(self) -> None: ...

    def end_epoch(self, weights: Callable[[], dict[str, np.ndarray]]) -> tuple[dict[str, float], bool]:
        """Take the weights as they are now; return what is to be added to the history, and whether to stop."""


@dataclass(frozen=True)
class TrainingResult:
    """``history`` has one entry for each epoch of this training; epochs are counted from 1, over all of them.

    The weights are those of ``best_epoch`` under early stopping, and of the last epoch otherwise.
    """

    state: TrainingState
    history: dict[str, list[float]]
    best_epoch: int


def train(
    spec: NetworkSpec,
    start: TrainingState,
    training: Examples,
    validation: Examples | None,
    settings: TrainingSettings,
    observer: EpochObserver | None = None,
) -> TrainingResult:
    """Train a network from ``start`` on, scoring ``validation`` after each epoch.

    Interrupted by the user after the first epoch, it warns and returns the best weights so far, if it is to.
    """
    refuse_forked_processes()
    n_char_ngrams = 0
    if settings.network is None and spec.n_tokens is not None:
        spec = replace(spec, n_tokens=_round_up(spec.n_tokens), n_ngrams=_round_up(spec.n_ngrams))
    if start.parts is not None:
        n_char_ngrams = _round_up(len(start.parts[VECTORS]))
        start = replace(start, weights=take_apart(start.weights, start.parts))
    key = _pool_key(spec, n_char_ngrams, settings)
    network = _POOL.take(key) or _new_network(spec, n_char_ngrams, settings)
    _begin(network, start, settings)
    if start.weights is None:
        start = replace(start, weights=_weights_as_built(network.model))
    callbacks = _callbacks(settings, observer, start)
    history = keras.callbacks.History()
    engine = _engine(network.model, settings, [*callbacks, history])
    batches = _TrainingBatches(training, settings.batch_size, settings.seed, start.n_epochs)
    validation_batches = validation and _EvaluationBatches(validation, settings.batch_size)
    try:
        feeds = _feed(batches), validation_batches and _feed(validation_batches)
        with _without_advice_on_tracing():
            engine.fit(feeds[0], None, initial_epoch=start.n_epochs, validation_data=feeds[1])
    except KeyboardInterrupt:
        if not (settings.keep_if_interrupted and history.history):
            raise
        key = None  # who knows what state the model is in
        _keep_best_weights(network.model, callbacks, history.epoch[-1] + 1)
    finally:
        batches.release()
        if validation_batches is not None:
            validation_batches.release()
    measured = {name: [float(value) for value in values] for name, values in history.history.items()}
    n_epochs = start.n_epochs + len(measured["loss"])
    state = _state(network.model, start.weights, n_epochs, settings)
    _check_finite(measured["loss"], state.weights, settings)
    _POOL.give_back(key, network)
    return TrainingResult(state, measured, _best_epoch(callbacks, n_epochs))


@contextmanager
def _without_advice_on_tracing():
    """Without the warning of TensorFlow that functions are traced again, as those of a search's networks are."""

    def is_other(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in str(record.msg)

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


@dataclass(frozen=True)
class _Network:
    """A compiled model, and what its optimizer's variables were when it was new (None: zeros)."""

    model: keras.Model
    optimizer_start: list[np.ndarray | None]


# TensorFlow takes seconds to trace and optimise the graph of a new model. A network from the pool, given fresh
# weights, optimizer variables and seeds, trains exactly as a new one does.
_POOL: IdlePool[_Network] = IdlePool(size=4)


def _pool_key(spec: NetworkSpec, n_char_ngrams: int, settings: TrainingSettings) -> tuple | None:
    """What shapes the graph; None if the network must not be used again."""
    # A callback can do anything to a model, a schedule becomes part of the graph, and a network of the user's own
    # has its initial weights from being built.
    if settings.callbacks or settings.network is not None or not isinstance(settings.learning_rate, Real):
        return None
    policy = keras.config.dtype_policy().name  # the user may have set another for the process
    return (
        spec,
        n_char_ngrams,
        settings.loss,
        settings.label_smoothing,
        settings.optimizer,
        settings.weight_decay,
        settings.clipnorm,
        policy,
    )


def _round_up(n_rows: int) -> int:
    """A size for the embedding that vocabularies of about the same size share, and with it a graph.

    Folds of a cross-validation differ by a few tokens. At most 63 rows or an eighth are added. No token has
    them, so that they get no gradient, and they are left out of the result.
    """
    step = 1 << max(n_rows.bit_length() - 4, 6)
    return -(-n_rows // step) * step


def _new_network(spec: NetworkSpec, n_char_ngrams: int, settings: TrainingSettings) -> _Network:
    _keep_to_the_share_of_a_worker()
    if settings.network is None:
        model = build_training_network(spec, n_char_ngrams)
    else:
        model = build_own(spec, settings.network, settings.seed)
    make_loss, accuracy = _LOSSES[settings.loss]
    optimizer = _optimizer_class(settings.optimizer)
    # Most optimizers leave weight decay out of the graph for None; AdamW takes numbers only.
    no_decay = 0.0 if issubclass(optimizer, keras.optimizers.AdamW) else None
    # The engine that trains is another; this one resolves and compiles.
    engine = _Engine(
        model=partial(_return, model),
        loss=make_loss(settings.label_smoothing),
        # An instance, which has its variables before the step is traced.
        metrics=[accuracy(name="accuracy")] if accuracy else None,
        optimizer=optimizer,
        optimizer__learning_rate=copy.deepcopy(settings.learning_rate),
        optimizer__weight_decay=settings.weight_decay or no_decay,
        optimizer__clipnorm=settings.clipnorm,
        # XLA would compile anew for every width of a batch; JAX has nothing else to compile with.
        compile__jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    engine.initialize(None)
    engine._ensure_compiled_model()
    # Variables that TensorFlow meets for the first time while it traces the training step make it trace twice.
    model.optimizer.build(model.trainable_variables)
    values = [variable.numpy() for variable in model.optimizer.variables]
    return _Network(model, [value if np.any(value) else None for value in values])


def _keep_to_the_share_of_a_worker() -> None:
    """Give TensorFlow as many threads as a worker process has cores, unless it has been told otherwise.

    It does not read ``OMP_NUM_THREADS``: every worker would use all cores.
    """
    n_threads = worker_share()
    if n_threads is None or "TF_NUM_INTRAOP_THREADS" in os.environ or keras.backend.backend() != "tensorflow":
        return
    from tensorflow import config

    if config.threading.get_intra_op_parallelism_threads():
        return
    try:
        config.threading.set_intra_op_parallelism_threads(n_threads)
        # Operations run in these threads; with one of them, two fits at a time would take turns.
        config.threading.set_inter_op_parallelism_threads(n_threads * n_tasks_at_a_time())
    except RuntimeError:
        pass  # it has started already, with the threads that its user wanted


def _optimizer_class(optimizer: str | type) -> type:
    if isinstance(optimizer, str):
        return _rowwise(optimizer) or type(keras.optimizers.get(optimizer))
    if not issubclass(optimizer, keras.optimizers.Optimizer):
        raise TypeError(f"Expected optimizer to be a subclass of keras.optimizers.Optimizer; got {optimizer!r}.")
    return optimizer


def _rowwise(name: str) -> type | None:
    """The optimizer of that name that is made for large vocabularies, if there is one."""
    if keras.backend.backend() != "tensorflow":
        return None  # the gradients of other backends' embeddings hold all rows
    from skrnn.training._optimizers import RowwiseAdam, RowwiseAdamW

    return {"adam": RowwiseAdam, "adamw": RowwiseAdamW}.get(name)


def _engine(model, settings: TrainingSettings, callbacks: list) -> _Engine:
    """The engine of one fit of a compiled model."""
    engine = _Engine(
        model=partial(_return, model),
        callbacks=callbacks,
        epochs=settings.epochs,
        verbose=0,  # the display is a callback
        shuffle=False,  # the batches shuffle themselves
        warm_start=True,  # train the model as it is
    )
    return engine.initialize(None)


def _return(model):
    return model


def _begin(network: _Network, start: TrainingState, settings: TrainingSettings) -> None:
    """Put every variable of the model where training begins."""
    model = network.model
    if start.weights is not None:
        weights = zip(start.weights.values(), model.weights, strict=True)
        model.set_weights([_resize(value, weight.shape) for value, weight in weights])
    if start.optimizer is not None:
        _assign(model.optimizer.variables, start.optimizer)
        _assign(_seed_variables(model), start.dropout_seeds)
        if settings.learning_rate != start.learning_rate and isinstance(settings.learning_rate, Real):
            model.optimizer.learning_rate = settings.learning_rate
        return
    for variable, value in zip(model.optimizer.variables, network.optimizer_start, strict=True):
        variable.assign(np.zeros(variable.shape) if value is None else value)
    if isinstance(settings.learning_rate, Real):
        model.optimizer.learning_rate = settings.learning_rate
    for i, variable in enumerate(_seed_variables(model)):
        # The second number counts what a layer has drawn; the first has to keep the layers apart.
        seed = np.random.SeedSequence([settings.seed, i]).generate_state(1)[0]
        variable.assign(np.array([seed, 0], dtype=np.uint32).astype(variable.dtype))  # of PyTorch, int32


def _is_constant(settings: TrainingSettings) -> bool:
    return isinstance(settings.learning_rate, Real) and settings.learning_rate_decay is None


def _state(model, start: dict[str, np.ndarray], n_epochs: int, settings: TrainingSettings) -> TrainingState:
    """Where training stands; the weights have the names and shapes of those of the start."""
    weights = _named_weights(model, start)
    if not settings.resumable:
        return TrainingState(sum_parts(weights), n_epochs=n_epochs)
    return TrainingState(
        sum_parts(weights),
        parts_of(weights),
        optimizer=[variable.numpy() for variable in model.optimizer.variables],
        dropout_seeds=[variable.numpy() for variable in _seed_variables(model)],
        learning_rate=settings.learning_rate if _is_constant(settings) else None,
        n_epochs=n_epochs,
    )


def _weights_as_built(model) -> dict[str, np.ndarray]:
    return {f"{i}/{weight.path}": weight.numpy() for i, weight in enumerate(model.weights)}


def _named_weights(model, start: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights with the names, the shapes and the precision of those of the start."""
    trained = zip(start.items(), model.get_weights(), strict=True)
    return {name: _like(value, before) for (name, before), value in trained}


def _like(weight: np.ndarray, before: np.ndarray) -> np.ndarray:
    # The user may have told Keras to train in another precision than that in which networks are kept.
    return _resize(weight, before.shape).astype(before.dtype, copy=False)


def _resize(weight: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The weight with as many rows as asked for: cut off, or filled up with zeros."""
    if weight.shape == tuple(shape):
        return weight
    resized = np.zeros(shape, dtype=weight.dtype)
    n_rows = min(len(weight), len(resized))
    resized[:n_rows] = weight[:n_rows]
    return resized


def _callbacks(settings: TrainingSettings, observer: EpochObserver | None, start: TrainingState) -> list:
    """The callbacks of one fit. What an earlier one adds to the logs of an epoch, the later ones find there."""
    callbacks = [_StopWhenNotFinite()]
    if isinstance(settings.learning_rate, Real) and settings.learning_rate_decay == "cosine":
        callbacks.append(_CosineDecay(settings.learning_rate, start.n_epochs, settings.epochs))
    if observer is not None:
        callbacks.append(_Observation(observer, start.weights))
    callbacks += [_new_callback(callback) for callback in settings.callbacks]
    if settings.patience is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor=settings.monitor,
                mode="min" if settings.monitor == "val_loss" else "max",
                min_delta=settings.tol,
                patience=settings.patience,
                restore_best_weights=True,
            )
        )
    if settings.verbose:
        callbacks.append(progress_display())
    return callbacks


class _CosineDecay(keras.callbacks.Callback):
    """Half a cosine down to zero, epoch by epoch.

    The rate changes between epochs alone: that is how every backend's training loop takes it, and the graph of a
    step stays the same for any number of steps.
    """

    def __init__(self, learning_rate: float, first_epoch: int, n_epochs: int):
        super().__init__()
        self._learning_rate, self._first_epoch, self._n_epochs = learning_rate, first_epoch, n_epochs

    def on_epoch_begin(self, epoch, logs=None):
        done = (epoch - self._first_epoch + 0.5) / self._n_epochs
        self.model.optimizer.learning_rate = self._learning_rate * (1 + np.cos(np.pi * done)) / 2


def _new_callback(callback):
    """A callback for one fit: it keeps what it has seen, and the next fit has to start clean."""
    if isinstance(callback, keras.callbacks.Callback):
        try:
            return copy.deepcopy(callback)
        except TypeError as error:
            raise TypeError(
                f"{callback!r} in callbacks cannot be copied ({error}). Pass a function that makes one instead."
            ) from error
    made = callback()
    if not isinstance(made, keras.callbacks.Callback):
        raise TypeError(f"Expected {callback!r} in callbacks to make a Keras callback; it made {made!r}.")
    return made


def _restoring(callbacks: list) -> list:
    """Those, ours or the user's, that put the best weights back. The last one has the last word."""
    stopping = [callback for callback in callbacks if isinstance(callback, keras.callbacks.EarlyStopping)]
    return [
        callback for callback in stopping if callback.restore_best_weights and callback.best_weights is not None
    ]


def _best_epoch(callbacks: list, n_epochs: int) -> int:
    restoring = _restoring(callbacks)
    return restoring[-1].best_epoch + 1 if restoring else n_epochs


def _keep_best_weights(model, callbacks: list, n_epochs: int) -> None:
    for callback in _restoring(callbacks):
        model.set_weights(callback.best_weights)
    warnings.warn(
        f"Training was interrupted after epoch {n_epochs}. The estimator is fitted with the best weights so far "
        "(without early stopping, with those of this moment).",
        stacklevel=2,
    )


class _Observation(keras.callbacks.Callback):
    """Lets the observer see each epoch."""

    def __init__(self, observer: EpochObserver, start: dict[str, np.ndarray]):
        super().__init__()
        self._observer, self._start = observer, start

    def on_epoch_begin(self, epoch, logs=None):
        self._observer.begin_epoch()

    def on_epoch_end(self, epoch, logs=None):
        if not np.isfinite(logs["loss"]):
            return  # nothing to score; that the loss is not finite is the error to report
        more, stop = self._observer.end_epoch(lambda: sum_parts(_named_weights(self.model, self._start)))
        logs.update(more)
        if stop:
            self.model.stop_training = True


class _StopWhenNotFinite(keras.callbacks.Callback):
    """Keras' TerminateOnNaN looks at every batch, which makes each wait for its result."""

    def on_epoch_end(self, epoch, logs=None):
        if not np.isfinite(logs["loss"]):
            self.model.stop_training = True


def _seed_variables(model) -> list:
    """The states of the dropout layers' random generators: what is no weight."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def _assign(variables: list, values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _check_finite(losses: list[float], weights: dict[str, np.ndarray], settings: TrainingSettings) -> None:
    if not np.all(np.isfinite(losses)):
        what = f"training loss became {losses[-1]} in epoch {len(losses)} of this fit"
    elif not all(np.all(np.isfinite(weight)) for weight in weights.values()):
        what = "network's weights became infinite or NaN"
    else:
        return
    raise ValueError(
        f"The {what}. Lower learning_rate (now {settings.learning_rate}), set a smaller clipnorm (now "
        f"{settings.clipnorm}), or scale down very large numbers in X or embeddings."
    )


class _Batches(keras.utils.PyDataset):
    """Length-bucketed batches, each as wide as its longest row."""

    def __init__(self, examples: Examples, batches: list[np.ndarray]):
        super().__init__()
        self._examples = examples
        self._batches = batches

    @property
    def num_batches(self):
        return len(self._batches)

    def __getitem__(self, index):
        return self._batch(self._batches[index])

    def _batch(self, rows):
        inputs = dense_batch(self._examples.sequences, rows)  # (batch, time) or (batch, time, features)
        targets = self._examples.targets[rows]
        if self._examples.weights is None:
            return inputs, targets
        return inputs, targets, self._examples.weights[rows]

    def release(self) -> None:
        """Let go of the data. TensorFlow keeps for ever what it has read batches from: let it keep nothing."""
        vars(self).clear()

    def epoch(self):
        """The batches of the next epoch. Without a dataset, Keras ends an epoch before the first one, too."""
        self.on_epoch_end()
        for rows in self._batches:  # of this epoch, even if another begins before all have been read
            yield self._batch(rows)


def _feed(batches: _Batches):
    """The batches as Keras gets them: as they are, or for TensorFlow as a dataset of its own.

    Keras would make a dataset of them, too. But then TensorFlow tunes it in a thread, for which the end of each
    epoch waits, up to a quarter of a second; and if the first two batches have the same width, it is taken for
    that of all.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    from tensorflow import TensorSpec, data

    inputs, *others = batches[0]
    free_axes = [(inputs, 2), *((array, 1) for array in others)]
    signature = tuple(TensorSpec([None] * n + list(array.shape[n:]), array.dtype) for array, n in free_axes)
    dataset = data.Dataset.from_generator(batches.epoch, output_signature=signature)
    options = data.Options()
    options.autotune.enabled = False
    n_batches = data.experimental.assert_cardinality(batches.num_batches)
    return dataset.apply(n_batches).prefetch(1).with_options(options)


class _TrainingBatches(_Batches):
    """Batches in another order in each epoch; the order depends on the seed and the epoch alone."""

    def __init__(self, examples: Examples, batch_size: int, seed: int, epoch: int):
        self._lengths = np.diff(examples.sequences.indptr)
        self._batch_size, self._seed, self._epoch = batch_size, seed, epoch
        super().__init__(examples, self._plan())

    def _plan(self) -> list[np.ndarray]:
        rng = np.random.default_rng([self._seed, self._epoch])
        return shuffled_batches(self._lengths, self._batch_size, rng)

    def on_epoch_end(self):
        self._epoch += 1
        self._batches = self._plan()


class _EvaluationBatches(_Batches):
    def __init__(self, examples: Examples, batch_size: int):
        lengths = np.diff(examples.sequences.indptr)
        super().__init__(examples, sorted_batches(lengths, batch_size))
