"""``lab check``: everything that can be told without the kernel."""

from __future__ import annotations

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.PREPARE, "Check all files as far as that needs no kernel.")
def check(
    files: o.Files = None, matrix: o.Matrices = None, policy: o.Policies = None, topology: o.Topology = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Check topologies, policies and matrices as far as that needs no kernel: all problems at once."""
    from lab.cli.given import Given, Selection
    from lab.report.plain import plain
    from lab.ruleset.backend import Backend
    from lab.run.after.source_ports import notes_of

    given = Given([*(files or ()), *(matrix or ())], policy, topology, mend, allow_commands, shipped, without_macs=without_macs)
    for plan in given.whole_plans(Selection(o.BOTH.families, [Backend.NFT])):
        nodes = ", ".join(plan.policies) or "no node"
        print(f"{plan.file}: {len(plan.cells)} cells on topology {plan.topology.topology}, policy for {nodes}: fine")
        for note in (*plan.notes, *notes_of(plan)):
            print(f"  note: {plain(note)}")
