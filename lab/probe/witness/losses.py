"""Packets that conntrack refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from lab.probe.question import Question
from lab.probe.stage import Stage
from lab.probe.witness.witness import Reader
from lab.record.observation import Loss, Observation

_NO_LOSSES = ("insert", "invalid")


@contextmanager
def losses(stage: Stage, question: Question, destination: str | None) -> Iterator[Reader]:  # noqa: ARG001
    """What conntrack's counters of every watched node grew by."""
    before = stage.instrument.losses()

    def read(found: Observation) -> Observation:
        after = stage.instrument.losses()
        grown = tuple(
            Loss(node, counter, value - before[node, counter])
            for (node, counter), value in after.items()
            if counter not in _NO_LOSSES and value > before[node, counter]
        )
        return replace(found, losses=grown) if grown else found

    yield read
