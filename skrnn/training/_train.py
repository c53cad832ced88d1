"""One training run, from a network and examples to a trained network.

It takes and returns plain arrays. Nothing of Keras outlives it except compiled networks in the pool.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import Any

import keras
import numpy as np

from skrnn.network._char_ngrams import CharNgramVectors, from_training_weights, to_training_weights
from skrnn.network._keras import check_tensorflow
from skrnn.network._trained import Checkpoint, TrainedNetwork
from skrnn.sequences._storage import RaggedArray, with_known_ids
from skrnn.training._callbacks import best_epoch, end_line, new_callbacks, restore_best_weights
from skrnn.training._engine import fit_model
from skrnn.training._feed import EpochOfFeed, training_feed, validation_feed
from skrnn.training._losses import set_loss_variables
from skrnn.training._reuse import CompiledNetwork, put_network, take_network
from skrnn.training._settings import EpochObserver, Examples, TrainingResult, TrainingSettings

__all__ = ["EpochObserver", "Examples", "TrainingResult", "TrainingSettings", "train"]

Weights = dict[str, np.ndarray]


def train(
    start: TrainedNetwork,
    training: Examples,
    validation: Examples | None,
    settings: TrainingSettings,
    observer: EpochObserver | None = None,
    char_ngrams: CharNgramVectors | None = None,
) -> TrainingResult:
    """Train a network, and score the validation data after each epoch.

    Parameters
    ----------
    start : TrainedNetwork
        The network with its initial weights. Without weights, a custom network keeps the weights with which it is
        built. With a checkpoint, training resumes exactly where it stopped.
    training : Examples
    validation : Examples or None
    settings : TrainingSettings
    observer : EpochObserver or None, default=None
    char_ngrams : CharNgramVectors or None, default=None
        For a training that begins. A training that resumes uses the vectors of the checkpoint.

    Returns
    -------
    result : TrainingResult
        If the user interrupts training (Ctrl-C) after the first epoch, it has the best weights so far, or the
        current weights without early stopping.

    Raises
    ------
    KeyboardInterrupt
        If the user interrupts training before the end of the first epoch.
    ValueError
        If the loss or the weights became infinite or NaN.
    """
    check_tensorflow()
    linear_weights, start = start.linear_weights, start.without_linear_model()
    training = _with_known_ids(training, start)
    validation = None if validation is None else _with_known_ids(validation, start)
    if start.checkpoint is not None:
        char_ngrams = start.checkpoint.char_ngrams
    network = take_network(start, char_ngrams, settings)
    set_loss_variables(network.model, settings)
    first_weights = _set_weights(network.model, to_training_weights(start.weights, char_ngrams))
    if start.checkpoint is None:
        _reset_optimizer_and_dropout(network, settings)
    else:
        _restore_optimizer_and_dropout(network.model, start.checkpoint, settings)
    weights = partial(_current_weights, network.model, first_weights)

    def all_weights() -> Weights:
        trained = replace(start, weights=from_training_weights(weights())[0])
        return trained.with_linear_model(linear_weights).weights

    callbacks = new_callbacks(settings, start.n_epochs, observer, all_weights)
    history, interrupted = _run_epochs(network.model, start.n_epochs, training, validation, settings, callbacks)
    if interrupted:
        restore_best_weights(network.model, callbacks)
    n_epochs = start.n_epochs + len(history["loss"])
    trained = _trained_network(network.model, start, weights(), n_epochs, settings)
    _check_finite(history["loss"], trained.weights, settings, KeyboardInterrupt if interrupted else ValueError)
    if not interrupted:  # the interruption may have left the model in any state
        put_network(network)
    trained = trained.with_linear_model(linear_weights)
    return TrainingResult(trained, history, best_epoch(callbacks, n_epochs), interrupted)


def _with_known_ids(examples: Examples, network: TrainedNetwork) -> Examples:
    if network.spec.n_tokens is None or isinstance(examples.sequences, RaggedArray):
        return examples
    return replace(examples, sequences=with_known_ids(examples.sequences, network.spec.n_tokens))


def _set_weights(model: Any, weights: Weights) -> Weights:
    """Set the weights of the model, and return them. Without weights, return the model's initial weights."""
    if not weights:
        return {f"{i}/{weight.path}": weight.numpy() for i, weight in enumerate(model.weights)}
    pairs = zip(weights.values(), model.weights, strict=True)
    model.set_weights([_resize(value, weight.shape) for value, weight in pairs])
    return weights


def _reset_optimizer_and_dropout(network: CompiledNetwork, settings: TrainingSettings) -> None:
    """Set the variables of the optimizer and of the dropout layers as in a new model."""
    model = network.model
    for variable, value in zip(model.optimizer.variables, network.optimizer_start, strict=True):
        variable.assign(np.zeros(variable.shape) if value is None else value)
    if isinstance(settings.learning_rate, Real):
        model.optimizer.learning_rate = settings.learning_rate
    for i, variable in enumerate(_seed_variables(model)):
        # The second number counts the draws of a layer. The first one must differ between layers.
        seed = np.random.SeedSequence([settings.seed, i]).generate_state(1)[0]
        variable.assign(np.array([seed, 0], dtype=np.uint32))


def _restore_optimizer_and_dropout(model: Any, checkpoint: Checkpoint, settings: TrainingSettings) -> None:
    """Set the variables of the optimizer and of the dropout layers as training left them."""
    _assign(model.optimizer.variables, checkpoint.optimizer_variables)
    _assign(_seed_variables(model), checkpoint.dropout_seeds)
    if settings.learning_rate != checkpoint.learning_rate and isinstance(settings.learning_rate, Real):
        model.optimizer.learning_rate = settings.learning_rate


def _seed_variables(model: Any) -> list[Any]:
    """Return the states of the dropout layers' random generators. These variables are no weights."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def _assign(variables: Iterable[Any], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _run_epochs(
    model: Any,
    first_epoch: int,
    training: Examples,
    validation: Examples | None,
    settings: TrainingSettings,
    callbacks: list[Any],
) -> tuple[dict[str, list[float]], bool]:
    """Return the history, and whether the user interrupted training after the first epoch."""
    feed = training_feed(training, settings.batch_size, settings.seed, first_epoch)
    held_out = None if validation is None else validation_feed(validation, settings.batch_size)
    history, interrupted = keras.callbacks.History(), False
    callbacks = [EpochOfFeed(feed), *callbacks, history]
    try:
        fit_model(model, feed.dataset(), held_out and held_out.dataset(), callbacks, first_epoch, settings.epochs)
    except KeyboardInterrupt:
        if not history.history:
            raise
        interrupted = True
    finally:
        end_line(callbacks)
        feed.close()
        if held_out is not None:
            held_out.close()
    return {name: [float(value) for value in values] for name, values in history.history.items()}, interrupted


def _current_weights(model: Any, first_weights: Weights) -> Weights:
    """Return the weights with the names, shapes and dtypes of the first ones."""
    pairs = zip(first_weights.items(), model.get_weights(), strict=True)
    # The user may have told Keras to train in another precision.
    return {name: _resize(value, first.shape).astype(first.dtype, copy=False) for (name, first), value in pairs}


def _resize(weight: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the weight with another number of rows: cut off, or filled up with zeros."""
    if weight.shape == tuple(shape):
        return weight
    resized = np.zeros(shape, dtype=weight.dtype)
    n_rows = min(len(weight), len(resized))
    resized[:n_rows] = weight[:n_rows]
    return resized


def _trained_network(
    model: Any, start: TrainedNetwork, training_weights: Weights, n_epochs: int, settings: TrainingSettings
) -> TrainedNetwork:
    weights, char_ngrams = from_training_weights(training_weights)
    checkpoint = _checkpoint(model, char_ngrams, settings) if settings.resumable else None
    return TrainedNetwork(start.spec, weights, n_epochs, start.build_model, checkpoint)


def _checkpoint(model: Any, char_ngrams: CharNgramVectors | None, settings: TrainingSettings) -> Checkpoint:
    return Checkpoint(
        optimizer=settings.optimizer_name,
        learning_rate_schedule=settings.learning_rate_schedule,
        char_ngram_range=settings.char_ngram_range,
        optimizer_variables=[np.asarray(variable.numpy()) for variable in model.optimizer.variables],
        dropout_seeds=[variable.numpy() for variable in _seed_variables(model)],
        learning_rate=settings.constant_learning_rate,
        char_ngrams=char_ngrams,
    )


def _check_finite(
    losses: list[float], weights: Weights, settings: TrainingSettings, error: type[BaseException]
) -> None:
    if not np.all(np.isfinite(losses)):
        problem = f"training loss became {losses[-1]} in epoch {len(losses)} of this fit"
    elif not all(np.all(np.isfinite(weight)) for weight in weights.values()):
        problem = "network's weights became infinite or NaN"
    else:
        return
    rate = settings.learning_rate_schedule or settings.learning_rate
    decay = f" or weight_decay (now {settings.weight_decay})" if settings.weight_decay else ""
    clip = f"a smaller clipnorm (now {settings.clipnorm})" if settings.clipnorm else "clipnorm to a number"
    raise error(
        f"The {problem}. Lower learning_rate (now {rate}){decay}, set {clip}, or scale down very large numbers in "
        "X or embeddings."
    )
