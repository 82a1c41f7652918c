"""Who watches a probe beside the trace: a file each, and an entry in one of the two lists that `attempt` goes through."""

from __future__ import annotations

from collections.abc import Iterable

from lab.probe.question import Question
from lab.probe.stage import Stage
from lab.probe.witness.copies import Copies
from lab.probe.witness.entries import Entries
from lab.probe.witness.logs import Logs
from lab.probe.witness.losses import Losses
from lab.probe.witness.neighbours import FullTable
from lab.probe.witness.reached import Reached
from lab.probe.witness.reasons import Reasons
from lab.probe.witness.strays import Strays
from lab.probe.witness.witness import Onlooker, Witness

OF_A_FLOW: tuple[type[Witness], ...] = (Logs, Entries, Copies)
CLOSELY: tuple[type[Onlooker], ...] = (FullTable, Reasons, Reached, Strays, Losses)
"""In the order in which they are armed; the last of them tells first."""

__all__ = ["CLOSELY", "OF_A_FLOW", "Onlooker", "Witness", "armed"]


def armed(witnesses: Iterable[type[Witness]], stage: Stage, question: Question) -> list[Witness]:
    """Those of the witnesses that the question asks for: nothing of its flow has been sent."""
    return [arm(stage, question) for arm in witnesses if arm.asked_by is None or arm.asked_by(question)]
