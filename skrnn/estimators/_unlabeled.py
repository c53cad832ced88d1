"""Learning from text without labels: a linear model predicts them, and the network learns from all documents.

The linear model reads TF-IDF values of tokens and n-grams, and their latent semantic analysis (Deerwester et al.
1990). Both are computed from all documents, so that a word can indicate a class without occurring in a labelled
document. The confidence of a predicted label is the weight of the document in the loss (self-training, Yarowsky
1995).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from skrnn.estimators._samples import Samples, n_rows
from skrnn.estimators._targets import ClassTarget, MultilabelTarget, Target
from skrnn.sequences._ngrams import frequent_ngrams, ngram_rows, ngram_table, previous_in
from skrnn.sequences._storage import FIRST_TOKEN, id_counts, ragged_to_csr
from skrnn.utils._threads import SINGLE_THREADED_BLAS

# Bounds on the cost of the linear model.
_MOST_NGRAMS, _N_COMPONENTS = 200_000, 100
# Strength of the penalties. Documents have short vectors, which need large coefficients to separate classes.
_C, _ALPHA = 10.0, 1.0
_N_FOLDS = 5  # in which a regression measures how much of the variance it explains


def join_documents(X: Any, unlabeled: Any) -> Any:
    """Concatenate two lists of documents, or two matrices of token ids."""
    if isinstance(X, list):
        return X + unlabeled
    return ragged_to_csr(
        np.concatenate([X.data, unlabeled.data]), np.concatenate([np.diff(X.indptr), np.diff(unlabeled.indptr)])
    )


def label_documents(training: Samples, unlabeled: Any, sequences: Any, target: Target) -> Samples:
    """Return the training samples, followed by the other documents with labels of a linear model.

    Parameters
    ----------
    training : Samples
    unlabeled : list of str or csr_matrix
        Checked documents without labels.
    sequences : csr_matrix of shape (n_samples + n_unlabeled, longest)
        Token ids of the training samples, followed by the others.
    target : Target
        The target of the training samples.
    """
    with SINGLE_THREADED_BLAS:  # so that the labels do not depend on the number of threads
        features = _features(sequences)
        labels, confidence = _predicted_labels(features, training, target)
    outputs = labels if labels.ndim == 2 else np.eye(target.n_outputs)[labels]
    sample_weight = training.sample_weight.mean() * confidence
    return Samples(
        join_documents(training.X, unlabeled),
        np.concatenate([training.y, target.decode(outputs)]),
        np.concatenate([training.encoded, labels]),
        np.concatenate([training.weights, sample_weight * target.class_weights(labels)]),
        np.concatenate([training.sample_weight, sample_weight]),
        np.concatenate(
            [training.positions, [f"X_unlabeled[{i}]" for i in range(n_rows(unlabeled))]], dtype=object
        ),
        n_unlabeled=n_rows(unlabeled),
    )


def _features(sequences: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return TF-IDF values of the tokens and n-grams of at least two documents, and their principal components."""
    keys = frequent_ngrams(sequences, _MOST_NGRAMS)
    keys, slots = ngram_table(keys, len(keys) + 1)
    rows = ngram_rows(sequences.data, previous_in(sequences), keys, slots)
    n_tokens = int(sequences.data.max(initial=FIRST_TOKEN)) + 1
    of_tokens, of_ngrams = id_counts(sequences, sequences.data, n_tokens), id_counts(sequences, rows, len(keys))
    counts = sparse.hstack([of_tokens[:, FIRST_TOKEN:], of_ngrams[:, 1:]], format="csr")
    counts = counts[:, np.bincount(counts.indices, minlength=counts.shape[1]) > 1]
    if counts.shape[1] == 0:  # no token is in two documents, so a constant feature is all there is
        return sparse.csr_matrix(np.zeros((sequences.shape[0], 1), dtype=np.float32))
    tfidf = TfidfTransformer(sublinear_tf=True).fit_transform(counts).astype(np.float32)
    n_components = min(_N_COMPONENTS, *tfidf.shape)
    vectors, scales, _ = randomized_svd(tfidf, n_components, n_iter=3, random_state=0)
    return sparse.hstack([tfidf, normalize(vectors * scales)], format="csr")


def _predicted_labels(
    features: sparse.csr_matrix, training: Samples, target: Target
) -> tuple[np.ndarray, np.ndarray]:
    """Return targets of the network for the documents without labels, and their confidence, from 0 to 1."""
    labeled, unlabeled = features[: len(training)], features[len(training) :]
    weights = training.weights / training.weights.mean()
    if isinstance(target, ClassTarget):
        classes = target.strata(training.encoded)
        probabilities = _probabilities(labeled, classes, weights, unlabeled)
        best = np.unique(classes)[probabilities.argmax(axis=1)]
        chance = 1 / len(target.classes)
        return target.encode(target.classes[best]), (probabilities.max(axis=1) - chance) / (1 - chance)
    if isinstance(target, MultilabelTarget):
        # Probabilities, because rounding would make rare labels even rarer.
        columns = [_probabilities(labeled, column, weights, unlabeled)[:, -1] for column in training.encoded.T]
        constant = np.ptp(training.encoded, axis=0) == 0
        labels = np.where(constant, training.encoded[0], np.stack(columns, axis=1))
        return labels.astype(np.float32), np.ones(len(labels))
    return _numbers(labeled, training.encoded, weights, unlabeled)


def _probabilities(
    labeled: sparse.csr_matrix, classes: np.ndarray, weights: np.ndarray, unlabeled: sparse.csr_matrix
) -> np.ndarray:
    """Return the probability of each class that occurs: (n_unlabeled, n_classes)."""
    if np.ptp(classes) == 0:
        return np.ones((unlabeled.shape[0], 1))
    return LogisticRegression(C=_C, max_iter=300).fit(labeled, classes, weights).predict_proba(unlabeled)


def _numbers(
    labeled: sparse.csr_matrix, y: np.ndarray, weights: np.ndarray, unlabeled: sparse.csr_matrix
) -> tuple[np.ndarray, np.ndarray]:
    """Return predicted numbers, and as confidence the share of the variance that predictions explain."""
    held_out = np.zeros_like(y)
    splits = KFold(min(_N_FOLDS, len(y)), shuffle=True, random_state=0).split(y) if len(y) > 1 else ()
    for train, test in splits:
        held_out[test] = _ridge(labeled[train], y[train], weights[train], labeled[test])
    explained = 1 - (weights @ (y - held_out) ** 2).sum() / max((weights @ y**2).sum(), 1e-9)  # y has mean 0
    predicted = _ridge(labeled, y, weights, unlabeled)
    return predicted, np.full(len(predicted), np.clip(explained, 0, 1))


def _ridge(
    labeled: sparse.csr_matrix, y: np.ndarray, weights: np.ndarray, unlabeled: sparse.csr_matrix
) -> np.ndarray:
    model = Ridge(_ALPHA, solver="lsqr", tol=1e-6).fit(labeled, y, weights)
    return model.predict(unlabeled).reshape(-1, y.shape[1]).astype(y.dtype)
