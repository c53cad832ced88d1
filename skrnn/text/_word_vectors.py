"""Pretrained word vectors for the tokens of a vocabulary, from a file or from objects in memory.

Files are read in a stream. Only the vectors of the vocabulary are kept in memory.
"""

import codecs
import gzip
import os
import re
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set, Sized
from contextlib import closing
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from skrnn.text._preprocessing import Preprocessor

# Far above the sizes in sound files. They keep a damaged file from being read into memory as a whole.
_LONGEST_TOKEN = 2**16  # bytes
_LONGEST_LINE = 2**22  # bytes
_LARGEST_DIM = 2**16

_CHUNK = 2**20  # bytes
_HEADER = re.compile(rb"\s*(\d+)\s+(\d+)\s*")
_CONTROL_CHARACTER = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")

# How files of other formats begin, their format, and how to get vectors from them.
_DECOMPRESS = "Decompress it first, or compress it with gzip"
_WITH_GENSIM = "Load it with gensim and pass the KeyedVectors"
_OTHER_FORMATS = {
    b"PK\x03\x04": ("a zip archive", "Unzip it and pass the path of the file of vectors in it"),
    b"BZh": ("a file compressed with bzip2", _DECOMPRESS),
    b"\xfd7zXZ\x00": ("a file compressed with xz", _DECOMPRESS),
    b"\x28\xb5\x2f\xfd": ("a file compressed with Zstandard", _DECOMPRESS),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "Extract it and pass the path of the file of vectors in it"),
    b"\xba\x16\x4f\x2f": (
        "a binary model of fastText (.bin)",
        "Pass the .vec file that belongs to it, or gensim.models.fasttext.load_facebook_vectors(path)",
    ),
    b"\x93NUMPY": ("an array of NumPy", "Load it and pass a pair (tokens, array)"),
    b"\x89HDF": ("an HDF5 file", "Load it and pass a pair (tokens, array)"),
    b"SQLite format 3": ("an SQLite database", "Load the vectors and pass a mapping from tokens to vectors"),
    **{bytes([0x80, i]): ("a pickle of Python", f"{_WITH_GENSIM}, if gensim saved it") for i in range(2, 6)},
}

# Tokens and entries are compared in the form that documents have after the preprocessing.
_in_same_case = Preprocessor(lowercase=False, strip_accents=None)

# A token, and a function that reads its vector. Only the vectors of the vocabulary are read.
_Entry = tuple[str, Callable[[], np.ndarray]]


def check_embeddings(embeddings: object) -> None:
    """Raise an error if `embeddings` has a wrong type or shape. Files are not opened."""
    if isinstance(embeddings, tuple | list) and len(embeddings) == 2 and isinstance(embeddings[0], Sized):
        _check_pair(*embeddings)
        return
    is_known = embeddings is None or _is_path(embeddings) or _is_keyed_vectors(embeddings)
    if not (is_known or isinstance(embeddings, Mapping)):
        raise TypeError(
            "Expected embeddings to be the path of a file, a mapping from tokens to vectors, gensim's "
            "KeyedVectors (a gensim model has it as wv), a pair (tokens, array) or None; got an object of type "
            f"{type(embeddings).__name__}."
        )


def _check_pair(tokens: Any, array: Any) -> None:
    expected = "Expected embeddings to be a pair of tokens and an array of shape (n_tokens, dim); got"
    is_list = not isinstance(tokens, str | bytes | Set | Mapping)
    what = f"{len(tokens)} tokens" if is_list else f"a {type(tokens).__name__}"
    try:
        shape = np.shape(array)
    except ValueError as error:
        raise ValueError(f"{expected} {what} and an object that is no array: {error}") from error
    if not is_list or len(shape) != 2 or shape[0] != len(tokens) or shape[1] == 0:
        raise ValueError(f"{expected} {what} and an array of shape {shape}.")


def check_file(embeddings: object) -> None:
    """Raise an error if `embeddings` is the path of a file that does not exist, or begins without a vector."""
    if not isinstance(embeddings, str | os.PathLike):
        return
    if not Path(embeddings).is_file():
        raise FileNotFoundError(
            f"Expected embeddings to be the path of a file of vectors; there is no file {str(embeddings)!r}. "
            "Nothing is downloaded: give the path of a file that is on this machine."
        )
    with closing(_VectorFile(Path(embeddings)).entries()) as entries:
        next(entries, None)


def pretrained_vectors(
    embeddings: Any, tokens: Sequence[str], strip_accents: str | Callable[[str], str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of the tokens that have one.

    If several entries have the same token, the first is taken. A token without an entry takes the vector of the
    first entry that the preprocessing of documents writes in the same way. If there is none, it takes the first
    entry that differs only in case, or in accents if the vectorizer removes them.

    Parameters
    ----------
    embeddings : str, path-like, mapping, KeyedVectors or pair
        An object that ``check_embeddings`` accepts, except None.
    tokens : sequence of str
        The vocabulary.
    strip_accents : str, callable or None, default=None
        The parameter of the vectorizer.

    Returns
    -------
    positions : ndarray of intp, of shape (n_covered,)
        The indices of the tokens that have a vector.
    vectors : ndarray of float32, of shape (n_covered, dim)
        Their vectors.

    Raises
    ------
    ValueError
        If no token has a vector, or the file is damaged.
    """
    in_any_case = Preprocessor(True, strip_accents)
    spellings = set(map(_in_same_case, tokens))
    candidates: dict[str, dict[str, np.ndarray]] = {in_any_case(token): {} for token in tokens}
    n_entries, examples = 0, []
    for entry, read in _entries(embeddings):
        n_entries += 1
        if n_entries <= 3:
            examples.append(entry)
        alike = candidates.get(in_any_case(entry))
        if alike is None or entry in alike:
            continue
        if not alike or _in_same_case(entry) in spellings:
            alike[entry] = read()
    best = (_nearest(token, candidates[in_any_case(token)]) for token in tokens)
    found = {i: vector for i, vector in enumerate(best) if vector is not None}
    if not found:
        raise ValueError(
            f"None of the {len(tokens)} tokens of the vocabulary ({_first_few(tokens)}) is among the {n_entries} "
            f"of embeddings ({_first_few(examples)}). Expected vectors for the language of the documents and for "
            "the tokens of the vectorizer: words or characters, with or without capitals."
        )
    return np.array(list(found), dtype=np.intp), _stack(list(found.values()))


def _nearest(token: str, alike: dict[str, np.ndarray]) -> np.ndarray | None:
    """Return the vector of the entry that is most like a token, from entries that differ at most in case."""
    if token in alike or not alike:
        return alike.get(token)
    spelling = _in_same_case(token)
    return alike[max(alike, key=lambda entry: _in_same_case(entry) == spelling)]


def _stack(vectors: list[np.ndarray]) -> np.ndarray:
    dims = sorted({len(vector) for vector in vectors})
    if len(dims) > 1:
        raise ValueError(f"Expected the vectors of embeddings to have one length; got the lengths {dims}.")
    return np.stack(vectors)


def _first_few(tokens: Sequence[str]) -> str:
    return ", ".join(repr(token) for token in islice(tokens, 3)) + (", ..." if len(tokens) > 3 else "")


def _is_path(embeddings: object) -> bool:
    return isinstance(embeddings, str | os.PathLike)


def _is_keyed_vectors(embeddings: object) -> bool:
    return hasattr(embeddings, "key_to_index") and hasattr(embeddings, "vectors")


def _entries(embeddings: Any) -> Iterator[_Entry]:
    if _is_path(embeddings):
        return _VectorFile(Path(embeddings)).entries()
    pairs: Iterable[tuple[Any, Callable[[], Any]]]
    if _is_keyed_vectors(embeddings):
        positions = embeddings.key_to_index
        pairs = ((token, partial(embeddings.vectors.__getitem__, positions[token])) for token in positions)
    elif isinstance(embeddings, Mapping):
        pairs = ((token, partial(embeddings.__getitem__, token)) for token in embeddings)
    else:
        tokens, array = embeddings
        array = np.asarray(array)
        pairs = ((token, partial(array.__getitem__, i)) for i, token in enumerate(tokens))
    return map(_checked_entry, pairs)


def _checked_entry(pair: tuple[Any, Callable[[], Any]]) -> _Entry:
    token, read = pair
    if not isinstance(token, str):
        raise TypeError(f"Expected the tokens of embeddings to be str; got {token!r}.")
    return token, lambda: _as_vector(read(), f"The vector of {token!r} in embeddings")


def _as_vector(values: Any, place: str) -> np.ndarray:
    """Return a vector as float32, or raise an error that says where it is."""
    try:
        with np.errstate(over="ignore"):  # infinite numbers are refused below
            vector = np.array(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: expected numbers. {error}.") from error
    if vector.ndim != 1 or len(vector) == 0:
        raise ValueError(f"{place}: expected a vector of numbers, got an array of shape {vector.shape}.")
    if not np.all(np.isfinite(vector)):
        raise ValueError(f"{place}: expected finite numbers, got infinite ones or NaN.")
    return vector


class _VectorFile:
    """A file of GloVe, word2vec or fastText vectors, and the position that is being read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unit, self._position = "line", 1

    def entries(self) -> Generator[_Entry, None, None]:
        try:
            with self._open() as file:
                yield from self._entries(file)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._error(f"the compressed file is cut off or damaged ({error})") from error

    def _open(self) -> BinaryIO:
        with self._path.open("rb") as file:
            is_compressed = file.read(2) == b"\x1f\x8b"
        return cast(BinaryIO, gzip.open(self._path)) if is_compressed else self._path.open("rb")

    def _entries(self, file: BinaryIO) -> Iterator[_Entry]:
        first = file.readline(_LONGEST_LINE).removeprefix(codecs.BOM_UTF8)
        for beginning, (format_, advice) in _OTHER_FORMATS.items():
            if first.startswith(beginning):
                raise ValueError(f"{self._path}: expected a file of vectors, got {format_}. {advice}.")
        header = _HEADER.fullmatch(first)
        if header is None:
            yield from self._text_entries(chain([first], _lines(file)), self._dim_of_first_line(first))
        else:
            yield from self._entries_after_header(file, n_expected=int(header[1]), dim=int(header[2]))

    def _dim_of_first_line(self, line: bytes) -> int:
        dim = len(line.split()) - 1
        if dim < 1 or _CONTROL_CHARACTER.search(line):
            raise self._error(
                "expected a token and its numbers, with spaces between, as GloVe, word2vec and fastText (.vec) "
                f"write them; got {repr(line[:40]) if line else 'an empty file'}"
            )
        return dim

    def _entries_after_header(self, file: BinaryIO, n_expected: int, dim: int) -> Iterator[_Entry]:
        if not 1 <= dim <= _LARGEST_DIM:
            raise self._error(f"expected vectors of 1 to {_LARGEST_DIM} numbers; the header says {dim}")
        if _is_binary(file, dim):
            self._unit, entries = "vector", self._binary_entries(file, dim)
        else:
            entries = self._text_entries(_lines(file), dim, first_line=2)
        n_entries = 0
        for entry in entries:
            n_entries += 1
            yield entry
        if n_entries != n_expected:
            raise self._error(f"the header says that there are {n_expected} vectors, but the file has {n_entries}")

    def _text_entries(self, lines: Iterable[bytes], dim: int, first_line: int = 1) -> Iterator[_Entry]:
        for position, line in enumerate(lines, start=first_line):
            self._position = position
            if line.isspace():
                continue
            token, *numbers = line.rsplit(None, dim)  # from the right, because some tokens contain spaces
            if len(numbers) != dim or _ends_with_number(token):
                n_numbers = len(line.split()) - 1
                raise self._error(f"expected a token and {dim} numbers; got {n_numbers} fields after the first")
            yield self._entry(token.strip(), numbers)

    def _binary_entries(self, file: BinaryIO, dim: int) -> Iterator[_Entry]:
        """Each entry is a token, a space and float32 numbers. Some programs write a line feed between entries."""
        n_bytes = np.dtype("<f4").itemsize * dim
        buffer, start = b"", 0
        for position in count(1):
            self._position = position
            while (end := buffer.find(b" ", start)) < 0 or len(buffer) - end <= n_bytes:
                if end < 0 and len(buffer) - start > _LONGEST_TOKEN:
                    raise self._error(f"expected a token; got {_LONGEST_TOKEN} bytes without a space")
                chunk = file.read(_CHUNK)
                if not chunk:
                    if buffer[start:].strip(b"\n"):
                        raise self._error(f"expected a token and {dim} numbers; the file ends before")
                    return
                buffer, start = buffer[start:] + chunk, 0
            numbers = np.frombuffer(buffer, "<f4", count=dim, offset=end + 1)
            yield self._entry(buffer[start:end].lstrip(b"\n"), numbers)
            start = end + 1 + n_bytes

    def _entry(self, token: bytes, numbers: Any) -> _Entry:
        # A token that is not UTF-8 becomes a str that no document contains.
        return token.decode("utf-8", "surrogateescape"), lambda: _as_vector(numbers, self._place)

    @property
    def _place(self) -> str:
        return f"{self._path}, {self._unit} {self._position}"

    def _error(self, message: str) -> ValueError:
        return ValueError(f"{self._place}: {message}. The file is damaged, or has another format.")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.readline, _LONGEST_LINE), b"")


def _is_binary(file: BinaryIO, dim: int) -> bool:
    """Return whether the numbers after the first token are float32. The position in the file stays the same."""
    position = file.tell()
    after_token = file.read(_LONGEST_TOKEN + 4 * dim).partition(b" ")[2]
    file.seek(position)
    sample = after_token[: 4 * dim]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # the sample may end within a character
    except UnicodeDecodeError:
        return True
    return _CONTROL_CHARACTER.search(sample) is not None


def _ends_with_number(token: bytes) -> bool:
    """Return whether a token has a space in it and a number after that, so that the line has too many numbers."""
    fields = token.split()
    if len(fields) < 2:
        return False
    try:
        float(fields[-1])
    except ValueError:
        return False
    return True
