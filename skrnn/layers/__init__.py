"""Keras layers of the built-in network, for networks of one's own too.

Importing this module imports Keras. Sequences that are padded carry a mask, which the layers heed.
"""

import keras
from keras import ops

from skrnn.text._char_ngrams import NO_CHAR_NGRAM
from skrnn.sequences._ngrams import MAX_LENGTH, NO_NGRAM, n_slots_for, slot_of
from skrnn.sequences._storage import PADDING, UNKNOWN

# Not CharNgramEmbedding, which nothing but a fit fills.
__all__ = ["AttentionPooling1D", "MaskedPooling1D", "NaNMasking", "NgramEmbedding", "PaddedRNN", "TokenDropout"]


@keras.saving.register_keras_serializable("skrnn")
class TokenDropout(keras.layers.Layer):
    """Replace random tokens by the unknown one, in training.

    It is word dropout [1]_, and the way in which the unknown token gets a trained vector. Input and output are
    token ids of shape (batch, time).

    Parameters
    ----------
    rate : float
        Share of the tokens that is replaced.
    seed : int or None, default=None
        Seed of the layer's random generator.

    References
    ----------
    .. [1] Iyyer et al. (2015), Deep unordered composition rivals syntactic methods for text classification.
       ACL 2015.
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
class NgramEmbedding(keras.layers.Layer):
    """Vectors of tokens, to each of which is added that of the longest n-gram that ends in it.

    N-grams that have no vector of their own add the first one, which starts with zeros and gets no gradient: their
    share differs between training and new documents, so that a trained vector would shift the outputs. The table
    of n-grams is part of the weights, after the vectors: ``keys`` of shape (n_ngrams, 2), and ``slots``, a hash
    table of their rows. Padding is masked. From token ids of shape (batch, time) to (batch, time, output_dim).

    Parameters
    ----------
    input_dim : int
        Number of token ids.
    output_dim : int
        Length of a vector.
    n_ngrams : int
        Number of vectors for n-grams, the first of which is for those that have none of their own.
    embeddings_initializer : str or keras.initializers.Initializer, default="uniform"
        How the vectors of the tokens start; those of the n-grams start with zeros.

    References
    ----------
    .. [1] Joulin et al. (2017), Bag of tricks for efficient text classification. EACL 2017. arXiv:1607.01759.
    """

    def __init__(self, input_dim, output_dim, n_ngrams, embeddings_initializer="uniform", **kwargs):
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.n_ngrams = n_ngrams
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape):
        def add_vectors(name, n_rows, initializer):
            return self.add_weight(shape=(n_rows, self.output_dim), initializer=initializer, name=name)

        def add_table(name, shape):
            return self.add_weight(shape=shape, dtype="int32", initializer="zeros", trainable=False, name=name)

        self.embeddings = add_vectors("embeddings", self.input_dim, self.embeddings_initializer)
        self.ngram_embeddings = add_vectors("ngram_embeddings", self.n_ngrams, "zeros")
        self.keys = add_table("keys", (self.n_ngrams, 2))
        self.slots = add_table("slots", (n_slots_for(self.n_ngrams),))

    def call(self, ids):
        rows = self._rows(ids)
        vectors = _rows_of(self.ngram_embeddings, rows)  # (batch, time, output_dim)
        is_known = ops.expand_dims(rows != NO_NGRAM, -1)  # (batch, time, 1)
        # Not times zero: networks that older versions trained have a vector there.
        vectors = ops.where(is_known, vectors, ops.stop_gradient(vectors))
        return _rows_of(self.embeddings, ids) + vectors

    def _rows(self, ids):
        """As ``_ngrams.ngram_rows``: (batch, time)."""
        prefixes = _previous(ids, PADDING)
        longest = ops.full_like(ids, NO_NGRAM)
        for _ in range(2, MAX_LENGTH + 1):
            rows = _rows_of(self.slots, slot_of(prefixes, ids, n_slots_for(self.n_ngrams)))
            keys = _rows_of(self.keys, rows)  # (batch, time, 2)
            known = ops.logical_and(keys[..., 0] == prefixes, keys[..., 1] == ids)
            rows = ops.where(known, rows, NO_NGRAM)
            longest = ops.where(known, rows, longest)
            prefixes = ops.bitwise_not(_previous(rows, NO_NGRAM))
        return longest

    def compute_mask(self, ids, mask=None):
        return ops.not_equal(ids, PADDING)

    def compute_output_shape(self, input_shape):
        return *input_shape, self.output_dim

    def get_config(self):
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "n_ngrams": self.n_ngrams,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }


@keras.saving.register_keras_serializable("skrnn")
class CharNgramEmbedding(keras.layers.Layer):
    """Vectors of tokens, to each of which are added those of the character n-grams in it.

    What is added is their sum over the root of their number, so that words which are written alike learn from each
    other [1]_. The first weight are the vectors of the n-grams, which start with zeros; the second says which ones
    each token has: ``rows``, of shape (input_dim, n_per_token), filled up with zeros. From token ids of shape
    (batch, time) to (batch, time, output_dim).

    Parameters
    ----------
    embedding : keras.layers.Layer
        What gives the tokens' own vectors, and the mask of the padding.
    n_ngrams : int
        Number of vectors for n-grams, the first of which is for none.
    n_per_token : int
        Most n-grams of a token.

    References
    ----------
    .. [1] Bojanowski et al. (2017), Enriching word vectors with subword information. TACL 5. arXiv:1607.04606.
    """

    def __init__(self, embedding, n_ngrams, n_per_token, **kwargs):
        super().__init__(**kwargs)
        self.embedding = embedding
        self.n_ngrams = n_ngrams
        self.n_per_token = n_per_token

    def build(self, input_shape):
        if not self.embedding.built:  # one that is read from a file is
            self.embedding.build(input_shape)
        input_dim, output_dim = self.embedding.input_dim, self.embedding.output_dim
        self.ngram_embeddings = self.add_weight(
            shape=(self.n_ngrams, output_dim), initializer="zeros", name="ngram_embeddings"
        )
        self.rows = self.add_weight(
            shape=(input_dim, self.n_per_token), dtype="int32", initializer="zeros", trainable=False, name="rows"
        )

    def call(self, ids):
        vectors = self.embedding(ids)  # (batch, time, output_dim)
        distinct, positions = _distinct(ops.reshape(ids, (-1,)), self.embedding.input_dim)
        rows = _rows_of(self.rows, distinct)  # (distinct, n_per_token)
        n_ngrams = ops.sum(ops.cast(rows != NO_CHAR_NGRAM, vectors.dtype), axis=1)  # (distinct,)
        ngrams, tokens = _entries(rows)
        counts = ops.cast(ngrams != NO_CHAR_NGRAM, vectors.dtype)[:, None]  # (entries, 1)
        ngram_vectors = counts * ops.cast(_rows_of(self.ngram_embeddings, ngrams), vectors.dtype)
        sums = ops.segment_sum(ngram_vectors, tokens, num_segments=ops.shape(distinct)[0])
        sums = sums / ops.sqrt(ops.maximum(n_ngrams, 1.0))[:, None]  # (distinct, output_dim)
        return vectors + ops.reshape(ops.take(sums, positions, axis=0), ops.shape(vectors))

    def compute_mask(self, ids, mask=None):
        return self.embedding.compute_mask(ids, mask)

    def compute_output_shape(self, input_shape):
        return *input_shape, self.embedding.output_dim

    def get_config(self):
        return {
            **super().get_config(),
            "embedding": keras.saving.serialize_keras_object(self.embedding),
            "n_ngrams": self.n_ngrams,
            "n_per_token": self.n_per_token,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "embedding": keras.saving.deserialize_keras_object(config["embedding"])})


# Keras has no operations whose results have a shape that depends on the values.


def _distinct(ids, n_ids):
    """The distinct ones, and where among them each stands."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.unique(ids)
    if backend == "jax":
        import jax.numpy as jnp

        # The size is fixed, and what is left of it filled up.
        return jnp.unique(ids, return_inverse=True, size=min(n_ids, ids.shape[0]), fill_value=PADDING)
    return ids.unique(return_inverse=True) if _has_values(ids) else (ids, ops.arange(ids.shape[0]))


def _entries(rows):
    """The n-grams one after another, and the row that each is in. JAX has those for none among them."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        positions = tf.where(rows != NO_CHAR_NGRAM)  # (entries, 2)
        return tf.gather_nd(rows, positions), positions[:, 0]
    if backend == "torch" and _has_values(rows):
        positions = (rows != NO_CHAR_NGRAM).nonzero()  # (entries, 2)
        return rows[positions[:, 0], positions[:, 1]], positions[:, 0]
    return ops.reshape(rows, (-1,)), ops.repeat(ops.arange(ops.shape(rows)[0]), ops.shape(rows)[1])


def _has_values(tensor) -> bool:
    """Of PyTorch's tensors, those from which Keras infers shapes have none."""
    return tensor.device.type != "meta"


def _rows_of(table, rows):
    """Those rows of a variable. TensorFlow would otherwise copy a table that training changes, all of it."""
    if not _is_tensorflow():
        return ops.take(table, rows, axis=0)
    import tensorflow as tf

    return tf.gather(table.value, rows)


def _previous(values, first):
    """The values one step before, and ``first`` at the first: (batch, time)."""
    return ops.pad(values[:, :-1], [[0, 0], [1, 0]], constant_values=first)


@keras.saving.register_keras_serializable("skrnn")
class NaNMasking(keras.layers.Layer):
    """Mask the time steps that are NaN, and make them zeros.

    What a network of one's own begins with if it reads vectors: batches of the estimators of numeric sequences
    are padded with NaN. (Keras' ``Masking`` takes a number for padding, which real data may hold.) Input and
    output have the shape (batch, time, features).
    """

    def call(self, vectors):
        return ops.where(ops.isnan(vectors), ops.zeros_like(vectors), vectors)

    def compute_mask(self, vectors, mask=None):
        return ops.logical_not(ops.isnan(vectors[..., 0]))  # (batch, time)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("skrnn")
class PaddedRNN(keras.layers.Layer):
    """Recurrent layers for sequences that are padded at the end, without the cost of a mask.

    What counts is computed as by the layers themselves, or by ``Bidirectional``, on masked sequences. But these
    choose at each step, for each sequence and state, between the new one and the one before, which takes time.
    Here the layers run on through the padding, which comes after all that counts: for the backward layer too,
    since each sequence is turned around by itself. What is returned for padding means nothing; of an activation
    without bounds, as "relu", it may become infinite and spoil gradients.

    In training with TensorFlow on a CPU, layers with the default activations and without dropout are computed, and
    their gradients, by loops over time of this package's own, which are faster than those of Keras.

    From (batch, time, features) to (batch, time, units) or (batch, units); units are those of both layers.

    Parameters
    ----------
    forward_layer : keras.layers.SimpleRNN, keras.layers.GRU or keras.layers.LSTM
        The layer that reads a sequence from its beginning, with ``return_sequences=True``.
    backward_layer : like ``forward_layer``, default=None
        The layer that reads a sequence from its end, if there is one; without ``go_backwards``.
    return_sequences : bool, default=True
        Whether the states of all steps are returned, or the one with which each layer ends; of an empty
        sequence, zeros.
    """

    def __init__(self, forward_layer, backward_layer=None, return_sequences=True, **kwargs):
        super().__init__(**kwargs)
        self.forward_layer = forward_layer
        self.backward_layer = backward_layer
        self.return_sequences = return_sequences
        self.supports_masking = True
        for layer in self._layers_in_order():
            others = {name: getattr(layer, name) for name in ("return_state", "go_backwards", "stateful")}
            if not layer.return_sequences or any(others.values()):
                raise ValueError(
                    "Expected layers with return_sequences=True and without return_state, go_backwards and "
                    f"stateful; got {layer.name} with return_sequences={layer.return_sequences} and {others}."
                )

    def build(self, input_shape):
        for layer in self._layers_in_order():
            layer.build(input_shape)

    def call(self, vectors, mask=None, training=False):
        mask = _time_mask(vectors, mask)  # (batch, time, 1)
        states = [_states(self.forward_layer, vectors, training)]
        if self.backward_layer is not None:
            states.append(_states(self.backward_layer, _turned_around(vectors, mask), training))
        if not self.return_sequences:
            is_last = mask - ops.pad(mask[:, 1:], [[0, 0], [0, 1], [0, 0]])
            return ops.concatenate([ops.sum(state * is_last, axis=1) for state in states], axis=-1)
        states[1:] = [_turned_around(state, mask) for state in states[1:]]
        return ops.concatenate(states, axis=-1)  # (batch, time, units)

    def compute_mask(self, vectors, mask=None):
        return mask if self.return_sequences else None

    def compute_output_shape(self, input_shape):
        units = sum(layer.units for layer in self._layers_in_order())
        return (*input_shape[:-1], units) if self.return_sequences else (input_shape[0], units)

    def _layers_in_order(self):
        return [self.forward_layer] if self.backward_layer is None else [self.forward_layer, self.backward_layer]

    def get_config(self):
        layers = {name: getattr(self, name) for name in ("forward_layer", "backward_layer")}
        config = {name: layer and keras.saving.serialize_keras_object(layer) for name, layer in layers.items()}
        return {**super().get_config(), **config, "return_sequences": self.return_sequences}

    @classmethod
    def from_config(cls, config):
        layers = {
            name: config[name] and keras.saving.deserialize_keras_object(config[name])
            for name in ("forward_layer", "backward_layer")
        }
        return cls(**{**config, **layers})


def _states(layer, vectors, training):
    """What a recurrent layer makes of sequences, all their steps taken for real: (batch, time, units)."""
    cell = _cell_written_out(layer, vectors) if training else None
    if cell is None:
        # Not by calling the layer, which would take a mask from the tensor.
        return layer.call(vectors, training=training)
    from skrnn.layers._recurrence import CELLS, hidden_states

    weights = (weight.value for weight in (layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias))
    states = hidden_states(CELLS[cell], ops.swapaxes(vectors, 0, 1), *weights)  # (time, batch, units)
    return ops.swapaxes(states, 0, 1)


_CELLS = {keras.layers.SimpleRNN: "simple", keras.layers.GRU: "gru", keras.layers.LSTM: "lstm"}


def _cell_written_out(layer, vectors) -> str | None:
    """Which cell of ``_recurrence`` the layer has, if one, and if that is the faster way to train it."""
    if not _is_tensorflow() or type(layer) not in _CELLS:
        return None
    import tensorflow as tf

    cell = _CELLS[type(layer)]
    is_known = (
        layer.activation is keras.activations.tanh
        and (cell == "simple" or layer.recurrent_activation is keras.activations.sigmoid)
        and (cell != "gru" or layer.reset_after)
        and layer.use_bias
        and not (layer.dropout or layer.recurrent_dropout)
        # Half precision would not be enough for sums over all steps.
        and keras.backend.standardize_dtype(vectors.dtype) == layer.compute_dtype in ("float32", "float64")
    )
    # For GPUs, Keras has kernels of its own.
    return cell if is_known and not tf.config.get_visible_devices("GPU") else None


def _turned_around(vectors, mask):
    """Each sequence from its last step to its first, and the padding where it was: (batch, time, features)."""
    shape = ops.shape(vectors)
    lengths = ops.sum(ops.cast(mask, "int32"), axis=1)  # (batch, 1); half precision could not count them
    steps = ops.arange(shape[1])[None, :]  # (1, time)
    steps = ops.where(steps < lengths, lengths - 1 - steps, steps)  # (batch, time)
    rows = ops.reshape(steps + ops.arange(shape[0])[:, None] * shape[1], (-1,))
    flat = ops.reshape(vectors, (-1, shape[2]))  # of all ways to gather, that of one axis is the fastest
    if _is_tensorflow():
        from skrnn.layers._recurrence import turned_around

        flat = turned_around(flat, rows)
    else:
        flat = ops.take(flat, rows, axis=0)
    return ops.reshape(flat, shape)


def _is_tensorflow() -> bool:
    return keras.backend.backend() == "tensorflow"


@keras.saving.register_keras_serializable("skrnn")
class MaskedPooling1D(keras.layers.Layer):
    """Maximum, mean or scaled sum over the time steps that are not padding; zeros for a sequence without any.

    Keras' own ``GlobalMaxPooling1D`` ignores masks, and its ``GlobalAveragePooling1D`` gives NaN for an empty
    sequence. From (batch, time, units) to (batch, units), or to (batch, 2 * units) for "max_mean".

    Parameters
    ----------
    mode : {"max", "mean", "max_mean", "sqrtn"}
        "sqrtn" is the sum divided by the root of the number of steps.
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
    """Mean of the states weighted by a learned score [1]_; zeros for an empty sequence.

    From (batch, time, units) to (batch, units).

    References
    ----------
    .. [1] Raffel & Ellis (2015), Feed-forward networks with attention can solve some long-term memory problems.
       arXiv:1512.08756.
    """

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
        total = ops.sum(weights, axis=1)  # (batch, 1)
        return ops.sum(states * weights, axis=1) / ops.where(total > 0, total, 1.0)

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


def _sqrtn(states, mask):
    return ops.sum(states * mask, axis=1) / ops.sqrt(ops.maximum(ops.sum(mask, axis=1), 1.0))


_POOLS = {"max": _max, "mean": _mean, "sqrtn": _sqrtn}
