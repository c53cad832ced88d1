"""TensorFlow starts without harmless lines, and no other line of standard error is lost."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from skrnn.utils import _tensorflow
from skrnn.utils._tensorflow import without_harmless_lines

pytestmark = pytest.mark.skipif(os.name != "posix" or not shutil.which("grep"), reason="nothing is left out")

HARMLESS = b"I0000 00:00:1 1 port.cc:153] oneDNN custom operations are on. You may see\n"
ROOT = Path(__file__).parent.parent.parent

FIRST_MINUTES = """
import joblib
from sklearn.model_selection import GridSearchCV
from skrnn import RNNTextClassifier

X, y = ["a fine film", "a bad night"] * 20, [1, 0] * 20
classifier = RNNTextClassifier(epochs=1)
search = GridSearchCV(classifier, {"learning_rate": [0.01, 0.003]}, cv=2, n_jobs=2).fit(X, y)
joblib.dump(search.best_estimator_, "model.joblib")
model = joblib.load("model.joblib")
model.predict_proba(X)
model.to_keras()
model.partial_fit(X, y)
"""


def run(code, *arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, **options)


def test_a_first_search_writes_nothing_in_this_process_and_in_workers(tmp_path):
    done = run(FIRST_MINUTES, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    done = run("import joblib; joblib.load('model.joblib').to_keras()", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def stderr(capfd, monkeypatch):
    """A function that returns the lines on standard error so far."""
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)

    def lines():
        return capfd.readouterr().err.splitlines()

    return lines


def test_other_lines_are_kept(stderr):
    with without_harmless_lines():
        os.write(2, HARMLESS)
        os.write(2, b"E0000 00:00:1 1 port.cc:153] an error\n")
        print("a warning", file=sys.__stderr__, flush=True)
        subprocess.run([sys.executable, "-c", "import sys; print('another process', file=sys.stderr)"], check=True)
    os.write(2, HARMLESS)
    lines = stderr()
    assert lines[0].endswith("an error")
    assert lines[1] == "a warning"
    assert lines[-2:] == ["another process", HARMLESS.decode().rstrip()]


def test_all_lines_appear_if_grep_does_not_work(stderr, tmp_path, monkeypatch):
    grep = tmp_path / "grep"
    grep.write_text("#!/bin/sh\nexit 2\n")
    grep.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with without_harmless_lines():
        os.write(2, HARMLESS)
    assert stderr() == [HARMLESS.decode().rstrip()]


def test_an_error_restores_standard_error(stderr):
    with pytest.raises(ImportError), without_harmless_lines():  # noqa: PT012
        os.write(2, b"a reason\n")
        raise ImportError
    os.write(2, HARMLESS)
    assert stderr() == ["a reason", HARMLESS.decode().rstrip()]


def test_threads_take_turns(stderr):
    before = os.fstat(2)

    def write(name):
        with without_harmless_lines():
            os.write(2, HARMLESS + name)

    threads = [Thread(target=write, args=(f"{i}\n".encode(),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.path.samestat(os.fstat(2), before)
    assert sorted(stderr()) == [str(i) for i in range(8)]


def test_the_user_can_see_all_lines(stderr, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with without_harmless_lines():
        os.write(2, HARMLESS)
    assert stderr() == [HARMLESS.decode().rstrip()]


def test_without_grep_nothing_is_left_out(stderr, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with without_harmless_lines():
        os.write(2, HARMLESS)
    assert stderr() == [HARMLESS.decode().rstrip()]


CRASH = """
import os, runpy, sys

with runpy.run_path(sys.argv[1])["without_harmless_lines"]():
    os.write(2, b"This CPU has no AVX")
    os.abort()
"""

CLOSED = """
import os, runpy, sys

os.close(2)
with runpy.run_path(sys.argv[1])["without_harmless_lines"]():
    print("imported")
"""


def test_the_message_of_a_crash_is_kept():
    done = run(CRASH, _tensorflow.__file__)
    assert done.returncode < 0
    assert done.stderr.splitlines()[0] == "This CPU has no AVX"


def test_standard_error_can_be_closed():
    assert run(CLOSED, _tensorflow.__file__).stdout == "imported\n"
