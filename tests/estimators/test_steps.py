"""The number of epochs of a fit."""

import pytest
from conftest import SMALL, make_reviews

from skrnn import RNNTextClassifier


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def test_auto_epochs_depend_on_documents_and_lengths(monkeypatch):
    class PlannedError(Exception):
        pass

    def plan(*arguments):
        settings = next(argument for argument in arguments if hasattr(argument, "epochs"))
        raise PlannedError(settings.epochs)

    monkeypatch.setattr("skrnn.training._train.train", plan)
    for n_documents, n_words, batch_size, expected in (
        (40, 8, 2, 60),  # the maximum
        (300, 50, 24, 22),  # 1,200,000 characters
        (300, 100, 60, 50),  # 250 batches
        (250, 600, 9, 10),  # 1,200 samples of each class
        (900, 200, 16, 5),  # the minimum
    ):
        documents, y = make_reviews(n_documents)
        documents = [" ".join((document.split() * n_words)[:n_words]) for document in documents]
        with pytest.raises(PlannedError, match=f"^{expected}$"):
            small(epochs="auto", batch_size=batch_size).fit(documents, y)
