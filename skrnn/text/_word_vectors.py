"""Pretrained token vectors: those of a vocabulary, from a file or from memory.

Files are streamed, so that memory holds the vectors of the vocabulary and no others. Knows NumPy only.
"""

import codecs
import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, count, islice
from pathlib import Path

import numpy as np

# Limits that no sound file comes near to, so that a damaged one is not read into memory as a whole.
_LONGEST_TOKEN = 2**16  # bytes
_LONGEST_LINE = 2**22  # bytes
_LONGEST_VECTOR = 2**16  # numbers

_CHUNK = 2**20  # bytes
_HEADER = re.compile(rb"\s*(\d+)\s+(\d+)\s*")
_CONTROL_CHARACTER = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")

# A token, and a function that reads its vector: only those that are wanted are turned into numbers.
_Entry = tuple[str, Callable[[], np.ndarray]]


def check_embeddings(embeddings) -> None:
    """Raise unless this is something to read vectors from. Files are not looked at."""
    is_pair = isinstance(embeddings, tuple | list) and len(embeddings) == 2
    is_known = embeddings is None or _is_path(embeddings) or _is_keyed_vectors(embeddings)
    if not (is_known or isinstance(embeddings, Mapping) or is_pair):
        raise TypeError(
            "Expected embeddings to be the path of a file, a mapping from tokens to vectors, gensim's "
            "KeyedVectors (of a gensim model, its wv), a pair (tokens, array) or None; got an object of type "
            f"{type(embeddings).__name__}."
        )
    if is_pair:
        tokens, array = embeddings
        shape = np.shape(array)
        if isinstance(tokens, str) or len(shape) != 2 or shape[0] != len(tokens) or shape[1] == 0:
            raise ValueError(
                "Expected embeddings to be a pair of tokens and an array of shape (n_tokens, dim); got "
                f"{'a str' if isinstance(tokens, str) else f'{len(tokens)} tokens'} and an array of shape {shape}."
            )


def check_file_exists(embeddings) -> None:
    """Raise FileNotFoundError if this is a path and no file is there."""
    if _is_path(embeddings) and not Path(embeddings).is_file():
        raise FileNotFoundError(
            f"Expected embeddings to be the path of a file of vectors; there is no file {str(embeddings)!r}. "
            "Nothing is downloaded: give the path of a file that is on this machine."
        )


def pretrained_vectors(embeddings, tokens: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of those tokens that have one.

    A token that has none gets that of the first entry which differs from it in case only. Of several entries
    with the same token, the first counts.

    Parameters
    ----------
    embeddings : str, path-like, mapping, KeyedVectors or pair
        As ``check_embeddings`` lets pass, but not None.
    tokens : sequence of str

    Returns
    -------
    positions : ndarray of intp, of shape (n_covered,)
        Which of the tokens have a vector.
    vectors : ndarray of float32, of shape (n_covered, dim)
        Their vectors.

    Raises
    ------
    ValueError
        If no token has a vector, or the file is damaged.
    """
    vocabulary, lowercase = set(tokens), {token.lower() for token in tokens}
    exact: dict[str, np.ndarray] = {}
    in_any_case: dict[str, np.ndarray] = {}
    n_entries, examples = 0, []
    for token, read in _entries(embeddings):
        n_entries += 1
        if n_entries <= 3:
            examples.append(token)
        lower = token.lower()
        is_first = token in vocabulary and token not in exact
        if not is_first and (lower not in lowercase or lower in in_any_case):
            continue
        vector = read()
        in_any_case.setdefault(lower, vector)
        if is_first:
            exact[token] = vector
    found = [exact.get(token, in_any_case.get(token.lower())) for token in tokens]
    positions = [i for i, vector in enumerate(found) if vector is not None]
    if not positions:
        raise ValueError(
            f"None of the {len(tokens)} tokens of the vocabulary ({_quoted(tokens)}) is among the {n_entries} of "
            f"embeddings ({_quoted(examples)}). Expected vectors for the language of the documents, and for what "
            "the vectorizer makes of it: words or characters, with or without capitals."
        )
    return np.array(positions, dtype=np.intp), _stack([found[i] for i in positions])


def _stack(vectors: list[np.ndarray]) -> np.ndarray:
    dims = sorted({len(vector) for vector in vectors})
    if len(dims) > 1:
        raise ValueError(f"Expected the vectors of embeddings to have one length; got the lengths {dims}.")
    return np.stack(vectors)


def _quoted(tokens: Sequence[str]) -> str:
    """The first three, for an error message."""
    return ", ".join(repr(token) for token in islice(tokens, 3)) + (", …" if len(tokens) > 3 else "")


def _is_path(embeddings) -> bool:
    return isinstance(embeddings, str | os.PathLike)


def _is_keyed_vectors(embeddings) -> bool:
    return hasattr(embeddings, "key_to_index") and hasattr(embeddings, "vectors")


def _entries(embeddings) -> Iterator[_Entry]:
    if _is_path(embeddings):
        return _VectorFile(Path(embeddings)).entries()
    if _is_keyed_vectors(embeddings):
        positions = embeddings.key_to_index
        pairs = ((token, partial(embeddings.vectors.__getitem__, positions[token])) for token in positions)
    elif isinstance(embeddings, Mapping):
        pairs = ((token, partial(embeddings.__getitem__, token)) for token in embeddings)
    else:
        tokens, array = embeddings
        array = np.asarray(array)
        pairs = ((token, partial(array.__getitem__, i)) for i, token in enumerate(tokens))
    return _checked(pairs)


def _checked(pairs) -> Iterator[_Entry]:
    for token, read in pairs:
        if not isinstance(token, str):
            raise TypeError(f"Expected the tokens of embeddings to be str; got {token!r}.")
        yield token, lambda token=token, read=read: _as_vector(read(), f"The vector of {token!r} in embeddings")


def _as_vector(numbers, name: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # infinite numbers are refused below
            vector = np.array(numbers, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected numbers; {error}.") from error
    if vector.ndim != 1 or len(vector) == 0:
        raise ValueError(f"{name}: expected a vector of numbers; got an array of shape {vector.shape}.")
    if not np.all(np.isfinite(vector)):
        raise ValueError(f"{name}: expected finite numbers; got infinite ones or NaN.")
    return vector


class _VectorFile:
    """A file as GloVe, word2vec and fastText write it, and the place in it that is being read."""

    def __init__(self, path: Path):
        self._path = path
        self._unit, self._number = "line", 1

    def entries(self) -> Iterator[_Entry]:
        try:
            with self._open() as file:
                yield from self._entries(file)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._error(f"the compressed file is cut off or damaged ({error})") from error

    def _open(self):
        with self._path.open("rb") as file:
            is_compressed = file.read(2) == b"\x1f\x8b"
        return gzip.open(self._path) if is_compressed else self._path.open("rb")

    def _entries(self, file) -> Iterator[_Entry]:
        first = file.readline(_LONGEST_LINE).removeprefix(codecs.BOM_UTF8)
        header = _HEADER.fullmatch(first)
        if header is None:
            dim = len(first.split()) - 1
            if dim < 1 or _CONTROL_CHARACTER.search(first):
                raise self._error(
                    "expected a token and its numbers, with spaces between, as GloVe, word2vec and fastText "
                    f"(.vec) write them; got {repr(first[:40]) if first else 'an empty file'}"
                )
            yield from self._text_entries(chain([first], self._lines(file)), dim)
            return
        n_expected, dim = int(header[1]), int(header[2])
        if not 1 <= dim <= _LONGEST_VECTOR:
            raise self._error(f"expected vectors of 1 to {_LONGEST_VECTOR} numbers; the header says {dim}")
        if _is_binary(file, dim):
            self._unit, entries = "vector", self._binary_entries(file, dim)
        else:
            entries = self._text_entries(self._lines(file), dim, first_line=2)
        n_entries = 0
        for entry in entries:
            n_entries += 1
            yield entry
        if n_entries != n_expected:
            raise self._error(f"the header says that there are {n_expected} vectors, but the file has {n_entries}")

    def _lines(self, file) -> Iterator[bytes]:
        return iter(partial(file.readline, _LONGEST_LINE), b"")

    def _text_entries(self, lines: Iterator[bytes], dim: int, first_line: int = 1) -> Iterator[_Entry]:
        for number, line in enumerate(lines, start=first_line):
            self._number = number
            if line.isspace():
                continue
            token, *numbers = line.rsplit(None, dim)  # from the right: some tokens have spaces in them
            if len(numbers) != dim or _ends_with_number(token):
                n_numbers = len(line.split()) - 1
                raise self._error(f"expected a token and {dim} numbers; got {n_numbers} fields after the first")
            yield self._entry(token.strip(), numbers)

    def _binary_entries(self, file, dim: int) -> Iterator[_Entry]:
        """Each is a token, a space and the numbers in float32; some programs write a line feed between them."""
        n_bytes = np.dtype("<f4").itemsize * dim
        buffer, start = b"", 0
        for number in count(1):
            self._number = number
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

    def _entry(self, token: bytes, numbers) -> _Entry:
        # Bytes that are not UTF-8 make a token that no document has.
        return token.decode("utf-8", "surrogateescape"), lambda: _as_vector(numbers, self._place)

    @property
    def _place(self) -> str:
        return f"{self._path}, {self._unit} {self._number}"

    def _error(self, message: str) -> ValueError:
        return ValueError(f"{self._place}: {message}. The file is damaged, or of another format.")


def _is_binary(file, dim: int) -> bool:
    """Whether the numbers after the first token are float32; the file is left where it was."""
    position = file.tell()
    after_token = file.read(_LONGEST_TOKEN + 4 * dim).partition(b" ")[2]
    file.seek(position)
    sample = after_token[: 4 * dim]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # which may end within a character
    except UnicodeDecodeError:
        return True
    return _CONTROL_CHARACTER.search(sample) is not None


def _ends_with_number(token: bytes) -> bool:
    """Whether a token with a space in it is rather a token and a number."""
    parts = token.split()
    if len(parts) < 2:
        return False
    try:
        float(parts[-1])
    except ValueError:
        return False
    return True
