"""``lab check``: everything that can be told without the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.cli import options as o
from lab.cli.command import Job, command

if TYPE_CHECKING:
    from lab.prepare.plan import Plan


@command(Job.PREPARE, "Check all files as far as that needs no kernel.")
def check(
    files: o.Files = None, matrix: o.Matrices = None, policy: o.Policies = None, topology: o.Topology = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Check topologies, policies, matrices and changes as far as that needs no kernel: all problems at once."""
    from lab.cli.changes import changes_among
    from lab.cli.given import Given, Selection
    from lab.errors import InputError, Problem
    from lab.prepare.checked import CheckedChange, check_change
    from lab.report.plain import plain
    from lab.ruleset.backend import Backend
    from lab.run.after.source_ports import notes_of

    named = [*(files or ()), *(matrix or ())]
    changes, matrices = changes_among(named)
    given = Given(matrices, policy, topology, mend, allow_commands, shipped, without_macs=without_macs)
    problems: list[Problem] = []
    plans: list[Plan] = []
    checked: list[CheckedChange] = []
    try:
        plans += given.whole_plans(Selection(o.BOTH.families, [Backend.NFT])) if matrices or not named else []
    except InputError as error:
        problems += error.problems
    for file in changes:
        try:
            checked.append(check_change(file, rendering=given.rendering(Backend.NFT), shipped=shipped))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    for plan in plans:
        nodes = ", ".join(plan.policies) or "no node"
        print(f"{plan.file}: {len(plan.cells)} cells on topology {plan.topology.topology}, policy for {nodes}: fine")
        for note in (*plan.notes, *notes_of(plan)):
            print(f"  note: {plain(note)}")
    for change in checked:
        print(plain(str(change)))
        for note in change.notes:
            print(f"  note: {plain(note)}")
