"""What is shipped, and runs of it inside the test's own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from lab.lab import Lab
from lab.prepare.plan import Choices, Plan, make_plan, policy_files
from lab.prepare.policies import AS_IT_IS, prepare
from lab.prepare.templates import Templates
from lab.record.result import CellResult, Outcome, RunResult
from lab.run.runner import Order, run
from lab.written.cell import Cell
from lab.written.load import load_matrix, search_folders
from lab.written.shipped import shipped_root

ROOT = shipped_root()
MATRICES = tuple(sorted(path.stem for path in (ROOT / "matrices").glob("*.yaml")))


class Silent:
    """A listener that nobody reads."""

    def started(self, cells: int) -> None:
        """Told the number of cells."""

    def cell(self, result: CellResult) -> None:
        """Told a result."""

    def asking(self, cell_id: str, ahead: int, done: int, of: int) -> None:
        """Told how far a long cell is."""

    def finished(self) -> None:
        """Told the end."""


def plan_of(matrix: str, choices: Choices | None = None, root: Path = ROOT, templates: Templates | None = None) -> Plan:
    """The plan of a shipped matrix, or of its copy in another folder."""
    return make_plan(root / "matrices" / f"{matrix}.yaml", choices or Choices(), templates)


@cache
def shipped_plan(matrix: str, *, in_nft: bool = False) -> Plan:
    """The plan of a shipped matrix, made once; with its policy in native nft where that is said."""
    return plan_of(matrix, native(matrix) if in_nft else None)


def with_policies_in(root: Path, matrix: str, templates: Templates, kind: str) -> Plan:
    """The same with its policy's file of that ``kind`` as it is in another folder, and no rules of the other family.

    These stay where they are no matter of their family alone: a list of `recent` is as the first rule says that names it.
    The kind ``nft`` is that of the native script, which takes the policy's place.
    Where steps load policies too the whole plan is made anew.
    """
    plan = shipped_plan(matrix, in_nft=kind == "nft")
    choices = (native(matrix) if kind == "nft" else None) or Choices()
    if plan.loads:
        return plan_of(matrix, choices, root, templates)
    folders = search_folders(root / "matrices" / f"{matrix}.yaml", shipped=False)
    ((node, files),) = policy_files(plan.matrix, folders, choices.policies).items()
    if not any("-m recent" in text.text for _, text in plan.policies[node].parts()):
        files = replace(files, v4=files.v4 if kind == "v4" else None, v6=files.v6 if kind == "v6" else None)
    made = prepare(files, plan.topology, AS_IT_IS, templates).rulesets
    return replace(plan, policies={node: made})


def native(matrix: str) -> Choices | None:
    """The choice of the policy in native nft, ``NAME-nft`` beside ``NAME``; None for a matrix that has none."""
    ((node, policy),) = load_matrix(ROOT / "matrices" / f"{matrix}.yaml").policies.items()
    name = f"{policy.name}-nft"
    return Choices(policies={node: name}) if (ROOT / "policies" / f"{name}.nft.j2").exists() else None


def only(plan: Plan, wanted: Callable[[Cell], bool]) -> Plan:
    """The plan with some of its cells."""
    return replace(plan, cells=tuple(cell for cell in plan.cells if wanted(cell)))


def run_plan(plan: Plan, order: Order | None = None, *, on: Lab | None = None) -> RunResult:
    """What ``lab run`` makes of one plan; ``on`` is a lab that stands already, and stays."""
    return run([plan], order or Order(), Silent(), on=on)


def failed(result: RunResult) -> list[CellResult]:
    """The cells that behaved otherwise than expected."""
    assert not result.problems, result.problems
    return [cell for cell in result.results if cell.outcome not in (Outcome.PASSED, Outcome.ERROR)]
