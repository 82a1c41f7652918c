"""Trace messages of a bridge to paths: by a port, through bridge netfilter, up to the node, and flooded copies."""

from __future__ import annotations

from lab.kernel.watch.tracer import TraceMessage
from lab.record.path import End
from tests.unit.kernel.test_paths import OWN, SHUT, assembled, entry, leaving, met, network, said

IN, UP, OUT = "bridge-prerouting", "bridge-input", "bridge-postrouting"


def up(ident: bytes = b"a", *, to: int = 10) -> TraceMessage:
    return TraceMessage(ident, said(OWN, UP, "accept", 1), network(to), b"\x9c\x40\x00\x35")


def met_with_headers(ident: bytes, verdict: str, *, to: int = 10) -> TraceMessage:
    return met(ident, verdict, 5)._replace(network=network(to), transport=b"\x9c\x40\x00\x35")


def test_past_the_rules_of_addresses() -> None:
    (path,) = assembled(entry(chain=IN), leaving(chain=OUT))
    assert (path.end, path.out, path.bridged, path.steps) == (End.LEFT, "right", True, ())


def test_through_bridge_netfilter_it_leaves_by_the_bridge() -> None:
    (path,) = assembled(entry(chain=IN), entry(), met(policy=True), leaving(chain=OUT, out=1), leaving(out=1002))
    assert (path.end, path.out, path.bridged, len(path.steps)) == (End.LEFT, "right", False, 1)


def test_what_is_routed_leaves_by_the_bridge_and_not_by_its_port() -> None:
    (path,) = assembled(entry(), leaving(out=1002), leaving(chain=OUT, out=1))
    assert (path.end, path.out, path.bridged) == (End.LEFT, "right", False)


def test_dropped_behind_the_last_rule_of_addresses() -> None:
    (path,) = assembled(entry(), leaving(), met(verdict="drop", number=5))
    assert (path.end, path.dropped_by) == (End.DROPPED, SHUT)


def test_what_the_node_gets_has_another_id_and_is_the_same_packet() -> None:
    (path,) = assembled(
        entry(b"a", chain=IN), entry(b"a"), met(b"a", policy=True), up(b"a"), entry(b"b"), leaving(b"b", chain="input", out=0)
    )
    assert (path.end, path.bridged, len(path.steps)) == (End.DELIVERED, False, 1)


def test_another_packet_that_enters_meanwhile_is_another() -> None:
    one, other = assembled(
        entry(b"a", chain=IN), up(b"a"), entry(b"c", to=3), entry(b"b"), leaving(b"b", chain="input", out=0),
        met(b"c", "drop", 5),
    )  # fmt: skip
    assert (one.end, one.entry.destination) == (End.DELIVERED, "10.0.2.10")
    assert (other.end, other.entry.destination) == (End.DROPPED, "10.0.2.3")


def test_what_was_handed_up_once_is_not_handed_up_again() -> None:
    paths = assembled(entry(b"a", chain=IN), up(b"a"), entry(b"b"), leaving(b"b", chain="input", out=0), entry(b"c"))
    assert [path.end for path in paths] == [End.DELIVERED, End.VANISHED]


def test_each_copy_that_is_flooded_is_a_packet() -> None:
    paths = assembled(
        entry(b"a", chain=IN), entry(b"a"), met_with_headers(b"b", "drop"), met_with_headers(b"c", "accept"), leaving(b"c"),
        up(b"a"), entry(b"d"), leaving(b"d", chain="input", out=0),
    )  # fmt: skip
    assert [path.end for path in paths] == [End.DELIVERED, End.DROPPED, End.LEFT]
    assert len({path.entry for path in paths}) == 1


def test_no_copy_is_made_where_there_is_no_bridge() -> None:
    (path,) = assembled(entry(b"a"), met_with_headers(b"b", "drop"))
    assert path.end is End.VANISHED


def test_a_copy_has_the_headers_of_what_came_in() -> None:
    (path,) = assembled(entry(b"a", chain=IN), met_with_headers(b"b", "drop", to=7))
    assert path.end is End.VANISHED
