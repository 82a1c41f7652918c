"""What can be told of a change before its topology is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from lab.errors import Problem
from lab.written.change import Change
from lab.written.expect.known import KNOWN


def check_change(change: Change) -> Iterator[Problem]:
    """Every problem of a change whose rows are each well formed."""
    seen: dict[str, int] = {}
    for index, row in enumerate(change.intends):
        if row.name in seen:
            before = change.where("intends", seen[row.name], "name").line
            yield Problem(
                f"there are two rows called {row.name!r} (the other in line {before})",
                change.where("intends", index, "name"),
                "give each row a name of its own: the report tells them by it",
            )
        seen.setdefault(row.name, index)
        if row.steps:
            what = "a change intends flows of one packet: this row has steps"
            yield Problem(what, change.where("intends", index, "steps", key=True), "write the row into a matrix that `holds`")
        if any(KNOWN.of(one) is not None for one in (row, row.of_family(4), row.of_family(6))):
            what = "`known` has no meaning in a row that a change intends: it must hold afterwards"
            yield Problem(what, change.where("intends", index, "known", key=True), "take it out, or leave the row to a matrix")
    for index, name in enumerate(change.holds):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not name:
            what = f"the matrix {name!r} leads out of the matrices folder" if name else "there is nothing here"
            yield Problem(what, change.where("holds", index), "matrices are named from there on")
        elif name in change.holds[:index]:
            yield Problem(f"the matrix {name!r} is there twice", change.where("holds", index), "name it once")
    if change.twin is not None and (PurePosixPath(change.twin).is_absolute() or ".." in PurePosixPath(change.twin).parts):
        yield Problem(f"the twin {change.twin!r} leads out of the project", change.where("twin"), "name a file in it")
