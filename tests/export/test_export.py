"""ONNX models compute what the estimators compute."""

import json
import pickle
import subprocess
import sys
import unicodedata
from dataclasses import asdict, replace
from functools import lru_cache
from itertools import cycle, product
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import SMALL, random_weights, small_spec, to_csr, tokens_of_ngrams, vector_sequences
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from onnxruntime import InferenceSession, SessionOptions
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skrnn
from skrnn import (
    RNNSequenceClassifier,
    RNNSequenceRegressor,
    RNNTextClassifier,
    RNNTextRegressor,
    SequenceVectorizer,
)
from skrnn.network._spec import ACTIVATIONS, N_GATES, POOLINGS
from skrnn.sequences._storage import RaggedArray, dense_batch
from skrnn.export import to_onnx

N_TOKENS, N_FEATURES = 11, 3

# The output layer of each task.
TASKS = {
    "binary": {"n_outputs": 1, "output_activation": "sigmoid"},
    "multiclass": {"n_outputs": 3, "output_activation": "softmax"},
    "multilabel": {"n_outputs": 3, "output_activation": "sigmoid"},
    "regression": {"n_outputs": 2, "output_activation": "linear"},
}


def make_estimator(
    reads="tokens", task="multiclass", seed=0, target_scale=1.0, target_mean=0.0, n_tokens=N_TOKENS, **changes
):
    """An estimator as if it had been fitted, with random weights."""
    spec = small_spec(
        n_tokens=n_tokens if reads == "tokens" else None, n_features=N_FEATURES, **TASKS[task], **changes
    )
    if reads == "tokens":
        estimator = (RNNTextRegressor if task == "regression" else RNNTextClassifier)("passthrough")
        estimator.vectorizer_, estimator._n_token_ids = "passthrough", n_tokens
    else:
        estimator = (RNNSequenceRegressor if task == "regression" else RNNSequenceClassifier)()
        estimator._n_features, estimator._is_fitted_on_series = N_FEATURES, False
    if task == "regression":
        estimator._is_multioutput = True
        estimator.target_scale_ = np.array([1.0, 2.0]) * target_scale
        estimator.target_mean_ = np.array([0.5, -3.0]) + target_mean
    else:
        estimator.classes_ = np.arange(2 if task == "binary" else 3)
        estimator._is_multilabel = task == "multilabel"
    estimator._network = {"spec": asdict(spec), "weights": random_weights(spec, seed), "network": None}
    return estimator


def random_sequences(reads, lengths, seed=0):
    rng = np.random.default_rng(seed)
    if reads == "tokens":
        return [rng.integers(1, N_TOKENS, size=length).tolist() for length in lengths]
    return [rng.normal(size=(length, N_FEATURES)).astype(np.float32) for length in lengths]


def to_feed(sequences, reads, min_width=1):
    """The model's inputs; vectors are padded with NaN, of which nothing may get through."""
    X = to_csr(sequences) if reads == "tokens" else RaggedArray.of(sequences)
    batch = dense_batch(X, np.arange(len(sequences)))
    lengths = np.array([len(sequence) for sequence in sequences])
    longest = max(lengths)
    shape = (len(batch), max(longest, min_width), *batch.shape[2:])
    padded = np.full(shape, 0 if reads == "tokens" else np.nan, dtype=batch.dtype)
    padded[:, :longest] = batch[:, :longest]
    if reads == "tokens":
        return {"token_ids": padded}
    return {"sequences": padded, "lengths": lengths}


def run(model, feed):
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    (output,) = InferenceSession(model.SerializeToString(), options).run(None, feed)
    return output


def expected_outputs(estimator, sequences):
    X = to_csr(sequences) if hasattr(estimator, "vectorizer_") else sequences
    return estimator.predict(X) if hasattr(estimator, "target_scale_") else estimator.predict_proba(X)


def assert_agrees(estimator, sequences, atol=1e-5, rtol=0, min_width=1):
    reads = "tokens" if hasattr(estimator, "vectorizer_") else "vectors"
    outputs = run(to_onnx(estimator), to_feed(sequences, reads, min_width))
    expected = expected_outputs(estimator, sequences)
    assert outputs.shape == expected.shape
    np.testing.assert_allclose(outputs, expected, rtol=rtol, atol=atol, equal_nan=False)


both_inputs = pytest.mark.parametrize("reads", ["tokens", "vectors"])
LENGTHS = [3, 0, 7, 1, 0, 7]


@both_inputs
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("units", [(4,), (4, 3, 2)])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", N_GATES)
def test_every_cell_pooling_direction_and_depth(cell, pooling, units, bidirectional, reads):
    shape = {"cell": cell, "pooling": pooling, "units": units, "bidirectional": bidirectional}
    estimator = make_estimator(reads, **shape)
    sequences = random_sequences(reads, LENGTHS)
    assert_agrees(estimator, sequences)
    assert np.ptp(expected_outputs(estimator, sequences), axis=0).min() > 1e-3  # or little would be compared


@both_inputs
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("cell", "activation"), list(product(N_GATES, ACTIVATIONS)))
def test_every_activation_and_task(cell, activation, task, reads):
    estimator = make_estimator(reads, task, cell=cell, activation=activation, pooling="max_mean", units=(5, 3))
    # Values of relu networks may be great.
    assert_agrees(estimator, random_sequences(reads, LENGTHS), rtol=1e-5 if task == "regression" else 0)


def test_ngrams_of_every_length():
    estimator = make_estimator(n_ngrams=60, skip_connection=True)
    sequences = tokens_of_ngrams(estimator._network["weights"]["ngram_keys"][1:])
    assert max(map(len, sequences)) > 3
    assert_agrees(estimator, [*sequences, ()])


@settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    reads=st.sampled_from(["tokens", "vectors"]),
    task=st.sampled_from(sorted(TASKS)),
    seed=st.integers(0, 99),
    cell=st.sampled_from(sorted(N_GATES)),
    units=st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
    bidirectional=st.booleans(),
    activation=st.sampled_from(ACTIVATIONS),
    pooling=st.sampled_from(POOLINGS),
    min_width=st.integers(0, 8),
    data=st.data(),
)
def test_models_agree_with_estimators(reads, task, seed, min_width, data, **spec):
    if reads == "tokens":
        tokens = st.lists(st.integers(1, N_TOKENS - 1), max_size=6)
        sequences = data.draw(st.lists(tokens, min_size=1, max_size=6))
    else:
        sequences = data.draw(vector_sequences(N_FEATURES, np.float32))
    rtol = 1e-5 if task == "regression" else 0
    assert_agrees(make_estimator(reads, task, seed, **spec), sequences, rtol=rtol, min_width=min_width)


@both_inputs
@pytest.mark.parametrize("pooling", POOLINGS)
def test_batches_of_empty_sequences_only_with_and_without_a_step(pooling, reads):
    estimator = make_estimator(reads, pooling=pooling, units=(4, 3))
    nothing = random_sequences(reads, [0, 0])
    assert_agrees(estimator, nothing, min_width=0)
    assert_agrees(estimator, nothing, min_width=4)


@pytest.mark.parametrize("cell", N_GATES)
@pytest.mark.parametrize("task", TASKS)
def test_a_batch_of_no_sequence_gives_no_output(task, cell):
    outputs = run(to_onnx(make_estimator("tokens", task, cell=cell)), {"token_ids": np.empty((0, 4), np.int32)})
    feed = {"sequences": np.empty((0, 4, N_FEATURES), np.float32), "lengths": np.empty(0, np.int64)}
    assert outputs.shape == run(to_onnx(make_estimator("vectors", task, cell=cell)), feed).shape
    assert outputs.shape == (0, 2 if task in ("binary", "regression") else 3)


@both_inputs
@pytest.mark.parametrize(("cell", "pooling"), list(zip(cycle(N_GATES), POOLINGS, strict=False)))
def test_an_output_depends_on_its_sequence_alone(cell, pooling, reads):
    model = to_onnx(make_estimator(reads, cell=cell, pooling=pooling, units=(4, 3)))
    sequences = random_sequences(reads, [5, 0, 1, 9, 60, 2])
    together = run(model, to_feed(sequences, reads, min_width=70))
    alone = [run(model, to_feed([sequence], reads)) for sequence in sequences]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=1e-6)
    reversed_order = run(model, to_feed(sequences[::-1], reads))[::-1]
    np.testing.assert_allclose(reversed_order, together, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", N_GATES)
def test_long_sequences_through_wide_layers(cell):
    for reads, pooling in product(["tokens", "vectors"], ["last", "max_mean"]):
        estimator = make_estimator(reads, cell=cell, pooling=pooling, units=(48, 32))
        assert_agrees(estimator, random_sequences(reads, [400, 13, 0, 399, 1]))


def test_padding_may_stand_in_front_or_anywhere_as_for_the_estimator():
    estimator = make_estimator(pooling="last")
    ids = np.array([[0, 0, 3, 4, 5], [3, 4, 5, 0, 0], [0, 3, 0, 4, 5], [0] * 5, [1, 2, 3, 4, 5]], dtype=np.int32)
    outputs = run(to_onnx(estimator), {"token_ids": ids})
    np.testing.assert_array_equal(outputs[:2], outputs[1:3])
    np.testing.assert_allclose(outputs, estimator.predict_proba(ids), rtol=0, atol=1e-5)


def test_ids_out_of_range_are_unknown_or_padding():
    model = to_onnx(make_estimator(pooling="last"))
    outputs = run(
        model, {"token_ids": np.array([[3, N_TOKENS, 4, -1], [3, 10**6, 4, -99], [3, 1, 4, 0]], np.int32)}
    )
    np.testing.assert_array_equal(outputs, outputs[[2, 2, 2]])


def test_lengths_beyond_the_array_are_refused():
    model = to_onnx(make_estimator("vectors"))
    feed = to_feed(random_sequences("vectors", [3, 2]), "vectors")
    with pytest.raises(Exception, match="sequence_lens"):
        run(model, {**feed, "lengths": np.array([3, 4])})


def test_small_probabilities_are_exact():
    estimator = make_estimator(task="binary")
    for logit in (-40, 40):
        estimator._network["weights"]["output/bias"][:] = logit
        outputs = run(to_onnx(estimator), to_feed([[3, 4]], "tokens"))
        logits = estimator.decision_function(to_csr([[3, 4]]))
        np.testing.assert_allclose(np.log(outputs[0].min()), -np.abs(logits[0]), rtol=1e-5)


@both_inputs
def test_values_of_a_great_mean_keep_their_digits(reads):
    for scale, mean in [(1e-3, 1e6), (1e4, 0.0)]:
        estimator = make_estimator(reads, "regression", target_scale=scale, target_mean=mean)
        assert_agrees(estimator, random_sequences(reads, LENGTHS), atol=1e-5 * scale)


# Documents


def make_reader(documents, task="multiclass", vocabulary=None, network=None, **options):
    """An estimator of text as if it had been fitted, with random weights: other tokens, other outputs."""
    vectorizer = SequenceVectorizer(vocabulary=vocabulary, **options).fit(documents)
    estimator = make_estimator(task=task, n_tokens=len(vectorizer.vocabulary_) + 2, **(network or {}))
    estimator.vectorizer = estimator.vectorizer_ = vectorizer
    return estimator


def open_model(estimator):
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(to_onnx(estimator, inputs="documents").SerializeToString(), options)


def read(session, documents):
    (output,) = session.run(None, {"documents": np.array(documents, dtype=object)})
    return output


def assert_reads(estimator, documents, session=None):
    outputs = read(session or open_model(estimator), documents)
    predict = estimator.predict if hasattr(estimator, "target_scale_") else estimator.predict_proba
    np.testing.assert_allclose(outputs, predict(documents), rtol=0, atol=1e-5, equal_nan=False)


# What is hard to cut, in many scripts: much of it in forms that read the same.
TEXTS = [
    "Don't panic! Don’t PANIC… rock'n'roll 'quoted' o' l·l 5׳",
    "1.5 1,000.25 1. .5 1.a a1.5b 3.14.15, v2.0'x ٣,٤ 𝟘.𝟙",
    "Caf\u00e9 cafe\u0301 CAFE\u0301 na\u00efve e\u0323\u0302 e\u0302\u0323 \u1ec7 \u00ea\u0323 q\u0307\u0323",
    "\u212bngstr\u00f6m K\u212a \u2126 \u0344\u0345 =\u0338 \u2260 \U0001d15e \u0301 a mark first",
    "a\u0305\u0301 a\u0316\u0301 a\u0316\u0305\u0301 \u03b1\u0345\u0301\u0313 \u1fb3\u0313\u0301",
    "İstanbul I\u0307 ı straße STRASSE ẞ ﬁ ǅ",
    "ΛΟΓΟΣ λόγος Σ ΑΣ.Α ΑΣ' ΑΣ\u00adΑ ΑΣ1 ΣΑ Α\u0301Σ\u0301 ΑʰΣʰ",
    "soft\u00adhyphen a\u00ad\u0301 \u00ad zero\u200bwidth no\u00a0break \ufeff",
    "别慌 中文。 か\u3099 \u304c パ ｶﾞ ไทยน้ำ \uf900 \U00020000",
    "한국어 \u1112\u1161\u11ab 하\u11ab 각\u11a8 \u1100\u1100\u1161 ㄱ",
    "हिन्दी क\u093c \u0958 \u09c7\u09be كِتَابُّ ש\u05c1\u05bc \u0f43 \u0dd9\u0dcf\u0dca",
    "🇩🇪🇫 👩🏽\u200d🚀 ❤\ufe0f :-) _under_score_",
    "\t tabs\n lines\r\x0b\x1c\x85\u2003\u3000 \x00 nul\x00",
    *["", " ", "\n\u2003", "\u00ad", "\u0301", "[UNK]", "never seen ▁word"],
]
READERS = {
    "word": {},
    "case": {"lowercase": False},
    "few words": {
        "max_features": 30,
        "stop_words": ["don't", "a", "中", "λόγος", "!"],
    },
    "char": {"analyzer": "char"},
    "char and case": {"analyzer": "char", "lowercase": False, "max_length": 7, "truncate": "both"},
    "subword": {"analyzer": "subword", "max_features": 400},
}


@lru_cache
def reader(name):
    """An estimator whose vocabulary has the tokens of the texts, and its model."""
    estimator = make_reader(TEXTS * 2, **READERS[name])  # twice: pieces are what occurs twice
    return estimator, open_model(estimator)


every_reader = pytest.mark.parametrize("name", READERS)


@every_reader
def test_texts_of_all_scripts(name):
    estimator, session = reader(name)
    assert_reads(estimator, TEXTS, session)
    for text in TEXTS:  # the others of a batch say how wide it is
        assert_reads(estimator, [text], session)


@every_reader
@settings(deadline=None, max_examples=60)
@given(
    documents=st.lists(
        st.text(st.sampled_from(sorted(set("".join(TEXTS)))) | st.characters(codec="utf-8"), max_size=12),
        min_size=1,
        max_size=8,
    )
)
def test_any_documents(name, documents):
    estimator, session = reader(name)
    assert_reads(estimator, documents, session)


@pytest.mark.parametrize("analyzer", ["word", "char"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_every_character_of_which_there_is_something_to_know(analyzer, lowercase):
    plain = {"Lo", "Cn", "Co", "Cs"}  # letters without case, and what means nothing
    characters = map(chr, range(0x110000))
    known = [c for c in characters if unicodedata.category(c) not in plain or unicodedata.decomposition(c)]
    assert len(known) > 15_000
    documents = [f"{c} A{c}\u03a3 e{c}\u0301\u0323b \uac00{c}1" for c in known]
    assert_reads(make_reader(documents, analyzer=analyzer, lowercase=lowercase), documents)


@pytest.mark.parametrize("truncate", ["head", "tail", "both"])
@pytest.mark.parametrize("max_length", [1, 4, 5])
@pytest.mark.parametrize(
    "options", [{"stop_words": ["the", "of"]}, {"analyzer": "char"}, {"analyzer": "subword"}], ids=str
)
def test_long_documents_are_cut_where_the_vectorizer_cuts_them(options, max_length, truncate):
    documents = ["the end of the long and winding road of the story", "the of of", "a the b of c", "", "one two"]
    estimator = make_reader(
        documents * 2, max_length=max_length, truncate=truncate, network={"pooling": "last"}, **options
    )
    assert_reads(estimator, [*documents, " ".join(documents)])


@pytest.mark.parametrize("stop_words", ["english", ("film", "!", 3)])
def test_stop_words(stop_words):
    documents = ["the film was good !", "a bad one, the film", "the the the", "!"]
    estimator = make_reader(documents, vocabulary=["the", "film", "good", "!"], stop_words=stop_words)
    assert_reads(estimator, documents)
    session = open_model(estimator)
    np.testing.assert_array_equal(*read(session, ["good", "good film" if stop_words != "english" else "the good"]))


@pytest.mark.parametrize("task", TASKS)
def test_documents_of_every_task(task):
    documents = ["A good film, truly.", "A bad one!", "", "good good good"]
    assert_reads(make_reader(documents, task), [*documents, "unheard-of words"])


@pytest.mark.parametrize("network", [{"n_ngrams": 9}, {"skip_connection": True, "pooling": "attention"}])
def test_documents_through_all_that_reads_tokens(network):
    documents = ["a b c d e", "e d c b a", "", "a a a", "x a y b"]
    assert_reads(make_reader(documents, network=network), documents)


@every_reader
def test_batches_without_a_token_or_a_document(name):
    estimator, session = reader(name)
    for blank in ([""], ["", ""], [" \n", ""], ["\u00ad"]):
        assert_reads(estimator, blank, session)
    assert read(session, []).shape == (0, 3)


@every_reader
def test_an_output_depends_on_its_document_alone(name):
    _, session = reader(name)
    together = read(session, TEXTS)
    np.testing.assert_allclose(read(session, TEXTS[::-1])[::-1], together, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        np.concatenate([read(session, [text]) for text in TEXTS]), together, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    "options",
    [
        {"vocabulary": ["a", "", "\ud800", "B", "cafe\u0301", "two words", "caf\u00e9"]},
        {"vocabulary": ["a", "", "\ud800", "ab", " "], "analyzer": "char"},
        {
            "vocabulary": ["a", "", "\ud800", "\u2581a", "\u2581a \u2581b", ".*", "\\U0000", "ab" * 20],
            "analyzer": "subword",
        },
        {"vocabulary": ["a b"], "analyzer": "subword"},
    ],
    ids=lambda options: options.get("analyzer", "word"),
)
def test_vocabularies_with_entries_that_no_document_has(options):
    documents = ["a b", "A B", "cafe\u0301 caf\u00e9", "two words", "", "a.*b \\U0000", "ab" * 45, "x a  b"]
    assert_reads(make_reader(documents, **options), documents)


def test_marks_without_end():
    estimator = make_reader(["za\u0301\u0323lgo text"])
    assert_reads(estimator, ["z" + "a" + "\u0301\u0323\u0301" * 40 + "lgo text", "\u0323\u0301" * 50])


def test_a_fitted_classifier_of_documents(fitted, reviews, tmp_path):
    documents = [*reviews[0][:20], "", "never seen", "SPLENDID!"]
    model = to_onnx(fitted, tmp_path / "model.onnx", inputs="documents")
    assert onnx.load(tmp_path / "model.onnx") == model
    session = InferenceSession(tmp_path / "model.onnx")
    np.testing.assert_allclose(read(session, documents), fitted.predict_proba(documents), rtol=0, atol=1e-5)
    assert session.get_modelmeta().custom_metadata_map.keys() >= {"vocabulary", "classes"}


@every_reader
def test_the_model_of_documents_is_valid_and_says_what_goes_in_and_what_it_needs(name):
    estimator, session = reader(name)
    model = to_onnx(estimator, inputs="documents")
    onnx.checker.check_model(model, full_check=True)
    (documents,) = session.get_inputs()
    assert (documents.name, documents.type, documents.shape) == ("documents", "tensor(string)", ["batch"])
    (output,) = session.get_outputs()
    assert (output.name, output.type, output.shape) == ("probabilities", "tensor(float)", ["batch", 3])
    assert {entry.domain for entry in model.opset_import} == {"", "ai.onnx.ml", "com.microsoft"}
    again = to_onnx(estimator, inputs="documents")
    assert again.SerializeToString(deterministic=True) == model.SerializeToString(deterministic=True)


def test_models_of_token_ids_need_nothing_but_onnx(fitted):
    model = to_onnx(fitted, inputs="token_ids")
    assert [entry.domain for entry in model.opset_import] == [""]
    assert model == to_onnx(fitted)


# The model itself


@both_inputs
@pytest.mark.parametrize("task", TASKS)
def test_the_model_is_valid_and_says_what_goes_in_and_out(task, reads):
    model = to_onnx(make_estimator(reads, task))
    onnx.checker.check_model(model, full_check=True)
    session = InferenceSession(model.SerializeToString())
    inputs = {value.name: (value.type, value.shape) for value in session.get_inputs()}
    assert inputs == (
        {"token_ids": ("tensor(int32)", ["batch", "time"])}
        if reads == "tokens"
        else {
            "sequences": ("tensor(float)", ["batch", "time", N_FEATURES]),
            "lengths": ("tensor(int64)", ["batch"]),
        }
    )
    (output,) = session.get_outputs()
    assert (output.name, output.type, output.shape) == {
        "binary": ("probabilities", "tensor(float)", ["batch", 2]),
        "multiclass": ("probabilities", "tensor(float)", ["batch", 3]),
        "multilabel": ("probabilities", "tensor(float)", ["batch", 3]),
        "regression": ("values", "tensor(double)", ["batch", 2]),
    }[task]
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["task"] == task
    assert ("classes" in metadata) == (task != "regression")
    assert "vocabulary" not in metadata  # which only a vectorizer has


def test_a_fitted_classifier_of_text(fitted, reviews, tmp_path):
    documents = [*reviews[0][:20], "", "never seen", "splendid"]
    path = tmp_path / "model.onnx"
    model = to_onnx(fitted, path)
    assert onnx.load(path) == model
    session = InferenceSession(path)
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["skrnn_version"] == skrnn.__version__
    assert metadata["estimator"] == "RNNTextClassifier"
    assert json.loads(metadata["classes"]) == ["neg", "pos"]
    tokens = json.loads(metadata["vocabulary"])
    assert tokens == fitted.vectorizer_.get_feature_names_out().tolist()
    assert all(tokens[i] == token for token, i in fitted.vocabulary_.items())
    token_ids = fitted.vectorizer_.transform(documents).toarray()
    (outputs,) = session.run(["probabilities"], {"token_ids": token_ids})
    np.testing.assert_allclose(outputs, fitted.predict_proba(documents), rtol=0, atol=1e-5)


def test_a_fitted_regressor_of_series():
    X = np.random.default_rng(0).normal(size=(20, 6))
    regressor = RNNSequenceRegressor(units=4, epochs=1, early_stopping=False, random_state=0)
    regressor.fit(X, 100 + 5 * X.sum(axis=1))
    feed = {"sequences": X[:, :, None].astype(np.float32), "lengths": np.full(20, 6)}
    outputs = run(to_onnx(regressor), feed)
    np.testing.assert_allclose(outputs[:, 0], regressor.predict(X), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("classes", "written"),
    [
        (np.array([False, True]), [False, True]),
        (np.array([-1, 1]), [-1, 1]),
        (np.array(["ä", "\ud800"], dtype=object), ["ä", "\ud800"]),
        (np.array(["2024-01-01", "2024-01-02"], "datetime64[D]"), ["2024-01-01", "2024-01-02"]),
    ],
    ids=["bool", "int", "str", "date"],
)
def test_classes_of_any_type(classes, written):
    estimator = make_estimator(task="binary")
    estimator.classes_ = classes
    metadata = {entry.key: entry.value for entry in to_onnx(estimator).metadata_props}
    assert json.loads(metadata["classes"]) == written


def test_exporting_changes_nothing_and_repeats(fitted):
    before = pickle.dumps(fitted)
    first = to_onnx(fitted).SerializeToString(deterministic=True)
    assert to_onnx(fitted).SerializeToString(deterministic=True) == first
    assert pickle.dumps(fitted) == before


def test_exporting_needs_neither_keras_nor_tensorflow_and_importing_no_onnx(tmp_path, fitted):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    code = (
        "import pickle, sys; from pathlib import Path; from skrnn.export import to_onnx\n"
        "assert 'onnx' not in sys.modules\n"
        "to_onnx(pickle.loads(Path(sys.argv[1]).read_bytes()))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model.pickle")], check=True)


# The file


def test_a_file_is_replaced_at_one_stroke(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    model = to_onnx(make_estimator(), str(path))
    assert path.read_bytes() == model.SerializeToString()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("interrupted", ["write", "replace"])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, interrupted, error):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def write_half(self, content):
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise error

    def refuse(*_):
        raise error

    if interrupted == "write":
        monkeypatch.setattr(Path, "write_bytes", write_half)
    else:
        monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(type(error)):
        to_onnx(make_estimator(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        to_onnx(make_estimator(), tmp_path / "missing" / "model.onnx")


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "v1.onnx").write_bytes(b"old")
    (tmp_path / "current.onnx").symlink_to("v1.onnx")
    model = to_onnx(make_estimator(), tmp_path / "current.onnx")
    assert (tmp_path / "current.onnx").is_symlink()
    assert (tmp_path / "v1.onnx").read_bytes() == model.SerializeToString()


# What is refused


@pytest.mark.parametrize(
    "estimator", [RNNTextClassifier(), RNNTextRegressor(), RNNSequenceClassifier(), RNNSequenceRegressor()]
)
def test_unfitted_estimators_are_refused(estimator):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        to_onnx(estimator)


def test_other_objects_are_refused(fitted):
    others = [make_pipeline(fitted), GridSearchCV(fitted, {}), LogisticRegression(), None, "model.joblib"]
    for other in others:
        with pytest.raises(TypeError, match=f"Expected a fitted estimator of skrnn; got {type(other).__name__}"):
            to_onnx(other)
    with pytest.raises(TypeError, match="got RNNTextClassifier"):
        to_onnx(RNNTextClassifier)
    with pytest.raises(TypeError, match="Of a pipeline pass the last step, of a search best_estimator_"):
        to_onnx(others[0])


def own_network(spec):
    from skrnn.network._keras import build_network

    return build_network(replace(spec, pooling="max"))


def test_networks_of_ones_own_are_refused(reviews, tmp_path):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "network": own_network}).fit(*reviews)
    with pytest.raises(ValueError, match=r'own_network.* estimator\.model_\.export\(path, format="onnx"\)'):
        to_onnx(classifier, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def cut(document):
    return document.split()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"analyzer": cut}, "analyzer='word', 'char' or 'subword'.*got analyzer=<function cut"),
        ({"tokenizer": cut}, "tokenizer=None.*got tokenizer=<function cut"),
        ({"preprocessor": str.lower}, "preprocessor=None.*got preprocessor=<method 'lower'"),
        ({"preprocessor": str.lower, "analyzer": "char"}, "preprocessor=None"),
        ({"token_pattern": r"\w+"}, r"token_pattern=None.*got token_pattern='\\\\w\+'"),
        ({"strip_accents": "ascii"}, "strip_accents=None.*got strip_accents='ascii'"),
        ({"strip_accents": "unicode", "analyzer": "subword"}, "strip_accents=None.*got strip_accents='unicode'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",  # functions have no lasting names
)
def test_documents_are_refused_where_no_graph_cuts_them_alike(options, expected, tmp_path):
    estimator = make_reader(["a b", "b a"] * 3, **options)
    with pytest.raises(ValueError, match=rf"Expected {expected}.*Export with inputs='token_ids'.*transform"):
        to_onnx(estimator, tmp_path / "model.onnx", inputs="documents")
    assert list(tmp_path.iterdir()) == []
    to_onnx(estimator)


def test_settings_without_effect_are_not_refused():
    documents = ["a b", "b a"] * 3
    assert_reads(
        make_reader(documents, analyzer="char", tokenizer=cut, token_pattern="x", stop_words="english"), documents
    )


class OwnVectorizer(SequenceVectorizer):
    pass


def test_documents_are_refused_where_there_is_no_vectorizer_to_follow():
    with pytest.raises(ValueError, match=r"Expected an estimator fitted on text .*got vectorizer='passthrough'"):
        to_onnx(make_estimator(), inputs="documents")
    with pytest.raises(ValueError, match=r"Expected inputs='documents' for .* text only.*RNNSequenceClassifier"):
        to_onnx(make_estimator("vectors"), inputs="documents")
    estimator = make_reader(["a b"])
    estimator.vectorizer_ = OwnVectorizer().fit(["a b"])
    with pytest.raises(ValueError, match=r"SequenceVectorizer with .*got vectorizer=OwnVectorizer\(\)"):
        to_onnx(estimator, inputs="documents")


def test_unknown_inputs_are_refused():
    with pytest.raises(ValueError, match=r"Expected inputs to be one of 'token_ids', 'documents'.*Did you mean"):
        to_onnx(make_estimator(), inputs="document")
    with pytest.raises(TypeError, match="Expected inputs to be one of"):
        to_onnx(make_estimator(), inputs=None)


def test_without_onnx_there_is_an_error_that_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "skrnn\[onnx\]"'):
        to_onnx(make_estimator())
