"""``lab load``: other rules into a lab that is up."""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.KEEP, "Load other rules into a node of a lab that is up.")
def load(
    lab: o.LabThatIsUp, node: o.NodeOfIt,
    file: Annotated[str, Argument(metavar="NAME|FILE|-", help="A policy's name, a file of rules, or a pipe.")],
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Put a policy in the place of what a node holds, while the lab is up, and say what differs now."""
    from lab.cli.given import Given
    from lab.cli.loading import load_and_tell

    given = Given(mend=mend, allow_commands=allow_commands, shipped=shipped, without_macs=without_macs)
    load_and_tell(lab, node, file, given)
