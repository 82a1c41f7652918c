"""The connections of one session, each seen by itself: what all that are asked in steps have in common."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from lab.kernel.watch.tracer import Overrun
from lab.probe.question import Question
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.witness import OF_A_FLOW, armed
from lab.record.packet import Packet


class Connections:
    """From when the session's sockets are open, and nothing has been sent, until its last packet is forgotten."""

    def __init__(self, stage: Stage, question: Question) -> None:
        self._stage, self._question = stage, question
        self._witnesses = armed(OF_A_FLOW, stage, question)
        self._seen: list[Sighting] = []

    def _begin(self, sent: Packet) -> Sighting:
        """What is seen from now on is of the connection that ``sent`` begins."""
        self._stage.network.rest()
        with suppress(Overrun):
            self._stage.instrument.paths()  # what went before is another's
        return Sighting(self._stage, sent)

    def _end(self, seen: Sighting) -> Sighting:
        """All of a connection that was to come has come."""
        self._seen.append(seen)
        for witness in self._witnesses:
            witness.read(seen)
        return seen

    def _let_go(self) -> None:
        """Close what is open, so that nothing is sent again later."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._let_go()
            self._stage.network.rest()
            for seen in self._seen:
                for witness in self._witnesses:
                    witness.forget(seen)
        finally:
            for witness in self._witnesses:
                witness.disarm()
