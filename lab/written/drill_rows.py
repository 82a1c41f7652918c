"""The rows of a part of a drill, as the rows of a matrix: expanded to cells, each problem at its place in the drill's file."""

from __future__ import annotations

from typing import Final

from pydantic import PrivateAttr

from lab.errors import InputError, Problem, Where
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.drill import Drill
from lab.written.matrix import Matrix, Row
from lab.written.policy import PolicySpec
from lab.written.steps.acting import LOAD
from lab.written.topology import Topology

_CALLED: Final = {"policies": "policies", "topology": "topology", "for": "policies"}


class RowsOfDrill(Matrix):
    """Rows of a drill, told of where they stand in its file."""

    _drill: Drill | None = PrivateAttr(default=None)
    _part: tuple[str | int, ...] = PrivateAttr(default=())
    _places: tuple[int, ...] = PrivateAttr(default=())

    def of(self, drill: Drill, part: tuple[str | int, ...], places: tuple[int, ...]) -> RowsOfDrill:
        """The same, and told of so; ``places`` are those of its rows in the ``part``."""
        self._drill, self._part, self._places = drill, part, places
        return self

    def where(self, *path: str | int, key: bool = False) -> Where:
        """The place in the drill's file of what a matrix has at ``path``."""
        assert self._drill is not None
        if path[:1] != ("flows",):
            return self._drill.where(*(_CALLED.get(str(step), step) for step in path[:1]), *path[1:], key=key)
        place = [self._places[int(step)] for step in path[1:2]]
        return self._drill.where(*self._part, *place, *path[2:], key=key)


def rows_of_part(drill: Drill, topology: Topology, *part: str | int) -> RowsOfDrill:
    """The rows of a part (``"check"``; ``"stages", 0, "check"``) as a matrix that is called ``DRILL.PART``.

    The names of matrices in it are left out.  Raises InputError for rows that cannot be rows of a drill.
    """
    items: tuple[Row | str, ...] = _at(drill, part)
    places = tuple(place for place, item in enumerate(items) if isinstance(item, Row))
    rows = tuple(item for item in items if isinstance(item, Row))
    _like_rows_of_one_matrix(drill, part, rows, places)
    first = next(iter(drill.policies))
    policies = {node: PolicySpec(name=str(spec.name or node)) for node, spec in drill.policies.items()}
    return RowsOfDrill.model_validate({
        "matrix": ".".join((drill.drill, *map(str, part))),
        "for": topology.nodes[first].role,
        "topology": topology.topology,
        "policies": policies,
        "flows": _said_at(rows, first) if len(policies) > 1 else rows,
    }).of(drill, part, places)  # fmt: skip


def cells_of_part(drill: Drill, topology: Topology, *part: str | int) -> tuple[Cell, ...]:
    """The cells of a part's own rows, in both families; raises InputError with every problem found."""
    rows = rows_of_part(drill, topology, *part)
    return expand(rows, topology) if rows.flows else ()


def _at(drill: Drill, part: tuple[str | int, ...]) -> tuple[Row | str, ...]:
    if part[0] == "stages":
        stage = drill.stages[int(part[1])]
        return stage.check if part[2] == "check" else stage.kept
    if part == ("debrief", "row"):
        return () if drill.debrief.row is None else (drill.debrief.row,)
    items: tuple[Row | str, ...] = getattr(drill, str(part[0]))
    return items


def _said_at(rows: tuple[Row, ...], first: str) -> tuple[Row, ...]:
    """Rows that do not say which node decides are about the first that has a policy."""
    return tuple(row if row.at is not None else row.model_copy(update={"at": first}) for row in rows)


def _like_rows_of_one_matrix(
    drill: Drill, part: tuple[str | int, ...], rows: tuple[Row, ...], places: tuple[int, ...]
) -> None:
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for row, place in zip(rows, places, strict=True):
        if row.name in seen:
            line = drill.where(*part, seen[row.name], "name").line
            what = f"there are two rows called {row.name!r} (the other in line {line})"
            problems.append(Problem(what, drill.where(*part, place, "name"), "give each row a name of its own"))
        seen.setdefault(row.name, place)
        for number, step in enumerate(row.steps):
            if step.verb is LOAD:
                where = drill.where(*part, place, "steps", number)
                problems.append(Problem("a row of a drill loads no policy: players do", where, "take the step out"))
    if problems:
        raise InputError(problems)
