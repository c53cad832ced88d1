"""Damaged files of fitted estimators: wrong values in the state, changed bytes, and hostile nodes of skops."""

import io
import json
import pickle
import random
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import skops.io
from conftest import SMALL, SMALL_NUMERIC, make_reviews, make_trends
from outcomes import Finding, Refused, checked_outputs, require, require_equal, shown
from sklearn.base import BaseEstimator

import skrnn
from skrnn import RNNTextClassifier, SequenceVectorizer

TRUSTED = [f"skrnn.{name}" for name in skrnn.__all__ if name.startswith(("RNN", "Sequence"))]
MISSING = object()

# Events of Python in which a file could run code, and those of them that happened
FORBIDDEN = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.remove",
    "subprocess.Popen",
    "socket.connect",
}
events = []


def prepare() -> Callable[[random.Random], None]:
    subjects = _subjects()
    sys.addaudithook(_forbid)

    def check(rng: random.Random) -> None:
        events.clear()
        try:
            rng.choice([_wrong_value, _wrong_value, _changed_pickle, _changed_skops])(rng, *rng.choice(subjects))
        finally:
            require(not events, f"the file runs {events}")

    return check


def _forbid(event: str, _: tuple) -> None:
    if event in FORBIDDEN:
        events.append(event)
        raise PermissionError(event)


def _subjects() -> list[tuple[Any, Any]]:
    """Return fitted estimators, with samples to predict."""
    texts, labels = make_reviews(n_classes=3)
    X, y = make_trends()
    ids = SequenceVectorizer().fit_transform(texts)
    options, numeric = {**SMALL, "epochs": 1}, {**SMALL_NUMERIC, "epochs": 1}
    char, subword = SequenceVectorizer("char"), SequenceVectorizer("subword", max_features=50)
    several = np.column_stack([labels == "pos", labels == "neg"]).astype(int)
    resumable = RNNTextClassifier(**options, warm_start=True, callbacks=[])
    return [
        (RNNTextClassifier(**options).fit(texts, labels), texts),
        (resumable.fit(texts, labels), texts),
        (RNNTextClassifier(char, **options).fit(texts, labels == "pos"), texts),
        (RNNTextClassifier(subword, **options).fit(texts, several), texts),
        (skrnn.RNNTextRegressor("passthrough", **options).fit(ids, y), ids),
        (skrnn.RNNSequenceClassifier(**numeric).fit(X, y), X),
        (skrnn.RNNSequenceRegressor(**numeric).fit(X, np.column_stack([y, -y])), X),
    ]


def _wrong_value(rng: random.Random, estimator: Any, X: Any) -> None:
    """Restore an estimator from a state in which one value is wrong."""
    path, old = _place(rng, estimator)
    new = _damaged(rng, old)
    what, details = "/".join(map(str, path[:4])), f"{type(estimator).__name__}: {shown(new)} for {shown(old)}"
    try:
        restored = _replaced(estimator, path, new)
    except ValueError as error:
        require("restored" in str(error) or "saved by" in str(error), f"{what}: unclear {error}", details)
        raise Refused from None
    except Exception as error:
        raise Finding(f"{what}: loading raises {type(error).__name__}", f"{error}. {details}") from error
    if "_fitted" not in vars(restored):
        return
    outputs = _usable_outputs(restored, X, what, details)
    if old is not None and (isinstance(old, str) or _kind(new) != _kind(old)):
        try:
            require_equal(outputs, checked_outputs(estimator, X), 1e-6, f"{what} is accepted")
        except Finding as finding:
            raise Finding(finding.message, details) from finding


def _kind(value: Any) -> Any:
    return type(value), getattr(value, "shape", None), getattr(value, "dtype", None)


def _children(value: Any) -> dict[Any, Any]:
    if isinstance(value, BaseEstimator):
        return value.__getstate__()
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    return value if isinstance(value, dict) else {}


def _place(rng: random.Random, value: Any) -> tuple[list[Any], Any]:
    """Draw a place in the state of an estimator, and return its path and its value."""
    path = []
    while (children := _children(value)) and not (path and rng.random() < 0.15):
        # Most parameters have no effect on a fitted estimator.
        key = "_fitted" if "_fitted" in children and rng.random() < 0.7 else rng.choice(list(children))
        path.append(key)
        value = children[key]
    return path, value


def _replaced(value: Any, path: list[Any], new: Any) -> Any:
    """Return a copy of a state with another value at a place. Estimators are restored from their states."""
    if not path:
        return new
    children = {**_children(value)}
    children[path[0]] = _replaced(children[path[0]], path[1:], new)
    children = {key: child for key, child in children.items() if child is not MISSING}
    if isinstance(value, BaseEstimator):
        restored = type(value).__new__(type(value))
        restored.__setstate__(children)
        return restored
    return children if isinstance(value, dict) else type(value)(children.values())


def _damaged(rng: random.Random, value: Any) -> Any:
    """Return another value in place of a value of the state."""
    others = [None, True, 0, 1, -1, 2, 10**9, 0.5, np.nan, "", "a", b"a", [], ["a"], {}, {"a": 2}, len, MISSING]
    if isinstance(value, np.ndarray) and value.size:
        item = value.copy()
        numbers = [np.nan, np.inf, 3e38, -3e38, -1, 0] if value.dtype.kind == "f" else [-1, 0, 10**6]
        item.flat[rng.randrange(item.size)] = rng.choice(numbers)
        others += [item] * 9
        others += [
            value[:-1],
            np.concatenate([value, value]),
            value[None],
            value.T,
            value[::-1],
            value.astype(object),
        ]
        others += [np.ma.array(value, mask=True), value.tolist(), value.astype("U5")]
        if value.dtype.kind in "if":
            others += [value.astype(dtype) for dtype in ("f8", "f2", "i1", "c8")]
        if value.dtype.kind == "f":
            others += [np.full_like(value, 3e38)]
    elif isinstance(value, str) and value:
        i = rng.randrange(len(value))
        others += [value[:i] + value[i].swapcase() + value[i + 1 :], value[:i], value + "a", value[::-1]] * 3
    elif isinstance(value, list | tuple) and value:
        others += [value[:-1], [*value, value[0]], [value[0]] * len(value), value[::-1], tuple(value)] * 3
    elif isinstance(value, dict) and value:
        (first, *rest) = value.items()
        others += [
            dict(items) for items in (rest, [*rest, first], [first, *rest, ("a", 2)], [(1, first[1]), *rest])
        ] * 3
    elif isinstance(value, int | float):
        others += [-value, value + 1, value * 10**6, float(value), np.int64(value), str(value)] * 3
    return rng.choice(others)


def _usable_outputs(restored: Any, X: Any, what: str, details: str) -> np.ndarray:
    """Return the predictions of a restored estimator, after a check that they survive another file."""
    try:
        outputs = checked_outputs(restored, X)
        require_equal(checked_outputs(pickle.loads(pickle.dumps(restored)), X), outputs, 0, "another file")
    except Finding as finding:
        raise Finding(f"{what} is accepted: {finding.message}", details) from finding
    except Exception as error:
        raise Finding(f"{what} is accepted, then {type(error).__name__}", f"{error!s:.200} {details}") from error
    return outputs


def _load(load: Callable[[], Any], estimator: Any, X: Any, what: str, details: str = "") -> None:
    """Load a changed file. The errors are those of pickle and skops."""
    try:
        restored = load()
    except Exception:
        raise Refused from None
    if type(restored) is not type(estimator) or "_fitted" not in vars(restored):
        raise Refused
    _usable_outputs(restored, X, what, details)


def _changed_bytes(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data if rng.random() < 0.8 else data[: rng.randrange(2, len(data))])
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] ^= rng.randrange(1, 256)
    return bytes(changed)


def _changed_pickle(rng: random.Random, estimator: Any, X: Any) -> None:
    file = io.BytesIO()
    joblib.dump(estimator, file)
    data = _changed_bytes(rng, file.getvalue())
    _load(lambda: joblib.load(io.BytesIO(data)), estimator, X, "a changed pickle")


def _changed_skops(rng: random.Random, estimator: Any, X: Any) -> None:
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))) as archive:
        members, details = {name: archive.read(name) for name in archive.namelist()}, ""
    if rng.random() < 0.3:
        name = rng.choice(list(members))
        members[name] = _changed_bytes(rng, members[name])
    else:
        nodes = []
        schema = json.loads(members["schema.json"], object_hook=lambda node: nodes.append(node) or node)
        node = rng.choice([node for node in nodes[:-1] if "__loader__" in node])
        before, after = {**node}, rng.choice(_hostile_nodes(node))
        node.clear()
        node.update(after)
        members["schema.json"], details = json.dumps(schema).encode(), f"{after} for {shown(before)}"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    _load(lambda: skops.io.loads(file.getvalue(), trusted=TRUSTED), estimator, X, "a changed skops file", details)


def _hostile_nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    def new(module: str, name: str, loader: str, content: Any = None) -> dict[str, Any]:
        return {"__class__": name, "__module__": module, "__loader__": loader, "content": content, "__id__": 1}

    def plain(value: Any) -> dict[str, Any]:
        return {**new("builtins", "str", "JsonNode", json.dumps(value)), "is_json": True}

    system, vectorizer = new("os", "system", "FunctionNode"), new("skrnn", "SequenceVectorizer", "ObjectNode")
    arguments = new("builtins", "tuple", "TupleNode", [plain("format")])
    partial = {"func": system, "args": arguments, "kwds": plain({}), "namespace": plain(None)}
    return [
        system,
        new("skrnn.utils._threads", "os.system", "FunctionNode"),
        new("skrnn.utils._threads.os", "system", "FunctionNode"),
        new("skrnn", "SequenceVectorizer.fit", "FunctionNode"),
        new("skrnn", "SequenceVectorizer", "MethodNode", {"obj": vectorizer, "func": "fit"}),
        new("functools", "partial", "PartialNode", partial),
        new(
            "operator",
            "methodcaller",
            "OperatorFuncNode",
            new("builtins", "tuple", "TupleNode", [plain("format")]),
        ),
        *(new("builtins", name, "TypeNode") for name in ("eval", "list", "str")),
        *(new("numpy", "add", "FunctionNode"), vectorizer, new("skrnn", "RNNTextClassifier", "ObjectNode"), {}),
        *(plain(value) for value in (None, True, -1, 3, 1e308, "", "chaR", [1], {"a": 2})),
        *({**node, "content": None}, {**node, "__class__": "str", "__module__": "builtins"}),
    ]
