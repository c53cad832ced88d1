"""Text estimators with pretrained vectors (parameter ``embeddings``)."""

import gzip
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import NETWORK_ALONE, SMALL
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrnn import RNNTextClassifier, RNNTextRegressor, SequenceVectorizer
from skrnn.sequences._storage import FIRST_TOKEN, UNKNOWN

VECTORS = {
    "the": [0.5, -1.0, 2.0],
    "splendid": [1.5, 0.25, -0.125],
    "terrible": [-3.0, 0.0, 1e-3],
    "好": [0.0, 2.0, -1.0],
    "\x85": [4.0, 4.0, 4.0],
    "The": [9.0, 9.0, 9.0],
}


class KeyedVectors:
    """The attributes of gensim's class that the package uses."""

    def __init__(self, vectors):
        self.key_to_index = {token: i for i, token in enumerate(vectors)}
        self.vectors = np.array(list(vectors.values()), dtype=np.float32)


@pytest.fixture
def vector_file(tmp_path):
    lines = [f"{token} {' '.join(map(str, vector))}\n" for token, vector in VECTORS.items()]
    path = tmp_path / "vectors.txt.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


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
        (
            {"embeddings": VECTORS, "vectorizer": "passthrough"},
            ValueError,
            "because the tokens of the ids are not known",
        ),
        ({"embeddings": VECTORS, "network": len}, ValueError, "with a custom network"),
        ({"trainable_embeddings": None}, TypeError, "trainable_embeddings to be True or False; got None"),
    ],
)
def test_refused_fit_leaves_the_estimator_unchanged(params, error, message, reviews, fitted):
    classifier = pickle.loads(pickle.dumps(fitted)).set_params(**params)
    before = dict(vars(classifier))
    with pytest.raises(error, match=message):
        classifier.fit(*reviews)
    assert vars(classifier) == before
    np.testing.assert_array_equal(classifier.predict_proba(reviews[0]), fitted.predict_proba(reviews[0]))


def test_missing_file_is_reported_before_keras_is_imported():
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
    """A fitted classifier with frozen pretrained vectors. Tests must not change it."""
    return RNNTextClassifier(**SMALL, embeddings=VECTORS, trainable_embeddings=False).fit(*reviews)


def embedding_of(classifier):
    n_ids = len(classifier.vocabulary_) + FIRST_TOKEN
    return next(weight for weight in classifier.to_keras().get_weights() if len(weight) == n_ids)


def test_frozen_vectors_do_not_change(frozen):
    embedding = embedding_of(frozen)
    for token in ("the", "splendid", "terrible"):
        np.testing.assert_array_equal(embedding[frozen.vocabulary_[token]], np.float32(VECTORS[token]))
    given = np.float32([VECTORS[token] for token in ("the", "splendid", "terrible")])
    np.testing.assert_allclose(embedding[UNKNOWN], given.mean(axis=0), rtol=1e-6)
    assert embedding.shape == (len(frozen.vocabulary_) + FIRST_TOKEN, 3)
    assert frozen.embedding_dim == SMALL["embedding_dim"]  # the parameter has no effect


def test_random_vectors_match_the_spread_of_pretrained_vectors(news):
    vectors = {"the": np.full(50, 7.0), "of": np.full(50, -7.0)}
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1}, embeddings=vectors, trainable_embeddings=False)
    classifier.fit(*(part[:60] for part in news))
    rest = [i for token, i in classifier.vocabulary_.items() if token not in vectors]
    assert embedding_of(classifier)[rest].std() == pytest.approx(7.0, rel=0.02)


def test_coverage_is_the_share_of_tokens_with_a_vector(frozen, reviews):
    assert frozen.embedding_coverage_ == 3 / len(frozen.vocabulary_)
    again = clone(frozen).set_params(embeddings=None, epochs=1).fit(*reviews)
    assert not hasattr(again, "embedding_coverage_")
    assert embedding_of(again).shape[1] == SMALL["embedding_dim"]


def test_refit_without_embeddings_starts_with_random_vectors(frozen, reviews):
    classifier = pickle.loads(pickle.dumps(frozen)).set_params(embeddings=None, epochs=1).fit(*reviews)
    assert not hasattr(classifier, "embedding_coverage_")
    assert embedding_of(classifier).shape[1] == SMALL["embedding_dim"]


def test_trainable_vectors_start_pretrained_and_change(reviews, frozen):
    params = {**SMALL, "embeddings": VECTORS, "epochs": 1}
    slow = RNNTextClassifier(**{**params, "learning_rate": 1e-9}).fit(*reviews)
    np.testing.assert_allclose(embedding_of(slow), embedding_of(frozen), atol=1e-6)
    trained = RNNTextClassifier(**params).fit(*reviews)
    assert np.abs(embedding_of(trained) - embedding_of(frozen))[FIRST_TOKEN:].min() > 0


def test_frozen_fit_is_reproducible_after_a_trainable_fit(reviews, frozen):
    again = clone(frozen)
    clone(frozen).set_params(trainable_embeddings=True, epochs=1).fit(*reviews)  # has the same shapes
    again.fit(*reviews)
    for weight, expected in zip(again.to_keras().get_weights(), frozen.to_keras().get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_random_vectors_can_be_frozen(reviews):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "warm_start": True}, trainable_embeddings=False)
    start = embedding_of(classifier.fit(*reviews))
    np.testing.assert_array_equal(embedding_of(classifier.fit(*reviews)), start)
    with pytest.raises(ValueError, match="trainable_embeddings would change it"):
        classifier.set_params(trainable_embeddings=True).fit(*reviews)


def test_keras_model_has_a_frozen_embedding_layer(frozen, reviews):
    model = frozen.to_keras()
    assert {type(layer).__name__ for layer in model.layers if not layer.trainable} == {"Embedding"}
    ids = frozen.vectorizer_.encode(reviews[0])
    expected = frozen.predict_proba(reviews[0])[:, 1]
    np.testing.assert_allclose(model.predict(ids, verbose=0)[:, 0], expected, atol=1e-5)


@pytest.mark.parametrize("trainable", [True, False])
def test_training_resumes_without_the_file(trainable, vector_file, reviews):
    path = vector_file
    params = {**SMALL, **NETWORK_ALONE, "embeddings": str(path), "trainable_embeddings": trainable}
    whole = RNNTextClassifier(**{**params, "epochs": 2}).fit(*reviews)
    streamed = RNNTextClassifier(**params).partial_fit(*reviews, classes=["neg", "pos"])
    resumed = RNNTextClassifier(**{**params, "epochs": 1, "warm_start": True}).fit(*reviews)
    path.unlink()
    for classifier in (streamed.partial_fit(*reviews), pickle.loads(pickle.dumps(resumed)).fit(*reviews)):
        np.testing.assert_array_equal(classifier.predict_proba(reviews[0]), whole.predict_proba(reviews[0]))
        assert classifier.embedding_coverage_ == whole.embedding_coverage_
    assert resumed.set_params(embeddings=None).fit(*reviews).n_iter_ == 2  # the network already has its vectors


def test_fit_stores_no_other_vectors(vector_file, reviews):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1}, embeddings=vector_file).fit(*reviews)
    assert classifier.embeddings is vector_file
    plain = RNNTextClassifier(**{**SMALL, "epochs": 1, "embedding_dim": 3}).fit(*reviews)
    assert len(pickle.dumps(classifier)) < len(pickle.dumps(plain)) + 200


def test_embeddings_can_be_cloned_and_searched(reviews):
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


def test_regressor_accepts_vectors_and_a_fixed_vocabulary(reviews):
    vectorizer = SequenceVectorizer(vocabulary=["terrible", "splendid", "好"])
    regressor = RNNTextRegressor(vectorizer, **SMALL, embeddings=VECTORS, trainable_embeddings=False)
    regressor.fit(reviews[0], (reviews[1] == "pos").astype(float))
    assert regressor.embedding_coverage_ == 1
    np.testing.assert_array_equal(embedding_of(regressor)[4], np.float32(VECTORS["好"]))
    assert regressor.score(reviews[0], (reviews[1] == "pos").astype(float)) > 0.5


def test_vectors_help_with_words_outside_the_training_data():
    """Synonyms have similar vectors, and half of them do not occur in training."""
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


def test_file_and_keyed_vectors_of_gensim_give_the_same_fit(news):
    models = pytest.importorskip("gensim.models")
    path = Path(models.__file__).parents[1] / "test" / "test_data" / "lee_fasttext.vec"  # Australian news
    documents, y = (part[:60] for part in news)
    from_file, from_memory = (
        RNNTextClassifier(units=4, epochs=1, embeddings=embeddings, random_state=0).fit(documents, y)
        for embeddings in (path, models.KeyedVectors.load_word2vec_format(path))
    )
    assert 0.2 < from_file.embedding_coverage_ < 0.6
    np.testing.assert_array_equal(from_file.predict_proba(documents), from_memory.predict_proba(documents))


@pytest.mark.parametrize("strip_accents", ["unicode", "ascii"])
def test_words_without_accents_take_the_vectors_of_words_with_accents(strip_accents):
    vectorizer = SequenceVectorizer(strip_accents=strip_accents)
    classifier = RNNTextClassifier(vectorizer, **{**SMALL, "epochs": 1}, embeddings={"café": [1.0, 2.0]})
    classifier.fit(["a café", "a bar"] * 5, [0, 1] * 5)
    assert classifier.embedding_coverage_ == pytest.approx(1 / 3)
