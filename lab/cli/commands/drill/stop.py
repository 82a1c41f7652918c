"""``lab drill stop NAME``: the drill ends, and its lab is taken down."""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.FACILITATOR, "End a drill and take its lab down.")
def stop(name: Annotated[str, Argument(metavar="NAME", help="The team's name, as `lab drill start` gave it.")]) -> None:
    """End a drill: its lab is taken down, and with it all that was noted."""
    from lab.cli.drilling import stop_drill

    stop_drill(name)
