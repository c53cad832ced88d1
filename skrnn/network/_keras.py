"""The network as a ``keras.Model``: Keras trains what a specification describes.

Importing this module imports Keras. It also builds custom networks and predicts with them.
"""

import skrnn.layers  # noqa: F401 - before Keras, because it says which packages are missing

# isort: split

import os
import random
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from types import FunctionType
from typing import Any, Generic, TypeVar

import keras
import numpy as np

from skrnn.layers import (
    KnownTokens,
    MaskedPooling1D,
    MeanOfLogits,
    NaNMasking,
    NgramEmbedding,
    PaddedRNN,
    TokenDropout,
)
from skrnn.layers._pooling import POOLINGS
from skrnn.layers._tokens import CharNgramEmbedding
from skrnn.network._spec import NetworkSpec
from skrnn.sequences._batches import dense_batch, sorted_batches
from skrnn.sequences._storage import Sequences
from skrnn.text._char_ngrams import MOST_PER_TOKEN

T = TypeVar("T")
Layer = Any
Model = Any
Tensor = Any

_PREDICTION_BATCH_SIZE = 256


def check_tensorflow() -> None:
    """Raise RuntimeError if Keras cannot run TensorFlow in this process."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"skrnn needs TensorFlow as the backend of Keras, which now uses {backend!r}. Set the environment "
            "variable KERAS_BACKEND=tensorflow before Keras is imported."
        )
    if os.getpid() != _process_of_first_use():
        raise RuntimeError(
            "TensorFlow would hang in a process that was forked from one in which it has run. Use joblib's "
            "default backend, 'loky', or start processes with the method 'spawn' or 'forkserver'."
        )


@cache
def _process_of_first_use() -> int:
    return os.getpid()


class IdlePool(Generic[T]):
    """A cache of objects that are costly to make and that nothing else uses at the moment.

    ``take`` removes an object from the pool, so that no two threads share it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._idle: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = Lock()

    def take(self, key: Hashable) -> T | None:
        """Remove and return the object with this key, or return None."""
        with self._lock:
            return self._idle.pop(key, None)

    def put(self, key: Hashable, thing: T) -> None:
        """Add an object, unless the key is None. A full pool drops the object that has waited longest."""
        if key is None:
            return
        with self._lock:
            self._idle[key] = thing
            self._idle.move_to_end(key)
            while len(self._idle) > self._size:
                self._idle.popitem(last=False)


# Built-in networks


def build_network(spec: NetworkSpec, n_token_ids: int = 0) -> Model:
    """Return a new model, not compiled, whose ``get_weights()`` has the order of ``in_keras_order``.

    With more token ids than vectors, the network replaces the others by the unknown token. The caller sets the
    weights and the states of the dropout layers. The layers have seeds because Keras would otherwise draw them
    from Python's global random generator.
    """
    check_tensorflow()
    return _network(spec, _masked, n_token_ids=n_token_ids)


def build_training_network(spec: NetworkSpec, n_char_ngrams: int = 0) -> Model:
    """Return the network of ``build_network`` with PaddedRNN in place of masked layers, which trains faster.

    Its weights have the order of ``weight_shapes(spec)``. The specification has no linear model.
    With ``n_char_ngrams`` vectors for character n-grams, the two weights of their layer come first.
    """
    check_tensorflow()
    # In padding, states without bounds could grow until they are infinite.
    return _network(spec, _masked if spec.activation == "relu" else _padded, n_char_ngrams)


_CELLS = {"simple": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}

# Returns the layer of a specification with this many units, which returns sequences or last states.
_RecurrentLayer = Callable[[NetworkSpec, int, bool], Layer]


def _network(
    spec: NetworkSpec, recurrent_layer: _RecurrentLayer, n_char_ngrams: int = 0, n_token_ids: int = 0
) -> Model:
    if spec.n_tokens is None:
        read = _vector_input(spec)
    else:
        read = _token_input(spec, spec.n_tokens, n_char_ngrams)
        if max(n_token_ids, spec.n_linear_tokens) > spec.n_tokens:
            read.insert(1, KnownTokens(spec.n_tokens))
    if spec.embedding_dropout:
        read.append(keras.layers.SpatialDropout1D(spec.embedding_dropout, seed=0))
    recurrent = _recurrent_layers(spec, recurrent_layer)
    if not (spec.skip_connection or spec.n_linear_tokens):
        return keras.Sequential([*read, *recurrent, *_output_layers(spec)])
    inputs = read.pop(0)
    vectors = _apply(read, inputs)
    pooled = _apply(recurrent, vectors)
    if spec.skip_connection:
        pooled = keras.layers.Concatenate()([pooled, MaskedPooling1D("sqrtn")(vectors)])
    outputs = _apply(_output_layers(spec), pooled)
    if spec.n_linear_tokens:
        linear = _apply([_embedding(spec, spec.n_linear_tokens, spec.n_outputs), MaskedPooling1D("sqrtn")], inputs)
        outputs = MeanOfLogits(spec.output_activation)([outputs, linear])
    return keras.Model(inputs, outputs)


def _apply(layers: list[Layer], tensor: Tensor) -> Tensor:
    for layer in layers:
        tensor = layer(tensor)
    return tensor


def _token_input(spec: NetworkSpec, n_tokens: int, n_char_ngrams: int) -> list[Layer]:
    layers: list[Layer] = [keras.Input(shape=(None,), dtype="int32")]  # (batch, time)
    if spec.token_dropout:
        layers.append(TokenDropout(spec.token_dropout, seed=0))
    embedding = _embedding(spec, n_tokens, spec.n_features)
    if n_char_ngrams:
        embedding = CharNgramEmbedding(embedding, n_char_ngrams, MOST_PER_TOKEN)
    return [*layers, embedding]


def _embedding(spec: NetworkSpec, n_tokens: int, dim: int) -> Layer:
    initializer = keras.initializers.RandomUniform(seed=0)
    if spec.n_ngrams:
        return NgramEmbedding(n_tokens, dim, spec.n_ngrams, initializer)
    return keras.layers.Embedding(n_tokens, dim, initializer, mask_zero=True, trainable=spec.trainable_embeddings)


def _vector_input(spec: NetworkSpec) -> list[Layer]:
    return [keras.Input(shape=(None, spec.n_features)), NaNMasking()]  # (batch, time, features)


def _recurrent_layers(spec: NetworkSpec, recurrent_layer: _RecurrentLayer) -> list[Layer]:
    """Return the layers from (batch, time, features) to one vector for each sequence."""
    pooling = POOLINGS[spec.pooling]
    layers: list[Layer] = []
    for i, units in enumerate(spec.units):
        if i and spec.dropout:
            layers.append(keras.layers.Dropout(spec.dropout, seed=0))
        is_last = i == len(spec.units) - 1
        layers.append(recurrent_layer(spec, units, not is_last or pooling is not None))
    return layers if pooling is None else [*layers, pooling()]


def _masked(spec: NetworkSpec, units: int, return_sequences: bool) -> Layer:
    """Return Keras' own layer."""
    layer = _one_direction(spec, units, return_sequences)
    return keras.layers.Bidirectional(layer) if spec.bidirectional else layer


def _padded(spec: NetworkSpec, units: int, return_sequences: bool) -> Layer:
    forward = _one_direction(spec, units, True)
    backward = _one_direction(spec, units, True) if spec.bidirectional else None
    return PaddedRNN(forward, backward, return_sequences)


def _one_direction(spec: NetworkSpec, units: int, return_sequences: bool) -> Layer:
    return _CELLS[spec.cell](
        units,
        activation=spec.activation,
        return_sequences=return_sequences,
        kernel_initializer=keras.initializers.GlorotUniform(seed=0),
        recurrent_initializer=keras.initializers.Orthogonal(seed=0),
        seed=0,
    )


def _output_layers(spec: NetworkSpec) -> list[Layer]:
    output = keras.layers.Dense(
        spec.n_outputs,
        activation=None if spec.n_linear_tokens else spec.output_activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed=0),
    )
    return [keras.layers.Dropout(spec.dropout, seed=0), output] if spec.dropout else [output]


# Custom networks


def build_own(spec: NetworkSpec, build_model: Callable[[NetworkSpec], Model], seed: int = 0) -> Model:
    """Return the model that the user's function builds for a specification.

    Raises
    ------
    TypeError
        If it is no Keras model.
    ValueError
        If the model is not built, has several inputs, or has outputs of another shape than expected.
    """
    check_tensorflow()
    with _python_seed(seed):
        model = build_model(spec)
    if not isinstance(model, keras.Model):
        raise TypeError(f"Expected network={build_model!r} to return a keras.Model; it returned {model!r}.")
    if not model.built or not hasattr(model, "output_shape"):
        raise ValueError(
            f"Expected network={build_model!r} to return a Sequential or functional model that is built: give it "
            "a keras.Input."
        )
    if len(model.inputs) != 1:
        raise ValueError(
            f"Expected the model of network={build_model!r} to have one input; got inputs of the shapes "
            f"{model.input_shape}."
        )
    if model.output_shape[1:] != (spec.n_outputs,):
        raise ValueError(
            f"Expected the model of network={build_model!r} to have outputs of shape (batch, {spec.n_outputs}); "
            f"got {model.output_shape}."
        )
    return model


_CUSTOM_NETWORKS: IdlePool[Model] = IdlePool(size=4)


def predict_own(
    spec: NetworkSpec, build_model: Callable[[NetworkSpec], Model], weights: list[np.ndarray], sequences: Sequences
) -> np.ndarray:
    """Return the outputs of a custom network as float64 of shape (n_sequences, n_outputs)."""
    check_tensorflow()
    # A function builds the same model each time, under the same policy. Other callables may change.
    key = (build_model, spec, keras.config.dtype_policy().name) if isinstance(build_model, FunctionType) else None
    model = _CUSTOM_NETWORKS.take(key) or build_own(spec, build_model)
    model.set_weights(weights)
    outputs = np.zeros((sequences.shape[0], spec.n_outputs))
    for rows in sorted_batches(np.diff(sequences.indptr), _PREDICTION_BATCH_SIZE):
        outputs[rows] = model.predict_on_batch(dense_batch(sequences, rows))
    _CUSTOM_NETWORKS.put(key, model)
    return outputs


_SEEDING = Lock()


@contextmanager
def _python_seed(seed: int) -> Iterator[None]:
    """Seed Python's global generator, from which Keras draws seeds, and restore its state at the end."""
    with _SEEDING:
        state = random.getstate()
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)
