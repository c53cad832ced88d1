import bz2
import gzip
import lzma
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from skrnn import SequenceVectorizer
from skrnn.text._word_vectors import check_embeddings, check_file, pretrained_vectors

VECTORS = {
    "the": [0.5, -1.0, 2.0],
    "splendid": [1.5, 0.25, -0.125],
    "terrible": [-3.0, 0.0, 1e-3],
    "好": [0.0, 2.0, -1.0],
    "\x85": [4.0, 4.0, 4.0],
    "The": [9.0, 9.0, 9.0],
}


def text(vectors=VECTORS, end=""):
    """Return a file as GloVe writes it. Lines of word2vec and fastText end with a space."""
    return "".join(f"{token} {' '.join(map(str, v))}{end}\n" for token, v in vectors.items()).encode()


def binary(vectors=VECTORS, end=b"\n"):
    """Return a file as word2vec writes it. Some programs write no line feeds."""
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
    """The attributes of gensim's class that are used."""

    def __init__(self, vectors):
        self.key_to_index = {token: i for i, token in enumerate(vectors)}
        self.vectors = np.array(list(vectors.values()), dtype=np.float32)


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_vectors_from_files(content, write):
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
def test_vectors_from_memory(embeddings):
    positions, vectors = pretrained_vectors(embeddings, ["unseen", *VECTORS])
    np.testing.assert_array_equal(positions, np.arange(1, len(VECTORS) + 1))
    np.testing.assert_array_equal(vectors, np.float32(list(VECTORS.values())))


def test_tokens_with_spaces_and_bytes_that_are_not_utf_8(write):
    path = write(b"the 1 2\nat name@domain.com 3 4\n. . . 5 6\n\xff\xfe 7 8\n \xc2\xa0 9 10\n")
    positions, vectors = pretrained_vectors(path, ["at name@domain.com", "\ufffd", ". . .", "\xa0"])
    np.testing.assert_array_equal(positions, [0, 2, 3])
    np.testing.assert_array_equal(vectors, [[3, 4], [5, 6], [9, 10]])


def test_first_entry_and_exact_case_win(write):
    path = write(b"THE 1 1\nThe 2 2\nthe 3 3\nthe 4 4\nParis 5 5\nPARIS 6 6\n")
    tokens = ["the", "The", "tHE", "paris", "PARIS"]
    positions, vectors = pretrained_vectors(path, tokens)
    np.testing.assert_array_equal(positions, np.arange(5))
    np.testing.assert_array_equal(vectors[:, 0], [3, 2, 1, 5, 6])


def test_tokens_match_in_the_form_of_preprocessed_documents():
    documents = ["Caf\xe9 it's क\u093cलम cooperate Ǉ"]
    tokens = list(SequenceVectorizer().fit(documents).vocabulary_)
    entries = {"cafe\u0301": 1, "it’s": 2, "\u0958लम": 3, "co\xadoperate": 4, "ǈ": 5}
    positions, vectors = pretrained_vectors({entry: [number] for entry, number in entries.items()}, tokens)
    found = dict(zip(np.array(tokens)[positions].tolist(), vectors[:, 0], strict=True))
    assert found == {"café": 1, "it's": 2, "क\u093cलम": 3, "cooperate": 4, "ǉ": 5}


def test_nearest_spelling_wins():
    entries = {"CAFE\u0301": 1, "Cafe\u0301": 2, "cafe\u0301": 3, "caf\xe9": 4, "cafe\u0301!": 5}
    tokens = ["caf\xe9", "Caf\xe9", "cafE\u0301", "cafe\u0301"]
    _, vectors = pretrained_vectors({entry: [number] for entry, number in entries.items()}, tokens)
    assert vectors[:, 0].tolist() == [4, 2, 1, 3]


OTHER_FORMATS = {
    "zip": (b"PK\x03\x04\x14\x00", "a zip archive. Unzip it and pass the path"),
    "bz2": (bz2.compress(text()), "compressed with bzip2. Decompress it first"),
    "xz": (lzma.compress(text()), "compressed with xz. Decompress it first"),
    "fasttext": (struct.pack("<ii", 793712314, 12), r"model of fastText \(.bin\). Pass the .vec file"),
    "fasttext.gz": (gzip.compress(struct.pack("<ii", 793712314, 12)), r"model of fastText \(.bin\)"),
    "npy": (b"\x93NUMPY\x01\x00", r"an array of NumPy. Load it and pass a pair \(tokens, array\)"),
    "h5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    "pickle": (pickle.dumps(VECTORS), "a pickle of Python. Load it with gensim"),
}


@pytest.mark.parametrize(("content", "message"), OTHER_FORMATS.values(), ids=OTHER_FORMATS)
def test_files_of_other_formats_are_named(content, message, write):
    path = write(content, "wiki.bin")
    for read in (check_file, lambda embeddings: pretrained_vectors(embeddings, ["the"])):
        with pytest.raises(ValueError, match=f"wiki.bin: expected a file of vectors, got .*{message}"):
            read(path)


def test_damage_at_the_beginning_is_found_before_the_fit(write):
    with pytest.raises(ValueError, match="line 1: expected a token and its numbers"):
        check_file(write(b"the\n"))
    with pytest.raises(ValueError, match="the compressed file is cut off or damaged"):
        check_file(write(gzip.compress(text())[:12]))
    check_file(write(text()))


@pytest.mark.parametrize(
    ("embeddings", "error", "message"),
    [
        ([1, 2], TypeError, "the path of a file, .*got an object of type list"),
        ((iter("ab"), np.ones((2, 2))), TypeError, "got an object of type tuple"),
        (("ab", np.ones((2, 2))), ValueError, r"got a str and an array of shape \(2, 2\)"),
        (({"a", "b"}, np.ones((2, 2))), ValueError, r"got a set and an array of shape \(2, 2\)"),
        ((["a"], 3), ValueError, r"got 1 tokens and an array of shape \(\)"),
        ((["a", "b"], [[1, 2], [3]]), ValueError, "got 2 tokens and an object that is no array"),
    ],
    ids=["numbers", "iterator", "str", "set", "number", "ragged"],
)
def test_objects_that_are_no_embeddings_are_refused(embeddings, error, message):
    with pytest.raises(error, match=f"Expected embeddings to be .*{message}"):
        check_embeddings(embeddings)


def test_only_vectors_of_the_vocabulary_are_read():
    class Refusing(dict):
        def __getitem__(self, token):
            assert token == "the"
            return super().__getitem__(token)

    pretrained_vectors(Refusing(VECTORS), ["the", "unseen"])


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_memory_does_not_grow_with_the_file(kind, write):
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
        (b"a 1 2\nthe 1 2x\n", "line 2: expected numbers. could not convert .*2x"),
        (b"a 1 2\nthe 1 nan\n", "line 2: expected finite numbers, got infinite ones or NaN"),
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
def test_damaged_files_are_refused_with_the_position(content, message, write):
    with pytest.raises(ValueError, match=message) as info:
        pretrained_vectors(write(content, "damaged.vec"), ["the"])
    assert "damaged.vec, " in str(info.value)


@pytest.mark.parametrize(
    ("embeddings", "error", "message"),
    [
        ({"the": [1, 2], "of": [1]}, ValueError, r"to have one length; got the lengths \[1, 2\]"),
        ({"the": [1, np.nan]}, ValueError, "The vector of 'the' in embeddings: expected finite numbers"),
        ({"the": "abc"}, ValueError, "The vector of 'the' in embeddings: expected numbers"),
        ({"the": [[1]]}, ValueError, r"expected a vector of numbers, got an array of shape \(1, 1\)"),
        ({b"the": [1]}, TypeError, "tokens of embeddings to be str; got b'the'"),
        ({}, ValueError, r"None of the 2 tokens of the vocabulary \('the', 'of'\) is among the 0 of embeddings"),
        (VECTORS | {"the": [1], "of": []}, ValueError, "The vector of 'of' in embeddings"),
    ],
)
def test_damaged_vectors_in_memory_are_refused(embeddings, error, message):
    with pytest.raises(error, match=message):
        pretrained_vectors(embeddings, ["the", "of"])


def test_files_written_by_gensim(tmp_path):
    """Read real vectors that gensim contains for its own tests."""
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
