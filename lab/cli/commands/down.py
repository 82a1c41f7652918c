"""``lab down``: labs that are up, taken down."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli.command import Job, command


@command(Job.KEEP, "Take labs down that are up; --all of them.")
def down(
    names: Annotated[list[str] | None, Argument(metavar="LAB", help="Labs that are up, by name.")] = None,
    everything: Annotated[bool, Option("--all", help="All labs of this user.")] = False,
) -> None:
    """Take labs down, with all that runs in them; nothing of them is left."""
    from lab.cli.keeping_up import take_down

    take_down(names or (), everything=everything)
