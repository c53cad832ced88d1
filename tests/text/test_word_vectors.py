import gzip
import pickle
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import joblib
import numpy as np
import pytest
from conftest import SMALL
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrnn import RNNTextClassifier, RNNTextRegressor, SequenceVectorizer
from skrnn.text._word_vectors import pretrained_vectors
from skrnn.sequences._storage import FIRST_TOKEN, UNKNOWN

VECTORS = {
    "the": [0.5, -1.0, 2.0],
    "splendid": [1.5, 0.25, -0.125],
    "terrible": [-3.0, 0.0, 1e-3],
    "好": [0.0, 2.0, -1.0],
    "\x85": [4.0, 4.0, 4.0],
    "The": [9.0, 9.0, 9.0],
}


def text(vectors=VECTORS, end=""):
    """As GloVe writes it; word2vec and fastText end each line with a space."""
    return "".join(f"{token} {' '.join(map(str, v))}{end}\n" for token, v in vectors.items()).encode()


def binary(vectors=VECTORS, end=b"\n"):
    """As word2vec writes it; some programs write no line feeds."""
    entries = (token.encode() + b" " + struct.pack("<3f", *v) + end for token, v in vectors.items())
    return header(vectors) + b"".join(entries)


def header(vectors=VECTORS):
    return f"{len(vectors)} 3\n".encode()


FILES = {
    "glove": text(),
    "windows": text(end="\r"),
    "byte order mark": b"\xef\xbb\xbf" + text(),
    "word2vec": header() + text(end=" "),
    "fasttext": header() + text(end=" "),
    "binary": binary(),
    "binary_without_line_feeds": binary(end=b""),
}
FILES |= {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in FILES.items()}


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="vectors"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_file


class KeyedVectors:
    """What we use of gensim's class."""

    def __init__(self, vectors):
        self.key_to_index = {token: i for i, token in enumerate(vectors)}
        self.vectors = np.array(list(vectors.values()), dtype=np.float32)


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_files(content, write):
    positions, vectors = pretrained_vectors(write(content), ["unseen", *VECTORS, "unheard"])
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(positions, np.arange(1, len(VECTORS) + 1))
    np.testing.assert_array_equal(vectors, np.float32(list(VECTORS.values())))


@pytest.mark.parametrize(
    "embeddings",
    [
        VECTORS,
        KeyedVectors(VECTORS),
        (list(VECTORS), list(VECTORS.values())),
        [tuple(VECTORS), KeyedVectors(VECTORS).vectors],
    ],
    ids=["mapping", "KeyedVectors", "lists", "array"],
)
def test_vectors_in_memory(embeddings):
    positions, vectors = pretrained_vectors(embeddings, ["unseen", *VECTORS])
    np.testing.assert_array_equal(positions, np.arange(1, len(VECTORS) + 1))
    np.testing.assert_array_equal(vectors, np.float32(list(VECTORS.values())))


def test_tokens_with_spaces_and_bytes_that_are_not_utf_8(write):
    path = write(b"the 1 2\nat name@domain.com 3 4\n. . . 5 6\n\xff\xfe 7 8\n \xc2\xa0 9 10\n")
    positions, vectors = pretrained_vectors(path, ["at name@domain.com", "\ufffd", ". . .", "\xa0"])
    np.testing.assert_array_equal(positions, [0, 2, 3])
    np.testing.assert_array_equal(vectors, [[3, 4], [5, 6], [9, 10]])


def test_the_first_of_several_counts_and_case_only_where_nothing_else_is_there(write):
    path = write(b"THE 1 1\nThe 2 2\nthe 3 3\nthe 4 4\nParis 5 5\nPARIS 6 6\n")
    tokens = ["the", "The", "tHE", "paris", "PARIS"]
    positions, vectors = pretrained_vectors(path, tokens)
    np.testing.assert_array_equal(positions, np.arange(5))
    np.testing.assert_array_equal(vectors[:, 0], [3, 2, 1, 5, 6])


def test_only_vectors_of_the_vocabulary_are_read():
    class Refusing(dict):
        def __getitem__(self, token):
            assert token == "the"
            return super().__getitem__(token)

    pretrained_vectors(Refusing(VECTORS), ["the", "unseen"])


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_memory_is_that_of_the_vocabulary(kind, write):
    n_vectors, dim = 10_000, 400
    vector = b"0.25 " * dim + b"\n" if kind == "text" else np.full(dim, 0.25, np.float32).tobytes()
    entries = b"".join(b"word%d " % i + vector for i in range(n_vectors))  # 16 MB or more
    path = write(f"{n_vectors} {dim}\n".encode() + entries)
    del entries
    tracemalloc.start()
    positions, _ = pretrained_vectors(path, ["word9999", "word5"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(positions) == 2
    assert peak < 4e6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: expected a token and its numbers.*an empty file"),
        (b"the\n", "line 1: expected a token and its numbers.*got b'the"),
        (b"\x00\x01 \x02\x03", "line 1: expected a token and its numbers"),
        (b"a 1 2\nthe 1\n", "line 2: expected a token and 2 numbers; got 1 fields after the first"),
        (b"a 1 2\n\nthe 1 2 3\n", "line 3: expected a token and 2 numbers; got 3 fields after the first"),
        (b"a 1 2\nthe 1 2x\n", "line 2: expected numbers; could not convert .*2x"),
        (b"a 1 2\nthe 1 nan\n", "line 2: expected finite numbers; got infinite ones or NaN"),
        (b"a 1 2\nthe 1 1e50\n", "line 2: expected finite numbers"),
        (b"3 2\na 1 2\nthe 1 2\n", "line 3: the header says that there are 3 vectors, but the file has 2"),
        (b"1 2\na 1 2\nthe 1 2\n", "line 3: the header says that there are 1 vectors, but the file has 2"),
        (b"1 2\na 1\n", "line 2: expected a token and 2 numbers; got 1 fields after the first"),
        (b"2 0\n", "line 1: expected vectors of 1 to 65536 numbers; the header says 0"),
        (b"2 999999999999\n", "line 1: expected vectors of 1 to 65536 numbers; the header says 999999999999"),
        (binary()[:-7], "vector 6: expected a token and 3 numbers; the file ends before"),
        (binary()[:-17], "vector 6: the header says that there are 6 vectors, but the file has 5"),
        (binary() + b"one 345678901234", "vector 8: the header says that there are 6 vectors, but the file has 7"),
        (binary({"the": [1, np.inf, 0]}), "vector 1: expected finite numbers"),
        (b"2 3\na " + bytes(12) + b"x" * 2**17, "vector 2: expected a token; got 65536 bytes without a space"),
        (gzip.compress(text(), mtime=0)[:-12], "line [0-9]+: the compressed file is cut off or damaged"),
        (gzip.compress(binary(), mtime=0)[:-12], "[0-9]: the compressed file is cut off or damaged"),
        (gzip.compress(text(), mtime=0)[:-8] + bytes(8), "line 6: the compressed file is cut off or damaged"),
    ],
)
def test_damaged_files_are_refused_with_the_place(content, message, write):
    with pytest.raises(ValueError, match=message) as info:
        pretrained_vectors(write(content, "damaged.vec"), ["the"])
    assert "damaged.vec, " in str(info.value)


@pytest.mark.parametrize(
    ("embeddings", "error", "message"),
    [
        ({"the": [1, 2], "of": [1]}, ValueError, r"to have one length; got the lengths \[1, 2\]"),
        ({"the": [1, np.nan]}, ValueError, "The vector of 'the' in embeddings: expected finite numbers"),
        ({"the": "abc"}, ValueError, "The vector of 'the' in embeddings: expected numbers"),
        ({"the": [[1]]}, ValueError, r"expected a vector of numbers; got an array of shape \(1, 1\)"),
        ({b"the": [1]}, TypeError, "tokens of embeddings to be str; got b'the'"),
        ({}, ValueError, r"None of the 2 tokens of the vocabulary \('the', 'of'\) is among the 0 of embeddings"),
        (VECTORS | {"the": [1], "of": []}, ValueError, "The vector of 'of' in embeddings"),
    ],
)
def test_damaged_vectors_in_memory_are_refused(embeddings, error, message):
    with pytest.raises(error, match=message):
        pretrained_vectors(embeddings, ["the", "of"])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (
            {"embeddings": 3},
            TypeError,
            "Expected embeddings to be the path of a file, .* got an object of type int",
        ),
        ({"embeddings": (["a"],)}, TypeError, "of type tuple"),
        ({"embeddings": (["a", "b"], [[1, 2]])}, ValueError, r"got 2 tokens and an array of shape \(1, 2\)"),
        ({"embeddings": ("ab", np.ones((2, 2)))}, ValueError, r"got a str and an array of shape \(2, 2\)"),
        ({"embeddings": (["a"], [1.0])}, ValueError, r"got 1 tokens and an array of shape \(1,\)"),
        (
            {"embeddings": "missing.vec"},
            FileNotFoundError,
            "no file 'missing.vec'. Nothing is downloaded",
        ),
        ({"embeddings": Path()}, FileNotFoundError, "there is no file"),
        ({"embeddings": {"le": [1.0]}}, ValueError, r"None of the \d+ tokens of the vocabulary .* \('le'\)"),
        ({"embeddings": VECTORS, "vectorizer": "passthrough"}, ValueError, "token ids do not tell which tokens"),
        ({"embeddings": VECTORS, "network": len}, ValueError, "with a network of your own"),
        ({"trainable_embeddings": None}, TypeError, "trainable_embeddings to be True or False; got None"),
    ],
)
def test_a_fit_that_is_refused_leaves_the_estimator_as_it_was(params, error, message, reviews, fitted):
    classifier = pickle.loads(pickle.dumps(fitted)).set_params(**params)
    before = dict(vars(classifier))
    with pytest.raises(error, match=message):
        classifier.fit(*reviews)
    assert vars(classifier) == before
    np.testing.assert_array_equal(classifier._forward(reviews[0]), fitted._forward(reviews[0]))


def test_a_missing_file_is_noticed_before_keras_is_imported():
    code = """
import sys
from skrnn import RNNTextClassifier
try:
    RNNTextClassifier(embeddings="missing.vec").fit(["a", "b"], [0, 1])
except FileNotFoundError:
    sys.exit("keras" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def frozen(reviews):
    """A classifier whose vectors are pretrained and stay; tests must not change it."""
    return RNNTextClassifier(**SMALL, embeddings=VECTORS, trainable_embeddings=False).fit(*reviews)


def embedding_of(classifier):
    return classifier._network["weights"]["embedding"]


def test_frozen_vectors_are_those_given(frozen):
    embedding = embedding_of(frozen)
    for token in ("the", "splendid", "terrible"):
        np.testing.assert_array_equal(embedding[frozen.vocabulary_[token]], np.float32(VECTORS[token]))
    given = np.float32([VECTORS[token] for token in ("the", "splendid", "terrible")])
    np.testing.assert_allclose(embedding[UNKNOWN], given.mean(axis=0), rtol=1e-6)
    assert embedding.shape == (len(frozen.vocabulary_) + FIRST_TOKEN, 3)
    assert frozen.embedding_dim == SMALL["embedding_dim"]  # which has no effect


def test_tokens_without_a_vector_start_as_spread_as_the_others(news):
    vectors = {"the": np.full(50, 7.0), "of": np.full(50, -7.0)}
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1}, embeddings=vectors, trainable_embeddings=False)
    classifier.fit(*(part[:60] for part in news))
    rest = [i for token, i in classifier.vocabulary_.items() if token not in vectors]
    assert embedding_of(classifier)[rest].std() == pytest.approx(7.0, rel=0.02)


def test_coverage_is_the_share_of_the_vocabulary(frozen, reviews):
    assert frozen.embedding_coverage_ == 3 / len(frozen.vocabulary_)
    again = clone(frozen).set_params(embeddings=None, epochs=1).fit(*reviews)
    assert not hasattr(again, "embedding_coverage_")
    assert embedding_of(again).shape[1] == SMALL["embedding_dim"]


def test_a_refit_without_vectors_forgets_them(frozen, reviews):
    classifier = pickle.loads(pickle.dumps(frozen)).set_params(embeddings=None, epochs=1).fit(*reviews)
    assert not hasattr(classifier, "embedding_coverage_")
    assert embedding_of(classifier).shape[1] == SMALL["embedding_dim"]


def test_trainable_vectors_start_as_given_and_change(reviews, frozen):
    params = {**SMALL, "embeddings": VECTORS, "epochs": 1}
    slow = RNNTextClassifier(**{**params, "learning_rate": 1e-9}).fit(*reviews)
    np.testing.assert_allclose(embedding_of(slow), embedding_of(frozen), atol=1e-6)
    trained = RNNTextClassifier(**params).fit(*reviews)
    assert np.abs(embedding_of(trained) - embedding_of(frozen))[FIRST_TOKEN:].min() > 0


def test_fits_are_reproducible_also_between_frozen_and_trained_networks(reviews, frozen):
    again = clone(frozen)
    clone(frozen).set_params(trainable_embeddings=True, epochs=1).fit(*reviews)  # of the same shapes
    again.fit(*reviews)
    for name, weight in again._network["weights"].items():
        np.testing.assert_array_equal(weight, frozen._network["weights"][name])


def test_random_vectors_may_be_frozen(reviews):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "warm_start": True}, trainable_embeddings=False)
    start = embedding_of(classifier.fit(*reviews))
    np.testing.assert_array_equal(embedding_of(classifier.fit(*reviews)), start)
    with pytest.raises(ValueError, match="trainable_embeddings would change it"):
        classifier.set_params(trainable_embeddings=True).fit(*reviews)


def test_a_network_from_before_there_were_frozen_vectors_goes_on_as_it_was(reviews):
    classifier = joblib.load(Path(__file__).parent / "data" / "format_1.joblib")["classifier"]
    with pytest.raises(ValueError, match="trainable_embeddings would change it"):
        classifier.set_params(trainable_embeddings=False).fit(*reviews)


def test_the_keras_model_of_frozen_vectors(frozen, reviews):
    model = frozen.to_keras()
    assert [type(layer).__name__ for layer in model.layers if not layer.trainable] == ["Embedding"]
    for weight, expected in zip(model.get_weights(), frozen._network["weights"].values(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    ids = frozen.vectorizer_.transform(reviews[0]).toarray()
    np.testing.assert_allclose(model.predict(ids, verbose=0)[:, 0], frozen._forward(reviews[0])[:, 0], atol=1e-5)


@pytest.mark.parametrize("trainable", [True, False])
def test_training_goes_on_without_the_file(trainable, write, reviews):
    path = write(FILES["binary.gz"])
    params = {**SMALL, "embeddings": str(path), "trainable_embeddings": trainable}
    whole = RNNTextClassifier(**{**params, "epochs": 2}).fit(*reviews)
    streamed = RNNTextClassifier(**params).partial_fit(*reviews, classes=["neg", "pos"])
    resumed = RNNTextClassifier(**{**params, "epochs": 1, "warm_start": True}).fit(*reviews)
    path.unlink()
    for classifier in (streamed.partial_fit(*reviews), pickle.loads(pickle.dumps(resumed)).fit(*reviews)):
        np.testing.assert_array_equal(classifier.predict_proba(reviews[0]), whole.predict_proba(reviews[0]))
        assert classifier.embedding_coverage_ == whole.embedding_coverage_
    assert resumed.set_params(embeddings=None).fit(*reviews).n_iter_ == 2  # the network has its vectors


def test_what_is_kept_are_the_parameter_and_the_weights(write, reviews):
    path = write(FILES["glove"])
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1}, embeddings=path).fit(*reviews)
    assert classifier.embeddings is path
    plain = RNNTextClassifier(**{**SMALL, "epochs": 1, "embedding_dim": 3}).fit(*reviews)
    more = set(vars(classifier)) - set(vars(plain))
    assert more == {"embedding_coverage_"}


def test_clones_and_searches(reviews):
    array = np.float32(list(VECTORS.values()))
    for embeddings in (VECTORS, (list(VECTORS), array), KeyedVectors(VECTORS)):
        classifier = RNNTextClassifier(**{**SMALL, "epochs": 1}, embeddings=embeddings)
        assert classifier.get_params()["embeddings"] is embeddings
        clone(clone(classifier)).fit(*reviews)
        assert len(repr(classifier)) < 2000
    candidates = [None, VECTORS, (list(VECTORS), array)]
    search = GridSearchCV(RNNTextClassifier(**{**SMALL, "epochs": 1}), {"embeddings": candidates}, cv=2)
    search.fit(*reviews)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    np.testing.assert_allclose(*search.cv_results_["mean_test_score"][1:])


def test_a_vectorizer_with_a_fixed_vocabulary_and_a_regressor(reviews):
    vectorizer = SequenceVectorizer(vocabulary=["terrible", "splendid", "好"])
    regressor = RNNTextRegressor(vectorizer, **SMALL, embeddings=VECTORS, trainable_embeddings=False)
    regressor.fit(reviews[0], (reviews[1] == "pos").astype(float))
    assert regressor.embedding_coverage_ == 1
    np.testing.assert_array_equal(embedding_of(regressor)[4], np.float32(VECTORS["好"]))
    assert regressor.score(reviews[0], (reviews[1] == "pos").astype(float)) > 0.5


def test_vectors_help_with_words_that_training_has_not_seen():
    """Synonyms have like vectors, and half of them do not occur in training."""
    rng = np.random.default_rng(0)
    kinds = {"good": rng.normal(size=20), "bad": rng.normal(size=20)}
    words = [f"{kind}{i}" for i in range(40) for kind in kinds]
    vectors = {word: kinds[word.rstrip("0123456789")] + 0.1 * rng.normal(size=20) for word in words}
    seen, unseen = words[:40], words[40:]
    classifier = RNNTextClassifier(
        SequenceVectorizer(vocabulary=words), **SMALL, embeddings=vectors, trainable_embeddings=False
    )
    classifier.fit(seen, [word[:3] for word in seen])
    assert classifier.score(unseen, [word[:3] for word in unseen]) > 0.9


def test_files_and_vectors_of_gensim(tmp_path, news):
    """Real vectors, of GloVe, fastText and word2vec, that gensim brings for its own tests."""
    models = pytest.importorskip("gensim.models")
    data = Path(models.__file__).parents[1] / "test" / "test_data"
    for name, options in {
        "test_glove.txt": {"no_header": True},
        "lee_fasttext.vec": {},
        "word2vec_pre_kv_c": {},
        "euclidean_vectors.bin": {"binary": True},
    }.items():
        expected = models.KeyedVectors.load_word2vec_format(data / name, **options)
        _, vectors = pretrained_vectors(data / name, expected.index_to_key)
        np.testing.assert_array_equal(vectors, expected.vectors)
        for written in ({"binary": True}, {"binary": False}, {"binary": False, "write_header": False}):
            expected.save_word2vec_format(tmp_path / "vectors", **written)
            _, vectors = pretrained_vectors(tmp_path / "vectors", expected.index_to_key)
            np.testing.assert_array_equal(vectors, expected.vectors)
    documents, y = (part[:60] for part in news)
    lee = models.KeyedVectors.load_word2vec_format(data / "lee_fasttext.vec")  # Australian news
    from_file, from_memory = (
        RNNTextClassifier(units=4, epochs=1, embeddings=embeddings, random_state=0).fit(documents, y)
        for embeddings in (data / "lee_fasttext.vec", lee)
    )
    assert 0.2 < from_file.embedding_coverage_ < 0.6
    np.testing.assert_array_equal(from_file.predict_proba(documents), from_memory.predict_proba(documents))
