"""Packets that conntrack refused."""

from __future__ import annotations

from dataclasses import replace

from lab.probe.question import Question
from lab.probe.stage import Stage
from lab.probe.witness.witness import Onlooker
from lab.record.observation import Loss, Observation

# an error about no flow is counted too, and goes on as INVALID (nf_conntrack_in)
_NO_LOSSES = ("insert", "invalid", "error")


class Losses(Onlooker):
    """What conntrack's counters of every watched node grew by."""

    __slots__ = "_before", "_instrument"

    def __init__(self, stage: Stage, question: Question, destination: str | None) -> None:  # noqa: ARG002
        self._instrument = stage.instrument
        self._before = stage.instrument.losses()

    def tell(self, found: Observation) -> Observation:
        """Read the counters again."""
        before, after = self._before, self._instrument.losses()
        grown = tuple(
            Loss(node, counter, value - before[node, counter])
            for (node, counter), value in after.items()
            if counter not in _NO_LOSSES and value > before[node, counter]
        )
        return replace(found, losses=grown) if grown else found
