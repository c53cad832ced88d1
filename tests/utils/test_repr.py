"""How estimators are shown."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrnn import RNNSequenceClassifier, RNNTextClassifier, SequenceVectorizer


class Unprintable:
    def __repr__(self):
        raise AssertionError("An item of a large collection was printed.")


ITEMS = [Unprintable() for _ in range(5000)]
LARGE = [
    (RNNTextClassifier(embeddings=dict(enumerate(ITEMS))), "embeddings=<dict of 5000 items>"),
    (RNNTextClassifier(embeddings=(ITEMS, np.zeros((5000, 3)))), "<list of 5000 items>"),
    (RNNTextClassifier(vectorizer=SequenceVectorizer(vocabulary=ITEMS)), "vocabulary=<list of 5000 items>"),
    (SequenceVectorizer(stop_words=set(ITEMS)), "stop_words=<set of 5000 items>"),
    (RNNSequenceClassifier(class_weight=dict.fromkeys(ITEMS, 1.0)), "class_weight=<dict of 5000 items>"),
]


@pytest.mark.parametrize("print_changed_only", [True, False])
@pytest.mark.parametrize(("estimator", "summary"), LARGE)
@pytest.mark.parametrize(
    "wrap", [lambda e: e, make_pipeline, lambda e: GridSearchCV(e, {"units": [1]}), lambda e: [e]]
)
def test_large_parameters_are_summarized_everywhere(wrap, estimator, summary, print_changed_only):
    wrapped = wrap(estimator)
    with config_context(print_changed_only=print_changed_only):
        shown = repr(wrapped)
        assert summary in shown or not print_changed_only  # scikit-learn cuts out the middle of a long repr
        if hasattr(wrapped, "_repr_html_"):
            assert type(estimator).__name__ in wrapped._repr_html_()


def test_other_values_are_shown_as_they_are():
    estimator = RNNTextClassifier(units=(3, 4), vectorizer=SequenceVectorizer(stop_words=["the"]))
    assert repr(estimator) == (
        "RNNTextClassifier(units=(3, 4),\n                  vectorizer=SequenceVectorizer(stop_words=['the']))"
    )
    assert repr(make_pipeline(estimator)) == (
        "Pipeline(steps=[('rnntextclassifier',\n"
        "                 RNNTextClassifier(units=(3, 4),\n"
        "                                   vectorizer=SequenceVectorizer(stop_words=['the'])))])"
    )


def test_large_parameters_of_subclasses_are_summarized():
    class Subclass(RNNTextClassifier):
        def get_params(self, deep=True):
            return super().get_params(deep)

    assert repr(Subclass(callbacks=ITEMS)) == "Subclass(callbacks=<list of 5000 items>)"


def test_summaries_are_only_shown():
    embeddings = {str(i): np.zeros(3) for i in range(50)}
    estimator = RNNTextClassifier(embeddings=embeddings)
    repr(estimator), estimator._repr_html_()
    assert estimator.embeddings is embeddings
    assert estimator.get_params()["embeddings"] is embeddings
    assert estimator.get_params(deep=False)["embeddings"] is embeddings
    assert clone(estimator).embeddings.keys() == embeddings.keys()
