"""What remains of `lab run`: all files as written and as rendered, what the kernel held, the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lab.errors import interrupted_code
from lab.evidence.bundle import Bundle
from lab.evidence.failed_flows import keep_again
from lab.evidence.keeping import Keeping, outcome
from lab.evidence.rulesets import keep_held, keep_rendered, keep_sources, sources_of
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.result import Outcome, RunResult
from lab.report.junit import junit_text
from lab.report.markdown import to_markdown
from lab.report.run_json import json_text, to_json
from lab.report.wire.evidence import Outcome as Told

MOST_FAILED = 50
"""Cells that are asked again, each in a lab of its own."""


class RunEvidence:
    """The evidence of a run under way: what is to be run is kept when it is made."""

    def __init__(self, keeping: Keeping, plans: Sequence[Plan]) -> None:
        self._keeping, self._plans = keeping, plans
        keeping.need_key()
        keep_sources(keeping, ("sources",), (file for plan in plans for file in _written(plan)))
        for plan in plans:
            keep_rendered(keeping, ("rulesets", plan.name), plan.policies)
            for (row, number), loaded in plan.loads.items():
                keep_rendered(keeping, ("rulesets", plan.name, "loads", f"{row} {number}"), loaded)

    def asked(self, plan: Plan, lab: Lab) -> None:
        """Keep what the kernel holds once the cells of a plan were asked."""
        keep_held(self._keeping, ("kernel", plan.name), lab)

    def look_closely(self, result: RunResult) -> RunResult:
        """Ask the cells that failed once more, captured; gives the result, which says so where a signal ended that."""
        failed = {cell.id: cell for cell in result.results if cell.outcome is not Outcome.PASSED}
        asked = [(plan, failed[cell.id]) for plan in self._plans for cell in plan.cells if cell.id in failed]
        try:
            keep_again(self._keeping, asked, MOST_FAILED, "failed")
        except KeyboardInterrupt as error:
            return replace(result, interrupted=True, exit_code=interrupted_code(error))
        return result

    def write(self, result: RunResult) -> Bundle:
        """Write the bundle, once."""
        keeping = self._keeping
        if not keeping.has("results.json"):
            keeping.add(lambda: json_text(to_json(result)).encode(), "results.json")
            keeping.add(lambda: junit_text(result).encode(errors="backslashreplace"), "results.xml")
            keeping.add(lambda: to_markdown(result).encode(errors="backslashreplace"), "results.md")
        machine = {} if result.provenance is None else result.provenance.machine.plain()
        return keeping.write(_told(result), machine)


def _told(result: RunResult) -> Told:
    passed = sum(one.outcome is Outcome.PASSED for one in result.results)
    said = f"{passed} of {len(result.results)} cells passed" + "".join(f"; {problem}" for problem in result.stops)
    return outcome(result.exit_code, passed, len(result.results) - passed, said)


def _written(plan: Plan) -> Iterator[Path]:
    yield plan.file
    if (where := plan.topology.where()) is not None:
        yield Path(where.file)
    yield from sources_of(plan.files, plan.policies)
