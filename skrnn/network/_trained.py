"""A network before and after training: its specification, its weights, and a checkpoint to resume training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import logit

from skrnn.network._char_ngrams import CharNgramVectors
from skrnn.network._numpy import NumpyNetwork
from skrnn.network._spec import NetworkSpec
from skrnn.network._weights import (
    CHAR_NGRAMS,
    LINEAR,
    check_weights,
    in_keras_order,
    weight_shapes,
    widened,
    with_slots,
    without_slots,
)
from skrnn.sequences._storage import Sequences
from skrnn.utils._parameters import (
    CALLABLE,
    DICT,
    NONE,
    STRING,
    Constraint,
    IntegerTuple,
    Interval,
    Where,
    is_plain_array,
    list_of,
    validated_fields,
)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of training, besides the weights of the network that predicts.

    Parameters
    ----------
    optimizer : str
        Name of the optimizer. Training resumes only with the same optimizer.
    learning_rate_schedule : str or None
        Class name of a schedule of Keras. Training resumes only with the same class.
    char_ngram_range : tuple of int or None
        Lengths of the character n-grams. Training resumes only with the same lengths.
    optimizer_variables : list of ndarray
        The optimizer's variables in Keras' order.
    dropout_seeds : list of ndarray
        States of the random generators of the dropout layers.
    learning_rate : float or None
        The constant learning rate. None if the rate changed during training.
    char_ngrams : CharNgramVectors or None
        The vectors of which the tokens' vectors consist.
    """

    optimizer: str
    learning_rate_schedule: str | None
    char_ngram_range: tuple[int, int] | None
    optimizer_variables: list[np.ndarray]
    dropout_seeds: list[np.ndarray]
    learning_rate: float | None = None
    char_ngrams: CharNgramVectors | None = None

    def to_state(self) -> dict[str, Any]:
        """Return plain data for a file."""
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.char_ngrams is not None:
            state["char_ngrams"] = dict(vars(self.char_ngrams))
        return state

    @classmethod
    def from_state(cls, state: dict[str, Any], weights: dict[str, np.ndarray]) -> Checkpoint:
        """Return the checkpoint of a network with these weights, or raise an error if the state is damaged."""
        checked = validated_fields(state, _CHECKPOINT)
        if checked["char_ngrams"] is not None:
            checked["char_ngrams"] = CharNgramVectors(**checked["char_ngrams"])
            checked["char_ngrams"].check(weights["embedding"].shape)
        return cls(**checked)


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network that predicts, or that training starts from.

    Parameters
    ----------
    spec : NetworkSpec
        The specification.
    weights : dict of str to ndarray
        As ``weight_shapes(spec)`` names them, perhaps compact. A custom network has its weights in Keras' order.
    n_epochs : int, default=0
        Number of epochs that it was trained for.
    build_model : callable or None, default=None
        Returns the custom network for a specification. None for the built-in network.
    checkpoint : Checkpoint or None, default=None
        The state of training. None if training resumes with a new optimizer.
    """

    spec: NetworkSpec
    weights: dict[str, np.ndarray]
    n_epochs: int = 0
    build_model: Callable[[NetworkSpec], Any] | None = None
    checkpoint: Checkpoint | None = None

    def predict(self, sequences: Sequences, spellings: Any = None, *, logits: bool = False) -> np.ndarray:
        """Return the outputs for sequences, or the logits before the output's activation.

        Parameters
        ----------
        sequences : csr_matrix or RaggedArray
            Token ids or vectors.
        spellings : csr_matrix of shape (n_unknown_words, n_char_ngrams), or None, default=None
            The character n-grams of unknown words. The first one has the id after the last known token.
        logits : bool, default=False

        Returns
        -------
        outputs : ndarray of float64, of shape (n_sequences, n_outputs)

        Raises
        ------
        ValueError
            If outputs are infinite or NaN.
        """
        if self.build_model is None:
            return _finite(self._numpy.predict(sequences, spellings, logits=logits))
        from skrnn.network._keras import predict_own

        outputs = _finite(predict_own(self.spec, self.build_model, list(self.weights.values()), sequences))
        return _TO_LOGITS[self.spec.output_activation](outputs) if logits else outputs

    def vectors(self, sequences: Sequences) -> np.ndarray:
        """Return the vectors of sequences, which the output layer reads.

        Returns
        -------
        vectors : ndarray of shape (n_sequences, vector_dim)

        Raises
        ------
        ValueError
            If the network is custom, or if values are infinite or NaN.
        """
        if self.build_model is not None:
            raise ValueError(
                "A custom network has no vectors of samples, because its layers are not known. Leave network at "
                "None, or build a keras.Model from the layers of to_keras()."
            )
        return _finite(self._numpy.vectors(sequences))

    @cached_property
    def _numpy(self) -> NumpyNetwork:
        return NumpyNetwork(self.spec, self.weights)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # without the cached property

    def widened(self) -> TrainedNetwork:
        """Return the network with weights of float32, which training needs."""
        return self if self.build_model is not None else replace(self, weights=widened(self.weights))

    def without_linear_model(self) -> TrainedNetwork:
        """Return the recurrent network alone, which Keras trains."""
        weights = {name: weight for name, weight in self.weights.items() if not name.startswith(LINEAR)}
        spec = replace(self.spec, n_linear_tokens=0, n_linear_char_ngrams=0)
        return replace(self, spec=spec, weights=weights)

    def with_linear_model(self, linear_weights: Mapping[str, np.ndarray]) -> TrainedNetwork:
        """Return the network with these weights of a linear model, or as it is if there are none."""
        if not linear_weights:
            return self
        spec = replace(
            self.spec,
            n_linear_tokens=len(linear_weights[f"{LINEAR}tokens"]),
            n_linear_char_ngrams=len(linear_weights.get(CHAR_NGRAMS, ())),
        )
        weights = {**self.weights, **linear_weights}
        return replace(self, spec=spec, weights={name: weights[name] for name in weight_shapes(spec)})

    @property
    def linear_weights(self) -> dict[str, np.ndarray]:
        """The weights of the linear model, by name."""
        return {name: weight for name, weight in self.weights.items() if name.startswith(LINEAR)}

    def to_keras(self, n_token_ids: int = 0) -> Any:
        """Return a new ``keras.Model`` with these weights, not compiled, which reads so many token ids."""
        from skrnn.network._keras import build_network, build_own

        if self.build_model is not None:
            model = build_own(self.spec, self.build_model)
            model.set_weights(list(self.weights.values()))
        else:
            model = build_network(self.spec, n_token_ids)
            model.set_weights(in_keras_order(widened(self.weights)))
        return model

    def to_state(self) -> dict[str, Any]:
        """Return plain data for a file."""
        return {
            "spec": asdict(self.spec),
            "weights": without_slots(self.weights),
            "n_epochs": self.n_epochs,
            "build_model": self.build_model,
            "checkpoint": None if self.checkpoint is None else self.checkpoint.to_state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TrainedNetwork:
        """Return the network that a state stands for, or raise an error if the state is damaged."""
        checked = validated_fields(state, _NETWORK)
        spec, weights = NetworkSpec(**checked["spec"]), without_slots(checked["weights"])
        if checked["build_model"] is None:
            check_weights(spec, weights)
            weights = with_slots(weights)
        elif not all(isinstance(name, str) and _is_weight(weight) for name, weight in weights.items()):
            raise ValueError("Expected the weights of the custom network to be arrays of finite numbers by name.")
        checkpoint = checked["checkpoint"]
        if checkpoint is not None:
            checkpoint = Checkpoint.from_state(checkpoint, weights)
        return cls(**{**checked, "spec": spec, "weights": weights, "checkpoint": checkpoint})


def _is_weight(array: Any) -> bool:
    return is_plain_array(array) and array.dtype.kind in "biufV" and bool(np.all(np.isfinite(array)))


def _is_training_state(array: Any) -> bool:
    # Infinity is allowed, because sums of squares can overflow.
    return is_plain_array(array) and array.dtype.kind in "biufV" and not np.any(np.isnan(array))


_STATES = list_of(
    Where("an array of numbers", _is_training_state), "a list of arrays of numbers, and none of them NaN"
)
_CHECKPOINT: dict[str, list[Constraint]] = {
    "optimizer": [STRING],
    "learning_rate_schedule": [STRING, NONE],
    "char_ngram_range": [IntegerTuple(1, "two integers", lambda range_: len(range_) == 2), NONE],
    "optimizer_variables": [_STATES],
    "dropout_seeds": [_STATES],
    "learning_rate": [Interval(float, 0, closed="neither"), NONE],
    "char_ngrams": [DICT, NONE],
}
_NETWORK: dict[str, list[Constraint]] = {
    "spec": [DICT],
    "weights": [DICT],
    "n_epochs": [Interval(int, 0)],
    "build_model": [CALLABLE, NONE],
    "checkpoint": [DICT, NONE],
}

_TO_LOGITS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "softmax": np.log,
    "sigmoid": logit,
    "linear": lambda outputs: outputs,
}


def _finite(outputs: np.ndarray) -> np.ndarray:
    """Return the outputs, or raise ValueError if they are infinite or NaN."""
    if not np.isfinite(outputs).all():
        i = int(np.isfinite(outputs).all(axis=1).argmin())
        raise ValueError(
            f"The outputs of the network for sample {i} are infinite or NaN, because its weights or the numbers "
            "in X are too large. Scale X down, or train again with a smaller learning_rate."
        )
    return outputs
