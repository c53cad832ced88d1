"""The samples that an estimator reads, with the name of each token or time step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._fitted import Fitted
from skrnn.estimators._inputs import SequenceInput, TextInput
from skrnn.sequences._storage import Sequences
from skrnn.text._spans import LocatedTokens
from skrnn.text._vectorizer import SequenceVectorizer


@dataclass(frozen=True, eq=False)
class ReadSamples:
    """Samples as a network reads them.

    Parameters
    ----------
    documents : list
        The samples behind the transformers: text, or arrays.
    tokens : list of LocatedTokens
        The tokens or time steps of each sample.
    sequences : csr_matrix or RaggedArray
        Token ids or vectors.
    spellings : csr_matrix or None
        The character n-grams of unknown words.
    """

    documents: list[Any]
    tokens: list[LocatedTokens]
    sequences: Sequences
    spellings: Any


def read_samples(transformers: list[Any], estimator: BaseRNN, fitted: Fitted, X: Any) -> ReadSamples:
    """Return the samples that the estimator reads after the transformers of a pipeline.

    The estimator's vectorizer finds the tokens of documents, or the last transformer if it is a vectorizer.
    """
    *before, last = transformers or [None]
    has_vectorizer = isinstance(last, SequenceVectorizer)
    for transformer in before if has_vectorizer else transformers:
        X = transformer.transform(X)
    if has_vectorizer:
        documents = last._check_documents(X)
        tokens = [located.truncated(last.max_length_, last.truncate) for located in last._locate(documents)]
        X = fitted.input.check(last.transform(documents), estimator)
        return ReadSamples(documents, tokens, *fitted.input.transform_with_spellings(X))
    X = fitted.input.check(X, estimator)
    sequences, spellings = fitted.input.transform_with_spellings(X)
    if isinstance(fitted.input, TextInput):
        return ReadSamples(X, fitted.input.vectorizer._locate(X), sequences, spellings)
    rows = np.split(X.data, X.indptr[1:-1])
    is_numeric = isinstance(fitted.input, SequenceInput)
    names = [range(len(row)) if is_numeric else row.tolist() for row in rows]
    return ReadSamples(rows, [LocatedTokens(list(map(str, row)), None) for row in names], sequences, spellings)
