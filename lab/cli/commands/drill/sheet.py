"""``lab drill sheet DRILL``: the papers of an exercise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.FACILITATOR, "Write the papers: players, facilitator, injects as CSV.")
def sheet(
    drill: Annotated[str, Argument(metavar="DRILL", help="Its name, as `lab drill list` has it, or a file.")],
    folder: Annotated[Path, Argument(metavar="FOLDER", help="Where they are written.")] = Path(),
    seed: Annotated[int | None, Option(metavar="N", help="What of it varies: as `lab drill start` has it.")] = None,
    shipped: o.Shipped = False,
) -> None:
    """Write the situation manual for players, the guide for who runs the exercise, and its injects as CSV."""
    from lab.cli.drill_files import sheet_of

    sheet_of(drill, seed, folder, shipped=shipped)
