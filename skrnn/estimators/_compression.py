"""Make fitted estimators smaller: compact weights, and fewer tokens and n-grams."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, cast

import joblib
import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._inputs import Input, TextInput, TokenInput
from skrnn.estimators._splits import rereadable
from skrnn.network._pruning import importance, pruned
from skrnn.network._trained import TrainedNetwork
from skrnn.network._weights import compacted, widened
from skrnn.sequences._storage import FIRST_TOKEN
from skrnn.utils._parameters import NONE, Interval, Options, validated

# A search for the size tries shares of the tokens and n-grams in so many steps.
_N_SHARES = 2**14

_BYTES_BESIDE_TOKEN = 6  # the id of a token in a file, and the length of its string

# Methods whose results are compared, the first of them that an estimator has. Labels have no difference.
_METHODS_OF_CLASSIFIERS = ("predict_proba", "decision_function")
_METHODS = (*_METHODS_OF_CLASSIFIERS, "transform", "predict")


def compress(
    estimator: Any, X_val: Any = None, y_val: Any = None, *, dtype: str = "int8", max_bytes: int | None = None
) -> Bunch:
    """Return a smaller copy of a fitted estimator, and compare both.

    The copy has the same class and is used in the same way. Its file is smaller because its weights have fewer
    bits, and it takes less memory. With `max_bytes`, it also has fewer tokens and n-grams.

    Parameters
    ----------
    estimator : estimator object
        A fitted estimator of skrnn with the built-in network (``network=None``), or a fitted estimator that
        contains such estimators: a pipeline, a search, an RNNEncoder, a calibrated classifier. It does not change.
    X_val, y_val : as X and y of ``fit``, default=None
        Samples on which the copy is compared with the estimator. Pass samples that the training did not see.
    dtype : {"int8", "float16"}, default="int8"
        Type of the stored weights. "float16" halves them. "int8" stores the vectors of tokens and n-grams in a
        quarter of the bytes, with a scale of float32 for each vector, and the other weights as float16.
    max_bytes : int or None, default=None
        Largest size of the file that ``joblib.dump`` writes without compression. The tokens and n-grams that
        contribute least to predictions, for the bytes that they take, are removed. A removed token becomes an
        unknown token. None keeps all. With ``vectorizer="passthrough"``, only n-grams are removed, because the
        ids of X must keep their meaning.

    Returns
    -------
    result : Bunch
        With these attributes:

        estimator : estimator object
            The smaller copy.
        n_bytes, n_bytes_before : int
            Sizes of the files of the copy and of the estimator.
        max_difference : float or None
            Largest absolute difference between the results of both on `X_val`. The results are the probabilities
            of a classifier or else its decision function, the vectors of an encoder, or the predictions of a
            regressor. None without `X_val`, and for a classifier that only predicts labels.
        score, score_before : float or None
            Scores of the copy and of the estimator on `X_val` and `y_val`. None without `y_val`.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    TypeError
        If it contains no fitted estimator of skrnn, or if it has no ``score`` for `y_val`.
    ValueError
        If it has a custom network, or if `max_bytes` is too small.

    Notes
    -----
    NumPy and ONNX read compact tables as they are, and widen only the rows of the tokens in a batch. The
    kernels, which are small, are float32 in memory and in ONNX. ``to_keras()`` and ``model_`` return a network
    with weights of float32. ``partial_fit``, and ``fit`` with ``warm_start=True``, widen the weights and train
    with a new optimizer. Call `compress` again afterwards.

    The contribution of a token or n-gram is its frequency times the change of the logits without it. The frequency
    is estimated from its rank. With ``analyzer="subword"``, a word with a removed subword is cut into shorter
    ones.

    The file also contains the parameters of the estimator, such as a given vocabulary. They do not become smaller.

    Examples
    --------
    >>> from skrnn import RNNTextClassifier, compress
    >>> documents, labels = ["a good film", "a bad film", "what a good story", "a bad end"] * 20, [1, 0, 1, 0] * 20
    >>> classifier = RNNTextClassifier(epochs=3, random_state=0).fit(documents, labels)
    >>> result = compress(classifier, documents, labels, max_bytes=250_000)
    >>> result.estimator
    RNNTextClassifier(epochs=3, random_state=0)
    >>> result.n_bytes <= 250_000 < result.n_bytes_before
    True
    >>> result.max_difference < 0.01
    True
    >>> result.score_before, result.score
    (1.0, 1.0)
    """
    dtype = validated("dtype", dtype, [Options(["int8", "float16"])])
    max_bytes = validated("max_bytes", max_bytes, [Interval(int, 1), NONE])
    if X_val is None and y_val is not None:
        raise ValueError("Expected X_val and y_val together; X_val is missing.")
    check_is_fitted(estimator)
    if y_val is not None and not hasattr(estimator, "score"):
        raise TypeError(
            f"Expected an estimator with a method score, because y_val is given; {type(estimator).__name__} has "
            "none. Leave y_val out."
        )
    opened = _Opened.of(estimator)
    networks = {key: _Compressible.of(network, dtype) for key, network in opened.networks.items()}

    def with_share(share: float) -> Any:
        smaller = opened.closed({key: network.with_share(share) for key, network in networks.items()})
        return copy.deepcopy(smaller)  # shares nothing with the estimator

    smaller = with_share(1.0 if max_bytes is None else _largest_share(with_share, max_bytes))
    return Bunch(
        estimator=smaller,
        n_bytes=_n_bytes(smaller),
        n_bytes_before=_n_bytes(estimator),
        **_losses(estimator, smaller, rereadable(X_val), y_val),
    )


@dataclass(frozen=True)
class _Opened:
    """An estimator as the bytes of a pickle, without the fitted networks in it.

    Parameters
    ----------
    content : bytes
    networks : dict of int to BaseRNN
        The fitted networks, by the keys that stand for them in the content.
    """

    content: bytes
    networks: dict[int, BaseRNN]

    @classmethod
    def of(cls, estimator: Any) -> _Opened:
        file, networks = BytesIO(), {}

        class Pickler(pickle.Pickler):
            def persistent_id(self, obj: Any) -> int | None:
                if not isinstance(obj, BaseRNN) or not obj.__sklearn_is_fitted__():
                    return None
                networks[id(obj)] = obj
                return id(obj)

        Pickler(file).dump(estimator)
        if not networks:
            raise TypeError(
                "Expected a fitted estimator of skrnn, or an estimator that contains one; got "
                f"{type(estimator).__name__}."
            )
        return cls(file.getvalue(), networks)

    def closed(self, networks: Mapping[int, BaseRNN]) -> Any:
        """Return a copy of the estimator with these networks."""

        class Unpickler(pickle.Unpickler):
            def persistent_load(self, pid: int) -> BaseRNN:
                return networks[pid]

        return Unpickler(BytesIO(self.content)).load()


@dataclass(frozen=True)
class _Compressible:
    """A fitted estimator with compact weights, and the order in which its tokens and n-grams are kept.

    Parameters
    ----------
    estimator : BaseRNN
        With compact weights.
    order : ndarray of int, of shape (n_tokens + n_ngrams + n_char_ngrams,)
        Token ids, rows of n-grams, and character n-grams, numbered one after another. The most important ones come
        first.
    n_fixed : int
        How many of them are always kept.
    """

    estimator: BaseRNN
    order: np.ndarray
    n_fixed: int

    @classmethod
    def of(cls, estimator: BaseRNN, dtype: str) -> _Compressible:
        network = estimator._fitted.network
        if network.build_model is not None:
            raise ValueError(
                "Expected an estimator with the built-in network; this one was fitted with "
                f"network={network.build_model!r}, whose weights only Keras reads."
            )
        network = replace(network, weights=compacted(widened(network.weights), dtype), checkpoint=None)
        scores = _scores(estimator._fitted.input, network)
        order = np.argsort(-scores, kind="stable")
        return cls(_with_fitted(estimator, network=network), order, int(np.isinf(scores).sum()))

    def with_share(self, share: float) -> BaseRNN:
        """Return the estimator with a share of its tokens and n-grams."""
        n_kept = self.n_fixed + round(share * (len(self.order) - self.n_fixed))
        if n_kept == len(self.order):
            return self.estimator
        input_, network = cast(TokenInput, self.estimator._fitted.input), self.estimator._fitted.network
        keeps = np.zeros(len(self.order), dtype=bool)
        keeps[self.order[:n_kept]] = True
        bounds = np.cumsum([input_.n_tokens, network.spec.n_ngrams])
        keeps_token, keeps_ngram, keeps_char_ngram = np.split(keeps, bounds)
        spec, weights = pruned(network.spec, network.weights, keeps_token, keeps_ngram, keeps_char_ngram)
        return _with_fitted(
            self.estimator,
            input=input_.with_tokens(keeps_token, keeps_char_ngram, spec),
            network=replace(network, spec=spec, weights=weights),
        )


def _with_fitted(estimator: BaseRNN, **changes: Any) -> BaseRNN:
    """Return a copy of an estimator with changes to its fitted state."""
    copied = copy.copy(estimator)
    copied._fitted = replace(estimator._fitted, **changes)
    return copied


def _scores(input_: Input, network: TrainedNetwork) -> np.ndarray:
    """Return the importance of each token id, and of each row of n-grams. It is infinite if they must stay."""
    if not isinstance(input_, TokenInput):
        return np.empty(0)
    bytes_of_tokens, bytes_of_char_ngrams = np.full(input_.n_tokens, _BYTES_BESIDE_TOKEN), np.empty(0)
    n_fixed = input_.n_tokens  # the ids of a user keep their meaning
    if isinstance(input_, TextInput):
        bytes_of_tokens[FIRST_TOKEN:] += list(map(len, input_.vectorizer.vocabulary_))
        bytes_of_char_ngrams = _BYTES_BESIDE_TOKEN + np.array(list(map(len, input_.spelling)), dtype=float)
        n_fixed = FIRST_TOKEN + 1  # no vocabulary is empty
    of_tokens, of_ngrams, of_char_ngrams = importance(
        network.spec, network.weights, bytes_of_tokens, bytes_of_char_ngrams
    )
    of_tokens[:n_fixed] = np.inf
    of_ngrams[:1] = np.inf
    return np.concatenate([of_tokens, of_ngrams, of_char_ngrams])


def _largest_share(with_share: Callable[[float], Any], max_bytes: int) -> float:
    """Return the largest share of the tokens and n-grams with which the file is small enough."""
    if _n_bytes(with_share(1.0)) <= max_bytes:
        return 1.0
    smallest = _n_bytes(with_share(0.0))
    if smallest > max_bytes:
        raise ValueError(
            f"Expected max_bytes to be at least {smallest}, the size without all tokens and n-grams that can be "
            f"removed; got {max_bytes}. Fit with fewer units or a smaller embedding_dim."
        )
    low, high = 0, _N_SHARES
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _n_bytes(with_share(middle / _N_SHARES)) <= max_bytes else (low, middle)
    return low / _N_SHARES


def _n_bytes(estimator: Any) -> int:
    file = BytesIO()
    joblib.dump(estimator, file)
    return len(file.getbuffer())


def _losses(estimator: Any, smaller: Any, X: Any, y: Any) -> dict[str, float | None]:
    """Return the difference between the results of two estimators, and their scores."""
    losses: dict[str, float | None] = dict.fromkeys(("max_difference", "score_before", "score"))
    if X is not None:
        losses["max_difference"] = _max_difference(estimator, smaller, X)
    if y is not None:
        losses["score"], losses["score_before"] = (float(model.score(X, y)) for model in (smaller, estimator))
    return losses


def _max_difference(estimator: Any, smaller: Any, X: Any) -> float | None:
    methods = _METHODS_OF_CLASSIFIERS if is_classifier(estimator) else _METHODS
    method = next((method for method in methods if hasattr(estimator, method)), None)
    if method is None:
        return None
    # With several outputs, a classifier returns a list of arrays.
    before, after = (
        results if isinstance(results, list) else [results]
        for results in (getattr(model, method)(X) for model in (estimator, smaller))
    )
    return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in zip(after, before, strict=True))
