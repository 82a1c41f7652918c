"""``lab up``: a lab that stays up."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.KEEP, "Bring a lab up that stays, for shells, traffic and questions.")
def up(
    network: Annotated[str | None, Argument(metavar="TOPOLOGY", help="Its name or file; or --matrix, or --twin.")] = None,
    matrix: o.Matrix = None, policy: o.Policies = None, twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None,
    rule: o.Rule = None,
    name: Annotated[str | None, Option(metavar="NAME", help="What it is called; by default as its topology.")] = None,
    foreground: Annotated[bool, Option("--foreground", help="Wait; Ctrl-C takes it down.")] = False,
    backend: o.Backends = o.NFT, mend: o.Mend = False, without_macs: o.NoMacs = False,
    allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Bring a lab up, and leave it up until `lab down`: its nodes have shells, and it answers questions meanwhile."""
    from lab.cli.given import Given, dumps
    from lab.cli.keeping_up import bring_up

    given = Given(
        [matrix] if matrix else [], policy, network, mend, allow_commands, shipped, without_macs, dumps(twin, addr, route, rule)
    )
    bring_up(given, backend, name or "", foreground=foreground)
