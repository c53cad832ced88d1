"""The display of attributions: HTML, plots and text."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import SMALL_NUMERIC
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from scipy.special import expit

from skrnn import RNNSequenceClassifier
from skrnn.inspection import TokenAttributionDisplay, TokenAttributions


def explain(document, values, pattern=r"\w+", **changes):
    """Return attributions of the words of a document. A single value of a word is for the class "pos"."""
    values = np.asarray(values, dtype=float)
    if values.ndim == 1:
        values = np.stack([-values, values], axis=1)
    n_outputs = values.shape[1]
    spans = np.array([word.span() for word in re.finditer(pattern, document)]).reshape(-1, 2)
    outputs = 0.5 + values.sum(axis=0)
    fields = {
        "document": document,
        "tokens": [document[start:end] for start, end in spans],
        "spans": spans,
        "normalized_tokens": [document[start:end].lower() for start, end in spans],
        "n_unread": 0,
        "values": values,
        "standard_errors": np.zeros_like(values),
        "groups": np.arange(len(values)),
        "base_values": np.full(n_outputs, 0.5),
        "outputs": outputs,
        "predictions": expit(outputs),
        "target_names": ["neg", "pos"],
        "unit": "logit",
        "method": "shapley",
    }
    return TokenAttributions(**{**fields, **changes})


REVIEW = explain("A splendid film, if long", [0.1, 2.0, 0.05, 0.0, -1.0])
STEPS = replace(
    explain("0 1 2", [0.5, -1.0, 0.75]), document=np.ones((3, 2)), spans=None, standard_errors=np.full((3, 2), 0.1)
)


class Page(HTMLParser):
    """The elements of a page, and the text and coloured stretches of the document in it."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.document, self.stretches = [], "", []
        self._depth, self._document_depth, self._text = 0, None, []
        self.feed(html)
        self.close()
        self.text = "".join(self._text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._depth += 1
        if dict(attributes).get("dir") == "auto":
            self._document_depth = self._depth
        elif self._document_depth is not None and tag == "span":
            self.stretches.append(["", dict(attributes)])
        self._open_stretch = tag == "span"

    def handle_endtag(self, tag):
        if self._depth == self._document_depth:
            self._document_depth = None
        self._depth -= 1
        self._open_stretch = False

    def handle_data(self, data):
        self._text.append(data)
        if self._document_depth is not None:
            self.document += data
            if self._open_stretch:
                self.stretches[-1][0] += data


def page(attributions, **options):
    return Page(TokenAttributionDisplay.from_attributions(attributions, **options)._repr_html_())


def style(stretch):
    return dict(rule.split(":") for rule in stretch[1].get("style", "").split(";") if rule)


@pytest.fixture(autouse=True)
def _closed_figures():
    with mpl.rc_context(), plt.ioff():
        plt.switch_backend("Agg")
        yield
        plt.close("all")


def test_html_shows_the_document_with_the_value_of_each_word():
    shown = page(REVIEW)
    assert shown.document == REVIEW.document
    assert [text for text, _ in shown.stretches] == REVIEW.tokens
    assert [attributes["title"] for _, attributes in shown.stretches] == [
        "+0.10",
        "+2.00",
        "+0.05",
        "+0.00",
        "-1.00",
    ]


def test_html_has_a_heading_and_a_legend():
    text = page(REVIEW).text
    assert text.startswith("pos: probability 0.839logit of pos: 1.65 = 0.50 without tokens, +1.15 from 5 tokens.")
    assert text.endswith("lowers the logit of pos   -2.00  -1.00  0  +1.00  +2.00   raises it")


def test_values_have_a_colour_and_a_kind_of_line_for_their_sign():
    _, splendid, film, _, long = map(style, page(REVIEW).stretches)
    assert splendid["border-bottom"].startswith("2px solid")
    assert long["border-bottom"].startswith("2px dotted")
    assert splendid["background-color"][:7] != long["background-color"][:7]
    assert not film  # the value is small


def test_the_colour_of_a_stronger_value_is_stronger():
    stretches = page(explain("a b c d", [4.0, 3.0, 2.0, 1.0])).stretches
    opacities = [to_rgba(style(stretch)["background-color"])[3] for stretch in stretches]
    assert opacities == sorted(opacities, reverse=True)
    assert len(set(opacities)) == 4


def luminance(colour):
    channels = np.asarray(colour)
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize(
    ("background", "text"),
    [("#fff", "#000"), ("#fff", "#212121"), ("#fff", "#3b3b3b"), ("#111", "#ddd"), ("#1f1f1f", "#ccc")],
    ids=["browser", "Jupyter light", "VS Code light", "Jupyter dark", "VS Code dark"],
)
def test_coloured_words_are_readable_on_light_and_dark_pages(background, text):
    for stretch in page(explain("good bad", [1.0, -1.0])).stretches:
        assert "color" not in style(stretch)  # the text keeps the colour of the page
        *colour, opacity = to_rgba(style(stretch)["background-color"])
        mixed = opacity * np.array(colour) + (1 - opacity) * np.array(to_rgba(background)[:3])
        darker, lighter = sorted([luminance(mixed), luminance(to_rgba(text)[:3])])
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_tooltips_have_standard_errors_of_sampled_values():
    shown = page(explain("a b", [1.0, -0.5], standard_errors=np.array([[0.1, 0.2], [0.0, 0.0]])))
    assert [attributes["title"] for _, attributes in shown.stretches] == ["+1.00 ± 0.20", "-0.50"]


def test_white_space_and_line_breaks_stay():
    document = "  one\n\n\ttwo\r\nthree  "
    shown = page(explain(document, [1.0, 1.0, 1.0]))
    assert shown.document == document
    assert any("white-space:pre-wrap" in attributes.get("style", "") for _, attributes in shown.elements)


def test_the_script_decides_the_direction():
    divs = [attributes for tag, attributes in page(REVIEW).elements if tag == "div"]
    assert [div.get("dir") for div in divs] == ["ltr", None, None, "auto", None]


def test_letters_that_join_across_tokens_stay_joined():
    for stretch in page(explain("كتاب", [1.0, -1.0], pattern=r"\w\w")).stretches:
        assert set(style(stretch)) == {"background-color", "border-bottom"}


# Everything that HTML, Python or a terminal could misread. "&#0;" is text here.
HOSTILE = st.lists(
    st.characters(exclude_categories=[])
    | st.sampled_from("<>&\"'`=/;$\\\0\r\n\t\x1b\u202e\u2028\ud800")
    | st.sampled_from(["<script>", '" onmouseover="', "</div>", "<!--", "&lt;", "&#0;", "]]>", "{", "%s"]),
    max_size=20,
).map("".join)


@given(HOSTILE, st.lists(HOSTILE, min_size=2, max_size=2, unique=True), st.data())
def test_no_string_becomes_markup(document, names, data):
    edges = sorted(data.draw(st.lists(st.integers(0, len(document)), max_size=8)))
    spans = np.array([[start, end] for start, end in zip(edges[::2], edges[1::2], strict=False)]).reshape(-1, 2)
    values = np.array(data.draw(st.lists(st.floats(-9, 9), min_size=len(spans), max_size=len(spans))))
    tokens = [document[start:end] for start, end in spans]
    attributions = explain(
        document,
        np.stack([-values, values], axis=1),
        spans=spans,
        tokens=tokens,
        normalized_tokens=tokens,
        target_names=names,
    )
    html = TokenAttributionDisplay(attributions)._repr_html_()
    html.encode()
    shown = Page(html)
    assert {tag for tag, _ in shown.elements} <= {"div", "b", "bdi", "span"}
    assert {name for _, attributes in shown.elements for name in attributes} <= {"style", "title", "dir"}
    safe = re.sub("[\0\ud800-\udfff]", "\ufffd", document)
    if any(tokens) or not tokens:
        assert shown.document == safe
    for line in str(TokenAttributionDisplay(attributions)).splitlines():
        assert not re.search("[\0-\x1f\x7f-\x9f\u202a-\u202e]", line)


def test_displays_share_a_page_and_use_nothing_from_outside():
    html = TokenAttributionDisplay(REVIEW)._repr_html_()
    assert not re.search(r"<style|<script|<link|\bid=|\bclass=|url\(|https?:", html)


def test_without_spans_the_tokens_are_shown_with_spaces():
    shown = page(explain("Das-ist gut", [1.0, 2.0, 3.0], spans=None))
    assert shown.document == "Das ist gut"
    assert [text for text, _ in shown.stretches] == ["Das", "ist", "gut"]


def with_spans(document, tokens, spans, values):
    return explain(document, values, spans=np.array(spans), tokens=tokens, normalized_tokens=tokens)


def test_tokens_of_the_same_characters_share_a_stretch():
    attributions = with_spans(
        "ﬁne day", ["f", "i", "ne", "day"], [[0, 1], [0, 1], [1, 3], [4, 7]], [1, 2, -1, 0.5]
    )
    shown = page(attributions)
    assert shown.document == "ﬁne day"
    assert [text for text, _ in shown.stretches] == ["ﬁ", "ne", "day"]
    assert shown.stretches[0][1]["title"] == "+3.00\n+1.00 f\n+2.00 i"


def test_overlapping_tokens_share_a_stretch():
    shown = page(with_spans("abcd e", ["cd", "abc", "e"], [[2, 4], [0, 3], [5, 6]], [1.0, 2.0, 3.0]))
    assert [text for text, _ in shown.stretches] == ["abcd", "e"]
    assert [attributes["title"].split("\n")[0] for _, attributes in shown.stretches] == ["+3.00", "+3.00"]


@pytest.mark.parametrize(
    ("spans", "titles"),
    [
        ([[0, 0], [0, 1], [2, 3]], ["+3", "+4"]),
        ([[0, 1], [2, 2], [2, 3]], ["+1", "+6"]),
        ([[0, 1], [2, 3], [3, 3]], ["+1", "+6"]),
    ],
)
def test_a_token_without_characters_joins_its_neighbour(spans, titles):
    shown = page(with_spans("a b", ["x", "y", "z"], spans, [1.0, 2.0, 4.0]))
    assert [text for text, _ in shown.stretches] == ["a", "b"]
    assert [attributes["title"].split(".")[0] for _, attributes in shown.stretches] == titles


def test_a_tooltip_shows_spaces():
    shown = page(with_spans("a", [" ", "a", " "], [[0, 0], [0, 1], [1, 1]], [1.0, 2.0, 4.0]))
    assert shown.stretches[0][1]["title"] == "+7.00\n+1.00 ' '\n+2.00 a\n+4.00 ' '"


def test_a_tooltip_names_at_most_ten_tokens():
    attributions = with_spans("ab", [str(i) for i in range(99)], [[0, 2]] * 99, [1.0] * 99)
    assert len(page(attributions).stretches[0][1]["title"].splitlines()) == 12


@pytest.mark.parametrize("document", ["", " \n ", "?!"])
def test_a_document_without_tokens_is_shown(document):
    attributions = explain(document, np.empty((0, 2)))
    shown = page(attributions)
    assert shown.document == document
    assert "raises" not in shown.text
    assert str(TokenAttributionDisplay(attributions)).endswith("+0.00 from 0 tokens.")
    TokenAttributionDisplay(attributions).plot().figure_.canvas.draw()


def test_tokens_of_no_characters_are_shown_by_name():
    assert page(with_spans("  ", ["x", "y"], [[0, 0], [1, 1]], [1.0, 2.0])).document == "x y"


def test_time_steps_are_shown_by_number():
    shown = page(STEPS)
    assert shown.document == "0 1 2"
    assert shown.stretches[1][1]["title"] == "-1.00 ± 0.10"
    assert "from 3 time steps" in shown.text


@pytest.mark.parametrize("targets", [[1, 2, 3], [1.0, 2.0, 3.0]])
def test_the_target_is_a_class(targets):
    attributions = explain("a b", [[1, 2, 3], [3, 1, 1]], target_names=targets)
    for target in (2, 2.0, np.int64(2)):
        assert [a["title"] for _, a in page(attributions, target=target).stretches] == ["+2.00", "+1.00"]
    with pytest.raises(ValueError, match="Expected target"):
        TokenAttributionDisplay(attributions, target="2")


def test_groups_and_unread_tokens_are_mentioned():
    attributions = explain("a b c", [1.0, 1.0, 2.0], groups=np.array([0, 0, 1]), n_unread=7)
    for text in (str(TokenAttributionDisplay(attributions)), page(attributions).text):
        assert "The tokens were left out in 2 groups, which share their values equally." in text
        assert "7 more tokens were not read, because of max_length." in text
    assert "groups" not in str(TokenAttributionDisplay(REVIEW))
    assert "not read" not in str(TokenAttributionDisplay(REVIEW))


def test_errors_of_a_group_add_up():
    attributions = with_spans("word", ["w", "ord"], [[0, 4], [0, 4]], [1.0, 1.0])
    errors = np.full((2, 2), 0.1)
    for groups, error in (([0, 0], "0.20"), ([0, 1], "0.14")):
        shown = page(replace(attributions, standard_errors=errors, groups=np.array(groups)))
        assert shown.stretches[0][1]["title"].startswith(f"+2.00 ± {error}")


def test_the_target_is_the_predicted_class_or_another():
    attributions = explain("a b", [[1, 2, 3], [3, 1, 1]], target_names=["1", "2", "3"])
    assert page(attributions, target="3").text.startswith("3: probability 0.989 (most probable: 1, 0.989)")


def test_without_a_target_the_predicted_class_is_explained():
    assert [a["title"] for _, a in page(explain("a b", [-1.0, -2.0])).stretches] == ["+1.00", "+2.00"]


def test_an_unknown_target_is_an_error():
    with pytest.raises(ValueError, match=r"Expected target to be None or one of \['neg', 'pos'\]; got 'posi'\."):
        TokenAttributionDisplay(REVIEW, target="posi")


def test_a_list_of_attributions_is_an_error():
    with pytest.raises(TypeError, match=r"of one document; got .* pass one of its items"):
        TokenAttributionDisplay.from_attributions([REVIEW])


def test_text_shows_values_with_bars():
    assert str(TokenAttributionDisplay(REVIEW)).splitlines() == [
        "pos: probability 0.839",
        "logit of pos: 1.65 = 0.50 without tokens, +1.15 from 5 tokens.",
        "",
        "+0.10  +                     A",
        "+2.00  ++++++++++++++++++++  splendid",
        "+0.05                        film",
        "+0.00                        if",
        "-1.00  ----------            long",
    ]


def test_text_shows_the_strongest_tokens_in_the_order_of_the_document():
    values = np.arange(30.0) * (-1) ** np.arange(30)
    lines = str(TokenAttributionDisplay(explain(" ".join(map(str, range(30))), values))).splitlines()
    assert [line.split()[-1] for line in lines[3:-1]] == [str(i) for i in range(10, 30)]
    assert lines[-1] == "Smaller values that are not shown: 10."


def test_text_is_one_line_for_each_token():
    tokens = ["two\nlines", "\x1b[31mred", " ", "می\u200cخواهم", "x" * 99]
    attributions = with_spans("", tokens, [[0, 0]] * 5, [1.0] * 5)
    shown = [line.split("+  ")[1] for line in str(TokenAttributionDisplay(attributions)).splitlines()[3:]]
    assert shown == [r"two\nlines", r"\x1b[31mred", "' '", "می\u200cخواهم", "x" * 37 + "..."]


@pytest.mark.parametrize(("scale", "shown"), [(12345.6, "+12346"), (0.012345, "+0.0123"), (1e-9, "+1.00e-09")])
def test_numbers_have_three_digits(scale, shown):
    assert page(explain("a", [scale])).stretches[0][1]["title"] == shown


def test_occlusion_does_not_add_up():
    text = page(explain("a b", [1.0, 2.0], method="occlusion", unit="probability")).text
    assert "probability of pos: 3.50. Each value is the change if one of the 2 tokens is left out." in text


def test_a_regressor_has_a_prediction():
    attributions = explain(
        "a b", [[1.0], [2.0]], unit="prediction", predictions=np.array([3.5]), target_names=["y"]
    )
    assert str(TokenAttributionDisplay(attributions)).startswith("y: prediction 3.5\nprediction of y: 3.50 = ")


def test_an_estimator_explains_a_document(fitted):
    document = "the film was splendid"
    display = TokenAttributionDisplay.from_estimator(fitted, document, random_state=0)
    assert display.attributions.document == document
    assert display.attributions.unit == "logit"
    shown = Page(display._repr_html_())
    assert shown.text.startswith("pos: probability")
    titles = {text: float(attributes["title"].split()[0]) for text, attributes in shown.stretches}
    assert max(titles, key=titles.get) == "splendid"


def test_options_of_the_explanation(fitted):
    display = TokenAttributionDisplay.from_estimator(
        fitted, "a splendid film", target="neg", method="occlusion", output="probability"
    )
    assert str(display).startswith("neg: probability")
    assert (display.attributions.method, display.attributions.unit) == ("occlusion", "probability")


def test_an_estimator_explains_a_numeric_sequence(trends):
    X, y = trends
    display = TokenAttributionDisplay.from_estimator(RNNSequenceClassifier(**SMALL_NUMERIC).fit(X, y), X[0])
    assert len(display.plot().ax_.patches) == len(X[0])
    assert Page(display._repr_html_()).document == " ".join(display.attributions.tokens)


def test_the_repr_is_short():
    assert repr(TokenAttributionDisplay(REVIEW)).startswith("<skrnn.inspection.TokenAttributionDisplay object at")


def bars(ax):
    return [bar.get_width() for bar in ax.patches]


def labels(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_plot_shows_the_strongest_tokens_in_the_order_of_the_document():
    display = TokenAttributionDisplay(REVIEW)
    assert display.plot(max_tokens=3) is display
    assert bars(display.ax_) == [0.1, 2.0, -1.0]
    assert labels(display.ax_) == ["A", "splendid", "long"]
    bottom, top = display.ax_.get_ylim()
    assert bottom > top  # the first token is at the top
    assert display.ax_.get_title() == "pos: probability 0.839"
    assert display.ax_.get_xlabel() == "contribution to the logit of pos"


def test_plot_uses_the_axes_of_the_user():
    figure, ax = plt.subplots()
    display = TokenAttributionDisplay(REVIEW).plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]


def test_labels_of_many_tokens_do_not_overlap():
    attributions = explain(" ".join(map(str, range(60))), np.ones(60))
    display = TokenAttributionDisplay(attributions).plot(max_tokens=60)
    display.figure_.canvas.draw()
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    assert all(lower.y1 <= upper.y0 for upper, lower in pairwise(boxes))


def test_plot_has_error_bars_for_sampled_values():
    sampled = explain("a b", [1.0, -0.5], standard_errors=np.array([[0.1, 0.1], [0.2, 0.2]]))
    [error_bars] = TokenAttributionDisplay(sampled).plot().ax_.collections
    np.testing.assert_allclose([line[:, 0] for line in error_bars.get_segments()], [[0.9, 1.1], [-0.7, -0.3]])
    assert not TokenAttributionDisplay(REVIEW).plot().ax_.collections


def test_plot_shows_time_steps_in_their_order():
    ax = TokenAttributionDisplay(STEPS).plot(max_tokens=1).ax_
    assert [bar.get_height() for bar in ax.patches] == [0.5, -1.0, 0.75]
    assert ax.get_xlabel() == "time step"


def test_a_dollar_sign_is_no_formula():
    attributions = explain(
        "$x $y^ \\frac{ 5$", [1.0, 2.0, 3.0, 4.0], pattern=r"\S+", target_names=["$no$", "$yes"]
    )
    display = TokenAttributionDisplay(attributions).plot()
    display.figure_.canvas.draw()
    assert labels(display.ax_) == ["$x", "$y^", "\\frac{", "5$"]
    assert not any(label.get_parse_math() for label in display.ax_.get_yticklabels())
    assert not display.ax_.title.get_parse_math()


def test_max_tokens_is_checked():
    with pytest.raises(ValueError, match="Expected max_tokens to be an integer >= 1; got 0"):
        TokenAttributionDisplay(REVIEW).plot(max_tokens=0)


def test_an_error_says_how_to_install_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r"TokenAttributionDisplay\.plot needs .*pip install matplotlib$"):
        TokenAttributionDisplay(REVIEW).plot()


def test_matplotlib_is_imported_for_plots_alone():
    code = "import sys, skrnn.inspection; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
