"""What single probes came to, and whether that was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.errors import MeasurementError, Problem, gravest
from lab.record.difference import Flow
from lab.record.hint import Hint
from lab.record.path import Rule
from lab.record.verdict import Kind, Verdict


@dataclass(frozen=True, slots=True)
class Trace:
    """One probe with everything traced: who asked whom for what (``of``), on which backend, and what became of it.

    ``notes`` are about the verdict, those ``beside`` it about the policies that it was asked of.
    ``expected`` is what was said of it in a row's words, None where nothing was; ``differences`` are then the ways in which
    it is otherwise, in words, and ``hints`` why, and what would mend it.  ``guesses`` are what of a twin no dump says.
    ``flow`` is what was sent, ``at`` the node under test, ``blockers`` are the rules that would deny it as well, were those
    before them not there.
    """

    of: str
    backend: str
    verdict: Verdict
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    expected: str | None = None
    differences: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    guesses: tuple[str, ...] = ()
    flow: Flow | None = None
    at: str = ""
    blockers: tuple[Rule, ...] = ()

    @property
    def exit_code(self) -> int:
        """3 where the verdict is not proven, 1 where it is not as expected."""
        return MeasurementError.exit_code if self.verdict.kind is Kind.LOST else int(bool(self.differences))


@dataclass(frozen=True, slots=True)
class TraceReport:
    """All probes of one command; ``problems`` stopped it."""

    traces: tuple[Trace, ...]
    exit_code: int = 0
    problems: tuple[Problem, ...] = ()
    interrupted: bool = False


def trace_report(traces: Sequence[Trace]) -> TraceReport:
    """The report of probes that were all made."""
    return TraceReport(tuple(traces), gravest(trace.exit_code for trace in traces))
