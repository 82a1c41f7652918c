"""What other rooms take from one, and which of it an example shows."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def modules(*rooms: str) -> list[str]:
    """The modules of some rooms, by name."""
    found = []
    for room in rooms:
        folder = ROOT / room.replace(".", "/")
        files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
        found += [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]
    return found


@cache
def tree(module: str) -> ast.Module:
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def public_entries(*rooms: str) -> list[tuple[str, str]]:
    """(module, name) of every function and class of the rooms that another room imports, but for those with an underscore."""
    own = set(modules(*rooms))
    taken = {
        (node.module, alias.name)
        for module in modules("lab")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom) and node.module in own and room_of(node.module) != room_of(module)
        for alias in node.names
    }
    made = (ast.FunctionDef, ast.ClassDef)
    return sorted(
        (module, node.name)
        for module in own
        for node in tree(module).body
        if isinstance(node, made) and (module, node.name) in taken and not node.name.startswith("_")
    )


def shown(module: str) -> set[str]:
    """The names that the examples of a module speak of, typed or told, and those whose own they are."""
    names: set[str] = set()
    for owner, text in docstrings(module):
        examples = doctest.DocTestParser().get_examples(text)
        if examples:
            names.add(owner)
        for example in examples:
            names.update(re.findall(r"\w+", f"{example.source} {example.want}"))
    return names


def docstrings(module: str) -> Iterator[tuple[str, str]]:
    """The docstrings of a module, of its classes with their methods, and of its functions, each with its owner's name."""
    top = tree(module)
    yield "", ast.get_docstring(top) or ""
    for node in top.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            for inner in ast.walk(node):
                if isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
                    yield node.name, ast.get_docstring(inner) or ""


def failures(module: str, given: Mapping[str, object]) -> tuple[int, str]:
    """How many examples a module has, and what doctest says of those that are not true, each with ``given`` at hand."""
    imported = import_module(module)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    said: list[str] = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(imported, module):
        test.globs |= given
        runner.run(test, out=said.append)
    return runner.tries, "".join(said)
