"""The labs of one plan: one that its cells share, and fresh ones; where its rules stand is found once for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lab.errors import MeasurementError, Problem
from lab.kernel.hold.line_map import NodeLines
from lab.kernel.hold.state import state_of
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.ruleset.rulesets import Rulesets
from lab.verdict.restored import left_over
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
        self._unlike: str | None = None
        self._is_as_built = False
        if self._routed:
            lab.tell_routing()

    @property
    def shared(self) -> Lab:
        """The lab that stands."""
        return self._standing

    def fresh(self) -> Lab:
        """A lab of its own for one question; of a lab that is up only where that is still as it was brought up.

        Raises MeasurementError where it is not: a lab of its own then would be another one.
        """
        self._require_as_built()
        lab = super().fresh()
        if not self._plan.of_lab or self._is_as_built:
            return lab
        try:
            self._unlike = next(_differences(self._standing, lab), None)
            self._is_as_built = self._unlike is None
            self._require_as_built()
        except BaseException:
            lab.close()
            raise
        return lab

    def _require_as_built(self) -> None:
        if self._unlike is not None:
            what = f"this needs a lab of its own, and {self._plan.of_lab} is not as it was brought up: {self._unlike}"
            raise MeasurementError(Problem(what, mend="`lab run` without --lab builds one, with the rules of the files"))

    def close(self) -> None:
        """Leave it as it is."""


def _differences(one: Lab, other: Lab) -> Iterator[str]:
    """In what the nodes of the one differ from those of the other, but for what packets and time made of them."""
    for name, node in one.network.nodes.items():
        texts = one.policies[name].texts if name in one.policies else {}
        then, now = state_of(other.network.nodes[name], other.backend, texts), state_of(node, one.backend, texts)
        yield from (f"{name}: {left.what}" for left in left_over(then, now) if not left.carried)
