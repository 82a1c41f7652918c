"""Who watches a probe beside the trace: a file each, and an entry in one of the two lists that `attempt` goes through."""

from __future__ import annotations

from lab.probe.witness.entries import Entries
from lab.probe.witness.losses import losses
from lab.probe.witness.neighbours import neighbours
from lab.probe.witness.reached import reached
from lab.probe.witness.reasons import reasons
from lab.probe.witness.witness import Armed, Witness

OF_A_FLOW: tuple[type[Witness], ...] = (Entries,)
CLOSELY: tuple[Armed, ...] = (neighbours, reasons, reached, losses)
"""In the order in which they are armed; the last of them is read first."""

__all__ = ["CLOSELY", "OF_A_FLOW", "Armed", "Witness"]
