import copy
import html
import pickle
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from skrnn import SequenceVectorizer

# Latin, Turkish, German, Greek, Vietnamese, Hangul jamo, Chinese, Arabic, Hindi, Thai, emoji, and white space.
characters = st.characters() | st.sampled_from(
    "aZéŞİıßΣσς1½…ﬁﬃ™_.,'’-!  \n\t\u3000\u200d\u00ad\u0301\u0323\u0302\ufe0f👩👍🏽🇫🇷❤"
    "，一我ｶﾞ한\u1112\u1161\u11abทีนि्हकُمJ\u030c\u0345\u1fbc𠀀\ud800▁"
)
texts = st.text(characters, max_size=30) | st.integers(25, 40).map(lambda n: "a" + "\u0327" * n + "b")


def locate(document, **params):
    """Return the tokens, as the document writes them, and the spans."""
    located = fitted(**params)._locate([document])[0]
    return located.tokens, [document[start:end] for start, end in located.spans.tolist()], located.spans.tolist()


def fitted(**params):
    return SequenceVectorizer(**{"vocabulary": ["a"], **params}).fit(["a"])


def written(document, **params):
    return list(zip(*locate(document, **params)[:2], strict=True))


SUBWORDS = ["▁play", "ing", "▁don", "'", "t", "▁", "慌", "张", "!", "▁stra", "ss", "e"]
VECTORIZERS = {
    "word": SequenceVectorizer(stop_words="english"),
    "token_pattern": SequenceVectorizer(token_pattern=r"\w+"),
    "group": SequenceVectorizer(token_pattern=r"(\w+)(?:\W|$)"),
    "char": SequenceVectorizer("char"),
    "subword": SequenceVectorizer("subword", vocabulary=SUBWORDS).fit(["playing"]),
}


def places(tokens, document):
    """Return where each token begins in the document. It must begin behind the token before."""
    found, end = [], 0
    for token in tokens:
        start = document.index(token, end)
        found.append(start)
        end = start + len(token)
    return found


@pytest.mark.parametrize("vectorizer", VECTORIZERS.values(), ids=VECTORIZERS)
@settings(deadline=None)
@given(st.lists(st.sampled_from([*"aAß’'\u0301\u00ad İé👍🏽慌3.,\n▁", "Playing", "DON’T", "Straße"])).map("".join))
def test_tokens_occur_in_the_raw_document_in_order(vectorizer, document):
    tokens = list(vectorizer.build_tokenizer()(document))
    assert len(places(tokens, document)) == len(tokens)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("word", ["The", "PLAYING", "Don’t", "慌", "张", "!"]),
        ("token_pattern", ["The", "PLAYING", "Don", "t", "慌张"]),
        ("group", ["The", "PLAYING", "Don", "t", "慌张"]),
        ("char", list("The PLAYING  Don’t 慌张!")),
        ("subword", ["T", "h", "e", "PLAY", "ING", "Don", "’", "t", "慌", "张", "!"]),
    ],
)
def test_tokens_are_as_the_document_writes_them(name, tokens):
    assert VECTORIZERS[name].build_tokenizer()("The PLAYING  Don’t 慌张!") == tokens


def test_raw_subwords_of_words_that_change_their_length():
    tokenize = VECTORIZERS["subword"].build_tokenizer()
    assert tokenize("İing PlayİNG pl\xadaying") == ["İ", "ing", "Play", "İ", "N", "G", "pl\xaday", "ing"]


def test_raw_tokens_come_from_the_preprocessed_document():
    tokenize = SequenceVectorizer(token_pattern=r"\w+", stop_words=["thé"]).build_tokenizer()
    assert tokenize("The\u0301 co\xadop") == ["The\u0301", "co\xadop"]


def test_raw_tokens_if_a_preprocessor_changes_all_words():
    assert SequenceVectorizer(preprocessor=lambda _: "x y").build_tokenizer()("Hi, you!") == [
        "Hi",
        ",",
        "you",
        "!",
    ]


def test_custom_tokenizer_is_returned():
    assert SequenceVectorizer(tokenizer=str.split).build_tokenizer() is str.split


def test_callable_analyzer_has_no_tokenizer():
    with pytest.raises(ValueError, match=r"to be 'word', 'char' or 'subword'; got a callable.*build_analyzer\(\)"):
        SequenceVectorizer(str.split).build_tokenizer()


def test_subwords_need_a_fit():
    with pytest.raises(NotFittedError):
        SequenceVectorizer("subword").build_tokenizer()


@pytest.mark.parametrize("vectorizer", VECTORIZERS.values(), ids=VECTORIZERS)
def test_tokenizers_can_be_copied(vectorizer):
    document = "The PLAYING  Don’t 慌张!"
    tokenize = vectorizer.build_tokenizer()
    for again in (copy.deepcopy(tokenize), pickle.loads(pickle.dumps(tokenize))):
        assert again(document) == tokenize(document)


def test_preprocessor_prepares_documents():
    assert SequenceVectorizer().build_preprocessor()("Don’t") == "don't"
    assert SequenceVectorizer(lowercase=False).build_preprocessor()("Don’t") == "Don't"
    assert SequenceVectorizer(preprocessor=str.upper).build_preprocessor()("Don’t") == "DON’T"
    with pytest.raises(ValueError, match="Expected lowercase"):
        SequenceVectorizer(lowercase="no").build_preprocessor()


BUILT_IN = {
    "word": {},
    "case": {"lowercase": False},
    "ascii": {"strip_accents": "ascii"},
    "unicode": {"strip_accents": "unicode"},
    "callable": {"strip_accents": lambda text: text.replace("ß", "ss").replace("½", "0.5")},
    "stop words": {"stop_words": ["a", "!", "é"]},
    "pattern": {"token_pattern": r"\w+"},
    "group": {"token_pattern": r"(\w)\w*|\S"},
    "tokenizer": {"tokenizer": str.split},
    "preprocessor": {"preprocessor": str.upper},
    "char": {"analyzer": "char"},
    "char unicode": {"analyzer": "char", "strip_accents": "unicode"},
    "subword": {"analyzer": "subword", "vocabulary": ["▁a", "éa", "▁", "一我"]},
    "subword unicode": {"analyzer": "subword", "vocabulary": ["▁a", "ff", "▁"], "strip_accents": "unicode"},
}


@pytest.mark.parametrize("params", BUILT_IN.values(), ids=BUILT_IN)
@settings(deadline=None)
@given(texts)
def test_tokens_of_any_text_have_spans_in_order(params, text):
    vectorizer = fitted(**params)
    located = vectorizer._locate([text])[0]
    assert located.tokens == list(vectorizer.build_analyzer()(text))
    assert located.spans.shape == (len(located.tokens), 2)
    starts, ends = located.spans.T
    assert (np.diff(starts) >= 0).all()
    assert (np.diff(ends) >= 0).all()
    assert ((starts >= 0) & (starts <= ends) & (ends <= len(text))).all()


@pytest.mark.parametrize(
    "name", ["word", "case", "ascii", "unicode", "callable", "preprocessor", "char", "subword"]
)
@settings(deadline=None)
@given(texts)
def test_preprocessed_span_contains_the_token(name, text):
    vectorizer = fitted(**BUILT_IN[name])
    preprocess = vectorizer.build_preprocessor()
    located = vectorizer._locate([text])[0]
    for token, (start, end) in zip(located.tokens, located.spans.tolist(), strict=True):
        expected = token.removeprefix("▁") if name == "subword" and text[start : start + 1] != "▁" else token
        again = preprocess(text[start:end])
        if name == "char" and expected == " ":
            assert again.isspace() or start == end
        elif name in ("word", "case"):
            assert again.replace("ς", "σ") == expected.replace("ς", "σ")
        else:  # several tokens can come from one character
            assert expected.replace("ς", "σ") in again.replace("ς", "σ")


@settings(deadline=None)
@given(st.lists(texts, min_size=1, max_size=4), st.integers(1, 5), st.sampled_from(["head", "tail", "both"]))
def test_located_tokens_have_the_positions_of_the_ids(documents, max_length, truncate):
    vectorizer = SequenceVectorizer(max_length=max_length, truncate=truncate).fit([*documents, "a"])
    located = vectorizer._locate(documents)
    assert [tokens.tokens for tokens in located] == vectorizer.inverse_transform(vectorizer._to_ids(documents))
    whole = SequenceVectorizer(vocabulary=["a"]).fit(["a"])._locate(documents)
    for tokens, cut in zip(whole, located, strict=True):
        again = tokens.truncated(max_length, truncate)
        assert again.tokens == cut.tokens
        np.testing.assert_array_equal(again.spans, cut.spans)


JAMO = unicodedata.normalize("NFD", "한국")
MARK = "\u0327"
NFD = unicodedata.normalize("NFD", "Việt")


@pytest.mark.parametrize(
    ("document", "params", "expected"),
    [
        ("Hi  there!", {}, [("hi", "Hi"), ("there", "there"), ("!", "!")]),
        ("Don’t", {}, [("don't", "Don’t")]),
        ("İstanbul’da İş", {}, [("i̇stanbul'da", "İstanbul’da"), ("i̇ş", "İş")]),
        (
            "Straße GROẞ",
            {"strip_accents": lambda s: s.replace("ß", "ss")},
            [("strasse", "Straße"), ("gross", "GROẞ")],
        ),
        ("Wort\xadteil ist", {}, [("wortteil", "Wort\xadteil"), ("ist", "ist")]),
        ("ΟΔΟΣ ΣΑ", {}, [("οδος", "ΟΔΟΣ"), ("σα", "ΣΑ")]),
        (f"{NFD} Nam", {}, [("việt", NFD), ("nam", "Nam")]),
        (f"{NFD} Nam", {"strip_accents": "unicode"}, [("viet", NFD), ("nam", "Nam")]),
        (
            f"{NFD}!",
            {"analyzer": "char"},
            [(" ", ""), ("v", "V"), ("i", "i"), ("ệ", NFD[2:5]), ("t", "t"), ("!", "!"), (" ", "")],
        ),
        (JAMO, {}, [("한", JAMO[:3]), ("국", JAMO[3:])]),
        ("我爱，iPhone", {}, [("我", "我"), ("爱", "爱"), ("，", "，"), ("iphone", "iPhone")]),
        ("كَتَبَ، هو", {}, [("كَتَبَ", "كَتَبَ"), ("،", "،"), ("هو", "هو")]),
        ("हिन्दी क\u093cलम", {}, [("हिन्दी", "हिन्दी"), ("क\u093cलम", "क\u093cलम")]),
        ("\u0958 में", {}, [("\u0915\u093c", "\u0958"), ("में", "में")]),
        ("ที่นี่", {}, [("ที่", "ที่"), ("นี่", "นี่")]),
        ("É👍🏽❤️!", {}, [("é", "É"), ("👍🏽", "👍🏽"), ("❤️", "❤️"), ("!", "!")]),
        (
            "ﬁn 1½…",
            {"strip_accents": "unicode"},
            [*zip(["fin", "11", "⁄", "2", *"..."], ["ﬁn", "1½", "½", "½", *"………"], strict=True)],
        ),
        ("Café 慌!", {"strip_accents": "ascii"}, [("cafe", "Café"), ("!", "!")]),
        ("x" + MARK * 50 + "y z", {}, [("x" + MARK * 30 + "y", "x" + MARK * 50 + "y"), ("z", "z")]),
        (" a \n b ", {"analyzer": "char"}, [(" ", ""), ("a", "a"), (" ", " \n "), ("b", "b"), (" ", "")]),
        ("The É cat", {"stop_words": ["the", "é"]}, [("cat", "cat")]),
        ("É,b", {"token_pattern": "(.),"}, [("é", "É")]),
        ("É-b", {"token_pattern": r"\w(x)?"}, [("", ""), ("", "")]),
        ("É B b", {"tokenizer": str.split}, [("é", "É"), ("b", "B"), ("b", "b")]),
        ("E\u0301 B.", {"tokenizer": lambda s: s.upper().split()}, [("É", "E\u0301"), ("B.", "B.")]),
        (
            "ß <b>Bé</b>",
            {"preprocessor": lambda s: re.sub("<.*?>", "", s).upper()},
            [("SS", "ß"), ("BÉ", "<b>Bé</b>")],
        ),
        ("ß <b 1>Bé</b>", {"preprocessor": lambda s: re.sub("<.*?>", "", s).lower()}, [("ß", "ß"), ("bé", "Bé")]),
        (
            "A&amp;É b",
            {"preprocessor": html.unescape},
            [("A", "A&amp;É"), ("&", "A&amp;É"), ("É", "A&amp;É"), ("b", "b")],
        ),
        (
            "a\n\nB",
            {"analyzer": "char", "preprocessor": lambda s: " ".join(s.split())},
            [(" ", ""), ("a", "a"), (" ", "\n"), ("B", "B"), (" ", "")],
        ),
        ("Ab É!", {"analyzer": str.split}, [("Ab", "Ab"), ("É!", "É!")]),
        ("Ab  É!", {"analyzer": lambda s: s.casefold().split()}, [("ab", "Ab"), ("é!", "É!")]),
        ("", {}, []),
        (" \n", {"analyzer": "char"}, []),
        ("É \n ", {"analyzer": "char", "strip_accents": "ascii"}, [(" ", ""), ("e", "É"), (" ", "")]),
    ],
)
def test_tokens_come_from_these_characters(document, params, expected):
    assert written(document, **params) == expected


def test_subwords_come_from_parts_of_words():
    params = {"analyzer": "subword", "vocabulary": ["▁stra", "ss", "▁", "张慌"], "strip_accents": "unicode"}
    tokens, raw, spans = locate("STRAﬃ Éx 张慌", **params)
    assert tokens == ["▁stra", "f", "f", "i", "▁", "e", "x", "张慌"]
    assert raw == ["STRA", "ﬃ", "ﬃ", "ﬃ", "", "É", "x", "张慌"]
    assert spans[4] == [6, 6]


@pytest.mark.parametrize(
    ("document", "params"),
    [
        ("running É", {"tokenizer": lambda _: ["nur"]}),
        ("É running", {"preprocessor": lambda s: "x " + s[::-1]}),
        ("a b", {"analyzer": lambda s: s.split()[::-1]}),
        (["a", "b"], {"analyzer": list}),
    ],
)
def test_tokens_that_are_not_found_have_no_spans(document, params):
    vectorizer = fitted(**params)
    located = vectorizer._locate([document])[0]
    assert located.tokens == list(vectorizer.build_analyzer()(document))
    assert located.spans is None
    assert located.truncated(1, "tail").spans is None
    assert located.truncated(1, "tail").tokens == located.tokens[-1:]


def test_preprocessor_that_fails_on_words_still_gives_spans():
    def preprocess(document):
        if not document.startswith("É, "):
            raise ValueError
        return document[3:]

    vectorizer = SequenceVectorizer(preprocessor=preprocess).fit(["É, b c"])
    assert vectorizer._locate(["É, b c"])[0].spans.tolist() == [[3, 4], [5, 6]]


def test_documents_must_be_read_by_a_fitted_vectorizer():
    with pytest.raises(NotFittedError):
        SequenceVectorizer()._locate(["a"])


# Each has many characters that move, and some have no place to cut. Quadratic time would be hours.
LONG = {
    "capital dotted i": "İ" * 10**6,
    "marks": "a" + "\u0301\u0327" * 500_000,
    "marks at the start": "\u0301" * 10**6,
    "composed pairs": "e\u0301" * 500_000,
    "distinct words": " ".join(f"é\u0323{i}" for i in range(100_000)),
    "distinct letters": "".join(map(chr, range(0x300, 0xD800))) * 4,
    "spaces": "é\xad" + " " * 10**6 + "é",
    "soft hyphens": "a" + "\xad" * 10**6 + "b",
    "almost found": "é" + "ab" * 500_000,
}


@pytest.mark.parametrize(
    "params", [{}, {"analyzer": "char", "strip_accents": "unicode"}, {"tokenizer": str.split}]
)
@pytest.mark.parametrize("document", LONG.values(), ids=LONG)
def test_tokens_of_hostile_documents_are_located(document, params):
    vectorizer = fitted(**params)
    located = vectorizer._locate([document])[0]
    assert located.spans is not None


def test_many_tokens_that_are_missing_have_no_spans():
    document = "É" + "ab" * 500_000
    assert fitted(analyzer=lambda _: ["ab" * 40 + "c"] * 10_000)._locate([document])[0].spans is None


@pytest.mark.parametrize("parameter", ["tokenizer", "analyzer"])
def test_words_that_a_tokenizer_leaves_out_are_not_taken_for_others(parameter):
    def without_was_and_that(document):
        return [word for word in document.split() if word not in ("was", "that")]

    vectorizer = SequenceVectorizer(**{parameter: without_was_and_that})
    document = "it was a hat that was a splendid hat"
    vectorizer.fit([document])
    [located] = vectorizer._locate([document])
    assert [document[start:end] for start, end in located.spans] == located.tokens
    assert located.spans[:, 0].tolist() == [0, 7, 9, 22, 24, 33]


def test_truncation_counts_the_tokens_that_are_cut_off():
    vectorizer = SequenceVectorizer(max_length=5).fit(["one two three four five six seven"])
    [located] = vectorizer._locate(["one two three four five six seven"])
    assert (len(located.tokens), located.n_cut) == (5, 2)
    assert located.truncated(3, "tail").n_cut == 4
