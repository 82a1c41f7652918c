"""``lab check``: everything that can be told without the kernel."""

from __future__ import annotations

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.PREPARE, "Check all files as far as that needs no kernel.")
def check(
    files: o.Files = None, matrix: o.Matrices = None, policy: o.Policies = None, topology: o.Topology = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Check topologies, policies, matrices, changes and drills as far as that needs no kernel: all problems at once."""
    from lab.cli.checking import check_and_tell
    from lab.cli.given import Given

    given = Given((), policy, topology, mend, allow_commands, shipped, without_macs=without_macs)
    check_and_tell(given, [*(files or ()), *(matrix or ())])
