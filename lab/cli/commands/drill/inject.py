"""``lab drill inject NAME next``: what comes in from outside while a team is at work."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


class Do(StrEnum):
    """What is done about the injects of a drill."""

    LIST = "list"
    NEXT = "next"
    SKIP = "skip"
    PAUSE = "pause"
    RESUME = "resume"


@command(Part.FACILITATOR, "Give the next inject, skip it, stop the clock, or follow them.")
def inject(
    lab: o.LabThatIsUp,
    do: Annotated[Do, Argument(metavar="list|next|skip|pause|resume", help="What to do about them.")] = Do.LIST,
    follow: Annotated[bool, Option("--follow", help="Wait, and print each as it comes, with what is expected.")] = False,
) -> None:
    """Bring in what the drill has of news and pressure, each with the reaction that is expected of the team."""
    from lab.cli.drill_injecting import do_inject, follow_injects

    if follow:
        follow_injects(lab)
    else:
        do_inject(lab, do.value)
