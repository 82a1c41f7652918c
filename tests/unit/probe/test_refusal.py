"""Why the sender was refused: the error queue's bytes (struct sock_extended_err, and the offender behind it)."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from lab.probe.refusal import read_error_queue
from lab.record.observation import Refusal

IP_RECVERR = 11


def told(kind: int, code: int, *, origin: int = 2, by: str = "10.0.1.1") -> tuple[int, int, bytes]:
    error = struct.pack("=IBBBBII", 111, origin, kind, code, 0, 0, 0)
    offender = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(by))
    return socket.IPPROTO_IP, IP_RECVERR, error + offender


class Queue:
    """A socket whose error queue holds these control messages, one a read."""

    def __init__(self, *waiting: tuple[int, int, bytes]) -> None:
        self._waiting = list(waiting)

    def recvmsg(self, _size: int, _ancillary: int, flags: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, None]:
        assert flags == socket.MSG_ERRQUEUE
        if not self._waiting:
            raise BlockingIOError
        return b"", [self._waiting.pop(0)], 0, None


def read(*waiting: tuple[int, int, bytes]) -> Refusal | None:
    queue: Any = Queue(*waiting)
    return read_error_queue(queue)


@pytest.mark.parametrize(
    ("kind", "code", "word"),
    [(3, 0, "icmp-net-unreachable"), (3, 1, "icmp-host-unreachable"), (3, 2, "icmp-proto-unreachable"),
     (3, 3, "icmp-port-unreachable"), (3, 9, "icmp-net-prohibited"), (3, 10, "icmp-host-prohibited"),
     (3, 13, "icmp-admin-prohibited"), (3, 4, "icmp 3/4"), (11, 0, "icmp 11/0")],
)  # fmt: skip
def test_kinds(kind: int, code: int, word: str) -> None:
    assert read(told(kind, code, by="10.0.9.2")) == Refusal(word, "10.0.9.2")


def test_an_empty_queue() -> None:
    assert read() is None


def test_an_error_of_the_sender_s_own_kernel_is_no_answer() -> None:
    assert read(told(0, 0, origin=1)) is None


def test_the_last_of_several() -> None:
    assert read(told(3, 3), told(3, 13, by="10.0.2.2")) == Refusal("icmp-admin-prohibited", "10.0.2.2")


def test_control_messages_of_another_kind_are_passed_over() -> None:
    assert read((socket.IPPROTO_IP, 8, bytes(12)), told(3, 3)) == Refusal("icmp-port-unreachable", "10.0.1.1")
