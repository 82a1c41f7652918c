"""A list of names: its end is waited for, whatever else has been said by then."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from lab.errors import MeasurementError
from lab.probe.session import awaited
from lab.probe.session.dialogue import Dialogue
from lab.probe.session.listing import Listing
from tests.unit.probe.resting import seen


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_network_at_rest_is_no_end(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    deeds = iter([lambda: None, lambda: theirs.sendall(b"a name"), lambda: None, theirs.close])
    listing = Listing(ours)
    assert listing.end(seen(lambda: next(deeds)()), "the server")
    assert listing.size == len(b"a name")
    assert listing.waiting() == []


def test_an_end_that_never_comes_is_no_verdict(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaited, "_DEADLINE_S", 0.05)
    with pytest.raises(MeasurementError, match=r"^the server did not end its data connection, of which .* within 0\.05 s"):
        Listing(ends[0]).end(seen(), "the server")


def test_a_list_comes_over_the_first_connection_of_a_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)  # noqa: FBT003
        listing = Listing(listener=listener)
        assert listing.waiting() == [listener.fileno()]
        assert listing.opened() is None

        def connect() -> None:
            with socket.create_connection(listener.getsockname()) as server:
                server.sendall(b"a name")

        assert listing.end(seen(connect), "the server")
        assert listing.channel is not None
        listing.channel.close()


def test_a_list_is_taken_while_a_reply_is_waited_for(ends: tuple[socket.socket, socket.socket]) -> None:
    """Its server may be rid of it only then, and says so."""
    ours, theirs = ends
    there, here = socket.socketpair()
    with there, here:
        here.setblocking(False)  # noqa: FBT003
        there.sendall(b"a name")
        there.close()
        listing, left = Listing(here), []

        def say() -> None:
            left.append(listing.size)
            theirs.sendall(b"226 done\r\n")

        assert str(Dialogue(ours, "the server").hear(seen(say), listing)) == "226 done"
        assert left == [len(b"a name")]
        assert listing.ended
