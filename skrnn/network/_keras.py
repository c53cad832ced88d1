"""The network as a ``keras.Model``: the interpreter of a specification that trains.

Imports Keras, and is itself imported only when a fit begins or a model is asked for. Knows nothing of
scikit-learn.
"""

import os
import random
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import contextmanager
from functools import cache, partial
from threading import Lock
from types import FunctionType
from typing import Generic, TypeVar

import keras
import numpy as np

from skrnn.text._char_ngrams import MOST_PER_TOKEN
from skrnn.network._spec import NetworkSpec
from skrnn.sequences._storage import dense_batch, sorted_batches
from skrnn.layers import (
    AttentionPooling1D,
    CharNgramEmbedding,
    MaskedPooling1D,
    NaNMasking,
    NgramEmbedding,
    PaddedRNN,
    TokenDropout,
)

T = TypeVar("T")

_PREDICTION_BATCH_SIZE = 256


class IdlePool(Generic[T]):
    """Things that are costly to make and that nobody is using, by all that distinguishes them.

    Who uses one takes it out, so that no two threads share it.
    """

    def __init__(self, size: int):
        self._size = size
        self._idle: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = Lock()

    def take(self, key: Hashable) -> T | None:
        with self._lock:
            return self._idle.pop(key, None)

    def give_back(self, key: Hashable, thing: T) -> None:
        if key is None:
            return
        with self._lock:
            self._idle[key] = thing
            self._idle.move_to_end(key)
            while len(self._idle) > self._size:
                self._idle.popitem(last=False)  # the one that has waited longest


_OWN_NETWORKS: IdlePool[keras.Model] = IdlePool(size=4)


def refuse_forked_processes() -> None:
    """Raise RuntimeError where TensorFlow, which a parent process has used, would wait for ever."""
    if keras.backend.backend() == "tensorflow" and os.getpid() != _process_of_first_use():
        raise RuntimeError(
            "TensorFlow would wait for ever in a process that was forked from one in which it has run. Use "
            "joblib's default backend, 'loky', or start processes with the method 'spawn' or 'forkserver'."
        )


@cache
def _process_of_first_use() -> int:
    return os.getpid()


def build_own(spec: NetworkSpec, network: Callable, seed: int = 0) -> keras.Model:
    """What the user's own function makes of the specification."""
    _process_of_first_use()
    with _seeded(seed):
        model = network(spec)
    if not isinstance(model, keras.Model):
        raise TypeError(f"Expected network={network!r} to return a keras.Model; it returned {model!r}.")
    if not model.built:
        raise ValueError(f"Expected network={network!r} to return a model that is built: give it a keras.Input.")
    if model.output_shape[1:] != (spec.n_outputs,):
        raise ValueError(
            f"Expected the model of network={network!r} to have outputs of shape (batch, {spec.n_outputs}); got "
            f"{model.output_shape}."
        )
    return model


def predict(spec: NetworkSpec, network: Callable, weights: list[np.ndarray], X) -> np.ndarray:
    """Outputs of a network of the user's own: (n_samples, n_outputs), in float64."""
    refuse_forked_processes()
    # A function always makes the same model, under the same policy; an object may change.
    key = (network, spec, keras.config.dtype_policy().name) if isinstance(network, FunctionType) else None
    model = _OWN_NETWORKS.take(key) or build_own(spec, network)
    model.set_weights(weights)
    outputs = np.zeros((X.shape[0], spec.n_outputs))
    for rows in sorted_batches(np.diff(X.indptr), _PREDICTION_BATCH_SIZE):
        outputs[rows] = model.predict_on_batch(dense_batch(X, rows))
    _OWN_NETWORKS.give_back(key, model)
    return outputs


_SEEDING = Lock()


@contextmanager
def _seeded(seed: int):
    """Let layers without a seed, which draw one from Python's global generator, start the same; leave no trace."""
    with _SEEDING:
        state = random.getstate()
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)


# _masked or _padded: how a recurrent layer, or one for each direction, is put into a network.
_Recurrence = Callable[[Callable[..., keras.layers.Layer], bool, bool], keras.layers.Layer]


def build_network(spec: NetworkSpec) -> keras.Model:
    """A new, uncompiled model whose ``get_weights()`` has the order of ``weight_shapes(spec)``.

    Its weights, and the states of its dropout layers, are left to be set by the caller. They are seeded here
    because Keras would draw seeds from Python's global random generator.
    """
    _process_of_first_use()
    return _network(spec, _masked)


def build_training_network(spec: NetworkSpec, n_char_ngrams: int = 0) -> keras.Model:
    """As ``build_network``, but faster to train: with PaddedRNN in place of masked layers.

    With vectors of character n-grams, of which there are so many, the two weights of their layer come first.
    """
    # On the way through padding, states that nothing bounds could grow until they are infinite.
    return _network(spec, _masked if spec.activation == "relu" else _padded, n_char_ngrams)


def _masked(new_layer, bidirectional, return_sequences):
    """The layers that everybody knows."""
    layer = new_layer(return_sequences=return_sequences)
    return keras.layers.Bidirectional(layer) if bidirectional else layer


def _padded(new_layer, bidirectional, return_sequences):
    forward = new_layer(return_sequences=True)
    backward = new_layer(return_sequences=True) if bidirectional else None
    return PaddedRNN(forward, backward, return_sequences)


def _network(spec: NetworkSpec, recurrence: _Recurrence, n_char_ngrams: int = 0) -> keras.Model:
    read = _vector_input(spec) if spec.n_tokens is None else _token_input(spec, n_char_ngrams)
    if spec.embedding_dropout:
        read.append(keras.layers.SpatialDropout1D(spec.embedding_dropout, seed=0))
    recurrent = _recurrent_layers(spec, recurrence)
    if not spec.skip_connection:
        return keras.Sequential([*read, *recurrent, *_output_layers(spec)])
    inputs = read.pop(0)
    vectors = _apply(read, inputs)
    pooled = [_apply(recurrent, vectors), MaskedPooling1D("sqrtn")(vectors)]
    return keras.Model(inputs, _apply(_output_layers(spec), keras.layers.Concatenate()(pooled)))


def _apply(layers: list, tensor):
    for layer in layers:
        tensor = layer(tensor)
    return tensor


def _recurrent_layers(spec: NetworkSpec, recurrence: _Recurrence) -> list:
    """From vectors (batch, time, features) to one for each sequence."""
    layers = []
    for i, units in enumerate(spec.units):
        if i and spec.dropout:
            layers.append(keras.layers.Dropout(spec.dropout, seed=0))
        is_last = i == len(spec.units) - 1
        new_layer = partial(_recurrent_layer, spec, units)
        layers.append(recurrence(new_layer, spec.bidirectional, not is_last or spec.pooling != "last"))
    if spec.pooling == "attention":
        layers.append(AttentionPooling1D())
    elif spec.pooling != "last":
        layers.append(MaskedPooling1D(spec.pooling))
    return layers


def _output_layers(spec: NetworkSpec) -> list:
    output = keras.layers.Dense(
        spec.n_outputs,
        activation=spec.output_activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed=0),
    )
    return [keras.layers.Dropout(spec.dropout, seed=0), output] if spec.dropout else [output]


def _token_input(spec: NetworkSpec, n_char_ngrams: int) -> list:
    layers: list = [keras.Input(shape=(None,), dtype="int32")]  # (batch, time)
    if spec.token_dropout:
        layers.append(TokenDropout(spec.token_dropout, seed=0))
    initializer = keras.initializers.RandomUniform(seed=0)
    if spec.n_ngrams:
        embedding = NgramEmbedding(spec.n_tokens, spec.n_features, spec.n_ngrams, initializer)
    else:
        embedding = keras.layers.Embedding(
            spec.n_tokens, spec.n_features, initializer, mask_zero=True, trainable=spec.trainable_embeddings
        )
    if n_char_ngrams:
        embedding = CharNgramEmbedding(embedding, n_char_ngrams, MOST_PER_TOKEN)
    return [*layers, embedding]


def _vector_input(spec: NetworkSpec) -> list:
    return [keras.Input(shape=(None, spec.n_features)), NaNMasking()]  # (batch, time, features)


def _recurrent_layer(spec: NetworkSpec, units: int, return_sequences: bool):
    cells = {"simple": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
    return cells[spec.cell](
        units,
        activation=spec.activation,
        return_sequences=return_sequences,
        kernel_initializer=keras.initializers.GlorotUniform(seed=0),
        recurrent_initializer=keras.initializers.Orthogonal(seed=0),
        seed=0,
    )
