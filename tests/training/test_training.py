"""Control over training: streams, validation, callbacks, interruption, display, and networks of the user's own."""

import functools
import gc
import logging
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import joblib
import numpy as np
import pytest
from conftest import QUICK, SMALL, make_reviews
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate, permutation_test_score
from sklearn.pipeline import Pipeline, make_pipeline

from skrnn import (
    NetworkSpec,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
    RNNTextClassifier,
    RNNTextRegressor,
    SequenceVectorizer,
)
from skrnn.sequences._storage import ragged_to_csr

SMALL_NUMERIC = {name: value for name, value in SMALL.items() if not name.startswith(("embedding", "token"))}


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def quick(**params):
    return RNNTextClassifier(**{**QUICK, **params})


def problem(cls):
    """An estimator with small samples and targets for it."""
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


EVERY = pytest.mark.parametrize(
    "cls", [RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier, RNNSequenceRegressor]
)


@pytest.mark.parametrize("n_targets", [None, 2])
def test_every_epoch_has_its_own_order_however_much_of_the_last_one_was_read(n_targets):
    from skrnn.training._train import Examples, _feed, _TrainingBatches

    lengths = np.arange(1, 13)
    sequences = ragged_to_csr(np.repeat(lengths, lengths).astype(np.int32), lengths)
    targets = np.arange(12.0) if n_targets is None else np.arange(12.0 * n_targets).reshape(12, n_targets)
    examples = Examples(sequences, targets, weights=lengths.astype(np.float32))

    def read(feed, n=6):
        return [[array.numpy().tolist() for array in batch] for batch in feed.take(n)]

    feed = _feed(_TrainingBatches(examples, batch_size=2, seed=0, epoch=0))
    first, _, third = read(feed), read(feed, n=2), read(feed)
    assert first != third
    assert len(first) == len(third) == 6
    assert read(_feed(_TrainingBatches(examples, batch_size=2, seed=0, epoch=2))) == third
    for inputs, outputs, weights in third:
        assert len(inputs) == len(outputs) == len(weights) == 2
        assert [max(row) for row in inputs] == weights  # each row's ids are its length, as is its weight


# Streams


@EVERY
def test_four_chunks_are_as_good_as_four_epochs(cls):
    estimator, X, y = problem(cls)
    classes = {"classes": ["pos", "neg"]} if hasattr(cls, "predict_proba") else {}
    whole = clone(estimator).set_params(epochs=4).fit(X, y)
    stream = estimator.partial_fit(X, y, **classes).partial_fit(X, y)
    stream = pickle.loads(pickle.dumps(stream)).partial_fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(outputs(stream, X), outputs(whole, X))
    assert stream.n_iter_ == 4
    np.testing.assert_array_equal(stream.history_["loss"], whole.history_["loss"])


@EVERY
def test_warm_starts_are_as_good_as_one_fit(cls):
    estimator, X, y = problem(cls)
    whole = clone(estimator).set_params(epochs=4).fit(X, y)
    estimator.set_params(epochs=1, warm_start=True).fit(X, y).set_params(epochs=3).fit(X, y)
    np.testing.assert_array_equal(outputs(estimator, X), outputs(whole, X))


def test_a_stream_keeps_the_vocabulary_and_classes_of_its_first_chunk(reviews):
    documents, y = reviews
    stream = small().partial_fit(documents[:30], y[:30], classes=["neg", "other", "pos"])
    vocabulary = dict(stream.vocabulary_)
    stream.partial_fit(["a word never seen"], ["other"])
    assert stream.vocabulary_ == vocabulary
    assert stream.classes_.tolist() == ["neg", "other", "pos"]
    assert stream.predict_proba(documents).shape == (len(documents), 3)


def test_a_stream_learns_and_goes_on_after_fit(reviews):
    documents, y = reviews
    stream = small()
    for start in list(range(0, 60, 20)) * 6:
        stream.partial_fit(documents[start : start + 20], y[start : start + 20], classes=["neg", "pos"])
    assert stream.score(documents, y) > 0.9
    fitted = small(epochs=2).fit(documents, y)
    assert fitted.partial_fit(documents, y).n_iter_ == 3


def test_refused_chunks(reviews, fitted):
    documents, y = reviews
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        small().partial_fit(documents, y)
    with pytest.raises(ValueError, match="class_weight='balanced' needs to know all samples"):
        small(class_weight="balanced").partial_fit(documents, y, classes=["neg", "pos"])
    stream = pickle.loads(pickle.dumps(fitted))
    before = stream.predict_proba(documents)
    for chunk, message in [
        ((["x"], ["new"]), r"previously unseen labels: \['new'\]"),
        ((["x"], ["position"]), r"previously unseen labels: \['position'\]"),  # longer than those of the fit
        ((documents, y, ["neg", "other"]), "not the same as in the earlier fit"),
        ((documents, y[:3]), "inconsistent numbers"),
        ((documents, y, None, np.zeros(60)), "all weights are zero"),
    ]:
        with pytest.raises(ValueError, match=message):
            stream.partial_fit(*chunk)
    np.testing.assert_array_equal(stream.predict_proba(documents), before)
    with pytest.raises(ValueError, match="units would change it"):
        stream.set_params(units=5).partial_fit(documents, y)


def _n_held_examples():
    from skrnn.training._train import Examples

    gc.collect()
    return sum(type(thing) is Examples for thing in gc.get_objects())


def test_no_data_is_kept_after_training(reviews):
    documents, y = reviews
    before = _n_held_examples()
    small(early_stopping=True).fit(documents, y).partial_fit(documents, y)
    assert _n_held_examples() <= before


# Validation and early stopping


def macro_f1(estimator, X, y):
    return f1_score(y, estimator.predict(X), average="macro")


def test_scoring_is_what_early_stopping_watches():
    documents, y = make_reviews(n_documents=80)
    X_val, y_val = make_reviews(n_documents=60, seed=5)
    validation = {"X_val": X_val, "y_val": y_val}
    params = {"early_stopping": True, "n_iter_no_change": 2, "epochs": 30, "tol": 0}
    by_f1 = small(scoring="f1_macro", **params).fit(documents, y, **validation)
    scores = by_f1.validation_scores_
    assert scores == by_f1.history_["val_score"]
    assert by_f1.best_epoch_ == np.argmax(scores) + 1 == by_f1.n_iter_ - 2
    assert scores[by_f1.best_epoch_ - 1] == pytest.approx(f1_score(y_val, by_f1.predict(X_val), average="macro"))
    by_own = small(scoring=macro_f1, **params).fit(documents, y, **validation)
    assert by_own.validation_scores_ == scores
    accuracies = small(scoring=None, **params).fit(documents, y, **validation).validation_scores_
    assert set(np.round(np.array(accuracies) * 60, 9)) <= set(range(61))
    with pytest.raises(ValueError, match="f1_makro"):
        small(scoring="f1_makro").fit(documents, y)


def test_scoring_takes_the_weights_of_the_validation_samples():
    documents, y = make_reviews(n_documents=80)
    X_val, y_val = [*documents[:10], "terrible"], [*y[:10], "pos"]
    weights = [0.0] * 10 + [1.0]
    weighted = small(scoring="accuracy").fit(documents, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    assert weighted.validation_scores_[-1] == 0


@pytest.mark.parametrize(
    "scorer",
    [lambda estimator, X, y: estimator.score(X, y), make_scorer(lambda y, predicted: np.mean(y == predicted))],
    ids=["function", "metric"],
)
def test_a_scorer_of_ones_own_need_not_take_weights(scorer):
    documents, y = make_reviews(n_documents=40)
    weighted = small(scoring=scorer, early_stopping=True, epochs=1).fit(documents, y, np.arange(40) + 1.0)
    assert 0 <= weighted.validation_scores_[0] <= 1


def test_scorers_see_samples_as_users_pass_them_and_no_class_weights():
    seen = []

    def scorer(estimator, X, y):
        seen.append(X)
        return estimator.score(X, y)

    documents, y = make_reviews(n_documents=40)
    options = {"scoring": scorer, "early_stopping": True, "epochs": 1, "class_weight": {"neg": 1, "pos": 2}}
    small(**options).fit(documents, y)
    assert set(seen[-1]) <= set(documents)
    sequences = [np.full((n, 2), float(n)) for n in range(1, 41)]
    numeric = RNNSequenceClassifier(**{**SMALL_NUMERIC, **options})
    numeric.fit(sequences, y)
    assert all(np.array_equal(sequence, sequences[len(sequence) - 1]) for sequence in seen[-1])
    numeric.fit(np.ones((40, 3)), y)
    assert seen[-1].shape == (4, 3)


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        (lambda *_: float("nan"), "to be a number; got nan. Raise validation_fraction"),
        ("roc_auc", "of the 2 validation samples"),  # of one class
    ],
    ids=["nan", "one class"],
)
@pytest.mark.filterwarnings("ignore:Only one class is present")
def test_a_score_that_is_none_does_not_choose_the_best_epoch(scoring, message):
    documents, y = make_reviews(n_documents=20)
    validation = {"X_val": documents[:2], "y_val": ["pos", "pos"]}
    with pytest.raises(ValueError, match=message):
        quick(scoring=scoring, early_stopping=True).fit(documents, y, **validation)


def test_refused_scoring(reviews):
    with pytest.raises(TypeError, match="scoring to be a str, a callable or None"):
        small(scoring=["accuracy", "f1"]).fit(*reviews)
    diverging = {"optimizer": "sgd", "learning_rate": 1e30, "activation": "relu", "clipnorm": None}
    _, X, y = problem(RNNTextRegressor)
    model = RNNTextRegressor(**{**QUICK, **diverging}, scoring="r2")
    with pytest.raises(ValueError, match="Lower learning_rate"):
        model.fit(X, y, X_val=X, y_val=y)


def test_advice_on_tracing_is_kept_from_those_who_fit_and_from_nobody_else(reviews, caplog):
    from keras.callbacks import LambdaCallback

    logger, advice = logging.getLogger("tensorflow"), "5 out of the last 5 calls triggered tf.function retracing."

    def begin(**_):
        logger.warning(advice)
        logger.warning("another %d", "warning")

    with caplog.at_level(logging.WARNING, "tensorflow"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(logger, "propagate", True)
        patch.setattr(logging, "raiseExceptions", False)
        small(epochs=1, callbacks=[LambdaCallback(on_train_begin=lambda _: begin())]).fit(*reviews)
        during = [record.msg for record in caplog.records]
        logger.warning(advice)
    assert (advice in during, "another %d" in during) == (False, True)
    assert caplog.records[-1].msg == advice


def test_errors_in_validation_data_say_so(reviews):
    documents, y = reviews
    for X_val, y_val, message in [
        ("text", y, "single str"),
        (["a", "b"], ["neg"], "2 in X, and y of length 1"),
        (["a"], ["new"], "previously unseen labels"),
    ]:
        with pytest.raises(ValueError, match=f"In the validation data .*{message}"):
            small().fit(documents, y, X_val=X_val, y_val=y_val)


def test_a_search_that_cuts_validation_data_is_found_out(reviews):
    documents, y = reviews
    X_val, y_val = make_reviews(n_documents=60, seed=5)
    validation = {"X_val": X_val, "y_val": y_val}
    with pytest.raises(ValueError, match="cuts every fit parameter that is as long as its X"):
        GridSearchCV(small(epochs=1), {"units": [2]}, cv=2, error_score="raise").fit(documents, y, **validation)
    with pytest.raises(ValueError, match="cuts every fit parameter that is as long as its X"):
        cross_val_predict(small(epochs=1), documents, y, cv=2, params=validation)
    with pytest.raises(ValueError, match="cuts every fit parameter that is as long as its X"):
        permutation_test_score(small(epochs=1), documents, y, cv=2, n_permutations=1, params=validation)
    search = GridSearchCV(small(epochs=1), {"units": [4]}, cv=2, error_score="raise")
    search.fit(documents, y, X_val=X_val[1:], y_val=y_val[1:])
    assert len(search.best_estimator_.history_["val_loss"]) == 1
    assert small(epochs=1).fit(documents, y, X_val=X_val, y_val=y_val).n_iter_ == 1


# Metadata routing


def test_routing_of_weights_and_validation_data(reviews):
    documents, y = reviews
    X_val, y_val = make_reviews(n_documents=30, seed=5)
    weights = np.arange(60) % 2
    with config_context(enable_metadata_routing=True):
        rnn = small(vectorizer="passthrough", early_stopping=True)
        rnn.set_fit_request(sample_weight=True, X_val=True, y_val=True).set_score_request(sample_weight=True)
        pipeline = Pipeline([("tokens", SequenceVectorizer()), ("rnn", rnn)], transform_input=["X_val"])
        pipeline.fit(documents, y, sample_weight=weights, X_val=X_val, y_val=y_val)
        scores = cross_validate(
            small().set_fit_request(sample_weight=True).set_score_request(sample_weight=True),
            documents,
            y,
            params={"sample_weight": weights},
            cv=2,
            error_score="raise",
        )["test_score"]
    plain = small(early_stopping=True).fit(documents, y, weights, X_val=X_val, y_val=y_val)
    # The vocabulary of the pipeline has seen the documents of weight 0 too; the validation data is the same.
    assert len(pipeline["rnn"].validation_scores_) >= 1
    assert np.isfinite(plain.validation_scores_).all()
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


# Keras' callbacks


@pytest.fixture
def counting():
    """A class of Keras callbacks that count what they see."""
    import keras

    class Counting(keras.callbacks.Callback):
        made: ClassVar[list] = []

        def __init__(self):
            super().__init__()
            self.n_epochs = 0
            self.made.append(self)

        def __deepcopy__(self, memo):
            return type(self)()

        def on_epoch_end(self, epoch, logs=None):
            self.n_epochs += 1

    return Counting


def test_callbacks_as_instances_classes_and_factories(counting, reviews):
    instance = counting()
    for callbacks in ([instance], [counting], (functools.partial(counting),)):
        classifier = quick(callbacks=callbacks, epochs=2).fit(*reviews)
        classifier.fit(*reviews)
        assert [callback.n_epochs for callback in counting.made if callback is not instance] == [2, 2]
        del counting.made[1:]
    assert instance.n_epochs == 0
    with pytest.raises(TypeError, match=r"to make a Keras callback; it made \[\]"):
        quick(callbacks=[list]).fit(*reviews)


def test_searches_start_each_fit_with_clean_callbacks(reviews):
    import keras

    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=0, min_delta=10.0)
    search = GridSearchCV(quick(callbacks=[stop]), {"units": [4]}, cv=2, error_score="raise").fit(*reviews)
    assert search.best_estimator_.n_iter_ == 2
    assert stop.best_weights is None
    assert stop.wait == 0


def test_the_best_epoch_is_that_of_the_users_own_early_stopping(reviews):
    import keras

    rising = keras.callbacks.EarlyStopping(monitor="loss", mode="max", patience=2, restore_best_weights=True)
    classifier = quick(callbacks=[rising]).fit(*reviews)
    assert (classifier.best_epoch_, classifier.n_iter_) == (1, 3)
    first = quick(epochs=1).fit(*reviews)
    np.testing.assert_array_equal(classifier.predict_proba(reviews[0]), first.predict_proba(reviews[0]))


# How long, how fast, how sure


def test_the_learning_rate_falls_along_half_a_cosine_in_each_fit(reviews):
    import keras

    rates = []

    def record():
        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda _epoch, _logs: rates.append(float(recorder.model.optimizer.learning_rate))
        )

    def recording():
        nonlocal recorder
        recorder = record()
        return recorder

    recorder = None
    params = {"learning_rate": 0.01, "learning_rate_decay": "cosine", "epochs": 4, "warm_start": True}
    classifier = small(callbacks=[recording], **params).fit(*reviews).fit(*reviews)
    expected = 0.01 * (1 + np.cos(np.pi * np.array([0.125, 0.375, 0.625, 0.875]))) / 2
    np.testing.assert_allclose(rates, [*expected, *expected], rtol=1e-5)
    rates.clear()
    classifier.set_params(learning_rate_decay=None).fit(*reviews)
    np.testing.assert_allclose(rates, [0.01] * 4, rtol=1e-5)


def test_auto_epochs_follow_documents_and_their_lengths(monkeypatch):
    class PlannedError(Exception):
        pass

    def plan(*arguments):
        settings = next(argument for argument in arguments if hasattr(argument, "epochs"))
        raise PlannedError(settings.epochs)

    monkeypatch.setattr("skrnn.training._train.train", plan)
    for n_documents, n_words, batch_size, expected in (
        (40, 8, 2, 60),  # the most
        (300, 50, 24, 22),  # as many as show 1,200,000 characters
        (300, 100, 60, 50),  # as many as 250 steps of the optimizer take
        (250, 600, 9, 10),  # as many as show 1,200 samples of each of two classes
        (900, 200, 16, 5),  # the least
    ):
        documents, y = make_reviews(n_documents)
        documents = [" ".join((document.split() * n_words)[:n_words]) for document in documents]
        with pytest.raises(PlannedError, match=f"^{expected}$"):
            small(epochs="auto", batch_size=batch_size).fit(documents, y)


def test_label_smoothing_keeps_probabilities_from_the_ends(reviews):
    documents, _ = reviews
    rng = np.random.default_rng(0)
    for y in (reviews[1], make_reviews(n_classes=3)[1], rng.integers(2, size=(60, 3))):
        exact, smooth = (
            quick(epochs=20, label_smoothing=rate).fit(documents, y).predict_proba(documents) for rate in (0, 0.3)
        )
        assert np.abs(smooth - 0.5).max() < np.abs(exact - 0.5).max()
    with pytest.raises(ValueError, match="label_smoothing"):
        small(label_smoothing=1).fit(*reviews)


def test_smoothed_loss_of_classes_is_that_of_keras():
    import keras

    from skrnn.training._train import _SmoothedCrossentropy

    rng = np.random.default_rng(0)
    classes, outputs = rng.integers(4, size=10), rng.dirichlet(np.ones(4), size=10).astype(np.float32)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)(np.eye(4)[classes], outputs)
    found = _SmoothedCrossentropy(0.1)(classes, outputs)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5)


# Interruption


def interrupting(epoch_of_interruption):
    import keras

    def interrupt(epoch, _logs):
        if epoch + 1 == epoch_of_interruption:
            raise KeyboardInterrupt

    return keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)


def test_an_interrupted_fit_keeps_what_it_has(reviews):
    documents, y = reviews
    with pytest.warns(UserWarning, match="interrupted after epoch 2"):
        classifier = quick(callbacks=[interrupting(3)]).fit(documents, y)
    assert classifier.n_iter_ == 2
    two = quick(epochs=2).fit(documents, y)
    np.testing.assert_array_equal(classifier.predict_proba(documents), two.predict_proba(documents))


def test_an_interrupted_fit_keeps_the_best_weights():
    documents, y = make_reviews(n_documents=80)
    X_val, y_val = make_reviews(n_documents=40, seed=5)
    wrong = np.where(y_val == "pos", "neg", "pos")  # every epoch makes this validation loss worse
    classifier = quick(early_stopping=True, callbacks=[interrupting(3)])
    with pytest.warns(UserWarning, match="interrupted after epoch 2"):
        classifier.fit(documents, y, X_val=X_val, y_val=wrong)
    assert classifier.best_epoch_ == 1
    first = quick(epochs=1).fit(documents, y)
    np.testing.assert_array_equal(classifier.predict_proba(X_val), first.predict_proba(X_val))


def test_an_interrupted_search_ends(reviews):
    search = GridSearchCV(quick(callbacks=[interrupting(2)], epochs=3), {"units": [3, 4]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(*reviews)


def test_interrupted_before_anything_is_learned_the_estimator_is_as_it_was(reviews):
    classifier = quick(callbacks=[interrupting(1)])
    before = dict(vars(classifier))
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*reviews)
    assert vars(classifier) == before


# scikit-learn's callbacks


class Recorder:
    """A callback of scikit-learn that notes what it is told, and stops after two epochs."""

    def setup(self, estimator, context):
        self.events = []

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self.events.append(f"begin {context.task_name} with {len(X)} samples")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.events.append(f"end {context.task_name}: {fitted_estimator.predict(['splendid']).shape}")
        return context.task_name == "epoch" and context.task_id == 1


def test_scikit_learns_callbacks_see_epochs_and_can_stop(reviews):
    pytest.importorskip("sklearn.callback")
    recorder = Recorder()
    classifier = small().set_callbacks(recorder).fit(*reviews)
    epoch = ["begin epoch with 60 samples", "end epoch: (1,)"]
    assert recorder.events == ["begin fit with 60 samples", *epoch, *epoch, "end fit: (1,)", "teardown"]
    assert classifier.n_iter_ == 2
    with pytest.raises(ValueError, match="only one class"):
        classifier.fit(["a", "b"], ["x", "x"])
    assert recorder.events[-1] == "teardown"
    assert not [name for name in vars(classifier) if name.startswith("_callback")]


def test_progress_bar_and_scoring_monitor_through_pipeline_and_search(reviews):
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(small(epochs=3).set_callbacks(monitor))
    search = GridSearchCV(
        pipeline, {"rnntextclassifier__learning_rate": [0.01, 0.02]}, cv=2, n_jobs=2, error_score="raise"
    )
    progress = [callback.ProgressBar()] if _has_rich() else []
    search.set_callbacks(*progress).fit(*reviews)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 3 * (2 * 2 + 1)  # epochs, for each of the fits
    assert all(0 <= score <= 1 for score in scores)


def _has_rich():
    import importlib.util

    return importlib.util.find_spec("rich") is not None


# Display


def test_a_log_file_gets_a_line_for_each_epoch(capsys, reviews):
    small(epochs=3, verbose=True).fit(*reviews, X_val=reviews[0][:5], y_val=reviews[1][:5])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    scores = r"  accuracy [\d.]+  loss [\d.]+  val_accuracy [\d.]+  val_loss [\d.]+  [\d.]+ s"
    for epoch, line in enumerate(lines[:2], start=1):
        assert re.fullmatch(rf"epoch {epoch}/3{scores}  \d+:\d\d left", line)
    assert re.fullmatch(rf"epoch 3/3{scores}", lines[2])


def test_a_terminal_gets_a_bar_that_the_line_of_the_epoch_replaces(capsys, monkeypatch, reviews):
    import skrnn.training._display

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(skrnn.training._display, "_SECONDS_BETWEEN_UPDATES", 0)
    small(epochs=2, batch_size=30, verbose=1).fit(*reviews)
    first, second, _ = capsys.readouterr().out.split("\n")
    *bars, line = first.split("\r")[1:]
    assert ["[##########..........]" in bars[0], "[####################]" in bars[1]] == [True, True]
    assert line.startswith("epoch 1/2  accuracy")
    assert len(line) >= len(bars[-1].rstrip())
    assert second.count("epoch 2/2") == 3


def test_nothing_is_printed_without_verbose(capfd, reviews):
    small(epochs=1).fit(*reviews)
    assert capfd.readouterr().out == ""


# Networks of the user's own


def own_network(spec: NetworkSpec):
    import keras

    from skrnn.layers import NaNMasking

    if spec.n_tokens is None:
        layers = [keras.Input((None, spec.n_features)), NaNMasking()]
    else:
        layers = [keras.Input((None,), dtype="int32"), keras.layers.Embedding(spec.n_tokens, 8, mask_zero=True)]
    output = keras.layers.Dense(spec.n_outputs, activation=spec.output_activation)
    return keras.Sequential([*layers, keras.layers.GRU(8), keras.layers.Dropout(0.1), output])


@EVERY
def test_a_network_of_ones_own(cls, tmp_path):
    estimator, X, y = problem(cls)
    estimator.set_params(network=own_network, epochs=10, units=9)
    estimator.fit(X, y)
    assert estimator.score(X, y) > 0.6
    assert [type(layer).__name__ for layer in estimator.model_.layers][-3:] == ["GRU", "Dropout", "Dense"]
    expected = outputs(estimator, X)
    np.testing.assert_array_equal(outputs(clone(estimator).fit(X, y), X), expected)
    joblib.dump(estimator, tmp_path / "estimator.joblib")
    np.testing.assert_array_equal(outputs(joblib.load(tmp_path / "estimator.joblib"), X), expected)
    np.testing.assert_allclose(outputs(estimator, X[:1]), expected[:1], rtol=1e-5, atol=1e-6)


def test_a_network_of_ones_own_in_searches_and_streams(reviews):
    documents, y = reviews
    own = small(network=own_network, epochs=2)
    search = GridSearchCV(own, {"learning_rate": [0.01]}, cv=2, n_jobs=2, error_score="raise")
    assert np.isfinite(search.fit(documents, y).cv_results_["mean_test_score"]).all()
    whole = own.fit(documents, y).predict_proba(documents)
    stream = clone(own).partial_fit(documents, y, classes=["neg", "pos"]).partial_fit(documents, y)
    np.testing.assert_array_equal(stream.predict_proba(documents), whole)
    with pytest.raises(ValueError, match="network would change it"):
        stream.set_params(network=None).partial_fit(documents, y)


def test_refused_networks(reviews):
    import keras

    with pytest.raises(TypeError, match=r"function from NetworkSpec to keras\.Model"):
        small(network="cnn").fit(*reviews)
    with pytest.raises(TypeError, match=r"to return a keras\.Model; it returned None"):
        small(network=lambda _spec: None).fit(*reviews)
    with pytest.raises(ValueError, match="model that is built"):
        small(network=lambda _spec: keras.Sequential([keras.layers.Dense(1)])).fit(*reviews)
    with pytest.raises(ValueError, match=r"outputs of shape \(batch, 1\)"):
        small(network=lambda _spec: keras.Sequential([keras.Input((None, 2)), keras.layers.LSTM(3)])).fit(*reviews)


# Other backends


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_another_backend_trains_the_same_kind_of_network(backend):
    pytest.importorskip(backend)
    code = f"""
import keras, numpy as np
from conftest import SMALL, make_reviews
from skrnn import NetworkSpec, RNNTextClassifier
from skrnn.text._char_ngrams import take_apart
from skrnn.network._keras import build_training_network
assert keras.backend.backend() == "{backend}"
documents, y = make_reviews()
for seed in range(4):  # a layer's seed is any number of 32 bits
    classifier = RNNTextClassifier(**{{**SMALL, "epochs": 1, "random_state": seed}}).fit(documents, y)
assert not classifier._network["weights"]["ngram_embedding"][0].any()  # of n-grams that have none
ids = classifier.vectorizer_.transform(documents).toarray()
outputs = classifier.model_.predict(ids, verbose=0)
np.testing.assert_allclose(outputs[:, 0], classifier.predict_proba(documents)[:, 1], atol=1e-5)
spec = NetworkSpec(**classifier._network["spec"])
parts = classifier._initial_parts(spec)  # vectors of zeros
training = build_training_network(spec, len(parts["char_ngram_embedding"]))
training.set_weights(list(take_apart(classifier._network["weights"], parts).values()))
np.testing.assert_allclose(training.predict(ids, verbose=0), outputs, atol=1e-5)
"""
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, stdin=subprocess.DEVNULL)
