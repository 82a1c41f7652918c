"""``lab graph``: a drawing of a topology, or of a lab that is up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.KEEP, "Draw a lab that is up, or a topology.")
def graph(
    lab: Annotated[str | None, Argument(metavar="[LAB]", help="A lab that is up, as `lab ls` lists it.")] = None,
    topology: Annotated[str | None, Option(metavar="NAME|FILE", help="In place of a lab: this topology.")] = None,
    svg: Annotated[Path | None, o.report("--svg", what="the drawing as a picture")] = None,
    shipped: o.Shipped = False,
) -> None:
    """Draw each network with the nodes on it, and of a lab that is up the links that are down."""
    from lab.cli.graphing import draw

    draw(lab, topology, svg, shipped=shipped)
