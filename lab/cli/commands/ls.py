"""``lab ls``: the labs that are up."""

from __future__ import annotations

from lab.cli.command import Job, command


@command(Job.KEEP, "List the labs that are up.")
def ls() -> None:
    """List the labs of this user that are up: nodes, topology, since when."""
    from lab.cli.keeping_up import list_labs

    list_labs()
