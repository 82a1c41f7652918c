"""What a row says of its steps, as it is meant in one family: with the cells of those that are a flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product

from lab.written.cell import Cell, Expectation, Service, Step
from lab.written.ends import Ends
from lab.written.expect.exception import EXCEPTION
from lab.written.expect.known import KNOWN
from lab.written.expected import Expectations
from lab.written.matrix import Matrix, Row
from lab.written.pairs import own_pairs, pairs
from lab.written.problems import Problems
from lab.written.selection import Selection, Selector
from lab.written.steps.flow import FLOW, FlowSpec, check_flow_in_midst, fits_sending
from lab.written.steps.order import out_of_order
from lab.written.steps.verbs import bounded


class StepCells:
    """Collects problems while the steps of rows are expanded.

    ``at`` gives the node under test by what a row says of it, and ``cell`` makes a cell; both raise ValueError.
    """

    def __init__(
        self, matrix: Matrix, ends: Mapping[int, Ends], select: Selector, expectations: Expectations, problems: Problems, *,
        at: Callable[[str | None], str], cell: Callable[..., Cell],
    ) -> None:  # fmt: skip
        self._matrix, self._ends, self._select, self._expectations = matrix, ends, select, expectations
        self._problems, self._at, self._cell = problems, at, cell

    def fitting(self, index: int, row: Row, services: Selection[Service] | None) -> None:
        """Tells of steps that a service of the row has not, and of a row whose steps send nothing, or are too many."""
        path = ("flows", index, "steps")
        if row.steps and not any(spec.verb.speaks for spec in row.steps):
            self._problems.tell("no step of these sends anything", self._matrix.where(*path), "begin with open: allow")
        self._problems.tried(partial(bounded, row.steps), partial(self._matrix.where, *path))
        for number, spec in enumerate(row.steps):
            for service in services.found[min(services.found)] if services is not None else ():
                if spec.verb.fits is not None:
                    where = partial(self._matrix.where, *path, number)
                    self._problems.tried(partial(spec.verb.fits, service), where)

    def of_row(self, index: int, row: Row, family: int, families: Sequence[int]) -> tuple[Step, ...] | None:
        """The steps of the row's cells of a family, a flow among them as its cells; None when a word in one is wrong."""
        found = self._expectations.steps_of_row(index, row, family, families)
        if found is None or not any(step.asks for step in found):
            return found
        before = len(self._problems)
        made = tuple(self._with_cells(step, row, family, "flows", index, "steps") for step in found)
        return made if len(self._problems) == before else None

    def ordered(self, steps: Sequence[Step], services: Sequence[Service], sport: int | None) -> None:
        """Tells of steps that cannot be done after those before them."""
        for wrong in (wrong for service in services for wrong in out_of_order(steps, service, sport)):
            self._problems.tell(f"step {wrong.step.number}: {wrong.what}", wrong.step.where, wrong.mend)

    def _with_cells(self, step: Step, row: Row, family: int, *path: str | int) -> Step:
        """The step, where it is a flow, with its cells as what it says."""
        if not step.asks:
            return step
        flow: FlowSpec = step.said
        path = (*path, step.number - 1, FLOW.name)
        where = partial(self._matrix.where, *path)
        senders = self._select.senders(flow.sender, *path, "from")
        targets = self._select.targets(flow.target, *path, "to")
        services = self._select.services(flow.service, *path, "service", check=lambda service: fits_sending(service, flow))
        at = self._problems.tried(lambda: self._at(flow.at or row.at), partial(self._matrix.where, *path, "at"))
        if senders is None or targets is None or services is None or at is None or step.expect is None:
            return step
        chosen = [
            *pairs(senders.found[family], targets.found[family]), *own_pairs(self._ends[family], flow.sender, flow.target)
        ]  # fmt: skip
        expect = step.expect
        cells = []
        for (sender, target), service in product(chosen, services.found[family]):
            cell = self._problems.tried(
                lambda: self._cell(row.name, where(), sender, target, service, family, at, expect, flow),  # noqa: B023 - called at once
                where,
            )
            cells += [] if cell is None else [cell]
        self._problems.tried(lambda: check_flow_in_midst(cells, family), where)
        return replace(step, said=tuple(cells))


def of_first(steps: Sequence[Step] | None, row: Row) -> Expectation | None:
    """What is expected of the first packet of several, with what the row says of all of them."""
    first = next((step.of_session for step in steps or () if step.of_session is not None), None)
    if first is None:
        return None
    of_row = {key.name: value for key in (EXCEPTION, KNOWN) if (value := key.of(row)) is not None}
    return replace(first, further={**first.further, **of_row})
