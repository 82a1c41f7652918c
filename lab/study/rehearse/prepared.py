"""A change made ready to be rehearsed: both sides of its node, the matrices before and afterwards, the admin's flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.prepare.changed import held_plan, intended_plan
from lab.prepare.plan import Plan
from lab.prepare.scene import Scene
from lab.prepare.sides import Sides
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.written.cell import Cell
from lab.written.change import Change, Window
from lab.written.intended import admin_cells_at, anybody_cells, intended_cells
from lab.written.policy import PolicySpec


@dataclass(frozen=True)
class Prepared:
    """One node's part of a change.

    ``before`` and ``holds`` are the matrices that must hold, as plans on the old side and on the new one; ``admin`` is the flow
    that the change is made by.  ``policies`` are what all nodes hold before.
    """

    change: Change
    sides: Sides
    backend: Backend
    window: Window
    before: tuple[Plan, ...]
    holds: tuple[Plan, ...]
    intended: tuple[Cell, ...]
    admin: tuple[Cell, ...]
    policies: Mapping[str, Rulesets]

    @property
    def node(self) -> str:
        """Whose rules change."""
        return self.sides.node

    @property
    def old(self) -> Rulesets:
        """What it holds before."""
        return self.sides.old.policies[self.node]

    @property
    def new(self) -> Rulesets:
        """What it is to hold afterwards."""
        return self.sides.new.policies[self.node]

    @property
    def names(self) -> tuple[str, str]:
        """What the rules of before and afterwards are called: policies, or their files."""
        old, new = self.sides.names
        before = (self.change.old or {}).get(self.node)
        return (self.change.twin or old) if before is None else _called(before), _called(self.change.new[self.node]) or new

    def intended_on(self, scene: Scene) -> Plan:
        """The rows of the change, to be run on one of its sides."""
        return intended_plan(self.change, self.intended, scene, self.backend)

    @property
    def cells(self) -> Sequence[Cell]:
        """Every cell that packets are taken from: those of the matrices, and of the change's rows; else anybody's."""
        own = [*(cell for plan in self.holds for cell in plan.cells), *self.intended]
        return own or anybody_cells(self.change, self.sides.old.topology, self.node)


def _called(spec: PolicySpec) -> str:
    """The policy's name, else its first file and the last that its variables are of."""
    if spec.name is not None:
        return spec.name
    files = [str(file) for file in (spec.v4, spec.v6, spec.nft, spec.ipset) if file is not None]
    variables = [str(part) for part in spec.vars if isinstance(part, str | Path)]
    return " with ".join((*files[:1], *variables[-1:]))


def prepared(change: Change, sides: Sides, matrices: Sequence[Path], backend: Backend) -> Prepared:
    """The part of ``sides.node``; raises InputError with every problem found, also for a change that says no window."""
    window = change.said_window()
    before = tuple(held_plan(file, sides.old, backend) for file in matrices)
    holds = tuple(held_plan(file, sides.new, backend) for file in matrices)
    topology = sides.new.topology
    others = {node: of for plan in before for node, of in plan.policies.items()}
    intended = tuple(cell for cell in intended_cells(change, topology) if cell.at == sides.node)
    admin = admin_cells_at(change, topology, sides.node)
    return Prepared(change, sides, backend, window, before, holds, intended, admin, {**others, **sides.old.policies})
