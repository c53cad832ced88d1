"""Initial vectors of tokens and n-grams: the log-count ratios of naive Bayes (Wang & Manning 2012)."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from skrnn.sequences._ngrams import ngram_rows, previous_in
from skrnn.sequences._storage import FIRST_TOKEN

# Standard deviation of the ratios in the vectors. The other dimensions start within 0.05 of zero.
_SCALE = 0.3


def start_with_naive_bayes(
    weights: dict[str, np.ndarray],
    sequences: sparse.csr_matrix,
    indicators: np.ndarray,
    document_weights: np.ndarray | None,
) -> None:
    """Write the log-count ratios of the classes into the first dimensions of the vectors, in place.

    At most half of the dimensions are used. If there are more classes, these are the principal components of the
    ratios. Two classes need one dimension, because the ratios of one class are the negative of the other's.

    Parameters
    ----------
    weights : dict of str to ndarray
        Initial weights of the network.
    sequences : csr_matrix of shape (n_documents, longest)
        Token ids of the training documents.
    indicators : ndarray of shape (n_documents, n_classes)
        1 where a document has a class, else 0.
    document_weights : ndarray of shape (n_documents,) or None
        Weights of the documents.
    """
    embedding = weights["embedding"]
    indicators = indicators[:, 1:] if indicators.shape[1] == 2 else indicators
    n_dims = max(embedding.shape[1] // 2, 1)
    occurrences = _occurrences(sequences, sequences.data, len(embedding))
    ratios = _log_count_ratios(occurrences, indicators, document_weights)[FIRST_TOKEN:]
    if len(ratios) < 2:  # the ratios of a single token have no spread
        return
    directions = np.eye(ratios.shape[1], dtype=np.float32)
    if ratios.shape[1] > n_dims:
        directions = np.linalg.eigh(np.cov(ratios, rowvar=False))[1][:, : -n_dims - 1 : -1].astype(np.float32)
    features = ratios @ directions
    if not features.std() > 0:  # every token is in every document
        return
    directions *= _SCALE / features.std()
    n_dims = directions.shape[1]
    embedding[:FIRST_TOKEN, :n_dims] = 0
    embedding[FIRST_TOKEN:, :n_dims] = ratios @ directions
    if "ngram_embedding" in weights:
        vectors = weights["ngram_embedding"]
        rows = ngram_rows(sequences.data, previous_in(sequences), weights["ngram_keys"], weights["ngram_slots"])
        ratios = _log_count_ratios(_occurrences(sequences, rows, len(vectors)), indicators, document_weights)
        vectors[1:, :n_dims] = ratios[1:] @ directions


def _occurrences(sequences: sparse.csr_matrix, ids: np.ndarray, n_ids: int) -> sparse.csr_matrix:
    """Return a matrix with ones where a document contains an id: (n_documents, n_ids)."""
    shape = sequences.shape[0], n_ids
    matrix = sparse.csr_matrix((np.ones(len(ids)), ids.copy(), sequences.indptr.copy()), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _log_count_ratios(
    occurrences: sparse.csr_matrix, indicators: np.ndarray, document_weights: np.ndarray | None
) -> np.ndarray:
    """Return the log-count ratio of each id for each class: float32 of shape (n_ids, n_classes).

    The ratio is the logarithm of the id's smoothed share of the documents of the class, over its share of all
    other documents.
    """
    weights = np.ones(len(indicators)) if document_weights is None else document_weights.astype(np.float64)
    inside = occurrences.T @ (indicators * weights[:, None])  # (n_ids, n_classes)
    outside = (occurrences.T @ weights)[:, None] - inside
    return (_log_shares(inside) - _log_shares(outside)).astype(np.float32)


def _log_shares(counts: np.ndarray) -> np.ndarray:
    smoothed = np.maximum(counts, 0) + 1  # rounding may leave a difference of sums below zero
    return np.log(smoothed) - np.log(smoothed.sum(axis=0))
