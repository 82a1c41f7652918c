"""What can be told of a matrix before its topology is known."""

from __future__ import annotations

from collections.abc import Iterator

from lab.errors import Problem
from lab.written.matrix import Matrix


def check_matrix(matrix: Matrix) -> Iterator[Problem]:
    """Every problem of a matrix whose rows are each well formed."""
    if not matrix.flows and matrix.default is None:
        yield Problem(f"matrix {matrix.matrix} is empty", matrix.where("flows"), "write at least one flow, or a default")
    seen: dict[str, int] = {}
    for index, row in enumerate(matrix.flows):
        if row.name in seen:
            before = matrix.where("flows", seen[row.name], "name").line
            yield Problem(
                f"there are two rows called {row.name!r} (the other in line {before})",
                matrix.where("flows", index, "name"),
                "give each row a name of its own: its cells' ids are made of it",
            )
        seen.setdefault(row.name, index)
        if row.name == "default" and matrix.default is not None:
            yield Problem("a row cannot be called 'default' beside a default", matrix.where("flows", index, "name"))
