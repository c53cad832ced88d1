"""Documents to token ids as nodes of an ONNX graph: what a fitted SequenceVectorizer does, without Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import numpy as np

from skrnn.estimators._fitted import Fitted
from skrnn.estimators._inputs import TextInput
from skrnn.export import _network, _strings
from skrnn.export._graph import Graph, Value
from skrnn.export._normalization import normalize, white_space
from skrnn.network._weights import CHAR_NGRAMS
from skrnn.sequences._storage import PADDING, UNKNOWN
from skrnn.text._char_ngrams import LONGEST_TOKEN
from skrnn.text._patterns import patterns
from skrnn.text._tokenization import WORD_START, n_from_end
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn.text._word_lists import stop_word_set
from skrnn.utils._parameters import validated_params

# Opset 20 is the first with operators for strings.
OPSETS = {"": 20, _strings.LABEL_ENCODER_DOMAIN: 2, _strings.TOKENIZER_DOMAIN: 1}

IdTable = dict[str, int]


def read_documents(graph: Graph, fitted: Fitted, documents: Value) -> _network.Sequences:
    """Return the sequences that a fitted text estimator reads from documents, strings of shape (batch,)."""
    spec, weights, input_ = fitted.network.spec, fitted.network.weights, cast(TextInput, fitted.input)
    token_ids, tokens = to_token_ids(graph, input_.vectorizer, documents)
    of_words = None
    if spec.n_linear_char_ngrams:
        of_words = _sums_of_unknown_words(graph, token_ids, tokens, input_.spelling, weights[CHAR_NGRAMS])
    return _network.read_tokens(graph, spec, weights, token_ids, of_words)


def to_token_ids(graph: Graph, vectorizer: SequenceVectorizer, documents: Value) -> tuple[Value, Value]:
    """Return the token ids of documents, strings of shape (batch,).

    Returns
    -------
    token_ids : Value
        int32 of shape (batch, time), with padding anywhere in a row.
    tokens : Value
        Strings of the same shape. Only unknown tokens are certain to be right.
    """
    params = validated_params(vectorizer, vectorizer._parameter_constraints)
    id_of = _id_table(vectorizer.vocabulary_, params)
    ids, tokens = _token_ids(graph, _never_empty(graph, documents), id_of, params)
    ids, tokens = (graph.add("Slice", values, [0], graph.add("Shape", documents)) for values in (ids, tokens))
    if params.max_length is not None:
        ids = truncate(graph, ids, params.max_length, params.truncate)
    return graph.cast(ids, np.int32), tokens


def _sums_of_unknown_words(
    graph: Graph, token_ids: Value, tokens: Value, indices: Mapping[str, int], weights: np.ndarray
) -> Value:
    """Return the sum of the weights of the unknown words of each document: (batch, n_outputs).

    The weight of a word is a row of ``spellings(words, indices) @ weights``.

    Parameters
    ----------
    token_ids, tokens : Value
        As ``to_token_ids`` returns them.
    indices : mapping of str to int
        The index of each character n-gram.
    weights : ndarray of shape (n_ngrams, n_outputs)
    """
    is_unknown = graph.add("Equal", token_ids, np.int32(UNKNOWN))
    places = graph.add("Transpose", graph.add("NonZero", is_unknown), perm=[1, 0])  # (n_words, 2)
    documents = graph.add("Slice", places, [0], [1], [1])  # (n_words, 1)
    words = graph.add("Unsqueeze", graph.add("GatherND", tokens, places), [1])
    # Operators fail where there is no string. An empty word is added, and left out at the end.
    words = graph.add("Concat", words, np.array([[""]], dtype=object), axis=0)
    # Long words have no n-grams. They would make the rows of all words long.
    is_short = _strings.match(graph, words, f"(?s:.{{0,{LONGEST_TOKEN}}})")
    words = graph.add("Where", is_short, words, _strings.constant(""))
    text = _strings.concat(graph, _strings.concat(graph, _strings.constant("<"), words), _strings.constant(">"))
    characters = _strings.split_characters(graph, graph.add("Squeeze", text, [1]))  # (n_words, longest)
    found, n_found = _sums_of_ngrams(graph, characters, indices, weights)
    roots = graph.add("Sqrt", graph.add("Max", n_found, np.float32(1)))
    sums = graph.add("Where", is_short, graph.add("Div", found, roots), np.float32(0))
    sums = graph.add("Slice", sums, [0], [-1])
    rows = graph.add("Expand", documents, graph.add("Shape", sums))
    shape = graph.add("Concat", graph.add("Shape", token_ids, start=0, end=1), [weights.shape[1]], axis=0)
    zeros = graph.add("Expand", np.float32(0), shape)
    return graph.add("ScatterElements", zeros, rows, sums, axis=0, reduction="add")


def _sums_of_ngrams(
    graph: Graph, characters: Value, indices: Mapping[str, int], weights: np.ndarray
) -> tuple[Value, Value]:
    """Return the sums of the weights of n-grams, (n_words, n_outputs), and how many there are, (n_words, 1)."""
    table = {ngram: i for i, ngram in enumerate(indices, start=1) if not _has_surrogates(ngram)}
    with_zeros = np.vstack([np.zeros_like(weights[:1]), weights])
    n_words = graph.add("Shape", characters, start=0, end=1)
    loop = graph.loop(max(map(len, indices)))
    # Each step adds a character to all candidates.
    candidates = loop.state(
        "candidates", object, graph.add("Expand", _strings.constant(""), graph.add("Shape", characters))
    )
    following = loop.state("following", object, characters)
    zeros = [
        graph.add("Expand", np.float32(0), graph.add("Concat", n_words, [n], axis=0))
        for n in (weights.shape[1], 1)
    ]
    sums, n_found = (loop.state(f"sum_{i}", np.float32, zero) for i, zero in enumerate(zeros))
    # A candidate that reaches the end of its word stays there, and must not count again.
    longer = _strings.concat(loop, candidates, following)
    found = loop.add("Where", _strings.is_empty(loop, following), 0, _strings.look_up(loop, longer, table, 0))
    values = loop.cast(loop.add("Gather", with_zeros, found), np.float32)  # weights can be compact
    values = loop.add("ReduceSum", values, [1], keepdims=0)
    counts = loop.add("ReduceSum", loop.cast(loop.add("Greater", found, 0), np.float32), [1])
    _, _, total, n_total = loop.run(
        {
            candidates: longer,
            following: _strings.append_column(loop, _strings.drop_first_column(loop, following)),
            sums: loop.add("Add", sums, values),
            n_found: loop.add("Add", n_found, counts),
        }
    )
    return total, n_total


def _never_empty(graph: Graph, documents: Value) -> Value:
    """Return the documents with a space before each, and one more document: operators fail where there is none."""
    documents = graph.add("Concat", documents, _strings.constant(" "), axis=0)
    return _strings.concat(graph, _strings.constant(" "), documents)


def _token_ids(graph: Graph, documents: Value, id_of: IdTable, params: SimpleNamespace) -> tuple[Value, Value]:
    has_sigmas = any("σ" in token or "ς" in token for token in id_of)
    texts = normalize(graph, documents, lowercase=params.lowercase, final_sigmas=has_sigmas)
    return _ANALYZERS[params.analyzer](graph, texts, id_of)


def _id_table(vocabulary: IdTable, params: SimpleNamespace) -> IdTable:
    """Return the id of each token. Stop words are padding, which the network skips."""
    id_of = dict(vocabulary)
    if params.analyzer == "word":
        id_of |= dict.fromkeys(sorted(stop_word_set(params)), PADDING)
    return {**{token: i for token, i in id_of.items() if not _has_surrogates(token)}, "": PADDING}


def _has_surrogates(string: str) -> bool:
    return re.search("[\ud800-\udfff]", string) is not None  # not in UTF-8


# Analyzers. Each takes preprocessed documents, (batch,). It returns token ids, int64 of shape (batch, time), and
# strings of this shape, which are the tokens where these are unknown.


def _words(graph: Graph, texts: Value, id_of: IdTable) -> tuple[Value, Value]:
    tokens = _strings.find_all(graph, texts, patterns().portable_token)
    return _strings.look_up(graph, tokens, id_of, UNKNOWN), tokens


def _characters(graph: Graph, texts: Value, id_of: IdTable) -> tuple[Value, Value]:
    words = _strings.find_all(graph, texts, f"[^{white_space()}]+")
    words = _prepend(graph, " ", words, graph.add("Not", _strings.is_empty(graph, words)))
    texts = _strings.join(graph, words)
    is_empty = _strings.is_empty(graph, texts)
    texts = graph.add("Where", is_empty, texts, _strings.concat(graph, texts, _strings.constant(" ")))
    characters = _strings.split_characters(graph, texts)
    return _strings.look_up(graph, characters, id_of, UNKNOWN), characters


def _subwords(graph: Graph, texts: Value, id_of: IdTable) -> tuple[Value, Value]:
    words = _strings.find_all(graph, texts, patterns().portable_whole)
    starts_word = _strings.match(graph, words, f"{patterns().word.pattern}(?s:.)*")
    words = _prepend(graph, WORD_START, words, starts_word)
    # Put a space before the first word and after each. No word contains a space.
    text = _strings.join(graph, _strings.concat(graph, words, _strings.constant(" ")))
    text = _strings.concat(graph, _strings.constant(" "), text)
    characters = _strings.split_characters(graph, text)
    in_words = {subword: i for subword, i in id_of.items() if " " not in subword}
    ids, ends = _longest_subwords(graph, characters, in_words)
    begins = _reachable(graph, graph.add("Equal", characters, _strings.constant(" ")), ends)
    return graph.add("Where", begins, ids, PADDING), characters


_ANALYZERS = {"word": _words, "char": _characters, "subword": _subwords}


def _prepend(graph: Graph, prefix: str, strings: Value, condition: Value) -> Value:
    """Return the strings with a prefix where a condition is true."""
    return graph.add("Where", condition, _strings.concat(graph, _strings.constant(prefix), strings), strings)


def _longest_subwords(graph: Graph, characters: Value, id_of: IdTable) -> tuple[Value, Value]:
    """Return the longest subword that begins at each character.

    A regular expression of thousands of subwords would be too much for RE2.

    Returns
    -------
    ids : Value
        Ids of the subwords, (batch, characters).
    ends : Value
        Positions after the subwords, (batch, characters).
    """
    shape = graph.add("Shape", characters)
    loop = graph.loop(max(map(len, id_of)))
    # Each step adds a character to all candidates.
    candidates = loop.state("candidates", object, graph.add("Expand", _strings.constant(""), shape))
    following = loop.state("following", object, characters)
    no_subword = _strings.look_up(graph, characters, {" ": PADDING, "": PADDING}, UNKNOWN)
    ids = loop.state("ids", np.int64, no_subword)
    n_characters = loop.state("n_characters", np.int64, graph.add("Expand", 1, shape))

    longer = _strings.concat(loop, candidates, following)
    longer_ids = _strings.look_up(loop, longer, id_of, PADDING)
    is_subword = loop.add("Greater", longer_ids, PADDING)
    n_longer = loop.add("Add", loop.step, 1)
    _, _, ids, n_characters = loop.run(
        {
            candidates: longer,
            following: _strings.append_column(loop, _strings.drop_first_column(loop, following)),
            ids: loop.add("Where", is_subword, longer_ids, ids),
            n_characters: loop.add("Where", is_subword, n_longer, n_characters),
        }
    )
    width = graph.add("Squeeze", graph.add("Shape", characters, start=1, end=2))
    ends = graph.add("Add", graph.add("Range", 0, width, 1), n_characters)
    return ids, graph.add("Min", ends, graph.add("Sub", width, 1))


def _reachable(graph: Graph, is_start: Value, ends: Value) -> Value:
    """Return the positions that are reached from the starts by going from each position to its end."""
    # Each step doubles the distance, until a step reaches no more positions.
    loop = graph.loop()
    reached = loop.state("reached", np.int64, graph.cast(is_start, np.int64))
    distant_ends = loop.state("ends", np.int64, ends)
    more = loop.add("ScatterElements", reached, distant_ends, reached, axis=1, reduction="max")
    n_reached, n_more = (loop.add("ReduceSum", positions, keepdims=0) for positions in (reached, more))
    reached, _ = loop.run(
        {reached: more, distant_ends: loop.add("GatherElements", distant_ends, distant_ends, axis=1)},
        go_on=loop.add("Less", n_reached, n_more),
    )
    return graph.cast(reached, np.bool_)


def truncate(graph: Graph, ids: Value, max_length: int, where: str) -> Value:
    """Return token ids, (batch, time), with padding in place of the tokens that are cut off."""
    n_last = n_from_end(max_length, where)
    is_token = graph.cast(graph.add("Greater", ids, PADDING), np.int64)
    positions = graph.add("CumSum", is_token, 1)  # from 1
    n_tokens = graph.add("ReduceSum", is_token, [1])
    is_at_start = graph.add("LessOrEqual", positions, max_length - n_last)
    is_at_end = graph.add("GreaterOrEqual", positions, graph.add("Sub", n_tokens, n_last - 1))
    return graph.add("Where", graph.add("Or", is_at_start, is_at_end), ids, PADDING)
