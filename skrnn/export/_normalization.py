"""Lowercasing and Unicode composition as nodes of an ONNX graph.

The operators of ONNX cannot be used: their lowercasing depends on the locale, and none composes characters. The
nodes here work character by character, with tables from the Unicode data of the Python that exports.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from skrnn.export import _strings
from skrnn.export._graph import Graph, Value
from skrnn.text._patterns import (
    APOSTROPHE,
    LONGEST_JOINING_RUN,
    SOFT_HYPHEN,
    TYPOGRAPHIC_APOSTROPHE,
    char_class,
    patterns,
)

# Greater than all combining classes. The second sorts empty strings to the end of a row.
_N_COMBINING_CLASSES, _LAST = 256, 2**30

# How a character affects the lowercase of a sigma near it. Ignored characters are skipped to find a cased one.
_IGNORED, _UNCASED, _CASED = range(3)


def normalize(graph: Graph, documents: Value, *, lowercase: bool, final_sigmas: bool) -> Value:
    """Return the documents as SequenceVectorizer preprocesses them.

    Parameters
    ----------
    graph : Graph
    documents : Value
        Strings of shape (batch,). Each begins with a space.
    lowercase : bool
        Whether to convert them to lowercase.
    final_sigmas : bool
        Whether to distinguish the two lowercase forms of sigma. Only if they matter: it takes many nodes.

    Returns
    -------
    documents : Value
        Strings of shape (batch,).
    """
    # Each character with the characters that may join it, (batch, clusters). No document begins with one of these.
    joining = patterns().joining
    clusters = _strings.find_all(graph, documents, f"[^{joining}][{joining}]*")
    characters = _decompose(graph, clusters, lowercase, final_sigmas)
    return _strings.join(graph, _compose(graph, *_sort_marks(graph, characters)))


def _decompose(graph: Graph, clusters: Value, lowercase: bool, final_sigmas: bool) -> Value:
    """Return the lowercase, decomposed characters, (batch, clusters, characters), some of them empty."""
    shape = graph.add("Shape", clusters)
    characters = _strings.split_characters(graph, clusters)
    characters = graph.add("Slice", characters, [0], [1 + LONGEST_JOINING_RUN], [2])
    characters = graph.add("Reshape", characters, [0, -1])  # (batch, characters)
    decomposed = _strings.look_up(graph, characters, _decompositions(lowercase), "")
    decomposed = graph.add("Where", _strings.is_empty(graph, decomposed), characters, decomposed)
    is_hyphen = graph.add("Equal", characters, _strings.constant(SOFT_HYPHEN))
    decomposed = graph.add("Where", is_hyphen, _strings.constant(""), decomposed)
    if lowercase and final_sigmas:
        is_final_sigma = _ends_word_with_sigma(graph, characters)
        decomposed = graph.add("Where", is_final_sigma, _strings.constant("ς"), decomposed)
    shape = graph.add("Concat", shape, [-1], axis=0)
    return graph.add("Reshape", _strings.split_characters(graph, decomposed), shape)


def _ends_word_with_sigma(graph: Graph, characters: Value) -> Value:
    """Return which characters are capital sigmas with a cased letter before them and none after, (batch, n)."""
    classes = _strings.look_up(graph, characters, _case_classes(), _UNCASED)
    is_cased = graph.cast(graph.add("Equal", classes, _CASED), np.int64)
    is_counted = graph.cast(graph.add("Greater", classes, _IGNORED), np.int64)
    # Number the characters that are not ignored from 1. The others have the position 0, where nothing is cased.
    positions = graph.add("Mul", graph.add("CumSum", is_counted, 1), is_counted)
    nothing = graph.add("Pad", graph.add("Mul", is_counted, 0), [0, 0, 0, 2])
    is_cased = graph.add("ScatterElements", nothing, positions, is_cased, axis=1)
    before, after = (
        graph.add("GatherElements", is_cased, graph.add("Add", positions, step), axis=1) for step in (-1, 1)
    )
    is_sigma = graph.add("Equal", characters, _strings.constant("Σ"))
    return graph.add("And", is_sigma, graph.add("Greater", before, after))


def _sort_marks(graph: Graph, characters: Value) -> tuple[Value, Value]:
    """Return the characters of each cluster in canonical order, empty ones last, and their combining classes."""
    classes = _strings.look_up(graph, characters, {**_combining_classes(), "": _LAST}, 0)
    is_starter = graph.cast(graph.add("Equal", classes, 0), np.int64)
    # Marks are sorted by class, but do not move past a starter.
    keys = graph.add("Mul", graph.add("CumSum", is_starter, 2), _N_COMBINING_CLASSES)
    keys = graph.add("Add", keys, classes)
    n_characters = graph.add("Shape", keys, start=2, end=3)
    _, order = graph.add_multiple("TopK", keys, n_characters, n_outputs=2, axis=2, largest=0)
    return (
        graph.add("GatherElements", characters, order, axis=2),
        graph.add("GatherElements", classes, order, axis=2),
    )


def _compose(graph: Graph, characters: Value, classes: Value) -> Value:
    """Return the clusters composed to NFC, (batch, clusters)."""
    shape = graph.add("Shape", characters, start=0, end=2)
    empty = graph.add("Expand", _strings.constant(""), shape)
    zero = graph.add("Expand", 0, shape)
    n_characters = graph.add("Squeeze", graph.add("Shape", characters, start=2, end=3))

    # Each step adds one character to each cluster. (ONNX Runtime's Scan would return strings of older steps.)
    loop = graph.loop(n_characters)
    done = loop.state("done", object, empty)
    starter = loop.state("starter", object, empty)
    marks = loop.state("marks", object, empty)  # after the starter, not composed with it
    last_class = loop.state("last_class", np.int64, zero)  # combining class of the last mark, 0 if there is none

    character = loop.add("Gather", characters, loop.step, axis=2)
    its_class = loop.add("Gather", classes, loop.step, axis=2)
    pair = _strings.concat(loop, starter, character)
    composite = _strings.look_up(loop, pair, _compositions(), "")
    # A mark of the same class in between blocks the composition.
    is_next = loop.add("Equal", last_class, 0)
    is_in_reach = loop.add("Or", is_next, loop.add("Less", last_class, its_class))
    composes = loop.add("And", is_in_reach, loop.add("Not", _strings.is_empty(loop, composite)))
    begins = loop.add("And", loop.add("Equal", its_class, 0), loop.add("Not", composes))

    none = _strings.constant("")
    ended = loop.add("Where", begins, _strings.concat(loop, starter, marks), none)
    more_marks = _strings.concat(loop, marks, loop.add("Where", composes, none, character))
    done, starter, marks, _ = loop.run(
        {
            done: _strings.concat(loop, done, ended),
            starter: loop.add("Where", composes, composite, loop.add("Where", begins, character, starter)),
            marks: loop.add("Where", begins, none, more_marks),
            last_class: loop.add("Where", composes, last_class, its_class),
        }
    )
    return _strings.concat(graph, _strings.concat(graph, done, starter), marks)


# Tables of Unicode


def _characters() -> Iterator[str]:
    """Yield the characters that UTF-8 can encode."""
    return (chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)


def white_space() -> str:
    """Return the inside of a ``[...]`` that matches what ``str.split`` removes."""
    return char_class([ord(character) for character in _characters() if character.isspace()])


@lru_cache(maxsize=2)
def _decompositions(lowercase: bool) -> dict[str, str]:
    """Return the lowercase, decomposed form of each character that has a different one."""
    changed = {TYPOGRAPHIC_APOSTROPHE: APOSTROPHE}
    for character in _characters():
        decomposed = unicodedata.normalize("NFD", character.lower() if lowercase else character)
        # Hangul syllables stay as they are: composing their decomposition gives the same.
        if decomposed != character and not "\uac00" <= character <= "\ud7a3":
            changed[character] = decomposed
    return changed


@lru_cache(maxsize=1)
def _compositions() -> dict[str, str]:
    """Return the character that two characters compose to, by the pair."""
    composites = {}
    for character in _characters():
        decomposed = unicodedata.normalize("NFD", character)
        if decomposed != character and unicodedata.normalize("NFC", character) == character:
            composites[unicodedata.normalize("NFC", decomposed[:-1]) + decomposed[-1]] = character
    return composites


@lru_cache(maxsize=1)
def _combining_classes() -> dict[str, int]:
    """Return the combining class of each mark. Starters have class 0 and are left out."""
    return {character: cls for character in _characters() if (cls := unicodedata.combining(character))}


@lru_cache(maxsize=1)
def _case_classes() -> dict[str, int]:
    """Return the class of each character that is not uncased: ask Python for the lowercase of a sigma after it."""
    classes = {"": _IGNORED}
    for character in _characters():
        if f"{character}Σ".lower().endswith("ς"):
            classes[character] = _CASED
        elif f"A{character}Σ".lower().endswith("ς"):
            classes[character] = _IGNORED
    return classes
