"""What is changed in a node is told as it is made: in words, and with the process where the kernel knows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.keep.node_changes import Listener
from lab.kernel.ground.owned_table import NFPROTO_INET, Owner
from lab.kernel.ground.syscalls import readable
from lab.kernel.ground.tools import run
from lab.kernel.stage.node import Node
from lab.record.debrief import NodeChange, Subject
from lab.ruleset.backend import Backend

pytestmark = pytest.mark.kernel


@pytest.fixture
def listener(node: Node) -> Iterator[Listener]:
    heard = Listener("gateway", node.namespace, Backend.NFT)
    yield heard
    heard.close()


def done(node: Node, listener: Listener, *argv: str) -> list[NodeChange]:
    """What is told once a tool has ended: the kernel tells before it answers the tool."""
    ended = run(node.namespace, argv)
    assert ended.code == 0, ended.err
    return list(listener.changes(1.0))


def test_a_rule_is_told_with_its_place_and_who_made_it(node: Node, listener: Listener) -> None:
    (first,) = done(node, listener, "iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "ACCEPT")
    assert (first.at, first.node, first.what, first.process) == (1.0, "gateway", Subject.RULES, "iptables-nft")
    assert "+ filter:FORWARD:1 -p tcp -m tcp --dport 80 -j ACCEPT" in first.words
    (second,) = done(node, listener, "iptables-nft", "-I", "FORWARD", "-j", "DROP")
    assert second.words == ("+ filter:FORWARD:1 -j DROP",)
    assert second.pid > 0
    (third,) = done(node, listener, "iptables-nft", "-P", "FORWARD", "DROP")
    assert third.words == ("~ filter:FORWARD policy ACCEPT -> DROP",)
    (fourth,) = done(node, listener, "iptables-nft", "-D", "FORWARD", "1")
    assert fourth.words == ("- filter:FORWARD:1 -j DROP",)


def test_rules_of_nft_are_told_in_their_words(node: Node, listener: Listener) -> None:
    script = "add table inet edge; add chain inet edge in { type filter hook input priority 0; policy drop; }"
    (made,) = done(node, listener, "nft", f"{script}; add rule inet edge in tcp dport 22 accept")
    assert made.process == "nft"
    assert made.words == ("~ inet edge in policy ACCEPT -> DROP", "+ inet edge in:1 tcp dport 22 accept")
    done(node, listener, "nft", "add set inet edge bad { type ipv4_addr; }")
    (set_,) = done(node, listener, "nft", "add element inet edge bad { 192.0.2.1 }")
    assert set_.words == ("+ elements of edge bad",)


def test_the_labs_own_tables_are_left_out(node: Node, listener: Listener) -> None:
    owner = Owner(node.namespace, "lab_trace", "the trace", shared=True)
    owner.commit(owner.table(NFPROTO_INET))
    owner.remove()
    assert list(listener.changes(1.0)) == []


def test_links_addresses_and_routes_are_told(node: Node, listener: Listener) -> None:
    (up,) = done(node, listener, "ip", "link", "set", "lo", "up")[:1]
    assert (up.what, up.words, up.process) == (Subject.LINK, ("~ lo up",), "")
    told = done(node, listener, "ip", "addr", "add", "192.0.2.1/24", "dev", "lo")
    assert ("+ 192.0.2.1/24 dev lo",) in [one.words for one in told if one.what is Subject.ADDRESS]
    (route,) = done(node, listener, "ip", "route", "add", "default", "via", "192.0.2.9")
    assert route.words == ("+ default via 192.0.2.9 dev lo",)
    (gone,) = done(node, listener, "ip", "route", "del", "default")
    assert (gone.what, gone.words) == (Subject.ROUTE, ("- default via 192.0.2.9 dev lo",))
    (rule,) = done(node, listener, "ip", "rule", "add", "fwmark", "7", "lookup", "100", "pref", "50")
    assert rule.words == ("+ 50: from all fwmark 0x7 lookup 100",)


def test_what_the_node_had_is_no_change(node: Node) -> None:
    assert run(node.namespace, ["ip", "link", "set", "lo", "up"]).code == 0
    heard = Listener("gateway", node.namespace, Backend.NFT)
    assert done(node, heard, "ip", "link", "set", "lo", "up") == []
    heard.close()


def test_legacy_rules_are_told_when_somebody_looks(node: Node) -> None:
    heard = Listener("gateway", node.namespace, Backend.LEGACY)
    assert done(node, heard, "iptables-legacy", "-A", "INPUT", "-j", "DROP") == []
    assert [one.words[-1] for one in heard.look(2.0)] == ["+ filter:INPUT:1 -j DROP"]
    heard.close()


def test_something_is_readable_once_there_is_a_change(node: Node, listener: Listener) -> None:
    assert not readable(listener.descriptors[0], 0)
    assert run(node.namespace, ["iptables-nft", "-A", "INPUT", "-j", "DROP"]).code == 0
    assert readable(listener.descriptors[0], 0)
