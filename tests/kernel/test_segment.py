"""One bare ACK: a stateful policy knows that no connection belongs to it, a stateless look-alike does not."""

from __future__ import annotations

import pytest

from lab.record.observation import Milestone
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

NEW_WEB = "-A FORWARD -p tcp -m conntrack --ctstate NEW -m tcp --syn --dport 443 -j ACCEPT"
STATEFUL = table("filter", ESTABLISHED, NEW_WEB, FORWARD="DROP")
NOT_SYN = "-A FORWARD -p tcp ! --syn -m comment --comment answers-by-flag -j ACCEPT"
STATELESS = table("filter", NOT_SYN, "-A FORWARD -p tcp --dport 443 -j ACCEPT", FORWARD="DROP")


@pytest.mark.parametrize("port", [443, 22])
def test_a_stateful_policy_drops_it(lab_of: LabOf, port: int) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    verdict = lab.probe("client", "server", f"tcp/{port}", ack=True)
    assert (verdict.kind, verdict.packet, verdict.passed_node) == (Kind.DROPPED, "segment", False), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.place == "filter:FORWARD policy"


@pytest.mark.parametrize("port", [443, 22])
def test_a_stateless_one_lets_it_in(lab_of: LabOf, port: int) -> None:
    lab = lab_of(corridor(), gateway=STATELESS)
    verdict = lab.probe("client", "server", f"tcp/{port}", ack=True)
    assert verdict.allowed, verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "answers-by-flag"
    assert verdict.arrived is not None
    assert verdict.arrived[:4] == ("server", SERVER, port, CLIENT)


def test_the_policies_agree_on_a_handshake(lab_of: LabOf) -> None:
    for ruleset in (STATEFUL, STATELESS):
        lab = lab_of(corridor(), gateway=ruleset)
        kinds = [lab.probe("client", "server", service).kind for service in ("tcp/443", "tcp/22")]
        assert kinds == [Kind.ALLOWED, Kind.DROPPED]


def test_the_reset_that_answers_it_is_dropped(lab_of: LabOf) -> None:
    rule = "-A FORWARD -p tcp --tcp-flags RST RST -m comment --comment no-resets -j DROP"
    verdict = lab_of(corridor(), gateway=table("filter", rule)).probe("client", "server", "tcp/443", ack=True)
    assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, "answer"), verdict.proof
    assert verdict.observation.stage is Milestone.DELIVERED
    assert verdict.rule is not None
    assert verdict.rule.comment == "no-resets"


def test_a_rejected_segment(lab_of: LabOf) -> None:
    rule = "-A FORWARD -p tcp ! --syn -j REJECT --reject-with tcp-reset"
    verdict = lab_of(corridor(), gateway=table("filter", rule)).probe("client", "server", "tcp/443", ack=True)
    assert (verdict.kind, verdict.reject, verdict.muted) == (Kind.REJECTED, "tcp-reset", False), verdict.proof


@pytest.mark.parametrize("listening", [True, False])
@pytest.mark.parametrize("flags", ["ack", "rst", "fin", "fin,ack", "rst,ack", "none", "fin,psh,urg", "syn,fin", "syn,ack"])
def test_bare_segments_arrive_whether_or_not_they_are_answered(lab_of: LabOf, flags: str, *, listening: bool) -> None:
    lab = lab_of(corridor(server={"services": ["tcp/443"] if listening else []}), gateway=table("filter"))
    verdict = lab.probe("client", "server", "tcp/443", flags=flags)
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert verdict.arrived[:4] == ("server", SERVER, 443, CLIENT)
    answered = ("ack" in flags and "rst" not in flags) or ("rst" not in flags and not listening)
    assert ("nothing answers such a packet" in verdict.proof) is not answered


def test_a_reset_and_a_fin_pass_nat_by(lab_of: LabOf) -> None:
    """Conntrack calls them INVALID (tcp_conntracks, the state NONE), and what has no entry is not translated."""
    lab = lab_of(corridor(), gateway=table("nat", "-A POSTROUTING -o right -j MASQUERADE"))
    sources = {}
    for flags in ("ack", "rst", "fin", "fin ack"):
        verdict = lab.probe("client", "server", "tcp/443", flags=flags)
        assert verdict.arrived is not None, verdict.proof
        sources[flags] = verdict.arrived.source
    assert sources == {"ack": "10.0.2.1", "rst": CLIENT, "fin": CLIENT, "fin ack": CLIENT}


@pytest.mark.parametrize("flags", ["rst", "fin", "none", "fin psh urg", "syn fin", "syn ack"])
def test_a_segment_that_is_not_answered_and_is_dropped(lab_of: LabOf, flags: str) -> None:
    rule = "-A FORWARD -m conntrack --ctstate INVALID -m comment --comment invalid -j DROP"
    verdict = lab_of(corridor(), gateway=table("filter", rule)).probe("client", "server", "tcp/443", flags=flags)
    assert (verdict.kind, verdict.passed_node) == (Kind.DROPPED, False), verdict.proof
