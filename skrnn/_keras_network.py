"""The network as a ``keras.Model``: the interpreter of a specification that trains.

Imports Keras, and is itself imported only when a fit begins or a model is asked for. Knows nothing of
scikit-learn.
"""

import random
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import contextmanager
from threading import Lock
from typing import Generic, TypeVar

import keras
import numpy as np
from keras import ops

from skrnn._network import NetworkSpec
from skrnn._sequences import PADDING, UNKNOWN, dense_batch, sorted_batches

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
            while len(self._idle) > self._size:
                self._idle.popitem(last=False)  # the one that has waited longest


_OWN_NETWORKS: IdlePool[keras.Model] = IdlePool(size=4)


def build(spec: NetworkSpec, network: Callable | None, seed: int = 0) -> keras.Model:
    """A new model: the built-in network, or what the user's own function makes of the specification."""
    if network is None:
        return build_network(spec)
    with _seeded(seed):
        model = network(spec)
    if not isinstance(model, keras.Model):
        raise TypeError(f"Expected network={network!r} to return a keras.Model; it returned {model!r}.")
    if model.output_shape[1:] != (spec.n_outputs,):
        raise ValueError(
            f"Expected the model of network={network!r} to have outputs of shape (batch, {spec.n_outputs}); got "
            f"{model.output_shape}."
        )
    return model


def predict(spec: NetworkSpec, network: Callable, weights: list[np.ndarray], X) -> np.ndarray:
    """Outputs of a network of the user's own: (n_samples, n_outputs), in float64."""
    key = network, spec
    model = _OWN_NETWORKS.take(key) or build(spec, network)
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


def build_network(spec: NetworkSpec) -> keras.Sequential:
    """A new, uncompiled model whose ``get_weights()`` has the order of ``weight_shapes(spec)``.

    Its weights, and the states of its dropout layers, are left to be set by the caller. They are seeded here
    because Keras would draw seeds from Python's global random generator.
    """
    layers = _vector_input(spec) if spec.n_tokens is None else _token_input(spec)
    if spec.embedding_dropout:
        layers.append(keras.layers.SpatialDropout1D(spec.embedding_dropout, seed=0))
    for i, units in enumerate(spec.units):
        if i and spec.dropout:
            layers.append(keras.layers.Dropout(spec.dropout, seed=0))
        is_last = i == len(spec.units) - 1
        layers.append(_recurrent_layer(spec, units, return_sequences=not is_last or spec.pooling != "last"))
    if spec.pooling == "attention":
        layers.append(AttentionPooling1D())
    elif spec.pooling != "last":
        layers.append(MaskedPooling1D(spec.pooling))
    if spec.dropout:
        layers.append(keras.layers.Dropout(spec.dropout, seed=0))
    layers.append(
        keras.layers.Dense(
            spec.n_outputs,
            activation=spec.output_activation,
            kernel_initializer=keras.initializers.GlorotUniform(seed=0),
        )
    )
    return keras.Sequential(layers)


def _token_input(spec: NetworkSpec) -> list:
    layers = [keras.Input(shape=(None,), dtype="int32")]  # (batch, time)
    if spec.token_dropout:
        layers.append(TokenDropout(spec.token_dropout, seed=0))
    embedding = keras.layers.Embedding(
        spec.n_tokens,
        spec.n_features,
        mask_zero=True,
        embeddings_initializer=keras.initializers.RandomUniform(seed=0),
    )
    return [*layers, embedding]


def _vector_input(spec: NetworkSpec) -> list:
    return [keras.Input(shape=(None, spec.n_features)), NaNMasking()]  # (batch, time, features)


def _recurrent_layer(spec: NetworkSpec, units: int, return_sequences: bool):
    cells = {"simple": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
    layer = cells[spec.cell](
        units,
        activation=spec.activation,
        return_sequences=return_sequences,
        kernel_initializer=keras.initializers.GlorotUniform(seed=0),
        recurrent_initializer=keras.initializers.Orthogonal(seed=0),
        seed=0,
    )
    return keras.layers.Bidirectional(layer) if spec.bidirectional else layer


@keras.saving.register_keras_serializable("skrnn")
class TokenDropout(keras.layers.Layer):
    """Replace random tokens by the unknown one, in training.

    It is word dropout (Iyyer et al. 2015), and the way in which the unknown token gets a trained vector.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, ids, training=False):
        if not training:
            return ids
        drop = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) < self.rate  # (batch, time)
        return ops.where(ops.logical_and(drop, ids != PADDING), ops.cast(UNKNOWN, ids.dtype), ids)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable("skrnn")
class NaNMasking(keras.layers.Layer):
    """Mask the time steps that are NaN, and make them zeros.

    Keras' ``Masking`` takes a number for padding, which real data may hold.
    """

    def call(self, vectors):
        return ops.where(ops.isnan(vectors), ops.zeros_like(vectors), vectors)

    def compute_mask(self, vectors, mask=None):
        return ops.logical_not(ops.isnan(vectors[..., 0]))  # (batch, time)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("skrnn")
class MaskedPooling1D(keras.layers.Layer):
    """Maximum or mean over the time steps that are not padding; zeros for a sequence without any.

    Keras' own ``GlobalMaxPooling1D`` ignores masks, and its ``GlobalAveragePooling1D`` gives NaN for an empty
    sequence.
    """

    def __init__(self, mode, **kwargs):
        super().__init__(**kwargs)
        self.mode = mode
        self.supports_masking = True

    def call(self, states, mask=None):
        mask = _time_mask(states, mask)  # (batch, time, 1)
        pooled = [_POOLS[name](states, mask) for name in self.mode.split("_")]
        return ops.concatenate(pooled, axis=-1)  # (batch, units) or (batch, 2 * units)

    def compute_mask(self, states, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return input_shape[0], input_shape[-1] * len(self.mode.split("_"))

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}


@keras.saving.register_keras_serializable("skrnn")
class AttentionPooling1D(keras.layers.Layer):
    """Mean of the states weighted by a learned score (Raffel & Ellis 2015); zeros for an empty sequence."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 1), initializer=keras.initializers.GlorotUniform(seed=0), name="kernel"
        )
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, states, mask=None):
        mask = _time_mask(states, mask)  # (batch, time, 1)
        # tanh keeps the scores in [-1, 1]: exp needs no shift against overflow.
        scores = ops.tanh(ops.matmul(states, self.kernel) + self.bias)  # (batch, time, 1)
        weights = ops.exp(scores) * mask
        return ops.sum(states * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), keras.config.epsilon())

    def compute_mask(self, states, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return input_shape[0], input_shape[-1]


def _time_mask(states, mask):
    """1 where a time step counts and 0 where it is padding, as (batch, time, 1) in the states' dtype."""
    if mask is None:
        return ops.ones_like(states[..., :1])
    return ops.cast(ops.expand_dims(mask, -1), states.dtype)


def _max(states, mask):
    largest = ops.max(ops.where(mask > 0, states, float("-inf")), axis=1)
    return ops.where(ops.max(mask, axis=1) > 0, largest, 0.0)


def _mean(states, mask):
    return ops.sum(states * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


_POOLS = {"max": _max, "mean": _mean}
