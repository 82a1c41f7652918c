"""What remains of `lab rehearse`: both sides, the script, what the kernel held, the timeline, the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.evidence.bundle import Bundle
from lab.evidence.failed_flows import keep_again
from lab.evidence.keeping import Keeping, outcome
from lab.evidence.rulesets import keep_both_sides, keep_held, keep_sources
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.prepare.sides import Sides
from lab.record.rehearsal import Rehearsal, Rehearsals
from lab.record.result import CellResult, Outcome
from lab.report.rehearsal import end_words, rehearsals_json, window_words
from lab.report.rehearsal_markdown import rehearsals_markdown
from lab.report.window_svg import window_svg
from lab.report.wire.evidence import Outcome as Told
from lab.ruleset.backend import Backend
from lab.run.provenance import machine

MOST_FAILED = 25
"""Cells of one rehearsal that are asked again, each in a lab of its own."""


class RehearsalEvidence:
    """The evidence of rehearsals under way; ``files`` are those that the command names."""

    def __init__(self, keeping: Keeping, files: Sequence[Path], backends: Sequence[Backend]) -> None:
        self._keeping, self._backends = keeping, backends
        keeping.need_key()
        keep_sources(keeping, ("sources",), files)

    def begin(self, sides: Sides) -> None:
        """Keep what is to be rehearsed."""
        keep_both_sides(self._keeping, [sides])

    def stands(self, change: str, when: str, lab: Lab) -> None:
        """Keep what the kernel holds at a moment of the window."""
        keep_held(self._keeping, ("kernel", change, when), lab)

    def script(self, change: str, text: str) -> None:
        """Keep the script that applied it."""
        self._keeping.add(text.encode(), "script", f"{change}.sh")

    def look_closely(self, change: str, results: Sequence[tuple[Plan, CellResult]]) -> None:
        """Ask cells that did not hold afterwards once more, captured."""
        failed = [(plan, one) for plan, one in results if one.outcome is not Outcome.PASSED]
        keep_again(self._keeping, failed, MOST_FAILED, "failed", change)

    def write(self, told: Rehearsals) -> Bundle:
        """Write the bundle, once."""
        keeping = self._keeping
        if not keeping.has("rehearsal.json"):
            keeping.add(lambda: rehearsals_json(told).encode(), "rehearsal.json")
            keeping.add(lambda: rehearsals_markdown(told).encode(errors="backslashreplace"), "rehearsal.md")
            for one in told.done:
                if one.window is not None:
                    keeping.add(window_svg(one.window).encode(), "window", f"{one.change} {one.node}.svg")
        ticket = told.done[0].change if len(told.done) == 1 else None
        return keeping.write(_told(told), machine(map(str, self._backends)).plain(), ticket)


def _told(told: Rehearsals) -> Told:
    """What the rehearsals came to: what has failed are faults, what has passed all else that was checked."""
    passed = sum(event.good is True for one in told.done for event in one.events)
    failed = sum(len(one.faults) for one in told.done)
    said = "; ".join(map(_one, told.done)) + "".join(f"; {problem}" for problem in told.problems)
    return outcome(told.exit_code, passed, failed, said)


def _one(told: Rehearsal) -> str:
    return f"{told.change}: {end_words(told)}; {window_words(told.window)}"
