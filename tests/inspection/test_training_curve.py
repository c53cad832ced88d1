"""The display of losses and scores by epoch."""

import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import SMALL
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import RNNTextClassifier
from skrnn.inspection import TrainingCurveDisplay

HISTORY = {
    "accuracy": [0.5, 0.7, 0.9],
    "loss": [0.7, 0.5, 0.3],
    "learning_rate": [0.1, 0.05, 0.01],
    "val_accuracy": [0.5, 0.8, 0.7],
    "val_loss": [0.7, 0.4, 0.6],
    "val_score": [0.1, 0.3, 0.2],
}


@pytest.fixture(autouse=True)
def _closed_figures():
    with mpl.rc_context(), plt.ioff():
        plt.switch_backend("Agg")
        yield
        plt.close("all")


def test_losses_and_scores_have_an_axis_each():
    display = TrainingCurveDisplay(HISTORY)
    assert display.plot() is display
    axes = {name: line.axes for name, line in display.lines_.items()}
    assert axes == {
        "loss": display.ax_,
        "val_loss": display.ax_,
        "accuracy": display.score_ax_,
        "val_accuracy": display.score_ax_,
        "val_score": display.score_ax_,
    }
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_xydata(), np.stack([[1, 2, 3], HISTORY[name]], axis=1))


def test_colours_show_quantities_and_styles_the_data():
    lines = TrainingCurveDisplay(HISTORY).plot().lines_
    assert lines["loss"].get_color() == lines["val_loss"].get_color() != lines["accuracy"].get_color()
    assert lines["loss"].get_linestyle() == lines["accuracy"].get_linestyle() != lines["val_loss"].get_linestyle()


def texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_the_legend_names_the_lines_and_the_best_epoch():
    display = TrainingCurveDisplay(HISTORY, best_epoch=2, score_name="f1_macro").plot()
    assert texts(display) == [
        "training loss",
        "validation loss",
        "training accuracy",
        "validation accuracy",
        "validation f1_macro",
        "epoch 2, whose weights are kept",
    ]
    best = display.ax_.lines[-1]
    assert list(best.get_xdata()) == [2, 2]


def test_without_scores_there_is_one_axis():
    display = TrainingCurveDisplay({"loss": [0.7, 0.5], "val_loss": [np.nan, 0.4]}).plot()
    assert display.score_ax_ is None
    assert display.figure_.axes == [display.ax_]


@pytest.mark.parametrize("n_epochs", [1, 2, 5, 50])
def test_epochs_are_integers_from_1(n_epochs):
    display = TrainingCurveDisplay({"loss": [0.5] * n_epochs}, best_epoch=n_epochs).plot()
    display.figure_.canvas.draw()
    low, high = display.ax_.get_xlim()
    ticks = [tick for tick in display.ax_.get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == int(tick) for tick in ticks)


def test_plot_uses_the_axes_of_the_user():
    figure, ax = plt.subplots()
    display = TrainingCurveDisplay(HISTORY).plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]


def test_a_dollar_sign_is_no_formula():
    display = TrainingCurveDisplay({"loss": [1.0], "$x": [1.0]}, score_name="$y$").plot()
    display.figure_.canvas.draw()
    assert texts(display) == ["training loss", "training $x"]


@pytest.fixture(scope="module")
def scored(reviews):
    parameters = {**SMALL, "early_stopping": True, "validation_fraction": 0.3, "scoring": "f1_macro"}
    return RNNTextClassifier(**parameters).fit(*reviews)


def test_the_curve_of_an_estimator_is_its_history(scored):
    display = TrainingCurveDisplay.from_estimator(scored)
    assert display.history == scored.history_
    assert display.best_epoch == scored.best_epoch_
    assert set(display.lines_) == {"loss", "val_loss", "accuracy", "val_accuracy", "val_score"}
    assert "validation f1_macro" in texts(display)
    assert f"epoch {scored.best_epoch_}, whose weights are kept" in texts(display)


def test_a_scorer_without_a_name_is_a_score():
    display = TrainingCurveDisplay({"loss": [1.0], "val_score": [1.0]}).plot()
    assert texts(display) == ["training loss", "validation score"]


def test_the_estimator_is_found_in_a_pipeline_and_a_search(fitted, reviews):
    pipeline = make_pipeline(FunctionTransformer(), fitted)
    assert TrainingCurveDisplay.from_estimator(pipeline).history == fitted.history_
    search = GridSearchCV(RNNTextClassifier(**SMALL), {"epochs": [1]}, cv=2).fit(*reviews)
    assert len(TrainingCurveDisplay.from_estimator(search).history["loss"]) == 1


def test_from_estimator_uses_the_axes_of_the_user(fitted):
    _, ax = plt.subplots()
    assert TrainingCurveDisplay.from_estimator(fitted, ax=ax).ax_ is ax


def test_an_estimator_that_is_not_fitted_is_an_error():
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(RNNTextClassifier())


def test_another_estimator_is_an_error():
    with pytest.raises(TypeError, match=r"Expected an estimator of skrnn.*; got LogisticRegression"):
        TrainingCurveDisplay.from_estimator(LogisticRegression().fit([[0], [1]], [0, 1]))


def test_an_error_says_how_to_install_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r"TrainingCurveDisplay\.plot needs .*pip install matplotlib$"):
        TrainingCurveDisplay(HISTORY).plot()
