"""Training runs can resume, be interrupted and return results."""

import gc
import pickle

import numpy as np
import pytest
from conftest import EVERY_ESTIMATOR, QUICK, SMALL, make_reviews, outputs, problem, small_spec, to_csr
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrnn import RNNTextClassifier
from skrnn.network._char_ngrams import CharNgramVectors
from skrnn.network._trained import TrainedNetwork
from skrnn.network._weights import check_weights, initial_weights, without_slots
from skrnn.text._char_ngrams import MOST_PER_TOKEN


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def quick(**params):
    return RNNTextClassifier(**{**QUICK, **params})


@EVERY_ESTIMATOR
def test_four_chunks_equal_four_epochs(cls):
    estimator, X, y = problem(cls)
    classes = {"classes": ["pos", "neg"]} if hasattr(cls, "predict_proba") else {}
    if "linear_model" in estimator.get_params():
        estimator.set_params(linear_model=False, min_count=1)
    whole = clone(estimator).set_params(epochs=4).fit(X, y)
    stream = estimator.partial_fit(X, y, **classes).partial_fit(X, y)
    stream = pickle.loads(pickle.dumps(stream)).partial_fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(outputs(stream, X), outputs(whole, X))
    assert stream.n_iter_ == 4
    np.testing.assert_array_equal(stream.history_["loss"], whole.history_["loss"])


@EVERY_ESTIMATOR
def test_warm_starts_equal_one_fit(cls):
    estimator, X, y = problem(cls)
    whole = clone(estimator).set_params(epochs=4).fit(X, y)
    estimator.set_params(epochs=1, warm_start=True).fit(X, y).set_params(epochs=3).fit(X, y)
    np.testing.assert_array_equal(outputs(estimator, X), outputs(whole, X))


def n_examples_in_memory():
    from skrnn.training._train import Examples

    gc.collect()
    return sum(type(thing) is Examples for thing in gc.get_objects())


def test_training_keeps_no_examples(reviews):
    documents, y = reviews
    before = n_examples_in_memory()
    small(early_stopping=True).fit(documents, y).partial_fit(documents, y)
    assert n_examples_in_memory() <= before


def test_other_backends_are_refused(reviews, monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(RuntimeError, match=r"uses 'torch'.*KERAS_BACKEND=tensorflow before Keras is imported"):
        small().fit(*reviews)


# Interruption


def interrupting(epoch_of_interruption):
    import keras

    def interrupt(epoch, _logs):
        if epoch + 1 == epoch_of_interruption:
            raise KeyboardInterrupt

    return keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)


def test_interrupted_fits_keep_their_weights(reviews):
    documents, y = reviews
    classifier = quick(callbacks=[interrupting(3)])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(documents, y)
    assert classifier.n_iter_ == 2
    two = quick(epochs=2).fit(documents, y)
    np.testing.assert_array_equal(classifier.predict_proba(documents), two.predict_proba(documents))


def test_interrupted_fits_keep_the_best_weights():
    documents, y = make_reviews(n_documents=80)
    X_val, y_val = make_reviews(n_documents=40, seed=5)
    wrong = np.where(y_val == "pos", "neg", "pos")  # each epoch increases this validation loss
    classifier = quick(early_stopping=True, callbacks=[interrupting(3)])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(documents, y, X_val=X_val, y_val=wrong)
    assert classifier.n_iter_ == 2
    assert classifier.best_epoch_ == 1
    first = quick(epochs=1).fit(documents, y)
    np.testing.assert_array_equal(classifier.predict_proba(X_val), first.predict_proba(X_val))


def test_interrupted_searches_end(reviews):
    search = GridSearchCV(quick(callbacks=[interrupting(2)], epochs=3), {"units": [3, 4]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(*reviews)


def test_interrupted_first_epoch_changes_nothing(reviews):
    classifier = quick(callbacks=[interrupting(1)])
    before = dict(vars(classifier))
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*reviews)
    assert vars(classifier) == before


# Training runs without an estimator

SPEC = small_spec(cell="simple", n_outputs=2)


def small_examples():
    """Return sequences of token ids. The first token decides the class."""
    from skrnn.training._train import Examples

    rng = np.random.default_rng(0)
    sequences = [rng.integers(2, 11, size=rng.integers(1, 9)) for _ in range(40)]
    return Examples(to_csr(sequences), np.array([sequence[0] % 2 for sequence in sequences]))


def settings(**changes):
    from skrnn.training._train import TrainingSettings

    fields = {
        "loss": "categorical_crossentropy",
        "label_smoothing": 0.0,
        "base_rates": None,
        "label_weights": None,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "learning_rate_decay": None,
        "weight_decay": 0.0,
        "clipnorm": None,
        "epochs": 2,
        "batch_size": 8,
        "patience": None,
        "monitor": "val_loss",
        "tol": 0.0,
        "callbacks": [],
        "verbose": False,
        "seed": 3,
        "resumable": True,
        "char_ngram_range": (3, 4),
    }
    return TrainingSettings(**{**fields, **changes})


def train(start, **changes):
    from skrnn.training._train import train

    return train(start, small_examples(), None, settings(**changes))


def new_network():
    return TrainedNetwork(SPEC, initial_weights(SPEC, np.random.default_rng(1)))


def new_char_ngrams():
    rows = np.zeros((SPEC.n_tokens, MOST_PER_TOKEN), dtype=np.int32)
    rows[2:6, :2] = [[1, 0], [1, 2], [2, 3], [3, 0]]
    return CharNgramVectors(rows, np.zeros((4, SPEC.n_features), dtype=np.float32))


def custom_network(spec):
    from keras import Input, Sequential, layers

    embedding = layers.Embedding(spec.n_tokens, 4, mask_zero=True)
    output = layers.Dense(spec.n_outputs, activation=spec.output_activation)
    return Sequential([Input((None,), dtype="int32"), embedding, layers.SimpleRNN(3), layers.Dropout(0.5), output])


def assert_same_weights(network, expected):
    for weight, expected_weight in zip(network.weights.values(), expected.weights.values(), strict=True):
        np.testing.assert_array_equal(weight, expected_weight)


def test_training_lowers_the_loss_and_changes_no_input():
    from skrnn.training._train import train

    start, char_ngrams, examples = new_network(), new_char_ngrams(), small_examples()
    before = pickle.dumps((start, char_ngrams, examples))
    result = train(start, examples, None, settings(epochs=8), char_ngrams=char_ngrams)
    assert pickle.dumps((start, char_ngrams, examples)) == before
    assert result.history["loss"][-1] < result.history["loss"][0]
    assert (result.network.n_epochs, result.best_epoch, result.interrupted) == (8, 8, False)
    assert result.network.spec == SPEC
    check_weights(SPEC, without_slots(result.network.weights))
    result.network.checkpoint.char_ngrams.check((SPEC.n_tokens, SPEC.n_features))


def test_only_resumable_runs_return_a_checkpoint():
    assert train(new_network(), resumable=False).network.checkpoint is None
    checkpoint = train(new_network(), learning_rate_decay="cosine").network.checkpoint
    assert (checkpoint.optimizer, checkpoint.learning_rate_schedule) == ("adam", None)
    assert checkpoint.char_ngram_range == (3, 4)
    assert checkpoint.learning_rate is None
    assert train(new_network()).network.checkpoint.learning_rate == 0.01


@pytest.mark.parametrize("kind", ["built-in", "character n-grams", "custom"])
def test_two_runs_equal_one(kind):
    from skrnn.training._train import train

    start = TrainedNetwork(SPEC, {}, build_model=custom_network) if kind == "custom" else new_network()
    char_ngrams = new_char_ngrams() if kind == "character n-grams" else None
    whole = train(start, small_examples(), None, settings(epochs=3), char_ngrams=char_ngrams)
    first = train(start, small_examples(), None, settings(epochs=1), char_ngrams=char_ngrams)
    second = train(first.network, small_examples(), None, settings(epochs=2))
    assert_same_weights(second.network, whole.network)
    assert second.network.n_epochs == 3
    assert first.history["loss"] + second.history["loss"] == whole.history["loss"]
    for array, expected in zip(
        second.network.checkpoint.optimizer_variables, whole.network.checkpoint.optimizer_variables, strict=True
    ):
        np.testing.assert_array_equal(array, expected)


def test_new_networks_use_the_same_names():
    """TensorFlow keeps memory for each name of a variable."""
    import keras

    names = []

    class Names(keras.callbacks.Callback):  # a network with callbacks is not reused
        def on_train_end(self, logs=None):
            names.append(
                [variable.value.name for variable in self.model.variables + self.model.optimizer.variables]
            )

    name_before = keras.layers.Embedding(1, 1).name
    for _ in range(2):
        train(new_network(), epochs=1, callbacks=[Names])
    assert names[0] == names[1]
    assert keras.layers.Embedding(1, 1).name not in (name_before, "embedding")


def test_resuming_without_a_checkpoint_resets_the_optimizer():
    resumed = train(train(new_network(), resumable=False).network).network
    assert resumed.n_epochs == 4
    assert int(resumed.checkpoint.optimizer_variables[0]) == 2 * 5  # two epochs of five steps


def test_resumed_runs_accept_a_new_learning_rate():
    first = train(new_network(), optimizer="sgd")
    same, slower = (train(first.network, optimizer="sgd", learning_rate=rate) for rate in (0.01, 1e-8))
    assert np.abs(same.network.weights["output/kernel"] - first.network.weights["output/kernel"]).max() > 1e-4
    np.testing.assert_allclose(
        slower.network.weights["output/kernel"], first.network.weights["output/kernel"], atol=1e-6
    )


def test_interrupted_runs_return_their_weights(recwarn):
    interrupted = train(new_network(), epochs=5, callbacks=[interrupting(3)])
    assert interrupted.interrupted
    assert (interrupted.network.n_epochs, interrupted.best_epoch) == (2, 2)
    assert_same_weights(interrupted.network, train(new_network()).network)
    assert not [warning for warning in recwarn if issubclass(warning.category, UserWarning)]
    with pytest.raises(KeyboardInterrupt):
        train(new_network(), callbacks=[interrupting(1)])
