"""A cell of many ports: swept, not probed one by one."""

from __future__ import annotations

from lab.lab import Lab
from lab.probe.question import NUMBERS
from lab.probe.train import SweepQuestion
from lab.record.sweep import OPEN, SweepGroup
from lab.run.questions import questions
from lab.spec.cell import Cell
from lab.sweeping.tally import SweepTally
from lab.verdict.swept import agree
from lab.verdict.tally import Tally

SWEPT_FROM = 128  # ports


def is_swept(cell: Cell) -> bool:
    """Whether a cell's ports are many, and one packet each is enough to judge them."""
    return (
        cell.service.port_count >= SWEPT_FROM and cell.expect.conntrack is None and not cell.ack and cell.sport is None
    )


def sweep_cell(lab: Lab, cell: Cell, tally: Tally) -> int:
    """Add the verdicts of all ports; how many pieces were sent again.

    A port that must be open is proven so by its own packet, delivered and answered; the whole exchange, with its nonces, is
    made at the first and the last port of each group that took the same way.
    """
    swept = SweepTally()
    source = cell.sender.address
    question = SweepQuestion(
        cell.sender.node, source, cell.target.address, NUMBERS[cell.service.proto], lab.source_port(source),
        cell.service.ports,
    )  # fmt: skip
    sweep = lab.ask_all(question, at=cell.at, tally=swept)
    each_us = sweep.seconds / sweep.count * 1e6
    for group in swept.groups():
        if cell.expect.action == "allow" and group.verdict.kind in OPEN:
            _exchange(lab, cell, tally, group, each_us)
        else:
            tally.add_swept(group.keys, group.verdict, each_us)
    return sweep.repeats


def _exchange(lab: Lab, cell: Cell, tally: Tally, group: SweepGroup, each_us: float) -> None:
    asked = dict(questions(cell))
    first, last = group.keys[0][0], group.keys[-1][1]
    verdicts = [lab.ask(asked[port], cell.at) for port in dict.fromkeys((first, last))]
    if agree(verdicts):
        tally.add_swept(group.keys, verdicts[0], each_us)
        return
    for low, high in group.keys:
        for port in range(low, high + 1):
            tally.add(port, lab.ask(asked[port], cell.at))
