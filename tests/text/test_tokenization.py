import gc
import pickle
import re
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import strip_accents_unicode

from skrnn import SequenceVectorizer
from skrnn.text._patterns import LONGEST_JOINING_RUN, patterns
from skrnn.text._preprocessing import Preprocessor


def tokens_of(document, **params):
    return list(SequenceVectorizer(**params).build_analyzer()(document))


WORDS = {
    "inner apostrophes": ("Don't rock'n'roll l'été", ["don't", "rock'n'roll", "l'été"]),
    "typographic apostrophes": ("it’s aujourd’hui", ["it's", "aujourd'hui"]),
    "outer apostrophes": ("'tis dogs' ‘x’", ["'", "tis", "dogs", "'", "‘", "x", "'"]),
    "numbers": ("1,000.5 3.14. 1,,2 v1.2", ["1,000.5", "3.14", ".", "1", ",", ",", "2", "v1.2"]),
    "punctuation": ("x!? (a_b) co-op $5", ["x", "!", "?", "(", "a_b", ")", "co", "-", "op", "$", "5"]),
    "one-letter words": ("I a", ["i", "a"]),
    "white space": (" a\t\n\u3000b\xa0c ", ["a", "b", "c"]),
    "emoji": ("nice😀😀!", ["nice", "😀", "😀", "!"]),
    "ZWJ sequences": ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦❤️‍🔥🏳️‍🌈", ["👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦", "❤️‍🔥", "🏳️‍🌈"]),
    "flags": ("🇫🇷🇩🇪🏴\U000e0067\U000e0062\U000e007f", ["🇫🇷", "🇩🇪", "🏴\U000e0067\U000e0062\U000e007f"]),
    "skin tones": ("👍🏽👍🤷🏽‍♂️", ["👍🏽", "👍", "🤷🏽‍♂️"]),
    "keycaps": ("1️⃣#️⃣", ["1️⃣", "#️⃣"]),
    "Chinese": ("我爱北京，𠀀！", ["我", "爱", "北", "京", "，", "𠀀", "！"]),
    "Chinese and Latin": ("iphone很好用2次", ["iphone", "很", "好", "用", "2", "次"]),
    "Japanese": ("カタカナとひらがな。人々", [*"カタカナとひらがな。人々"]),
    "Korean": ("한국어 글", ["한", "국", "어", "글"]),
    "Thai": ("ที่นี่", ["ที่", "นี่"]),
    "Hindi": ("हिन्दी में क्षत्रिय।", ["हिन्दी", "में", "क्षत्रिय", "।"]),
    "Arabic with vowel marks": ("مُحَمَّدٌ، كَتَبَ", ["مُحَمَّدٌ", "،", "كَتَبَ"]),
    "Persian with ZWNJ": ("می‌خواهم کتاب‌ها؟", ["می‌خواهم", "کتاب‌ها", "؟"]),
    "Greek final sigma": ("ΟΔΟΣ", ["οδος"]),
    "astral letters": ("𐍈𐌰 𝒜", ["𐍈𐌰", "𝒜"]),
    "no token": (" \u200b\u0301 ", []),
}


@pytest.mark.parametrize(("document", "tokens"), WORDS.values(), ids=WORDS)
def test_word_analyzer(document, tokens):
    assert tokens_of(document) == tokens


@pytest.mark.parametrize("document", ["Café Ångström", "한국어", "がぎぐ", "क़लम", "İstanbul ΑΣ"])
def test_tokens_do_not_depend_on_composition(document):
    composed, decomposed = unicodedata.normalize("NFC", document), unicodedata.normalize("NFD", document)
    assert tokens_of(composed) == tokens_of(decomposed)
    assert tokens_of(composed, analyzer="char") == tokens_of(decomposed, analyzer="char")


def test_soft_hyphens_and_joiners_do_not_split_words():
    analyze = SequenceVectorizer().build_analyzer()
    assert analyze("co\u00adoperate צה״ל paral·lel") == ["cooperate", "צה״ל", "paral·lel"]


def test_char_analyzer_puts_single_spaces_around_words():
    assert tokens_of("Ab \n\t 慌! ", analyzer="char") == [" ", "a", "b", " ", "慌", "!", " "]
    X = SequenceVectorizer(analyzer="char").fit_transform(["ab a", " \n", "b"])
    assert X.toarray().tolist() == [[2, 3, 4, 2, 3, 2], [0] * 6, [2, 4, 2, 0, 0, 0]]


@pytest.mark.parametrize(
    "analyzer",
    [str.split, lambda document: tuple(document.split()), lambda document: (t for t in document.split())],
)
def test_callable_analyzer_takes_raw_documents(analyzer):
    vectorizer = SequenceVectorizer(analyzer, max_length=2).fit(["A b! A", "é"])
    assert vectorizer.vocabulary_ == {"A": 2, "b!": 3, "é": 4}
    assert vectorizer.transform(["b! x A", ""]).toarray().tolist() == [[3, 1], [0, 0]]


@pytest.mark.parametrize(
    ("params", "tokens"),
    [
        ({}, ["the", "cafés", "of", "ökotown", "!"]),
        ({"lowercase": False}, ["The", "cafés", "of", "Ökotown", "!"]),
        ({"strip_accents": "unicode"}, ["the", "cafes", "of", "okotown", "!"]),
        ({"strip_accents": "ascii"}, ["the", "cafes", "of", "okotown", "!"]),
        ({"strip_accents": lambda text: text.replace("é", "E")}, ["the", "cafEs", "of", "ökotown", "!"]),
        ({"preprocessor": str.upper}, ["THE", "CAFÉS", "OF", "ÖKOTOWN", "!"]),
        ({"preprocessor": str.upper, "analyzer": "char"}, [*" THE CAFÉS OF ÖKOTOWN! "]),
        ({"tokenizer": str.split}, ["the", "cafés", "of", "ökotown!"]),
        ({"token_pattern": r"\w{3,}"}, ["the", "cafés", "ökotown"]),
        ({"token_pattern": r"(\w)\w{2,}"}, ["t", "c", "ö"]),
        ({"stop_words": "english"}, ["cafés", "ökotown", "!"]),
        ({"stop_words": ["!", "cafés", "Ökotown"]}, ["the", "of"]),
        ({"stop_words": ["Ökotown"], "strip_accents": "unicode"}, ["the", "cafes", "of", "!"]),
        ({"stop_words": {"of"}, "tokenizer": str.split}, ["the", "cafés", "ökotown!"]),
    ],
)
def test_parameters_change_the_tokens(params, tokens):
    document = "The cafés of Ökotown!"
    assert tokens_of(document, **params) == tokens
    vectorizer = SequenceVectorizer(**params)
    assert vectorizer.inverse_transform(vectorizer.fit_transform([document])) == [tokens]


ANALYZERS = {
    "word": {},
    "char": {"analyzer": "char"},
    "subword": {"analyzer": "subword", "vocabulary": ["▁don", "'t", "▁", "p"]},
    "stop words": {"stop_words": ["a"], "strip_accents": "unicode"},
    "token pattern": {"token_pattern": r"\w+"},
    "tokenizer": {"tokenizer": str.split},
}


@pytest.mark.parametrize("params", ANALYZERS.values(), ids=ANALYZERS)
def test_analyzers_can_be_pickled(params):
    document = "Don’t panic, a 别慌"
    analyze = SequenceVectorizer(**params).fit([document]).build_analyzer()
    assert list(pickle.loads(pickle.dumps(analyze))(document)) == list(analyze(document))


def test_strip_accents_ascii_drops_other_scripts():
    assert tokens_of("é 慌", strip_accents="ascii") == ["e"]
    assert tokens_of("é 慌", strip_accents="unicode") == ["e", "慌"]


@pytest.mark.parametrize("strip_accents", ["ascii", "unicode"])
def test_strip_accents_brings_no_capitals_back(strip_accents):
    assert tokens_of("Brand™ ℝ", strip_accents=strip_accents) == ["brandtm", "r"]
    assert tokens_of("Brand™ é", strip_accents=strip_accents, lowercase=False) == ["BrandTM", "e"]


# Latin, Greek, Cyrillic, Hebrew and Arabic, and their forms for presentation.
ALPHABETS = [*range(0x80, 0x700), *range(0x1E00, 0x2000), *range(0xFB00, 0xFB50), *range(0xFB50, 0xFDF0)]


@pytest.mark.parametrize("character", [[cp] for cp in (0x338, 0x1D400, 0xFF21)] + [ALPHABETS], ids=len)
def test_strip_accents_unicode_acts_as_in_scikit_learn_on_alphabets(character):
    preprocess = Preprocessor(lowercase=False, strip_accents="unicode")
    for letter in map(chr, character):
        for text in (letter, f"a{letter}\u0301b"):
            canonical = Preprocessor(lowercase=False, strip_accents=None)(text)
            assert preprocess(text) == unicodedata.normalize("NFC", strip_accents_unicode(canonical)), hex(
                ord(letter)
            )


def test_strip_accents_unicode_acts_as_in_scikit_learn_on_words():
    text = "naïve Ångström ﬁancé Ａ² Việt Nam ὕδωρ ёлка й كِتَابٌ أحمد שָׁלוֹם"
    assert tokens_of(text, strip_accents="unicode") == strip_accents_unicode(text.lower()).lower().split()


@pytest.mark.parametrize(
    "text",
    ["हिन्दी क़लम", "한국어", "ㅋㅋㅠㅋㅠ", "がぎぐ パン", "ที่นี่ น้ำ", "ປື້ມ ຳ", "བོད་ཡིག", "বাংলা ড়", "தமிழ் ொ", "తెలుగు"],
)
def test_strip_accents_unicode_keeps_letters_with_all_their_marks(text):
    for decomposed in (text, unicodedata.normalize("NFD", text)):
        assert tokens_of(decomposed, strip_accents="unicode") == tokens_of(text)


def test_long_runs_of_combining_marks_are_shortened():
    preprocess = Preprocessor(lowercase=True, strip_accents=None)
    for n in (1, 30, 31, 32, 93, 5000):
        prepared = preprocess("x" + "\u0327" * n + "Y\u0327 ")
        assert prepared == "x" + "\u0327" * min(n, LONGEST_JOINING_RUN) + "y\u0327 "
    alternating = preprocess("é" + "\u0301\u0327" * 5000 + "z")
    assert alternating == "ȩ" + "\u0327" * 14 + "\u0301" * 16 + "z"
    # Astral marks, soft hyphens between marks, and letters that decompose into marks.
    for marks in ("\U00010a0d\U0001e944", "\u0301\xad\u0327\xad", "\u0f73\u0f71", "\uff9e\u0301"):
        assert len(unicodedata.normalize("NFKD", preprocess("a" + marks * 5000))) <= 1 + 3 * LONGEST_JOINING_RUN


def test_letters_are_never_taken_for_long_runs_of_marks():
    for text in ("𐌰𐍈" * 100, "हिन्दी" * 100, "ที่" * 100, "한글" * 100, "𝒜😀" * 100, "ὕ" * 100, "ß" * 100):
        assert Preprocessor(lowercase=False, strip_accents=None)(text) == text


def test_every_character_that_joins_the_one_before_counts_as_a_mark():
    joins = re.compile(f"[{patterns().joining}]").match
    last_of_pairs = set()
    for character in map(chr, range(0x110000)):
        decomposition = unicodedata.decomposition(character).split()
        if len(decomposition) == 2 and "<" not in decomposition[0]:
            last_of_pairs.add(chr(int(decomposition[1], 16)))
        if unicodedata.combining(unicodedata.normalize("NFKD", character)[0]):
            assert joins(character)
    last_of_pairs |= set(unicodedata.normalize("NFD", "각")[1:])
    assert all(map(joins, last_of_pairs))


def test_preprocessed_documents_are_in_one_form():
    preprocess = Preprocessor(lowercase=True, strip_accents=None)
    for text in ("a\xad\u0301", "J\u030c", "İ\u0327", "\u0958"):
        prepared = preprocess(text)
        assert prepared == preprocess(prepared) == unicodedata.normalize("NFC", prepared)


@pytest.mark.parametrize("parameter", ["analyzer", "tokenizer"])
@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "got None"),
        (3, "got 3"),
        ("a b", r"got 'a b'. To use its characters as tokens, return list\(...\)"),
        (b"a", "got b'a'"),
        (["a", 3], "got the int 3 as a token"),
        (["a", None], "got the NoneType None as a token"),
        ([["a"]], r"got the list \['a'\] as a token"),
        ({1.5: "a"}, "got the float 1.5 as a token"),
        ("x" * 10**6, "got 'xxx"),
    ],
    ids=["None", "int", "str", "bytes", "an int", "a None", "a list", "dict", "long str"],
)
def test_callables_must_return_lists_of_str(parameter, returned, message):
    fitted = SequenceVectorizer(**{parameter: str.split}).fit(["a"]).set_params(**{parameter: lambda _: returned})
    for use in (fitted.fit, fitted.transform):
        with pytest.raises(TypeError, match=f"Expected {parameter} to return a list of str; {message}") as info:
            use(["a"])
        assert len(str(info.value)) < 200


@pytest.mark.parametrize("parameter", ["preprocessor", "strip_accents"])
@pytest.mark.parametrize("analyzer", ["word", "char"])
@pytest.mark.parametrize("returned", [None, b"a", ["a"]])
def test_preparing_callables_must_return_str(parameter, analyzer, returned):
    vectorizer = SequenceVectorizer(analyzer, **{parameter: lambda _: returned})
    with pytest.raises(TypeError, match=f"Expected {parameter} to return a str; got {re.escape(repr(returned))}"):
        vectorizer.fit(["a"])


def test_analyzers_of_a_vectorizer_can_be_analyzers_of_another():
    for analyzer in ("word", "char"):
        built = SequenceVectorizer(analyzer).build_analyzer()
        again = SequenceVectorizer(built).fit(["ab é"])
        assert again.vocabulary_ == SequenceVectorizer(analyzer).fit(["ab é"]).vocabulary_


@pytest.mark.parametrize(
    ("truncate", "max_length", "kept"),
    [
        ("head", 3, "xab"),
        ("tail", 3, "efy"),
        ("both", 3, "xay"),
        ("both", 4, "xafy"),
        ("both", 1, "x"),
        ("tail", 1, "y"),
        ("both", 8, "xabcdefy"),
        ("tail", 100, "xabcdefy"),
    ],
)
@pytest.mark.parametrize("analyzer", ["word", "char", iter], ids=["word", "char", "generator"])
def test_long_documents_are_truncated(analyzer, truncate, max_length, kept):
    document = "x a b c d e f y" if analyzer == "word" else "xabcdefy"
    if analyzer == "char":  # the same tokens, between spaces
        document, kept = document[1:-1], kept.replace("x", " ").replace("y", " ")
    vectorizer = SequenceVectorizer(analyzer, max_length=max_length, truncate=truncate)
    assert vectorizer.inverse_transform(vectorizer.fit_transform([document])) == [list(kept)]
    assert set(vectorizer.vocabulary_) == set(kept)


def test_documents_are_truncated_before_tokens_are_counted():
    vectorizer = SequenceVectorizer(max_length=2, max_features=1).fit(["a b b b", "a"])
    assert list(vectorizer.vocabulary_) == ["a"]


# The patterns treat these characters specially. Short examples should contain several of them.
characters = st.characters() | st.sampled_from(
    "aZéΣσ1²_.,'’-\"!  \n\u200c\u200d\u00ad\u0301\u0345\u20e3\ufe0f👩👍🏽🇫🇷❤🏴\U000e0067"
    "，。〰（？一我々カーｶﾞ한한ทีนि्कكَـ\u0130\u212b\u1fbc𝒜𠀀\ud800\U0010ffff"
)


texts = st.text(characters, max_size=30)


@settings(deadline=None, max_examples=300)
@given(texts)
def test_tokens_contain_no_white_space(text):
    for token in tokens_of(text):
        assert token
        assert not any(character.isspace() for character in token)


@settings(deadline=None, max_examples=300)
@given(texts)
def test_every_letter_is_in_a_token(text):
    found = Counter("".join(tokens_of(text)))
    normalized = unicodedata.normalize("NFC", text.lower())
    letters = Counter(character for character in normalized if unicodedata.category(character)[0] == "L")
    assert letters <= found


@settings(deadline=None, max_examples=300)
@given(texts)
def test_tokens_of_any_text_do_not_depend_on_composition(text):
    assert tokens_of(unicodedata.normalize("NFD", text)) == tokens_of(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize("document", ["\u200d一起去", "去一\u200d", "一🏻 我", "一🏻一我\u200d一", "一\ufe0f 一"])
def test_joiners_and_modifiers_beside_unspaced_characters(document):
    documents = ["我们一起去吃饭", document, "看电影 一个"]
    vectorizer = SequenceVectorizer()
    assert vectorizer.inverse_transform(vectorizer.fit_transform(documents)) == [*map(tokens_of, documents)]


@settings(deadline=None, max_examples=300)
@given(st.lists(texts, min_size=1), texts, st.integers(1, 8), st.sampled_from(["head", "tail", "both"]))
def test_many_documents_give_the_tokens_of_single_documents(documents, corpus, max_length, truncate):
    vectorizer = SequenceVectorizer(max_length=max_length, truncate=truncate).fit([corpus + "a一"])
    one_by_one = SequenceVectorizer(
        tokens_of, vocabulary=vectorizer.vocabulary_, max_length=max_length, truncate=truncate
    )
    np.testing.assert_array_equal(
        vectorizer.transform(documents).toarray(), one_by_one.fit_transform(documents).toarray()
    )


@settings(deadline=None)
@given(texts.map(lambda text: text + "a"), st.sampled_from(["word", "char"]))
def test_inverse_transform_returns_the_tokens_of_any_text(text, analyzer):
    vectorizer = SequenceVectorizer(analyzer)
    assert vectorizer.inverse_transform(vectorizer.fit_transform([text])) == [tokens_of(text, analyzer=analyzer)]


@pytest.mark.parametrize("analyzer", ["word", "char", str.split])
def test_memory_is_released_without_the_garbage_collector(analyzer):
    vectorizer = SequenceVectorizer(analyzer)
    documents = ["the cat", "別慌"]
    vectorizer.fit_transform(documents)  # fills caches
    gc.collect()
    gc.disable()
    try:
        vectorizer.count_tokens(documents)
        vectorizer.transform(documents)
        assert gc.collect() == 0
    finally:
        gc.enable()
