"""Packets that a row writes by their layers: sent as written, proven at the receiver, and named by what they are."""

from __future__ import annotations

import pytest

from lab.lab import Lab
from lab.probe.question import Crafted, Question
from lab.record.verdict import Kind, Verdict
from lab.written.packet.layered import layered
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, SERVER, corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

CLIENT6, SERVER6 = "2001:db8:a::10", "2001:db8:d::10"
INVALID = table("filter", "-A FORWARD -m conntrack --ctstate INVALID -m comment --comment invalid -j DROP")
LOOSE = table("filter", "-A FORWARD -p tcp --dport 9999 -j DROP")


def both_families() -> dict[str, object]:
    """The corridor with addresses of both families."""
    scene = corridor(
        client={"interfaces": {"left": [CLIENT, CLIENT6]}}, server={"interfaces": {"right": [SERVER, SERVER6]}},
        gateway={"interfaces": {"left": ["10.0.1.1", "2001:db8:a::1"], "right": ["10.0.2.1", "2001:db8:d::1"]}},
    )  # fmt: skip
    return {**scene, "networks": {"left": ["10.0.1.0/24", "2001:db8:a::/64"], "right": ["10.0.2.0/24", "2001:db8:d::/64"]}}


def send(lab: Lab, written: str | list[str], *, family: int = 4, heard: bool = True, port: int | None = None) -> Verdict:
    """The verdict of a packet from the client to the server, which listens for it where it is to be ``heard``."""
    packet = layered(written)
    source, destination = (CLIENT, SERVER) if family == 4 else (CLIENT6, SERVER6)
    port = packet.dport if packet.dport is not None else port
    receivers = (("server", port),) if heard else ()
    question = Question("client", packet.source or source, destination, Crafted(packet, port), packet.sport, receivers)
    return lab.ask(question, "gateway")


ARRIVE = (
    'TCP(flags="FPU", dport=22)', 'TCP(flags="", dport=22)', 'TCP(flags="SF", dport=22)', 'TCP(flags="A", dport=22)',
    "TCP(dport=22)", 'UDP(dport=53)/Raw("x")', 'TCP(options=[("MSS", 536), ("NOP", None)], dport=22)', "GRE()/IP()/UDP()",
    "ESP(spi=4711)", "AH()/TCP(dport=22)", "SCTP(dport=9)/SCTPChunkInit()", "UDP(dport=53, len=8)",
    "fragment(UDP(dport=53)/'a datagram of three pieces', fragsize=16)",
)  # fmt: skip
IN_IPV4 = (
    "IP(options=[IPOption_RR()])/UDP(dport=53)", "IP(ttl=2, tos=8)/UDP(dport=53)", "ICMP(type=8)", "ICMP(type=13)",
    "IP(proto=99)/'x'", "TCP(dport=22, chksum=0x1234)", "IP(src='10.0.1.77')/UDP(dport=53)",
    ['IP(flags="MF")/UDP(dport=53)/"12345678"', 'IP(frag=2)/"abc"'],
    ['IP(frag=2)/"abc"', 'IP(flags="MF")/UDP(dport=53)/"12345678"'],
)  # fmt: skip
IN_IPV6 = (
    "IPv6()/IPv6ExtHdrHopByHop()/TCP(dport=22)", "IPv6()/IPv6ExtHdrDestOpt()/UDP(dport=53)", "ICMPv6EchoRequest()",
    "ICMPv6Unknown(type=200)", "IPv6(hlim=2)/UDP(dport=53)",
    ['IPv6()/IPv6ExtHdrFragment(m=1)/UDP(dport=53)/"12345678"', 'IPv6()/IPv6ExtHdrFragment(offset=2)/"abc"'],
)  # fmt: skip


@pytest.mark.parametrize("family", [4, 6])
def test_they_arrive_as_they_are_written(lab_of: LabOf, family: int) -> None:
    """In the trace and at the receiver, whether or not conntrack puts fragments together on the way."""
    for ruleset in (INVALID.replace("INVALID", "RELATED"), LOOSE):
        lab = lab_of(both_families(), gateway=rulesets(ruleset, v6=ruleset))
        for written in (*ARRIVE, *(IN_IPV4 if family == 4 else IN_IPV6)):
            verdict = send(lab, written, family=family)
            assert verdict.arrived is not None, (written, verdict.proof)
            assert verdict.arrived.at == "server"
            assert (verdict.kind, [path.node for path in verdict.path]) == (Kind.ALLOWED, ["gateway"]), (written, verdict.proof)


def test_every_kind_is_dropped_by_a_rule(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -s 10.0.1.0/24 -m comment --comment nothing -j DROP"))
    for written in (*ARRIVE, *IN_IPV4):
        verdict = send(lab, written, heard=False)
        assert (verdict.kind, verdict.packet) == (Kind.DROPPED, layered(written).name), verdict.proof
        assert verdict.rule is not None
        assert verdict.rule.comment == "nothing"


@pytest.mark.parametrize(
    ("written", "is_invalid"),
    [
        ('TCP(flags="FPU", dport=22)', True), ('TCP(flags="", dport=22)', True), ('TCP(flags="SF", dport=22)', True),
        ('TCP(flags="SA", dport=22)', True), ("TCP(dport=22, chksum=0x1234)", True), ("TCP(dport=22, dataofs=15)", True),
        ("ICMP(type=3, code=1)/IP()/UDP(dport=9)", True), ('TCP(flags="A", dport=22)', False), ("TCP(dport=22)", False),
    ],
)  # fmt: skip
def test_what_conntrack_calls_invalid(lab_of: LabOf, written: str, *, is_invalid: bool) -> None:
    verdict = send(lab_of(corridor(), gateway=INVALID), written)
    assert (verdict.kind is Kind.DROPPED) == is_invalid, verdict.proof
    assert (verdict.rule is not None and verdict.rule.comment == "invalid") == is_invalid


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("IP(chksum=0x1234)/TCP(dport=22)", "IP_CSUM"),
        ("IP(ihl=3)/UDP(dport=53)", "IP_INHDR"),
        ("IP(version=5)/UDP(dport=53)", "IP_INHDR"),
        ("IP(len=2000)/UDP(dport=53)", "PKT_TOO_SMALL"),
        ("IP(src='127.0.0.1')/UDP(dport=53)", "IP_LOCALNET"),
        ("IP(ttl=1)/TCP(dport=22)", "its time to live ran out; the sender was told icmp 11/0 by 10.0.1.1"),
    ],
)
def test_what_dies_before_any_rule_says_why(lab_of: LabOf, written: str, reason: str) -> None:
    verdict = send(lab_of(corridor(), gateway=LOOSE), written, heard=False)
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False), verdict.proof
    assert reason in verdict.proof


def test_fragments_that_overlap_are_never_put_together(lab_of: LabOf) -> None:
    """Linux lets go of all of them (RFC 5722; since 4.19 in IPv4 too)."""
    overlap = ['IP(flags="MF")/UDP(dport=53)/"12345678"', 'IP(frag=1)/"abc"']
    verdict = send(lab_of(corridor(), gateway=INVALID), overlap)
    assert (verdict.kind, verdict.node, verdict.packet) == (Kind.UNROUTED, "gateway", "fragmented datagram"), verdict.proof
    assert "overlap" in verdict.proof


@pytest.mark.parametrize("rule", ["-A FORWARD -f -j DROP", "-A FORWARD ! -f -j DROP"])
def test_one_fragment_that_is_dropped_is_enough(lab_of: LabOf, rule: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", rule))
    verdict = send(lab, "fragment(UDP(dport=53)/'a datagram of three pieces', fragsize=16)")
    assert (verdict.kind, verdict.packet) == (Kind.DROPPED, "fragmented datagram"), verdict.proof


def test_a_source_of_nobody_is_answered_to_nobody(lab_of: LabOf) -> None:
    verdict = send(lab_of(corridor(), gateway=LOOSE), "IP(src='10.0.1.77')/TCP(dport=22)")
    assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, "answer"), verdict.proof


def test_what_nobody_listens_for_is_open_all_the_same(lab_of: LabOf) -> None:
    """A row that expects a drop opens no receiver, and what comes through is told by the kernel that takes it in."""
    lab = lab_of(corridor(), gateway=LOOSE)
    packets = ('TCP(flags="FPU", dport=22)', "GRE()/IP()/UDP()", "ICMP(type=3)")
    kinds = [send(lab, written, heard=False).kind for written in packets]
    assert kinds == [Kind.CLOSED, Kind.CLOSED, Kind.UNANSWERED]
