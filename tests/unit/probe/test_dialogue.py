"""The lines of a control connection: what a server may say, and what of it is believed."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from lab.errors import MeasurementError
from lab.probe.session import awaited
from lab.probe.session.dialogue import Dialogue, Reply
from tests.unit.probe.resting import seen


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003
    yield ours, theirs
    ours.close()
    theirs.close()


def heard(ends: tuple[socket.socket, socket.socket], said: bytes) -> tuple[Dialogue, Reply | None]:
    ours, theirs = ends
    theirs.sendall(said)
    theirs.shutdown(socket.SHUT_WR)
    dialogue = Dialogue(ours, "the FTP server")
    return dialogue, dialogue.hear(seen())


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (b"220 ready\r\n", "220 ready"),
        (b"220\r\n", "220"),
        (b"220-first\r\n 220 not yet\r\n220 at last\r\n", "220 at last"),
        (b"230-\r\n331 of another\r\n230 in\r\n", "230 in"),
        (b"227 \x1b[31mred\x07\xff (10,0,2,10,1,2)\n", "227 ?[31mred?\ufffd (10,0,2,10,1,2)"),
        (b"200 " + b"x" * 300 + b"\r\n", "200 " + "x" * 200),
    ],
)
def test_a_reply_ends_with_a_code_and_a_blank(ends: tuple[socket.socket, socket.socket], said: bytes, reply: str) -> None:
    dialogue, found = heard(ends, said)
    assert str(found) == reply
    assert dialogue.said == [f"< {found}"]


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"999 no such code\r\n", b"220-never ends\r\n", b"y" * (65 << 10)])
def test_what_is_no_reply_ends_the_dialogue(ends: tuple[socket.socket, socket.socket], said: bytes) -> None:
    dialogue, found = heard(ends, said)
    assert found is None
    assert dialogue.ended
    assert dialogue.said == []


def test_two_replies_at_once_are_two(ends: tuple[socket.socket, socket.socket]) -> None:
    dialogue, first = heard(ends, b"150 here it comes\r\n226 done\r\n")
    assert (str(first), str(dialogue.hear(seen()))) == ("150 here it comes", "226 done")


def test_a_server_that_says_nothing_is_no_verdict(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaited, "_DEADLINE_S", 0.05)
    dialogue = Dialogue(ends[0], "the FTP server at 10.0.2.10:21")
    dialogue.say("USER anonymous")
    with pytest.raises(MeasurementError, match=r"the FTP server at 10\.0\.2\.10:21 answered USER anonymous by nothing within"):
        dialogue.hear(seen())


def test_what_was_said_before_the_connection_broke_is_heard(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(b"421 too many\r\n")
    theirs.close()
    dialogue = Dialogue(ours, "the FTP server")
    dialogue.say("USER anonymous")
    assert dialogue.reset
    asked = seen()
    assert str(dialogue.hear(asked)) == "421 too many"
    assert dialogue.hear(asked) is None
    assert dialogue.ended
    assert asked.refusal is None, "it may be another connection that is looked at"
