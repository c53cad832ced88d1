import os

import numpy as np
import pytest

# TensorFlow's start-up notes would bury the tests' own output; workers inherit the setting.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from skrnn import RNNTextClassifier
from skrnn.datasets import load_bbc_news

# Small enough to train in a moment, and of one shape, so that Keras traces it once for all tests.
SMALL = {
    "units": 4,
    "embedding_dim": 8,
    "learning_rate": 0.02,
    "epochs": 6,
    "batch_size": 16,
    "early_stopping": False,
    "random_state": 0,
}


def make_reviews(n_documents=60, n_classes=2, seed=0):
    """Short documents in which one word tells the class, at a random place among others that tell nothing."""
    rng = np.random.default_rng(seed)
    telling = np.array(["terrible", "splendid", "average"])[:n_classes]
    fillers = np.array(["the", "film", "was", "seen", "by", "all", "of", "us", "last", "night", ",", "then", "!"])
    y = rng.integers(n_classes, size=n_documents)
    y[:n_classes] = np.arange(n_classes)
    documents = []
    for label in y:
        words = rng.choice(fillers, size=rng.integers(2, 12)).tolist()
        words.insert(rng.integers(len(words) + 1), telling[label])
        documents.append(" ".join(words))
    return documents, np.array(["neg", "pos", "so-so"])[y]


@pytest.fixture(scope="session")
def reviews():
    return make_reviews()


@pytest.fixture(scope="session")
def fitted(reviews):
    """A fitted classifier; tests must not change it."""
    return RNNTextClassifier(**SMALL).fit(*reviews)


@pytest.fixture(scope="session")
def news():
    """Real text: the beginnings of articles of two classes, every second one of the other class."""
    bunch = load_bbc_news()
    politics = [text[:300] for text, label in zip(bunch.data, bunch.target, strict=True) if label == "politics"]
    tech = [text[:300] for text, label in zip(bunch.data, bunch.target, strict=True) if label == "tech"]
    documents = [text for pair in zip(politics[:150], tech[:150], strict=True) for text in pair]
    return documents, np.array(["politics", "tech"] * 150)
