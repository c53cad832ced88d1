"""Cores for this process, and work in threads that share them."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from threading import Lock, get_ident
from typing import Any, TypeVar

import joblib
from threadpoolctl import ThreadpoolController

T = TypeVar("T")

# The value when this process began: a Dask cluster later changes it, also in the process that starts the workers.
_OMP_NUM_THREADS = os.environ.get("OMP_NUM_THREADS", "")


def worker_share() -> int | None:
    """Return the number of threads that ``OMP_NUM_THREADS`` allows for one task, or None.

    joblib, Dask and Ray set this variable to divide the cores among their worker processes.
    """
    return int(_OMP_NUM_THREADS) if _OMP_NUM_THREADS.isdigit() and int(_OMP_NUM_THREADS) > 0 else None


def n_tasks_at_a_time() -> int:
    """Return the number of tasks that run in this process at a time, each with its share of threads.

    This is the number of threads of a Dask worker, and 1 elsewhere.
    """
    distributed = sys.modules.get("distributed")  # a worker has imported it
    if distributed is None:
        return 1
    try:
        return distributed.get_worker().state.nthreads
    except ValueError:  # not a worker
        return 1


def run_in_threads(function: Callable[[T], object], items: Iterable[T]) -> None:
    """Call a function with each item, in as many threads as this process has cores.

    NumPy releases the global interpreter lock for most of its work. Meanwhile BLAS has one thread: the matrix
    products of a recurrent step are too small for more, and on a busy machine its threads would wait for each
    other longer than a step takes.
    """
    waiting = deque(items)
    # Counting the cores takes as long as a small network needs for a short text.
    n_threads = min(worker_share() or joblib.cpu_count(), len(waiting)) if len(waiting) > 1 else 1
    work = partial(_work_off, function, waiting)
    with SINGLE_THREADED_BLAS:
        if n_threads == 1:
            work()
            return
        others: list[Future[None]] = []
        with ThreadPoolExecutor(n_threads - 1) as pool:
            # At the limit of threads, or when the main thread has ended, Python starts no more threads.
            with suppress(RuntimeError):
                others.extend(pool.submit(work) for _ in range(n_threads - 1))
            work()
        for other in others:
            other.result()


def _work_off(function: Callable[[T], object], waiting: deque[T]) -> None:
    """Call a function with the items that no thread has taken yet. After an error, no thread takes more."""
    try:
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            function(item)
    except BaseException:
        waiting.clear()
        raise


class _SingleThreadedBlas:
    """A context in which BLAS has one thread. Several threads may be in it at a time.

    The limit applies to the whole process. The first thread sets it and the last one removes it: if each thread
    restored the limit that it found, it could restore the limit of another thread. If an interrupt prevents the
    removal, the next thread that uses the context repairs it.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = Lock()
        self._inside: set[int] = set()
        self._before: list[tuple[Any, int]] = []  # the libraries and their numbers of threads

    def __enter__(self) -> None:
        with self._lock:
            # The same as ThreadpoolController.limit in half the time, which matters for a short text.
            if not self._before:
                self._before = [(library, library.num_threads) for library in _blas()]
            self._inside.add(get_ident())
            for library, _ in self._before:
                library.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside.discard(get_ident())
            if not self._inside:
                self._remove_limit()

    def _remove_limit(self) -> None:
        for library, n_threads in self._before:
            library.set_num_threads(n_threads)
        self._before = []

    def reset_after_fork(self) -> None:
        """Remove the limit in a forked process, where the other threads of the parent do not exist."""
        self._remove_limit()
        self._reset()


@cache
def _blas() -> list[Any]:
    # Finding the loaded libraries takes a while.
    return ThreadpoolController().select(user_api="blas").lib_controllers


SINGLE_THREADED_BLAS = _SingleThreadedBlas()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SINGLE_THREADED_BLAS.reset_after_fork)
