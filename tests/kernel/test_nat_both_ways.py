"""Translations that concern more than one flow: 1:1, from inside to the own public address, and a port that is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.probe.conversation import Conversation
from lab.probe.question import Datagram, Handshake, Question
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.dual import CLIENT_6, FAR_6, SERVER_6, dual
from tests.kernel.scenes import CLIENT, FAR, SERVER, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

BOTH = pytest.mark.parametrize("family", [4, 6])
ENDS = {4: (CLIENT, "10.0.1.11", FAR, SERVER, "10.0.2.77"), 6: (CLIENT_6, "2001:db8:1::11", FAR_6, SERVER_6, "2001:db8:2::77")}
INNER = {4: "10.0.1.0/24", 6: "2001:db8:1::/64"}


def stage() -> dict[str, Any]:
    """The corridor, whose gateway has one more address outside, and whose client has one more inside."""
    written = dual()
    written["nodes"]["client"]["interfaces"] = {"left": [ENDS[family][which] for family in ENDS for which in (0, 1)]}
    written["nodes"]["gateway"]["interfaces"]["right"] = [ENDS[family][which] for family in ENDS for which in (2, 4)]
    written["nodes"]["inner"] = {"role": "server", "interfaces": {"left": ["10.0.1.20", "2001:db8:1::20"]}, "via": "gateway"}
    return written


def nat(family: int, *rules: str) -> Rulesets:
    text = table("nat", *rules)
    return rulesets(text if family == 4 else None, v6=text if family == 6 else None)


@BOTH
def test_one_address_for_one_host_in_both_directions(lab_of: LabOf, family: int) -> None:
    client, other, far, server, own = ENDS[family]
    one_to_one = (
        f"-A PREROUTING -d {own} -j DNAT --to-destination {client}",
        f"-A POSTROUTING -s {client} -o right -j SNAT --to-source {own}",
        f"-A POSTROUTING -s {INNER[family]} -o right -j SNAT --to-source {far}",
    )
    lab = lab_of(stage(), gateway=nat(family, *one_to_one))
    ways = (
        (Question("client", client, server, Handshake(80), receivers=(("server", 80),)), (server, own)),
        (Question("client", other, server, Handshake(80), receivers=(("server", 80),)), (server, far)),
        (Question("server", server, own, Handshake(22), receivers=(("client", 22),)), (client, server)),
    )
    for question, seen in ways:
        verdict = lab.ask(question, "gateway")
        assert verdict.allowed, verdict.proof
        assert verdict.arrived is not None
        assert (verdict.arrived.address, verdict.arrived.source) == seen


@BOTH
def test_from_inside_by_the_public_address(lab_of: LabOf, family: int) -> None:
    """With a rule for the way back alone: else the answer comes past who translates (hairpin)."""
    client, _, far, *_ = ENDS[family]
    inner = "10.0.1.20" if family == 4 else "2001:db8:1::20"
    publish = f"-A PREROUTING -d {far} -p tcp --dport 443 -j DNAT --to-destination {inner}"
    back = f"-A POSTROUTING -s {INNER[family]} -d {inner} -p tcp --dport 443 -j MASQUERADE"
    question = Question("client", client, far, Handshake(443), receivers=(("inner", 443),))
    for rules, comes in (((publish,), False), ((publish, back), True)):
        lab = lab_of(stage(), gateway=nat(family, *rules))
        verdict = lab.ask(question, "gateway")
        assert verdict.allowed is comes, verdict.proof
        assert verdict.arrived is None or verdict.arrived.at == "inner"


@pytest.mark.parametrize("sends", [Handshake(80), Datagram(53)], ids=["tcp", "udp"])
@BOTH
def test_a_port_is_kept_unless_another_flow_has_it(lab_of: LabOf, family: int, sends: Handshake | Datagram) -> None:
    client, other, far, server, _ = ENDS[family]
    lab = lab_of(stage(), gateway=nat(family, f"-A POSTROUTING -o right -j SNAT --to-source {far}"))
    one = Question("client", client, server, sends, sport=40_000, receivers=(("server", sends.port),))
    two = replace(one, source=other)
    with lab.batch(), Conversation(lab.stage, one) as first, Conversation(lab.stage, two) as second:
        steps = [step for talk in (first, second) for step in (talk.open(), talk.send(), talk.answer()) if step is not None]
    arrived = [step.arrived for step in steps if step.arrived is not None]
    seen = [(came.source, came.sport) for came in arrived if came.at == "server"]
    assert len(steps) == (6 if isinstance(sends, Handshake) else 4)
    assert {source for source, _ in seen} == {far}
    assert [port == 40_000 for _, port in seen] == [True] * (len(seen) // 2) + [False] * (len(seen) // 2)
    assert {str(step.stage) for step in steps} == {"answered"}
