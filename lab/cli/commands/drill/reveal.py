"""``lab drill reveal NAME``: the answer, its cause, and the mend of the reference."""

from __future__ import annotations

from lab.cli import options as o
from lab.cli.command import command
from lab.cli.commands.drill import Part


@command(Part.FACILITATOR, "Print the answer, the cause and the mend; it is noted.")
def reveal(lab: o.LabThatIsUp) -> None:
    """Print the answer, its cause, and the mend of the reference."""
    from lab.cli.drilling import tell_answer

    tell_answer(lab)
