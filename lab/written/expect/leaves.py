"""``leaves``: how the request must leave the node under test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from lab.record.path import Path
from lab.record.routed import Routed
from lab.record.verdict import Verdict
from lab.written.expect.example import ROUTED, Example
from lab.written.expect.key import About, Key, Witnessed, Words
from lab.written.fields import WRITTEN, Mark, Table
from lab.written.tables import table_number
from lab.written.words import Text

if TYPE_CHECKING:
    from lab.written.cell import Cell, Expectation


class LeavesSpec(BaseModel):
    """How the request must leave the node under test."""

    model_config = WRITTEN

    via: Text | None = Field(default=None, description="the interface")
    mark: Mark | None = Field(default=None, description="the packet's mark")
    table: Table | None = Field(default=None, description="the routing table that has its route there, by number or name")


def _way(cell: Cell, verdict: Verdict) -> Path | None:
    return next((path for path in verdict.path if path.node == cell.at), None)


def expects_table(expect: Expectation) -> bool:
    """Whether a row says by which table its packets must be routed."""
    wanted = expect.get(LEAVES)
    return wanted is not None and wanted.table is not None


def _resolved(written: LeavesSpec, words: Words) -> LeavesSpec:
    if written.table is not None:
        words.table(written.table, "table")
    return written


def _differences(wanted: LeavesSpec, path: Path | None, cell: Cell) -> Iterator[str]:
    if path is None:
        yield f"must leave {cell.at}, but was not seen there"
        return
    if wanted.via is not None and wanted.via != path.out:
        yield f"must leave {cell.at} via {wanted.via}, but left via {path.out}"
    if wanted.mark is not None and wanted.mark != path.mark:
        yield f"must leave {cell.at} with mark {wanted.mark}, but left with {path.mark}"
    if wanted.table is not None:
        yield from _other_table(wanted.table, path.routed, cell)


def _other_table(wanted: str, routed: Routed | None, cell: Cell) -> Iterator[str]:
    number = table_number(wanted)
    must = f"must be routed by table {wanted} at {cell.at}"
    if routed is None or routed.doubt is not None:
        yield f"{must}, but by which it was is not known" + (f": {routed.doubt}" if routed is not None else "")
    elif routed.table is None:
        yield f"{must}, but its kernel found no way: {routed.refused}"
    elif routed.table != number:
        by = f"ip rule `{routed.rule}` sent it by {routed.name}" if routed.rule else f"table {routed.name} had its route"
        yield f"{must}, but {by} (mark {routed.mark:#x}): {_why_not(number, wanted, routed)}"


def _why_not(number: int, wanted: str, routed: Routed) -> str:
    there = [one for one in routed.others if one.table == number]
    if not there:
        return f"no rule looks table {wanted} up"
    return "; ".join(f"`{one.rule}` did not: {one.why}" for one in there)


LEAVES: Key[LeavesSpec] = Key(
    "leaves",
    LeavesSpec | None,
    "how it must leave the node under test",
    about=About.PASSING,
    witnessed=Witnessed(_way, _differences),
    resolved=_resolved,
    green=Example({"via": "dmz", "mark": "0x2", "table": "102"}, verdict=ROUTED),
    red=Example(
        {"via": "dmz", "mark": 2, "table": "main"},
        "must be routed by table main at gateway, but ip rule `100: from all fwmark 0x2 lookup 102` sent it by 102 (mark 0x2): "
        "`32766: from all lookup main` did not: it comes later",
        verdict=ROUTED,
    ),
)
