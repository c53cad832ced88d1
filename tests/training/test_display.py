import re
import sys

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


def test_terminals_show_a_progress_bar(capsys, monkeypatch, reviews):
    import skrnn.training._display

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(skrnn.training._display, "_SECONDS_BETWEEN_UPDATES", 0)
    small(epochs=2, batch_size=30, verbose=1).fit(*reviews)
    first, second, _ = capsys.readouterr().out.split("\n")
    *bars, line = first.split("\r")[1:]
    assert ["[##########..........]" in bars[0], "[####################]" in bars[1]] == [True, True]
    assert line.startswith("epoch 1/2  accuracy")
    assert len(line) >= len(bars[-1].rstrip())
    assert second.count("epoch 2/2") == 3


def test_nothing_is_printed_without_verbose(capfd, reviews):
    small(epochs=1).fit(*reviews)
    assert capfd.readouterr().out == ""
