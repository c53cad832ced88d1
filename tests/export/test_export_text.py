"""ONNX models of documents compute the ids of the vectorizer."""

import unicodedata
from functools import lru_cache

import numpy as np
import onnx
import pytest
from export_helpers import (
    TASKS,
    assert_agrees_on_documents,
    make_text_estimator,
    open_session,
    predictions,
    run_documents,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from onnxruntime import InferenceSession

from skrnn.export import to_onnx

# Text in many scripts that is hard to tokenize. Some of it is written in several ways that look the same.
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
# Options of vectorizers.
OPTIONS = {
    "word": {},
    "case": {"lowercase": False},
    "few words": {
        "max_features": 30,
        "stop_words": ["Don’t", "a", "中", "ΛΌΓΟΣ", "!"],
    },
    "char": {"analyzer": "char"},
    "char and case": {"analyzer": "char", "lowercase": False, "max_length": 7, "truncate": "both"},
    "subword": {"analyzer": "subword", "max_features": 400},
}


@lru_cache
def text_model(name):
    """An estimator whose vocabulary has the tokens of the texts, and a session of its model."""
    estimator = make_text_estimator(TEXTS * 2, **OPTIONS[name])  # twice: a subword has to occur twice
    return estimator, open_session(to_onnx(estimator, inputs="documents"))


every_vectorizer = pytest.mark.parametrize("name", OPTIONS)


@every_vectorizer
def test_texts_of_many_scripts_agree(name):
    estimator, session = text_model(name)
    assert_agrees_on_documents(estimator, TEXTS, session)
    for text in TEXTS:  # alone, a text has less padding
        assert_agrees_on_documents(estimator, [text], session)


@every_vectorizer
@settings(deadline=None, max_examples=60)
@given(
    documents=st.lists(
        st.text(st.sampled_from(sorted(set("".join(TEXTS)))) | st.characters(codec="utf-8"), max_size=12),
        min_size=1,
        max_size=8,
    )
)
def test_any_documents_agree(name, documents):
    estimator, session = text_model(name)
    assert_agrees_on_documents(estimator, documents, session)


@pytest.mark.parametrize("analyzer", ["word", "char"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_every_special_character_agrees(analyzer, lowercase):
    plain = {"Lo", "Cn", "Co", "Cs"}  # letters without case, and characters without a meaning
    characters = map(chr, range(0x110000))
    special = [c for c in characters if unicodedata.category(c) not in plain or unicodedata.decomposition(c)]
    assert len(special) > 15_000
    documents = [f"{c} A{c}\u03a3 e{c}\u0301\u0323b \uac00{c}1" for c in special]
    assert_agrees_on_documents(make_text_estimator(documents, analyzer=analyzer, lowercase=lowercase), documents)


@pytest.mark.parametrize("truncate", ["head", "tail", "both"])
@pytest.mark.parametrize("max_length", [1, 4, 5])
@pytest.mark.parametrize(
    "options", [{"stop_words": ["the", "of"]}, {"analyzer": "char"}, {"analyzer": "subword"}], ids=str
)
def test_truncated_documents_agree(options, max_length, truncate):
    documents = ["the end of the long and winding road of the story", "the of of", "a the b of c", "", "one two"]
    estimator = make_text_estimator(
        documents * 2, max_length=max_length, truncate=truncate, network={"pooling": "last"}, **options
    )
    assert_agrees_on_documents(estimator, [*documents, " ".join(documents)])


@pytest.mark.parametrize("stop_words", ["english", ("Film", "!", "l’été")])
def test_stop_words_are_left_out(stop_words):
    documents = ["the film was good !", "a bad one, the film", "the the the", "!"]
    estimator = make_text_estimator(documents, vocabulary=["the", "film", "good", "!"], stop_words=stop_words)
    assert_agrees_on_documents(estimator, documents)
    session = open_session(to_onnx(estimator, inputs="documents"))
    with_stop_word = "good film" if stop_words != "english" else "the good"
    np.testing.assert_array_equal(*run_documents(session, ["good", with_stop_word]))


@pytest.mark.parametrize("task", TASKS)
def test_documents_of_every_task_agree(task):
    documents = ["A good film, truly.", "A bad one!", "", "good good good"]
    assert_agrees_on_documents(make_text_estimator(documents, task), [*documents, "unheard-of words"])


def test_spelling_of_unknown_words_agrees():
    documents = ["apple apples pear pears", "motor motors straße", "naïve naïveté"]
    estimator = make_text_estimator(documents)
    unknown = [
        "applesauce and motoring",
        "x",
        "pearls",
        "a" * 37 + "pear",
        "a" * 38 + "pear",
        "straßen",
        "bananaan",
    ]
    outputs = predictions(estimator, unknown)
    assert np.ptp(outputs[[1, 2, 3, 5]], axis=0).max() > 1e-3
    assert_agrees_on_documents(estimator, [*unknown, "", " ".join(unknown)])


def test_a_long_word_among_many_unknown_words_costs_no_memory():
    estimator = make_text_estimator(["apple apples pear pears"])
    letters = "abcdefghij"
    words = [a + b + c + d for a in letters for b in letters for c in letters for d in letters]
    assert_agrees_on_documents(estimator, [" ".join(words) + " " + "z" * 1_000_000])  # 40 GB with equal widths


@pytest.mark.parametrize("network", [{"n_ngrams": 9}, {"skip_connection": True, "pooling": "attention"}])
def test_documents_agree_with_ngrams_and_with_a_skip_connection(network):
    documents = ["a b c d e", "e d c b a", "", "a a a", "x a y b"]
    assert_agrees_on_documents(make_text_estimator(documents, network=network), documents)


@every_vectorizer
def test_batches_without_tokens_or_documents_agree(name):
    estimator, session = text_model(name)
    for documents in ([""], ["", ""], [" \n", ""], ["\u00ad"]):
        assert_agrees_on_documents(estimator, documents, session)
    assert run_documents(session, []).shape == (0, 3)


@every_vectorizer
def test_outputs_of_documents_do_not_depend_on_batch_mates(name):
    _, session = text_model(name)
    together = run_documents(session, TEXTS)
    reversed_order = run_documents(session, TEXTS[::-1])[::-1]
    np.testing.assert_allclose(reversed_order, together, rtol=0, atol=1e-6)
    alone = [run_documents(session, [text]) for text in TEXTS]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=1e-6)


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
def test_impossible_tokens_in_the_vocabulary_change_nothing(options):
    documents = ["a b", "A B", "cafe\u0301 caf\u00e9", "two words", "", "a.*b \\U0000", "ab" * 45, "x a  b"]
    assert_agrees_on_documents(make_text_estimator(documents, **options), documents)


@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_many_combining_marks_agree(analyzer):
    marks = ["\u0301", "\u0323", "\u0344", "\u0f73", "\xad", "\U0001d165", "\u1161", "\u09be", "\ufe0f"]
    pairs = [(first, last) for first in marks for last in marks]
    documents = [
        *(
            f"{letter}{first * 28}{last * n}b"
            for letter in ("a", "İ", "")
            for first, last in pairs
            for n in (1, 2, 3, 9)
        ),
        *(f"z{(first + last) * 20}a" for first, last in pairs),
        "\u0323\u0301" * 50,
        "a" + "\u0301\u0327" * 500 + "b",
    ]
    assert_agrees_on_documents(make_text_estimator(documents, analyzer=analyzer), documents)


def test_a_fitted_classifier_agrees_on_documents(fitted, reviews, tmp_path):
    documents = [*reviews[0][:20], "", "never seen", "SPLENDID!"]
    model = to_onnx(fitted, tmp_path / "model.onnx", inputs="documents")
    assert onnx.load(tmp_path / "model.onnx") == model
    session = InferenceSession(tmp_path / "model.onnx")
    outputs = run_documents(session, documents)
    np.testing.assert_allclose(outputs, fitted.predict_proba(documents), rtol=0, atol=1e-5)
    assert session.get_modelmeta().custom_metadata_map.keys() >= {"vocabulary", "classes"}


@every_vectorizer
def test_models_of_documents_are_valid_and_reproducible(name):
    estimator, session = text_model(name)
    model = to_onnx(estimator, inputs="documents")
    onnx.checker.check_model(model, full_check=True)
    (documents,) = session.get_inputs()
    assert (documents.name, documents.type, documents.shape) == ("documents", "tensor(string)", ["batch"])
    output, labels = session.get_outputs()
    assert (labels.name, labels.type, labels.shape) == ("labels", "tensor(int64)", ["batch"])
    assert (output.name, output.type, output.shape) == ("probabilities", "tensor(float)", ["batch", 3])
    assert {entry.domain for entry in model.opset_import} == {"", "ai.onnx.ml", "com.microsoft"}
    again = to_onnx(estimator, inputs="documents")
    assert again.SerializeToString(deterministic=True) == model.SerializeToString(deterministic=True)


INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


@pytest.mark.parametrize("integer", INTEGERS)
def test_numpy_scalars_give_the_model_of_python_values(integer):
    plain = {"analyzer": "char", "lowercase": True, "max_length": 6, "truncate": "both"}
    numpy = {
        "analyzer": np.str_("char"),
        "lowercase": np.True_,
        "max_length": integer(6),
        "truncate": np.str_("both"),
    }
    expected, model = (
        to_onnx(make_text_estimator(["a b"], **options), inputs="documents") for options in (plain, numpy)
    )
    assert model == expected
    open_session(model)


def test_numpy_stop_words_give_the_model_of_python_values():
    options = {"stop_words": [np.str_("a")], "lowercase": np.False_, "analyzer": np.str_("word")}
    estimator = make_text_estimator(["a b c"], **options)
    assert_agrees_on_documents(estimator, ["a b", "A c", ""])


def test_the_largest_max_length_agrees():
    assert_agrees_on_documents(make_text_estimator(["a b c"], max_length=2**63 - 1, truncate="both"), ["a b c"])


def test_invalid_parameters_set_after_the_fit_are_refused():
    estimator = make_text_estimator(["a b c"])
    estimator.vectorizer_.set_params(max_length=0)
    with pytest.raises(ValueError, match="Expected max_length to be"):
        to_onnx(estimator, inputs="documents")
