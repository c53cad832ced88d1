"""The outputs that are explained: logits, probabilities or predicted numbers, for all classes or targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax, logsumexp

from skrnn.estimators._fitted import Fitted
from skrnn.estimators._targets import ClassTarget, NumericTarget
from skrnn.sequences._storage import Sequences

# In place of infinity, if a custom network returns a probability of 0 or 1. Other probabilities in float32 have
# smaller logits.
_LARGEST_LOGIT = 110


def explained_outputs(fitted: Fitted, sequences: Sequences, spellings: Any, unit: str) -> np.ndarray:
    """Return the outputs in a unit of ``TokenAttributions``: (n_sequences, n_outputs)."""
    try:
        return _outputs(fitted, sequences, spellings, unit)
    except Exception as error:
        if fitted.network.build_model is None:
            raise
        raise ValueError(
            "Expected the custom network to predict parts of documents, down to a document without tokens. It "
            "failed, or returned NaN."
        ) from error


def _outputs(fitted: Fitted, sequences: Sequences, spellings: Any, unit: str) -> np.ndarray:
    if unit != "logit":
        return predictions(fitted, sequences, spellings)
    with np.errstate(divide="ignore"):
        logits = fitted.network.predict(sequences, spellings, logits=True)
    logits = np.nan_to_num(logits, posinf=_LARGEST_LOGIT, neginf=-_LARGEST_LOGIT)
    if not isinstance(fitted.target, ClassTarget):
        return logits
    return np.hstack([-logits, logits]) if logits.shape[1] == 1 else _logits_of_classes(logits)


def predictions(fitted: Fitted, sequences: Sequences, spellings: Any) -> np.ndarray:
    """Return the probability of each class or label, or the predicted numbers: (n_sequences, n_outputs)."""
    outputs: np.ndarray = fitted.network.predict(sequences, spellings)
    target: Any = fitted.target
    if isinstance(target, NumericTarget):
        return target.decode(outputs).reshape(len(outputs), -1)
    return target.probabilities(outputs)


def _logits_of_classes(inputs: np.ndarray) -> np.ndarray:
    """Return ``log(p / (1 - p))`` of the probabilities ``p = softmax(inputs)``."""
    log_p = log_softmax(inputs, axis=1)
    rows, largest = np.arange(len(inputs)), inputs.argmax(axis=1)
    # 1 - p of the most probable class would lose all digits if p is close to 1.
    others = inputs.copy()
    others[rows, largest] = -np.inf
    log_rest = logsumexp(others, axis=1)
    with np.errstate(divide="ignore"):
        logits = log_p - np.log1p(-np.exp(log_p))
    logits[rows, largest] = inputs[rows, largest] - log_rest
    return logits


def target_names(target: Any) -> list[Any]:
    """Return what each output of a target stands for."""
    if isinstance(target, NumericTarget):
        return ["y"] if target.is_1d else [f"y{i}" for i in range(target.n_outputs)]
    # tolist() turns some dates into integers.
    return list(target.classes) if target.classes.dtype.kind in "mM" else target.classes.tolist()
