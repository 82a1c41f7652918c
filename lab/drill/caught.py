"""The row that would have caught what a drill is about, in a matrix that can be run as it is: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab.prepare.drills import Play
from lab.twin.yaml_flow import flow


def matrix_that_would_have_caught(play: Play) -> str:
    """A matrix file for the drill's healthy policies: the row of its debrief or, where it has none, the first that it checks.

    Empty where it has no row at all.
    """
    row = _row(play)
    if row is None:
        return ""
    drill, first = play.drill, next(iter(play.drill.policies))
    if len(drill.policies) > 1 and "at" not in row:
        row = {**row, "at": first}
    policies = drill.as_written("policies")
    lines = [
        f"matrix: {flow(f'{drill.drill}-caught')}",
        f"about: {flow(f'What would have told of {drill.drill} before anybody had to call.')}",
        f"for: {flow(str(play.topology.nodes[first].role))}",
        f"topology: {flow(drill.topology)}",
        f"policies: {flow(_plain(policies))}",
        "flows:",
        *_item(row),
    ]
    return "\n".join((*lines, ""))


def _row(play: Play) -> Mapping[str, Any] | None:
    found = [play.drill.as_written("debrief", "row"), *_listed(play.drill.as_written("check"))]
    return next((row for row in found if isinstance(row, Mapping)), None)


def _listed(written: object) -> list[object]:
    return list(written) if isinstance(written, list | tuple) else [written]


def _item(row: Mapping[str, Any]) -> Iterator[str]:
    for number, (key, value) in enumerate(row.items()):
        yield f"  {'  ' if number else '- '}{flow(str(key))}: {flow(_plain(value))}"


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
