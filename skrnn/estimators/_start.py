"""How a network starts before it is trained: random weights, pretrained vectors, n-grams."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from scipy import sparse

from skrnn.network._char_ngrams import CharNgramVectors
from skrnn.network._spec import NetworkSpec
from skrnn.network._weights import initial_weights
from skrnn.sequences._ngrams import frequent_ngrams, ngram_table
from skrnn.sequences._storage import FIRST_TOKEN, UNKNOWN
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn.text._word_vectors import pretrained_vectors


class Start:
    """A start with random weights."""

    def weights(self, spec: NetworkSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the initial weights of the network."""
        return initial_weights(spec, rng)

    def char_ngrams(self, spec: NetworkSpec) -> CharNgramVectors | None:
        """Return the vectors of character n-grams, if tokens share any in training."""
        return None


@dataclass(frozen=True)
class TokenStart(Start):
    """A start for token ids.

    Parameters
    ----------
    pretrained : tuple of ndarray, or None
        Ids of tokens, and their pretrained vectors.
    ngram_keys : ndarray of int32, of shape (n_ngrams, 2)
        Keys of the n-grams of tokens that get vectors.
    char_ngram_rows : tuple of ndarray and int, or None
        Character n-grams of each token, and the number of their vectors.
    """

    pretrained: tuple[np.ndarray, np.ndarray] | None
    ngram_keys: np.ndarray
    char_ngram_rows: tuple[np.ndarray, int] | None

    @classmethod
    def find(
        cls,
        sequences: sparse.csr_matrix,
        vectorizer: SequenceVectorizer | None,
        char_ngram_rows: tuple[np.ndarray, int] | None,
        params: SimpleNamespace,
    ) -> TokenStart:
        """Return the start for training sequences. The vectorizer is None if only the ids are known."""
        pretrained = None
        if vectorizer is not None and params.embeddings is not None:
            positions, vectors = pretrained_vectors(
                params.embeddings, list(vectorizer.vocabulary_), vectorizer.strip_accents
            )
            pretrained = positions + FIRST_TOKEN, vectors
        # With fixed token vectors, few weights are trained. Vectors of n-grams would add many again.
        shares_vectors = params.network is None and params.trainable_embeddings
        n_most = params.max_ngrams if shares_vectors else 0
        keys = frequent_ngrams(sequences, n_most) if n_most else np.empty((0, 2), dtype=np.int32)
        return cls(pretrained, keys, char_ngram_rows)

    @property
    def n_ngrams(self) -> int:
        """Number of vectors for n-grams. The first one is for tokens that end no n-gram."""
        return len(self.ngram_keys) + 1 if len(self.ngram_keys) else 0

    def weights(self, spec: NetworkSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
        weights = initial_weights(spec, rng)
        if spec.n_ngrams:
            weights["ngram_keys"], weights["ngram_slots"] = ngram_table(self.ngram_keys, spec.n_ngrams)
        if self.pretrained is not None:
            ids, vectors = self.pretrained
            embedding = weights["embedding"]
            embedding *= vectors.std() / embedding.std()  # tokens without a pretrained vector get a similar length
            embedding[UNKNOWN] = vectors.mean(axis=0)
            embedding[ids] = vectors
        return weights

    def char_ngrams(self, spec: NetworkSpec) -> CharNgramVectors | None:
        if self.char_ngram_rows is None or not spec.trainable_embeddings:
            return None
        rows, n_vectors = self.char_ngram_rows
        if n_vectors == 1:  # tokens that are characters share none
            return None
        vectors = np.zeros((n_vectors, spec.n_features), dtype=np.float32)
        return CharNgramVectors(rows[: spec.n_tokens], vectors)
