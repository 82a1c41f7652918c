"""``lab drill new NAME``: a drill to begin with."""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.AUTHORS, "Write a new drill into drills/, which can be played as it is.")
def new(name: Annotated[str, Argument(metavar="NAME", help="What it is called: its file is drills/NAME.yaml.")]) -> None:
    """Write a new drill, with every key explained, that can be played as it is."""
    from lab.cli.drill_files import new_drill

    new_drill(name)
