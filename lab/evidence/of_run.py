"""What remains of `lab run`: all files as written and as rendered, what the kernel held, the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.evidence.bundle import Bundle
from lab.evidence.keeping import Keeping
from lab.evidence.rulesets import keep_held, keep_rendered, keep_sources, sources_of
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.result import Outcome, RunResult
from lab.report.junit import junit_text
from lab.report.markdown import to_markdown
from lab.report.run_json import json_text, to_json
from lab.report.wire.evidence import Outcome as Told


class RunEvidence:
    """The evidence of a run under way: what is to be run is kept when it is made."""

    def __init__(self, keeping: Keeping, plans: Sequence[Plan]) -> None:
        self._keeping, self._plans = keeping, plans
        keeping.need_key()
        keep_sources(keeping, "sources", (file for plan in plans for file in _written(plan)))
        for plan in plans:
            keep_rendered(keeping, f"rulesets/{plan.name}", plan.policies)
            for (row, number), loaded in plan.loads.items():
                keep_rendered(keeping, f"rulesets/{plan.name}/loads/{row}/{number}", loaded)

    def asked(self, plan: Plan, lab: Lab) -> None:
        """Keep what the kernel holds once the cells of a plan were asked."""
        keep_held(self._keeping, f"kernel/{plan.name}", lab)

    def write(self, result: RunResult) -> Bundle:
        """Write the bundle, once."""
        keeping = self._keeping
        if not keeping.has("results.json"):
            keeping.add("results.json", lambda: json_text(to_json(result)).encode())
            keeping.add("results.xml", lambda: junit_text(result).encode(errors="backslashreplace"))
            keeping.add("results.md", lambda: to_markdown(result).encode(errors="backslashreplace"))
        machine = {} if result.provenance is None else result.provenance.machine.plain()
        return keeping.write(_told(result), machine)


def _told(result: RunResult) -> Told:
    passed = sum(one.outcome is Outcome.PASSED for one in result.results)
    said = f"{passed} of {len(result.results)} cells passed" + "".join(f"; {problem}" for problem in result.stops)
    return Told(exit_code=result.exit_code, passed=passed, failed=len(result.results) - passed, said=said)  # type: ignore[arg-type]


def _written(plan: Plan) -> Iterator[Path]:
    yield plan.file
    if (where := plan.topology.where()) is not None:
        yield Path(where.file)
    yield from sources_of(plan.files, plan.policies)
