"""Run the examples, and make the page that lists them.

    python .github/gallery.py run [NAME ...]    # their figures and thumbnails, in .github/images
    python .github/gallery.py index             # examples/README.md

An example saves its figures as NAME.png, NAME_2.png, ... in the current folder. The page shows the first one.
"""

import argparse
import ast
import html
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES, IMAGES = ROOT / "examples", ROOT / ".github" / "images"
THUMBNAILS = IMAGES / "thumbnails"
WIDTH = 320  # of a thumbnail, in pixels
N_COLORS = 128  # of a figure, for small files

SECTIONS = {
    "Start here": ["quickstart", "article_model", "news_search"],
    "Languages": ["chinese_reviews", "names_of_countries"],
    "Classes and labels": ["several_labels", "rare_classes", "unlabeled_text", "none_of_these"],
    "Explanations": ["explanations"],
    "Other inputs and networks": ["spoken_digits", "text_and_numbers", "custom_network"],
    "Services and large data": ["service", "dask_cluster", "out_of_core"],
}

HEAD = """# Examples

Each example is a script of a few cells, which editors such as VS Code, PyCharm and Spyder can run one by one.
Install the packages with `python -m pip install ".[examples,dask,serve,subword]"`, and run for example
`python examples/quickstart.py`. Figures are saved in the current folder.

See also [recipes for other tools](other_tools.md) (skl2onnx, Node, MLflow, the model card of skops, Optuna) and
[the reference](API.md).
"""
ROW = """<tr>
<td width="{width}">{picture}</td>
<td><b><a href="{name}.py">{title}</a></b><br>{summary}</td>
</tr>
"""


def story(name: str) -> tuple[str, str]:
    """Return the title and the first paragraph of an example."""
    docstring = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))) or ""
    title, underline, *paragraphs = re.split(r"\n\n|\n(?==+\n)|(?<==)\n", docstring.strip())
    if set(underline) != {"="} or not paragraphs:
        raise ValueError(f"Expected {name}.py to begin with a title, a line of =, and a paragraph.")
    return title, " ".join(paragraphs[0].split())


def index() -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for section, names in SECTIONS.items():
        parts.append(f"\n## {section}\n\n<table>\n{''.join(map(_row, names))}</table>\n")
    return "".join(parts)


def _row(name: str) -> str:
    texts = (html.escape(text, quote=False) for text in story(name))
    title, summary = (re.sub("``(.+?)``", r"<code>\1</code>", text) for text in texts)
    picture = ""
    if (THUMBNAILS / f"{name}.png").is_file():
        image = f'<img src="../.github/images/thumbnails/{name}.png" alt="" width="{WIDTH}">'
        picture = f'<a href="{name}.py">{image}</a>'
    return ROW.format(width=WIDTH + 20, picture=picture, name=name, title=title, summary=summary)


def run(name: str) -> None:
    """Run an example in an empty folder, and keep its figures."""
    from PIL import Image

    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run([sys.executable, str(EXAMPLES / f"{name}.py")], cwd=folder, env=environment, check=True)
        print(f"{name}: {time.perf_counter() - started:.0f} s\n", flush=True)
        for path in Path(folder).glob(f"{name}*.png"):
            image = Image.open(path).convert("RGB")
            image.quantize(N_COLORS).save(IMAGES / path.name, optimize=True)
            if path.stem == name:
                THUMBNAILS.mkdir(exist_ok=True)
                image.thumbnail((WIDTH, WIDTH))
                image.quantize(N_COLORS).save(THUMBNAILS / path.name, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "index"])
    parser.add_argument("names", nargs="*", help="examples to run; default: all but the service")
    arguments = parser.parse_args()
    if arguments.action == "index":
        (EXAMPLES / "README.md").write_text(index(), encoding="utf-8")
        return
    for name in arguments.names or [name for names in SECTIONS.values() for name in names if name != "service"]:
        run(name)


if __name__ == "__main__":
    main()
