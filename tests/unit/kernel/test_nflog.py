"""NFLOG's messages from bytes: what they say, and that a missing number is noticed."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from lab.errors import MachineError, MeasurementError
from lab.kernel.watch.nflog import Logged, PacketLog
from lab.kernel.watch.tracer import Overrun

PACKET, CONFIG = 4 << 8 | 0, 4 << 8 | 1


def attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def message(number: int, prefix: str = "TRACE: filter:FORWARD:rule:3 ", kind: int = PACKET) -> bytes:
    body = attribute(12, struct.pack("!I", number)) + attribute(10, prefix.encode() + b"\0") + attribute(9, b"\x45packet")
    body += attribute(5, struct.pack("!I", 1002)) + attribute(2, struct.pack("!I", 7))
    return struct.pack("=IHHIIBBH", 20 + len(body), kind, 0, 0, 0, 2, 0, 0) + body


@pytest.fixture
def log() -> PacketLog:
    """A log that reads messages, without any socket."""
    made = PacketLog.__new__(PacketLog)
    made._next = None
    return made


def test_what_a_message_says(log: PacketLog) -> None:
    assert log._messages(message(0)) == [Logged(b"TRACE: filter:FORWARD:rule:3 ", b"\x45packet", 0, 1002, 7)]
    assert log._messages(message(1, kind=CONFIG)) == []


def test_numbers_go_on_from_wherever_they_begin_and_around_their_end(log: PacketLog) -> None:
    numbers = (0xFFFFFFFE, 0xFFFFFFFF, 0, 1)
    assert sum(len(log._messages(message(number))) for number in numbers) == 4


def test_a_missing_number_is_an_overrun_once(log: PacketLog) -> None:
    log._messages(message(4))
    with pytest.raises(Overrun):
        log._messages(message(6))
    assert len(log._messages(message(7))) == 1


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (errno.EPERM, MeasurementError, "group 5 of NFLOG, which tells what gateway logs, cannot be read"),
        (errno.EINVAL, MachineError, "modprobe nfnetlink_log"),
    ],
)
def test_who_cannot_be_read_is_told(
    log: PacketLog, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception], words: str
) -> None:
    def refused(*_settings: bytes) -> None:
        raise OSError(code, os.strerror(code))

    log._group, log._of = 5, "what gateway logs"
    monkeypatch.setattr(log, "_configure", refused)
    with pytest.raises(error, match=words):
        log.bind()
