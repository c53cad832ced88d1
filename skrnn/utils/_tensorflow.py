"""The start of TensorFlow, without the harmless lines that it writes to standard error."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from typing import IO, cast

# TF_CPP_MIN_LOG_LEVEL does not stop the lines that come before TensorFlow reads it:
# https://github.com/tensorflow/tensorflow/issues/100442
_HARMLESS = (
    "WARNING: All log messages before absl::InitializeLog() is called",
    "oneDNN custom operations are on",
    "Could not find cuda drivers on your machine",
    "This TensorFlow binary is optimized to use available CPU instructions",
    "To enable the following instructions: ",
    "Unable to register cuFFT factory",
    "Unable to register cuDNN factory",
    "Unable to register cuBLAS factory",
    "computation placer already registered",
    "Failed call to cuInit: UNKNOWN ERROR (303)",  # the machine has no driver of CUDA
    "Memory patch applied: M_TRIM_THRESHOLD",
)

_LOCK = Lock()
_STILL_RUNNING: list[subprocess.Popen] = []


def import_tensorflow() -> None:
    """Import TensorFlow, unless it is imported already."""
    if "tensorflow" not in sys.modules:
        with without_harmless_lines():
            import tensorflow  # noqa: ICN001

            tensorflow.config.list_physical_devices()  # looks for GPUs, and writes more lines


@contextmanager
def without_harmless_lines() -> Iterator[None]:
    """Leave out the harmless lines, which C++ code writes to the file descriptor of standard error.

    The command ``grep`` passes on all other lines as they come, even if this process crashes. Nothing is left out
    on Windows, without ``grep``, or if the user sets the environment variable ``TF_CPP_MIN_LOG_LEVEL=0``.
    """
    with _LOCK, ExitStack() as stack:
        if os.name == "posix" and os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "0":
            with suppress(OSError):  # standard error is closed, or grep cannot start
                _filter_stderr(stack)
        yield


def _filter_stderr(stack: ExitStack) -> None:
    stderr = os.dup(2)
    stack.callback(os.close, stderr)
    command = ["grep", "--line-buffered", "-avF", "\n".join(_HARMLESS)]
    trial = subprocess.run(command, check=False, input=b"works\n", capture_output=True)  # noqa: S603
    if trial.stdout != b"works\n":
        return
    # Ctrl-C ends the processes of the same session.
    grep = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stderr, start_new_session=True)  # noqa: S603
    stack.callback(_finish, grep)
    stack.callback(os.dup2, stderr, 2)
    with cast("IO[bytes]", grep.stdin) as pipe:
        os.dup2(pipe.fileno(), 2)


def _finish(grep: subprocess.Popen) -> None:
    """Wait until the last line is written. A process that another thread started may write more, later."""
    try:
        grep.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        _STILL_RUNNING.append(grep)  # without a reference, Python would warn
