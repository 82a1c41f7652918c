"""A cell of many ports: swept, not probed one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lab.lab import Lab
from lab.probe.question import NUMBERS
from lab.record.sweep import SweepGroup, ranges_of
from lab.ruleset.held import HeldRule
from lab.run.asker import Asker
from lab.run.questions import questions
from lab.run.ways import fresh
from lab.sweep.fates import SweepTally
from lab.sweep.train import SweepQuestion
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell

SWEPT_FROM = 128  # ports


def is_swept(cell: Cell) -> bool:
    """Whether a cell's ports are many, and one packet each is enough to judge them: where nothing must be let through."""
    many = cell.service.port_count >= SWEPT_FROM
    return many and cell.expect.action != "allow" and not cell.ack and cell.sport is None


def fits(cell: Cell, _asker: Asker) -> bool:
    """A cell of many ports that is not to let any of them through."""
    return is_swept(cell)


def ask(cell: Cell, asker: Asker) -> Tally:
    """Sweep all ports; past a rule that remembers what it saw on fresh nodes, and what came to it port by port."""
    tally = asker.tally(cell)
    remembering = asker.remembering(cell)
    if remembering:
        _past(remembering, cell, asker, tally)
    else:
        asker.repeats += sweep_cell(asker.labs.shared, cell, tally).repeats
    return tally


class Swept(NamedTuple):
    """How many pieces were sent again, the groups that are not settled, and how long each port took."""

    repeats: int
    unsettled: tuple[SweepGroup, ...]
    each_us: float

    @property
    def ports(self) -> list[int]:
        """The ports of the groups that are not settled, ascending."""
        return sorted(port for group in self.unsettled for low, high in group.keys for port in range(low, high + 1))


def sweep_cell(lab: Lab, cell: Cell, tally: Tally) -> Swept:
    """Add the verdicts of all ports but those whose packets came to a rule that remembers what it saw.

    Of these only the first met it as it is when nothing has happened.
    """
    swept = SweepTally()
    source = cell.sender.address
    question = SweepQuestion(
        cell.sender.node, source, cell.target.address, NUMBERS[cell.service.proto], lab.source_port(source),
        cell.service.ports,
    )  # fmt: skip
    sweep = lab.ask_all(question, at=cell.at, tally=swept)
    each_us = sweep.seconds / cell.service.port_count * 1e6
    groups = swept.groups()
    for group in groups:
        if group.unsettled is None:
            tally.add_swept(group.keys, group.verdict, each_us)
    return Swept(sweep.repeats, tuple(group for group in groups if group.unsettled is not None), each_us)


def _past(remembering: Sequence[HeldRule], cell: Cell, asker: Asker, tally: Tally) -> None:
    """Sweep on fresh nodes; of the ports that came to a rule that remembers, `MOST_TOUCHES` are then its first each."""
    with asker.labs.fresh() as lab:
        swept = sweep_cell(lab, cell, tally)
    asker.repeats += swept.repeats
    ports = swept.ports
    alone, shared = ports[: fresh.MOST_TOUCHES], frozenset(ports[fresh.MOST_TOUCHES :])
    if alone:
        for number, (port, question) in enumerate(questions(cell, ranges_of(alone)), 1):
            tally.add(port, asker.ask_clean(cell, question))
            asker.tell(cell, number, len(alone))
    for group in swept.unsettled:
        left = [port for low, high in group.keys for port in range(low, high + 1) if port in shared]
        if left:
            tally.add_swept(ranges_of(left), group.verdict, swept.each_us)
    fresh.let_go(asker, tally, len(ports), remembering[0])
