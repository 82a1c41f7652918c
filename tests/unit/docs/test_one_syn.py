"""The page that follows a SYN names functions that are there, so it cannot tell of a call that is no more."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "one-syn.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`([\w/]+\.py:[\w.]+)`", PAGE)))
LOOSE = re.compile(r"`[^`\n]*\.py[^`\n]*`")


def has(file: Path, name: str) -> bool:
    """Whether a module has this function, class, method or constant."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for part in name.split("."):
        found = next((node for node in body if part in names_of(node)), None)
        if found is None:
            return False
        body = getattr(found, "body", [])
    return True


def names_of(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


@pytest.mark.parametrize("said", NAMES)
def test_it_is_there(said: str) -> None:
    file, _, name = said.partition(":")
    assert has(ROOT / "lab" / file, name)


def test_every_file_is_named_with_its_function() -> None:
    assert len(NAMES) > 40
    assert [said for said in LOOSE.findall(PAGE) if said.strip("`") not in NAMES and said != "`file.py:function`"] == []
