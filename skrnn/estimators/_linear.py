"""The linear part of a text network: a linear model on tokens, their n-grams and their character n-grams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.svm import LinearSVC

from skrnn.sequences._ngrams import NO_NGRAM, all_ngram_rows, previous_in
from skrnn.sequences._storage import PADDING

_N_FOLDS = 3


@dataclass(frozen=True)
class Features:
    """Counts of tokens and of n-grams in documents, and how tokens share character n-grams.

    Parameters
    ----------
    tokens : csr_matrix of shape (n_documents, n_tokens)
    ngrams : csr_matrix of shape (n_documents, n_ngrams)
    char_ngrams : csr_matrix of shape (n_tokens, n_char_ngrams)
    """

    tokens: sparse.csr_matrix
    ngrams: sparse.csr_matrix
    char_ngrams: sparse.csr_matrix


def document_features(sequences, n_tokens, keys, slots, char_ngram_rows):
    n_documents = sequences.shape[0]
    documents = np.repeat(np.arange(n_documents), np.diff(sequences.indptr))
    tokens = sparse.csr_matrix(
        (np.ones(len(sequences.data)), (documents, sequences.data)), shape=(n_documents, n_tokens)
    )
    counts = sparse.csr_matrix((n_documents, max(len(keys), 1)))
    if len(keys):
        for rows in all_ngram_rows(sequences.data, previous_in(sequences), keys, slots):
            found = rows != NO_NGRAM
            counts = counts + sparse.csr_matrix(
                (np.ones(found.sum()), (documents[found], rows[found])), shape=counts.shape
            )
    chars = sparse.csr_matrix((n_tokens, 1))
    if char_ngram_rows is not None:
        rows, n_vectors = char_ngram_rows
        t, j = np.nonzero(rows)
        chars = sparse.csr_matrix((np.ones(len(t)), (t, rows[t, j])), shape=(n_tokens, n_vectors))
        df = np.bincount(chars.indices, minlength=n_vectors)
        chars = chars.multiply(np.log(1 + n_tokens / (1 + df))).tocsr()
        norms = np.sqrt(np.asarray(chars.multiply(chars).sum(axis=1)).ravel())
        chars = sparse.diags(1 / np.maximum(norms, 1e-9)) @ chars
    return Features(tokens, counts.tocsr(), chars.tocsr())
