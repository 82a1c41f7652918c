"""``lab status``: what is to be seen of a lab that is up."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.KEEP, "Show interfaces, routes and counters of a lab that is up.")
def status(
    lab: o.LabThatIsUp,
    node: Annotated[list[str] | None, Argument(metavar="[NODE]...", help="Only these nodes.")] = None,
    watch: Annotated[bool, Option("--watch", help="Look again every second, until Ctrl-C.")] = False,
    json: o.Json = None,
) -> None:
    """Show each node's interfaces, routes, tracked flows, and what its rules have counted since the last look."""
    from lab.cli.looking import show_status

    show_status(lab, node or (), json, watch=watch)
