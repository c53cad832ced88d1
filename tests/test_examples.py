"""The examples run, say what is true, and are listed on a page with pictures."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from conftest import needs_spoken_digits
from sklearn.utils import Bunch
from threadpoolctl import threadpool_limits

import skrnn.datasets
from skrnn import RNNTextClassifier

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
GALLERY = runpy.run_path(str(ROOT / ".github" / "gallery.py"))


@pytest.fixture
def run_example(tmp_path, monkeypatch, capsys):
    """A function that runs an example in an empty folder with a part of the data.

    ``run_example(name, n_documents, n_characters, CONSTANT=value, ...)`` returns its variables and what it prints.
    """
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")

    def run(name, n_documents=400, n_characters=300, **constants):
        for loader in ("load_bbc_news", "load_chinese_reviews"):
            bunch = getattr(skrnn.datasets, loader)()
            step = max(len(bunch.data) // n_documents, 1)
            short = Bunch(data=[text[:n_characters] for text in bunch.data[::step]], target=bunch.target[::step])
            monkeypatch.setattr(skrnn.datasets, loader, lambda short=short: short)
        source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        for constant, value in constants.items():
            source, n_found = re.subn(rf"^{constant} = .*$", f"{constant} = {value!r}", source, flags=re.MULTILINE)
            assert n_found == 1, f"{name}.py defines {constant} {n_found} times"
        script = tmp_path / f"{name}.py"
        script.write_text(source, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [script.name])
        # Several processes test, and waiting threads would take their cores.
        with threadpool_limits(1, user_api="openmp"):
            variables = runpy.run_path(str(script), run_name="__main__")
        return variables, capsys.readouterr().out

    with plt.rc_context():  # examples change the size of fonts
        yield run
    plt.close("all")


def listed():
    return [name for names in GALLERY["SECTIONS"].values() for name in names]


def test_the_index_lists_every_example():
    assert sorted(listed()) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


def test_the_index_is_current():
    assert (EXAMPLES / "README.md").read_text(encoding="utf-8") == GALLERY["index"](), (
        "Run: python .github/gallery.py index"
    )


@pytest.mark.parametrize("name", listed())
def test_an_example_that_saves_a_figure_has_a_thumbnail(name):
    saves_figure = f"{name}.png" in (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    images = ROOT / ".github" / "images"
    assert (images / f"{name}.png").is_file() == saves_figure
    assert (images / "thumbnails" / f"{name}.png").is_file() == saves_figure


@pytest.mark.parametrize("name", [name for name in listed() if name != "service"])
def test_an_example_says_how_to_install_its_packages_and_run_it(name):
    source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    command = rf'^    python -m pip install "\.\[(examples[\w,]*)\]" && python examples/{name}\.py$'
    (extras,) = re.findall(command, source.split('"""')[1], flags=re.MULTILINE)
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(f"\n{extra} = [" in pyproject for extra in extras.split(","))


def test_a_custom_network_learns_topics(run_example):
    variables, _ = run_example("custom_network", n_characters=150)
    assert variables["classifier"].score(variables["X_test"], variables["y_test"]) > 0.6
    assert Path("custom_network.png").is_file()


def test_the_quickstart_predicts_explains_searches_and_saves(run_example):
    variables, shown = run_example("quickstart", n_documents=800)
    assert set(variables["classifier"].predict(variables["sentences"])) == set(variables["news"].target)
    assert variables["restored"].score(variables["X_test"], variables["y_test"]) > 0.6
    assert re.search(r"^ +accuracy +0\.[6-9]", shown, flags=re.MULTILINE)  # .ci/run reads this line
    assert Path("quickstart.png").is_file()


def test_the_defaults_are_better_than_the_article_model(run_example):
    variables, _ = run_example("article_model", n_documents=2000, n_characters=50, N_TEST=500, N_EPOCHS=3)
    article, *_, defaults = variables["accuracies"].values()
    assert article < 0.65
    assert defaults > 0.7
    parameters = variables["model"].get_params(deep=False)
    differences = {
        name for name, value in RNNTextClassifier().get_params(deep=False).items() if parameters[name] != value
    }
    assert differences == {"vectorizer", "epochs", "random_state"}
    assert Path("article_model.png").is_file()


def test_explanations_name_words_of_each_topic(run_example):
    _, shown = run_example("explanations", n_documents=500, n_characters=200)
    assert re.search(r"^entertainment .*(film|music|award|star)", shown, flags=re.MULTILINE)
    assert {path.name for path in Path().iterdir()} - {"explanations.py"} == {
        "explanations.html",
        "explanations.png",
        "explanations_2.png",
    }


def test_a_search_over_lengths_and_a_cached_pipeline_work(run_example):
    variables, shown = run_example("news_search", MAX_LENGTHS=[5, 20])
    assert variables["search"].best_params_ == {"vectorizer__max_length": 20}  # more words, higher accuracy
    assert shown.count("test accuracy") == 2
    assert Path("news_search.png").is_file()


def test_chinese_reviews_need_no_segmentation(run_example):
    pytest.importorskip("tokenizers")
    variables, shown = run_example("chinese_reviews", n_documents=4500, n_characters=60, N_TRAIN=[300, 600])
    assert re.search("^characters +书 很 好", shown, flags=re.MULTILINE)
    assert min(score for curve in variables["scores"].values() for score in curve) > 0.65
    assert Path("chinese_reviews.png").is_file()


def test_names_of_countries_are_told_apart(run_example):
    pytest.importorskip("faker")
    variables, _ = run_example("names_of_countries", N_NAMES=100)
    assert not {*variables["X_train"]} & {*variables["X_test"]}
    score = variables["classifier"].score(variables["X_test"], variables["y_test"])
    assert score > 3 / len(variables["COUNTRIES"])
    assert Path("names_of_countries.png").is_file()


def test_chosen_thresholds_have_a_higher_f1(run_example):
    variables, _ = run_example("several_labels", n_documents=2000, n_characters=250, N_DIGESTS=500, N_TRAIN=300)
    assert variables["at_chosen"].mean() > variables["at_half"].mean()
    assert Path("several_labels.png").is_file()


def test_balanced_weights_find_more_articles_of_rare_classes(run_example):
    variables, _ = run_example("rare_classes", n_documents=1000, ONE_IN=8)
    is_rare = [topic in variables["RARE"] for topic in variables["topics"]]
    recalls = variables["recalls"]
    assert recalls["skrnn, balanced"][is_rare].mean() > recalls["skrnn, default"][is_rare].mean()
    assert Path("rare_classes.png").is_file()


def test_articles_without_labels_help_if_few_have_labels(run_example):
    variables, _ = run_example("unlabeled_text", n_documents=1000, N_LABELED=[50])
    (alone,), (together,) = variables["scores"].values()
    assert together > alone
    assert Path("unlabeled_text.png").is_file()


def test_the_energy_separates_new_topics_from_known_ones(run_example):
    _, shown = run_example("none_of_these", n_documents=500, n_characters=200)
    mean = re.search(r"^mean +([\d.]+) +([\d.]+) +([\d.]+) +(\d+)% +(\d+)%$", shown, flags=re.MULTILINE)
    _, energy, similarity, known_refused, new_refused = map(float, mean.groups())
    assert energy > 0.8
    assert similarity > 0.7
    assert known_refused < 15
    assert new_refused > 2 * known_refused
    assert "\nnone of these  " in shown
    assert Path("none_of_these.png").is_file()


def test_text_and_numbers_together_are_more_accurate(run_example, monkeypatch):
    films = skrnn.datasets.load_films()
    fewer = Bunch(data=films.data[::3], target=films.target[::3])
    monkeypatch.setattr(skrnn.datasets, "load_films", lambda: fewer)
    variables, _ = run_example("text_and_numbers", N_SEEDS=1)
    text, numbers, both = variables["means"]
    assert both > max(text, numbers)
    assert Path("text_and_numbers.png").is_file()


@needs_spoken_digits
def test_spoken_digits_are_recognized_at_the_end_of_the_recording(run_example):
    variables, _ = run_example("spoken_digits", N_TRAIN=300)
    assert list(variables["classifier"].named_steps) == ["sequencescaler", "rnnsequenceclassifier"]
    assert variables["classifier"].score(variables["X_test"], variables["y_test"]) > 0.8
    assert variables["probabilities"][-1].argmax() == 0
    assert Path("spoken_digits.png").is_file()


def test_dask_predicts_as_one_process_does(run_example):
    pytest.importorskip("distributed")
    with mock.patch.dict(os.environ):  # Dask changes the environment and does not restore it
        _, shown = run_example("dask_cluster", N_FILES=2, N_EPOCHS=2)
    assert shown.endswith("The predictions are the same as without Dask\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the data of a process")
def test_a_corpus_is_learned_out_of_core(tmp_path):
    pytest.importorskip("matplotlib")
    source = (EXAMPLES / "out_of_core.py").read_text(encoding="utf-8")
    # Reading makes two copies of the text, with two bytes for each character: four times the file, more than the
    # limit. Training takes about a third of the limit. More malloc arenas make that vary.
    source, n_found = re.subn(r"^CORPUS = .*$", "CORPUS = 80_000_000", source, flags=re.MULTILINE)
    assert n_found == 1
    (tmp_path / "out_of_core.py").write_text(source, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg", "MALLOC_ARENA_MAX": "2"}
    command = [sys.executable, "out_of_core.py"]  # the script limits the memory of its process
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the whole corpus at once: MemoryError" in done.stdout
    assert float(re.search(r"not in the corpus: ([\d.]+)", done.stdout)[1]) > 0.6
    assert (tmp_path / "out_of_core.png").is_file()
