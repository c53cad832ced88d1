import pickle
import subprocess
import sys
from itertools import permutations

import numpy as np
import pytest
from conftest import EVERY_ESTIMATOR, QUICK, make_reviews, make_trends, outputs, problem
from scipy.special import logit
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import RNNTextClassifier, RNNTextRegressor, SequenceVectorizer
from skrnn.inspection import token_attributions
from skrnn.network._trained import TrainedNetwork
from skrnn.utils._parameters import InvalidParameterError

LONG = "the film was seen by all of us last night , then a splendid end !"
N_LONG = len(LONG.split())

# A network that learns which words decide.
LEARNER = {
    "units": 8,
    "embedding_dim": 16,
    "epochs": 10,
    "learning_rate": 0.01,
    "batch_size": 16,
    "random_state": 0,
}


def additivity_gap(found):
    return np.abs(found.values.sum(axis=0) - (found.outputs - found.base_values)).max()


@pytest.fixture(scope="module")
def three_classes():
    return RNNTextClassifier(**QUICK).fit(*make_reviews(n_classes=3))


@pytest.fixture(scope="module")
def long_reader():
    """A classifier that one word convinces in a long document."""
    return RNNTextClassifier(**LEARNER, cell="gru", max_ngrams=0).fit(*make_reviews(400))


@pytest.fixture
def n_predictions(monkeypatch):
    """Count the sequences that networks predict."""
    counts = []
    predict = TrainedNetwork.predict

    def counted(self, sequences, *args, **kwargs):
        counts.append(sequences.shape[0])
        return predict(self, sequences, *args, **kwargs)

    monkeypatch.setattr(TrainedNetwork, "predict", counted)
    return counts


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "lstm"},
        {"cell": "gru", "bidirectional": False},
        {"cell": "simple", "pooling": "last"},
        {"cell": "simple", "pooling": "attention"},
        {"cell": "simple", "pooling": "mean", "max_ngrams": 0},
        {"cell": "simple", "pooling": "max_mean", "skip_connection": False},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_the_word_that_decides_has_the_largest_value(changes):
    classifier = RNNTextClassifier(**LEARNER, **changes).fit(*make_reviews(400))
    documents, labels = make_reviews(100, seed=1)
    assert classifier.score(documents, labels) == 1
    for method in ("shapley", "occlusion"):
        for found in token_attributions(classifier, documents, method=method, random_state=0):
            assert found.tokens[found.values[:, found.predicted].argmax()] in ("terrible", "splendid")


@EVERY_ESTIMATOR
def test_values_add_up_to_the_difference_from_the_base_values(cls):
    estimator, X, y = problem(cls)
    estimator.fit(X, y)
    for i, found in enumerate(token_attributions(estimator, X[:5], output="probability", random_state=0)):
        assert additivity_gap(found) < 1e-6
        assert found.values.shape == found.standard_errors.shape == (len(found.tokens), len(found.target_names))
        expected = np.ravel(outputs(estimator, X[i : i + 1]))
        np.testing.assert_allclose(found.outputs, expected, atol=1e-6)
        np.testing.assert_allclose(found.predictions, expected, atol=1e-6)


def test_values_of_a_short_document_are_those_of_all_orders(fitted):
    tokens = ["the", "splendid", "film", "!"]
    expected = np.zeros(len(tokens))
    orders = list(permutations(range(len(tokens))))
    for order in orders:
        for place, token in enumerate(order):
            before, after = (sorted(order[:end]) for end in (place, place + 1))
            parts = [" ".join(tokens[i] for i in part) for part in (before, after)]
            expected[token] += np.diff(fitted.decision_function(parts))[0] / len(orders)
    [found] = token_attributions(fitted, ["The splendid film!"])
    np.testing.assert_allclose(found.values[:, 1], expected, atol=1e-5)
    np.testing.assert_allclose(found.values[:, 0], -expected, atol=1e-5)
    assert np.all(found.standard_errors == 0)
    assert found.tokens == ["The", "splendid", "film", "!"]
    assert found.normalized_tokens == tokens
    assert [found.document[start:end] for start, end in found.spans] == found.tokens


def test_sampled_values_are_close_to_exact_ones(fitted):
    document = " ".join(LONG.split()[:9])
    [exact] = token_attributions(fitted, [document])
    [sampled] = token_attributions(fitted, [document], max_predictions=500, tol=0, random_state=0)
    assert np.all(exact.standard_errors == 0)
    assert np.any(sampled.standard_errors > 0)
    assert np.all(np.abs(sampled.values - exact.values) <= 3 * sampled.standard_errors + 1e-6)


def test_occlusion_is_the_change_without_a_token(fitted):
    [found] = token_attributions(fitted, ["a splendid film"], method="occlusion")
    full, *parts = fitted.decision_function(["a splendid film", "splendid film", "a film", "a splendid"])
    np.testing.assert_allclose(found.values[:, 1], full - parts, atol=1e-5)


def test_logits_are_those_of_the_probabilities(three_classes, fitted):
    for classifier in (three_classes, fitted):
        probabilities = classifier.predict_proba([LONG])[0]
        [found] = token_attributions(classifier, [LONG], method="occlusion")
        np.testing.assert_allclose(found.outputs, logit(probabilities), atol=1e-5)
        np.testing.assert_allclose(found.predictions, probabilities, atol=1e-6)
        assert found.target_names == classifier.classes_.tolist()
        assert found.target_names[found.predicted] == classifier.predict([LONG])[0]
        assert found.unit == "logit"


def test_several_labels_have_a_column_each():
    documents, labels = make_reviews()
    y = np.column_stack([labels == "pos", [len(document) > 40 for document in documents]]).astype(int)
    classifier = RNNTextClassifier(**QUICK).fit(documents, y)
    [found] = token_attributions(classifier, [LONG], random_state=0)
    assert found.target_names == [0, 1]
    assert additivity_gap(found) < 1e-6
    np.testing.assert_allclose(found.outputs, logit(classifier.predict_proba([LONG])[0]), atol=1e-5)


def test_values_of_a_regressor_have_the_unit_of_y():
    documents, labels = make_reviews()
    y = np.where(labels == "pos", 1000.0, 500.0)
    regressor = RNNTextRegressor(**QUICK).fit(documents, y)
    [found] = token_attributions(regressor, ["a splendid film"])
    assert found.unit == "prediction"
    np.testing.assert_allclose(found.outputs, regressor.predict(["a splendid film"]), rtol=1e-6)
    assert found.values[1, 0] > 100
    two = RNNTextRegressor(**QUICK).fit(documents, np.column_stack([y, -y]))
    assert token_attributions(two, ["a film"])[0].target_names == ["y0", "y1"]


@pytest.mark.parametrize("method", ["shapley", "occlusion"])
def test_documents_without_tokens_have_no_values(fitted, method):
    empty, other = token_attributions(fitted, ["", "splendid"], method=method)
    assert empty.tokens == []
    assert empty.values.shape == (0, 2)
    np.testing.assert_allclose(empty.outputs, empty.base_values)
    assert other.tokens == ["splendid"]


def test_values_depend_on_the_document_and_the_seed_alone(fitted):
    [alone] = token_attributions(fitted, [LONG], random_state=3)
    _, among = token_attributions(fitted, ["another film", LONG], random_state=3)
    [other] = token_attributions(fitted, [LONG], random_state=4)
    np.testing.assert_array_equal(alone.values, among.values)
    assert np.any(alone.values != other.values)


@pytest.mark.parametrize("method", ["shapley", "occlusion"])
@pytest.mark.parametrize("n_tokens", [1, 9, 12, 60, 99, 100, 101, 1000, 3000])
@pytest.mark.parametrize("max_predictions", [100, 500])
def test_predictions_are_limited(fitted, n_predictions, method, n_tokens, max_predictions):
    document = " ".join((LONG.split() * (n_tokens // N_LONG + 1))[:n_tokens])
    [found] = token_attributions(
        fitted, [document], method=method, max_predictions=max_predictions, random_state=0
    )
    assert sum(n_predictions) <= max_predictions + 3  # and the prediction, the outputs and the base values
    assert len(found.tokens) == len(found.values) == n_tokens
    assert np.all(np.isfinite(found.standard_errors))
    if method == "shapley":
        assert additivity_gap(found) < 1e-6


@pytest.mark.parametrize("position", [0, 1234, 4999])
def test_the_word_that_decides_is_found_in_a_long_document(long_reader, position):
    tokens = np.random.default_rng(0).choice(["the", "film", "was", "last", "night"], size=5000).tolist()
    tokens[position] = "splendid"
    [found] = token_attributions(long_reader, [" ".join(tokens)], max_predictions=500, random_state=0)
    assert found.values[:, 1].argmax() == position


def test_tolerance_saves_predictions(fitted, n_predictions):
    counts = []
    for tol in (0, 0.05, 0.5):
        n_predictions.clear()
        token_attributions(fitted, [LONG], tol=tol, random_state=0)
        counts.append(sum(n_predictions))
    assert counts[0] > counts[1] >= counts[2]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda classifier: make_pipeline(FunctionTransformer(lambda X: [text.lower() for text in X]), classifier),
        lambda classifier: make_pipeline("passthrough", FrozenEstimator(classifier)),
        lambda classifier: GridSearchCV(classifier, {"epochs": [6]}, cv=2),
        lambda classifier: GridSearchCV(make_pipeline(classifier), {}, cv=2),
    ],
    ids=["pipeline", "frozen", "search", "search of a pipeline"],
)
def test_estimators_are_found_in_pipelines_and_searches(fitted, reviews, wrap):
    wrapped = wrap(fitted).fit(*reviews)
    [found] = token_attributions(wrapped, [LONG], random_state=0)
    [expected] = token_attributions(fitted, [LONG], random_state=0)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)


@pytest.mark.parametrize("max_length", [None, 4])
def test_a_vectorizer_in_front_of_the_estimator_names_the_tokens(reviews, max_length):
    vectorizer = SequenceVectorizer(max_length=max_length, truncate="tail")
    pipeline = make_pipeline(vectorizer, RNNTextClassifier("passthrough", **QUICK)).fit(*reviews)
    document = "The film! " * 20 + "A Splendid end"
    [found] = token_attributions(pipeline, [document], random_state=0)
    n_read = max_length or vectorizer.max_length_
    assert len(found.tokens) == len(found.values) == n_read
    assert found.tokens[-3:] == ["A", "Splendid", "end"]
    np.testing.assert_allclose(found.outputs, logit(pipeline.predict_proba([document])[0]), atol=1e-5)


def test_token_ids_are_named_by_their_numbers(reviews):
    ids = SequenceVectorizer().fit_transform(reviews[0])
    classifier = RNNTextClassifier("passthrough", **QUICK).fit(ids, reviews[1])
    [found] = token_attributions(classifier, ids[:1], random_state=0)
    assert found.tokens == [str(token_id) for token_id in ids[0].data]
    assert found.spans is None


def test_time_steps_of_sequences_are_explained():
    estimator, X, y = problem(EVERY_ESTIMATOR.args[1][2])
    estimator.fit(X, y)
    found = token_attributions(estimator, X[:2], random_state=0)[1]
    assert found.tokens == [str(step) for step in range(len(X[1]))]
    np.testing.assert_array_equal(found.document, X[1])
    table = np.array([series[:3, 0] for series in make_trends()[0]])
    estimator.fit(table, y)
    assert token_attributions(estimator, table[:1])[0].values.shape == (3, 2)


def test_truncated_documents_show_the_tokens_that_are_read(reviews):
    classifier = RNNTextClassifier(SequenceVectorizer(max_length=3, truncate="tail"), **QUICK).fit(*reviews)
    [found] = token_attributions(classifier, ["one two a splendid film"])
    assert found.tokens == ["a", "splendid", "film"]


def test_unfitted_and_other_estimators_are_refused():
    with pytest.raises(TypeError, match=r"Expected an estimator of skrnn, or .* got LogisticRegression"):
        token_attributions(LogisticRegression().fit([[0], [1]], [0, 1]), ["a film"])
    with pytest.raises(TypeError, match="got str"):
        token_attributions("classifier", ["a film"])
    for unfitted in (
        RNNTextClassifier(),
        make_pipeline(RNNTextClassifier()),
        GridSearchCV(RNNTextClassifier(), {}),
    ):
        with pytest.raises(NotFittedError):
            token_attributions(unfitted, ["a film"])


@pytest.mark.parametrize(
    "wrong",
    [{"method": "lime"}, {"output": "class"}, {"max_predictions": 99}, {"tol": -1}, {"verbose": "yes"}],
    ids=str,
)
def test_wrong_arguments_are_refused(fitted, wrong):
    with pytest.raises(InvalidParameterError, match=f"Expected {next(iter(wrong))}"):
        token_attributions(fitted, ["a film"], **wrong)


def test_a_single_document_is_refused(fitted):
    with pytest.raises(ValueError, match="single str"):
        token_attributions(fitted, "a film")


def test_verbose_shows_a_progress_bar(fitted, capsys, monkeypatch):
    pytest.importorskip("tqdm")
    token_attributions(fitted, ["a film", "a plan"], verbose=True)
    assert "2/2" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"verbose=True needs .*pip install tqdm$"):
        token_attributions(fitted, ["a film"], verbose=True)


EXPLAIN = """
import pickle, sys

with open(sys.argv[1], "rb") as file:
    fitted = pickle.load(file)
from skrnn.inspection import token_attributions

print(token_attributions(fitted, ["a splendid film"])[0].tokens, "tensorflow" in sys.modules)
"""


def test_explanations_do_not_import_tensorflow(fitted, tmp_path):
    path = tmp_path / "fitted.pickle"
    path.write_bytes(pickle.dumps(fitted))
    done = subprocess.run([sys.executable, "-c", EXPLAIN, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['a', 'splendid', 'film'] False"


def test_logits_of_confident_classes_are_right(three_classes):
    """Their inputs of the softmax are far above those of the other classes."""
    confident = pickle.loads(pickle.dumps(three_classes))
    weights = confident._fitted.network.weights
    weights["output/kernel"] = weights["output/kernel"] * 2000
    inputs = confident.decision_function([LONG])[0]
    [found] = token_attributions(confident, [LONG], method="occlusion")
    others = np.delete(inputs, inputs.argmax())
    assert inputs.max() > 110
    np.testing.assert_allclose(found.outputs.max(), inputs.max() - np.logaddexp.reduce(others), rtol=1e-5)


def test_every_output_of_a_regressor_reaches_the_tolerance():
    documents, labels = make_reviews()
    y = np.column_stack([1000.0 * (labels == "pos"), [len(document) / 1000 for document in documents]])
    regressor = RNNTextRegressor(**QUICK).fit(documents, y)
    [found] = token_attributions(regressor, [LONG], tol=0.03, max_predictions=30_000, random_state=0)
    ranges = np.ptp(found.values, axis=0)
    assert ranges[0] > 1000 * ranges[1]
    assert np.all(found.standard_errors.max(axis=0) <= 0.03 * ranges)


def test_standard_errors_cover_the_exact_values(long_reader):
    documents = [" ".join(document.split()[:10]) for document in make_reviews(40, seed=2)[0]]
    documents = [document for document in documents if len(document.split()) == 10]
    exact = token_attributions(long_reader, documents)
    sampled = token_attributions(long_reader, documents, max_predictions=1000, tol=0.05, random_state=0)
    covered = [
        np.abs(found.values - expected.values) <= 3 * found.standard_errors + 1e-6
        for found, expected in zip(sampled, exact, strict=True)
    ]
    assert sum(np.any(found.standard_errors > 0) for found in sampled) > len(documents) / 2
    assert np.mean(covered) >= 0.97


def test_long_documents_say_which_tokens_share_a_value(fitted):
    document = " ".join(LONG.split() * 20)
    for method in ("shapley", "occlusion"):
        [found] = token_attributions(fitted, [document], method=method, max_predictions=100, random_state=0)
        assert 2 < len(set(found.groups)) <= 100 // 6
        for group in set(found.groups):
            assert np.ptp(found.values[found.groups == group], axis=0).max() == 0
    [short] = token_attributions(fitted, [LONG], random_state=0)
    assert short.groups.tolist() == list(range(N_LONG))


def test_tokens_that_are_cut_off_are_counted(reviews):
    classifier = RNNTextClassifier(SequenceVectorizer(max_length=3), **QUICK).fit(*reviews)
    assert token_attributions(classifier, [LONG])[0].n_unread == N_LONG - 3


def test_classes_are_the_names_of_the_targets():
    documents, labels = make_reviews()
    for classes in (
        np.array([3, 7]),
        np.array(["2020-01-01", "2021-01-01"], dtype="M8[ns]"),
        np.array([1.0, 2.0]),
    ):
        classifier = RNNTextClassifier(**{**QUICK, "epochs": 1}).fit(documents, classes[(labels == "pos") * 1])
        assert token_attributions(classifier, ["a film"])[0].target_names == list(classes)


def test_results_can_be_pickled(fitted):
    [found] = token_attributions(fitted, [LONG], random_state=0)
    restored = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(restored.values, found.values)
    assert repr(restored) == f"<TokenAttributions: shapley, logit, {N_LONG} tokens, 2 outputs>"


def test_a_vectorizer_in_a_nested_pipeline_is_found(reviews):
    pipeline = make_pipeline(make_pipeline(SequenceVectorizer()), RNNTextClassifier("passthrough", **QUICK))
    [found] = token_attributions(pipeline.fit(*reviews), ["a Splendid film"])
    assert found.tokens == ["a", "Splendid", "film"]


def test_a_search_without_refit_is_refused(reviews):
    search = GridSearchCV(RNNTextClassifier(**{**QUICK, "epochs": 1}), {}, cv=2, refit=False).fit(*reviews)
    with pytest.raises(TypeError, match="refit=True"):
        token_attributions(search, ["a film"])


def mean_of_embeddings(spec):
    import keras

    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(spec.n_tokens, 4, mask_zero=True),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(spec.n_outputs, activation=spec.output_activation),
        ]
    )


def test_a_custom_network_that_needs_tokens_is_refused(reviews):
    """GlobalAveragePooling1D of Keras gives NaN for a document without tokens."""
    classifier = RNNTextClassifier(network=mean_of_embeddings, epochs=1, random_state=0).fit(*reviews)
    with pytest.raises(ValueError, match="custom network to predict parts of documents"):
        token_attributions(classifier, ["a film"])


def test_unknown_words_have_the_values_of_their_spelling():
    documents, labels = ["apple apples"] * 10 + ["motor motors"] * 10, ["fruit"] * 10 + ["machine"] * 10
    classifier = RNNTextClassifier(**QUICK).fit(documents, labels)
    [found] = token_attributions(classifier, ["applesauce xyz"])
    assert found.values[0, 0] > found.values[1, 0]  # class "fruit"
    probabilities = classifier.predict_proba(["applesauce xyz"])[0]
    np.testing.assert_allclose(found.outputs, np.log(probabilities / (1 - probabilities)), atol=1e-5)
