"""The result of a fit. The estimator stores it in a single attribute, so that a failed fit changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skrnn.estimators._inputs import Input, SequenceInput, TextInput, TokenInput
from skrnn.estimators._targets import ClassTarget, MultilabelTarget, NumericTarget, Target
from skrnn.network._trained import TrainedNetwork
from skrnn.utils._parameters import (
    DICT,
    NONE,
    Constraint,
    Interval,
    Options,
    Where,
    list_of,
    validated,
    validated_fields,
)

_INPUTS: Mapping[str, Any] = {cls.kind: cls for cls in (TextInput, TokenInput, SequenceInput)}
_TARGETS: Mapping[str, Any] = {cls.kind: cls for cls in (ClassTarget, MultilabelTarget, NumericTarget)}


@dataclass(frozen=True, eq=False)
class Encoding:
    """The input and the target: how X becomes sequences, and how y becomes targets of the network."""

    input: Input
    target: Target


@dataclass(frozen=True, eq=False)
class Fitted(Encoding):
    """What an estimator learns.

    Parameters
    ----------
    input : Input
    target : Target
    network : TrainedNetwork
    history : dict of str to list of float
        The value of each quantity after each epoch.
    best_epoch : int
        The epoch, counted from 1, whose weights the network has.
    validation_scores : list of float or None
        The monitored score after each epoch.
    """

    network: TrainedNetwork
    history: dict[str, list[float]]
    best_epoch: int
    validation_scores: list[float] | None

    def predict(self, X: Any, *, logits: bool = False) -> np.ndarray:
        """Return the outputs of the network for a checked X: (n_samples, n_outputs)."""
        return self.network.predict(*self.input.transform_with_spellings(X), logits=logits)

    def vectors(self, X: Any) -> np.ndarray:
        """Return the vectors of a checked X, which the output layer reads: (n_samples, vector_dim)."""
        return self.network.vectors(self.input.transform(X))

    def to_state(self) -> dict[str, Any]:
        """Return plain data for a file."""
        return {
            "input": {"kind": self.input.kind, **vars(self.input)},
            "target": {"kind": self.target.kind, **vars(self.target)},
            "network": self.network.to_state(),
            "history": self.history,
            "best_epoch": self.best_epoch,
            "validation_scores": self.validation_scores,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Fitted:
        """Return what a state stands for, or raise an error if the state is damaged."""
        checked = validated_fields(state, _FIELDS)
        network = TrainedNetwork.from_state(checked["network"])
        restored_input: Input = _restore(_INPUTS, checked["input"])
        restored_input.check_spec(network.spec)
        target = restore_target(checked["target"])
        outputs = target.n_outputs, target.output_activation
        if outputs != (network.spec.n_outputs, network.spec.output_activation):
            raise ValueError(f"The target needs the outputs {outputs}, but the network is {network.spec}.")
        if checked["best_epoch"] > network.n_epochs:
            raise ValueError(
                f"The best epoch is {checked['best_epoch']}, but there were {network.n_epochs} epochs."
            )
        return cls(**{**checked, "input": restored_input, "target": target, "network": network})


def restore_target(state: dict[str, Any]) -> Target:
    """Return the target that a state stands for, or raise an error if the state is damaged."""
    target: Target = _restore(_TARGETS, state)
    target.check()
    return target


def _restore(classes: Mapping[str, Any], state: dict[str, Any]) -> Any:
    """Return the input or the target that a state stands for."""
    fields = dict(state)
    kind = validated("kind", fields.pop("kind", None), [Options(list(classes))])
    return classes[kind](**validated_fields(fields, classes[kind].fields))


_NUMBERS = list_of(Where("a float", lambda value: isinstance(value, float), float), "a list of floats")
_HISTORY = Where(
    "a dict of lists of floats",
    lambda value: (
        value in DICT and all(isinstance(name, str) and values in _NUMBERS for name, values in value.items())
    ),
)
_FIELDS: dict[str, list[Constraint]] = {
    "input": [DICT],
    "target": [DICT],
    "network": [DICT],
    "history": [_HISTORY],
    "best_epoch": [Interval(int, 0)],
    "validation_scores": [_NUMBERS, NONE],
}
