"""``lab drill check NAME``: whether the mend mends, and breaks nothing else."""

from __future__ import annotations

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.PLAYERS, "Ask the kernel whether it is mended, and nothing else broken.")
def check(lab: o.LabThatIsUp) -> None:
    """Send what must pass again, and what must have stayed as it was; exit code 0 where all of it is green."""
    from lab.cli.drilling import run_check

    run_check(lab)
