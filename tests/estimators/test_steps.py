"""Steps of a fit: the number of epochs, resuming, and the warning about long samples."""

import copy

import keras
import numpy as np
import pytest
from conftest import QUICK, SMALL, make_reviews
from sklearn.model_selection import GridSearchCV

from skrnn import RNNSequenceClassifier, RNNTextClassifier


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


class PlannedError(Exception):
    pass


@pytest.fixture
def no_training(monkeypatch):
    """Raise PlannedError with the number of epochs where the training would begin."""

    def plan(*arguments):
        settings = next(argument for argument in arguments if hasattr(argument, "epochs"))
        raise PlannedError(settings.epochs)

    monkeypatch.setattr("skrnn.training._train.train", plan)


@pytest.mark.usefixtures("no_training")
def test_auto_epochs_depend_on_documents_and_lengths():
    for n_documents, n_words, batch_size, expected, beside_linear_model in (
        (40, 8, 2, 60, 10),  # the maxima
        (300, 50, 24, 22, 10),  # 1,200,000 characters
        (300, 100, 60, 50, 10),  # 250 batches
        (250, 600, 9, 10, 6),  # 1,200 samples of each class
        (900, 200, 16, 5, 3),  # the minima
    ):
        documents, y = make_reviews(n_documents)
        documents = [" ".join((document.split() * n_words)[:n_words]) for document in documents]
        for linear_model, n_epochs in ((False, expected), (True, beside_linear_model)):
            with pytest.raises(PlannedError, match=f"^{n_epochs}$"):
                small(epochs="auto", batch_size=batch_size, linear_model=linear_model).fit(documents, y)


@pytest.mark.usefixtures("no_training")
def test_many_classes_have_more_auto_epochs():
    documents = [f"word{i % 77} again" for i in range(770)]
    with pytest.raises(PlannedError, match=r"^21$"):
        small(epochs="auto").fit(documents, np.arange(770) % 77)


@pytest.mark.usefixtures("no_training")
def test_auto_epochs_of_many_classes_are_not_rounded_up():
    documents = ["word again " * 30] * 5880
    with pytest.raises(PlannedError, match=r"^10$"):  # exactly 1,200 samples of each class
        small(epochs="auto", linear_model=False, batch_size=8).fit(documents, np.arange(5880) % 49)


@pytest.mark.usefixtures("no_training")
def test_rare_labels_have_more_auto_epochs():
    documents = [f"word{i % 77} again " * 30 for i in range(1540)]
    # 1,200 samples of a label on average. The last one has the maximum.
    for one_in, expected in ((2, 5), (20, 21), (40, 41), (10_000, 60)):
        labels = np.arange(1540)[:, None] % [one_in, 2 * one_in] == 0
        with pytest.raises(PlannedError, match=rf"^{expected}$"):
            small(epochs="auto", linear_model=False, batch_size=8).fit(documents, labels.astype(int))


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("cls", [RNNTextClassifier, RNNSequenceClassifier])
def test_fits_warn_about_few_very_long_samples(cls):
    X = ["a b c d e"] * 300 if cls is RNNTextClassifier else [np.zeros((5, 1))] * 300
    X[17], X[203] = ("a b " * 5000, "a b " * 3000) if cls is RNNTextClassifier else np.zeros((2, 10_000, 1))
    y, weights = np.arange(300) % 2, np.ones(300)
    weights[:10] = 0  # these samples are left out, and the positions count them
    expected = (
        r"^About \d+% of the training time will go to 2 of 290 samples, with up to 10000 time steps. The others "
        r"have at most 5. Positions in X: 17, 203. For text, set max_length of the vectorizer, for example to 5. "
    )
    with pytest.warns(UserWarning, match=expected), pytest.raises(PlannedError):
        cls().fit(X, y, weights)


@pytest.mark.usefixtures("no_training")
def test_fits_do_not_warn_about_moderately_long_samples(recwarn):
    rng = np.random.default_rng(0)
    documents = [" ".join(["a"] * int(length)) for length in rng.lognormal(3, 1, size=500)]
    documents += ["a " * 2000]
    with pytest.raises(PlannedError):
        small().fit(documents, np.arange(501) % 2)
    assert not [warning for warning in recwarn if issubclass(warning.category, UserWarning)]


@pytest.mark.parametrize("params", [{"embedding_dim": 9}, {"trainable_embeddings": False}])
def test_resuming_names_the_changed_parameter(params, reviews):
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "warm_start": True}).fit(*reviews)
    with pytest.raises(ValueError, match=f"but {next(iter(params))}"):
        classifier.set_params(**params).fit(*reviews)


def test_class_weights_can_change_when_training_resumes(reviews):
    documents, y = reviews
    classifier = RNNTextClassifier(**{**SMALL, "epochs": 1, "warm_start": True}).fit(documents, y)
    unweighted = copy.deepcopy(classifier).fit(documents, y)
    classifier.set_params(class_weight={"neg": 50}).fit(documents, y)
    assert classifier.class_weight_.tolist() == [50, 1]
    assert classifier.predict_proba(documents)[:, 0].mean() > unweighted.predict_proba(documents)[:, 0].mean()


class DivergeAndInterrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.set_weights([weight * np.float32(np.nan) for weight in self.model.get_weights()])
            raise KeyboardInterrupt


def test_interrupted_search_ends_even_if_the_weights_diverged(reviews):
    params = {**QUICK, "max_ngrams": 0, "char_ngram_range": None, "callbacks": [DivergeAndInterrupt]}
    classifier = RNNTextClassifier(**params)
    with pytest.raises(KeyboardInterrupt, match="Lower learning_rate"):
        GridSearchCV(classifier, {"epochs": [3]}, cv=2).fit(*reviews)
