"""What a change does to flows that were seen on the real host: each is asked on both sides, as a new connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice

from lab.errors import InputError, LabError, as_lab_error, gravest, interrupted_code
from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.record.difference import DiffReport
from lab.record.verdict import Kind, Verdict
from lab.ruleset.backend import Backend
from lab.study.change.faring import Asked, classes_of, is_in, of_the_host, otherwise
from lab.study.change.wanted import LeftOut, Wanted, counted, wanted_of
from lab.written.seen.live import LiveFlow

MOST = 500  # distinct flows that are asked
_TOGETHER = 64  # flows between one canary and the next


def with_seen(
    report: DiffReport, live: Sequence[LiveFlow], old: Scene, new: Scene, *,
    backends: tuple[Backend, Backend] = (Backend.NFT, Backend.NFT), progress: Callable[[int, int], None] | None = None,
) -> DiffReport:  # fmt: skip
    """The report with what becomes of the live flows on the new side, and what was left out.

    At most `MOST` distinct ones are asked, the most frequent first.  ``progress`` is told how many of how many.  What stops it,
    Ctrl-C too, is told in the report beside what was asked by then.
    """
    left = LeftOut()
    wanted = wanted_of(live, new.topology, left)
    asked: list[Asked] = []
    stopped: LabError | KeyboardInterrupt | None = None
    try:
        for one in _asked(wanted[:MOST], (old, new), backends, report.node, left):
            asked.append(one)
            if progress is not None:
                progress(len(asked), min(len(wanted), MOST))
    except KeyboardInterrupt as error:
        stopped = error
    except Exception as error:  # noqa: BLE001 - what was asked by then stays
        stopped = as_lab_error(error, "live flows could not be asked")
    for rare in wanted[MOST:]:
        left.add(f"not among the {MOST} most frequent", rare.first, rare.flows)
    return _told(report, sum(flow.count for flow in live), asked, left, stopped)


def _asked(
    wanted: Sequence[Wanted], scenes: tuple[Scene, Scene], backends: tuple[Backend, Backend], at: str, left: LeftOut
) -> Iterator[Asked]:
    """Each flow with its verdict on the old and on the new side."""
    if not wanted:
        return
    with ExitStack() as undo:
        labs = [
            undo.enter_context(Lab(scene.topology, scene.policies, backend=backend))
            for scene, backend in zip(scenes, backends, strict=True)
        ]
        waiting = iter(wanted)
        while some := list(islice(waiting, _TOGETHER)):
            verdicts = [_batch(lab, some, at) for lab in labs]
            for one, old, new in zip(some, *verdicts, strict=True):
                if isinstance(old, str) or isinstance(new, str):
                    why = old if isinstance(old, str) else str(new)
                    left.add(why, one.first, one.flows)
                elif Kind.LOST in (old.kind, new.kind):
                    left.add("not proven, as the measurement failed", one.first, one.flows)
                else:
                    yield Asked(one, old, new)


def _batch(lab: Lab, some: Sequence[Wanted], at: str) -> list[Verdict | str]:
    """The verdicts, or why a flow cannot be sent."""
    with lab.batch():
        return [_ask(lab, one, at) for one in some]


def _ask(lab: Lab, one: Wanted, at: str) -> Verdict | str:
    flow = one.first
    target = {"at": one.owner, "address": flow.destination}
    try:
        return lab.probe(one.node, target, flow.service, source=flow.source, family=flow.family, at=at)
    except InputError as error:
        return error.problems[0].what


def _told(
    report: DiffReport, live: int, asked: Sequence[Asked], left: LeftOut, stopped: LabError | KeyboardInterrupt | None
) -> DiffReport:
    fared = otherwise(asked)
    of = sum(one.wanted.flows for one in asked)
    notes = [f"{of:,} of {counted(live)} were asked on both sides, as new connections ({len(asked)} distinct ones)"]
    notes += [*left.notes(), *of_the_host(asked)]
    classes = classes_of(report.differences)
    untold = [one.wanted for one, _ in fared if not is_in(one.wanted, classes)]
    if untold:
        notes.append(f"{len(untold)} distinct live flows fare otherwise and are in no class above, as {untold[0]}")
    as_asked = all(is_in(one.wanted, classes, intended=True) for one, _ in fared)
    codes = [report.exit_code, 0 if as_asked else 1]
    codes += [stopped.exit_code] if isinstance(stopped, LabError) else []
    interrupted = isinstance(stopped, KeyboardInterrupt)
    return replace(
        report, seen=tuple(seen for _, seen in fared), notes=(*report.notes, *notes),
        problems=(*report.problems, *(stopped.problems if isinstance(stopped, LabError) else ())),
        interrupted=report.interrupted or interrupted,
        exit_code=interrupted_code(stopped) if isinstance(stopped, KeyboardInterrupt) else gravest(codes),
    )  # fmt: skip
