"""What a fit with ``verbose=True`` prints.

Each epoch leaves one line, in a log file too. Where a line can be overwritten, in a terminal or a notebook, a bar
shows how far the running epoch is.
"""

import sys
import time

import keras

_BAR_WIDTH = 20
_SECONDS_BETWEEN_UPDATES = 0.2


def progress_display() -> keras.callbacks.Callback:
    """A display for one fit on the standard output, as that allows."""
    stream = sys.stdout
    can_overwrite = stream is not None and (stream.isatty() or "ipykernel" in sys.modules)
    return ProgressBar() if can_overwrite else EpochLines()


class EpochLines(keras.callbacks.Callback):
    """A line for each epoch: losses and scores, seconds, and the time left."""

    def on_train_begin(self, logs=None):
        self._begin = time.monotonic()
        self._first_epoch: int | None = None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._epoch_begin = time.monotonic()
        if self._first_epoch is None:
            self._first_epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        now = time.monotonic()
        seconds_of_epoch = (now - self._begin) / (epoch + 1 - self._first_epoch)
        left = seconds_of_epoch * (self.params["epochs"] - epoch - 1)
        time_left = [_time_left(left)] if left else []
        self._write([*_values(logs), f"{now - self._epoch_begin:.1f} s", *time_left], end="\n")

    def on_train_end(self, logs=None):
        if self._epoch + 1 < self.params["epochs"]:
            _print(f"stopped after epoch {self._epoch + 1}\n")

    def _line(self, parts: list[str]) -> str:
        n_epochs = str(self.params["epochs"])
        return "  ".join([f"epoch {self._epoch + 1:>{len(n_epochs)}}/{n_epochs}", *parts])

    def _write(self, parts: list[str], end: str) -> None:
        _print(self._line(parts) + end)


class ProgressBar(EpochLines):
    """Also, within an epoch, how far it is, in a line that is written over."""

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._shown_at = self._begin
        self._width = 0

    # A class of its own, because Keras waits for the result of each batch when a callback has this method.
    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if now - self._shown_at < _SECONDS_BETWEEN_UPDATES:
            return
        self._shown_at = now
        share = (batch + 1) / self.params["steps"]
        bar = "#" * round(share * _BAR_WIDTH)
        left = (now - self._epoch_begin) / share * (self.params["epochs"] - self._epoch - share)
        self._write([f"[{bar:.<{_BAR_WIDTH}}]", *_values(logs), _time_left(left)], end="")

    def _write(self, parts: list[str], end: str) -> None:
        line = self._line(parts)
        _print("\r" + line.ljust(self._width) + end)  # over what is left of a longer line
        self._width = 0 if end else len(line)


def _print(text: str) -> None:
    if sys.stdout is not None:  # a program without a console has none
        sys.stdout.write(text)
        sys.stdout.flush()


def _values(logs) -> list[str]:
    return [f"{name} {float(value):.4f}" for name, value in (logs or {}).items()]


def _time_left(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d} left"
