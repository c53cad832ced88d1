"""The lines that a fit with ``verbose=True`` prints."""

import sys
import time
from contextlib import suppress
from typing import Any

import keras

Logs = dict[str, Any] | None

_BAR_WIDTH = 30
_SECONDS_BETWEEN_BARS = 0.1


class EpochLines(keras.callbacks.Callback):
    """Print a line for each epoch: losses and scores, seconds, and the time left.

    In a terminal, the line is a progress bar until the epoch ends.
    """

    _bar = ""  # the bar on the last line

    def on_train_begin(self, logs: Logs = None) -> None:
        self._begin = time.monotonic()
        self._first_epoch: int | None = None
        self._bar_time = 0.0
        self._in_terminal = _is_terminal()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch
        self._epoch_begin = time.monotonic()
        if self._first_epoch is None:
            self._first_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        now = time.monotonic()
        if not self._in_terminal or now - self._bar_time < _SECONDS_BETWEEN_BARS:
            return
        done = (batch + 1) / self.params["steps"]
        signs = "#" * int(_BAR_WIDTH * done)
        self._bar, self._bar_time = f"{self._name()}  [{signs:<{_BAR_WIDTH}}]  {self._left(now, done)}", now
        _write(f"\r{self._bar}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        now = time.monotonic()
        columns = [self._name()]
        columns += [f"{name} {float(value):.4f}" for name, value in (logs or {}).items()]
        columns.append(f"{now - self._epoch_begin:.1f} s")
        if epoch + 1 < self.params["epochs"]:
            columns.append(self._left(now, 1.0))
        line = "  ".join(columns)
        if self._bar:
            line = f"\r{line:<{len(self._bar)}}"
        print_line(line)
        self._bar = ""

    def on_train_end(self, logs: Logs = None) -> None:
        if self._epoch + 1 < self.params["epochs"]:
            print_line(f"stopped after epoch {self._epoch + 1}")

    def end_line(self) -> None:
        """End the line of a bar whose epoch did not end, so that a traceback begins on a new line."""
        if self._bar:
            print_line("")
            self._bar = ""

    def _name(self) -> str:
        n_epochs = self.params["epochs"]
        return f"epoch {self._epoch + 1:>{len(str(n_epochs))}}/{n_epochs}"

    def _left(self, now: float, done: float) -> str:
        """Return the time left for all epochs after a part of this one."""
        n_done = self._epoch - (self._first_epoch or 0) + done
        n_left = self.params["epochs"] - self._epoch - done
        minutes, seconds = divmod(round((now - self._begin) / n_done * n_left), 60)
        return f"{minutes}:{seconds:02d} left"


def print_line(line: str) -> None:
    """Print a line, also while other threads print."""
    _write(f"{line}\n")  # in a single write, because threads may print at once


def _write(text: str) -> None:
    with suppress(Exception):  # a closed or unusual standard output must not end a fit
        print(text, end="", flush=True)  # noqa: T201


def _is_terminal() -> bool:
    with suppress(Exception):
        return sys.stdout.isatty()
    return False
