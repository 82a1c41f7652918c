"""The two examples of the formats, and the problems that a change in them makes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.load import load_matrix, load_topology
from lab.written.matrix import Matrix
from lab.written.topology import Topology

EXAMPLES = Path(__file__).parent / "examples"
TOPOLOGY = EXAMPLES / "topologies" / "edge.yaml"
MATRIX = EXAMPLES / "matrices" / "web-edge-gateway.yaml"


def line_of(path: Path, text: str) -> int:
    """The line that ``text`` begins in, which must be in the file once."""
    whole = path.read_text()
    assert whole.count(text) == 1, text
    return whole.count("\n", 0, whole.index(text)) + 1


def changed(path: Path, old: str, new: str, into: Path) -> Path:
    """A copy of the file with ``old``, which must be in it once, replaced."""
    whole = path.read_text()
    assert whole.count(old) == 1, old
    copy = into / path.name
    copy.write_text(whole.replace(old, new))
    return copy


def topology(text: str, into: Path) -> Topology:
    """The topology of a text."""
    path = into / "written-topology.yaml"
    path.write_text(text)
    return load_topology(path)


def matrix(text: str, into: Path) -> Matrix:
    """The matrix of a text."""
    path = into / "written-matrix.yaml"
    path.write_text(text)
    return load_matrix(path)


def rows(text: str, into: Path, *, default: str = "", families: Collection[int] = (4,)) -> tuple[Cell, ...]:
    """The cells of rows, each written as a flow mapping in a line, on the example's topology, which has both families."""
    head = "matrix: m\nfor: gateway\ntopology: edge\npolicies: {gateway: p}\nflows:\n"
    body = "".join(f"  - {{{row.strip()}}}\n" for row in text.strip().splitlines())
    return expand(matrix(head + body + default, into), load_topology(TOPOLOGY), families)


def told(call: Callable[[], object]) -> list[tuple[int | None, str]]:
    """Line and message (with how to mend it) of every problem that the call raises."""
    with pytest.raises(InputError) as raised:
        call()
    return [
        (problem.where.line if problem.where else None, f"{problem.what}\n{problem.mend}") for problem in raised.value.problems
    ]


def assert_told(call: Callable[[], object], line: int | None, *words: str) -> None:
    """The call raises exactly one problem, in that line, with those words."""
    problems = told(call)
    assert len(problems) == 1, problems
    at, message = problems[0]
    assert at == line, problems
    for word in words:
        assert word in message, message
