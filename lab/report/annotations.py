"""GitHub's workflow commands: a failed cell shows at the line of the template that decided it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lab.record.result import CellResult, RunProblem, RunResult
from lab.report.causes import by_cause
from lab.report.failure import failure_lines, head, written
from lab.report.order import failed
from lab.report.plain import plain, plain_lines

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+))?(?::\d+)?")
_MOST_NAMED = 10


def annotation_lines(result: RunResult, *, prefix: str = "") -> list[str]:
    """Return ``::error file=…,line=…,title=…::message`` lines for the failed cells, worst first, one for each place.

    GitHub shows ten annotations a step, so cells that one line decided share one.  ``prefix`` goes before each
    relative file, for a project in a folder of its repository (``firewall/``).
    """
    places: dict[str, list[CellResult]] = {}
    for cell in failed(result.results):
        rule = cell.verdict.stopped_by or cell.verdict.rule
        places.setdefault((rule.source if rule else None) or cell.where, []).append(cell)
    lines = [_annotation(place, cells, prefix) for place, cells in places.items()]
    lines += [problem_command(problem, prefix) for problem in result.stops]
    return lines + [notice(note) for note in result.notes]


def notice(text: str) -> str:
    """A notice that is at no line."""
    return workflow_command("notice", [("title", "netfilter-lab")], _plain_text(text))


def file_and_line(place: str) -> tuple[str, str | None]:
    """The file and the line of ``policies/edge.rules:7``, or of ``matrices/edge.yaml:7:5``.

    >>> file_and_line("matrices/edge.yaml:7:5")
    ('matrices/edge.yaml', '7')
    """
    found = _PLACE.fullmatch(place)
    return (found["file"], found["line"]) if found else (place, None)


def problem_command(told: RunProblem, prefix: str) -> str:
    """The problem, at its place."""
    where = told.problem.where
    place: list[tuple[str, object]] = []
    if where is not None:
        place = [("file", in_repository(where.file, prefix)), ("line", where.line), ("col", where.column)]
    return workflow_command("error", [*place, ("title", "netfilter-lab")], _plain_text(str(told)))


def _annotation(place: str, cells: list[CellResult], prefix: str) -> str:
    file, line = file_and_line(place)
    words = sorted({str(cell.outcome) for cell in cells}, key=[str(cell.outcome) for cell in cells].index)
    title = f"{', '.join(words)}: {len(cells)} {'flow' if len(cells) == 1 else 'flows'}"
    where = [("file", in_repository(file, prefix)), ("line", line), ("title", title)]
    return workflow_command("error", where, _message(cells))


def workflow_command(level: str, properties: Iterable[tuple[str, object]], message: str) -> str:
    """``::error file=…,line=…::message``; ``level`` is ``error``, ``warning`` or ``notice``, properties without a value go."""
    return f"::{level} {_properties(properties)}::{_data(message)}"


def in_repository(file: str, prefix: str) -> str:
    """The file, as its repository has it that has the project in the folder ``prefix``."""
    return file if file.startswith("/") else prefix + file


def _properties(pairs: Iterable[tuple[str, object]]) -> str:
    return ",".join(f"{key}={_property(plain(str(value)))}" for key, value in pairs if value is not None)


def _message(cells: list[CellResult]) -> str:
    """What became of them, those with one cause once."""
    causes = by_cause(cells)
    lines = []
    for cause in causes[:_MOST_NAMED]:
        lines += [head(cause[0]), *written(failure_lines(cause))]
    if left := sum(map(len, causes[_MOST_NAMED:])):
        lines.append(f"and {left} more")
    return "\n".join(lines)


def _plain_text(text: str) -> str:
    return "\n".join(plain_lines(text))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
