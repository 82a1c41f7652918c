"""``lab drill list``: the drills that there are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.FACILITATOR, "List the drills: level, roles, how long, what about.")
def list_(
    level: Annotated[list[int] | None, Option(metavar="N", help="Only those of this level; repeatable.")] = None,
    role: Annotated[list[str] | None, Option(metavar="ROLE", help="Only those for this role; repeatable.")] = None,
    json: Annotated[Path | None, Option("--json", metavar=o.A_REPORT, help="Write the list as JSON; - prints it.")] = None,
    shipped: o.Shipped = False,
) -> None:
    """List the drills of drills/, and those that are shipped."""
    from lab.cli.drill_files import list_drills

    sys.exit(list_drills(level or (), role or (), json, shipped=shipped))
