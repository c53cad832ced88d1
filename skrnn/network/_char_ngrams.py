"""Vectors of character n-grams, which tokens with similar spelling share in training.

During training, each token's vector is a vector for the token alone, plus the sum of its n-grams' vectors divided
by the square root of their number. The trained network holds only the results.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skrnn.text._char_ngrams import MOST_PER_TOKEN, NO_CHAR_NGRAM
from skrnn.utils._parameters import is_plain_array

# Names of training weights. The embedding then holds the tokens' own vectors, without their n-grams.
_VECTORS, _ROWS, _EMBEDDING = "char_ngram_embedding", "char_ngram_rows", "embedding"


@dataclass(frozen=True, eq=False)
class CharNgramVectors:
    """The vectors that the tokens' vectors consist of during training.

    Parameters
    ----------
    rows : ndarray of int32, of shape (n_tokens, MOST_PER_TOKEN)
        The n-grams of each token, as rows of ``vectors``, filled up with zeros.
    vectors : ndarray of float32, of shape (n_char_ngrams, dim)
        Vectors of the n-grams. The first one is for no n-gram.
    token_vectors : ndarray of float32, of shape (n_tokens, dim), or None
        Vectors of the tokens without their n-grams. None if training begins, when the n-grams still add nothing.
    """

    rows: np.ndarray
    vectors: np.ndarray
    token_vectors: np.ndarray | None = None

    def sums(self) -> np.ndarray:
        """Return the n-grams' part of each token's vector, of shape (n_tokens, dim).

        It is the sum of their vectors divided by the square root of their number.
        """
        is_present = self.rows != NO_CHAR_NGRAM
        n_present = is_present.sum(axis=1)
        shares = np.repeat(1 / np.sqrt(np.maximum(n_present, 1)), n_present).astype(self.vectors.dtype)
        indptr = np.concatenate([[0], np.cumsum(n_present)])
        shape = len(self.rows), len(self.vectors)
        return sparse.csr_matrix((shares, self.rows[is_present], indptr), shape=shape) @ self.vectors

    def check(self, embedding_shape: tuple[int, ...]) -> None:
        """Raise ValueError unless these are vectors for an embedding of this shape."""
        n_tokens, dim = embedding_shape
        expected = {
            "rows": (np.int32, (n_tokens, MOST_PER_TOKEN)),
            "vectors": (np.float32, (len(self.vectors), dim)),
            "token_vectors": (np.float32, (n_tokens, dim)),
        }
        for name, (dtype, shape) in expected.items():
            array = getattr(self, name)
            if not is_plain_array(array) or array.dtype != dtype or array.shape != shape:
                raise ValueError(
                    f"Expected {name} of the character n-grams as {np.dtype(dtype)} of shape {shape}."
                )
            if not np.all(np.isfinite(array)):
                raise ValueError(f"The {name} of the character n-grams contain infinity or NaN.")
        if self.rows.min() < 0 or self.rows.max() >= len(self.vectors):
            raise ValueError(f"The rows of the character n-grams exceed the {len(self.vectors)} vectors.")


def to_training_weights(
    weights: dict[str, np.ndarray], char_ngrams: CharNgramVectors | None
) -> dict[str, np.ndarray]:
    """Return a network's weights as training changes them. The weights of the n-grams come first."""
    if char_ngrams is None:
        return weights
    training_weights = {_VECTORS: char_ngrams.vectors, _ROWS: char_ngrams.rows, **weights}
    if char_ngrams.token_vectors is not None:
        training_weights[_EMBEDDING] = char_ngrams.token_vectors
    return training_weights


def from_training_weights(
    training_weights: dict[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], CharNgramVectors | None]:
    """Return the weights of the network that predicts, and the vectors with which training resumes."""
    if _VECTORS not in training_weights:
        return training_weights, None
    char_ngrams = CharNgramVectors(
        rows=training_weights[_ROWS],
        vectors=training_weights[_VECTORS],
        token_vectors=training_weights[_EMBEDDING],
    )
    weights = {name: weight for name, weight in training_weights.items() if name not in (_VECTORS, _ROWS)}
    weights[_EMBEDDING] = training_weights[_EMBEDDING] + char_ngrams.sums()
    return weights, char_ngrams
