"""Work in threads is complete, raises errors, and leaves the threads of BLAS as they were."""

import functools
import multiprocessing
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from unittest.mock import Mock

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from skrnn.network._numpy import NumpyNetwork
from skrnn.network._spec import NetworkSpec
from skrnn.network._weights import initial_weights
from skrnn.sequences._storage import ragged_to_csr
from skrnn.utils import _threads
from skrnn.utils._threads import run_in_threads, worker_share


def _blas_threads(_=None):
    np.ones((2, 2)) @ np.ones((2, 2))
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture
def share(monkeypatch):
    """A function that sets the value of ``OMP_NUM_THREADS`` when this process began."""
    return functools.partial(monkeypatch.setattr, _threads, "_OMP_NUM_THREADS")


@pytest.fixture(autouse=True)
def two_cores(share):
    share("2")


def test_items_are_processed_in_several_threads():
    met = threading.Barrier(2, timeout=30)
    done = []

    def work(item):
        met.wait()  # returns only if two threads wait
        done.append(item)

    run_in_threads(work, range(6))
    assert sorted(done) == list(range(6))


@pytest.mark.parametrize(("value", "expected"), [("1", 1), ("3", 3), ("0", None), ("", None), ("many", None)])
def test_the_share_of_a_worker_is_omp_num_threads(share, value, expected):
    share(value)
    assert worker_share() == expected


def test_with_one_core_there_is_no_other_thread(share):
    share("1")
    threads = set()
    run_in_threads(lambda _: threads.add(threading.get_ident()), range(3))
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("n_items", [1, 2])
def test_blas_has_one_thread_until_the_work_is_done(n_items):
    before, inside = _blas_threads(), []
    run_in_threads(lambda _: inside.extend(_blas_threads()), range(n_items))
    assert set(inside) == {1}
    assert _blas_threads() == before


def test_overlapping_callers_remove_the_limit():
    before = _blas_threads()
    first_is_in, second_is_in = threading.Event(), threading.Event()

    def first(_):
        first_is_in.set()
        assert second_is_in.wait(30)

    def second(_):
        assert first_is_in.wait(30)
        second_is_in.set()

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(run_in_threads, work, range(2)) for work in (first, second)]:
            future.result(timeout=60)
    assert _blas_threads() == before


def test_an_error_is_raised_and_the_limit_is_removed():
    before = _blas_threads()

    def fail(item):
        raise ValueError(f"no {item}")

    with pytest.raises(ValueError, match=r"no \d"):
        run_in_threads(fail, range(3))
    assert _blas_threads() == before


@pytest.mark.parametrize("failing_thread", ["this", "other"])
def test_after_an_error_no_thread_takes_more_items(failing_thread):
    met, this_thread, done = threading.Barrier(2, timeout=30), threading.get_ident(), []

    def work(item):
        met.wait()  # returns only if two threads wait
        done.append(item)
        if (threading.get_ident() == this_thread) == (failing_thread == "this"):
            raise ValueError
        time.sleep(0.2)

    with pytest.raises(ValueError):  # noqa: PT011
        run_in_threads(work, range(6))
    assert len(done) == 2


@pytest.mark.parametrize("n_started", [0, 1])
def test_work_is_complete_if_no_more_threads_can_start(monkeypatch, share, n_started):
    share("4")
    submit, calls, done = ThreadPoolExecutor.submit, [], []

    def limited(self, *args):
        calls.append(args)
        if len(calls) > n_started:
            raise RuntimeError("can't start new thread")
        return submit(self, *args)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", limited)
    run_in_threads(done.append, range(20))
    assert sorted(done) == list(range(20))


def test_a_thread_works_after_the_main_thread_has_ended():
    code = """
import threading, time
from skrnn.utils import _threads

_threads._OMP_NUM_THREADS = "2"
done = []

def work():
    threading.main_thread().join()
    time.sleep(0.2)  # until the pools of threads are shut down
    _threads.run_in_threads(done.append, range(4))
    print(sorted(done))

threading.Thread(target=work).start()
"""
    process = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert process.stdout.strip() == "[0, 1, 2, 3]"
    assert process.stderr == ""


@pytest.mark.parametrize("place", ["entering", "leaving"])
def test_the_next_call_repairs_an_interrupted_limit(monkeypatch, place):
    before = _blas_threads()
    last = _threads._blas()[-1]
    interrupted = Mock(side_effect=KeyboardInterrupt)

    def work(_):
        if place == "leaving":
            monkeypatch.setattr(last, "set_num_threads", interrupted)

    if place == "entering":
        monkeypatch.setattr(last, "set_num_threads", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_in_threads(work, [0])
    monkeypatch.undo()
    run_in_threads(lambda _: None, [0])
    assert _blas_threads() == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_has_no_limit():
    before, counts = _blas_threads(), []

    def fork(item):
        if item == 0:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
                counts.extend(pool.submit(_blas_threads).result(timeout=60))

    run_in_threads(fork, range(2))
    assert counts == before


def test_probabilities_do_not_depend_on_the_number_of_threads(share):
    spec = NetworkSpec(50, 8, "lstm", (16, 8), True, "tanh", "max_mean", 3, "softmax", 0.0, 0.0, 0.0)
    weights = initial_weights(spec, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    lengths = rng.integers(0, 30, 1200)
    X = ragged_to_csr(rng.integers(1, 50, lengths.sum()).astype(np.int32), lengths)
    together = NumpyNetwork(spec, weights).predict(X)
    share("1")
    np.testing.assert_allclose(NumpyNetwork(spec, weights).predict(X), together, atol=1e-6)


def test_without_a_share_all_cores_are_used(share):
    share("")
    threads, n_cores = set(), joblib.cpu_count()
    met = threading.Barrier(n_cores, timeout=30)

    def work(_):
        met.wait()
        threads.add(threading.get_ident())

    run_in_threads(work, range(n_cores))
    assert len(threads) == n_cores
