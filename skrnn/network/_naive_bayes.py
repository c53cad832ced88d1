"""What naive Bayes says of each token and n-gram: where their vectors start. No Keras here."""

import numpy as np
from scipy import sparse

from skrnn.sequences._ngrams import ngram_rows, previous_in
from skrnn.sequences._storage import FIRST_TOKEN

# Standard deviation of the ratios in the vectors; the other dimensions start within 0.05 of zero.
_SCALE = 0.3


def start_with_naive_bayes(weights, X: sparse.csr_matrix, memberships, document_weights) -> None:
    """Put the log-count ratios of the classes into the first dimensions of the vectors, in place.

    At most half of the dimensions are taken: of more classes, the directions in which the ratios of the tokens
    spread most. Two classes take one, as the ratios of one are the negative of the other's.
    """
    embedding = weights["embedding"]
    memberships = memberships[:, 1:] if memberships.shape[1] == 2 else memberships
    n_dims = max(embedding.shape[1] // 2, 1)
    ratios = _log_count_ratios(_occurrences(X, X.data, len(embedding)), memberships, document_weights)[
        FIRST_TOKEN:
    ]
    if len(ratios) < 2:  # one token tells nothing, and spreads in no direction
        return
    directions = np.eye(ratios.shape[1], dtype=np.float32)
    if ratios.shape[1] > n_dims:
        directions = np.linalg.eigh(np.cov(ratios, rowvar=False))[1][:, : -n_dims - 1 : -1].astype(np.float32)
    features = ratios @ directions
    if not features.std() > 0:  # every token is everywhere
        return
    directions *= _SCALE / features.std()
    n_dims = directions.shape[1]
    embedding[:FIRST_TOKEN, :n_dims] = 0
    embedding[FIRST_TOKEN:, :n_dims] = ratios @ directions
    if "ngram_embedding" in weights:
        ngrams = weights["ngram_embedding"]
        rows = ngram_rows(X.data, previous_in(X), weights["ngram_keys"], weights["ngram_slots"])
        ratios = _log_count_ratios(_occurrences(X, rows, len(ngrams)), memberships, document_weights)
        ngrams[1:, :n_dims] = ratios[1:] @ directions


def _occurrences(X: sparse.csr_matrix, ids: np.ndarray, n_ids: int) -> sparse.csr_matrix:
    """Ones where an id is in a document: (n_documents, n_ids)."""
    matrix = sparse.csr_matrix((np.ones(len(ids)), ids.copy(), X.indptr.copy()), shape=(X.shape[0], n_ids))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _log_count_ratios(occurrences: sparse.csr_matrix, memberships, document_weights) -> np.ndarray:
    """How much each token speaks for each class [Wang2012]: float32 of shape (n_tokens, n_classes).

    It is the logarithm of its smoothed share of the documents of the class, over that of all the others.
    """
    weights = np.ones(len(memberships)) if document_weights is None else document_weights.astype(np.float64)
    inside = occurrences.T @ (memberships * weights[:, None])  # (n_tokens, n_classes)
    outside = (occurrences.T @ weights)[:, None] - inside
    return (_log_shares(inside) - _log_shares(outside)).astype(np.float32)


def _log_shares(counts: np.ndarray) -> np.ndarray:
    smoothed = np.maximum(counts, 0) + 1  # a difference of sums of weights may be a little below zero
    return np.log(smoothed) - np.log(smoothed.sum(axis=0))
