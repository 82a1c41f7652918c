"""``lab exec``: a command in a node of a lab that is up."""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.KEEP, "Run a command in a node of a lab that is up.", passes_on=True)
def exec(  # noqa: A001 - the command's name
    lab: o.LabThatIsUp, node: o.NodeOfIt,
    words: Annotated[list[str], Argument(metavar="-- COMMAND", help="The command and its words.")],
) -> None:  # fmt: skip
    """Run a command in a node, as if there; its exit code is the command's."""
    from lab.cli.inside import run_in

    run_in(lab, node, words)
