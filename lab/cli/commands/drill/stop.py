"""``lab drill stop NAME``: the drill ends, and its lab is taken down."""

from __future__ import annotations

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.FACILITATOR, "End a drill and take its lab down.")
def stop(lab: o.LabThatIsUp) -> None:
    """End a drill: its lab is taken down, and with it all that was noted; write the debrief before that."""
    from lab.cli.drilling import stop_drill

    stop_drill(lab)
