"""``lab watch``: every packet at a node of a lab that is up, as it happens."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.KEEP, "Watch the packets of a node: verdict, rule and line of each.")
def watch(
    lab: o.LabThatIsUp, node: o.NodeOfIt,
    json: Annotated[bool, Option("--json", help="A line of JSON for each packet.")] = False,
    count: o.Count = None,
) -> None:  # fmt: skip
    """Print each packet that comes to a node, whoever sends it: what became of it there, by which rule and line."""
    from lab.cli.live import watch_and_print

    watch_and_print(lab, node, json=json, count=count)
