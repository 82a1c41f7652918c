"""The machine's table of neighbours, where it was full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from lab.kernel.stage.neighbour_tables import REASON, words
from lab.probe.outcome import settled
from lab.probe.question import Question
from lab.probe.stage import Stage
from lab.probe.witness.witness import Reader
from lab.record.observation import Observation


@contextmanager
def neighbours(stage: Stage, question: Question, destination: str | None) -> Iterator[Reader]:  # noqa: ARG001
    """A fault where the table had no room for a neighbour that may have been needed; read when the reasons are known."""
    before = stage.instrument.neighbours_refused(question.family)

    def read(found: Observation) -> Observation:
        full = REASON in found.reasons or stage.instrument.neighbours_refused(question.family) != before
        if not full or settled(found):
            return found
        return replace(found, faults=(*found.faults, words(question.family)))

    yield read
