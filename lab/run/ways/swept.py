"""A cell of many ports: swept, not probed one by one."""

from __future__ import annotations

from lab.probe.question import NUMBERS
from lab.run.asker import Asker
from lab.sweep.fates import SweepTally
from lab.sweep.train import SweepQuestion
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell
from lab.written.expect.copied import COPIED

SWEPT_FROM = 128  # ports


def is_swept(cell: Cell) -> bool:
    """Whether a cell's ports are many, and one packet each is enough to judge them: where nothing must be let through.

    What a node sends to itself crosses no link, and what all of a network hears is traced at many: neither is a train's.  Nor
    are those whose copies must be seen.
    """
    many = cell.service.port_count >= SWEPT_FROM
    crosses = cell.sender.node != cell.target.node and cell.to_many is None
    return many and cell.expect.action != "allow" and cell.plain and crosses and cell.expect.get(COPIED) is None


def fits(cell: Cell, _asker: Asker) -> bool:
    """A cell of many ports that is not to let any of them through."""
    return is_swept(cell)


def ask(cell: Cell, asker: Asker) -> Tally:
    """Sweep all ports; past a rule that remembers what it saw, each as if it were the first."""
    tally = asker.tally(cell)
    lab = asker.labs.shared
    source = cell.sender.address
    question = SweepQuestion(
        cell.sender.node, source, cell.target.address, NUMBERS[cell.service.proto], lab.source_port(source),
        cell.service.ports,
    )  # fmt: skip
    swept = SweepTally(heard=lambda done, _: asker.tell(cell, done))
    try:
        lab.ask_all(question, at=cell.at, tally=swept)
    finally:  # interrupted, it leaves what was proven by then
        asker.repeats += swept.repeats
        each_us = swept.seconds / cell.service.port_count * 1e6
        for group in swept.groups():
            tally.add_swept(group.keys, group.verdict, each_us)
    return tally
