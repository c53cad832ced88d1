"""The result of an explanation: what each token of a document adds to a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class TokenAttributions:
    """What each token of a document adds to the prediction.

    :func:`token_attributions` returns it. For numeric sequences, the tokens are the time steps.

    Attributes
    ----------
    document : str, or another object
        The document that the estimator reads. In a pipeline, earlier steps have transformed it. It is an array of
        shape (n_steps, n_features) for a numeric sequence.
    tokens : list of str
        The tokens as they are written in the document. For numeric sequences, the numbers of the time steps.
    spans : ndarray of shape (n_tokens, 2), or None
        Token ``i`` is ``document[spans[i, 0] : spans[i, 1]]``. None if the document is not text, or if the tokens
        of a custom tokenizer are not found in it. Spans overlap or are empty if several tokens come from the same
        characters. With ``analyzer="char"``, the spaces before and after the document have empty spans.
    normalized_tokens : list of str
        The tokens after preprocessing, as the vectorizer returns them, for example in lowercase.
    n_unread : int
        The number of tokens that the vectorizer has cut off, because of `max_length`.
    values : ndarray of shape (n_tokens, n_outputs)
        What each token adds to each output.
    standard_errors : ndarray of shape (n_tokens, n_outputs)
        Standard errors of the values from sampling. They are 0 for exact Shapley values and for occlusion. They
        do not contain the error that comes from equal shares in a group.
    groups : ndarray of shape (n_tokens,)
        The number of each token's group. Tokens with the same number were left out together, because the document
        is long, and share the value of the group equally. In shorter documents, all numbers differ.
    base_values : ndarray of shape (n_outputs,)
        The outputs for a document without tokens.
    outputs : ndarray of shape (n_outputs,)
        The outputs for the document.
    predictions : ndarray of shape (n_outputs,)
        The probability of each class or label, or the predicted numbers.
    target_names : list
        What each output stands for: a class, the column of a label, or "y", "y0", "y1", ... of a regressor.
    unit : {"logit", "probability", "prediction"}
        The unit of the values. "prediction" is the unit of y of a regressor.
    method : {"shapley", "occlusion"}
        How the values were computed.
    """

    __module__ = "skrnn.inspection"

    document: Any
    tokens: list[str]
    spans: np.ndarray | None
    normalized_tokens: list[str]
    n_unread: int
    values: np.ndarray
    standard_errors: np.ndarray
    groups: np.ndarray
    base_values: np.ndarray
    outputs: np.ndarray
    predictions: np.ndarray
    target_names: list[Any]
    unit: str
    method: str

    @property
    def predicted(self) -> int:
        """The position of the most probable class or label, or of the first target of a regressor."""
        return 0 if self.unit == "prediction" else int(self.predictions.argmax())

    def __repr__(self) -> str:
        n_outputs = len(self.target_names)
        return f"<TokenAttributions: {self.method}, {self.unit}, {len(self.tokens)} tokens, {n_outputs} outputs>"
