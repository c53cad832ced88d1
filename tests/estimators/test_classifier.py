import random
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import QUICK, SMALL, make_reviews
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.utils.class_weight import compute_sample_weight

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.estimators._base import OPTIMIZERS


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def quick(**params):
    return RNNTextClassifier(**{**QUICK, **params})


def test_classifier_learns_the_deciding_word():
    documents, labels = make_reviews(n_documents=100, seed=1)
    classifier = small().fit(*make_reviews(200))
    assert classifier.score(documents, labels) > 0.95
    assert classifier.predict(["splendid", "the film was terrible"]).tolist() == ["pos", "neg"]


@pytest.mark.parametrize(
    ("cell", "pooling"),
    [("simple", "last"), ("gru", "mean"), ("lstm", "max_mean"), ("lstm", "attention")],
)
def test_every_cell_and_pooling_learns(cell, pooling, reviews):
    classifier = small(cell=cell, pooling=pooling, epochs=20)
    assert classifier.fit(*reviews).score(*reviews) > 0.9


@pytest.mark.parametrize(
    "params", [{"units": (6, 4)}, {"units": [4]}, {"bidirectional": False}, {"activation": "relu"}]
)
def test_other_shapes_of_network_learn(params, reviews):
    assert small(**params, epochs=12).fit(*reviews).score(*reviews) > 0.9


@pytest.mark.parametrize("weight_decay", [0, 1e-4])
def test_adamw_learns_with_and_without_decay(weight_decay, reviews):
    classifier = quick(optimizer="adamw", weight_decay=weight_decay, clipnorm=None, epochs=12)
    assert classifier.fit(*reviews).score(*reviews) > 0.9


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss(optimizer, reviews):
    no_dropout = {"dropout": 0, "embedding_dropout": 0, "token_dropout": 0}
    # "ftrl" first moves all weights to zero, and needs larger steps to learn from there.
    rate, epochs = (0.2, 8) if optimizer == "ftrl" else (0.005, 3)
    classifier = quick(optimizer=optimizer, learning_rate=rate, epochs=epochs, **no_dropout)
    losses = classifier.fit(*reviews).history_["loss"]
    assert losses[-1] < losses[0]


def test_optimizer_class_and_schedule_are_accepted(reviews):
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(0.05, decay_steps=48)
    classifier = quick(optimizer=keras.optimizers.Adam, learning_rate=schedule, epochs=12)
    assert clone(classifier).fit(*reviews).score(*reviews) > 0.9


def test_three_probabilities_sum_to_one():
    documents, labels = make_reviews(n_classes=3, n_documents=90)
    classifier = small(epochs=12).fit(documents, labels)
    probabilities = classifier.predict_proba(documents)
    assert probabilities.shape == (90, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(classifier.predict(documents), classifier.classes_[probabilities.argmax(axis=1)])
    np.testing.assert_allclose(classifier.predict_log_proba(documents), np.log(probabilities))
    assert classifier.score(documents, labels) > 0.9


def test_decision_function_gives_the_logits(reviews, fitted):
    from scipy.special import expit, softmax

    np.testing.assert_allclose(expit(fitted.decision_function(reviews[0])), fitted.predict_proba(reviews[0])[:, 1])
    documents, labels = make_reviews(n_classes=3, n_documents=30)
    classifier = small(epochs=1).fit(documents, labels)
    np.testing.assert_allclose(
        softmax(classifier.decision_function(documents), axis=1), classifier.predict_proba(documents)
    )


def test_setting_parameters_does_not_change_predictions(reviews):
    classifier = small(epochs=1).fit(*reviews)
    decisions, probabilities = classifier.decision_function(reviews[0]), classifier.predict_proba(reviews[0])
    classifier.set_params(network=print, cell="gru", pooling="mean", vectorizer="passthrough")
    np.testing.assert_array_equal(classifier.decision_function(reviews[0]), decisions)
    np.testing.assert_array_equal(classifier.predict_proba(reviews[0]), probabilities)


def test_probabilities_agree_with_the_keras_model(reviews, fitted):
    documents, _ = reviews
    ids = fitted.vectorizer_.encode(documents)
    outputs = fitted.model_.predict(ids, verbose=0)[:, 0]
    np.testing.assert_allclose(fitted.predict_proba(documents)[:, 1], outputs, atol=1e-5)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_data_frames_of_one_column_are_accepted(frame, reviews, fitted):
    documents, y = reviews
    table = frame({"text": documents})
    classifier = small().fit(table, y)
    assert classifier.feature_names_in_.tolist() == ["text"]
    for X in (table, documents):
        np.testing.assert_array_equal(classifier.predict_proba(X), fitted.predict_proba(documents))
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(frame({"title": documents}))
    assert not hasattr(classifier.fit(documents, y), "feature_names_in_")


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 2 brought StringDType")
def test_numpy_strings_are_accepted(reviews, fitted):
    documents, y = reviews
    strings = np.dtypes.StringDType()
    classifier = small().fit(np.array(documents, dtype=strings), np.array(y.tolist(), dtype=strings))
    np.testing.assert_array_equal(classifier.predict_proba(documents), fitted.predict_proba(documents))
    assert classifier.classes_.tolist() == ["neg", "pos"]
    assert classifier.score(documents, np.array(y.tolist(), dtype=strings)) > 0.9


def test_tags_describe_a_text_classifier(fitted):
    assert is_classifier(fitted)
    tags = fitted.__sklearn_tags__()
    assert tags.input_tags.string
    assert tags.target_tags.required
    assert not tags.input_tags.two_d_array


def test_parameters_are_stored_untouched_and_cloned():
    vectorizer = SequenceVectorizer(max_features=7)
    params = {**SMALL, "vectorizer": vectorizer, "units": (3, 2)}
    classifier = RNNTextClassifier(**params)
    for name, value in params.items():
        assert getattr(classifier, name) is value
    assert clone(classifier).get_params()["vectorizer__max_features"] == 7
    assert clone(classifier).get_params()["units"] == (3, 2)


def test_fit_returns_self_and_keeps_parameters(reviews):
    classifier = small(vectorizer=SequenceVectorizer(max_features=9), class_weight="balanced")
    before = classifier.get_params()
    assert classifier.fit(*reviews) is classifier
    assert classifier.get_params() == before
    assert not hasattr(classifier.vectorizer, "vocabulary_")
    assert len(classifier.vocabulary_) == 9


def test_parameters_of_the_default_vectorizer_can_be_set():
    classifier = RNNTextClassifier().set_params(vectorizer__max_features=5, units=3)
    assert classifier.vectorizer.max_features == 5
    assert classifier.units == 3
    assert RNNTextClassifier().set_params(units=3).vectorizer is None
    with pytest.raises(ValueError, match="nope"):
        classifier.set_params(vectorizer=None).set_params(vectorizer__nope=3)
    assert classifier.vectorizer is None


def test_failed_fit_leaves_the_estimator_unchanged(reviews, fitted):
    classifier = clone(fitted).fit(*reviews)
    state = dict(vars(classifier))
    with pytest.raises(ValueError, match="only one class"):
        classifier.fit(["a", "b"], ["x", "x"])
    with pytest.raises(ValueError, match="Empty vocabulary"):
        classifier.fit(["", ""], ["x", "y"])
    assert vars(classifier) == state


def test_random_state_determines_probabilities_in_threads_too(reviews, fitted):
    documents, y = reviews
    fits = [clone(fitted).fit(documents, y)]
    fits += joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(clone(fitted).fit)(documents, y) for _ in range(4)
    )
    for classifier in fits:
        np.testing.assert_array_equal(classifier.predict_proba(documents), fitted.predict_proba(documents))


def test_another_random_state_gives_another_network(reviews, fitted):
    documents, y = reviews
    other = small(random_state=1).fit(documents, y)
    assert np.abs(other.predict_proba(documents) - fitted.predict_proba(documents)).max() > 1e-4


def test_fits_are_independent(reviews, monkeypatch):
    from skrnn.network._keras import IdlePool

    first = small(learning_rate=0.01).fit(*reviews)
    small(learning_rate=0.5, epochs=1).fit(*make_reviews(seed=9))
    again = small(learning_rate=0.01).fit(*reviews)
    monkeypatch.setattr("skrnn.training._reuse._POOL", IdlePool(size=1))
    anew = small(learning_rate=0.01).fit(*reviews)
    for classifier in (again, anew):
        np.testing.assert_array_equal(classifier.predict_proba(reviews[0]), first.predict_proba(reviews[0]))


def test_fit_changes_no_global_state(reviews):
    import keras
    from tensorflow.python.framework import config

    random_state, numpy_state = random.getstate(), str(np.random.get_state())  # noqa: NPY002 - the legacy state is the point
    reduce = {cls: cls.__reduce__ for cls in (keras.Model, keras.optimizers.Optimizer, keras.losses.Loss)}
    filters = list(warnings.filters)
    small(units=5).fit(*reviews)
    assert random.getstate() == random_state
    assert str(np.random.get_state()) == numpy_state  # noqa: NPY002 - the legacy state is the point
    assert not config.is_op_determinism_enabled()
    assert keras.config.floatx() == "float32"
    assert warnings.filters == filters
    for cls, method in reduce.items():
        assert cls.__reduce__ is method
        assert not method.__module__.startswith("scikeras")


def test_prediction_depends_on_the_document_alone(reviews, fitted):
    documents = [*reviews[0], "", "unheard-of words", "terrible " * 500]
    together = fitted.predict_proba(documents)
    one_by_one = np.vstack([fitted.predict_proba([document]) for document in documents])
    np.testing.assert_allclose(one_by_one, together, atol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(documents[::-1])[::-1], together, atol=1e-6)


def test_empty_and_unknown_documents_are_accepted(reviews, fitted):
    documents, y = reviews
    assert np.all(np.isfinite(fitted.predict_proba(["", "qwertz", "   "])))
    classifier = small().fit([*documents, "", ""], [*y, "neg", "pos"])
    assert classifier.score(documents, y) > 0.9


def test_early_stopping_ends_the_history():
    documents, y = make_reviews(n_documents=300)
    classifier = small(epochs=40, early_stopping=True, n_iter_no_change=2, tol=0.01).fit(documents, y)
    assert set(classifier.history_) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    losses = classifier.history_["val_loss"]
    assert classifier.n_iter_ == len(losses) < 40
    assert classifier.best_epoch_ == classifier.n_iter_ - 2
    assert classifier.validation_scores_ == [-loss for loss in losses]


def test_early_stopping_keeps_the_weights_of_the_best_epoch():
    documents, y = make_reviews(n_documents=80)
    X_val, y_val = make_reviews(n_documents=40, seed=5)
    wrong = np.where(y_val == "pos", "neg", "pos")  # each epoch increases this validation loss
    params = {"early_stopping": True, "n_iter_no_change": 3}
    stopped = small(**params).fit(documents, y, X_val=X_val, y_val=wrong)
    assert (stopped.best_epoch_, stopped.n_iter_) == (1, 4)
    one_epoch = small(epochs=1).fit(documents, y)
    np.testing.assert_array_equal(stopped.predict_proba(X_val), one_epoch.predict_proba(X_val))


def test_validation_data_is_scored_but_never_trained_on(reviews, fitted):
    X_val, y_val = make_reviews(n_documents=30, seed=5)
    classifier = small().fit(*reviews, X_val=X_val, y_val=y_val, sample_weight_val=np.ones(30))
    assert len(classifier.history_["val_loss"]) == classifier.n_iter_ == classifier.best_epoch_ == SMALL["epochs"]
    np.testing.assert_array_equal(classifier.predict_proba(X_val), fitted.predict_proba(X_val))


def test_early_stopping_accepts_more_classes_than_validation_documents():
    documents = [f"word{i} once more" for i in range(20) for _ in range(3)]
    labels = np.repeat(np.arange(20), 3)
    classifier = small(early_stopping=True, epochs=1).fit(documents, labels)
    assert len(classifier.classes_) == 20
    assert classifier.validation_scores_ is not None


def test_weight_zero_removes_a_sample(reviews):
    documents, y = reviews
    weights = np.arange(len(y)) % 3 != 0
    kept = [document for document, weight in zip(documents, weights, strict=True) if weight]
    weighted = small().fit(documents, y, sample_weight=weights.astype(float))
    removed = small().fit(kept, y[weights])
    np.testing.assert_array_equal(weighted.predict_proba(documents), removed.predict_proba(documents))


@pytest.mark.parametrize("class_weight", [None, "balanced", {"neg": 1, "new": 3, "pos": 2}])
def test_class_of_weight_zero_stays_in_classes(reviews, class_weight):
    documents, y = reviews
    classifier = small(class_weight=class_weight).fit([*documents, "bad"], [*y, "new"], [1] * len(y) + [0])
    assert classifier.classes_.tolist() == ["neg", "new", "pos"]
    assert classifier.score(documents, y) > 0.9
    weights = (np.asarray(y) == "pos").astype(float)
    assert set(small().fit(documents, y, weights).predict(documents)) == {"pos"}


def test_voting_accepts_classifiers_with_different_weights(reviews):
    documents, y = [*reviews[0], "bad", "good"], [*reviews[1], "new", "new"]
    weights = (np.asarray(y) != "new").astype(float)
    voting = VotingClassifier([("a", small()), ("b", small(random_state=1))], voting="soft")
    voting.fit(documents, y, sample_weight=weights)
    assert voting.score(reviews[0], reviews[1]) > 0.9


@pytest.mark.parametrize("max_features", [1, 2])
def test_small_vocabularies_and_many_classes_are_accepted(max_features):
    documents, y = ["good", "bad", "so so"] * 5, ["a", "b", "c"] * 5
    vectorizer = SequenceVectorizer(max_features=max_features)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(vectorizer=vectorizer, embedding_dim=2, epochs=1).fit(documents, y)


def test_only_ratios_of_sample_weights_matter(reviews, fitted):
    documents, y = reviews
    weights = np.full(len(y), 7.0)
    weights.flags.writeable = False
    constant = small(class_weight={"neg": 1, "pos": 1}).fit(documents, y, sample_weight=weights)
    np.testing.assert_array_equal(constant.predict_proba(documents), fitted.predict_proba(documents))
    assert np.all(weights == 7.0)


def test_class_weight_equals_sample_weights(reviews):
    documents, y = [*reviews[0], *reviews[0][:20]], np.concatenate([reviews[1], ["neg"] * 20])
    plain = small().fit(documents, y).predict_proba(documents)
    for class_weight in ("balanced", {"neg": 1, "pos": 20}):
        by_class = small(class_weight=class_weight).fit(documents, y)
        weights = compute_sample_weight(class_weight, y)
        by_sample = small().fit(documents, y, sample_weight=weights)
        np.testing.assert_array_equal(by_class.predict_proba(documents), by_sample.predict_proba(documents))
        assert by_class.predict_proba(documents)[:, 1].mean() > plain[:, 1].mean()


def test_balanced_class_weights_use_the_training_documents(reviews):
    documents, y = reviews
    params = {"class_weight": {"neg": 3, "pos": 1}, "warm_start": True}
    classifier = small(**params).fit(documents, y, X_val=documents[:1], y_val=y[:1])
    assert classifier.class_weight_.tolist() == [3, 1]
    assert classifier.fit(documents[:1], y[:1]).class_weight_.tolist() == [3, 1]
    for class_weight in ({"neg": -1}, {"neg": float("nan")}, {"neg": 0, "pos": 0}):
        with pytest.raises(ValueError, match="class_weight to be >= 0, and some > 0"):
            small(class_weight=class_weight).fit(documents, y)
    with pytest.raises(ValueError, match=r"In the validation data .* sample of a class with a weight > 0"):
        small(class_weight={"neg": 0}).fit(documents, y, X_val=["terrible"], y_val=["neg"])


def test_warm_start_accepts_a_new_learning_rate_but_no_new_optimizer(reviews):
    classifier = small(warm_start=True, epochs=1).fit(*reviews)
    before = classifier.predict_proba(reviews[0])
    classifier.set_params(learning_rate=1e-9).fit(*reviews)
    np.testing.assert_allclose(classifier.predict_proba(reviews[0]), before, atol=1e-5)
    with pytest.raises(ValueError, match="but optimizer would change it"):
        classifier.set_params(optimizer="sgd").fit(*reviews)


def test_history_covers_all_epochs_of_warm_starts(reviews):
    classifier = small(warm_start=True, epochs=2).fit(*reviews)
    classifier.fit(*reviews, X_val=reviews[0], y_val=reviews[1])
    assert {len(values) for values in classifier.history_.values()} == {4}
    assert np.isnan(classifier.history_["val_loss"]).tolist() == [True, True, False, False]


def test_warm_start_resumes_exactly(reviews):
    documents, y = reviews
    through = small(epochs=4).fit(documents, y)
    resumed = small(epochs=2, warm_start=True).fit(documents, y)
    assert resumed.n_iter_ == 2
    resumed.fit(documents, y)
    assert resumed.n_iter_ == 4
    assert resumed.history_ == through.history_
    np.testing.assert_array_equal(resumed.predict_proba(documents), through.predict_proba(documents))


def test_warm_start_resumes_from_a_fit_without_it(reviews, fitted):
    documents, y = reviews
    classifier = clone(fitted).fit(documents, y).set_params(warm_start=True, epochs=2).fit(documents, y)
    assert classifier.n_iter_ == fitted.n_iter_ + 2 == len(classifier.history_["loss"])
    assert classifier.history_["loss"][-1] < fitted.history_["loss"][-1]


def test_warm_start_keeps_vocabulary_and_classes(reviews):
    documents, y = reviews
    classifier = small(warm_start=True, epochs=1).fit(documents, y)
    vocabulary = classifier.vocabulary_
    classifier.fit(["a sequel terrible beyond words", "splendid"], ["neg", "pos"])
    assert classifier.vocabulary_ == vocabulary
    with pytest.raises(ValueError, match="previously unseen labels"):
        classifier.fit(documents[:2], ["neg", "new"])
    with pytest.raises(ValueError, match="resumes with the fitted network, but units"):
        classifier.set_params(units=7).fit(documents, y)


def test_callbacks_are_copied_for_each_fit(reviews):
    import keras

    class Counter(keras.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1
            if self.epochs == 2:
                self.model.stop_training = True

    counter = Counter()
    classifier = quick(callbacks=[counter])
    for _ in range(2):
        assert classifier.fit(*reviews).n_iter_ == 2
    assert counter.epochs == 0
    assert quick(callbacks=[Counter]).fit(*reviews).n_iter_ == 2


def test_article_model_has_the_expected_layers(reviews):
    import keras

    classifier = RNNTextClassifier(
        SequenceVectorizer(max_features=5000),
        cell="simple",
        units=128,
        bidirectional=False,
        pooling="last",
        embedding_dim=16,
        dropout=0,
        embedding_dropout=0,
        token_dropout=0,
        label_smoothing=0,
        max_ngrams=0,
        char_ngram_range=None,
        skip_connection=False,
        linear_model=False,
        learning_rate_decay=None,
        clipnorm=None,
        epochs=1,
        batch_size=64,
        early_stopping=False,
    ).fit(*reviews)
    embedding, rnn, dense = classifier.model_.layers
    assert type(embedding) is keras.layers.Embedding
    assert type(rnn) is keras.layers.SimpleRNN
    assert type(dense) is keras.layers.Dense
    assert (embedding.output_dim, rnn.units, dense.units) == (16, 128, 1)
    assert dense.activation is keras.activations.sigmoid
    assert embedding.input_dim == len(classifier.vocabulary_) + 2
    assert classifier.n_parameters_ == classifier.model_.count_params()


def test_passthrough_reads_token_ids(reviews):
    documents, y = reviews
    fitted = small(char_ngram_range=None).fit(documents, y)  # ids have no spelling
    X = SequenceVectorizer().fit_transform(documents)
    for ids in (X, X.toarray(), np.fliplr(np.pad(np.fliplr(X.toarray()), ((0, 0), (0, 3)))), sparse.csc_array(X)):
        classifier = small(vectorizer="passthrough").fit(ids, y)
        np.testing.assert_array_equal(classifier.predict_proba(ids), fitted.predict_proba(documents))
    classifier.set_params(vectorizer=None)  # predictions still accept token ids
    X.data[0] = 10_000  # new ids are unknown tokens
    assert np.all(np.isfinite(classifier.predict_proba(X)))


def test_listing_members_builds_no_model(fitted, monkeypatch):
    monkeypatch.setattr("skrnn.network._keras.build_network", None)
    assert "model_" not in dir(fitted)
    assert "RNNTextClassifier" in fitted._repr_html_()
    with pytest.raises(TypeError):
        fitted.model_  # noqa: B018 - asking for it is the point


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("one document", ValueError, "got a single str. Wrap it in a list"),
        (["good", None], ValueError, "Document 1 is missing"),
        (["good", float("nan")], ValueError, "Document 1 is missing"),
        (["good", 3.5], TypeError, "got float at position 1"),
        (["good", b"\xff\xfe"], ValueError, "Document 1 is bytes that are not UTF-8"),
        (pd.DataFrame({"text": ["a", "b"], "title": ["c", "d"]}), ValueError, "ColumnTransformer"),
        (["one", "two", "three"], ValueError, "inconsistent numbers of samples"),
        ([], ValueError, "at least one document"),
        (["", " "], ValueError, "Empty vocabulary: the documents hold no token"),
    ],
)
def test_invalid_documents_are_refused_in_fit(X, error, message):
    with pytest.raises(error, match=message):
        small().fit(X, ["a", "b"])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "a"], "only one class: .*a"),
        ([0.5, 1.5], "continuous"),
        (None, "requires y to be passed"),
        ([[0, 3], [1, 0]], "indicator matrix"),
        ([1.0, float("nan")], "NaN"),
        ([["a", "b"], ["c"]], "MultiLabelBinarizer"),
    ],
)
def test_invalid_targets_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        small().fit(["good", "bad"], y)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (
            {"cell": "ltsm"},
            ValueError,
            "Expected cell to be 'simple', 'gru' or 'lstm'; got 'ltsm'. Did you mean 'lstm'",
        ),
        ({"cell": "LSTM"}, ValueError, "Did you mean 'lstm'"),
        ({"pooling": "maxx"}, ValueError, "Did you mean 'max'"),
        ({"optimizer": "adamm"}, ValueError, "Did you mean 'adam'"),
        ({"activation": None}, TypeError, "Expected activation"),
        ({"units": 0}, ValueError, "Expected units to be an integer >= 1 or a tuple .*; got 0"),
        ({"units": ()}, TypeError, "units"),
        ({"units": "64"}, TypeError, "units"),
        ({"embedding_dim": 2.5}, TypeError, "embedding_dim"),
        ({"dropout": 1.0}, ValueError, "dropout to be a number >= 0 and < 1"),
        ({"token_dropout": -0.1}, ValueError, "token_dropout"),
        ({"learning_rate": 0}, ValueError, "learning_rate"),
        ({"learning_rate": "fast"}, TypeError, "learning_rate"),
        ({"clipnorm": -1}, ValueError, "clipnorm"),
        ({"weight_decay": -1e-3}, ValueError, "weight_decay"),
        ({"epochs": 0}, ValueError, "epochs"),
        ({"epochs": True}, TypeError, "epochs"),
        ({"batch_size": 1.5}, TypeError, "batch_size"),
        ({"validation_fraction": 0.9}, ValueError, "validation_fraction"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change"),
        ({"tol": -1}, ValueError, "tol"),
        ({"early_stopping": "yes"}, TypeError, "early_stopping"),
        ({"class_weight": "balance"}, ValueError, "class_weight"),
        ({"vectorizer": "pass"}, TypeError, "vectorizer"),
        ({"vectorizer": SequenceVectorizer(stop_words=3)}, TypeError, "stop_words"),
        ({"vectorizer": SequenceVectorizer(vocabulary="abc")}, TypeError, "vocabulary"),
        ({"vectorizer": SequenceVectorizer(vocabulary=[1, 2])}, TypeError, "vocabulary"),
        ({"vectorizer": SequenceVectorizer(tokenizer="split")}, TypeError, "tokenizer"),
        ({"vectorizer": SequenceVectorizer(truncate="middle")}, ValueError, "truncate"),
        ({"callbacks": "all"}, TypeError, "callbacks"),
        ({"callbacks": [3]}, TypeError, "callbacks"),
        ({"optimizer": int}, TypeError, "subclass of keras.optimizers.Optimizer"),
        ({"learning_rate": None}, TypeError, "learning_rate"),
        ({"bidirectional": "no"}, TypeError, "bidirectional"),
        ({"warm_start": 1}, TypeError, "warm_start"),
        ({"verbose": -1}, ValueError, "verbose"),
        ({"early_stopping": True, "validation_fraction": 0.1}, ValueError, "gives no validation samples"),
    ],
)
def test_invalid_parameters_are_refused(params, error, message):
    with pytest.raises(error, match=message):
        small(**params).fit(["good", "bad"], ["a", "b"])


def test_invalid_weights_and_validation_data_are_refused(reviews):
    documents, y = reviews
    for weights, message in [
        (np.ones(3), "inconsistent"),
        (-np.ones(len(y)), ">= 0"),
        (np.zeros(len(y)), "all weights are zero"),
        (np.ones((len(y), 2)), "one-dimensional"),
        (np.full(len(y), np.nan), "NaN"),
        (np.full(len(y), 1e308), "with a finite sum"),
    ]:
        with pytest.raises(ValueError, match=message):
            small().fit(documents, y, sample_weight=weights)
    with pytest.raises(ValueError, match="with a finite sum"):
        small(class_weight={"neg": 1e307, "pos": 1e307}).fit(documents, y)
    with pytest.raises(ValueError, match="y_val is missing"):
        small().fit(documents, y, X_val=documents)
    with pytest.raises(ValueError, match="previously unseen labels"):
        small().fit(documents, y, X_val=["x"], y_val=["new"])
    with pytest.raises(ValueError, match=r"previously unseen labels: \['False', 'True'\]"):
        small().fit(documents, np.asarray(y) == "pos", X_val=documents[:2], y_val=["True", "False"])


@pytest.mark.parametrize(
    ("labels", "same"),
    [
        (np.array([np.str_("a"), "b"] * 6, dtype=object), ["a", "b"]),
        (np.array(["2020-01-01", "2021-01-01"] * 6, dtype="M8[D]"), np.array(["2020-01-01"], dtype="M8[ns]")),
        (pd.Series([True, False] * 6, dtype="boolean"), [True]),
        (pd.Series(["a", "b"] * 6, dtype="category"), ["b"]),
    ],
)
def test_labels_match_across_dtypes(labels, same):
    documents = ["good film", "bad film"] * 6
    classifier = small(epochs=1).fit(documents, labels, X_val=documents[: len(same)], y_val=same)
    assert len(classifier.classes_) == 2


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (["a", None], ValueError, "y contains None"),
        (["a", np.nan], ValueError, "y contains nan"),
        (pd.array(["a", pd.NA], dtype="string"), ValueError, "y contains <NA>"),
        (["a", 1], TypeError, "have one type; got str and int"),
    ],
)
def test_invalid_labels_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        small().fit(["some", "text"] * 3, np.tile(np.asarray(labels, dtype=object), 3))


def test_infinite_loss_is_explained(reviews):
    with pytest.raises(ValueError, match=r"training loss became .* Lower learning_rate"):
        quick(activation="relu", optimizer="sgd", clipnorm=None, learning_rate=1e30).fit(*reviews)
    one_step = {"epochs": 1, "batch_size": 60, "learning_rate": 1e30, "weight_decay": 1e30}
    with pytest.raises(ValueError, match=r"weights became infinite or NaN. Lower learning_rate"):
        quick(activation="relu", optimizer="sgd", clipnorm=None, **one_step).fit(*reviews)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
def test_predict_before_fit_is_refused(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(RNNTextClassifier(), method)(["text"])
    assert not hasattr(RNNTextClassifier(), "model_")


def test_invalid_documents_are_refused_in_predict(fitted):
    with pytest.raises(ValueError, match="single str"):
        fitted.predict("text")
    with pytest.raises(ValueError, match="at least one document"):
        fitted.predict([])
    with pytest.raises(ValueError, match="at least one document"):
        small(vectorizer="passthrough").fit(np.zeros((0, 3)), [])
    with pytest.raises(ValueError, match="For text, pass the documents and leave vectorizer at None"):
        small(vectorizer="passthrough").fit(["good", "bad"], ["a", "b"])


@pytest.mark.parametrize("kind", ["two classes", "five classes", "labels"])
def test_every_seed_begins_with_the_right_answer(kind):
    rng = np.random.default_rng(0)
    if kind == "labels":
        y = (rng.random((200, 3)) < 0.4).astype(int)
        keys = [np.flatnonzero(row) for row in y]
    else:
        y = np.arange(200) % (2 if kind == "two classes" else 5)
        keys = [[label] for label in y]
    documents = [
        " ".join([f"word{word}" for word in rng.integers(50, size=6)] + [f"key{key}" for key in present])
        for present in keys
    ]
    for seed in range(4):
        classifier = RNNTextClassifier(units=4, embedding_dim=16, epochs=1, random_state=seed).fit(documents, y)
        if kind == "labels":
            probabilities = classifier.predict_proba(documents)
            assert (
                min(
                    probabilities[y[:, i] == 1, i].mean() - probabilities[y[:, i] == 0, i].mean() for i in range(3)
                )
                > 0.05
            )
        else:
            assert classifier.score(documents, y) > 0.8
