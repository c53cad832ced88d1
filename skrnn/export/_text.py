"""Documents to token ids as nodes of an ONNX graph: what a fitted vectorizer does, without Python.

The graph follows ``SequenceVectorizer`` step by step, and character by character where ONNX has no operator that
does the same: its lowercasing depends on the locale of a machine, and nothing in it composes characters. The
tables come from the Unicode data of the Python that exports. Of networks nothing here.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

import numpy as np

from skrnn.sequences._storage import PADDING, UNKNOWN
from skrnn.text._tokenization import (
    APOSTROPHE,
    SOFT_HYPHEN,
    TYPOGRAPHIC_APOSTROPHE,
    WORD_START,
    char_class,
    n_from_end,
    patterns,
)
from skrnn.text._vectorizer import SequenceVectorizer, stop_word_set

# Where the operators are from that cut strings and look them up. The first is of ONNX Runtime alone.
CUTTING_DOMAIN, TABLES_DOMAIN = "com.microsoft", "ai.onnx.ml"

# Sorts what pads a row of characters to its end; combining classes are less than the second.
_LAST, _N_COMBINING_CLASSES = 2**30, 256

# What a character is to a capital sigma further on: letters have case, others are looked past.
_PASSED, _UNCASED, _CASED = range(3)


def check_exportable(vectorizer) -> None:
    """Raise unless a graph can do what the vectorizer does, to the letter."""
    if type(vectorizer) is not SequenceVectorizer:
        raise _refusal("an estimator fitted on text with a SequenceVectorizer", "vectorizer", vectorizer)
    if callable(vectorizer.analyzer):
        raise _refusal("analyzer='word', 'char' or 'subword'", "analyzer", vectorizer.analyzer)
    names = ["preprocessor", "strip_accents"]
    if vectorizer.analyzer == "word":  # the others do without
        names += ["tokenizer", "token_pattern"]
    for name in names:
        if getattr(vectorizer, name) is not None:
            raise _refusal(f"{name}=None", name, getattr(vectorizer, name))


def _refusal(expected: str, name: str, value) -> ValueError:
    return ValueError(
        f"Expected {expected} with inputs='documents', got {name}={value!r}: ONNX has nothing that does exactly "
        "the same. Export with inputs='token_ids', and make the ids outside of the model, as "
        "estimator.vectorizer_.transform(documents).toarray() does."
    )


def read_documents(graph, vectorizer: SequenceVectorizer) -> str:
    """Token ids of the input ``documents``: int32 of shape (batch, time), with padding anywhere in a row."""
    # The operators need a document, and a character in each: a blank one, and blanks, which say nothing.
    documents = graph.add("Concat", "documents", _strings(" "), axis=0)
    documents = graph.add("StringConcat", documents, _strings(" "))
    id_of = _id_table(vectorizer)
    clusters = _clusters(graph, documents, vectorizer.lowercase)
    has_sigmas = any("σ" in token or "ς" in token for token in id_of)  # or else it is all the same which one
    characters = _decompose(graph, clusters, vectorizer.lowercase, has_sigmas)
    texts = _join(graph, _compose(graph, *_order(graph, characters)))
    read = {"word": _read_words, "char": _read_characters, "subword": _read_subwords}[vectorizer.analyzer]
    ids = read(graph, texts, id_of)
    ids = graph.add("Slice", ids, np.array([0]), graph.add("Shape", "documents"))
    if vectorizer.max_length is not None:
        ids = _truncate(graph, ids, vectorizer.max_length, vectorizer.truncate)
    return graph.cast(ids, np.int32)


def _id_table(vectorizer: SequenceVectorizer) -> dict[str, int]:
    """The id of each token that a document can have; stop words are padding, which goes away later."""
    id_of = dict(vectorizer.vocabulary_)
    if vectorizer.analyzer == "word":
        id_of |= dict.fromkeys((word for word in stop_word_set(vectorizer.stop_words) if isinstance(word, str)), PADDING)
    id_of = {token: i for token, i in id_of.items() if not re.search("[\ud800-\udfff]", token)}  # not in UTF-8
    return {**id_of, "": PADDING}


# From documents to preprocessed documents. Strings that fill up the rows of tensors are empty.


def _clusters(graph, documents: str, lowercase: bool) -> str:
    """Characters with all that may compose with them, (batch, clusters), without soft hyphens."""
    joining = char_class([ord(character) for character in _joining_characters(lowercase)])
    hyphen = char_class([ord(SOFT_HYPHEN)])  # with which nothing composes: marks after it stay alone
    return _cut(graph, documents, _re2(f"[^{joining}{hyphen}][{joining}]*|[{joining}]+"))


def _decompose(graph, clusters: str, lowercase: bool, has_sigmas: bool) -> str:
    """Their lowercase characters, decomposed: (batch, clusters, characters), with gaps."""
    n_rows_and_clusters = graph.add("Shape", clusters)
    characters = _split(graph, clusters)
    characters = graph.add("Reshape", characters, np.array([0, -1]))  # (batch, characters)
    parts = _look_up(graph, characters, _decompositions(lowercase), "")
    parts = graph.add("Where", graph.add("Equal", parts, _strings("")), characters, parts)
    if lowercase and has_sigmas:
        parts = graph.add("Where", _final_sigmas(graph, characters), _strings("ς"), parts)
    shape = graph.add("Concat", n_rows_and_clusters, np.array([-1]), axis=0)
    return graph.add("Reshape", _split(graph, parts), shape)


def _final_sigmas(graph, characters: str) -> str:
    """Which capital sigmas end a word: a letter with case stands before, and none after, (batch, characters)."""
    classes = _look_up(graph, characters, _case_classes(), _UNCASED)
    is_cased = graph.cast(graph.add("Equal", classes, np.array(_CASED)), np.int64)
    counted = graph.cast(graph.add("Greater", classes, np.array(_PASSED)), np.int64)
    # Those that are not passed stand in order at 1, 2, …; the others at 0, where there is nothing.
    places = graph.add("Mul", graph.add("CumSum", counted, np.array(1)), counted)
    nothing = graph.add("Pad", graph.add("Mul", counted, np.array(0)), np.array([0, 0, 0, 2]))
    is_cased = graph.add("ScatterElements", nothing, places, is_cased, axis=1)
    before, after = (
        graph.add("GatherElements", is_cased, graph.add("Add", places, np.array(step)), axis=1) for step in (-1, 1)
    )
    return graph.add("And", graph.add("Equal", characters, _strings("Σ")), graph.add("Greater", before, after))


def _order(graph, characters: str) -> tuple[str, str]:
    """The characters of each cluster in canonical order, without gaps, and their combining classes."""
    classes = _look_up(graph, characters, {**_combining_classes(), "": _LAST}, 0)
    is_starter = graph.cast(graph.add("Equal", classes, np.array(0)), np.int64)
    # Marks are sorted, but not past a starter.
    keys = graph.add("CumSum", is_starter, np.array(2))
    keys = graph.add("Add", graph.add("Mul", keys, np.array(_N_COMBINING_CLASSES)), classes)
    width = graph.add("Shape", keys, start=2, end=3)
    _, order = graph.add("TopK", keys, width, n_outputs=2, axis=2, largest=0)
    return tuple(graph.add("GatherElements", values, order, axis=2) for values in (characters, classes))


def _compose(graph, characters: str, classes: str) -> str:
    """The clusters with their characters composed to NFC, (batch, clusters)."""
    # A Loop, not a Scan: ONNX Runtime's Scan leaves in a string what it held two steps before.
    body = graph.subgraph()
    character, its_class = (body.add("Gather", values, "step", axis=2) for values in (characters, classes))
    # Of each cluster: what is done, the last starter, the marks after it that are not composed with it, and the
    # combining class of the last of these, 0 if there is none.
    done, starter, marks, mark_class = "done", "starter", "marks", "mark_class"
    composite = _look_up(body, body.add("StringConcat", starter, character), _compositions(), "")
    is_adjacent = body.add("Equal", mark_class, np.array(0))
    is_in_reach = body.add("Or", is_adjacent, body.add("Less", mark_class, its_class))
    composes = body.add("And", is_in_reach, body.add("Not", body.add("Equal", composite, _strings(""))))
    begins = body.add("And", body.add("Equal", its_class, np.array(0)), body.add("Not", composes))
    ended = body.add("Where", begins, body.add("StringConcat", starter, marks), _strings(""))
    more_marks = body.add("StringConcat", marks, body.add("Where", composes, _strings(""), character))
    results = {
        done: body.add("StringConcat", done, ended),
        starter: body.add("Where", composes, composite, body.add("Where", begins, character, starter)),
        marks: body.add("Where", begins, _strings(""), more_marks),
        mark_class: body.add("Where", composes, mark_class, its_class),
    }
    shape = graph.add("Shape", characters, start=0, end=2)
    blank, no_class = graph.add("Expand", _strings(""), shape), graph.add("Expand", np.array(0), shape)
    states = {done: blank, starter: blank, marks: blank, mark_class: no_class}
    n_steps = graph.add("Squeeze", graph.add("Shape", characters, start=2, end=3))
    done, starter, marks, _ = _loop(graph, body, states, results, integers={mark_class}, n_steps=n_steps)
    return graph.add("StringConcat", graph.add("StringConcat", done, starter), marks)


# From preprocessed documents to token ids, int64 of shape (batch, time)


def _read_words(graph, texts: str, id_of: dict[str, int]) -> str:
    return _look_up(graph, _cut(graph, texts, _re2(patterns().portable_token)), id_of, UNKNOWN)


def _read_characters(graph, texts: str, id_of: dict[str, int]) -> str:
    white_space = char_class([ord(character) for character in _characters() if character.isspace()])
    words = _cut(graph, texts, _re2(f"[^{white_space}]+"))
    is_word = graph.add("Not", graph.add("Equal", words, _strings("")))
    words = graph.add("Where", is_word, graph.add("StringConcat", _strings(" "), words), words)
    characters = _split(graph, _join(graph, words))
    characters = _without_first(graph, characters)  # the space before the first word
    return _look_up(graph, characters, id_of, UNKNOWN)


def _read_subwords(graph, texts: str, id_of: dict[str, int]) -> str:
    words = _cut(graph, texts, _re2(patterns().portable_whole))
    starts_word = graph.add("RegexFullMatch", words, pattern=_re2(f"{patterns().word.pattern}(?s:.)*"))
    words = graph.add("Where", starts_word, graph.add("StringConcat", _strings(WORD_START), words), words)
    # Spaces, of which words hold none, keep them apart: before the first one, and after each.
    texts = graph.add("StringConcat", _strings(" "), _join(graph, graph.add("StringConcat", words, _strings(" "))))
    characters = _split(graph, texts)
    ids, ends = _longest_pieces(graph, characters, {piece: i for piece, i in id_of.items() if " " not in piece})
    is_reached = _follow(graph, graph.add("Equal", characters, _strings(" ")), ends)
    return graph.add("Where", is_reached, ids, np.array(PADDING))


def _longest_pieces(graph, characters: str, id_of: dict[str, int]) -> tuple[str, str]:
    """The longest piece that begins at each character: its id, and where it ends, (batch, characters)."""
    # A regular expression of thousands of pieces is too much for RE2.
    body = graph.subgraph()
    blank = _blanks(graph, characters)
    # What a piece has so far, the characters that may come next, and the longest piece so far with its length.
    part, rest, ids, n_characters = "part", "rest", "ids", "n_characters"
    longer = body.add("StringConcat", part, rest)
    longer_ids = _look_up(body, longer, id_of, PADDING)
    is_piece = body.add("Greater", longer_ids, np.array(PADDING))
    results = {
        part: longer,
        rest: body.add("Concat", _without_first(body, rest), blank, axis=1),
        ids: body.add("Where", is_piece, longer_ids, ids),
        n_characters: body.add("Where", is_piece, body.add("Add", "step", np.array(1)), n_characters),
    }
    shape = graph.add("Shape", characters)
    states = {
        part: graph.add("Expand", _strings(""), shape),
        rest: characters,
        ids: _look_up(graph, characters, {" ": PADDING, "": PADDING}, UNKNOWN),
        n_characters: graph.add("Expand", np.array(1), shape),
    }
    longest = np.array(max(map(len, id_of)))
    *_, ids, n_characters = _loop(graph, body, states, results, integers={ids, n_characters}, n_steps=longest)
    width = graph.add("Squeeze", graph.add("Shape", characters, start=1, end=2))
    places = graph.add("Range", np.array(0), width, np.array(1))
    return ids, graph.add("Min", graph.add("Add", places, n_characters), graph.add("Sub", width, np.array(1)))


def _follow(graph, is_start: str, ends: str) -> str:
    """Which places are reached from the starts, going from each to its end, (batch, characters)."""
    # By 1, 2, 4, … ends at a time, until no more places are reached.
    body = graph.subgraph()
    reached = body.add("ScatterElements", "reached", "ends", "reached", axis=1, reduction="max")
    totals = (body.add("ReduceSum", values, keepdims=0) for values in ("reached", reached))
    goes_on = body.add("Less", *totals)
    results = {"reached": reached, "ends": body.add("GatherElements", "ends", "ends", axis=1)}
    states = {"reached": graph.cast(is_start, np.int64), "ends": ends}
    reached, _ = _loop(graph, body, states, results, integers=set(states), goes_on=goes_on)
    return graph.cast(reached, np.bool_)


def _truncate(graph, ids: str, max_length: int, truncate: str) -> str:
    """Token ids (batch, time), 0 where a longer document is cut."""
    n_last = n_from_end(max_length, truncate)
    is_token = graph.cast(graph.add("Greater", ids, np.array(PADDING)), np.int64)
    steps = graph.add("CumSum", is_token, np.array(1))  # from 1
    first_of_end = graph.add("Sub", graph.add("ReduceSum", is_token, np.array([1])), np.array(n_last - 1))
    is_kept = graph.add(
        "Or",
        graph.add("LessOrEqual", steps, np.array(max_length - n_last)),
        graph.add("GreaterOrEqual", steps, first_of_end),
    )
    return graph.add("Where", is_kept, ids, np.array(PADDING))


# Strings

_END = np.array([np.iinfo(np.int64).max])


def _strings(*values: str) -> np.ndarray:
    return np.array(values, dtype=object)


def _cut(graph, strings: str, pattern: str) -> str:
    """What a regular expression finds, the longest match at each place; one dimension more, filled up with ""."""
    return _tokenize(graph, strings, tokenexp=pattern)


def _split(graph, strings: str) -> str:
    """The characters; one dimension more, filled up with ""."""
    return _tokenize(graph, strings, separators=[""])


def _tokenize(graph, strings: str, **how) -> str:
    cut = graph.add("Tokenizer", strings, domain=CUTTING_DOMAIN, mark=0, mincharnum=1, pad_value="", **how)
    graph.declare(cut, object)
    return cut


def _re2(pattern: str) -> str:
    """A regular expression as RE2 writes it."""
    return re.sub(r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8}))", r"\\x{\1\2}", pattern)


def _look_up(graph, strings: str, table: Mapping[str, str | int], default: str | int) -> str:
    kind = "string" if isinstance(default, str) else "int64"
    attributes = {f"values_{kind}s": list(table.values()), f"default_{kind}": default}
    return graph.add("LabelEncoder", strings, domain=TABLES_DOMAIN, keys_strings=list(table), **attributes)


def _join(graph, strings: str) -> str:
    """The rows of (batch, n), each as one string: (batch,)."""
    blank = _blanks(graph, strings)
    strings = graph.add("Concat", strings, blank, axis=1)
    # Neighbours become one, until one is left.
    body = graph.subgraph()
    lefts = body.add("Slice", "strings", np.array([0]), _END, np.array([1]), np.array([2]))
    filled_up = body.add("Concat", "strings", blank, axis=1)
    rights = body.add("Slice", filled_up, np.array([1]), _END, np.array([1]), np.array([2]))
    joined = body.add("StringConcat", lefts, rights)
    goes_on = body.add("Squeeze", body.add("Greater", body.add("Shape", joined, start=1, end=2), np.array([1])))
    (strings,) = _loop(graph, body, {"strings": strings}, {"strings": joined}, goes_on=goes_on)
    return graph.add("Squeeze", strings, np.array([1]))


def _blanks(graph, strings: str) -> str:
    """Another column for the rows: (batch, 1)."""
    n_rows = graph.add("Shape", strings, start=0, end=1)
    return graph.add("Expand", _strings(""), graph.add("Concat", n_rows, np.array([1]), axis=0))


def _without_first(graph, values: str) -> str:
    """All columns but the first."""
    return graph.add("Slice", values, np.array([1]), _END, np.array([1]))


def _loop(graph, body, states, results, *, integers: Collection[str] = (), n_steps="", goes_on=None) -> list[str]:
    """Two-dimensional states after some steps of the body, which gives results for them, by their names in it.

    It ends after ``n_steps``, or when ``goes_on`` is false. States are strings but for the ``integers``.
    """
    types = {name: (np.int64 if name in integers else object, None, None) for name in states}
    inputs = {"step": (np.int64,), "went_on": (np.bool_,), **types}
    goes_on = goes_on or body.add("Identity", "went_on")
    outputs = {goes_on: (np.bool_,), **{results[name]: types[name] for name in states}}
    step = body.build("step", inputs, outputs)
    ends = graph.add("Loop", n_steps, np.array(True), *states.values(), n_outputs=len(states), body=step)
    return [ends] if len(states) == 1 else ends


# Unicode, as the running Python knows it


def _characters() -> Iterator[str]:
    """All that UTF-8 can write."""
    return (chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)


@lru_cache(maxsize=2)
def _decompositions(lowercase: bool) -> dict[str, str]:
    """What stands for a character, in lower case and decomposed, if it is not the character itself."""
    changed = {TYPOGRAPHIC_APOSTROPHE: APOSTROPHE}
    for character in _characters():
        decomposed = unicodedata.normalize("NFD", character.lower() if lowercase else character)
        # Of Hangul, composing makes the same of syllables and of their decomposition.
        if decomposed != character and not "\uac00" <= character <= "\ud7a3":
            changed[character] = decomposed
    return changed


@lru_cache(maxsize=1)
def _compositions() -> dict[str, str]:
    """The character that two others compose to, by the two together."""
    composites = {}
    for character in _characters():
        decomposed = unicodedata.normalize("NFD", character)
        if decomposed != character and unicodedata.normalize("NFC", character) == character:
            composites[unicodedata.normalize("NFC", decomposed[:-1]) + decomposed[-1]] = character
    return composites


@lru_cache(maxsize=1)
def _combining_classes() -> dict[str, int]:
    """Those that are not 0: of marks, not of starters."""
    return {character: cls for character in _characters() if (cls := unicodedata.combining(character))}


@lru_cache(maxsize=2)
def _joining_characters(lowercase: bool) -> set[str]:
    """Those of which something may compose with a character before them, or be sorted among its marks."""
    joining = _combining_classes().keys() | {pair[-1] for pair in _compositions()}
    return joining | {character for character, parts in _decompositions(lowercase).items() if parts[0] in joining}


@lru_cache(maxsize=1)
def _case_classes() -> dict[str, int]:
    """Those that are not ``_UNCASED``, found by what they do to a sigma."""
    classes = {"": _PASSED}
    for character in _characters():
        if f"{character}Σ".lower().endswith("ς"):
            classes[character] = _CASED
        elif f"A{character}Σ".lower().endswith("ς"):
            classes[character] = _PASSED
    return classes
