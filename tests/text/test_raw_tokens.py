import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from skrnn import SequenceVectorizer

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


def test_word_of_another_length_stays_whole():
    tokenize = VECTORIZERS["subword"].build_tokenizer()
    assert tokenize("İplaying playing") == ["İplaying", "play", "ing"]


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
