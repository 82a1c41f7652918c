"""The machine made ready for plans: their tools are there, and this process may build labs."""

from __future__ import annotations

from collections.abc import Sequence

from lab.kernel.ground.privileges import enter
from lab.kernel.ground.tools import need
from lab.prepare.plan import Loads, tools_for


def ready_for(plans: Sequence[Loads]) -> None:
    """Enter a user namespace if that is needed; raises MachineError, for a missing tool before anything is built."""
    for tool in tools_for(plans):
        need(tool)
    enter()
