"""The display of a training: losses and scores by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skrnn.inspection._matplotlib import axes_for, text_properties
from skrnn.inspection._unwrap import unwrapped


class TrainingCurveDisplay:
    """Display of the losses and scores by epoch.

    Create it with :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    history : dict of str to sequence of float
        Each quantity after each epoch, as in the attribute ``history_`` of an estimator. The learning rate is not
        plotted.
    best_epoch : int, default=None
        The epoch whose weights are kept, counted from 1. It is marked.
    score_name : str, default=None
        The name of the monitored score, which the history calls "val_score".

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the losses.
    score_ax_ : matplotlib Axes or None
        Axes of the scores, with the same epochs as `ax_`. None without scores.
    figure_ : matplotlib Figure
        Figure of the last plot.
    lines_ : dict of str to matplotlib Line2D
        The line of each quantity.

    See Also
    --------
    TokenAttributionDisplay : The words that led to a prediction.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skrnn.inspection import TrainingCurveDisplay
    >>> history = {"loss": [0.7, 0.4, 0.2], "val_loss": [0.7, 0.5, 0.6], "val_accuracy": [0.5, 0.8, 0.7]}
    >>> display = TrainingCurveDisplay(history, best_epoch=2).plot()
    >>> sorted(display.lines_)
    ['loss', 'val_accuracy', 'val_loss']
    >>> plt.close(display.figure_)  # in a notebook or script: plt.show()
    """

    __module__ = "skrnn.inspection"

    def __init__(
        self,
        history: Mapping[str, Sequence[float]],
        *,
        best_epoch: int | None = None,
        score_name: str | None = None,
    ) -> None:
        self.history = history
        self.best_epoch = best_epoch
        self.score_name = score_name

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> TrainingCurveDisplay:
        """Plot the training of a fitted estimator.

        Parameters
        ----------
        estimator : RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier or RNNSequenceRegressor
            A fitted estimator, or a fitted Pipeline or search that ends with one.
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a figure.

        Returns
        -------
        display : TrainingCurveDisplay

        Raises
        ------
        TypeError
            If `estimator` has no estimator of skrnn.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ImportError
            If matplotlib is not installed: ``pip install matplotlib``.
        """
        _, inner = unwrapped(estimator)
        scoring = inner.scoring
        score_name = getattr(scoring, "__name__", None) if scoring is None or callable(scoring) else str(scoring)
        return cls(inner.history_, best_epoch=inner.best_epoch_, score_name=score_name).plot(ax)

    def plot(self, ax: Any = None) -> TrainingCurveDisplay:
        """Plot losses and scores, with the scores on a second axis.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a figure.

        Returns
        -------
        self : TrainingCurveDisplay
            With the attributes ``ax_``, ``score_ax_``, ``figure_`` and ``lines_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed: ``pip install matplotlib``.
        """
        ax = axes_for("TrainingCurveDisplay.plot", ax)
        from matplotlib.ticker import MaxNLocator

        losses = [name for name in self.history if name in ("loss", "val_loss")]
        scores = [name for name in self.history if name not in ("loss", "val_loss", "learning_rate")]
        score_ax: Any = ax.twinx() if scores else None
        quantities = list(dict.fromkeys(_quantity(name) for name in [*losses, *scores]))
        self.lines_ = {}
        for name in [*losses, *scores]:
            values = self.history[name]
            (self.lines_[name],) = (ax if name in losses else score_ax).plot(
                np.arange(1, len(values) + 1),
                values,
                color=f"C{quantities.index(_quantity(name))}",
                linestyle="-" if name.startswith("val_") else "--",
                marker=".",
                label=self._label(name),
            )
        handles = list(self.lines_.values())
        if self.best_epoch is not None:
            label = f"epoch {self.best_epoch}, whose weights are kept"
            handles.append(ax.axvline(self.best_epoch, color="gray", linestyle=":", label=label))
        # Above the axes, the legend covers no line.
        legend = ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
        for text in legend.get_texts():
            text.update(text_properties())
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set(xlabel="epoch", ylabel="loss")
        if score_ax is not None:
            score_ax.set_ylabel("score")
        self.ax_, self.score_ax_, self.figure_ = ax, score_ax, ax.figure
        return self

    def _label(self, name: str) -> str:
        """Return the name of a quantity for the legend."""
        if name == "val_score" and self.score_name is not None:
            return f"validation {self.score_name}"
        return f"validation {_quantity(name)}" if name.startswith("val_") else f"training {name}"


def _quantity(name: str) -> str:
    """Return the name of a quantity, without the prefix for the validation data."""
    return name.removeprefix("val_")
