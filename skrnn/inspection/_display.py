"""The display of an explanation: the coloured document in a notebook, a plot, or lines of text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from skrnn.inspection._attributions import TokenAttributions
from skrnn.inspection._html import (
    DOCUMENT_STYLE,
    NEGATIVE,
    POSITIVE,
    Stretch,
    coloured,
    coloured_span,
    isolated,
    to_stretches,
)
from skrnn.inspection._matplotlib import axes_for, text_properties
from skrnn.inspection._token_attributions import token_attributions
from skrnn.utils._parameters import Interval, InvalidParameterError, validated
from skrnn.utils._repr import short_repr

_MAX_LABEL = 40  # characters
_MAX_LINES = 20  # of tokens in a terminal
_MAX_TOOLTIP = 10  # tokens
_BAR = 20  # characters
_SAMPLES = (-1, -0.5, 0, 0.5, 1)  # of the scale, for the legend
_JOINERS = "\u200c\u200d"  # parts of words in Persian and Indian scripts, and of emoji


def _printable(text: str) -> str:
    """Return a text on one line, with escapes for the characters that control a terminal."""
    return "".join(c if c.isprintable() or c in _JOINERS else repr(c)[1:-1] for c in text)


class TokenAttributionDisplay:
    """Display of the attributions of a document.

    As the last expression of a notebook cell, it shows the document. Words that raise the output are blue with a
    solid line. Words that lower it are orange with a dotted line. The value of a word appears when the mouse is
    over it, with its standard error. :meth:`to_html` returns the same for a web page. ``print`` writes text, and
    :meth:`plot` draws the values.

    Create it with :meth:`from_estimator` or :meth:`from_attributions`. They do not plot, because the document in
    colours is the main view. All parameters are stored as attributes.

    Parameters
    ----------
    attributions : TokenAttributions
        The attributions of one document.
    target : object, default=None
        The class, the label or the target whose output is explained, as in ``attributions.target_names``. None is
        the predicted class (with several labels, the most probable one).

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the last plot.
    figure_ : matplotlib Figure
        Figure of the last plot.

    See Also
    --------
    token_attributions : Compute the attributions.
    TrainingCurveDisplay : Losses and scores by epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.inspection import TokenAttributionDisplay, TokenAttributions
    >>> attributions = TokenAttributions(
    ...     document="A splendid film!",
    ...     tokens=["A", "splendid", "film"],
    ...     spans=np.array([[0, 1], [2, 10], [11, 15]]),
    ...     normalized_tokens=["a", "splendid", "film"],
    ...     n_unread=0,
    ...     values=np.array([[0.1, -0.1], [-2.6, 2.6], [0.4, -0.4]]),
    ...     standard_errors=np.zeros((3, 2)),
    ...     groups=np.arange(3),
    ...     base_values=np.array([-0.2, 0.2]),
    ...     outputs=np.array([-2.3, 2.3]),
    ...     predictions=np.array([0.09, 0.91]),
    ...     target_names=["neg", "pos"],
    ...     unit="logit",
    ...     method="shapley",
    ... )
    >>> print(TokenAttributionDisplay.from_attributions(attributions))
    pos: probability 0.910
    logit of pos: 2.30 = 0.20 without tokens, +2.10 from 3 tokens.
    <BLANKLINE>
    -0.10  -                     A
    +2.60  ++++++++++++++++++++  splendid
    -0.40  ---                   film
    """

    __module__ = "skrnn.inspection"

    def __init__(self, attributions: TokenAttributions, *, target: Any = None) -> None:
        self.attributions = attributions
        self.target = target
        if not isinstance(attributions, TokenAttributions):
            raise TypeError(
                "Expected attributions to be the TokenAttributions of one document; got "
                f"{short_repr(attributions)}. token_attributions returns a list: pass one of its items."
            )
        _ = self._column  # the target is known

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        document: Any,
        *,
        target: Any = None,
        method: Literal["shapley", "occlusion"] = "shapley",
        output: Literal["logit", "probability"] = "logit",
        max_predictions: int = 4000,
        tol: float = 0.05,
        random_state: Any = None,
    ) -> TokenAttributionDisplay:
        """Explain the prediction for a document, and create the display.

        Parameters
        ----------
        estimator : RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier or RNNSequenceRegressor
            A fitted estimator, or a fitted Pipeline or search that ends with one.
        document : str, or a sequence
            One document, as `estimator` takes it in ``predict``.
        target : object, default=None
            The class, the label or the target whose output is explained. None is the predicted class.
        method : {"shapley", "occlusion"}, default="shapley"
            How the effect of a token is measured. See :func:`token_attributions`.
        output : {"logit", "probability"}, default="logit"
            The unit of the values of a classifier. See :func:`token_attributions`.
        max_predictions : int, default=4000
            Largest number of predictions. See :func:`token_attributions`.
        tol : float, default=0.05
            Largest standard error, as a share of the range of the values. See :func:`token_attributions`.
        random_state : int, RandomState instance or None, default=None
            Seed of the samples for Shapley values.

        Returns
        -------
        display : TokenAttributionDisplay

        Raises
        ------
        TypeError
            If `estimator` has no estimator of skrnn.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        [attributions] = token_attributions(
            estimator,
            [document],
            method=method,
            output=output,
            max_predictions=max_predictions,
            tol=tol,
            random_state=random_state,
        )
        return cls(attributions, target=target)

    @classmethod
    def from_attributions(cls, attributions: TokenAttributions, *, target: Any = None) -> TokenAttributionDisplay:
        """Create the display of computed attributions.

        Parameters
        ----------
        attributions : TokenAttributions
            The attributions of one document, an item of the result of :func:`token_attributions`.
        target : object, default=None
            The class, the label or the target whose output is explained. None is the predicted class.

        Returns
        -------
        display : TokenAttributionDisplay
        """
        return cls(attributions, target=target)

    def plot(self, ax: Any = None, *, max_tokens: int = 20) -> TokenAttributionDisplay:
        """Plot the largest values with their standard errors.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a figure.
        max_tokens : int, default=20
            Number of tokens to plot: those with the largest absolute values, in the order of the document. The
            plot of a numeric sequence has all time steps.

        Returns
        -------
        self : TokenAttributionDisplay
            With the attributes ``ax_`` and ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed: ``pip install matplotlib``.
        """
        max_tokens = validated("max_tokens", max_tokens, [Interval(int, 1)])
        shown = [] if self._is_numeric() else _strongest(self._values, max_tokens)
        ax = axes_for("TokenAttributionDisplay.plot", ax, len(shown))
        text = text_properties()
        contribution = f"contribution to the {self._output()}"
        if self._is_numeric():
            self._plot_steps(ax)
            ax.set_xlabel("time step")
            ax.set_ylabel(contribution, **text)
        else:
            self._plot_tokens(ax, shown, text)
            ax.set_xlabel(contribution, **text)
        ax.set_title(self._title(), **text)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_tokens(self, ax: Any, shown: list[int], text: dict[str, Any]) -> None:
        values, errors, rows = self._values[shown], self._errors[shown], np.arange(len(shown))
        error_bars = {"xerr": errors, "ecolor": ax.xaxis.label.get_color()} if errors.any() else {}
        ax.barh(rows, values, color=_colours(values), **error_bars)
        ax.set_yticks(rows, labels=[self._label(token) for token in shown], **text)
        ax.margins(y=0.02)
        ax.invert_yaxis()
        ax.axvline(0, color="gray", linewidth=0.8)

    def _plot_steps(self, ax: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        values, errors = self._values, self._errors
        steps = [int(token) for token in self.attributions.tokens]
        error_bars = {"yerr": errors, "ecolor": ax.xaxis.label.get_color()} if errors.any() else {}
        ax.bar(steps, values, color=_colours(values), **error_bars)
        ax.axhline(0, color="gray", linewidth=0.8)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))

    def __str__(self) -> str:
        values, errors = self._values, self._errors
        scale, shown = _largest(values), _strongest(values, _MAX_LINES)
        numbers = [_number(values[token], scale, errors[token]) for token in shown]
        width = max(map(len, numbers), default=0)
        lines = [self._title(), self._equation(), "value ± standard error:" if errors.any() else ""]
        for token, number in zip(shown, numbers, strict=True):
            lines.append(f"{number:{width}}  {_bar(values[token] / scale):{_BAR}}  {self._label(token)}")
        if len(shown) < len(values):
            lines.append(f"Smaller values that are not shown: {len(values) - len(shown)}.")
        return "\n".join(lines).rstrip()

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """Return the document with coloured words as a part of an HTML page.

        Returns
        -------
        html : str
            A ``<div>`` without scripts and style sheets. All text is escaped. Put it into a page in UTF-8.
        """
        text, stretches = self._text()
        values, errors = self._values, self._errors
        sums = np.array([values[stretch.tokens].sum() for stretch in stretches])
        scale = _largest(sums)
        tooltips = [self._tooltip(stretch.tokens, values, errors, scale) for stretch in stretches]
        document = coloured(text, stretches, (sums / scale).tolist(), tooltips)
        legend = self._legend(scale) if sums.any() else ""
        return (
            f'<div dir="ltr" style="margin:0.5em 0"><div><b>{self._title(isolated)}</b></div>'
            f"<div>{self._equation(isolated)}</div>"
            f'<div dir="auto" style="{DOCUMENT_STYLE}">{document}</div>{legend}</div>'
        )

    def _legend(self, scale: float) -> str:
        samples = "".join(
            coloured_span(f" {_number(share * scale, scale) if share else 0} ", share) for share in _SAMPLES
        )
        output = self._output(isolated)
        return (
            f'<div style="white-space:pre-wrap;font-size:smaller">lowers the {output}  {samples}  raises it</div>'
        )

    def _text(self) -> tuple[str, list[Stretch]]:
        """Return the document and its stretches, or the tokens with spaces between them."""
        tokens, spans = self.attributions.tokens, self.attributions.spans
        if spans is not None:
            stretches = to_stretches(spans)
            if stretches or not tokens:
                return self.attributions.document, stretches
        stretches, start = [], 0
        words = [self._word(token) for token in range(len(tokens))]
        for token, word in enumerate(words):
            stretches.append(Stretch(start, start + len(word), [token]))
            start += len(word) + 1
        return " ".join(words), stretches

    def _tooltip(self, tokens: list[int], values: np.ndarray, errors: np.ndarray, scale: float) -> str:
        """Return the sum of the tokens of a stretch, and the value of each token if there are several."""
        # The errors of one group are the same error. Those of several groups count as independent.
        _, position = np.unique(self.attributions.groups[tokens], return_inverse=True)
        by_group = np.bincount(position, weights=errors[tokens])
        error = float(np.linalg.norm(by_group))
        lines = [_number(values[tokens].sum(), scale, error)]
        if len(tokens) > 1:
            names = self.attributions.normalized_tokens
            for token in tokens[:_MAX_TOOLTIP]:
                name = names[token] if names[token].strip() else repr(names[token])
                lines.append(f"{_number(values[token], scale)} {name}")
        if len(tokens) > _MAX_TOOLTIP:
            lines.append("...")
        return "\n".join(lines)

    def _title(self, show: Callable[[str], str] = _printable) -> str:
        """Return the prediction. The function shows the name of a class, which can be any text."""
        attributions, column, likeliest = self.attributions, self._column, self.attributions.predicted
        names, predictions = attributions.target_names, attributions.predictions
        if attributions.unit == "prediction":
            return f"{show(str(names[column]))}: prediction {predictions[column]:.4g}"
        title = f"{show(str(names[column]))}: probability {predictions[column]:.3f}"
        if column != likeliest:
            title += f" (most probable: {show(str(names[likeliest]))}, {predictions[likeliest]:.3f})"
        return title

    def _equation(self, show: Callable[[str], str] = _printable) -> str:
        """Return how the values add up to the output, or how to read them if they do not."""
        attributions, column, scale = self.attributions, self._column, _largest(self._values)
        kind = "time steps" if self._is_numeric() else "tokens"
        n_tokens, n_groups = len(self._values), len(set(attributions.groups.tolist()))
        output = f"{self._output(show)}: {_number(attributions.outputs[column], scale, sign='-')}"
        if attributions.method == "shapley":
            base = _number(attributions.base_values[column], scale, sign="-")
            total = _number(self._values.sum(), scale)
            equation = f"{output} = {base} without {kind}, {total} from {n_tokens} {kind}"
        else:
            equation = f"{output}. Each value is the change if one of the {n_tokens} {kind} is left out"
        notes = []
        if n_groups < n_tokens:
            notes.append(f"The {kind} were left out in {n_groups} groups, which share their values equally.")
        if attributions.n_unread:
            notes.append(f"{attributions.n_unread} more {kind} were not read, because of max_length.")
        return " ".join([f"{equation}.", *notes])

    def _output(self, show: Callable[[str], str] = _printable) -> str:
        """Return the name of the explained output."""
        return f"{self.attributions.unit} of {show(str(self.attributions.target_names[self._column]))}"

    def _is_numeric(self) -> bool:
        document, tokens = self.attributions.document, self.attributions.tokens
        return isinstance(document, np.ndarray) and tokens == list(map(str, range(len(document))))

    def _word(self, token: int) -> str:
        """Return a token as the document contains it. One without a character has only its normalized form."""
        word = self.attributions.tokens[token] or self.attributions.normalized_tokens[token]
        return _printable(word) if word.strip() else repr(word)

    def _label(self, token: int) -> str:
        word = self._word(token)
        return word if len(word) <= _MAX_LABEL else f"{word[: _MAX_LABEL - 3]}..."

    @property
    def _column(self) -> int:
        """The position of the target among the outputs."""
        if self.target is None:
            return self.attributions.predicted
        names = self.attributions.target_names
        if self.target not in names:
            raise InvalidParameterError(
                f"Expected target to be None or one of {short_repr(names)}; got {self.target!r}."
            )
        return names.index(self.target)

    @property
    def _values(self) -> np.ndarray:
        return self.attributions.values[:, self._column]

    @property
    def _errors(self) -> np.ndarray:
        return self.attributions.standard_errors[:, self._column]


def _largest(values: np.ndarray) -> float:
    """Return the largest absolute value, or 1 if there is none."""
    return float(np.abs(values).max(initial=0)) or 1.0


def _strongest(values: np.ndarray, n: int) -> list[int]:
    """Return the positions of the n largest absolute values, in ascending order."""
    return sorted(np.argsort(-np.abs(values), kind="stable")[:n].tolist())


def _number(value: float, scale: float, error: float = 0, sign: str = "+") -> str:
    """Return a number with as many decimals as the largest number of the display needs for three digits."""
    if 1e-4 <= scale < 1e6:
        n_decimals = max(0, 2 - math.floor(math.log10(scale)))
        number = f"{value:{sign}.{n_decimals}f}"
    else:
        number = f"{value:{sign}.2e}"
    return f"{number} ± {_number(error, scale, sign='-')}" if error > 0 else number


def _bar(share: float) -> str:
    return ("+" if share > 0 else "-") * round(_BAR * abs(share))


def _colours(values: np.ndarray) -> list[str]:
    return [POSITIVE if value > 0 else NEGATIVE for value in values]
