"""What a fit with ``verbose=True`` prints.

Each epoch prints one line, which also suits a log file. A terminal or notebook shows a progress bar during the
epoch.
"""

import sys
import time
from typing import Any

import keras

_BAR_WIDTH = 20
_SECONDS_BETWEEN_UPDATES = 0.2

Logs = dict[str, Any] | None


def progress_display() -> Any:
    """Return the callback that suits the standard output."""
    stream = sys.stdout
    can_overwrite = stream is not None and (stream.isatty() or "ipykernel" in sys.modules)
    return ProgressBar() if can_overwrite else EpochLines()


class EpochLines(keras.callbacks.Callback):
    """Print a line for each epoch: losses and scores, seconds, and the time left."""

    def on_train_begin(self, logs: Logs = None) -> None:
        self._begin = time.monotonic()
        self._first_epoch: int | None = None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch
        self._epoch_begin = time.monotonic()
        if self._first_epoch is None:
            self._first_epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        now = time.monotonic()
        seconds_per_epoch = (now - self._begin) / (epoch + 1 - (self._first_epoch or 0))
        left = seconds_per_epoch * (self.params["epochs"] - epoch - 1)
        time_left = [_time_left(left)] if left else []
        self._write([*_values(logs), f"{now - self._epoch_begin:.1f} s", *time_left], end="\n")

    def on_train_end(self, logs: Logs = None) -> None:
        if self._epoch + 1 < self.params["epochs"]:
            _print(f"stopped after epoch {self._epoch + 1}\n")

    def _line(self, columns: list[str]) -> str:
        n_epochs = str(self.params["epochs"])
        return "  ".join([f"epoch {self._epoch + 1:>{len(n_epochs)}}/{n_epochs}", *columns])

    def _write(self, columns: list[str], end: str) -> None:
        _print(self._line(columns) + end)


class ProgressBar(EpochLines):
    """Also show the progress within the epoch, in a line that is overwritten."""

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        self._shown_at = self._begin
        self._width = 0

    # Not in EpochLines: Keras waits for the result of each batch if a callback has this method.
    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        now = time.monotonic()
        if now - self._shown_at < _SECONDS_BETWEEN_UPDATES:
            return
        self._shown_at = now
        done = (batch + 1) / self.params["steps"]
        bar = "#" * round(done * _BAR_WIDTH)
        left = (now - self._epoch_begin) / done * (self.params["epochs"] - self._epoch - done)
        self._write([f"[{bar:.<{_BAR_WIDTH}}]", *_values(logs), _time_left(left)], end="")

    def _write(self, columns: list[str], end: str) -> None:
        line = self._line(columns)
        _print("\r" + line.ljust(self._width) + end)  # spaces overwrite the rest of a longer line
        self._width = 0 if end else len(line)


def _print(text: str) -> None:
    if sys.stdout is not None:  # a program without a console has none
        sys.stdout.write(text)
        sys.stdout.flush()


def _values(logs: Logs) -> list[str]:
    return [f"{name} {float(value):.4f}" for name, value in (logs or {}).items()]


def _time_left(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d} left"
