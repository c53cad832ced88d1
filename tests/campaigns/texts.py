"""Random and nasty documents through small classifiers of each analyzer."""

import pickle
import random
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
from conftest import SMALL, make_reviews
from outcomes import Finding, checked_outputs, require, require_equal

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news, load_chinese_reviews
from skrnn.export import to_onnx

VECTORIZERS = {
    "word": {},
    "cased": {"lowercase": False, "max_length": 20, "truncate": "both"},
    "stop words": {"stop_words": "english", "max_length": 20, "truncate": "tail"},
    "accents": {"strip_accents": "unicode"},
    "ascii": {"strip_accents": "ascii"},
    "pattern": {"token_pattern": r"(?u)\b\w\w+\b"},
    "char": {"analyzer": "char"},
    "subword": {"analyzer": "subword", "max_features": 300},
}

SPACES = [*" \t\n\r\x0b\x1c\x85\xa0\u1680\u2028\u3000"]
MARKS = [*"\u0301\u0327\u0345\u05b0\u064b\u093c\u3099\u0f71\u20dd\U0001d165"]
INVISIBLE = [
    *"\0\x01\x1b\x7f\xad\ufeff\ufffd\uffff\ud800\udfff\u200b\u200c\u200d\u202e\u2066\ufe0f\U000e0041\U0010ffff"
]
# Words of many scripts, and letters that change when they are lowercased or normalized
WORDS = """
a I don't ’tis l'eau 3.14 1,000 !? ... -- <b>
http://x.y/?z=%20 [UNK] ▁ ▁a ## ß ẞ İ ı ſ ﬁ ﷺ Å é ǆ Σ ς ϓ ŉ ΐ Ω K ™ ½ ⅷ Ａ
가 각 ᄀ 한국어 日本語 カ゚ ｶﾞ 𠮷 葛󠄀 ไทย ກໍ ក្រ မြန်မာ क्ष क़ க் শ্র ള്‍ ཧཱུྃ שָׁלוֹם العربية ა ᏸ ꮿ 𝔘 𐐨 𞤢 ߊ 👍🏽 👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇩🇪 🇩 1️⃣ ❤️ ‼
"""
PIECES = [*SPACES, *MARKS, *INVISIBLE, *WORDS.split()]


def prepare() -> Callable[[random.Random], float]:
    rng, real = random.Random(0), [*load_bbc_news().data[::100], *load_chinese_reviews().data[::1000]]
    documents = [
        *make_reviews()[0],
        *(text[:400] for text in real),
        *(_document(rng, real, 50) for _ in range(40)),
    ]
    subjects = {name: _Subject(options, documents) for name, options in VECTORIZERS.items()}

    def check(rng: random.Random) -> float:
        name = rng.choice(list(subjects))
        drawn = [_document(rng, real, int(10 ** rng.uniform(0, 3.5))) for _ in range(rng.randint(1, 6))]
        try:
            subjects[name].check(drawn, rng)
            return subjects[name].cost(max(drawn, key=len))
        except Finding as finding:
            raise Finding(f"{name}: {finding.message}", " ".join(f"{text!a:.80}" for text in drawn)) from finding

    return check


class _Subject:
    """A fitted classifier, its copy from a pickle, and its ONNX models."""

    def __init__(self, options: dict, documents: list[str]) -> None:
        vectorizer = SequenceVectorizer(**options)
        self.classifier = RNNTextClassifier(vectorizer, **{**SMALL, "epochs": 1})
        self.classifier.fit(documents, np.arange(len(documents)) % 3)
        self.copy = pickle.loads(pickle.dumps(self.classifier))
        kinds = (
            ["token_ids"] if {"strip_accents", "token_pattern"} & options.keys() else ["token_ids", "documents"]
        )
        self.sessions = {}
        if find_spec("onnxruntime") is not None:
            from onnxruntime import InferenceSession

            models = {kind: to_onnx(self.classifier, inputs=kind).SerializeToString() for kind in kinds}
            self.sessions = {kind: InferenceSession(model) for kind, model in models.items()}

    def check(self, documents: list[str], rng: random.Random) -> None:
        predict = self.classifier.predict_proba
        expected = checked_outputs(self.classifier, documents)
        require_equal(np.concatenate([predict([text]) for text in documents]), expected, 1e-6, "one by one")
        order = rng.sample(range(len(documents)), len(documents))
        require_equal(predict([documents[i] for i in order]), expected[order], 1e-6, "in another order")
        with ThreadPoolExecutor(2) as pool:
            for outputs in pool.map(predict, [documents, documents]):
                require_equal(outputs, expected, 0, "in threads")
        require_equal(self.copy.predict_proba(documents), expected, 0, "after pickling")
        inputs = {"token_ids": self.classifier.vectorizer_.encode(documents)}
        # ONNX takes UTF-8, which has no surrogates. Its cost grows with the square of the marks on a letter.
        if max(map(len, documents)) < 2000 and not any(
            "\ud800" <= char <= "\udfff" for char in "".join(documents)
        ):
            inputs["documents"] = np.array(documents, dtype=object)
        for kind in inputs.keys() & self.sessions.keys():
            outputs, *_ = self.sessions[kind].run(None, {kind: inputs[kind]})
            require_equal(outputs, expected, 1e-5, f"ONNX from {kind}")

    def cost(self, document: str) -> float:
        """Return how many times as long as plain text a long document takes."""
        if len(document) < 1000:
            return 0.0
        plain = ("the film was seen by all of us last night , then " * len(document))[: len(document)]
        cost = self._seconds(document) / self._seconds(plain)
        require(cost < 50, f"takes {cost:.0f} times as long as plain text of the same length")
        return cost

    def _seconds(self, document: str) -> float:
        start = time.thread_time()
        self.classifier.predict_proba([document])
        return time.thread_time() - start


def _document(rng: random.Random, real: list[str], length: int) -> str:
    """Draw a document of about this length or shorter."""
    kind = rng.choice(["characters", "script", "pieces", "one token", "marks", "spaces", "mutated", "mutated"])
    if kind == "characters":
        largest = rng.choice([0x7F, 0xFFF, 0xFFFF, 0x10FFFF])
        return "".join(chr(rng.randint(0, largest)) for _ in range(length))
    if kind == "script":
        block = rng.randrange(0, 0x20000, 128)
        return "".join(" " if rng.random() < 0.15 else chr(block + rng.randrange(128)) for _ in range(length))
    if kind == "mutated":
        return _mutated(rng, rng.choice(real)[:length])
    if kind == "one token":
        return "".join(rng.choices(PIECES, k=2)) * (length // 2)
    if kind == "marks":
        return rng.choice(PIECES) + "".join(rng.choices(rng.choices(MARKS, k=3), k=length))
    return "".join(rng.choices(SPACES if kind == "spaces" else PIECES, k=rng.choice([0, 1, length // 2])))


def _mutated(rng: random.Random, text: str) -> str:
    for _ in range(rng.randint(1, 8)):
        i, j = sorted(rng.choices(range(len(text) + 1), k=2))
        part = rng.choice([str.upper, str.title, str.swapcase, lambda part: part[::-1], lambda _: ""])(text[i:j])
        form = rng.choice(["NFC", "NFD", "NFKC", "NFKD"])
        text = text[:i] + unicodedata.normalize(form, part) + rng.choice(PIECES) + text[j:]
    return text
