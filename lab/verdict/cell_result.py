r"""One cell's verdicts, port by port, to its result.

>>> from dataclasses import replace
>>> from lab.written.cell import Expectation
>>> from lab.written.expect.example import PASSED
>>> denied = replace(cell, expect=Expectation("reject", "tcp-reset"))
>>> tally = Tally(denied, datetime.date(2026, 1, 31))
>>> tally.add_swept([(1, 1023)], PASSED, each_us=20.0)
>>> expected_words(denied), str(tally.result().outcome), tally.result().ports
('reject with tcp-reset', 'fail-open', 1023)
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lab.record.logs import LogMessage
from lab.record.result import CellResult, Outcome, PortGroup
from lab.record.sweep import Ranges
from lab.record.verdict import Verdict
from lab.verdict.judge import Judgement, judge
from lab.written.cell import Cell
from lab.written.expect.keys import KEYS
from lab.written.service import merged, ports_text

WORST_FIRST = (Outcome.ERROR, Outcome.FAIL_OPEN, Outcome.FAIL_CLOSED, Outcome.MISMATCH, Outcome.PASSED)


@dataclass(slots=True)
class _Group:
    """The ports with one verdict; only the first verdict is kept, as a range can have 65,535."""

    verdict: Verdict
    judgement: Judgement
    count: int = 0
    ranges: list[list[int]] = field(default_factory=list)

    def add(self, low: int, high: int) -> None:
        self.count += high - low + 1
        if self.ranges and self.ranges[-1][1] == low - 1:
            self.ranges[-1][1] = high
        else:
            self.ranges.append([low, high])

    @property
    def ports(self) -> str:
        return ports_text(merged([(low, high) for low, high in self.ranges]))


class Tally:
    """Takes the verdicts of one cell and gives its result; ``today`` decides what is overdue."""

    def __init__(self, cell: Cell, today: datetime.date) -> None:
        self._cell = cell
        self._today = today
        self._groups: dict[object, _Group] = {}
        self._probe_us = 0.0
        self._warnings: list[str] = []
        self._notes: list[str] = []
        self._logged: list[LogMessage] = []

    def warn(self, words: str) -> None:
        """Add a warning to the result."""
        self._warnings.append(words)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those that were added."""
        return tuple(self._warnings)

    def note(self, words: str) -> None:
        """Add a note to the result."""
        self._notes.append(words)

    def add(self, port: int | None, verdict: Verdict) -> None:
        """Add the verdict of one port (None: the service has no ports)."""
        group = self._group(verdict)
        if port is None:
            group.count += 1
        else:
            group.add(port, port)
        self._probe_us += verdict.observation.probe_us
        self._logged += verdict.observation.logged or ()

    def add_swept(self, ports: Sequence[tuple[int, int]], verdict: Verdict, each_us: float) -> None:
        """Add ports that share a verdict, each of which took ``each_us`` microseconds."""
        group = self._group(verdict)
        for low, high in ports:
            group.add(low, high)
            self._probe_us += each_us * (high - low + 1)

    def _group(self, verdict: Verdict) -> _Group:
        judgement = judge(self._cell, verdict)
        rule = verdict.rule.place if verdict.rule else None
        key = (verdict.kind, rule, verdict.node, verdict.reject, verdict.muted, verdict.passed_node, judgement.outcome)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(verdict, judgement)
        return group

    @property
    def asked(self) -> int:
        """How many ports have a verdict, or 1 where the service has none."""
        return sum(group.count for group in self._groups.values())

    @property
    def verdicts(self) -> list[tuple[Verdict, Ranges]]:
        """The first verdict of each group, with the ports that it speaks for (none where the service has none)."""
        return [(group.verdict, merged([(low, high) for low, high in group.ranges])) for group in self._groups.values()]

    def confirm(self, cell: Cell, ask: Callable[[int | None], Verdict]) -> None:
        """Judge each group anew as ``cell``, by what ``ask`` measures of its first port."""
        for group in self._groups.values():
            group.verdict = ask(group.ranges[0][0] if group.ranges else None)
            group.judgement = judge(cell, group.verdict)
            self._logged += group.verdict.observation.logged or ()

    def result(self) -> CellResult:
        """The cell's result: that of its worst group, with all groups when the ports differ."""
        cell = self._cell
        groups = sorted(self._groups.values(), key=lambda group: WORST_FIRST.index(group.judgement.outcome))
        worst = groups[0]
        ports = sum(group.count for group in groups)
        differs = len(groups) > 1 and worst.judgement.outcome is not Outcome.PASSED
        result = CellResult(
            id=cell.id, matrix=cell.matrix, row=cell.row, sender=cell.sender.label, target=cell.target.label,
            service=cell.service.text, family=cell.family, where=str(cell.where), at=cell.at, expected=expected_words(cell),
            outcome=worst.judgement.outcome, verdict=worst.verdict, differences=worst.judgement.differences,
            warnings=tuple(self._warnings), notes=tuple(self._notes),
            groups=tuple(PortGroup(group.ports, group.count, group.verdict) for group in groups) if differs else (),
            suspect=any(group.judgement.suspect for group in groups), ports=ports, probe_us=self._probe_us / ports,
            logged=tuple(self._logged),
        )  # fmt: skip
        return settled(cell, result, self._today)


def settled(cell: Cell, result: CellResult, today: datetime.date) -> CellResult:
    """The result with what the keys of its row make of it on a day: what is known to fail, what is overdue.

    >>> from lab.written.expect.example import PASSED
    >>> tally = Tally(cell, datetime.date(2026, 1, 31))
    >>> tally.add(443, PASSED)
    >>> settled(cell, tally.result(), datetime.date(2026, 1, 31)) == tally.result()
    True
    """
    for key in KEYS:
        if key.settled is not None and (wanted := cell.expect.get(key)) is not None:
            result = key.settled(wanted, result, today)
    return result


def expected_words(cell: Cell) -> str:
    """What a cell expects, as its row says it: ``allow``, ``reject with tcp-reset``, ``deny by rp_filter``."""
    expect = cell.expect
    words = expect.action + (f" with {expect.reject_with}" if expect.reject_with else "")
    told = [key.in_words(wanted) for key in KEYS if key.in_words and (wanted := expect.get(key)) is not None]
    return " ".join([words, *told])
