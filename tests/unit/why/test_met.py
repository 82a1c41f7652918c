"""What a rule saw of a packet; and what of it nobody knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.packet import Packet
from lab.record.path import End, Path
from lab.ruleset.asked import Met
from lab.why.case import Case
from lab.why.met import met_at
from tests.unit.verdict.made import ACK, ECHO, SYN
from tests.unit.why.made import TOPOLOGY
from tests.unit.why.walks import failed, saved, table, way

TURNED = SYN._replace(destination="10.0.2.20", dport=8443)
CHAINS = saved(
    table("-A PREROUTING -j CT --notrack", "-A OUTPUT -j CT --notrack", name="raw", policies="ACCEPT")
    + table("-A PREROUTING -p tcp -j DNAT --to-destination 10.0.2.20:8443", name="nat", policies="ACCEPT")
    + table("-A FORWARD -i wan -j ACCEPT")
)


def met(hook: str = "forward", *, kind: str = "filter", native: bool = False, step: int = 0, case: Case | None = None,
        **keys: Any) -> Met:  # fmt: skip
    path = _path(**keys)
    return met_at(case or failed(CHAINS, path), path, step, hook, kind, native=native)


def _path(*told: str, **keys: Any) -> Path:
    return way(CHAINS, *(keys.pop("steps", None) or told or ("filter:FORWARD:policy drop",)), **keys)


@pytest.mark.parametrize(("hook", "entered", "left"), [
    ("prerouting", "lan", None), ("input", "lan", None), ("forward", "lan", "dmz"), ("output", None, "dmz"),
    ("postrouting", None, "dmz"),
])  # fmt: skip
def test_interfaces_are_those_of_the_hook(hook: str, entered: str | None, left: str | None) -> None:
    found = met(hook)
    assert (found.entered, found.left) == (entered, left)


def test_what_is_sent_from_here_may_be_routed_again() -> None:
    assert met("output", mark=1).left is None
    assert met("output", heads=((0, TURNED),)).left is None
    assert met("postrouting", mark=1).left == "dmz"


def test_a_flow_begins_new() -> None:
    for first in (SYN, ECHO, SYN._replace(proto=17, flags=0)):
        assert met(entry=first).states == ("NEW",)


@pytest.mark.parametrize("first", [ACK, ECHO._replace(flags=3), SYN._replace(proto=47), SYN._replace(flags=0)])
def test_what_may_be_of_any_state(first: Packet) -> None:
    assert met(entry=first).states is None


def test_before_conntrack_there_is_no_state() -> None:
    assert met("prerouting", kind="raw").states is None
    assert met("prerouting", kind="mangle", native=True).states is None
    assert met("output", native=True).states is None
    assert met("prerouting", kind="nat", native=True).states == ("NEW",)
    assert met("output").states == ("NEW",)


def test_what_is_not_tracked_has_no_state() -> None:
    steps = ("raw:PREROUTING:1 continue", "raw:PREROUTING:policy accept", "filter:FORWARD:policy drop")
    assert met(steps=steps).states is None


def test_a_destination_that_was_translated() -> None:
    steps = ("nat:PREROUTING:1 accept", "filter:FORWARD:policy drop")
    before = met("prerouting", kind="nat", steps=steps, heads=((1, TURNED),))
    behind = met(steps=steps, heads=((1, TURNED),), step=1)
    assert (before.translated, before.dport, before.original_dport) == (False, 443, 443)
    assert (behind.translated, behind.dport, behind.original_dport) == (True, 8443, 443)


def test_a_node_that_it_came_through_before_keeps_its_flow() -> None:
    first, second = _path(end=End.LEFT, exit=SYN), _path(entry=SYN)
    found = met_at(failed(CHAINS, first, second), second, 0, "forward", "filter", native=False)
    assert (found.translated, found.original_dport) == (None, None)


def test_an_echo_has_no_ports() -> None:
    found = met(entry=ECHO)
    assert (found.sport, found.dport, found.flags) == (None, None, 8)


def test_the_addresses_of_the_node() -> None:
    assert len(met().own or ()) == 2
    for odd in ("127.0.0.1", "224.0.0.251", "0.0.0.0"):
        assert met(entry=SYN._replace(destination=odd)).own is None


def test_a_node_that_may_have_every_address() -> None:
    written = TOPOLOGY.model_dump(mode="json", by_alias=True)
    written["nodes"]["gateway"]["anyip"] = True
    anyip = replace(failed(CHAINS, _path()), topology=TOPOLOGY.model_validate(written))
    assert met(case=anyip).own is None


def test_a_mark_does_not_come_with_a_packet_and_a_rule_may_set_one() -> None:
    marks = saved(table("-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff", name="mangle", policies="ACCEPT")
                  + table("-A FORWARD -i wan -j ACCEPT"))  # fmt: skip
    path = way(marks, "mangle:PREROUTING:1 continue", "mangle:PREROUTING:policy accept", "filter:FORWARD:policy drop", mark=1)
    found = [met_at(failed(marks, path), path, step, "forward", "filter", native=False).mark for step in (0, 1, -1)]
    assert found == [0, None, None]
    assert met(entered=None).mark is None, "a socket may have set one"
    assert met(entered="lo").mark is None, "it came from here with the one that it left with"
