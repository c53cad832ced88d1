"""Base of the estimators of numeric sequences."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._inputs import SequenceInput
from skrnn.sequences._storage import RaggedArray


class SequenceRNN(BaseRNN):
    """X is a list of sequences of vectors, a 3-D array, or a table of univariate series."""

    def _fit_input(self, X: Any, params: SimpleNamespace) -> tuple[SequenceInput, RaggedArray]:
        return SequenceInput.fit(X, self)

    @property
    def n_features_in_(self) -> int:
        learned: Any = self._learned.input
        return learned.n_features if learned.n_columns is None else learned.n_columns

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
