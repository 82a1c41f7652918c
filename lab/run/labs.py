"""The labs of one plan: one that its cells share, and fresh ones; where its rules stand is found once for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lab.kernel.hold.line_map import NodeLines
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.ruleset.rulesets import Rulesets
from lab.written.cell import Cell, Expectation
from lab.written.expect.leaves import expects_table


def _expected(cell: Cell) -> Iterator[Expectation]:
    """What is expected of any packet that is to pass, of flows in the midst of its steps too."""
    yield cell.expect
    yield from (step.expect for step in cell.steps if step.expect is not None)


class Labs:
    """Builds a lab when it is first asked for; `close` takes down the one that is kept.  All of these raise LabError."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lines: Mapping[str, NodeLines] | None = None
        self._shared: Lab | None = None
        self._routed = any(expects_table(expect) for cell in plan.cells for expect in _expected(cell))

    @property
    def shared(self) -> Lab:
        """The lab that cells share."""
        if self._shared is None:
            self._shared = self.fresh()
        return self._shared

    def fresh(self) -> Lab:
        """A lab for one question alone, which whoever asks it closes."""
        lab = Lab(self._plan.topology, self._plan.policies, self._lines, backend=self._plan.backend)
        self._lines = lab.site.lines
        if self._routed:
            lab.tell_routing()
        return lab

    def loads(self, row: str) -> Mapping[int, Mapping[str, Rulesets]]:
        """What the steps of a row load by node, by their numbers."""
        return {number: loaded for (of, number), loaded in self._plan.loads.items() if of == row}

    def close(self) -> None:
        """Take the lab down that is kept; the next one to be asked for is built anew."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None


class OnStanding(Labs):
    """Those of a plan that is asked of a lab that stands already, which stays; what needs a fresh one gets one of its own."""

    def __init__(self, plan: Plan, lab: Lab) -> None:
        super().__init__(plan)
        self._standing = lab
        if self._routed:
            lab.tell_routing()

    @property
    def shared(self) -> Lab:
        """The lab that stands."""
        return self._standing

    def close(self) -> None:
        """Leave it as it is."""
