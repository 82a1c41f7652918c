"""What a stream is made of: a question whose packet is sent again and again, each time as the first of a new flow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.probe.question import NUMBERS, Datagram, Echo, Handshake, Question, sends_of
from lab.record.packet import PROTOCOL_NAMES
from lab.record.window import StreamOf
from lab.written.cell import Cell

_SENT = (Handshake, Datagram, Echo)


@dataclass(frozen=True, slots=True)
class Stream:
    """The question of one stream, and what it is called."""

    name: str
    question: Question

    @property
    def unsent(self) -> str:
        """Why it cannot be sent as many new flows; empty where it can."""
        question = self.question
        if not isinstance(question.sends, _SENT) or (isinstance(question.sends, Echo) and question.sends.code):
            return "it is no first packet of TCP or UDP, and no echo request"
        if question.sport is not None:
            return "its source port is fixed, so that its packets are no new flows"
        if question.mark or question.uid is not None or question.payload:
            return "it says something of its socket or of its payload"
        return ""

    def of(self) -> StreamOf:
        """What is recorded of it."""
        question = self.question
        name = PROTOCOL_NAMES.get(question.proto, str(question.proto))
        service = f"{name}/{question.port}" if question.port is not None else f"{name}/echo-request"
        return StreamOf(self.name, question.node, question.source, question.destination, service)


def streams_of(cells: Iterable[Cell]) -> tuple[list[Stream], dict[str, str]]:
    """The streams of ``cells``, each by its first port, no two alike; and, by their ids, why others are none."""
    found: dict[Question, Stream] = {}
    left: dict[str, str] = {}
    for cell in cells:
        if cell.steps or cell.burst or cell.flags or cell.packet or cell.to_many or cell.service.application:
            left[cell.id] = "it is more than one packet, or another one than the first of a flow"
            continue
        if cell.service.proto not in NUMBERS:
            left[cell.id] = f"{cell.service.proto} is not sent in streams"
            continue
        port = cell.service.ports[0][0] if cell.service.ports else None
        receivers = tuple((node, port) for node in (cell.target.node, *cell.target.also) if node is not None)
        question = Question(
            cell.sender.node, cell.sender.address, cell.target.address, sends_of(cell.service, port), sport=cell.sport,
            receivers=receivers, mark=cell.mark, uid=cell.uid, payload=cell.payload,
        )  # fmt: skip
        stream = Stream(cell.id, question)
        if stream.unsent:
            left[cell.id] = stream.unsent
        else:
            found.setdefault(question, stream)
    return list(found.values()), left
