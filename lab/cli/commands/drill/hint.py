"""``lab drill hint NAME``: the next hint."""

from __future__ import annotations

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.PLAYERS, "Print the next hint; it is noted that it was taken.")
def hint(lab: o.LabThatIsUp) -> None:
    """Print the next hint."""
    from lab.cli.drilling import give_hint

    give_hint(lab)
