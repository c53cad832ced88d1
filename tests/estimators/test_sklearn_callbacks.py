"""scikit-learn's callbacks."""

import importlib.util

import pytest
from conftest import SMALL
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrnn import RNNTextClassifier


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


class Recorder:
    """A callback of scikit-learn that records its calls and stops after two epochs."""

    def setup(self, estimator, context):
        self.events = []

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self.events.append(f"begin {context.task_name} with {len(X)} samples")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.events.append(f"end {context.task_name}: {fitted_estimator.predict(['splendid']).shape}")
        return context.task_name == "epoch" and context.task_id == 1


def test_callbacks_see_epochs_and_can_stop(reviews):
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


def test_progress_bar_and_scoring_monitor_work_in_a_search(reviews):
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(small(epochs=3).set_callbacks(monitor))
    search = GridSearchCV(
        pipeline, {"rnntextclassifier__learning_rate": [0.01, 0.02]}, cv=2, n_jobs=2, error_score="raise"
    )
    progress = [callback.ProgressBar()] if importlib.util.find_spec("rich") else []
    search.set_callbacks(*progress).fit(*reviews)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 3 * (2 * 2 + 1)  # three epochs in each fit
    assert all(0 <= score <= 1 for score in scores)
