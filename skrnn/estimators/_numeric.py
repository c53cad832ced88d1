"""What the estimators of numeric sequences share: the shapes that X may have."""

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from skrnn.estimators._base import BaseRNN
from skrnn.sequences._storage import RaggedArray

# Predictions are computed in the precision of X; training is always in float32.
_DTYPES = [np.float64, np.float32]


class NumericRNN(BaseRNN):
    """X is a list of sequences of vectors, a 3-D array, or a 2-D array of univariate series."""

    def _check_input(self, X, reset=False):
        if getattr(X, "ndim", None) == 1 and (hasattr(X, "to_list") or X.dtype == object):  # a Series or an array
            X = list(X)
        sequences = _list_of_sequences(X)
        if sequences is None and getattr(X, "ndim", None) == 3:
            sequences = list(check_array(X, dtype=_DTYPES, allow_nd=True, input_name="X"))
        if sequences is None:
            return self._check_series(X, reset)
        ragged = _check_sequences(sequences)
        n_features = ragged.data.shape[1]
        if reset:
            self._is_fitted_on_series = False
            self.n_features_in_ = self._n_features = n_features
            vars(self).pop("feature_names_in_", None)
        self._check_n_features(n_features)
        return ragged

    def _check_series(self, X, reset) -> RaggedArray:
        """A row is a series, a column a time step."""
        is_list = isinstance(X, list | tuple)  # whose series may be of another length than those of the fit
        if reset or (self._is_fitted_on_series and not is_list):
            X = validate_data(self, X, reset=reset, dtype=_DTYPES)
        else:
            X = check_array(X, dtype=_DTYPES, input_name="X")
        if reset:
            self._is_fitted_on_series = True
            self._n_features = 1
        self._check_n_features(1)
        return RaggedArray(X.reshape(-1, 1), np.arange(len(X) + 1) * X.shape[1])

    def _check_n_features(self, n_features):
        if n_features != self._n_features:
            raise ValueError(
                f"X has {n_features} features at each time step, but {type(self).__name__} is expecting "
                f"{self._n_features} features at each time step. A single sequence needs a list around it."
            )

    def _input(self, X):
        sequences = np.split(X.data, X.indptr[1:-1])
        if not self._is_fitted_on_series:
            return sequences
        series = [sequence.ravel() for sequence in sequences]
        # In a list, they may be of other lengths than those of the fit.
        return np.array(series) if set(map(len, series)) == {self.n_features_in_} else series

    def _fit_sequences(self, X):
        return X

    def _sequences(self, X):
        return X

    def _input_spec(self):
        return {"n_tokens": None, "n_features": self._n_features, "embedding_dropout": 0.0, "token_dropout": 0.0}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _list_of_sequences(X) -> list[np.ndarray] | None:
    """The sequences if X is a list of them; None if X is an array, or a list that is as good as one."""
    if not isinstance(X, list | tuple):
        return None
    if any(isinstance(sequence, str) for sequence in X):
        raise TypeError(
            "Expected sequences of numbers, got str. RNNTextClassifier and RNNTextRegressor take text."
        )
    sequences = [np.asarray(sequence) for sequence in X]
    shapes = {sequence.shape for sequence in sequences}
    if not shapes or min(map(len, shapes)) == 0:
        return None
    are_rows = len(shapes) == 1 and len(next(iter(shapes))) == 1 and shapes != {(0,)}
    return None if are_rows else sequences


def _check_sequences(sequences: list[np.ndarray]) -> RaggedArray:
    columns = [sequence[:, None] if sequence.ndim == 1 else sequence for sequence in sequences]
    for i, column in enumerate(columns):
        if column.ndim != 2 or column.shape[1] != columns[0].shape[1]:
            raise ValueError(
                "Expected every sequence to be an array of shape (n_steps, n_features) with the same n_features; "
                f"sequence 0 has shape {sequences[0].shape}, and sequence {i} {sequences[i].shape}."
            )
    ragged = RaggedArray.of(columns)
    try:
        data = check_array(ragged.data, dtype=_DTYPES, ensure_min_samples=0, input_name="X")
    except ValueError as error:
        is_bad = ~np.isfinite(ragged.data.astype(np.float64)).all(axis=1)
        i = np.searchsorted(ragged.indptr, is_bad.argmax(), side="right") - 1
        raise ValueError(f"{error} See sequence {i}." if is_bad.any() else str(error)) from error
    return RaggedArray(data, ragged.indptr)
