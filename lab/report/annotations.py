"""GitHub's workflow commands: a failed cell shows at the line of the template that decided it."""

from __future__ import annotations

import re

from lab.record.result import CellResult, RunResult
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
        rule = cell.verdict.rule
        places.setdefault((rule.source if rule else None) or cell.where, []).append(cell)
    lines = [_annotation(place, cells, prefix) for place, cells in places.items()]
    told = [("error", problem) for problem in result.problems] + [("notice", note) for note in result.notes]
    return lines + [f"::{level} title=netfilter-lab::{_data(_plain_text(text))}" for level, text in told]


def _annotation(place: str, cells: list[CellResult], prefix: str) -> str:
    found = _PLACE.fullmatch(place)
    file, line = (found["file"], found["line"]) if found else (place, None)
    if not file.startswith("/"):
        file = prefix + file
    words = sorted({str(cell.outcome) for cell in cells}, key=[str(cell.outcome) for cell in cells].index)
    title = f"{', '.join(words)}: {len(cells)} {'flow' if len(cells) == 1 else 'flows'}"
    where = [("file", file), ("line", line), ("title", title)]
    properties = ",".join(f"{key}={_property(plain(value))}" for key, value in where if value is not None)
    return f"::error {properties}::{_data(_message(cells))}"


def _message(cells: list[CellResult]) -> str:
    lines = []
    for cell in cells[:_MOST_NAMED]:
        difference = "; ".join(cell.differences) or f"expected {cell.expected}, is {cell.verdict}"
        lines.append(plain(f"{cell.id}: {difference}"))
    if len(cells) > _MOST_NAMED:
        lines.append(f"and {len(cells) - _MOST_NAMED} more")
    return "\n".join(lines)


def _plain_text(text: str) -> str:
    return "\n".join(plain_lines(text))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
