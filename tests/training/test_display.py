import io
import re
import sys

import pytest
from conftest import SMALL

from skrnn import RNNTextClassifier


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def test_each_epoch_prints_a_line(capsys, reviews):
    small(epochs=3, verbose=True).fit(*reviews, X_val=reviews[0][:5], y_val=reviews[1][:5])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    scores = r"  accuracy [\d.]+  loss [\d.]+  val_accuracy [\d.]+  val_loss [\d.]+  [\d.]+ s"
    for epoch, line in enumerate(lines[:2], start=1):
        assert re.fullmatch(rf"epoch {epoch}/3{scores}  \d+:\d\d left", line)
    assert re.fullmatch(rf"epoch 3/3{scores}", lines[2])


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_in_a_terminal_each_epoch_is_a_progress_bar_on_one_line(monkeypatch, reviews):
    from skrnn.training import _display

    monkeypatch.setattr(_display, "_SECONDS_BETWEEN_BARS", 0)
    monkeypatch.setattr(sys, "stdout", Terminal())
    small(epochs=2, batch_size=8, verbose=True).fit(*reviews)
    *lines, rest = sys.stdout.getvalue().split("\n")
    assert (len(lines), rest) == (2, "")
    for epoch, line in enumerate(lines, start=1):
        start, *bars, last = line.split("\r")
        n_signs = [bar.count("#") for bar in bars]
        assert start == ""
        assert n_signs == sorted(n_signs)
        assert (n_signs[0] < 30, n_signs[-1]) == (True, 30)
        assert all(re.fullmatch(rf"epoch {epoch}/2  \[#* *\]  \d+:\d\d left", bar) for bar in bars)
        assert last.startswith(f"epoch {epoch}/2  accuracy ")
        assert len(last) >= max(map(len, bars))  # nothing of the bar is left


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_the_line_of_a_progress_bar_ends_before_an_error(error, monkeypatch, reviews):
    import keras

    from skrnn.training import _display

    class Failing(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.is_second = epoch == 1

        def on_train_batch_begin(self, batch, logs=None):
            if self.is_second and batch == 2:
                raise error

    monkeypatch.setattr(_display, "_SECONDS_BETWEEN_BARS", 0)
    monkeypatch.setattr(sys, "stdout", Terminal())
    with pytest.raises(error):
        small(epochs=2, batch_size=8, verbose=True, callbacks=[Failing]).fit(*reviews)
    first, second, rest = sys.stdout.getvalue().split("\n")
    assert (first.split("\r")[-1][:9], rest) == ("epoch 1/2", "")
    assert re.fullmatch(r"epoch 2/2  \[#+ +\]  \d+:\d\d left", second.split("\r")[-1])


class OnlyWrite:
    """A standard output as some programs set it: it has no ``isatty`` and no ``flush``."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def test_any_object_that_writes_can_be_the_standard_output(monkeypatch, reviews):
    stream = OnlyWrite()
    monkeypatch.setattr(sys, "stdout", stream)
    small(epochs=2, verbose=True).fit(*reviews)
    assert [line[:9] for line in stream.text.splitlines()] == ["epoch 1/2", "epoch 2/2"]


def closed_stream():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed_stream()], ids=["none", "closed"])
def test_fits_without_a_standard_output_succeed(monkeypatch, reviews, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    assert small(epochs=1, verbose=True).fit(*reviews).n_iter_ == 1


def test_names_outside_the_encoding_of_the_standard_output_do_not_end_a_fit(monkeypatch, reviews):
    import keras

    class Reporting(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["größe"] = 1.0

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    classifier = small(epochs=1, verbose=True, callbacks=[Reporting]).fit(*reviews)
    assert classifier.history_["größe"] == [1.0]


def test_nothing_is_printed_without_verbose(capfd, reviews):
    small(epochs=1).fit(*reviews)
    assert capfd.readouterr().out == ""
