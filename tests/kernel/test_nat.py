"""What each kind of translation makes of a flow, and whether its answers find back."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Datagram, Handshake, Question
from lab.record.verdict import Kind, Verdict
from lab.run.after.why import hints
from lab.verdict.prove import prove
from lab.written.cell import Expectation
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, FAR, NEAR, SERVER, corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

CLIENT6, SERVER6, NEAR6, FAR6 = "2001:db8:1::10", "2001:db8:2::10", "2001:db8:1::1", "2001:db8:2::1"


class Case(NamedTuple):
    """One rule of nat, a flow, and what the receiver sees of it: its own end, and that of the sender."""

    rule: str
    to: str
    port: int
    at: tuple[str, int]
    seen: str
    kept: bool = True  # whether the source port is
    six: bool = False


CASES = {
    "snat": Case("-A POSTROUTING -o right -j SNAT --to-source 10.0.2.77", SERVER, 80, (SERVER, 80), "10.0.2.77"),
    "snat to a port": Case(
        "-A POSTROUTING -o right -p tcp -j SNAT --to-source 10.0.2.77:5000", SERVER, 80, (SERVER, 80), "10.0.2.77", kept=False
    ),
    "masquerade": Case("-A POSTROUTING -o right -j MASQUERADE", SERVER, 80, (SERVER, 80), FAR),
    "masquerade to ports": Case(
        "-A POSTROUTING -o right -p tcp -j MASQUERADE --to-ports 6000-6010", SERVER, 80, (SERVER, 80), FAR, kept=False
    ),
    "dnat": Case(f"-A PREROUTING -d {NEAR} -j DNAT --to-destination {SERVER}", NEAR, 80, (SERVER, 80), CLIENT),
    "dnat to a port": Case(
        f"-A PREROUTING -d {NEAR} -p tcp --dport 443 -j DNAT --to-destination {SERVER}:8443", NEAR, 443, (SERVER, 8443), CLIENT
    ),
    "dnat to a range": Case(
        "-A PREROUTING -d 10.0.1.99 -j DNAT --to-destination 10.0.2.10-10.0.2.10", "10.0.1.99", 80, (SERVER, 80), CLIENT
    ),
    "dnat to a range of ports": Case(
        f"-A PREROUTING -d {NEAR} -p tcp --dport 443 -j DNAT --to-destination {SERVER}:9000-9000", NEAR, 443, (SERVER, 9000),
        CLIENT,
    ),
    "redirect": Case("-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 3128", SERVER, 80, (NEAR, 3128), CLIENT),
    "netmap": Case("-A PREROUTING -d 10.9.0.0/24 -j NETMAP --to 10.0.2.0/24", "10.9.0.10", 80, (SERVER, 80), CLIENT),
    "netmap of the source": Case(
        "-A POSTROUTING -s 10.0.1.0/24 -j NETMAP --to 10.0.2.64/26", SERVER, 80, (SERVER, 80), "10.0.2.74"
    ),
    "snat, IPv6": Case(
        f"-A POSTROUTING -o right -j SNAT --to-source {FAR6}", SERVER6, 80, (SERVER6, 80), FAR6, six=True
    ),
    "masquerade, IPv6": Case("-A POSTROUTING -o right -j MASQUERADE", SERVER6, 80, (SERVER6, 80), FAR6, six=True),
    "dnat, IPv6": Case(
        f"-A PREROUTING -d {NEAR6} -p tcp --dport 443 -j DNAT --to-destination [{SERVER6}]:8443", NEAR6, 443, (SERVER6, 8443),
        CLIENT6, six=True,
    ),
    "redirect, IPv6": Case(
        "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 3128", SERVER6, 80, (NEAR6, 3128), CLIENT6, six=True
    ),
    "netmap, IPv6": Case(
        "-A PREROUTING -d 2001:db8:9::/64 -j NETMAP --to 2001:db8:2::/64", "2001:db8:9::10", 80, (SERVER6, 80), CLIENT6,
        six=True,
    ),
}  # fmt: skip


def stage() -> dict[str, Any]:
    """The corridor in both families, with a route for what is translated to addresses that nobody has."""
    written = corridor()
    written["networks"] = {"left": ["10.0.1.0/24", "2001:db8:1::/64"], "right": ["10.0.2.0/24", "2001:db8:2::/64"]}
    own = [FAR, "10.0.2.74", "10.0.2.77", FAR6]
    ends = {"client": {"left": [CLIENT, CLIENT6]}, "server": {"right": [SERVER, SERVER6]}}
    for name, interfaces in {**ends, "gateway": {"left": [NEAR, NEAR6], "right": own}}.items():
        written["nodes"][name]["interfaces"] = interfaces
    written["nodes"]["client"]["routes"] = ["10.9.0.0/24 via 10.0.1.1", "10.0.1.99 via 10.0.1.1"]
    return written


@pytest.mark.parametrize("name", CASES)
def test_what_the_receiver_sees(lab_of: LabOf, name: str) -> None:
    case = CASES[name]
    nat, own = table("nat", case.rule), table("filter", ESTABLISHED.replace("FORWARD", "INPUT"))
    lab = lab_of(stage(), gateway=rulesets(None if case.six else nat + own, v6=nat + own if case.six else None))
    receiver = "gateway" if case.at[0] in (NEAR, NEAR6) else "server"
    source = CLIENT6 if case.six else CLIENT
    question = Question("client", source, case.to, Handshake(case.port), receivers=((receiver, case.at[1]),))
    verdict = lab.ask(question, "gateway")
    assert verdict.allowed, verdict.proof
    arrived, sent = verdict.observation.arrived, verdict.observation.sent
    assert arrived is not None
    assert (arrived.address, arrived.port, arrived.source) == (*case.at, case.seen)
    assert (arrived.sport == sent.sport) == case.kept
    (entry,) = verdict.observation.conntrack
    words = {"SRC_NAT"} if case.seen != source else {"DST_NAT"}
    assert words <= set(entry.status)


NPT = (
    "-A PREROUTING -d 2001:db8:0:2::/64 -j DNPT --src-pfx 2001:db8:0:2::/64 --dst-pfx 2001:db8:2::/64",
    "-A POSTROUTING -s 2001:db8:2::/64 -j SNPT --src-pfx 2001:db8:2::/64 --dst-pfx 2001:db8:0:2::/64",
)


def test_a_prefix_is_translated_without_any_state(lab_of: LabOf) -> None:
    """RFC 6296: these two prefixes have one checksum, so that the rest of an address stays what it is."""
    lab = lab_of(stage(), gateway=rulesets(v6=table("mangle", *NPT)))
    question = Question("client", CLIENT6, "2001:db8:0:2::10", Datagram(53), receivers=(("server", 53),))
    verdict = lab.ask(question, "gateway")
    arrived = verdict.observation.arrived
    assert arrived is not None, verdict.proof
    assert (arrived.address, arrived.source) == (SERVER6, CLIENT6)
    assert verdict.allowed, verdict.proof


def test_a_flow_keeps_its_translation_when_the_rules_change(lab_of: LabOf) -> None:
    """The rules of nat are asked for the first packet of a flow alone."""
    before = table("nat", "-A POSTROUTING -o right -j SNAT --to-source 10.0.2.77")
    lab = lab_of(stage(), gateway=before)
    question = Question("client", CLIENT, SERVER, Handshake(80), receivers=(("server", 80),))
    with lab.batch(), Conversation(lab.stage, question) as talk:
        opened = talk.open()
        lab.load("gateway", rulesets(table("nat", "-A POSTROUTING -o right -j MASQUERADE")))
        sent = talk.send()
        other = lab.ask(question, "gateway")
    seen = [step.arrived.source for step in (opened, sent) if step is not None and step.arrived is not None]
    assert seen == ["10.0.2.77", "10.0.2.77"]
    assert other.observation.arrived is not None
    assert other.observation.arrived.source == FAR


def told(lab: Lab, verdict: Verdict) -> str:
    return "\n".join(map(str, hints(lab, verdict, Expectation("allow"), "gateway")))


def test_a_range_that_is_used_up_is_called_so(lab_of: LabOf) -> None:
    lab = lab_of(stage(), gateway=table("nat", "-A POSTROUTING -o right -p udp -j SNAT --to-source 10.0.2.77:5000-5001"))
    question = Question("client", CLIENT, SERVER, Datagram(53), receivers=(("server", 53),))
    with lab.batch(), Conversation(lab.stage, question) as one, Conversation(lab.stage, question) as two:
        sent = [step for talk in (one, two) if (step := talk.send()) is not None]
        assert [prove(step, "gateway").kind for step in sent] == [Kind.ALLOWED] * 2
        verdict = lab.ask(question, "gateway")
        assert (verdict.kind, verdict.node) == (Kind.CONSUMED, "gateway")
        words = told(lab, verdict)
    assert "gateway nat:POSTROUTING:1 (`-A POSTROUTING -o right -p udp -j SNAT --to-source 10.0.2.77:5000-5001`)" in words
    assert "had no free port left for it: 10.0.2.77:500" in words
    assert lab.ask(question, "gateway").allowed, "the ports of flows that are over are free again"
