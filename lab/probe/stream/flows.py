"""Flows that are established before a window, and held open until it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from lab.probe.conversation import Conversation
from lab.probe.question import TCP
from lab.probe.stage import Stage
from lab.probe.stream.signs import Segment
from lab.probe.stream.stream import Stream
from lab.record.observation import Milestone, Observation
from lab.record.window import HeldFlow, StreamKind, StreamOf


class Flows:
    """Opens a connection for each of ``streams`` that can be opened, and has each say something, until `close`.

    ``segments`` are what is sent of each meanwhile, from its client and from its server, from ``nodes``; ``left_out`` says of
    the others why they are not there.
    """

    def __init__(self, stage: Stage, streams: Sequence[Stream]) -> None:
        self.left_out: dict[str, str] = {}
        self.streams: list[Stream] = []
        self.segments: list[Segment] = []
        self.nodes: list[str] = []
        self._held: list[tuple[Conversation, Observation, Observation]] = []
        with ExitStack() as undo:
            for stream in streams:
                if stream.question.proto != TCP or stream.unsent:
                    self.left_out[f"{stream.name} (established)"] = stream.unsent or "only TCP has connections"
                    continue
                talk = undo.enter_context(Conversation(stage, stream.question))
                why = self._open(stream, talk)
                if why:
                    self.left_out[f"{stream.name} (established)"] = why
            self._undo = undo.pop_all()

    def _open(self, stream: Stream, talk: Conversation) -> str:
        """Why it cannot be held open; empty where it is."""
        opened = talk.open()
        said = talk.send() if opened is not None and opened.stage is Milestone.ANSWERED else None
        if opened is None or said is None or said.stage is not Milestone.ANSWERED or said.arrived is None:
            return "it could not be opened before"
        client, server, arrival, sent = talk.position(), talk.position(of_server=True), said.arrived, said.sent
        if client is None or server is None or client != server[::-1]:
            return "somebody on the way changes the numbers of its segments"
        self.segments += (
            Segment(sent.source, sent.sport or 0, sent.destination, sent.dport or 0, client),
            Segment(arrival.address, arrival.port or 0, arrival.source, arrival.sport or 0, server),
        )
        self.nodes += (stream.question.node, arrival.at)
        self.streams.append(stream)
        self._held.append((talk, opened, said))
        return ""

    def of(self) -> Iterator[StreamOf]:
        """What is recorded of the streams of segments, in the order of these."""
        for flow, (stream, (client, server)) in enumerate(zip(self.streams, _pairs(self.nodes), strict=True)):
            there, back = self.segments[2 * flow : 2 * flow + 2]
            service = f"tcp/{stream.question.port}"
            yield StreamOf(stream.name, client, there.source, there.destination, service, StreamKind.FROM_CLIENT, flow)
            yield StreamOf(stream.name, server, back.source, back.destination, service, StreamKind.FROM_SERVER, flow)

    def asked_again(self) -> tuple[HeldFlow, ...]:
        """Each with what it says now; nothing where it was reset meanwhile."""
        for talk, _, _ in self._held:
            talk.take_note()
        return tuple(
            HeldFlow(stream.name, opened, before, talk.send())
            for stream, (talk, opened, before) in zip(self.streams, self._held, strict=True)
        )

    def close(self) -> None:
        """Cut all of them off."""
        self._undo.close()


def _pairs(nodes: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(nodes[::2], nodes[1::2], strict=True)
