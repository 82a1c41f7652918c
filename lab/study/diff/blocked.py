"""What would still deny the flows that a change closes, were the rule that decided not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from lab.errors import interrupted_code
from lab.prepare.scene import Scene
from lab.record.difference import Difference, DiffReport
from lab.ruleset.backend import Backend
from lab.study.blockers import blockers

MOST = 5
SECONDS = 10.0


def with_blockers(
    report: DiffReport, scene: Scene, backend: Backend, *, most: int = MOST, seconds: float = SECONDS,
    clock: Callable[[], float] = monotonic,
) -> DiffReport:  # fmt: skip
    """The report with `Side.then` of the new side of its first ``most`` classes that close, those that nobody asked for first.

    ``scene`` is the new side.  Each is asked in a lab of its own, a few tenths of a second long with a small ruleset; none is
    begun once ``seconds`` are over, and a note says so.  Ctrl-C leaves the report as it
    was.  Raises as `lab.study.blockers.blockers` does.
    """
    closing = [one for one in report.differences if one.closes and one.new.verdict.stopped_by is not None]
    chosen = sorted(closing, key=lambda one: one.intended is not None)[:most]
    started, told = clock(), dict[int, Difference]()
    for one in chosen:
        if clock() - started >= seconds:
            break
        try:
            then = blockers(scene, backend, report.node, one.flow)[1:]
        except KeyboardInterrupt as error:
            return replace(report, interrupted=True, exit_code=interrupted_code(error))
        told[id(one)] = replace(one, new=replace(one.new, then=then))
    notes = report.notes
    if most and len(told) < len(closing):
        what = f"what else denies them was asked of {len(told)} of the {len(closing)} classes that close"
        notes = (*notes, f"{what}: lab trace --all-blockers asks it of any flow")
    return replace(report, differences=tuple(told.get(id(one), one) for one in report.differences), notes=notes)
