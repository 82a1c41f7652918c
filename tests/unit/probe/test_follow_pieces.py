"""A packet in pieces is followed by the piece that tells what became of the whole."""

from __future__ import annotations

from lab.probe.follow import follow
from lab.record.packet import Packet
from lab.record.path import End, Path

WHOLE = Packet(4, 17, "10.0.1.10", 40000, "10.0.2.10", 53)
LATER = WHOLE._replace(sport=None, dport=None)
IN_V6 = Packet(6, 17, "2001:db8::1", 40000, "2001:db8::2", 53)
LATER_IN_V6 = Packet(6, 44, "2001:db8::1", None, "2001:db8::2", None)


def way(node: str, entry: Packet, leaving: Packet | None, end: End) -> Path:
    return Path(node, entry, (), end, leaving, "out" if leaving is not None else None)


def request(*paths: Path, sent: Packet = WHOLE) -> list[tuple[str, End, Packet, Packet | None]]:
    order = {"one": ("two",), "two": ()}
    found = follow(paths, sent, lambda path: order[path.node], pieces=True).request
    return [(path.node, path.end, path.entry, path.exit) for path in found]


def test_conntrack_puts_it_together_and_the_last_piece_goes_on_as_the_whole() -> None:
    paths = way("one", WHOLE, None, End.VANISHED), way("one", LATER, None, End.VANISHED), way("one", LATER, WHOLE, End.LEFT)
    assert request(*paths) == [("one", End.LEFT, WHOLE, WHOLE)]


def test_translated_it_is_found_at_the_next_node_by_its_pieces() -> None:
    hidden = WHOLE._replace(source="10.0.9.1", sport=1024)
    later = LATER._replace(source="10.0.9.1")
    paths = (
        way("one", WHOLE, None, End.VANISHED), way("one", LATER, hidden, End.LEFT),
        way("two", hidden, None, End.VANISHED), way("two", later, None, End.DROPPED),
    )  # fmt: skip
    assert request(*paths) == [("one", End.LEFT, WHOLE, hidden), ("two", End.DROPPED, hidden, None)]


def test_one_piece_that_is_dropped_is_enough() -> None:
    paths = way("one", WHOLE, WHOLE, End.LEFT), way("one", LATER, None, End.DROPPED)
    assert request(*paths) == [("one", End.DROPPED, WHOLE, None)]


def test_of_pieces_that_all_pass_the_one_with_ports_tells() -> None:
    paths = way("one", LATER, LATER, End.LEFT), way("one", WHOLE, WHOLE, End.LEFT)
    assert request(*paths) == [("one", End.LEFT, WHOLE, WHOLE)]


def test_headers_of_ipv6_before_the_protocol() -> None:
    paths = way("one", LATER_IN_V6, None, End.VANISHED), way("one", LATER_IN_V6, IN_V6, End.LEFT)
    assert request(*paths, sent=IN_V6) == [("one", End.LEFT, IN_V6, IN_V6)]


def test_pieces_of_other_packets_are_others() -> None:
    other = WHOLE._replace(sport=40001)
    assert request(way("one", other, other, End.LEFT), way("one", LATER._replace(source="10.0.1.11"), None, End.DROPPED)) == []
