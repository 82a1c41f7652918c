"""The seeded wrong policies: a shipped template and one edit, as the files of ``tests/wrong_policies`` describe them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FOLDER = Path(__file__).resolve().parent.parent / "wrong_policies"
EDITS = ("remove", "replace", "move", "insert")


@dataclass(frozen=True, slots=True)
class WrongPolicy:
    """One edit of a matrix's policy, the rows that must turn red by it, and the rule that must be named.

    ``edit`` is one of EDITS; ``texts`` are its text and, but for ``remove``, the second one; ``side`` is ``before`` or
    ``after`` for a line that is moved or inserted.  ``template`` is the kind of the file that is edited: ``v4`` or ``v6``, the
    rest of the policy staying as it is, or ``nft``, the script that takes the policy's place (`shipped.native`).
    ``alone``: its lab is built for it, as it keeps hosts from finding each other, which in one that stands have done so.
    """

    matrix: str
    name: str
    edit: str
    texts: tuple[str, ...]
    side: str
    rows: tuple[str, ...]
    rule: str
    template: str = "v4"
    alone: bool = False

    @property
    def families(self) -> tuple[int, ...]:
        """The families that the edited file judges."""
        return {"v4": (4,), "v6": (6,), "nft": (4, 6)}[self.template]

    def __str__(self) -> str:
        return f"{self.matrix}: {self.name}" + {"v4": "", "v6": ", in IPv6", "nft": ", in nft"}[self.template]

    def applied(self, template: str) -> str:
        """The template after the edit; what the edit names must stand in it exactly once."""
        if self.edit == "replace":
            old, new = self.texts
            assert template.count(old) == 1, f"{old!r} stands {template.count(old)} times in the template"
            return template.replace(old, new)
        lines = template.splitlines()
        if self.edit in ("remove", "move"):
            del lines[_place(lines, self.texts[0])]
        if self.edit in ("insert", "move"):
            lines.insert(_place(lines, self.texts[1]) + (self.side == "after"), self.texts[0])
        return "\n".join([*lines, ""])


def _place(lines: list[str], line: str) -> int:
    bare = [one.strip() for one in lines]  # the rules of an nft script are indented
    assert bare.count(line) == 1, f"the line {line!r} stands {bare.count(line)} times in the template"
    return bare.index(line)


def wrong_policies(matrix: str) -> Iterator[WrongPolicy]:
    """The wrong policies of a shipped matrix, in the order of its file."""
    for entry in YAML(typ="safe").load((FOLDER / f"{matrix}.yaml").read_text()):
        (edit,) = set(entry) & set(EDITS)
        assert set(entry) - {"template", "alone"} == {"name", "expect", "rule", edit}, entry
        texts, side = _texts(entry[edit])
        template = entry.get("template", "v4")
        alone = entry.get("alone", False)
        yield WrongPolicy(matrix, entry["name"], edit, texts, side, tuple(entry["expect"]), entry["rule"], template, alone)


def _texts(written: Any) -> tuple[tuple[str, ...], str]:
    if isinstance(written, str):
        return (written,), ""
    first, second = written
    if isinstance(second, str):
        return (first, second), ""
    ((side, other),) = second.items()
    assert side in ("before", "after"), second
    return (first, other), side
