"""Operations on strings as nodes of an ONNX graph.

They take strings of shape (batch, n) unless they say otherwise. Empty strings fill up the rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from skrnn.export._graph import Graph, Value

# Domains of the operators that split strings and look them up. Only ONNX Runtime has the first.
TOKENIZER_DOMAIN, LABEL_ENCODER_DOMAIN = "com.microsoft", "ai.onnx.ml"

_END = [int(np.iinfo(np.int64).max)]


def constant(*strings: str) -> np.ndarray:
    """Return strings as an input of a node."""
    return np.array(strings, dtype=object)


def find_all(graph: Graph, strings: Value, pattern: str) -> Value:
    """Return the longest matches of a regular expression, with one more dimension."""
    return _tokenize(graph, strings, tokenexp=_to_re2(pattern))


def match(graph: Graph, strings: Value, pattern: str) -> Value:
    """Return whether a regular expression matches the whole string."""
    return graph.add("RegexFullMatch", strings, pattern=_to_re2(pattern))


def split_characters(graph: Graph, strings: Value) -> Value:
    """Return the characters, with one more dimension."""
    return _tokenize(graph, strings, separators=[""])


def look_up(graph: Graph, strings: Value, table: Mapping[str, Any], default: str | int) -> Value:
    """Return the entry of a table for each string."""
    kind = "string" if isinstance(default, str) else "int64"
    attributes: dict[str, Any] = {f"values_{kind}s": list(table.values()), f"default_{kind}": default}
    return graph.add("LabelEncoder", strings, domain=LABEL_ENCODER_DOMAIN, keys_strings=list(table), **attributes)


def concat(graph: Graph, first: Value | np.ndarray, second: Value | np.ndarray) -> Value:
    """Return each string of the first input followed by the string of the second input."""
    return graph.add("StringConcat", first, second)


def is_empty(graph: Graph, strings: Value) -> Value:
    """Return whether each string is empty."""
    return graph.add("Equal", strings, constant(""))


def join(graph: Graph, strings: Value) -> Value:
    """Return the strings of each row joined, shape (batch,)."""
    strings = append_column(graph, strings)  # an empty row has no string to return
    # Each step joins pairs of neighbours.
    loop = graph.loop()
    joined = loop.state("strings", object, strings)
    lefts = loop.add("Slice", joined, [0], _END, [1], [2])
    rights = loop.add("Slice", append_column(loop, joined), [1], _END, [1], [2])
    pairs = concat(loop, lefts, rights)
    has_several_columns = loop.add("Greater", loop.add("Shape", pairs, start=1, end=2), [1])
    (strings,) = loop.run({joined: pairs}, go_on=loop.add("Squeeze", has_several_columns))
    return graph.add("Squeeze", strings, [1])


def append_column(graph: Graph, strings: Value) -> Value:
    """Return the rows with an empty string at the end."""
    n_rows = graph.add("Shape", strings, start=0, end=1)
    column = graph.add("Expand", constant(""), graph.add("Concat", n_rows, [1], axis=0))
    return graph.add("Concat", strings, column, axis=1)


def drop_first_column(graph: Graph, values: Value) -> Value:
    """Return the rows without their first element."""
    return graph.add("Slice", values, [1], _END, [1])


def _tokenize(graph: Graph, strings: Value, **attributes: Any) -> Value:
    tokens = graph.add(
        "Tokenizer", strings, domain=TOKENIZER_DOMAIN, mark=0, mincharnum=1, pad_value="", **attributes
    )
    graph.declare(tokens, object)
    return tokens


def _to_re2(pattern: str) -> str:
    """Return a regular expression of Python in the syntax of RE2."""
    return re.sub(r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8}))", r"\\x{\1\2}", pattern)
