"""``lab drill debrief NAME``: the after-action report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.FACILITATOR, "Write the after-action report of a drill.")
def debrief(
    lab: o.LabThatIsUp,
    output: Annotated[Path | None, o.report("--output", "-o", what="the report, as Markdown")] = None,
    casts: Annotated[Path | None, Option(metavar="FOLDER", help="Copy the recordings of its terminals there.")] = None,
) -> None:
    """Write what a drill came to: times, timeline, first steps, what broke on the way, the cause, the row that catches it."""
    from lab.cli.drill_debriefing import write_debrief

    write_debrief(lab, output, casts)
