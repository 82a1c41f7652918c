"""What was heard of each packet of the streams, put together."""

from __future__ import annotations

import socket as sockets
from collections.abc import Sequence
from functools import lru_cache

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.probe.question import ECHO_REQUESTS, TCP, Question
from lab.probe.stage import Stage
from lab.probe.stream.ears import Heard, Told
from lab.probe.stream.signs import SYN, Segment, ends, port_of
from lab.probe.stream.stream import Stream
from lab.record.observation import Refusal
from lab.record.packet import Packet
from lab.record.sweep import Arrived
from lab.record.window import StreamPacket


class Arrivals:
    """Of the packets of ``new`` flows, and of ``segments`` behind them, when each left, and how it arrived."""

    def __init__(self, new: Sequence[Stream], segments: Sequence[Segment]) -> None:
        self._questions = [stream.question for stream in new]
        self._asked = [_asked(question) for question in self._questions] + [
            (segment.source, segment.destination, segment.dport) for segment in segments
        ]
        self._by_ends = {
            (destination, (question.port or 0).to_bytes(2, "big"), source): number
            for number, question in enumerate(self._questions) if question.proto == TCP
            for source, destination in [ends(question)]
        }  # fmt: skip
        self._senders = [question.node for question in self._questions]
        self._left: list[dict[int, int]] = [{} for _ in self._asked]
        self._came: list[dict[int, tuple[int, Arrived]]] = [{} for _ in self._asked]
        self._refused: list[dict[int, Refusal]] = [{} for _ in self._asked]
        self._how = lru_cache(maxsize=None)(self._arrived)

    def add(self, told: Heard | Told) -> None:
        """Take in what was heard; of a packet that arrived twice the first time counts."""
        if isinstance(told, Told):
            number = self._by_ends.get(told.ends) if told.stream is None else told.stream
            if number is not None and number < len(self._senders) and self._senders[number] == told.node:
                self._refused[number][told.pulse] = told.refusal
            return
        left, came, pulse = self._left[told.stream], self._came[told.stream], told.pulse
        if told.outgoing:
            left[pulse] = min(left.get(pulse, told.ns), told.ns)
        elif pulse not in came or told.ns < came[pulse][0]:
            source, _, destination, port = told.ends
            came[pulse] = told.ns, self._how(told.stream, told.node, source, destination, port)

    def _arrived(self, stream: int, node: str, source: bytes, destination: bytes, port: bytes) -> Arrived:
        asked_source, asked_destination, asked_port = self._asked[stream]
        family = ADDRESS_FAMILIES[4 if len(source) == 4 else 6]
        from_, to = sockets.inet_ntop(family, source), sockets.inet_ntop(family, destination)
        number = int.from_bytes(port, "big") if port else asked_port
        return Arrived(
            node or None, to if to != asked_destination else None, number if number != asked_port else None,
            from_ if from_ != asked_source else None, None if node else to,
        )  # fmt: skip

    def packets(self, begun: Sequence[int], streams: int) -> tuple[tuple[StreamPacket, ...], ...]:
        """All packets of each stream; one that its sender's own rules ate was sent when its pulse began."""
        return tuple(
            tuple(self._packet(stream, pulse, ns) for pulse, ns in enumerate(begun)) for stream in range(streams)
        )

    def _packet(self, stream: int, pulse: int, begun: int) -> StreamPacket:
        ns, arrived = self._came[stream].get(pulse, (None, None))
        return StreamPacket(pulse, self._left[stream].get(pulse, begun), ns, arrived, self._refused[stream].get(pulse))

    def forget(self, stage: Stage, pulses: int, *, told: bool) -> None:
        """Have conntrack of every watched node forget the new flows.

        Where one node alone is watched it knows of those that it let through, and of no others, if all that was heard was
        ``told``.
        """
        watches = stage.instrument.nodes.values()
        for number, question in enumerate(self._questions):
            for pulse in range(pulses):
                if not told or len(watches) > 1 or pulse in self._came[number]:
                    packet = _packet_of(question, port_of(pulse))
                    for watch in watches:
                        watch.conntrack.delete(packet)


def _asked(question: Question) -> tuple[str, str, int | None]:
    source, destination = ends(question)
    family = ADDRESS_FAMILIES[question.family]
    return sockets.inet_ntop(family, source), sockets.inet_ntop(family, destination), question.port


def _packet_of(question: Question, port: int) -> Packet:
    proto = question.proto
    if proto in ECHO_REQUESTS:
        return Packet(question.family, proto, question.source, port, question.destination, 1, ECHO_REQUESTS[proto], 0)
    flags = SYN if proto == TCP else 0
    return Packet(question.family, proto, question.source, port, question.destination, question.port, flags)
