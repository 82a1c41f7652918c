"""``leaves``: how the request must leave the node under test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from lab.record.path import Path
from lab.record.verdict import Verdict
from lab.written.expect.example import Example
from lab.written.expect.key import About, Key, Witnessed
from lab.written.fields import WRITTEN, Mark
from lab.written.words import Text

if TYPE_CHECKING:
    from lab.written.cell import Cell


class LeavesSpec(BaseModel):
    """How the request must leave the node under test."""

    model_config = WRITTEN

    via: Text | None = Field(default=None, description="the interface")
    mark: Mark | None = Field(default=None, description="the packet's mark")


def _way(cell: Cell, verdict: Verdict) -> Path | None:
    return next((path for path in verdict.path if path.node == cell.at), None)


def _differences(wanted: LeavesSpec, path: Path | None, cell: Cell) -> Iterator[str]:
    if path is None:
        yield f"must leave {cell.at}, but was not seen there"
        return
    if wanted.via is not None and wanted.via != path.out:
        yield f"must leave {cell.at} via {wanted.via}, but left via {path.out}"
    if wanted.mark is not None and wanted.mark != path.mark:
        yield f"must leave {cell.at} with mark {wanted.mark}, but left with {path.mark}"


LEAVES: Key[LeavesSpec] = Key(
    "leaves",
    LeavesSpec | None,
    "how it must leave the node under test",
    about=About.PASSING,
    witnessed=Witnessed(_way, _differences),
    green=Example({"via": "dmz", "mark": "0x2"}),
    red=Example({"via": "wan", "mark": 2}, "must leave gateway via wan, but left via dmz"),
)
