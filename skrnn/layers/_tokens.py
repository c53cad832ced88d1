"""Layers that read token ids: dropout of tokens, and vectors for tokens and n-grams."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from skrnn.sequences._ngrams import MAX_LENGTH, NO_NGRAM, n_slots_for, slot_of
from skrnn.sequences._storage import PADDING, UNKNOWN
from skrnn.text._char_ngrams import NO_CHAR_NGRAM

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("skrnn")
class TokenDropout(keras.layers.Layer):
    """Replace random tokens by the unknown token during training.

    This is word dropout [1]_. It also trains the vector of the unknown token. Input and output are token ids of
    shape (batch, time).

    Parameters
    ----------
    rate : float
        Share of the tokens to replace.
    seed : int or None, default=None
        Seed of the layer's random generator.

    References
    ----------
    .. [1] Iyyer et al. (2015), Deep unordered composition rivals syntactic methods for text classification.
       ACL 2015.
    """

    __module__ = "skrnn.layers"

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, ids: Tensor, training: bool = False) -> Tensor:
        if not training:
            return ids
        drop = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) < self.rate  # (batch, time)
        return ops.where(ops.logical_and(drop, ids != PADDING), ops.cast(UNKNOWN, ids.dtype), ids)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable("skrnn")
class KnownTokens(keras.layers.Layer):
    """Replace large token ids by the unknown token.

    Input and output are token ids of shape (batch, time).

    Parameters
    ----------
    n_tokens : int
        Ids below this number stay as they are.
    """

    __module__ = "skrnn.layers"

    def __init__(self, n_tokens: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_tokens = n_tokens

    def call(self, ids: Tensor) -> Tensor:
        return ops.where(ids < self.n_tokens, ids, ops.cast(UNKNOWN, ids.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n_tokens": self.n_tokens}


@keras.saving.register_keras_serializable("skrnn")
class NgramEmbedding(keras.layers.Layer):
    """Return the vector of each token, plus the vector of the longest n-gram that ends in it [1]_.

    N-grams without a vector use the first one, which starts with zeros and gets no gradient. Such n-grams are
    rarer in training than in new documents, so a trained vector would shift the outputs.

    The weights are the vectors, and after them the table of n-grams: ``keys`` of shape (n_ngrams, 2), and
    ``slots``, a hash table of their rows. The layer masks padding. The input are token ids of shape (batch, time),
    and the output has the shape (batch, time, output_dim).

    Parameters
    ----------
    input_dim : int
        Number of token ids.
    output_dim : int
        Length of a vector.
    n_ngrams : int
        Number of vectors for n-grams. The first one is for all n-grams that are not in the table.
    embeddings_initializer : str or keras.initializers.Initializer, default="uniform"
        Initial values of the tokens' vectors. The vectors of the n-grams start with zeros.

    References
    ----------
    .. [1] Joulin et al. (2017), Bag of tricks for efficient text classification. EACL 2017. arXiv:1607.01759.
    """

    __module__ = "skrnn.layers"

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        n_ngrams: int,
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.n_ngrams = n_ngrams
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape: Shape) -> None:
        def add_vectors(name: str, n_rows: int, initializer: Any) -> Any:
            return self.add_weight(shape=(n_rows, self.output_dim), initializer=initializer, name=name)

        def add_table(name: str, shape: tuple[int, ...]) -> Any:
            return self.add_weight(shape=shape, dtype="int32", initializer="zeros", trainable=False, name=name)

        self.embeddings = add_vectors("embeddings", self.input_dim, self.embeddings_initializer)
        self.ngram_embeddings = add_vectors("ngram_embeddings", self.n_ngrams, "zeros")
        self.keys = add_table("keys", (self.n_ngrams, 2))
        self.slots = add_table("slots", (n_slots_for(self.n_ngrams),))

    def call(self, ids: Tensor) -> Tensor:
        rows = self._rows(ids)
        vectors = _lookup(self.ngram_embeddings, rows)  # (batch, time, output_dim)
        is_known = ops.expand_dims(rows != NO_NGRAM, -1)  # (batch, time, 1)
        vectors = ops.where(is_known, vectors, ops.stop_gradient(vectors))
        return _lookup(self.embeddings, ids) + vectors

    def _rows(self, ids: Tensor) -> Tensor:
        """Return the row of each token's n-gram, as ``_ngrams.ngram_rows`` does: (batch, time)."""
        prefixes = _previous(ids, PADDING)
        longest = ops.full_like(ids, NO_NGRAM)
        for _ in range(2, MAX_LENGTH + 1):
            rows = _lookup(self.slots, slot_of(prefixes, ids, n_slots_for(self.n_ngrams)))
            keys = _lookup(self.keys, rows)  # (batch, time, 2)
            known = ops.logical_and(keys[..., 0] == prefixes, keys[..., 1] == ids)
            rows = ops.where(known, rows, NO_NGRAM)
            longest = ops.where(known, rows, longest)
            prefixes = ops.bitwise_not(_previous(rows, NO_NGRAM))
        return longest

    def compute_mask(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        return ops.not_equal(ids, PADDING)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return *input_shape, self.output_dim

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "n_ngrams": self.n_ngrams,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }


@keras.saving.register_keras_serializable("skrnn")
class CharNgramEmbedding(keras.layers.Layer):
    """Return the vector of each token, plus the vectors of the character n-grams in it [1]_.

    The sum of the n-grams' vectors is divided by the square root of their number. Tokens that are spelled alike
    learn from each other in this way. The layer is not public: only training fills its table.

    The first weight holds the vectors of the n-grams, which start with zeros. The second weight, ``rows`` of shape
    (input_dim, n_per_token), lists the n-grams of each token, filled up with zeros. The input are token ids of
    shape (batch, time), and the output has the shape (batch, time, output_dim).

    Parameters
    ----------
    embedding : keras.layers.Layer
        Returns the tokens' own vectors, and the mask of the padding.
    n_ngrams : int
        Number of vectors for n-grams. The first one is for no n-gram.
    n_per_token : int
        Largest number of n-grams of a token.

    References
    ----------
    .. [1] Bojanowski et al. (2017), Enriching word vectors with subword information. TACL 5. arXiv:1607.04606.
    """

    def __init__(self, embedding: Any, n_ngrams: int, n_per_token: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embedding = embedding
        self.n_ngrams = n_ngrams
        self.n_per_token = n_per_token

    def build(self, input_shape: Shape) -> None:
        if not self.embedding.built:  # it is built already if the layer comes from a file
            self.embedding.build(input_shape)
        input_dim, output_dim = self.embedding.input_dim, self.embedding.output_dim
        self.ngram_embeddings = self.add_weight(
            shape=(self.n_ngrams, output_dim), initializer="zeros", name="ngram_embeddings"
        )
        self.rows = self.add_weight(
            shape=(input_dim, self.n_per_token), dtype="int32", initializer="zeros", trainable=False, name="rows"
        )

    def call(self, ids: Tensor) -> Tensor:
        vectors = self.embedding(ids)  # (batch, time, output_dim)
        distinct, positions = tf.unique(ops.reshape(ids, (-1,)))  # (distinct,), (batch * time,)
        rows = _lookup(self.rows, distinct)  # (distinct, n_per_token)
        n_ngrams = ops.sum(ops.cast(rows != NO_CHAR_NGRAM, vectors.dtype), axis=1)  # (distinct,)
        entries = tf.where(rows != NO_CHAR_NGRAM)  # (entries, 2)
        ngram_vectors = ops.cast(_lookup(self.ngram_embeddings, tf.gather_nd(rows, entries)), vectors.dtype)
        sums = ops.segment_sum(ngram_vectors, entries[:, 0], num_segments=ops.shape(distinct)[0])
        sums = sums / ops.sqrt(ops.maximum(n_ngrams, 1.0))[:, None]  # (distinct, output_dim)
        return vectors + ops.reshape(ops.take(sums, positions, axis=0), ops.shape(vectors))

    def compute_mask(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.embedding.compute_mask(ids, mask)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return *input_shape, self.embedding.output_dim

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "embedding": keras.saving.serialize_keras_object(self.embedding),
            "n_ngrams": self.n_ngrams,
            "n_per_token": self.n_per_token,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CharNgramEmbedding":
        return cls(**{**config, "embedding": keras.saving.deserialize_keras_object(config["embedding"])})


def _lookup(table: Any, rows: Tensor) -> Tensor:
    """Return rows of a variable. ``ops.take`` would copy the whole table if training changes it."""
    return tf.gather(table.value, rows)


def _previous(values: Tensor, first: int) -> Tensor:
    """Return the values of the step before, and ``first`` for the first step: (batch, time)."""
    return ops.pad(values[:, :-1], [[0, 0], [1, 0]], constant_values=first)
