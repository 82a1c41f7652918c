"""A lab that stands from one wrong policy of a matrix to the next, and of its cells those that have to be asked."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.prepare.templates import Templates
from lab.record.result import CellResult
from lab.report.detail import explain
from lab.ruleset.memory import Kind
from lab.written.cell import Cell
from tests.doors.shipped import ROOT, failed, run_plan, shipped_plan, with_policies_in
from tests.doors.wrong_policy import WrongPolicy

_OUTLIVE_A_LOAD = frozenset({Kind.HASHLIMIT, Kind.RECENT, Kind.SET, Kind.OBJECT, Kind.OTHER})


class Standing:
    """Holds the lab of the matrix that was asked last, and in ``folder`` a copy of what is shipped, to write templates into."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for kind in ("matrices", "policies", "topologies"):
            shutil.copytree(ROOT / kind, folder / kind)
        self._templates = Templates()
        self._stands: tuple[str, Lab] | None = None

    def red(self, wrong: WrongPolicy) -> list[CellResult]:
        """Cells of its rows that a wrong policy turns red: of each row one, and as many more until its rule is named."""
        plan = self._plan(wrong)
        left = [cell for cell in plan.cells if cell.row in wrong.rows and cell.family in wrong.families]
        red: list[CellResult] = []
        most = 1
        with self._loaded(wrong, plan) as lab:
            while asked := _first_of_each([cell for cell in left if cell.row in _not_shown(wrong, red)], most):
                red += failed(run_plan(replace(plan, cells=asked), on=lab))
                left = [cell for cell in left if cell not in asked]
                most *= 2
        return red

    def close(self) -> None:
        """Take the lab down."""
        self._templates.close()
        self._take_down()

    def _plan(self, wrong: WrongPolicy) -> Plan:
        """The matrix with the policy that is wrong."""
        in_nft = wrong.template == "nft"
        (policy,) = shipped_plan(wrong.matrix, in_nft=in_nft).policies.values()
        template = self._folder / dict(policy.parts())[wrong.template].file
        shipped = template.read_text()
        template.write_text(wrong.applied(shipped))
        try:
            return with_policies_in(self._folder, wrong.matrix, self._templates, wrong.template)
        finally:
            template.write_text(shipped)

    @contextmanager
    def _loaded(self, wrong: WrongPolicy, plan: Plan) -> Iterator[Lab]:
        """The lab of the matrix with the plan's policies; the next one is built anew where anything is raised meanwhile."""
        try:
            if self._stands is None or self._stands[0] != wrong.matrix or wrong.alone:
                self._take_down()
                lab = Lab(plan.topology, plan.policies, backend=plan.backend)
                self._stands = wrong.matrix, lab
            else:
                _, lab = self._stands
                for node, rulesets in plan.policies.items():
                    lab.load(node, rulesets)
            yield lab
        except BaseException:
            self._take_down()
            raise
        if any(memory.kind in _OUTLIVE_A_LOAD for memory in lab.site.held.memories.all):
            self._take_down()

    def _take_down(self) -> None:
        if self._stands is not None:
            _, lab = self._stands
            self._stands = None
            lab.close()


def _not_shown(wrong: WrongPolicy, red: Sequence[CellResult]) -> set[str]:
    """The rows that have to be asked on: those that have not turned red; all, where these have and the rule is not named."""
    if rows := set(wrong.rows) - {cell.row for cell in red}:
        return rows
    return set() if any(wrong.rule in explain(cell) for cell in red) else set(wrong.rows)


def _first_of_each(cells: Sequence[Cell], most: int) -> tuple[Cell, ...]:
    """The first so many cells of each row."""
    seen: Counter[str] = Counter()
    found = []
    for cell in cells:
        seen[cell.row] += 1
        if seen[cell.row] <= most:
            found.append(cell)
    return tuple(found)
