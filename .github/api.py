"""Write examples/API.md, the reference of all public names, from the docstrings: ``python .github/api.py``."""

import inspect
import re
import textwrap
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from numpydoc.docscrape import FunctionDoc, NumpyDocString

PAGE = Path(__file__).parent.parent / "examples" / "API.md"
MODULES = [
    "skrnn",
    "skrnn.inspection",
    "skrnn.export",
    "skrnn.datasets",
    "skrnn.layers",
    "skrnn.utils.estimator_checks",
]
INTRODUCTION = """# API reference

All public classes and functions. `help(skrnn.RNNTextClassifier)` shows the same text, and so do the editors that
show docstrings. `python .github/api.py` writes this page from the docstrings.
"""
LINE_LENGTH = 100


def page() -> str:
    """Return the page in Markdown."""
    modules = [import_module(name) for name in MODULES]
    contents = [f"- [{module.__name__}]({_anchor(module.__name__)}): {_links(module)}" for module in modules]
    parts = [INTRODUCTION, "\n".join(contents)]
    for module in modules:
        parts.append(f"## {module.__name__}")
        parts.append(_text(inspect.getdoc(module).splitlines()))
        parts += [_entry(module, name) for name in _names(module)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _names(module: Any) -> list[str]:
    return [name for name in module.__all__ if callable(getattr(module, name))]


def _links(module: Any) -> str:
    return ", ".join(f"[{name}]({_anchor(name)})" for name in _names(module))


def _anchor(heading: str) -> str:
    """Return the link that GitHub gives to a heading."""
    return "#" + heading.lower().replace(".", "")


def _entry(module: Any, name: str) -> str:
    """Return the text about a class or function."""
    value = getattr(module, name)
    is_class = inspect.isclass(value)
    documentation = NumpyDocString(inspect.getdoc(value)) if is_class else FunctionDoc(value)
    signature = _signature(f"{module.__name__}.{name}", value)
    signature = textwrap.fill(signature, LINE_LENGTH, subsequent_indent="    ", break_on_hyphens=False)
    parts = [f"### {name}", f"```python\n{signature}\n```"]
    parts += [_text(documentation["Summary"]), _text(documentation["Extended Summary"])]
    for section in ("Parameters", "Attributes", "Returns", "Yields", "Raises"):
        parts += _section(section, [_item(entry) for entry in documentation[section]])
    if is_class:
        parts += _section("Methods", [_method(value, name) for name in _methods(value)])
    others = [(name, text) for names, text in documentation["See Also"] for name, _ in names]
    see_also = [f"- {_link(name)}: {_text(text)}" for name, text in others]
    parts += _section("See also", see_also)
    parts += _section("Notes", [_text(documentation["Notes"])] if documentation["Notes"] else [], "\n\n")
    parts += _section("References", _references(documentation["References"]))
    parts += _section("Examples", _examples(documentation["Examples"]), "\n\n")
    return "\n\n".join(part for part in parts if part)


def _section(title: str, items: list[str], separator: str = "\n") -> list[str]:
    return [f"**{title}**", separator.join(items)] if items else []


def _item(entry: Any) -> str:
    """Return a parameter, attribute, result or error as an item of a list."""
    label = f"**{entry.name}**" if entry.name else ""
    kind = f"`{entry.type.replace('`', '')}`" if entry.type else ""
    text = textwrap.indent(_text(entry.desc), "  ").lstrip()
    return f"- {label} {kind}".replace("-  ", "- ").rstrip() + (f"<br>{text}" if text else "")


def _methods(cls: type) -> list[str]:
    """Return the names of the methods that the package documents."""
    methods = inspect.getmembers(cls, lambda value: inspect.isfunction(value) or inspect.ismethod(value))
    documented = [(name, method) for name, method in methods if name[0] != "_" and method.__doc__]
    return [name for name, method in documented if method.__module__.startswith("skrnn")]


def _method(cls: type, name: str) -> str:
    method = getattr(cls, name)
    summary = NumpyDocString(inspect.getdoc(method))["Summary"]
    return f"- `{_signature(name, method)}`<br>{_text(summary)}"


def _signature(name: str, value: Any) -> str:
    """Return a call with the default values."""
    signature = inspect.signature(value)
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()
    ]
    own = [parameter for parameter in parameters if parameter.name != "self"]
    return name + str(signature.replace(parameters=own, return_annotation=inspect.Signature.empty))


def _references(lines: list[str]) -> list[str]:
    return [f"- {_text([reference])}" for reference in re.split(r"^\.\. ", _joined(lines), flags=re.MULTILINE)[1:]]


def _examples(lines: list[str]) -> list[str]:
    """Return the text and the code blocks."""
    paragraphs = re.split(r"\n\n+", "\n".join(lines).strip("\n")) if lines else []
    blocks = []
    for language, group in groupby(paragraphs, _language):
        text = "\n\n".join(group)
        code = f"```{language}\n{textwrap.dedent(text)}\n```"
        blocks.append(code if language else _text([re.sub("::$", ":", text)]))
    return blocks


def _language(paragraph: str) -> str:
    """Return the language of a paragraph of code, and an empty str for text."""
    return "pycon" if paragraph.startswith(">>>") else "python" if paragraph.startswith("    ") else ""


def _link(name: str) -> str:
    is_on_this_page = any(name in import_module(module).__all__ for module in MODULES)
    return f"[{name}]({_anchor(name)})" if is_on_this_page else name


def _text(lines: list[str]) -> str:
    """Return text of a docstring in Markdown: each paragraph and each item of a list is one line."""
    code = r"(``.+?``|:\w+:`.+?`|`[^`]+`_?|\[\w+\]_)"
    parts = re.split(code, _joined(lines), flags=re.DOTALL)
    return "".join(_markup(part) if i % 2 else re.sub("([*<_])", r"\\\1", part) for i, part in enumerate(parts))


def _joined(lines: list[str]) -> str:
    """Join the lines of each paragraph and of each item of a list."""
    text = re.sub(r"^(\w.*) : (.+)\n {4}", r"- ``\1`` (\2): ", "\n".join(lines), flags=re.MULTILINE)
    return re.sub(r"(?<!\n)\n(?!\n|- |\.\. )\s*", " ", text).strip()


def _markup(text: str) -> str:
    """Return code, a link or a citation in Markdown."""
    if link := re.fullmatch("`(.+) <(.+)>`_", text):
        return f"[{link[1]}]({link[2]})"
    if citation := re.fullmatch(r"(\[\w+\])_", text):
        return citation[1]
    role, name = re.fullmatch(r"(?::(\w+):)?`+~?(.+?)`+", text, flags=re.DOTALL).groups()
    if role in ("class", "func", "mod") and (name in MODULES or _link(name) != name):
        return f"[`{name}`]({_anchor(name)})"
    return f"`{name}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
