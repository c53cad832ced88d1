"""The lines that a fit with ``verbose=True`` prints."""

import time
from contextlib import suppress
from typing import Any

import keras

Logs = dict[str, Any] | None


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
        now, n_epochs = time.monotonic(), self.params["epochs"]
        columns = [f"epoch {epoch + 1:>{len(str(n_epochs))}}/{n_epochs}"]
        columns += [f"{name} {float(value):.4f}" for name, value in (logs or {}).items()]
        columns.append(f"{now - self._epoch_begin:.1f} s")
        seconds_per_epoch = (now - self._begin) / (epoch + 1 - (self._first_epoch or 0))
        minutes, seconds = divmod(round(seconds_per_epoch * (n_epochs - epoch - 1)), 60)
        if epoch + 1 < n_epochs:
            columns.append(f"{minutes}:{seconds:02d} left")
        print_line("  ".join(columns))

    def on_train_end(self, logs: Logs = None) -> None:
        if self._epoch + 1 < self.params["epochs"]:
            print_line(f"stopped after epoch {self._epoch + 1}")


def print_line(line: str) -> None:
    """Print a line, also while other threads print."""
    with suppress(Exception):  # a closed or unusual standard output must not end a fit
        print(f"{line}\n", end="", flush=True)  # noqa: T201  in a single write, because threads may print at once
