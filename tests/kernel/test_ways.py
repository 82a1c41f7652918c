"""Another way to ask a cell is a file of its own and one entry: here the nth packet of a burst."""

from __future__ import annotations

import pytest

from lab.record.result import CellResult, Outcome
from lab.run.asker import Asker
from lab.run.questions import first_question
from lab.run.ways import registry
from lab.written.cell import Cell
from tests.kernel.conftest import Project
from tests.kernel.scenes import ESTABLISHED, corridor, table

pytestmark = pytest.mark.kernel

LIMIT = "-A FORWARD -p udp --dport 53 -m limit --limit 1/hour --limit-burst 3 -j ACCEPT"


class Burst:
    """Six packets of one question, one after the other on the same nodes."""

    def fits(self, cell: Cell, asker: Asker) -> bool:
        """Every cell that meets a rule that remembers."""
        return asker.labs.shared.remembers(first_question(cell))

    def ask(self, cell: Cell, asker: Asker) -> CellResult:
        """Add the verdict of each packet by its number."""
        tally = asker.tally(cell)
        question = first_question(cell)
        with asker.labs.fresh() as lab:
            for number in range(1, 7):
                tally.add(number, lab.ask(question, cell.at, as_first=False))
        return asker.told(asker.labs.shared, cell, tally)


def test_a_burst_is_one_more_way(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "WAYS", (Burst(), *registry.WAYS))
    row = {"from": "client", "to": "server", "expect": "drop"}
    flows = [{**row, "name": "burst", "service": "udp/53"}, {**row, "name": "single", "service": "udp/54"}]
    burst, single = project.run(corridor(), {"gateway": table("filter", ESTABLISHED, LIMIT, FORWARD="DROP")}, flows).results
    told = [(group.ports, group.verdict.passed_node, str(group.verdict.kind)) for group in burst.groups]
    assert (burst.outcome, told) == (Outcome.FAIL_OPEN, [("1-3", True, "closed"), ("4-6", False, "dropped")])
    assert (single.outcome, single.ports) == (Outcome.PASSED, 1)
