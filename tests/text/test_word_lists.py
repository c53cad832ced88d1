import warnings

import numpy as np
import pytest

from skrnn import SequenceVectorizer


def kept(document, **params):
    vectorizer = SequenceVectorizer(**params).fit([document])
    return vectorizer.inverse_transform(vectorizer.transform([document]))[0]


@pytest.mark.parametrize(
    "stop_words",
    [["The", "l’été", "cafe\u0301"], np.array(["THE", "l'été", "café"]), {"the", "l'e\u0301te\u0301", "CAFÉ"}],
    ids=["list", "array", "set"],
)
def test_stop_words_are_preprocessed_as_documents(stop_words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kept("The café l’été end", stop_words=stop_words) == ["end"]
    assert kept("The THE", stop_words=["THE"], lowercase=False) == ["The"]


def test_stop_words_take_a_callable_that_is_not_hashable():
    class Strip:
        __hash__ = None

        def __call__(self, text):
            return text.replace("é", "e")

    assert kept("é e a", stop_words=["É"], strip_accents=Strip()) == ["a"]


def test_stop_words_stay_as_they_are_with_a_preprocessor():
    assert kept("the THE end", stop_words=["THE"], preprocessor=str.upper) == ["END"]


@pytest.mark.parametrize(
    ("params", "tokens"),
    [
        ({"stop_words": ["l'", "end"]}, r"""\["'", 'l'\]"""),
        ({"stop_words": ["don't"], "token_pattern": r"\w+"}, r"\['don', 't'\]"),
        ({"stop_words": ["the"], "preprocessor": str.upper}, r"\['THE'\]"),
        ({"stop_words": ["a b"], "tokenizer": str.split}, r"\['a', 'b'\]"),
    ],
)
def test_stop_words_that_are_cut_into_other_tokens_warn_in_fit(params, tokens):
    vectorizer = SequenceVectorizer(**params)
    message = f"stop_words may be inconsistent with your preprocessing. .* generated tokens {tokens} not in"
    with pytest.warns(UserWarning, match=message) as caught:
        vectorizer.fit(["l'end the end of a day"])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectorizer.transform(["the end"])


@pytest.mark.parametrize(
    "params",
    [
        {"stop_words": "english"},
        {"stop_words": "english", "lowercase": False},
        {"stop_words": ["the"], "preprocessor": lambda document: document.split("\n", 1)[1]},  # fails on a word
        {"stop_words": ["l'"], "analyzer": "char"},
        {"vocabulary": ["A"], "lowercase": False},
        {"vocabulary": ["A"], "analyzer": str.split},
        {"vocabulary": ["A"], "preprocessor": str.upper},
    ],
)
def test_consistent_words_do_not_warn(params):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SequenceVectorizer(**params).fit(["the\nend"])


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (["good", "Bad"], "Upper case characters found in vocabulary while 'lowercase' is True"),
        ({"l’été": 2, "the": 3}, "The preprocessing changes entries of vocabulary, such as .*l’été"),
        (["cafe\u0301"], "The preprocessing changes entries of vocabulary"),
    ],
    ids=["capitals", "apostrophe", "decomposed"],
)
def test_tokens_of_a_fixed_vocabulary_that_match_nothing_warn_in_fit(vocabulary, message):
    vectorizer = SequenceVectorizer(vocabulary=vocabulary)
    with pytest.warns(UserWarning, match=message) as caught:
        vectorizer.fit(["the end"])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectorizer.transform(["the end"])
