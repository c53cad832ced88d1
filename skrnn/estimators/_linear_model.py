"""The linear model beside a network: it adds up weights of tokens, token n-grams and character n-grams.

Documents become vectors of TF-IDF for a linear SVM. The weights of the character n-grams are then added to the
weights of the tokens that contain them. A prediction looks up tokens, token n-grams, and the character n-grams of
unknown words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logit
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from skrnn.network._spec import NetworkSpec
from skrnn.network._weights import CHAR_NGRAMS, LINEAR
from skrnn.sequences._ngrams import NO_NGRAM, all_ngram_rows, ngram_tokens, previous_in
from skrnn.sequences._storage import id_counts, known_ids, with_known_ids
from skrnn.utils._threads import SINGLE_THREADED_BLAS

# A linear model with more coefficients is left out. They take 256 MB, and a fit holds several copies.
_MOST_WEIGHTS = 2**25

# Documents are held out to calibrate the scores: a third of them, or all in turn if there are few.
_N_FOLDS, _N_HELD_OUT = 3, 1000

# The score of a class that does not occur. The loss of a linear SVM is small for scores of about this size.
_ABSENT = -1.0

# The smallest factor of calibrated scores. With few documents, a smaller factor can be an accident, and would
# leave the decision to a network that has learned little.
_SMALLEST_SCALE = 0.5

_TOLERANCE = 1e-3  # of the linear SVM; smaller ones take longer and do not make better predictions


def fit_linear_model(
    spec: NetworkSpec,
    weights: dict[str, np.ndarray],
    sequences: sparse.csr_matrix,
    spellings: sparse.csr_matrix | None,
    targets: np.ndarray,
    sample_weight: np.ndarray | None,
    label_weights: np.ndarray | None,
    n_labeled: int,
    n_tokens: int,
) -> dict[str, np.ndarray]:
    """Return the weights of a linear model by name, or no weights if there would be too many.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of str to ndarray
        Weights of the network, with the table of its n-grams.
    sequences : csr_matrix of shape (n_documents, longest)
        Token ids of the training documents.
    spellings : csr_matrix of shape (n_ids, n_char_ngrams), or None
        Character n-grams of each token, and behind them of unknown words.
    targets : ndarray of shape (n_documents,) or (n_documents, n_outputs)
        The targets of the network.
    sample_weight : ndarray of shape (n_documents,) or None
    label_weights : ndarray of shape (n_labels, 2), or None
        Weights of the absence and of the presence of each label.
    n_labeled : int
        The first documents, whose targets are certain, calibrate the scores.
    n_tokens : int
        Number of token ids.
    """
    n_columns = n_tokens + spec.n_ngrams + (0 if spellings is None else spellings.shape[1])
    if n_columns * spec.n_outputs > _MOST_WEIGHTS:
        return {}
    columns = _Columns.of(sequences, n_tokens, weights, spellings)
    X = columns.transform(sequences)
    weights_of_samples = np.ones(X.shape[0]) if sample_weight is None else sample_weight.astype(np.float64)
    all_weights = np.broadcast_to(weights_of_samples[:, None], (X.shape[0], spec.n_outputs))
    if label_weights is not None:
        all_weights = all_weights * np.where(targets > 0.5, label_weights[:, 1], label_weights[:, 0])
    fit = _fit_softmax if spec.output_activation == "softmax" else _fit_sigmoid
    with SINGLE_THREADED_BLAS:  # so that the weights do not depend on the number of threads
        coef, intercept = fit(X, targets, all_weights, n_labeled)
    linear = {**columns.weights(coef), f"{LINEAR}bias": intercept}
    return {name: weight.astype(np.float32) for name, weight in linear.items() if len(weight)}


@dataclass(frozen=True)
class _Columns:
    """The columns of a linear model: tokens, their character n-grams, and n-grams of tokens.

    A document's vector is the sum of the vectors of its tokens and n-grams, divided by the root of the number of
    tokens. Tokens and n-grams have the weights of TF-IDF.

    Parameters
    ----------
    n_tokens : int
        Number of ids of known tokens.
    of_tokens : csr_matrix of shape (n_ids, n_tokens + n_char_ngrams)
        The vector of each token: the token itself, and its character n-grams. Unknown words are the unknown
        token.
    of_char_ngrams : ndarray of shape (n_char_ngrams,)
        The value of each character n-gram in an unknown word.
    of_ngrams : ndarray of shape (n_ngrams,)
        The value of each n-gram of tokens.
    table : tuple of ndarray
        The table of the n-grams, or no arrays if there are none.
    """

    n_tokens: int
    of_tokens: sparse.csr_matrix
    of_char_ngrams: np.ndarray
    of_ngrams: np.ndarray
    table: tuple[np.ndarray, ...]

    @classmethod
    def of(
        cls,
        sequences: sparse.csr_matrix,
        n_tokens: int,
        weights: dict[str, np.ndarray],
        spellings: sparse.csr_matrix | None,
    ) -> _Columns:
        table = tuple(weights[name] for name in ("ngram_keys", "ngram_slots") if name in weights)
        of_words = sparse.csr_matrix((n_tokens, 0)) if spellings is None else spellings
        idf = _idf(id_counts(sequences, sequences.data, of_words.shape[0]))
        of_ngrams = _idf(_ngram_counts(with_known_ids(sequences, n_tokens), table))
        of_ngrams[:1] = 0  # NO_NGRAM
        # In units of a typical token, vectors have lengths of about 1, for which the penalty of the SVM is made.
        typical = idf[np.unique(sequences.data)].mean() if sequences.nnz else 1.0
        rarity = _rarity(of_words[:n_tokens])
        idf[n_tokens:] = unseen = np.log(1 + sequences.shape[0]) + 1
        itself = sparse.eye(n_tokens, format="csr")[known_ids(np.arange(len(idf)), n_tokens)]
        of_tokens = sparse.diags(idf / typical) @ sparse.hstack([itself, of_words @ sparse.diags(rarity)])
        return cls(n_tokens, sparse.csr_matrix(of_tokens), unseen / typical * rarity, of_ngrams / typical, table)

    def transform(self, sequences: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return the vectors of documents: (n_documents, n_columns)."""
        tokens = id_counts(sequences, sequences.data, self.of_tokens.shape[0]) @ self.of_tokens
        known = with_known_ids(sequences, self.n_tokens)
        ngrams = _ngram_counts(known, self.table) @ sparse.diags(self.of_ngrams)
        roots = np.sqrt(np.maximum(np.diff(sequences.indptr), 1))
        return sparse.csr_matrix(sparse.diags(1 / roots) @ sparse.hstack([tokens, ngrams]))

    def weights(self, coef: np.ndarray) -> dict[str, np.ndarray]:
        """Return the weights by name, without the bias, from the coefficients (n_columns, n_outputs)."""
        n_first = self.of_tokens.shape[1]
        of_ngrams = self.of_ngrams[:, None] * coef[n_first:]
        return {
            f"{LINEAR}tokens": self.of_tokens[: self.n_tokens] @ coef[:n_first],
            f"{LINEAR}ngrams": _with_shorter_ngrams(of_ngrams, self.table),
            CHAR_NGRAMS: self.of_char_ngrams[:, None] * coef[self.n_tokens : n_first],
        }


def _ngram_counts(sequences: sparse.csr_matrix, table: tuple[np.ndarray, ...]) -> sparse.csr_matrix:
    """Return how often each document contains each n-gram: (n_documents, n_ngrams).

    An n-gram also counts at the end of a longer one. The column NO_NGRAM counts the tokens without an n-gram.
    """
    if not table:
        return sparse.csr_matrix((sequences.shape[0], 0))
    keys, slots = table
    total = sparse.csr_matrix((sequences.shape[0], len(keys)))
    for rows in all_ngram_rows(sequences.data, previous_in(sequences), keys, slots):
        total = total + id_counts(sequences, rows, len(keys))
    return total


def _idf(counts: sparse.csr_matrix) -> np.ndarray:
    """Return the inverse document frequency of each column, as TfidfTransformer does."""
    n_documents = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.log((1 + counts.shape[0]) / (1 + n_documents)) + 1


def _rarity(spellings: sparse.csr_matrix) -> np.ndarray:
    """Return how rare each character n-gram is among the tokens, with a mean of 1: (n_char_ngrams,)."""
    rarity = _idf(spellings) - 1
    return rarity / rarity.mean() if len(rarity) else rarity


def _with_shorter_ngrams(values: np.ndarray, table: tuple[np.ndarray, ...]) -> np.ndarray:
    """Add the values of shorter n-grams to the values of the n-grams that end with them.

    A prediction looks up the longest n-gram that ends with a token, which stands for all of them.
    """
    if not table:
        return values
    sequences, lengths = ngram_tokens(table[0])
    ends = sequences.indptr[1:] - 1
    total = np.zeros_like(values)
    for length, rows in enumerate(all_ngram_rows(sequences.data, previous_in(sequences), *table), start=2):
        found = rows[ends]
        found[length > lengths] = NO_NGRAM
        total += values[found]
    return total


# Fits. Weights have the shape (n_documents, n_outputs). Each fit returns the coefficients, (n_columns, n_outputs),
# and the intercepts, (n_outputs,), of the logits.

_Model = tuple[np.ndarray, np.ndarray]


def _fit_softmax(X: sparse.csr_matrix, targets: np.ndarray, all_weights: np.ndarray, n_labeled: int) -> _Model:
    n_outputs, weights = all_weights.shape[1], all_weights[:, 0]

    def svm(rows: np.ndarray) -> _Model:
        return _linear_svm(X[rows], targets[rows], weights[rows], n_outputs)

    coef, intercept = svm(np.arange(len(targets)))
    if n_labeled < _N_FOLDS * len(np.unique(targets)):  # too few for calibration
        return coef, intercept
    rows, scores = _held_out_scores(X, targets[:n_labeled], svm)
    smoothing = 1 / (len(rows) + 2)

    def loss(log_scale: float) -> float:
        log_probabilities = log_softmax(np.exp(log_scale) * scores, axis=1)
        of_targets, of_all = log_probabilities[range(len(rows)), targets[rows]], log_probabilities.mean(axis=1)
        return -float(weights[rows] @ ((1 - smoothing) * of_targets + smoothing * of_all))

    scale = np.exp(minimize_scalar(loss, bounds=(np.log(_SMALLEST_SCALE), 4), method="bounded").x)
    return scale * coef, scale * intercept


def _fit_sigmoid(X: sparse.csr_matrix, targets: np.ndarray, all_weights: np.ndarray, n_labeled: int) -> _Model:
    columns = zip((targets > 0.5).astype(int).T, all_weights.T, strict=True)
    models = [_fit_binary(X, y, weights, n_labeled, targets.shape[1] > 1) for y, weights in columns]
    coefs, intercepts = zip(*models, strict=True)
    return np.stack(coefs, axis=1), np.array(intercepts)


def _fit_binary(
    X: sparse.csr_matrix, y: np.ndarray, weights: np.ndarray, n_labeled: int, has_offset: bool
) -> tuple[np.ndarray, float]:
    """Return the coefficients and the intercept of a class, or of a label.

    The offset makes the probabilities of rare labels right on average. Two classes have no offset, because
    fewer samples of the rarer class would be found.
    """
    seen = np.flatnonzero(weights)
    n_labeled = int(np.searchsorted(seen, n_labeled))
    X, y, weights = X[seen], y[seen], weights[seen]
    if len(np.unique(y)) < 2 or n_labeled < _N_FOLDS:
        share = (weights @ y + 0.5) / (weights.sum() + 1)
        return np.zeros(X.shape[1]), float(logit(share))

    def svm(rows: np.ndarray) -> _Model:
        return _linear_svm(X[rows], y[rows], weights[rows], 1)

    rows, scores = _held_out_scores(X, y[:n_labeled], svm)
    coef, intercept = svm(np.arange(len(y)))
    n_present, n_absent = np.sum(y[rows] == 1), np.sum(y[rows] == 0)
    target = np.where(y[rows] == 1, (n_present + 1) / (n_present + 2), 1 / (n_absent + 2))  # (Platt 1999)
    calibration = LogisticRegression(C=1e4, fit_intercept=has_offset).fit(
        np.concatenate([scores, scores]),
        np.repeat([1, 0], len(rows)),
        np.concatenate([weights[rows] * target, weights[rows] * (1 - target)]),
    )
    smallest = 0.0 if has_offset else _SMALLEST_SCALE
    slope, offset = max(calibration.coef_.item(), smallest), np.ravel(calibration.intercept_)[0]
    return slope * coef[:, 0], slope * intercept[0] + offset


def _linear_svm(X: sparse.csr_matrix, y: np.ndarray, weights: np.ndarray, n_outputs: int) -> _Model:
    """Return one SVM for two classes, or one for each class, from the numbers of the classes."""
    coef, intercept = np.zeros((X.shape[1], n_outputs)), np.full(n_outputs, _ABSENT)
    seen = np.flatnonzero(weights)
    X, y, weights = X[seen], y[seen], weights[seen]
    present = np.unique(y)
    if len(present) < 2:
        is_present = n_outputs > 1 or np.any(present)
        intercept[present if n_outputs > 1 else 0] = -_ABSENT if is_present else _ABSENT
        return coef, intercept
    # The solver of the dual problem would draw random numbers from a generator that all threads share.
    svm: Any = LinearSVC(dual=False, tol=_TOLERANCE, random_state=0).fit(X, y, weights)
    if len(present) == 2 and n_outputs > 1:  # the others are absent
        coef[:, present] = np.stack([-svm.coef_[0], svm.coef_[0]], axis=1)
        intercept[present] = -svm.intercept_[0], svm.intercept_[0]
    else:
        columns = present if n_outputs > 1 else [0]
        coef[:, columns], intercept[columns] = svm.coef_.T, svm.intercept_
    return coef, intercept


def _held_out_scores(
    X: sparse.csr_matrix, strata: np.ndarray, fit: Callable[[np.ndarray], _Model]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of held-out documents, and their scores from models that have not seen them.

    Documents beyond the strata are never held out.
    """
    order = np.random.default_rng(0).permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    fold = np.full(X.shape[0], -1)
    fold[order] = np.arange(len(strata)) % _N_FOLDS  # classes are spread over the folds
    rows, scores = [], []
    for held_out in range(_N_FOLDS):
        rows.append(np.flatnonzero(fold == held_out))
        training = np.flatnonzero(fold != held_out)
        coef, intercept = fit(training)
        scores.append(X[rows[-1]] @ coef + intercept)
        if sum(map(len, rows)) >= _N_HELD_OUT:
            break
    return np.concatenate(rows), np.concatenate(scores)
