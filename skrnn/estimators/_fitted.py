"""The result of a fit. The estimator stores it in a single attribute, so that a failed fit changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skrnn.estimators._inputs import Input, SequenceInput, TextInput, TokenInput
from skrnn.estimators._targets import ClassTarget, MultilabelTarget, NumericTarget, Target
from skrnn.network._trained import TrainedNetwork

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
        return self.network.predict(self.input.transform(X), logits=logits)

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
        network = TrainedNetwork.from_state(state["network"])
        restored_input = _restore(_INPUTS, state["input"])
        restored_input.check_spec(network.spec)
        target = _restore(_TARGETS, state["target"])
        target.check()
        outputs = target.n_outputs, target.output_activation
        if outputs != (network.spec.n_outputs, network.spec.output_activation):
            raise ValueError(f"The target needs the outputs {outputs}, but the network is {network.spec}.")
        if not isinstance(state["history"], dict) or type(state["best_epoch"]) is not int:
            raise TypeError("Expected a history by quantity, and an integer as the best epoch.")
        return cls(
            restored_input,
            target,
            network,
            state["history"],
            state["best_epoch"],
            state["validation_scores"],
        )


def _restore(classes: Mapping[str, Any], state: Mapping[str, Any]) -> Any:
    arguments = dict(state)
    return classes[arguments.pop("kind")](**arguments)
