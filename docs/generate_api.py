"""Make docs/api: a Markdown page for every public module, from signatures, docstrings and stubs.

    python docs/generate_api.py

Signatures are read from the sources and stubs of the installed package, so that types stand as they were written;
docstrings of compiled classes are asked of the classes. A test compares the pages with what this makes.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pydn

FOLDER = Path(__file__).with_name("api")
PACKAGE = Path(pydn.__file__).parent
MODULES = (
    "pydn",
    "pydn.evaluation",
    "pydn.video",
    "pydn.training",
    "pydn.training.staged",
    "pydn.convert",
    "pydn.export",
    "pydn.tools",
    "pydn.cv2dnn",
    "pydn.demo",
    "pydn.demo_training",
)
DETAILS = {"pydn": ("pydn._core.layer.Layers", "pydn._core.weights.Header", "pydn._core.weights.LoadReport")}
"""Classes that a page describes besides the module's names: what its attributes give."""
WIDTH = 110

Function = ast.FunctionDef
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign)
Sections = dict[str, str]


@cache
def source(module: str) -> ast.Module:
    """Syntax tree of a module, or of its stub where it is compiled."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    places = (base / "__init__.py", base.with_suffix(".py"), base.with_suffix(".pyi"))
    return ast.parse(next(place for place in places if place.is_file()).read_text(encoding="utf-8"))


def definition(thing: Any) -> ast.ClassDef | Function:
    """Where a class or function is defined; of overloads the first."""
    found = (node for node in source(thing.__module__).body if getattr(node, "name", None) == thing.__name__)
    return next(node for node in found if isinstance(node, ast.ClassDef | ast.FunctionDef))


def docstring(thing: Any) -> str:
    """Return a docstring without indentation, and without the signature that compiled classes put first."""
    text = inspect.cleandoc(thing.__doc__ or "")
    head, _, rest = text.partition("\n\n")
    return rest if re.match(r"\w+\(.*\)$", head, re.DOTALL) else text


def sections(text: str) -> tuple[str, Sections]:
    """Cut a numpy docstring into what comes first and its sections."""
    parts = re.split(r"^([A-Z][a-z]+)\n-{3,}\n", text, flags=re.MULTILINE)
    return parts[0].strip(), dict(zip(parts[1::2], parts[2::2], strict=True))


def prose(text: str) -> str:
    """Markdown of a docstring's text: its tables, drawn with =, and its examples are fenced."""
    lines: list[str] = []
    for paragraph in re.split(r"\n{2,}", text.strip()):
        if paragraph.startswith((">>>", "====")):
            kind = "python" if paragraph.startswith(">>>") else "text"
            lines.append(f"```{kind}\n{paragraph}\n```")
        else:
            lines.append(paragraph)
    return "\n\n".join(lines)


def entries(text: str) -> Iterator[str]:
    """Items of a list, from `name : type` and indented text below."""
    for item in re.split(r"\n(?=\S)", text.strip("\n")):
        head, _, below = item.partition("\n")
        names, colon, kind = head.partition(" : ")
        about = " ".join(inspect.cleandoc(below).split())
        title = ", ".join(f"`{name}`" for name in names.split(", ")) if colon or re.match(r"[\w, ]+$", names) else names
        yield f"- {title}" + (f" ({kind})" if kind else "") + (f": {about}" if about else "")


def body(text: str) -> str:
    """Markdown of a whole docstring."""
    first, found = sections(text)
    blocks = [prose(first)] if first else []
    for title, content in found.items():
        blocks.append(f"*{title}*")
        blocks.append(prose(content) if title in ("Examples", "Notes") else "\n".join(entries(content)))
    return "\n\n".join(blocks)


@cache
def aliases(module: str) -> dict[str, str]:
    """Return the private names for types of a module or stub."""
    pairs = (ast.unparse(part).partition(" = ") for part in source(module).body if isinstance(part, _ASSIGNMENTS))
    return {name.partition(":")[0]: value for name, _, value in pairs if re.match(r"_[A-Z][a-z]", name)}


def signature(name: str, node: Function, module: str, *, method: bool) -> str:
    """Return a call with its types, on lines of its own where it is long."""
    parts = [
        re.sub(r"^(\w+: [^=]*)=", r"\1 = ", part) for part in split_arguments(ast.unparse(node.args)) if part != "/"
    ]
    parts = parts[1:] if method else parts
    returns = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    line = f"{name}({', '.join(parts)}){returns}"
    if len(line) > WIDTH:
        line = "\n    ".join([f"{name}(", *(f"{part}," for part in parts)]) + f"\n){returns}"
    known = aliases(module)
    for _ in range(2):  # an alias may stand in another one
        line = re.sub(r"\b_[A-Z]\w*", lambda match: known.get(match[0], match[0]), line)
    return line


def split_arguments(arguments: str) -> list[str]:
    """Cut at the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(arguments):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(arguments[start:place].strip())
            start = place + 1
    return [*parts, arguments[start:].strip()]


def decorators(node: Function) -> set[str]:
    """Names of what decorates a function."""
    return {ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list}


def fields(node: ast.ClassDef) -> list[ast.AnnAssign]:
    """Fields of a dataclass or NamedTuple."""
    if not any("dataclass" in ast.unparse(d) for d in node.decorator_list) and not (
        any("NamedTuple" in ast.unparse(base) for base in node.bases)
    ):
        return []
    return [part for part in node.body if isinstance(part, ast.AnnAssign) and ast.unparse(part.target)[0] != "_"]


def constructor(cls: type, node: ast.ClassDef) -> str:
    """How an object of a class is made, as far as it is meant to be made."""
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name in ("__init__", "__new__"):
            return signature(cls.__name__, part, cls.__module__, method=True).rpartition(" -> ")[0]
    named = [field for base in reversed(lineage(cls)) for field in fields(base)]
    names = [ast.unparse(field.target) + ("=…" if field.value else "") for field in named]
    return f"{cls.__name__}({', '.join(names)})" if names else ""


def lineage(cls: type) -> list[ast.ClassDef]:
    """Return a class's definition and those of the project's classes that it comes from."""
    return [node for node in map(definition, family(cls)) if isinstance(node, ast.ClassDef)]


def family(cls: type) -> list[type]:
    """Return a class and the project's classes that it comes from."""
    return [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "pydn"]


Members = dict[str, tuple[type, list[Function]]]


def is_public(node: Function) -> bool:
    """Whether users call it; a setter is told of by its property."""
    setter = any(name.endswith(".setter") for name in decorators(node))
    return not setter and (node.name[0] != "_" or node.name == "__call__")


def members(cls: type) -> Members:
    """Public methods and properties with the class that they are of, own ones first; several nodes are overloads."""
    found: Members = {}
    for owner, node in zip(family(cls), lineage(cls), strict=True):
        here: Members = {}
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and is_public(part):
                here.setdefault(part.name, (owner, []))[1].append(part)
        found = found | {name: member for name, member in here.items() if name not in found}
    return found


def method_text(cls: type, name: str, owner: type, nodes: list[Function]) -> str:
    """Describe a method."""
    overloads = [node for node in nodes if "overload" in decorators(node)] or nodes
    shown = f"{cls.__name__}.{name}" if {"classmethod", "staticmethod"} & decorators(nodes[0]) else name
    method = "staticmethod" not in decorators(nodes[0])
    calls = "\n".join(signature(shown, node, owner.__module__, method=method) for node in overloads)
    return f"#### `{cls.__name__}.{name}`\n\n```python\n{calls}\n```\n\n{body(docstring(getattr(cls, name)))}".rstrip()


def property_text(cls: type, name: str, owner: type, node: Function) -> str:
    """Describe a property in a line."""
    about = " ".join(docstring(inspect.getattr_static(cls, name)).split())
    kind = signature("", node, owner.__module__, method=True).removeprefix("() -> ")
    return f"- `{name}` `{kind}`" + (f": {about}" if about else "")


def class_text(cls: type) -> str:
    """Describe a class, its properties and its methods."""
    node = lineage(cls)[0]
    made = constructor(cls, node)
    blocks = [f"## `{cls.__name__}`"]
    if issubclass(cls, BaseException):
        blocks.append(f"Bases: {', '.join(f'`{base.__name__}`' for base in cls.__bases__)}")
    if made:
        blocks.append(f"```python\n{made}\n```")
    blocks.append(body(docstring(cls)))
    properties, methods = [], []
    for name, (owner, nodes) in members(cls).items():
        if decorators(nodes[0]) & {"property", "cached_property"}:
            properties.append(property_text(cls, name, owner, nodes[0]))
        else:
            methods.append(method_text(cls, name, owner, nodes))
    if properties:
        blocks.append("*Properties*\n\n" + "\n".join(properties))
    return "\n\n".join(block for block in [*blocks, *methods] if block)


def function_text(name: str, function: Any) -> str:
    """Describe a function."""
    node = definition(function)
    assert isinstance(node, ast.FunctionDef)
    call = signature(name, node, function.__module__, method=False)
    return f"## `{name}`\n\n```python\n{call}\n```\n\n{body(docstring(function))}"


@cache
def described() -> dict[str, tuple[str, str]]:
    """Definition and description of every name for a type or a value that a text stands below."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ast.parse(path.read_text(encoding="utf-8")).body
        for part, below in pairwise(parts):
            if isinstance(part, _ASSIGNMENTS) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                target, _, value = ast.unparse(part).partition(" = ")
                name, _, kind = target.partition(": ")
                found[name] = (f"{name} = {value}" if kind == "TypeAlias" else "", str(below.value.value))
    return found


def alias_text(name: str) -> str:
    """Describe a name for a type or a value by the text that stands below it; "" where there is none."""
    value, about = described().get(name, ("", ""))
    shown = f"```python\n{value}\n```\n\n" if value else ""
    return f"## `{name}`\n\n{shown}{about}" if about else ""


def public(module: Any) -> list[str]:
    """Names that a module offers: classes first, then functions, then the rest, each by its first letters."""
    names = getattr(module, "__all__", None) or [
        name for name, thing in vars(module).items()
        if name[0] != "_" and (getattr(thing, "__module__", "") == module.__name__ or name.isupper())
    ]  # fmt: skip
    order = {name: (not inspect.isclass(getattr(module, name)), not callable(getattr(module, name))) for name in names}
    return sorted((name for name in names if name[:2] != "__"), key=lambda name: (*order[name], name.lower()))


def page(name: str) -> str:
    """Return the page of a module."""
    module = importlib.import_module(name)
    blocks, plain = [f"# `{name}`", body(docstring(module))], []
    for word in public(module):
        thing = getattr(module, word)
        if inspect.isclass(thing) and thing.__module__.startswith("pydn"):
            blocks.append(class_text(thing))
        elif inspect.isroutine(thing) and str(thing.__module__).startswith("pydn"):
            blocks.append(function_text(word, thing))
        else:
            text = alias_text(word)
            blocks += [text] if text else []
            plain += [] if text else [word]
    for place in DETAILS.get(name, ()):
        home, _, word = place.rpartition(".")
        blocks.append(class_text(getattr(importlib.import_module(home), word)))
    if plain:
        blocks.append("Names of OpenCV's: " + ", ".join(f"`{word}`" for word in plain) + ".")
    note = "<!-- made by docs/generate_api.py from docstrings: edit those -->"
    return "\n\n".join([note, *(block.strip() for block in blocks)]) + "\n"


def pages() -> dict[str, str]:
    """Return all pages by the names of their files."""
    made = {f"{name}.md": page(name) for name in MODULES}
    rows = []
    for name in MODULES:
        about = docstring(importlib.import_module(name)).partition("\n")[0]
        rows.append(f"| [`{name}`]({name}.md) | {about} |")
    head = "# API reference\n\nMade by `python docs/generate_api.py` from signatures and docstrings.\n\n"
    return {"README.md": head + "\n".join(["| module | |", "| --- | --- |", *rows]) + "\n", **made}


def main() -> int:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
