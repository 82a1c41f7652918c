"""The machine's table of neighbours, where it was full."""

from __future__ import annotations

from dataclasses import replace

from lab.kernel.stage.neighbour_tables import REASON, words
from lab.probe.outcome import settled
from lab.probe.question import Question
from lab.probe.stage import Stage
from lab.probe.witness.witness import Onlooker
from lab.record.observation import Observation


class FullTable(Onlooker):
    """A fault where the table had no room for a neighbour that may have been needed."""

    __slots__ = "_before", "_family", "_instrument"

    def __init__(self, stage: Stage, question: Question, destination: str | None) -> None:  # noqa: ARG002
        self._instrument, self._family = stage.instrument, question.family
        self._before = stage.instrument.neighbours_refused(question.family)

    def tell(self, found: Observation) -> Observation:
        """Read the count again; the kernel's own reasons are known by now."""
        full = REASON in found.reasons or self._instrument.neighbours_refused(self._family) != self._before
        if not full or settled(found):
            return found
        return replace(found, faults=(*found.faults, words(self._family)))
