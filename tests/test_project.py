"""The API page, the changelog and the templates of GitHub are correct, and so are the built packages."""

import inspect
import os
import re
import runpy
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import skrnn

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
PAGE = (ROOT / "examples" / "API.md").read_text(encoding="utf-8")


def test_the_api_page_is_current():
    made = runpy.run_path(str(GITHUB / "api.py"))["page"]()
    assert made == PAGE, "The docstrings have changed. Run: python .github/api.py"


def test_links_of_the_api_page_lead_to_headings():
    headings = re.findall("^##+ (.+)$", PAGE, flags=re.MULTILINE)
    anchors = [heading.lower().replace(".", "") for heading in headings]
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r"\]\(#(.+?)\)", PAGE)) == set(anchors)


def test_the_api_page_has_no_markup_of_docstrings():
    text = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert "``" not in text
    assert not re.search(r":(class|func|meth|mod):|\]_|`_|^\.\. ", text, flags=re.MULTILINE)


def test_code_blocks_of_the_api_page_have_no_prose():
    sessions = re.findall(r"^```pycon\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert sessions
    assert all(part.startswith(">>>") for session in sessions for part in session.split("\n\n"))


def test_help_shows_parameters_methods_and_examples():
    shown = subprocess.run(
        [sys.executable, "-c", "import skrnn; help(skrnn.RNNTextClassifier)"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in inspect.signature(skrnn.RNNTextClassifier).parameters:
        assert re.search(rf"^ \|  {name} : ", shown, flags=re.MULTILINE)
    for expected in ("class RNNTextClassifier in module skrnn", "predict_proba(self, X", ">>> classifier.fit("):
        assert expected in shown


def test_the_changelog_begins_with_this_version():
    changelog = (GITHUB / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## ([\d.]+)", changelog, flags=re.MULTILINE)[1] == skrnn.__version__


def test_the_citation_names_this_version():
    assert f"*, version {skrnn.__version__}." in (GITHUB.parent / "README.md").read_text(encoding="utf-8")


def targets_of(page):
    """Return the files to which a page in Markdown links, and the files of its images."""
    return re.findall(r"""(?:\]\(|(?:src|href)=")(?!\w+:|#)([^)"#\s]+)""", page)


def test_links_and_images_of_a_page_are_found():
    page = '[a](a.md#b) ![c](c.svg) <a href="d.py"><img src="e.png"></a> [f](#f) [g](https://g.org)'
    assert targets_of(page) == ["a.md", "c.svg", "d.py", "e.png"]


def test_links_in_the_pages_of_the_project_lead_to_files():
    for pattern in ("*.md", ".github/*.md", "examples/*.md", "tests/benchmarks/*.md"):
        for page in ROOT.glob(pattern):
            for target in targets_of(page.read_text(encoding="utf-8")):
                assert (page.parent / target).exists(), (page, target)
    security = (GITHUB / "SECURITY.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:tests|examples)/[\w/.]+)`", security):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", ["bug_report", "feature_request"])
def test_issue_forms_have_the_keys_that_github_needs(name):
    yaml = pytest.importorskip("yaml")
    form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / f"{name}.yml").read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form)
    for element in form["body"]:
        needed = "value" if element["type"] == "markdown" else "label"
        assert element["attributes"][needed]
    assert any(element.get("validations", {}).get("required") for element in form["body"])


def test_the_security_policy_names_types_that_can_be_loaded():
    security = (GITHUB / "SECURITY.md").read_text(encoding="utf-8")
    names = re.findall(r"`skrnn\.(\w+)`[,. \n]", security.split("These types are safe to trust")[1])
    assert len(names) == 5
    assert all(hasattr(skrnn, name) for name in names)


@pytest.fixture
def built():
    """The folder in which .ci/run has built the packages."""
    if "DIST" not in os.environ:
        pytest.skip("The environment variable DIST is not set.")
    return Path(os.environ["DIST"])


def files_of_the_checkout(*folders):
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return {path.relative_to(ROOT).as_posix() for path in paths if path.is_file() and path.suffix != ".pyc"}


def test_the_wheel_contains_the_package_and_its_license_only(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
    package = {name for name in names if not name.startswith(f"skrnn-{skrnn.__version__}.dist-info/")}
    assert package == files_of_the_checkout("skrnn")
    assert "skrnn/py.typed" in package
    others = {name.partition("/")[2] for name in names - package}
    assert others == {"METADATA", "WHEEL", "RECORD", "licenses/LICENSE"}


def test_the_source_distribution_contains_what_the_tests_need(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    alone = {"README.md", "LICENSE", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert names == alone | files_of_the_checkout("skrnn", "tests", "examples", ".github", ".ci")
