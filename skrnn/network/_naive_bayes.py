"""Start a network as a naive Bayes classifier: vectors hold log-count ratios (Wang & Manning 2012)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, svds

from skrnn.sequences._ngrams import ngram_rows, previous_in
from skrnn.sequences._storage import FIRST_TOKEN

# Standard deviation of the ratios in the vectors. The other dimensions start within 0.05 of zero.
_SCALE = 0.3
_ROUNDING = 1e-9  # smaller differences of ratios are errors of rounding


def start_with_naive_bayes(
    weights: dict[str, np.ndarray],
    sequences: sparse.csr_matrix,
    indicators: sparse.csr_matrix,
    document_weights: np.ndarray | None,
    has_skip_connection: bool,
) -> None:
    """Write the log-count ratios of the classes into the first dimensions of the vectors, in place.

    At most half of the dimensions are used. If there are more classes, these are the principal components of the
    ratios. Two classes need one dimension, because the ratios of one class are the negative of the other's.

    With a skip connection, the output layer starts to add up the ratios of each class. Time and memory are linear
    in the number of tokens of the documents.

    Parameters
    ----------
    weights : dict of str to ndarray
        Initial weights of the network.
    sequences : csr_matrix of shape (n_documents, longest)
        Token ids of the training documents.
    indicators : csr_matrix of shape (n_documents, n_classes)
        1 where a document has a class, else 0.
    document_weights : ndarray of shape (n_documents,) or None
        Weights of the documents.
    has_skip_connection : bool
        Whether the output layer also reads the vectors of the tokens.
    """
    embedding = weights["embedding"]
    if weights["output/kernel"].shape[1] == 1:  # two classes
        indicators = indicators[:, [1]]
    ratios = _Ratios.of(_occurrences(sequences, sequences.data, len(embedding)), indicators, document_weights)
    tokens = ratios.take_from(FIRST_TOKEN)
    if tokens.n_ids < 2:  # the ratios of a single token have no spread
        return
    directions = tokens.principal_directions(max(embedding.shape[1] // 2, 1))  # (n_classes, n_dims)
    features = tokens.project(directions)
    spread = features.std()
    if spread < _ROUNDING:  # every token is in every document
        return
    n_dims = directions.shape[1]
    embedding[:FIRST_TOKEN, :n_dims] = 0
    embedding[FIRST_TOKEN:, :n_dims] = features * (_SCALE / spread)
    if "ngram_embedding" in weights:
        vectors = weights["ngram_embedding"]
        rows = ngram_rows(sequences.data, previous_in(sequences), weights["ngram_keys"], weights["ngram_slots"])
        ratios = _Ratios.of(_occurrences(sequences, rows, len(vectors)), indicators, document_weights)
        vectors[1:, :n_dims] = ratios.take_from(1).project(directions) * (_SCALE / spread)
    if has_skip_connection:
        kernel = weights["output/kernel"]  # its last rows are for the sum of the tokens' vectors
        first = len(kernel) - embedding.shape[1]
        # With smaller weights, random weights decide the first predictions. With larger ones, networks learn many
        # classes less well.
        kernel[first : first + n_dims] = np.abs(kernel).max() * directions.T


def _occurrences(sequences: sparse.csr_matrix, ids: np.ndarray, n_ids: int) -> sparse.csr_matrix:
    """Return a matrix with ones where a document contains an id: (n_documents, n_ids)."""
    shape = sequences.shape[0], n_ids
    matrix = sparse.csr_matrix((np.ones(len(ids)), ids.copy(), sequences.indptr.copy()), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


@dataclass(frozen=True)
class _Ratios:
    """The log-count ratio of each id for each class.

    The ratio is the logarithm of the id's smoothed share of the documents of the class, over its share of all
    other documents. The ratio of id ``i`` for class ``c`` is ``seen[i, c] + of_ids[i] + of_classes[c]``. Only the
    first term depends on how often both occur together, so that it is sparse.

    Parameters
    ----------
    seen : csr_matrix of shape (n_ids, n_classes)
    of_ids : ndarray of shape (n_ids,)
    of_classes : ndarray of shape (n_classes,)
    """

    seen: sparse.csr_matrix
    of_ids: np.ndarray
    of_classes: np.ndarray

    @classmethod
    def of(
        cls, occurrences: sparse.csr_matrix, indicators: sparse.csr_matrix, document_weights: np.ndarray | None
    ) -> _Ratios:
        n_documents, n_ids = occurrences.shape
        weights = np.ones(n_documents) if document_weights is None else document_weights.astype(np.float64)
        inside = sparse.csr_matrix(occurrences.T @ indicators.multiply(weights[:, None]))  # (n_ids, n_classes)
        total = occurrences.T @ weights  # (n_ids,)
        # log(1 + outside) is log(1 + total) + log(1 - inside / (1 + total)).
        shares = inside.data / np.repeat(1 + total, np.diff(inside.indptr))
        seen = sparse.csr_matrix(
            (np.log1p(inside.data) - np.log1p(-shares), inside.indices, inside.indptr), inside.shape
        )
        total_inside = np.asarray(inside.sum(axis=0)).ravel()
        total_outside = total.sum() - total_inside
        of_classes = np.log(n_ids + np.maximum(total_outside, 0)) - np.log(n_ids + total_inside)
        return cls(seen, -np.log1p(total), of_classes)

    @property
    def n_ids(self) -> int:
        return len(self.of_ids)

    def take_from(self, first: int) -> _Ratios:
        """Return the ratios without the first ids."""
        return _Ratios(self.seen[first:], self.of_ids[first:], self.of_classes)

    def principal_directions(self, n_most: int) -> np.ndarray:
        """Return orthonormal directions of the ratios, at most ``n_most``: (n_classes, n_dims).

        If there are more classes, they are the principal components of the ratios, or zeros if all ids have the
        same ratios.
        """
        seen, of_ids, n_classes = self.seen, self.of_ids, self.seen.shape[1]
        if n_classes <= n_most:
            return np.eye(n_classes)

        def centered_ratios(weights: np.ndarray) -> np.ndarray:  # (n_classes,) -> (n_ids,)
            ratios = seen @ weights.ravel() + of_ids * weights.sum()
            return ratios - ratios.mean()

        def transposed(weights: np.ndarray) -> np.ndarray:  # (n_ids,) -> (n_classes,)
            weights = weights.ravel() - weights.mean()
            return seen.T @ weights + of_ids @ weights

        n_dims = min(n_most, self.n_ids - 1)
        rng = np.random.default_rng(0)
        if np.abs(centered_ratios(rng.standard_normal(n_classes))).max() < _ROUNDING:
            return np.zeros((n_classes, n_dims))
        matrix = LinearOperator(seen.shape, matvec=centered_ratios, rmatvec=transposed, dtype=seen.dtype)
        start = rng.standard_normal(min(seen.shape))
        result: Any = svds(matrix, n_dims, v0=start, return_singular_vectors=cast(Any, "vh"))
        return result[2].T[:, ::-1]  # the largest first

    def project(self, directions: np.ndarray) -> np.ndarray:
        """Return the components of the ratios in some directions: (n_ids, n_dims)."""
        return (
            self.seen @ directions + np.outer(self.of_ids, directions.sum(axis=0)) + self.of_classes @ directions
        )
