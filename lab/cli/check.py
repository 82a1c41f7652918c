"""``lab check``: everything that can be told without the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.choices import Shipped


def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Matrix files or folders; without any, all of matrices/.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="NODE=FILE: this policy in place of the matrix's.")] = None,
    topology: Annotated[str | None, typer.Option(help="Check against this topology in place of the matrix's.")] = None,
    mend: Annotated[bool, typer.Option("--mend", help="Repair dumps, and list each repair.")] = False,
    allow_commands: Annotated[bool, typer.Option("--allow-commands", help="Let policies run their own renderers.")] = False,
    shipped: Shipped = False,
) -> None:
    """Check topologies, policies and matrices as far as that needs no kernel: all problems at once."""
    from lab.cli.files import assignments, matrix_files
    from lab.prepare.plan import Choices
    from lab.prepare.policies import Rendering
    from lab.report.plain import plain
    from lab.run.after.source_ports import notes_of
    from lab.run.runner import make_plans

    rendering = Rendering(mend=mend, allow_commands=allow_commands)
    choices = Choices(None, assignments(policy or ()), topology, rendering=rendering, shipped=shipped)
    for plan in make_plans(matrix_files(files or (), shipped=shipped), choices):
        nodes = ", ".join(plan.policies) or "no node"
        print(f"{plan.file}: {len(plan.cells)} cells on topology {plan.topology.topology}, policy for {nodes}: fine")
        for note in (*plan.notes, *notes_of(plan)):
            print(f"  note: {plain(note)}")
