"""What a difference's denied side would be denied by as well, were the rule that decided not there."""

from __future__ import annotations

from dataclasses import replace

from lab.prepare.scene import Scene
from lab.record.difference import Aspect, Difference, DiffReport, Side
from lab.ruleset.backend import Backend
from lab.study.blockers import blockers

MOST = 5


def with_blockers(
    report: DiffReport, scenes: tuple[Scene, Scene], backends: tuple[Backend, Backend], most: int = MOST
) -> DiffReport:
    """The report with `Side.then` of its first ``most`` differences between allowed and denied, on the side that denies.

    Each is asked in a lab of its own, a few tenths of a second long.  Raises as `lab.study.blockers.blockers` does.
    """
    chosen = [one for one in report.differences if one.aspect is Aspect.ALLOW][:most]
    told = {id(one): _told(one, report.node, scenes, backends) for one in chosen}
    return replace(report, differences=tuple(told.get(id(one), one) for one in report.differences))


def _told(one: Difference, node: str, scenes: tuple[Scene, Scene], backends: tuple[Backend, Backend]) -> Difference:
    old, new = (
        _further(side, one, node, scene, backend)
        for side, scene, backend in zip((one.old, one.new), scenes, backends, strict=True)
    )
    return replace(one, old=old, new=new)


def _further(side: Side, one: Difference, node: str, scene: Scene, backend: Backend) -> Side:
    if side.verdict.stopped_by is None:
        return side
    return replace(side, then=blockers(scene, backend, node, one.flow)[1:])
