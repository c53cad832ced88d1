"""What a fit with ``verbose=True`` prints.

Each epoch leaves one line, in a log file too. Where a line can be overwritten, in a terminal or a notebook, a bar
shows how far the running epoch is.
"""

import sys
import time

import keras

_BAR_WIDTH = 20
_SECONDS_BETWEEN_UPDATES = 0.2


class ProgressDisplay(keras.callbacks.Callback):
    """Epoch, loss, validation scores and the time left, on the standard output."""

    def on_train_begin(self, logs=None):
        self._begin = self._shown_at = time.monotonic()
        self._first_epoch: int | None = None
        self._can_overwrite = sys.stdout.isatty() or "ipykernel" in sys.modules
        self._width = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._epoch_begin = time.monotonic()
        if self._first_epoch is None:
            self._first_epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if not self._can_overwrite or now - self._shown_at < _SECONDS_BETWEEN_UPDATES:
            return
        self._shown_at = now
        share = (batch + 1) / self.params["steps"]
        bar = "#" * round(share * _BAR_WIDTH)
        seconds_of_epoch = (now - self._epoch_begin) / share
        left = seconds_of_epoch * (self.params["epochs"] - self._epoch - share)
        self._write([f"[{bar:.<{_BAR_WIDTH}}]", *_values(logs), _time_left(left)], end="")

    def on_epoch_end(self, epoch, logs=None):
        now = time.monotonic()
        seconds_of_epoch = (now - self._begin) / (epoch + 1 - self._first_epoch)
        left = seconds_of_epoch * (self.params["epochs"] - epoch - 1)
        time_left = [_time_left(left)] if left else []
        self._write([*_values(logs), f"{now - self._epoch_begin:.1f} s", *time_left], end="\n")

    def on_train_end(self, logs=None):
        if self._epoch + 1 < self.params["epochs"]:
            sys.stdout.write(f"stopped after epoch {self._epoch + 1}\n")

    def _write(self, parts: list[str], end: str):
        n_epochs = str(self.params["epochs"])
        line = "  ".join([f"epoch {self._epoch + 1:>{len(n_epochs)}}/{n_epochs}", *parts])
        # Back to the beginning of the line, and over what is left of a longer one before.
        sys.stdout.write(("\r" if self._can_overwrite else "") + line.ljust(self._width) + end)
        sys.stdout.flush()
        self._width = 0 if end else len(line)


def _values(logs) -> list[str]:
    return [f"{name} {float(value):.4f}" for name, value in (logs or {}).items()]


def _time_left(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d} left"
