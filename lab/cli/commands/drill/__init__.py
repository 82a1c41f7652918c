"""``lab drill``: incidents rehearsed on a lab that is broken on purpose; each file here is one of its commands."""

from __future__ import annotations

from enum import StrEnum

from lab.cli.command import Job, group


class Part(StrEnum):
    """Whom a command of drills is for; ``lab drill --help`` groups by it, in this order."""

    PLAYERS = "For the team"
    FACILITATOR = "For who runs the exercise"
    AUTHORS = "For who writes drills"


@group(Job.KEEP, "Incidents rehearsed on a lab that is broken on purpose.")
def drill() -> None:
    """Rehearse incidents: a lab is broken on purpose, a team finds out, mends it, and is told whether it was right."""
