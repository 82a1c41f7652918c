"""What this machine lacks for a matrix: found before a cell is asked, and, if that is allowed, no reason to stop."""

from __future__ import annotations

from dataclasses import replace

from lab.kernel.hold.line_map import find_lines
from lab.prepare.plan import Plan
from lab.record.result import PlanResult


def try_loads(plan: Plan) -> None:
    """Load what steps of the plan load, beside the lab: a step in the midst of a row is too late to learn that it cannot be.

    Raises InputError for what the kernel refuses, MissingError for what it lacks.
    """
    tried: list[object] = []
    for loads in plan.loads.values():
        for node, rulesets in loads.items():
            if (node, rulesets) not in tried:
                tried.append((node, rulesets))
                find_lines(plan.topology, {node: rulesets}, plan.backend)


def skipped(done: PlanResult) -> PlanResult:
    """What is told of a matrix in place of its problems, each of which is something that this machine lacks."""
    whys = (f"{one.problem.mend} ({one.problem.where})" for one in done.problems)
    notes = (f"{done.name} was skipped, and nothing of it is proven: {why}" for why in whys)
    return replace(done, problems=(), codes=frozenset(), lacks=False, notes=(*done.notes, *notes))
