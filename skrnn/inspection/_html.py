"""HTML of a text in which stretches have a colour and a tooltip.

Styles are inline, because JupyterLab removes style sheets from the output of notebooks that it does not trust.
Backgrounds are translucent, and the text has the colour of the page. So light and dark pages are both readable.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

# Blue and orange can be told apart with every kind of colour blindness.
POSITIVE, NEGATIVE = "#2b7de9", "#d9730d"

# Lines and spaces as in the text, and each paragraph in the direction of its script
DOCUMENT_STYLE = (
    "unicode-bidi:plaintext;text-align:start;white-space:pre-wrap;word-wrap:break-word;"
    "line-height:1.9;margin:0.6em 0"
)

_STRONGEST_BACKGROUND = 0.45  # the contrast of the text stays above 4.5
_WEAKEST_LINE = 0.2
_INVISIBLE = 0.1  # of the largest value

# HTML cannot contain NUL, and UTF-8 no surrogates.
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


@dataclass
class Stretch:
    """The characters from ``start`` to ``end``, and the positions of the tokens that come from them."""

    start: int
    end: int
    tokens: list[int]


def to_stretches(spans: np.ndarray) -> list[Stretch]:
    """Return disjoint stretches of the document, in its order.

    Tokens with overlapping spans share a stretch. A token with an empty span goes to the next stretch, and at the
    end of the document to the last one. Without any character, there is no stretch.
    """
    stretches: list[Stretch] = []
    waiting: list[int] = []
    for token in np.argsort(spans[:, 0], kind="stable").tolist():
        start, end = map(int, spans[token])
        last = stretches[-1] if stretches else None
        if last is not None and start < last.end:
            last.end = max(last.end, end)
            last.tokens.append(token)
        elif start == end:
            waiting.append(token)
        else:
            stretches.append(Stretch(start, end, [*waiting, token]))
            waiting = []
    if stretches:
        stretches[-1].tokens.extend(waiting)
    return stretches


def escape(text: str) -> str:
    """Return HTML that shows a text, also inside of an attribute."""
    return _IMPOSSIBLE.sub("\ufffd", html.escape(text))


def isolated(name: str) -> str:
    """Return HTML that shows a name, whose direction of writing does not change the text around it."""
    return f"<bdi>{escape(name)}</bdi>"


def coloured(text: str, stretches: Sequence[Stretch], strengths: Iterable[float], titles: Iterable[str]) -> str:
    """Return a text with coloured stretches. Strengths are between -1 and 1."""
    parts, position = [], 0
    for stretch, strength, title in zip(stretches, strengths, titles, strict=True):
        parts.append(escape(text[position : stretch.start]))
        parts.append(coloured_span(text[stretch.start : stretch.end], strength, title))
        position = stretch.end
    parts.append(escape(text[position:]))
    return "".join(parts)


def coloured_span(text: str, strength: float, title: str = "") -> str:
    """Return a coloured text with a tooltip. The line below it is solid if the strength is positive, else dotted.

    It has no space and no border at its sides, which would separate joined letters, for example in Arabic.
    """
    style = ""
    if abs(strength) >= _INVISIBLE:
        colour, line = (POSITIVE, "solid") if strength > 0 else (NEGATIVE, "dotted")
        background = _opacity(_STRONGEST_BACKGROUND * abs(strength))
        border = _opacity(_WEAKEST_LINE + (1 - _WEAKEST_LINE) * abs(strength))
        style = f' style="background-color:{colour}{background};border-bottom:2px {line} {colour}{border}"'
    tooltip = f' title="{escape(title)}"' if title else ""
    return f"<span{tooltip}{style}>{escape(text)}</span>"


def _opacity(share: float) -> str:
    return f"{round(255 * share):02x}"
