"""The service example answers real requests over 127.0.0.1."""

import asyncio
import json
import os
import runpy
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import joblib
import numpy as np
import pytest

pytest.importorskip("fastapi")  # needs Python 3.11
pytest.importorskip("uvicorn")

ROOT = Path(__file__).parent.parent
N_WORKERS = 1 if sys.platform == "win32" else 2  # on Windows, the workers would survive their parent process

MALFORMED = {
    "not JSON": b'{"documents": [',
    "no object": b"[]",
    "no documents": b"{}",
    "a single string": b'{"documents": "a film"}',
    "an empty list": b'{"documents": []}',
    "a number": b'{"documents": [1]}',
    "a missing value": b'{"documents": ["a film", null]}',
    "half a character": rb'{"documents": ["\ud800"]}',
    "a long document": json.dumps({"documents": ["a" * 10_001]}).encode(),
    "many documents": json.dumps({"documents": ["a film"] * 33}).encode(),
}


@pytest.fixture(scope="module")
def port(fitted, tmp_path_factory):
    """Start the service, and return its port."""
    folder = tmp_path_factory.mktemp("service")
    joblib.dump(fitted, folder / "model.joblib")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "MODEL": str(folder / "model.joblib")}
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "examples"), "service:app"]
    command += ["--port", str(port), "--workers", str(N_WORKERS)]
    with open(folder / "log", "wb") as log:
        service = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_until_ready(service, port, folder / "log")
        yield port
    finally:
        service.terminate()
        service.wait(timeout=30)


def wait_until_ready(service, port, log):
    for _ in range(600):
        try:
            if request(port, "/ready")[0] == 200:
                return
        except ConnectionError:
            time.sleep(0.1)
        assert service.poll() is None, log.read_text()
    raise TimeoutError(log.read_text())


def request(port, path, body=None):
    """Return the status and the content of an answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET" if body is None else "POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        is_json = answer.headers["Content-Type"] == "application/json"
        return answer.status, json.loads(content) if is_json else content
    finally:
        connection.close()


def test_each_of_many_concurrent_requests_gets_its_own_answer(port, fitted, reviews):
    documents = sorted(set(reviews[0]))
    rows = dict(zip(documents, fitted.predict_proba(documents), strict=True))
    rng = np.random.default_rng(0)
    requests = [rng.choice(documents, size=rng.integers(1, 9)).tolist() for _ in range(200)]
    with ThreadPoolExecutor(16) as pool:
        bodies = [json.dumps({"documents": sent}) for sent in requests]
        answers = list(pool.map(lambda body: request(port, "/predict", body), bodies))
    for sent, (status, predictions) in zip(requests, answers, strict=True):
        assert status == 200
        probabilities = [list(prediction["probabilities"].values()) for prediction in predictions]
        np.testing.assert_allclose(probabilities, [rows[document] for document in sent], atol=1e-6)
        assert [prediction["label"] for prediction in predictions] == fitted.predict(sent).tolist()
        assert all(list(prediction["probabilities"]) == ["neg", "pos"] for prediction in predictions)


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_requests_get_an_error_that_does_not_repeat_them(port, body):
    status, answer = request(port, "/predict", body)
    assert status == 422
    assert [sorted(error) for error in answer["detail"]] == [["loc", "msg", "type"]]
    assert len(str(answer)) < 300


@pytest.mark.parametrize("body", [b'{"documents": ["\xe9"]}', b"[" * 500_000], ids=["not UTF-8", "nested"])
def test_bodies_that_cannot_be_read_are_bad_requests(port, body):
    assert request(port, "/predict", body)[0] == 400


def test_long_bodies_are_refused_with_and_without_a_length(port):
    assert request(port, "/predict", b" " * 1_000_001)[0] == 413
    assert request(port, "/predict", iter([b" " * 1_000_001]))[0] == 413


def test_unusual_documents_are_classified(port, fitted):
    documents = ["", "\0", "书很好 🎬", "a" * 10_000]
    status, predictions = request(port, "/predict", json.dumps({"documents": documents}))
    assert status == 200
    assert [prediction["label"] for prediction in predictions] == fitted.predict(documents).tolist()


def test_health_and_readiness_are_shown(port):
    assert request(port, "/health") == request(port, "/ready") == (200, "ok")


@pytest.fixture(scope="module")
def new_batches():
    """The class of the example that predicts requests together."""
    return runpy.run_path(str(ROOT / "examples" / "service.py"))["Batches"]


def lengths(documents):
    return np.array([[len(document)] for document in documents])


def test_requests_that_wait_share_a_prediction(new_batches):
    calls = []

    def predict(documents):
        calls.append(documents)
        return lengths(documents)

    async def send():
        batches = new_batches(predict)
        return await asyncio.gather(*(batches(["a" * i] * i) for i in range(1, 6)))

    for i, rows in enumerate(asyncio.run(send()), start=1):
        assert rows.tolist() == [[i]] * i
    assert sorted(len(documents) for documents in calls) == [15]


def test_too_many_waiting_documents_are_refused_and_the_others_are_predicted(new_batches):
    async def send():
        batches = new_batches(lengths)
        sent = [batches(["a"] * 30) for _ in range(9)]
        return await asyncio.gather(*sent, return_exceptions=True)

    *answers, refused = asyncio.run(send())
    assert [len(rows) for rows in answers] == [30] * 8
    assert refused.status_code == 503


def test_a_cancelled_request_does_not_stop_the_others(new_batches):
    async def send():
        batches = new_batches(lengths)
        first, second = asyncio.create_task(batches(["a"])), asyncio.create_task(batches(["aa"]))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(send()).tolist() == [[2]]
