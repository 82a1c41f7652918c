"""What the kernel drops where it looks for a packet's way: its own reason, and the words that a reader gets for it."""

from __future__ import annotations

import socket

import pytest

from lab.kernel.watch.drop_reason import DropReasons
from lab.record.verdict import Kind, Verdict
from lab.ruleset.rulesets import Rulesets
from lab.run.after.why import hints
from lab.written.cell import Expectation
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, rendered, table

pytestmark = pytest.mark.kernel

MARKED = table("mangle", "-A PREROUTING -j MARK --set-mark 5")
BY_MARK = {"routes": ["203.0.113.0/24 via 10.0.1.10 table 105"], "rules": ["fwmark 5 lookup 105 pref 50"]}


def test_what_a_socket_holds_unread_when_it_closes_was_not_dropped() -> None:
    """The kernel calls it QUEUE_PURGE: a witness that closes a socket of its own must not hear that of a packet."""
    reasons = DropReasons.open()
    if reasons is None:
        pytest.skip("this kernel tells no reasons")
    everything = 0x0003  # ETH_P_ALL (linux/if_ether.h)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(everything)) as unread:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.1", 0))
            one.sendto(b"nobody else reads this", one.getsockname())
            assert one.recv(64)
        assert unread.recv(64, socket.MSG_PEEK)
        reasons.resume()
    told = reasons.read()
    reasons.close()
    assert told == ()


def at_the_gateway(verdict: Verdict, reason: str, *, told: bool) -> None:
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False), verdict.proof
    if told:
        assert verdict.observation.reasons == (reason,)
        assert reason in verdict.proof


def rp_filter(value: int, **more: int) -> dict[str, dict[str, int]]:
    others = {f"net.ipv4.conf.all.{key}": one for key, one in more.items()}
    return {"sysctls": {"net.ipv4.conf.all.rp_filter": value} | others}


@pytest.mark.parametrize(
    ("value", "source", "passes"),
    [
        (0, "10.0.2.77", True), (2, "10.0.2.77", True), (1, "10.0.2.77", False), (0, "203.0.113.9", True),
        (2, "203.0.113.9", False),
    ],
)
def test_the_reverse_path_strict_and_loose(
    lab_of: LabOf, kernel_tells: bool, value: int, source: str, passes: bool
) -> None:
    lab = lab_of(corridor(gateway=rp_filter(value)), gateway=table("filter"))
    verdict = lab.probe("client", "server", "udp/443", source=source)
    if passes:
        assert verdict.passed_node, verdict.proof
    else:
        at_the_gateway(verdict, "IP_RPFILTER", told=kernel_tells)


@pytest.mark.parametrize("valid", [0, 1])
def test_the_reverse_path_with_a_mark(lab_of: LabOf, kernel_tells: bool, valid: int) -> None:
    """The kernel's own filter looks up without the packet's mark, unless src_valid_mark says otherwise."""
    gateway = {**BY_MARK, **rp_filter(1, src_valid_mark=valid)}
    lab = lab_of(corridor(gateway=gateway), gateway=MARKED)
    verdict = lab.probe("client", "server", "udp/443", source="203.0.113.9")
    if valid:
        assert verdict.passed_node, verdict.proof
    else:
        at_the_gateway(verdict, "IP_RPFILTER", told=kernel_tells)


@pytest.mark.parametrize(("source", "reason"), [("127.0.0.9", "IP_LOCALNET"), ("224.0.0.9", "IP_INVALID_SOURCE")])
def test_a_source_that_no_host_has(lab_of: LabOf, kernel_tells: bool, source: str, reason: str) -> None:
    """No kernel sends such: a rule puts it in."""
    rules = f"""
    table ip t {{ chain p {{ type filter hook prerouting priority raw
        iifname left ip saddr set {source}
    }}
    }}"""
    lab = lab_of(corridor(), gateway=Rulesets(nft=rendered(rules)))
    verdict = lab.probe("client", "server", "udp/443")
    at_the_gateway(verdict, reason, told=kernel_tells)
    (hint,) = hints(lab, verdict, Expectation("allow"), "gateway")
    assert hint.why.startswith("gateway takes in nothing from ")
    assert source in hint.why


def test_the_loopback_from_a_network(lab_of: LabOf, kernel_tells: bool) -> None:
    """As a translation to 127.0.0.1 leads there."""
    lab = lab_of(corridor(), gateway=table("nat", "-A PREROUTING -p udp -j DNAT --to-destination 127.0.0.1"))
    at_the_gateway(lab.probe("client", "server", "udp/443"), "IP_LOCALNET", told=kernel_tells)


REFUSALS = {"blackhole": "Invalid argument", "unreachable": "Network is unreachable", "prohibit": "Permission denied"}


@pytest.mark.parametrize(("rule", "refused"), REFUSALS.items())
def test_a_routing_rule_that_refuses(lab_of: LabOf, rule: str, refused: str) -> None:
    gateway = {"rules": [f"to 10.0.2.0/24 {rule} pref 50"]}
    lab = lab_of(corridor(gateway=gateway), gateway=table("filter"))
    verdict = lab.probe("client", "server", "udp/443")
    assert (verdict.kind, verdict.node) == (Kind.UNROUTED, "gateway"), verdict.proof
    found = verdict.path[-1].routed
    assert found is not None
    assert (found.refused, found.rule) == (refused, f"50: from all to 10.0.2.0/24 {rule}")
    (hint,) = hints(lab, verdict, Expectation("allow"), "gateway")
    assert f"the routing rule `{found.rule}` of gateway refuses it ({refused})" in hint.why


def test_no_route_at_all(lab_of: LabOf) -> None:
    """For which no kernel so far has a word of its own: the node is asked."""
    lab = lab_of(corridor(), gateway=table("filter"))
    lab.tell_routing()
    verdict = lab.probe("client", "192.0.2.7", "udp/443")
    at_the_gateway(verdict, "", told=False)
    found = verdict.path[-1].routed
    assert found is not None
    assert (found.table, found.refused) == (None, "Network is unreachable")
