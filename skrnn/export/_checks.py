"""Checks before an export, with errors that say what to do instead."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._base import BaseRNN
from skrnn.text._vectorizer import SequenceVectorizer


def check_estimator(estimator: object) -> None:
    """Raise an error unless ONNX can compute the predictions of the estimator."""
    if not isinstance(estimator, BaseRNN):
        kind = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise TypeError(
            f"Expected a fitted estimator of skrnn; got {kind}. Pass the last step of a pipeline, or "
            "best_estimator_ of a search, or export the whole with skl2onnx: see "
            "skrnn.export.register_skl2onnx."
        )
    check_is_fitted(estimator)
    build_model = estimator._fitted.network.build_model
    if build_model is not None:
        raise ValueError(
            f"Expected an estimator with the built-in network; this one was fitted with network={build_model!r}. "
            'Export its Keras model instead: estimator.model_.export(path, format="onnx").'
        )


def check_vectorizer(vectorizer: Any) -> None:
    """Raise ValueError unless ONNX can do exactly what the vectorizer does."""
    if type(vectorizer) is not SequenceVectorizer:
        raise _unsupported("an estimator fitted on text with a SequenceVectorizer", "vectorizer", vectorizer)
    if callable(vectorizer.analyzer):
        raise _unsupported("analyzer='word', 'char' or 'subword'", "analyzer", vectorizer.analyzer)
    names = ["preprocessor", "strip_accents"]
    if vectorizer.analyzer == "word":  # the others do not use them
        names += ["tokenizer", "token_pattern"]
    for name in names:
        if getattr(vectorizer, name) is not None:
            raise _unsupported(f"{name}=None", name, getattr(vectorizer, name))


def _unsupported(expected: str, name: str, value: object) -> ValueError:
    return ValueError(
        f"Expected {expected} with inputs='documents'; got {name}={value!r}, which ONNX cannot do exactly. Export "
        "with inputs='token_ids', and compute the ids outside of the model: "
        "estimator.vectorizer_.encode(documents)."
    )
