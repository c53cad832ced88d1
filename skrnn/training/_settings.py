"""What one training run takes and returns."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np

from skrnn.network._trained import TrainedNetwork
from skrnn.sequences._storage import Sequences


@dataclass(frozen=True)
class Examples:
    """What a network learns from, or is validated on.

    ``targets`` is an array with a row for each sequence. ``weights`` are the weights of the sequences, or None.
    """

    sequences: Sequences
    targets: np.ndarray
    weights: np.ndarray | None = None


def optimizer_name(optimizer: str | type) -> str:
    """Return the name of an optimizer in checkpoints."""
    return optimizer if isinstance(optimizer, str) else optimizer.__qualname__


def schedule_name(learning_rate: Any) -> str | None:
    """Return the class name of a schedule, or None if the learning rate is a number."""
    return None if isinstance(learning_rate, Real) else type(learning_rate).__name__


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. Most fields are parameters of the estimators."""

    loss: str
    label_smoothing: float
    base_rates: np.ndarray | None  # (n_outputs,), shares of the classes; None: no classes
    label_weights: np.ndarray | None  # (n_labels, 2), weights of absence and presence; None: equal
    optimizer: str | type
    learning_rate: Any  # float, or a schedule of Keras
    learning_rate_decay: str | None  # "cosine": down to zero over the epochs
    weight_decay: float
    clipnorm: float | None
    epochs: int
    batch_size: int
    patience: int | None  # epochs without improvement before training stops; None: no early stopping
    monitor: str  # "val_loss", or a score that the observer returns
    tol: float
    callbacks: list[Any]
    verbose: bool
    seed: int
    resumable: bool  # whether the result has a checkpoint
    char_ngram_range: tuple[int, int] | None = None  # for the checkpoint

    @property
    def optimizer_name(self) -> str:
        return optimizer_name(self.optimizer)

    @property
    def learning_rate_schedule(self) -> str | None:
        return schedule_name(self.learning_rate)

    @property
    def constant_learning_rate(self) -> float | None:
        """The learning rate, or None if it changes during training."""
        changes = self.learning_rate_schedule is not None or self.learning_rate_decay is not None
        return None if changes else self.learning_rate


class EpochObserver(Protocol):
    """Sees each epoch of a training run."""

    def begin_epoch(self) -> None: ...

    def end_epoch(self, weights: Callable[[], dict[str, np.ndarray]]) -> tuple[dict[str, float], bool]:
        """Return what to add to the history, and whether to stop. ``weights`` returns the network's weights."""
        ...


@dataclass(frozen=True)
class TrainingResult:
    """What a training run returns.

    Parameters
    ----------
    network : TrainedNetwork
        It has the weights of the best epoch with early stopping, and of the last epoch without.
    history : dict of str to list of float
        Losses and scores, with a value for each epoch of this run.
    best_epoch : int
        Counted from 1, over all runs that the network was trained in.
    interrupted : bool
        Whether the user interrupted training.
    """

    network: TrainedNetwork
    history: dict[str, list[float]]
    best_epoch: int
    interrupted: bool = False
