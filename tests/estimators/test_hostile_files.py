"""A hostile skops file runs nothing: not when it is loaded with the trusted names of the README, and not later."""

import io
import json
import pickle
import sys
import zipfile
from contextlib import suppress

import pytest
from sklearn.base import clone

skops = pytest.importorskip("skops.io")

TRUSTED = ["skrnn.RNNTextClassifier", "skrnn.SequenceVectorizer"]

# Where a file can put an object that is called, or on which a method is called
PLACES = [
    *[("vectorizer", name) for name in ("analyzer", "preprocessor", "tokenizer", "strip_accents")],
    *[
        ("_fitted", "input", "vectorizer", name)
        for name in ("analyzer", "preprocessor", "tokenizer", "strip_accents", "stop_words", "vocabulary_")
    ],
    *[(name,) for name in ("vectorizer", "network", "optimizer", "learning_rate", "callbacks", "scoring")],
    *[(name,) for name in ("random_state", "embeddings", "class_weight", "_metadata_request", "_skl_callbacks")],
    *[("_fitted", "network", name) for name in ("build_model", "weights", "spec", "checkpoint")],
    *[("_fitted", name) for name in ("input", "target", "network", "history")],
    *[("_fitted", "target", "classes"), ("_fitted",), ("_skrnn",), ()],
]

# Attributes of the classes, which the file would replace
ATTRIBUTES = [
    *[(name,) for name in ("predict", "get_params", "_learned", "_outputs", "__sklearn_clone__", "__class__")],
    *[("vectorizer", name) for name in ("transform", "build_analyzer", "_tokenize", "_parameter_constraints")],
]


def node(loader, name, **entries):
    module, _, name = name.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": name, **entries}


def text(value):
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def several(kind, *nodes):
    return node(f"{kind.title()}Node", f"builtins.{kind}", content=list(nodes))


def mapping(name="builtins.dict", key_type=None, **nodes):
    key_type = key_type or node("TypeNode", "builtins.str")
    return node("DictNode", name, content=nodes, key_types=several("list", *[key_type] * len(nodes)))


def partial_of(function, name, *arguments):
    content = {
        "func": function,
        "args": several("tuple", *map(text, arguments)),
        "kwds": mapping(),
        "namespace": text(None),
    }
    return node("PartialNode", name, content=content)


def hostile_nodes(command):
    """Return nodes that would run a shell command, under their own name or under a trusted one."""
    own, through_skrnn, trusted = "os.system", "skrnn.utils._threads.os.system", TRUSTED[1]
    spawn = 0, "sh", "sh", "-c", command  # takes further arguments
    nodes = [
        partial_of(node("FunctionNode", "os.spawnlp"), "functools.partial", *spawn),
        partial_of(node("FunctionNode", "os.spawnlp"), trusted, *spawn),
        partial_of(node("TypeNode", "os.spawnlp"), trusted, *spawn),
        partial_of(node("FunctionNode", "skrnn.utils._threads.os.spawnlp"), trusted, *spawn),
        partial_of(node("TypeNode", own), trusted, command),
        node("FunctionNode", trusted, content={"module_path": "os", "function": "system"}),
        node("OperatorFuncNode", "operator.methodcaller", attrs=several("tuple", text("fit"))),
        node("OperatorFuncNode", trusted, attrs=several("tuple", text("fit"))),
        node("ObjectNode", trusted, content=text(command)),
        node("ObjectNode", trusted, content=mapping()),
        node("ConstructorFromReduceNode", trusted, content=several("tuple", node("TypeNode", own))),
    ]
    for name in (own, through_skrnn):
        arguments = several("tuple", text(command))
        nodes += [
            node("FunctionNode", name),
            node("TypeNode", name),
            node("ConstructorFromReduceNode", name, content=arguments),
            node("LossNode", name, content=mapping(), __reduce__={"args": arguments}),
            mapping(key_type=node("TypeNode", name), **{command: text(1)}),
            mapping(key_type=node("FunctionNode", name), **{command: text(1)}),
        ]
    for method in ("fit", "__init__", "__reduce__"):
        owner = node("ObjectNode", trusted)
        nodes.append(node("MethodNode", trusted, content={"func": method, "obj": owner}))
    return nodes


def planted(file, path, hostile):
    """Return the bytes of a file with another node at a path."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(entries["schema.json"])
    parent = schema
    for name in path[:-1]:
        parent = _attributes(parent)["content"][name]
    if path:
        attributes = _attributes(parent)
        if path[-1] not in attributes["content"]:
            attributes["key_types"]["content"].append(node("TypeNode", "builtins.str"))
        attributes["content"][path[-1]] = hostile
    else:
        schema = {**schema, **hostile}
    entries["schema.json"] = json.dumps(schema).encode()
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return changed.getvalue()


def _attributes(parent):
    return parent["content"] if parent["__loader__"] == "ObjectNode" else parent


@pytest.fixture(scope="module")
def saved(fitted):
    model = pickle.loads(pickle.dumps(fitted)).set_params(vectorizer=clone(fitted.vectorizer_))
    return skops.dumps(model)


def use(model, documents):
    """Do with a restored model all that a user does, whether it fails or not."""
    actions = [repr, clone, lambda model: model.get_params(), lambda model: model.predict(documents)]
    if hasattr(model, "vectorizer"):
        actions.append(lambda model: model.vectorizer.fit(documents))
    for action in actions:
        with suppress(Exception):
            action(model)


@pytest.mark.parametrize("path", PLACES, ids="/".join)
@pytest.mark.filterwarnings("ignore")
def test_nothing_of_a_hostile_file_runs(path, saved, tmp_path):
    marker = tmp_path / "ran"
    command = f"touch {marker}"
    for hostile in hostile_nodes(command):
        with suppress(Exception):
            use(skops.loads(planted(saved, path, hostile), trusted=TRUSTED), ["a film", command])
        assert not marker.exists(), hostile


@pytest.mark.parametrize("path", ATTRIBUTES, ids="/".join)
def test_a_file_replaces_no_attribute_of_a_class(path, saved):
    with pytest.raises(ValueError, match=f"cannot be restored.* would replace the attribute '{path[-1]}'"):
        skops.loads(planted(saved, path, text(1)), trusted=TRUSTED)


@pytest.mark.parametrize("state", [None, "a", [], {}, {"_skrnn": 1}, {"_skrnn": {"format": "1"}}])
def test_a_strange_state_is_refused(state, saved):
    hostile = node("ObjectNode", TRUSTED[1], content=text(state))
    if state is None:  # skops then sets no state
        assert not hasattr(skops.loads(planted(saved, (), hostile), trusted=TRUSTED), "vocabulary_")
    else:
        with pytest.raises(ValueError, match="does not say in which format"):
            skops.loads(planted(saved, (), hostile), trusted=TRUSTED)


@pytest.mark.skipif(sys.platform == "win32", reason="the command is for a shell of POSIX")
def test_the_command_runs_if_all_names_are_trusted(saved, tmp_path):
    marker = tmp_path / "ran"
    command = f"touch {marker}"
    file = planted(saved, ("_fitted", "input", "vectorizer", "analyzer"), hostile_nodes(command)[0])
    use(skops.loads(file, trusted=[*TRUSTED, "functools.partial", "os.spawnlp"]), ["a film"])
    assert marker.exists()
