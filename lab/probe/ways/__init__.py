"""The ways to send, a file each, by the type of what is sent."""

from __future__ import annotations

from collections.abc import Mapping

from lab.probe.question import Broadcast, Crafted, Datagram, Echo, FlowError, Handshake, Message, Question, Segment
from lab.probe.stage import Stage
from lab.probe.ways.broadcast import Broadcasts
from lab.probe.ways.crafted import CraftedPackets
from lab.probe.ways.datagram import Datagrams
from lab.probe.ways.flow_error import FlowErrors
from lab.probe.ways.handshake import Connection
from lab.probe.ways.message import Messages
from lab.probe.ways.segment import Segments
from lab.probe.ways.way import Way

_WAYS: Mapping[type, type[Way]] = {
    Handshake: Connection,
    Datagram: Datagrams,
    Broadcast: Broadcasts,
    Echo: Messages,
    Message: Messages,
    Segment: Segments,
    Crafted: CraftedPackets,
    FlowError: FlowErrors,
}


def way_of(stage: Stage, question: Question) -> Way:
    """The way to send what the question sends; its sockets and receivers are open until it is let go."""
    return _WAYS[type(question.sends)](stage, question)
