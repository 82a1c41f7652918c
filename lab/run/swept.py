"""A cell of many ports: swept, not probed one by one."""

from __future__ import annotations

from lab.lab import Lab
from lab.probe.question import NUMBERS
from lab.probe.train import SweepQuestion
from lab.spec.cell import Cell
from lab.sweeping.tally import SweepTally
from lab.verdict.tally import Tally

SWEPT_FROM = 128  # ports


def is_swept(cell: Cell) -> bool:
    """Whether a cell's ports are many, and one packet each is enough to judge them: where nothing must be let through."""
    many = cell.service.port_count >= SWEPT_FROM
    return many and cell.expect.action != "allow" and not cell.ack and cell.sport is None


def sweep_cell(lab: Lab, cell: Cell, tally: Tally) -> int:
    """Add the verdicts of all ports; how many pieces were sent again."""
    swept = SweepTally()
    source = cell.sender.address
    question = SweepQuestion(
        cell.sender.node, source, cell.target.address, NUMBERS[cell.service.proto], lab.source_port(source),
        cell.service.ports,
    )  # fmt: skip
    sweep = lab.ask_all(question, at=cell.at, tally=swept)
    each_us = sweep.seconds / cell.service.port_count * 1e6
    for group in swept.groups():
        tally.add_swept(group.keys, group.verdict, each_us)
    return sweep.repeats
