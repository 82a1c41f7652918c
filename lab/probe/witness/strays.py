"""Answers that came to the sender from somebody whom it did not ask."""

from __future__ import annotations

from dataclasses import replace

from lab.probe.outcome import settled
from lab.probe.question import Question
from lab.probe.raw import Sniffer
from lab.probe.stage import Stage
from lab.probe.witness.witness import Onlooker
from lab.record.observation import Observation


class Strays(Onlooker):
    """Listens at the sender, whose sockets hear only whom they asked."""

    __slots__ = ("_sniffer",)

    def __init__(self, stage: Stage, question: Question, destination: str | None) -> None:  # noqa: ARG002
        self._sniffer = Sniffer(stage.network.nodes[question.node], question)

    def tell(self, found: Observation) -> Observation:
        """What its kernel took in, and no socket of the probe could."""
        if settled(found):
            return found
        strays = self._sniffer.strays(found.sent)
        return replace(found, strays=strays) if strays else found

    def disarm(self) -> None:
        """Listen no more."""
        self._sniffer.close()
