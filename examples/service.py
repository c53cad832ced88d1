"""
A web service
=============

Serve a fitted classifier over HTTP with FastAPI, in several processes. They share the arrays of the model,
waiting requests share a prediction, and the size of requests is limited.

It needs Python 3.11. MODEL is the file of a classifier, or of a pipeline or search around one, that
``joblib.dump`` wrote without compression::

    python -m pip install ".[serve]"
    MODEL=reviews.joblib OMP_NUM_THREADS=1 uvicorn --app-dir examples service:app --workers 2

http://127.0.0.1:8000/docs describes the requests::

    curl http://127.0.0.1:8000/predict -H "Content-Type: application/json" -d '{"documents": ["书很好"]}'

Load only files that you trust. The processes read the file as long as they run, so do not overwrite it. To
replace a model, write a new file and start the service again. On Linux, several processes need uvloop, which the
first command installs. Without it, uvicorn answers 40 ms later (https://github.com/Kludex/uvicorn/issues/3149).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import joblib
import numpy as np
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

MAX_BYTES = 1_000_000  # in the body of a request
MAX_DOCUMENTS = 32  # in a request
MAX_CHARACTERS = 10_000  # in a document
MAX_WAITING = 256  # documents that wait in a process


class Documents(BaseModel):
    """The body of a request."""

    documents: Annotated[
        list[Annotated[str, StringConstraints(max_length=MAX_CHARACTERS)]],
        Field(min_length=1, max_length=MAX_DOCUMENTS),
    ]


class Prediction(BaseModel):
    """The most probable class of a document, and the probabilities of all classes."""

    label: str
    probabilities: dict[str, float]


class Batches:
    """Predict the documents of several requests together: while one batch is predicted, the next one gathers."""

    def __init__(self, predict: Callable[[list[str]], np.ndarray]) -> None:
        self.predict = predict
        self.turn = asyncio.Lock()
        self.waiting: list[str] = []

    async def __call__(self, documents: list[str]) -> np.ndarray:
        """Return the rows of these documents."""
        start, end = len(self.waiting), len(self.waiting) + len(documents)
        if end > MAX_WAITING:
            raise HTTPException(503, "Too many documents are waiting. Try again later.", {"Retry-After": "1"})
        self.waiting += documents
        if start == 0:
            self.batch = asyncio.create_task(self.run())
        rows = await asyncio.shield(self.batch)  # the batch goes on if one of its requests is cancelled
        return rows[start:end]

    async def run(self) -> np.ndarray:
        """Predict the documents that wait when the batch before is done."""
        async with self.turn:
            documents, self.waiting = self.waiting, []
            return await asyncio.to_thread(self.predict, documents)


@asynccontextmanager
async def load(app: FastAPI) -> AsyncIterator[None]:
    """Load the model before the process accepts requests."""
    model = joblib.load(os.environ["MODEL"], mmap_mode="r")  # the processes share the memory of its arrays
    app.state.labels = [str(label) for label in model.classes_]
    app.state.predict = Batches(model.predict_proba)
    await app.state.predict(["The first prediction takes longest."])
    yield


app = FastAPI(lifespan=load, max_body_size=MAX_BYTES)


@app.post("/predict")
async def predict(request: Request, body: Documents) -> list[Prediction]:
    """Return a prediction for each document."""
    labels = request.app.state.labels
    rows = await request.app.state.predict(body.documents)
    return [
        Prediction(label=labels[row.argmax()], probabilities=dict(zip(labels, row.tolist(), strict=True)))
        for row in rows
    ]


@app.get("/health")
async def health() -> str:
    """Answer while the process runs."""
    return "ok"


@app.get("/ready")
async def ready(request: Request) -> str:
    """Make a prediction. The status is 503 if too many documents wait."""
    await request.app.state.predict(["ready"])
    return "ok"


@app.exception_handler(RequestValidationError)
async def explain_error(_: Request, error: RequestValidationError) -> JSONResponse:
    """Describe the errors without the input, which can be long or invalid Unicode."""
    details = [{key: detail[key] for key in ("loc", "msg", "type")} for detail in error.errors()]
    return JSONResponse({"detail": details}, status_code=422)
