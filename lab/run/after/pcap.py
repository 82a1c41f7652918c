"""``--pcap``: failing cells are sent once more and captured, a file for each interface that saw packets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from lab.errors import InputError, LabError, Problem, as_lab_error, gravest, interrupted_code
from lab.kernel.stage.capture import Frame
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.result import CellResult, Outcome, RunProblem, RunResult
from lab.record.verdict import Verdict
from lab.run.labs import Labs
from lab.run.questions import questions
from lab.run.steps.play import Play
from lab.run.ways.sequence import steps_of
from lab.written.cell import Cell

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def capture_failures(plans: Sequence[Plan], result: RunResult, folder: Path) -> RunResult:
    """Send each failing cell again into ``folder``; the result says where its packets are."""
    failed = {cell.id: cell for cell in result.results if cell.outcome is not Outcome.PASSED}
    places: dict[str, str] = {}
    for plan in plans:
        for cell in plan.cells:
            if cell.id in failed:
                try:
                    places[cell.id] = _capture(plan, cell, failed[cell.id], folder)
                except KeyboardInterrupt as error:
                    return replace(result, interrupted=True, exit_code=interrupted_code(error))
                except Exception as error:  # noqa: BLE001 - what cannot be captured takes nothing from what was measured
                    return _without(result, as_lab_error(error, f"{cell.id} could not be captured"))
    results = tuple(
        replace(cell, notes=(*cell.notes, f"captured in {places[cell.id]}")) if cell.id in places else cell
        for cell in result.results
    )
    return replace(result, results=results)


def _without(result: RunResult, error: LabError) -> RunResult:
    problems = (*result.problems, *(RunProblem(problem) for problem in error.problems))
    return replace(result, problems=problems, exit_code=gravest((result.exit_code, error.exit_code)))


def _capture(plan: Plan, cell: Cell, failed: CellResult, folder: Path) -> str:
    """Captured in a lab of its own, so that nothing of another cell is in the files."""
    place = folder / _NOT_IN_A_NAME.sub("_", cell.id)
    with Lab(plan.topology, plan.policies, backend=plan.backend) as lab, lab.captured() as capture:
        with lab.batch():
            again(lab, plan, cell, failed)
        frames = capture.frames()
    try:
        place.mkdir(parents=True, exist_ok=True)
        for (node, interface), seen in frames.items():
            _write(place / f"{node}-{interface}.pcap", seen)
    except OSError as error:
        raise InputError(Problem(f"captures cannot be written to {place}: {error.strerror}")) from error
    return str(place)


def again(lab: Lab, plan: Plan, cell: Cell, failed: CellResult) -> tuple[Verdict, ...]:
    """Send once more what of a cell failed, inside a batch: the verdict, of a row with steps that of each which has one."""
    if cell.steps:
        with closing(Play(lab, cell, Labs(plan).loads(cell.row))) as play:
            return tuple(step.verdict for step in steps_of(play) if step.verdict is not None)
    port = failed.verdict.observation.sent.dport
    every = list(questions(cell))
    question = next((question for number, question in every if number == port), every[0][1])
    return (lab.ask(question, cell.at),)


def _write(path: Path, frames: Sequence[Frame]) -> None:
    # scapy takes half a second to import, so only those who capture pay for it
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapWriter

    with PcapWriter(str(path), sync=True) as writer:
        for frame in frames:
            packet = Ether(frame.data)
            packet.time = frame.seconds
            writer.write(packet)
