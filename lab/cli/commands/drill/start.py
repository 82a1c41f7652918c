"""``lab drill start DRILL``: a lab, broken on purpose, and the page that a team is called with."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.FACILITATOR, "Break a lab, prove that it is broken, and print the page.")
def start(
    drill: Annotated[str | None, Argument(metavar="DRILL", help="Its name, as `lab drill list` has it, or a file.")] = None,
    seed: Annotated[int | None, Option(metavar="N", help="What of it varies: the same seed, the same lab.")] = None,
    name: Annotated[str, Option(metavar="LAB", help="What the team's lab is called; by default as the drill.")] = "",
    random: Annotated[bool, Option("--random", help="Any drill of this --level and --role, not told which.")] = False,
    level: Annotated[int | None, Option(metavar="N", help="With --random: how hard, from 1 to 3.")] = None,
    role: Annotated[str | None, Option(metavar="ROLE", help="With --random: for whom.")] = None,
    shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Bring a lab up, prove it healthy, break it, prove that it shows, and print what the team is called with."""
    from lab.cli.drill_starting import start_and_tell

    start_and_tell(drill, seed, name, at_random=random, level=level, role=role, shipped=shipped)
