"""How many cores are ours, and work in threads that share them. No Keras."""

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock, get_ident

import joblib
from threadpoolctl import LibController, ThreadpoolController

# As it was when this process began: a Dask cluster changes it in the process that starts the workers, too.
_OMP_NUM_THREADS = os.environ.get("OMP_NUM_THREADS", "")


def worker_share() -> int | None:
    """The number of threads that ``OMP_NUM_THREADS`` allows to one task, or None.

    In this way joblib, Dask and Ray tell their worker processes how many cores are theirs.
    """
    return int(_OMP_NUM_THREADS) if _OMP_NUM_THREADS.isdigit() and int(_OMP_NUM_THREADS) > 0 else None


def n_tasks_at_a_time() -> int:
    """How many tasks this process works on at a time, each with its share: in a Dask worker its threads, or 1."""
    distributed = sys.modules.get("distributed")  # a worker has imported it
    if distributed is None:
        return 1
    try:
        return distributed.get_worker().state.nthreads
    except ValueError:  # this is no worker
        return 1


def run_in_threads(function: Callable, items: Iterable) -> None:
    """Call the function with each item, in as many threads as there are cores for this process.

    NumPy gives up Python's lock in most of its work. Products of matrices, which have threads of their own, are
    held to one thread meanwhile: those of a recurrent step are so small that their threads gain nothing, and on a
    machine that has other work to do they wait for each other longer than the step takes.
    """
    items = list(items)
    # Counting the cores takes as long as a network of a few units needs for a short text.
    n_threads = min(worker_share() or joblib.cpu_count(), len(items)) if len(items) > 1 else 1
    with SINGLE_THREADED_BLAS:
        if n_threads == 1:
            for item in items:
                function(item)
            return
        with ThreadPoolExecutor(n_threads) as pool:
            futures = [pool.submit(function, item) for item in items]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


class _SingleThreadedBlas:
    """Context in which products of matrices have one thread; other threads may be in it, too.

    The limit is one of the whole process. Who comes first sets it and who leaves last lifts it: callers that
    each restored what they had found would restore each other's limit. If an interruption keeps a thread from
    leaving, its next stay does.
    """

    def __init__(self):
        self._lock = Lock()
        self._inside: set[int] = set()
        self._before: list[tuple[LibController, int]] = []

    def __enter__(self):
        with self._lock:
            # As ThreadpoolController.limit does, in half the time, which counts for a short text.
            if not self._before:
                self._before = [(library, library.num_threads) for library in _blas()]
            self._inside.add(get_ident())
            for library, _ in self._before:
                library.set_num_threads(1)

    def __exit__(self, *_):
        with self._lock:
            self._inside.discard(get_ident())
            if not self._inside:
                self._lift()

    def _lift(self):
        for library, n_threads in self._before:
            library.set_num_threads(n_threads)
        self._before = []

    def begin_anew(self):
        """In a forked process: its parent's other threads, which may be inside, are not there to leave."""
        self._lift()
        self.__init__()


@cache
def _blas() -> list[LibController]:
    # Looking through the loaded libraries takes a while.
    return ThreadpoolController().select(user_api="blas").lib_controllers


SINGLE_THREADED_BLAS = _SingleThreadedBlas()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SINGLE_THREADED_BLAS.begin_anew)
