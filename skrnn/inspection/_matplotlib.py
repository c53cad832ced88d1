"""Axes and fonts for the displays. matplotlib is imported when a plot begins."""

from __future__ import annotations

from typing import Any

from skrnn.utils._installed import check_installed

# matplotlib takes the characters that a font lacks from the next one. Each system has some of these fonts.
_FONTS_OF_OTHER_SCRIPTS = [
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Yu Gothic"),
    *("WenQuanYi Zen Hei", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic", "Arial Unicode MS"),
    *("Noto Naskh Arabic", "Noto Sans Arabic", "Segoe UI", "Noto Sans Hebrew"),
    *("Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil", "Nirmala UI"),
    *("Noto Sans Thai", "Leelawadee UI", "Noto Emoji", "Segoe UI Emoji", "Segoe UI Symbol"),
]


def axes_for(caller: str, ax: Any, n_rows: int = 0) -> Any:
    """Return the axes to plot on. If ``ax`` is None, they are new, with room for the labels of the rows."""
    check_installed(f"{caller} needs", "matplotlib")
    import matplotlib.pyplot as plt

    if ax is None:
        figure, ax = plt.subplots(layout="constrained")
        figure.set_figheight(max(figure.get_figheight(), 0.8 + 0.2 * n_rows))
    return ax


def text_properties() -> dict[str, Any]:
    """Return the properties of a text that comes from the user: any script, and "$" is a plain character."""
    import matplotlib as mpl
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    fallbacks = [name for name in _FONTS_OF_OTHER_SCRIPTS if name in installed]
    return {"fontfamily": [*mpl.rcParams["font.family"], *fallbacks], "parse_math": False}
