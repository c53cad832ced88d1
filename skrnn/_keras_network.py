"""The network as a ``keras.Model``: the interpreter of a specification that trains.

Imports Keras, and is itself imported only when a fit begins or a model is asked for. Knows nothing of
scikit-learn.
"""

import keras
from keras import ops

from skrnn._network import NetworkSpec
from skrnn._sequences import PADDING, UNKNOWN


def build_network(spec: NetworkSpec) -> keras.Sequential:
    """A new, uncompiled model whose ``get_weights()`` has the order of ``weight_shapes(spec)``.

    Its weights, and the states of its dropout layers, are left to be set by the caller. They are seeded here
    because Keras would draw seeds from Python's global random generator.
    """
    layers = [keras.Input(shape=(None,), dtype="int32")]  # (batch, time)
    if spec.token_dropout:
        layers.append(TokenDropout(spec.token_dropout, seed=0))
    layers.append(
        keras.layers.Embedding(
            spec.n_tokens,
            spec.embedding_dim,
            mask_zero=True,
            embeddings_initializer=keras.initializers.RandomUniform(seed=0),
        )
    )
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
