"""What remains of `lab diff`: both sides as written, rendered and held by the kernel, and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.errors import as_lab_error
from lab.evidence.bundle import Bundle
from lab.evidence.failed_flows import PROGRAM, by_rules, commented
from lab.evidence.keeping import Keeping, outcome
from lab.evidence.pcapng import pcapng
from lab.evidence.rulesets import SIDES, keep_both_sides, keep_held, keep_sources
from lab.lab import Lab
from lab.prepare.sides import Sides
from lab.probe.question import question_of
from lab.record.difference import Difference, DiffReport, DiffReports, Flow
from lab.record.verdict import Verdict
from lab.report.diffs import diffs_markdown, diffs_sarif
from lab.report.run_json import json_text
from lab.report.wire.diff import Diffs
from lab.report.wire.evidence import Outcome
from lab.report.wire.writing import written
from lab.ruleset.backend import Backend
from lab.run.provenance import machine
from lab.written.sending import sending

MOST_FLOWS = 25
"""Classes of a side's flows of which one is sent once more, captured."""


class DiffEvidence:
    """The evidence of a comparison under way; ``files`` are those that the command names, and ``sides`` what is compared."""

    def __init__(self, keeping: Keeping, files: Sequence[Path], sides: Sequence[Sides], backends: Sequence[Backend]) -> None:
        self._keeping, self._backends = keeping, backends
        keeping.need_key()
        keep_sources(keeping, ("sources",), (file for file in files if not file.is_dir()))
        keep_both_sides(keeping, sides)

    def look_closely(self, sides: Sides, report: DiffReport) -> None:
        """Keep what the kernel holds of both sides, and ask the flows that differ once more there, captured.

        Those that a change asked for are not asked.
        """
        if len(report.collateral) > MOST_FLOWS:
            words = f"of {len(report.collateral)} classes of flows that differ the first {MOST_FLOWS} were captured"
            self._keeping.note(f"{sides.node}: {words}")
        for side, scene, backend in zip(SIDES, (sides.old, sides.new), (self._backends[0], self._backends[-1]), strict=True):
            try:
                with Lab(scene.topology, scene.policies, backend=backend) as lab:
                    for number, one in enumerate(report.collateral[:MOST_FLOWS], 1):
                        name = f"{number} {one.flow}.pcapng"
                        self._keeping.add(_captured(lab, one, sides.node), "failed", sides.node, side, name)
                    keep_held(self._keeping, ("kernel", sides.node, side), lab)
            except Exception as error:  # noqa: BLE001 - what cannot be looked at again takes nothing from what was measured
                told = as_lab_error(error).problems[0].what
                self._keeping.note(f"{sides.node} {side}: the flows that differ could not all be captured: {told}")

    def write(self, report: DiffReports, ticket: str | None) -> Bundle:
        """Write the bundle, once."""
        keeping = self._keeping
        if not keeping.has("diff.json"):
            keeping.add(lambda: json_text(written(Diffs, report)).encode(), "diff.json")
            keeping.add(lambda: diffs_markdown(report).encode(errors="backslashreplace"), "diff.md")
            keeping.add(lambda: json_text(diffs_sarif(report)).encode(), "diff.sarif")
        return keeping.write(_told(report), machine(map(str, self._backends)).plain(), ticket)


def _told(report: DiffReports) -> Outcome:
    """What the comparison came to: what has failed are rows that do not hold, and classes that nobody asked for."""
    rows = [row for one in report.reports for row in (*one.intended, *one.holds)]
    held = sum(row.passed for row in rows)
    classes = [difference for one in report.reports for difference in one.differences]
    unasked = sum(one.intended is None for one in classes)
    said = f"{len(classes)} classes of flows differ, {unasked} of them not asked for; {held} of {len(rows)} rows hold"
    said += "".join(f"; not compared: {words}" for words in report.apart) + "".join(f"; {one}" for one in report.problems)
    failed = len(rows) - held + unasked + len(report.apart)
    return outcome(report.exit_code, held, failed, said)


def _captured(lab: Lab, one: Difference, node: str) -> bytes:
    with lab.captured() as capture:
        with lab.batch(), lab.counted(), lab.everything_traced():
            verdict = _asked(lab, one.flow, node)
        frames = capture.frames()
    words = "\n".join((f"{one.flow}: {verdict}", *by_rules([verdict])))
    return pcapng(commented(frames, [verdict]), words, PROGRAM)


def _asked(lab: Lab, flow: Flow, node: str) -> Verdict:
    how = sending(sport=flow.sport, flags=flow.flags)
    asked = lab.asked(flow.node, flow.destination, flow.service, source=flow.source, family=flow.family, how=how)
    return lab.ask(question_of(asked, how, node), node)
