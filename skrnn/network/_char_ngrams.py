"""Vectors of character n-grams: how tokens that are spelled alike learn from each other.

In training, the vector of a token is the sum of its own vector and those of its n-grams. The trained network holds
the sums alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skrnn.text._char_ngrams import MOST_PER_TOKEN, NO_CHAR_NGRAM


@dataclass(frozen=True, eq=False)
class CharNgramVectors:
    """What the vectors of tokens are made of in training.

    Parameters
    ----------
    rows : ndarray of int32, of shape (n_tokens, MOST_PER_TOKEN)
        The n-grams of each token, as rows of ``vectors``, filled up with zeros.
    vectors : ndarray of float32, of shape (n_char_ngrams, dim)
        Vectors of the n-grams. The first one is for no n-gram.
    token_vectors : ndarray of float32, of shape (n_tokens, dim), or None
        Vectors of the tokens without their n-grams. None for a training that begins: the n-grams still add nothing.
    """

    rows: np.ndarray
    vectors: np.ndarray
    token_vectors: np.ndarray | None = None

    def sums(self) -> np.ndarray:
        """Return what the n-grams add to each token: their sum over the root of their number, (n_tokens, dim)."""
        present = self.rows != NO_CHAR_NGRAM
        n_present = present.sum(axis=1)
        shares = np.repeat(1 / np.sqrt(np.maximum(n_present, 1)), n_present).astype(self.vectors.dtype)
        indptr = np.concatenate([[0], np.cumsum(n_present)])
        matrix = sparse.csr_matrix((shares, self.rows[present], indptr), shape=(len(self.rows), len(self.vectors)))
        return matrix @ self.vectors

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
            if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
                raise ValueError(f"Expected {name} of the character n-grams as {np.dtype(dtype)} of shape {shape}.")
            if not np.all(np.isfinite(array)):
                raise ValueError(f"The {name} of the character n-grams contain infinity or NaN.")
        if self.rows.min() < 0 or self.rows.max() >= len(self.vectors):
            raise ValueError(f"The rows of the character n-grams exceed the {len(self.vectors)} vectors.")
