"""One rehearsal under way: what it is done with, and what came of it so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lab.kernel.hold.line_map import NodeLines
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.difference import RowOutcome
from lab.record.node_state import Leftover, NodeState
from lab.record.packet import PROTOCOL_NAMES
from lab.record.rehearsal import End, RuleCount
from lab.record.result import CellResult
from lab.record.verdict import Verdict
from lab.record.window import Window
from lab.run.questions import first_question
from lab.study.rehearse.asked import Asked
from lab.study.rehearse.prepared import Prepared
from lab.study.rehearse.timeline import Timeline


class Kept(Protocol):
    """Who keeps what remains of a rehearsal, as it comes."""

    def stands(self, change: str, when: str, lab: Lab) -> None:
        """What the kernel holds at a moment."""

    def script(self, change: str, text: str) -> None:
        """The script that applies the change."""

    def look_closely(self, change: str, results: Sequence[tuple[Plan, CellResult]]) -> None:
        """The cells of the matrices afterwards."""


@dataclass(slots=True)
class Play:
    """``lab`` holds the old side at first; ``lines`` are of the new rules, None where the kernel refuses these."""

    lab: Lab
    ready: Prepared
    line: Timeline
    asked: Asked
    lines: NodeLines | None
    kept: Kept | None = None
    state: NodeState | None = None
    """Of the node before."""
    held_before: tuple[RowOutcome, ...] = ()
    rows_before: Sequence[CellResult] = ()
    window: Window | None = None
    locked_out: str = ""
    intended: tuple[RowOutcome, ...] = ()
    holds: tuple[RowOutcome, ...] = ()
    counters: tuple[RuleCount, ...] = ()
    left: tuple[Leftover, ...] = ()
    notes: list[str] = field(default_factory=list)
    end: End = End.INTERRUPTED

    @property
    def node(self) -> str:
        """Whose rules change."""
        return self.ready.node

    def keep(self, when: str) -> None:
        """Have what stands now be kept, where somebody does."""
        if self.kept is not None:
            self.kept.stands(self.ready.change.change, when, self.lab)

    def admin(self) -> Verdict | None:
        """What becomes of a new connection of the admin's; None where the change names no such flow."""
        verdict = None
        for cell in self.ready.admin:
            verdict = self.lab.ask(first_question(cell), cell.at)
            if not verdict.allowed:
                break
        return verdict


def flow_words(verdict: Verdict) -> str:
    """``10.9.0.5 > 10.9.0.1 tcp/22``."""
    sent = verdict.observation.sent
    name = PROTOCOL_NAMES.get(sent.proto, f"proto {sent.proto}")
    return f"{sent.source} > {sent.destination} {name}" + (f"/{sent.dport}" if sent.dport is not None else "")


def stopped_by(verdict: Verdict) -> str:
    """What stopped a packet: the rule with its line, or what was seen."""
    rule = verdict.rule
    if rule is None:
        return f"{verdict.kind}: {verdict.proof}"
    return f"{rule}" + (f" [{rule.source}]" if rule.source else "")
