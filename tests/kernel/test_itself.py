"""A node that asks itself: out by OUTPUT, in by INPUT, over its loopback."""

from __future__ import annotations

from typing import Any

import pytest

from lab.errors import InputError
from lab.record.path import End
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, FAR, NEAR, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SERVICES = ("tcp/443", "udp/53", "icmp/echo-request")
LO = "-A INPUT -i lo -m comment --comment lo -j ACCEPT"
OPEN = table("filter", "-A INPUT -m conntrack --ctstate INVALID -j DROP", LO, INPUT="DROP")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("to", "source"), [("gateway", NEAR), (FAR, FAR), ("127.0.0.1", "127.0.0.1")])
def test_it_goes_out_and_comes_in(lab_of: LabOf, service: str, to: str, source: str) -> None:
    verdict = lab_of(corridor(), gateway=OPEN).probe("gateway", to, service)
    assert verdict.allowed, verdict.proof
    out, back = verdict.path
    assert (out.end, out.out, out.turned_back, back.end, back.out) == (End.LEFT, "lo", True, End.DELIVERED, None)
    assert verdict.rule is not None
    assert verdict.rule.comment == "lo"
    assert verdict.observation.sent.source == source
    assert len(verdict.observation.answer) == 2
    assert len(verdict.observation.conntrack) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_what_input_drops_has_not_passed(lab_of: LabOf, service: str) -> None:
    verdict = lab_of(corridor(), gateway=table("filter", INPUT="DROP")).probe("gateway", "127.0.0.1", service)
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.DROPPED, "gateway", False), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.place == "filter:INPUT policy"
    assert [path.end for path in verdict.path] == [End.LEFT, End.DROPPED]


@pytest.mark.parametrize("service", SERVICES)
def test_what_output_drops_does_not_come_in(lab_of: LabOf, service: str) -> None:
    shut = table("filter", "-A OUTPUT -o lo -d 127.0.0.0/8 -m comment --comment shut -j DROP")
    verdict = lab_of(corridor(), gateway=shut).probe("gateway", "127.0.0.1", service)
    assert (verdict.kind, verdict.passed_node, len(verdict.path)) == (Kind.DROPPED, False, 1), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "shut"


def test_prerouting_translates_nothing_that_a_node_makes(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("nat", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080"))
    verdict = lab.probe("gateway", "127.0.0.1", "tcp/80")
    assert verdict.arrived is not None
    assert verdict.arrived.port == 80  # nat OUTPUT, and not PREROUTING, sees what a node makes
    assert not verdict.path[0].translated_by


@pytest.mark.parametrize(("to", "where"), [(NEAR, NEAR), ("127.0.0.1", "127.0.0.1")])
def test_nat_in_output(lab_of: LabOf, to: str, where: str) -> None:
    redirect = "-A OUTPUT -o lo -p tcp --dport 80 -m comment --comment own -j REDIRECT --to-ports 8080"
    lab = lab_of(corridor(gateway={"services": ["tcp/8080"]}), gateway=table("nat", redirect))
    verdict = lab.probe("gateway", to, "tcp/80")
    assert verdict.arrived is not None, verdict.proof
    assert (verdict.kind, verdict.arrived.address, verdict.arrived.port) == (Kind.ALLOWED, "127.0.0.1", 8080)
    assert [rule.comment for rule in verdict.path[0].translated_by] == ["own"]
    (entry,) = verdict.observation.conntrack
    assert (entry.original.destination, entry.original.dport, "DST_NAT" in entry.status) == (where, 80, True)


def test_from_itself_to_another_by_a_translation(lab_of: LabOf) -> None:
    moved = f"-A OUTPUT -d {NEAR} -p tcp --dport 80 -j DNAT --to-destination {SERVER}:8080"
    lab = lab_of(corridor(server={"services": ["tcp/8080"]}), gateway=table("nat", moved))
    verdict = lab.probe("gateway", NEAR, "tcp/80")
    (path,) = verdict.path
    assert (path.out, verdict.passed_node) == ("right", True), verdict.proof


@pytest.mark.parametrize(("route_localnet", "kind"), [("1", Kind.ALLOWED), ("0", Kind.UNROUTED)])
def test_a_translation_to_the_loopback(lab_of: LabOf, route_localnet: str, kind: Kind) -> None:
    sysctls = {"net.ipv4.conf.all.route_localnet": route_localnet}
    to_lo = f"-A PREROUTING -d {NEAR} -p tcp --dport 80 -j DNAT --to-destination 127.0.0.1:8080"
    lab = lab_of(corridor(gateway={"services": ["tcp/8080"], "sysctls": sysctls}), gateway=table("nat", to_lo))
    verdict = lab.probe("client", NEAR, "tcp/80")
    assert verdict.kind is kind, verdict.proof
    if kind is Kind.ALLOWED:
        assert verdict.arrived is not None
        assert verdict.arrived[:4] == ("gateway", "127.0.0.1", 8080, CLIENT)


def test_an_answer_to_itself_that_is_dropped(lab_of: LabOf) -> None:
    mute = "-A OUTPUT -p icmp --icmp-type echo-reply -m comment --comment mute -j DROP"
    verdict = lab_of(corridor(), gateway=table("filter", mute)).probe("gateway", NEAR, "icmp/echo-request")
    assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, "answer"), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "mute"


def dual() -> dict[str, Any]:
    """The corridor with IPv6 beside."""
    written = corridor(gateway={"interfaces": {"left": [NEAR, "2001:db8:1::1"], "right": FAR}})
    written["networks"]["left"] = ["10.0.1.0/24", "2001:db8:1::/64"]
    return written


@pytest.mark.parametrize("to", ["::1", "2001:db8:1::1"])
def test_over_ipv6(lab_of: LabOf, to: str) -> None:
    lab = lab_of(dual(), gateway=OPEN)
    for service in ("tcp/443", "udp/53", "icmpv6/echo-request"):
        verdict = lab.probe("gateway", to, service)
        assert verdict.allowed, verdict.proof
        assert [path.out for path in verdict.path] == ["lo", None]
        assert {step.table for path in verdict.path for step in path.steps} <= {"filter"}


def test_the_loopback_of_another(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=OPEN)
    with pytest.raises(InputError, match="reached by client alone"):
        lab.probe("gateway", "client@lo", "tcp/443")
