"""The ways to send, a file each, by the type of what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from lab.probe.question import Datagram, Echo, Handshake, Message, Question, Segment
from lab.probe.stage import Stage
from lab.probe.ways.datagram import datagram
from lab.probe.ways.handshake import handshake
from lab.probe.ways.message import message
from lab.probe.ways.segment import segment
from lab.probe.ways.way import Opener, Way

_WAYS: Mapping[type, Opener] = {
    Handshake: handshake,
    Datagram: datagram,
    Echo: message,
    Message: message,
    Segment: segment,
}


def way_of(stage: Stage, question: Question) -> AbstractContextManager[Way]:
    """The way to send what the question sends: its sockets and receivers are open while inside."""
    return _WAYS[type(question.sends)](stage, question)
