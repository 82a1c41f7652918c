"""``lab drill verify``: proves of drills that they are what they say."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.AUTHORS, "Prove of drills: symptom, mend, and at least five wrong mends.")
def verify(
    drills: Annotated[list[str] | None, Argument(metavar="DRILL", help="Names or files; all that there are.")] = None,
    seed: Annotated[int | None, Option(metavar="N", help="This seed alone; by default each that a drill offers.")] = None,
    json: Annotated[bool, Option("--json", help="Print what was proven as JSON.")] = False,
    shipped: o.Shipped = False,
) -> None:
    """Break a lab by each drill and each of its seeds, and prove the symptom, the mend, and that wrong mends fail."""
    from lab.cli.drill_verifying import verify_and_tell

    verify_and_tell(drills or (), seed, json=json, shipped=shipped)
