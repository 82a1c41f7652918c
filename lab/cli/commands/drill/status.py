"""``lab drill status NAME``: how far a team is; nothing of the answer."""

from __future__ import annotations

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.PLAYERS, "Tell the time, hints, answers, checks and injects so far.")
def status(lab: o.LabThatIsUp) -> None:
    """Tell how far a team is: the time that is gone, hints, answers, checks, and which injects came."""
    from lab.cli.drilling import tell_status

    tell_status(lab)
