"""``lab drill answer NAME gateway filter:FORWARD missing-accept``: what a team says is the cause."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.PLAYERS, "Say what the cause is: gateway filter:FORWARD missing-accept.")
def answer(
    lab: o.LabThatIsUp,
    words: Annotated[list[str] | None, Argument(metavar="PLACE KIND", help="Where it is, and what of the --kinds.")] = None,
    kinds: Annotated[bool, Option("--kinds", help="List every kind of cause that any drill may have.")] = False,
) -> None:
    """Say what the cause is, and be told whether the place is right, the kind, or both; exit code 1 where it is not."""
    from lab.cli.drilling import list_kinds, take_answer

    if kinds:
        list_kinds()
    else:
        take_answer(lab, words or [])
