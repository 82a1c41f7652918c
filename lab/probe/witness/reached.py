"""The untraced node whose kernel took the packet in."""

from __future__ import annotations

from dataclasses import replace

from lab.probe.outcome import headed
from lab.probe.question import Question
from lab.probe.raw import Sniffer
from lab.probe.stage import Stage
from lab.probe.witness.witness import Onlooker
from lab.record.observation import Observation


class Reached(Onlooker):
    """Listens at the untraced node that has the destination, and at those that it is behind too.

    Where that is not known, as a translation may lead anywhere, all of them are listened to.
    """

    __slots__ = ("_listening",)

    def __init__(self, stage: Stage, question: Question, destination: str | None) -> None:
        nodes, watched = stage.network.nodes, stage.instrument.nodes
        names = [name for name, node in nodes.items() if node.has(question.family)] if destination is None else []
        if destination is not None and (owner := stage.network.topology.owner(destination)) is not None:
            names = [owner, *stage.network.topology.also(owner, destination)]
        self._listening: dict[str, Sniffer] = {}
        try:
            for name in names:
                if name not in watched:
                    self._listening[name] = Sniffer(nodes[name], question)
        except BaseException:
            self.disarm()
            raise

    def tell(self, found: Observation) -> Observation:
        """Which of them took it in."""
        packet = headed(found)
        at = next((name for name, sniffer in self._listening.items() if sniffer.took_in(packet)), None)
        return found if at is None else replace(found, reached=at)

    def disarm(self) -> None:
        """Listen no more."""
        for sniffer in self._listening.values():
            sniffer.close()
