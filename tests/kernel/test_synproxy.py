"""A SYN that a rule takes over (SYNPROXY): the client's handshake with the gateway, and the gateway's with the server."""

from __future__ import annotations

from typing import Any

import pytest

from lab.lab import Lab
from lab.probe.question import Crafted, Handshake, Question
from lab.record.path import End
from lab.record.verdict import Kind, Verdict
from lab.run.after.why import hints
from lab.written.cell import Expectation
from lab.written.packet.layered import layered
from tests.kernel.conftest import LabOf
from tests.kernel.dual import dual
from tests.kernel.scenes import CLIENT, FAR, SERVER, corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

LOOSE = "net.netfilter.nf_conntrack_tcp_loose"
UNTRACKED = table("raw", "-A PREROUTING -i left -p tcp --syn -j CT --notrack")
TAKES = "-A FORWARD -i left -p tcp -m conntrack --ctstate INVALID,UNTRACKED -m comment --comment guard -j SYNPROXY --mss 1460"
OPTIONS = ["", " --sack-perm --timestamp --wscale 7"]


def guarded(*before: str, takes: str = TAKES, behind: str = "", **policies: str) -> str:
    rest = "-A FORWARD -m conntrack --ctstate INVALID -j DROP"
    return UNTRACKED + behind + table("filter", *before, takes, rest, **policies)


def strict(**changes: Any) -> dict[str, Any]:
    return corridor(gateway={"sysctls": {LOOSE: 0}}, **changes)


def told(lab: Lab, verdict: Verdict) -> str:
    return "\n".join(map(str, hints(lab, verdict, Expectation("allow"), "gateway")))


@pytest.mark.parametrize("options", OPTIONS)
def test_it_is_followed_to_the_server(lab_of: LabOf, options: str) -> None:
    lab = lab_of(strict(), gateway=guarded(takes=TAKES + options))
    for _ in range(2):  # no entry of the first is left
        verdict = lab.probe("client", "server", "tcp/443")
        assert (verdict.kind, verdict.rule and verdict.rule.comment) == (Kind.ALLOWED, "guard"), verdict.proof
        assert [(path.node, path.end, path.entered, path.out) for path in verdict.path] == [
            ("gateway", End.STOLEN, "left", None), ("gateway", End.LEFT, None, "right"),
        ]  # fmt: skip
        assert verdict.arrived is not None
        assert (verdict.arrived.at, verdict.arrived.source) == ("server", CLIENT)
        assert [entry.node for entry in verdict.observation.conntrack] == ["gateway"]


def test_a_source_that_the_gateway_hides(lab_of: LabOf) -> None:
    lab = lab_of(strict(), gateway=guarded(behind=table("nat", "-A POSTROUTING -o right -j MASQUERADE")))
    verdict = lab.probe("client", "server", "tcp/443")
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert verdict.arrived.source == FAR


def test_nobody_listens_at_the_server(lab_of: LabOf) -> None:
    lab = lab_of(strict(), gateway=guarded())
    verdict = lab.ask(Question("client", CLIENT, SERVER, Handshake(80)), "gateway")
    assert (verdict.kind, verdict.passed_node) == (Kind.CLOSED, True), verdict.proof
    assert "let through by gateway filter:FORWARD:1 (guard)" in str(verdict)


def test_what_stops_it_behind_the_proxy(lab_of: LabOf) -> None:
    own = lab_of(strict(), gateway=guarded("-A OUTPUT -p tcp --syn -m comment --comment own -j DROP"))
    verdict = own.probe("client", "server", "tcp/443")
    assert (verdict.kind, verdict.packet, verdict.rule and verdict.rule.comment) == (Kind.DROPPED, "SYN", "own"), verdict.proof
    assert not verdict.passed_node
    far = lab_of(strict(), gateway=guarded(), server=rulesets(table("filter", "-A INPUT -p tcp --syn -j DROP"), name="server"))
    verdict = far.probe("client", "server", "tcp/443", at="gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.DROPPED, "server", True), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "guard"


def test_an_answer_that_is_dropped_between_server_and_proxy(lab_of: LabOf) -> None:
    lab = lab_of(strict(), gateway=guarded("-A FORWARD -i right -m comment --comment back -j DROP"))
    verdict = lab.probe("client", "server", "tcp/443")
    assert (verdict.kind, str(verdict.rule)) == (Kind.UNANSWERED, "gateway filter:FORWARD:1 (back)"), verdict.proof


def test_a_server_that_is_not_there(lab_of: LabOf) -> None:
    lab = lab_of(strict(), gateway=guarded())
    verdict = lab.probe("client", "10.0.2.77", "tcp/443")
    assert (verdict.kind, verdict.passed_node) == (Kind.UNROUTED, True), verdict.proof
    assert "10.0.2.77" in verdict.proof


def test_an_answer_of_the_proxy_itself_that_is_dropped(lab_of: LabOf) -> None:
    lab = lab_of(strict(), gateway=guarded(OUTPUT="DROP"))
    verdict = lab.probe("client", "server", "tcp/443")
    assert (verdict.kind, verdict.node) == (Kind.CONSUMED, "gateway")
    assert verdict.proof.endswith("its answer ended in a drop by gateway filter:OUTPUT policy")


def test_an_ack_that_is_taken_for_a_connection_in_the_midst(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=guarded())
    verdict = lab.probe("client", "server", "tcp/443")
    assert (verdict.kind, verdict.node) == (Kind.CONSUMED, "gateway"), verdict.proof
    assert verdict.proof.endswith(f"the sender has its answer, and gateway opened no connection to {SERVER}")
    assert f"`sysctls: {{{LOOSE}: 0}}` in the topology" in told(lab, verdict)
    dropped = lab_of(strict(), gateway=guarded("-A FORWARD -i left -p tcp --tcp-flags SYN,ACK ACK -j DROP"))
    verdict = dropped.probe("client", "server", "tcp/443")
    assert (verdict.kind, verdict.packet, str(verdict.rule)) == (Kind.DROPPED, "ACK", "gateway filter:FORWARD:1"), verdict.proof
    assert told(dropped, verdict).count(LOOSE) == 0


def test_it_is_taken_over_in_ipv6_too(lab_of: LabOf) -> None:
    lab = lab_of(dual(sysctls={LOOSE: 0}), gateway=rulesets(guarded(), v6=guarded()))
    verdict = lab.probe("client", "server", "tcp/443", family=6)
    assert (verdict.kind, verdict.rule and verdict.rule.comment) == (Kind.ALLOWED, "guard"), verdict.proof


def test_a_written_syn_that_the_proxy_answers_never_came_to_the_server(lab_of: LabOf) -> None:
    packet = layered("TCP(dport=443)")
    verdict = lab_of(strict(), gateway=guarded()).ask(
        Question("client", CLIENT, SERVER, Crafted(packet, 443), None, (("server", 443),)), "gateway"
    )
    assert (verdict.kind, verdict.arrived, verdict.passed_node) == (Kind.CONSUMED, None, False), verdict.proof
    assert "to answer it itself" in verdict.proof
