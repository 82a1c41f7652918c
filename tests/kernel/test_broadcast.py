"""What all of a network hears: DHCP, from who has no address yet and from who has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lab.errors import InputError
from lab.record.verdict import Kind, Verdict
from lab.ruleset.backend import Backend
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, NEAR, corridor, rendered, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

ALL = "255.255.255.255"
SERVES = "-A INPUT -p udp --sport 68 --dport 67 -m comment --comment leases -j ACCEPT"
SHUT = {"INPUT": "DROP", "OUTPUT": "DROP"}
GIVES = "-A OUTPUT -p udp --sport 67 --dport 68 -m comment --comment gives -j ACCEPT"
STATES = "-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"


def leases(lab: Any, to: str = ALL, **how: Any) -> Verdict:
    """A client without an address asks for one, unless ``how`` says from where."""
    verdict: Verdict = lab.probe("client", to, "udp/67", **{"source": "0.0.0.0", "sport": 68, **how})
    return verdict


def crowd(**changes: Sequence[str]) -> dict[str, Any]:
    """The corridor with one more on the client's network."""
    bystander = {"role": "client", "interfaces": {"left": "10.0.1.20"}, "via": "gateway", **changes}
    return corridor(bystander=bystander)


@pytest.mark.parametrize(("source", "answered"), [("0.0.0.0", ALL), (None, CLIENT)])
def test_a_lease_is_asked_for_and_given(lab_of: LabOf, source: str | None, answered: str) -> None:
    lab = lab_of(crowd(), gateway=table("filter", SERVES, STATES, GIVES, **SHUT))
    for _ in range(2):  # nothing of the first is met by the second
        verdict = leases(lab, source=source)
        assert verdict.allowed, verdict.proof
        assert verdict.arrived is not None
        assert (*verdict.arrived,) == ("gateway", ALL, 67, source or CLIENT, 68)
        (back,) = verdict.observation.answer
        assert (back.entry.source, back.entry.sport, back.entry.destination, back.entry.dport) == (NEAR, 67, answered, 68)
        assert verdict.rule is not None
        assert verdict.rule.comment == "leases"
        assert lab.instrument.nodes["gateway"].conntrack.find(back.entry) is None


@pytest.mark.parametrize("source", ["0.0.0.0", None])
def test_its_answer_belongs_to_no_connection(lab_of: LabOf, source: str | None) -> None:
    verdict = leases(lab_of(crowd(), gateway=table("filter", SERVES, STATES, **SHUT)), source=source)
    assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, "answer"), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.place == "filter:OUTPUT policy"


def test_a_limit_on_answers_treats_each_as_the_first(lab_of: LabOf) -> None:
    few = "-A OUTPUT -d 255.255.255.255 -p udp --sport 67 --dport 68 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT"
    lab = lab_of(crowd(), gateway=table("filter", SERVES, few, **SHUT))
    assert [leases(lab).kind for _ in range(3)] == [Kind.ALLOWED] * 3


@pytest.mark.parametrize("source", ["0.0.0.0", None])
def test_a_denied_one_though_others_hear_it(lab_of: LabOf, source: str | None) -> None:
    lab = lab_of(crowd(services=["udp/67"]), gateway=table("filter", INPUT="DROP"), bystander=table("filter"))
    either = leases(lab, source=source)
    assert either.allowed, either.proof
    assert either.arrived is not None
    assert either.arrived.at == "bystander"
    verdict = leases(lab, source=source, at="gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.DROPPED, "gateway", False), verdict.proof


def test_from_who_has_no_address_rules_of_its_own_see_nothing(lab_of: LabOf) -> None:
    lab = lab_of(crowd(), gateway=table("filter"), client=table("filter", **SHUT))
    assert leases(lab).allowed
    verdict = leases(lab, source=None)
    assert (verdict.kind, verdict.node, len(verdict.path)) == (Kind.DROPPED, "client", 1), verdict.proof


def test_to_the_broadcast_address_of_a_network(lab_of: LabOf) -> None:
    lab = lab_of(crowd(), gateway=table("filter"))
    directed = leases(lab, to="10.0.1.255", source=None)
    assert directed.allowed, directed.proof
    martian = leases(lab, to="10.0.1.255", source="10.0.9.9")
    assert martian.arrived is not None
    assert martian.arrived.source == "10.0.9.9"


@pytest.mark.parametrize(
    ("to", "service", "words"),
    [("server", "udp/67", "asks all of a network"), (ALL, "tcp/67", "only udp"), (ALL, "icmp/echo-request", "only udp")],
)
def test_what_is_not_sent_so(lab_of: LabOf, to: str, service: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        lab_of(corridor(), gateway=table("filter")).probe("client", to, service, source="0.0.0.0")


def test_accepted_by_iptables_and_rejected_by_another_table(lab_of: LabOf, backend: Backend) -> None:
    if backend is Backend.LEGACY:
        pytest.skip("one dialect is enough")
    other = 'table inet wall { chain in { type filter hook input priority 10; reject comment "wall"; }; }\n'
    both = rulesets(table("filter", SERVES))
    lab = lab_of(corridor(), gateway=type(both)(v4=both.v4, nft=rendered(other, "gateway.nft")))
    verdict = leases(lab)
    assert (verdict.kind, verdict.muted) == (Kind.REJECTED, True), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "wall"
