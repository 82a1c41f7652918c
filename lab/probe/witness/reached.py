"""The untraced node whose kernel took the packet in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from lab.probe.outcome import headed
from lab.probe.question import Question
from lab.probe.raw import Sniffer
from lab.probe.stage import Stage
from lab.probe.witness.witness import Reader
from lab.record.observation import Observation


@contextmanager
def reached(stage: Stage, question: Question, destination: str | None) -> Iterator[Reader]:
    """Listen at the untraced node that has ``destination``.

    Where that is None, as a translation may lead anywhere, all of them are listened to.
    """
    nodes, watched = stage.network.nodes, stage.instrument.watched
    owner = stage.network.topology.owner(destination) if destination is not None else None
    names = [name for name, node in nodes.items() if node.has(question.family)] if destination is None else [owner]
    with ExitStack() as undo:
        listening = {}
        for name in names:
            if name is not None and name not in watched:
                listening[name] = Sniffer(nodes[name], question)
                undo.callback(listening[name].close)

        def read(found: Observation) -> Observation:
            packet = headed(found)
            at = next((name for name, sniffer in listening.items() if sniffer.took_in(packet)), None)
            return found if at is None else replace(found, reached=at)

        yield read
