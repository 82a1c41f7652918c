"""A request that came through and an answer that did not: each cause is told, and none that is another's."""

from __future__ import annotations

import pytest

from lab.lab import Lab
from lab.record.verdict import Kind, Verdict
from lab.run.after.why import hints
from lab.written.cell import Expectation
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, NEAR, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SERVICES = ["tcp/443", "udp/443"]
HOUSE = {
    "topology": "house",
    "networks": {"street": "198.51.100.0/24", "rooms": "10.7.0.0/24"},
    "nodes": {
        "world": {"role": "internet", "interfaces": {"street": "198.51.100.254"}, "anyip": True, "via": "door"},
        "door": {
            "role": "router", "interfaces": {"street": "198.51.100.7", "rooms": "10.7.0.1"}, "forwards": True, "via": "world",
        },
        "shelf": {
            "role": "server", "interfaces": {"rooms": "10.7.0.20"}, "via": "door", "services": ["tcp/8443", "udp/8443"],
        },
        "desk": {"role": "client", "interfaces": {"rooms": "10.7.0.30"}, "via": "door"},
    },
}  # fmt: skip


def publish(proto: str, *conditions: str) -> str:
    """The shelf behind the door's own address."""
    asked = " ".join(conditions)
    return f"-A PREROUTING {asked} -p {proto} --dport 443 -j DNAT --to-destination 10.7.0.20:8443"


def told(lab: Lab, verdict: Verdict, at: str) -> str:
    """All that is said of why it did not pass."""
    return "\n".join(map(str, hints(lab, verdict, Expectation("allow"), at)))


@pytest.mark.parametrize("service", SERVICES)
def test_an_answer_that_goes_past_who_translates(lab_of: LabOf, service: str) -> None:
    proto = service.partition("/")[0]
    lab = lab_of(HOUSE, door=table("nat", publish(proto, "-d 198.51.100.7")))
    verdict = lab.probe("desk", "198.51.100.7", service)
    assert verdict.kind is Kind.UNANSWERED, verdict.proof
    words = told(lab, verdict, "door")
    assert "shelf answers desk directly, past door, which alone can translate the answer back" in words
    assert "desk asked 198.51.100.7:443 and was answered by 10.7.0.20:8443" in words
    assert f"-s 10.7.0.0/24 -d 10.7.0.20 -p {proto} --dport 8443 -j MASQUERADE" in words
    assert "not door's own address" not in words


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_hint_says_mends_it(lab_of: LabOf, service: str) -> None:
    proto = service.partition("/")[0]
    mend = f"-A POSTROUTING -s 10.7.0.0/24 -d 10.7.0.20 -p {proto} --dport 8443 -j MASQUERADE"
    lab = lab_of(HOUSE, door=table("nat", publish(proto, "-d 198.51.100.7"), mend))
    verdict = lab.probe("desk", "198.51.100.7", service)
    assert verdict.allowed, verdict.proof


def test_a_translation_that_caught_what_was_not_meant(lab_of: LabOf) -> None:
    lab = lab_of(HOUSE, door=table("nat", publish("tcp")))
    words = told(lab, lab.probe("desk", "192.0.2.9", "tcp/443"), "door")
    assert "it was for 192.0.2.9:443, which is not door's own address, and door nat:PREROUTING:1" in words


def test_no_way_back(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server={"via": []}), gateway=table("filter"))
    verdict = lab.probe("client", "server", "tcp/443")
    assert verdict.kind is Kind.UNANSWERED, verdict.proof
    words = told(lab, verdict, "gateway")
    assert f"server has no way back to {CLIENT}, which the request comes from (Network is unreachable)" in words
    assert "masquerade what leaves by right" in words


def test_by_another_interface_than_it_came_by(lab_of: LabOf) -> None:
    written = {
        "topology": "two-lines",
        "networks": {"one": "198.51.100.0/24", "two": "192.0.2.0/24", "far": "203.0.113.0/24", "in": "10.7.0.0/24"},
        "nodes": {
            "guest": {"role": "internet", "interfaces": {"far": "203.0.113.5"}, "routes": ["192.0.2.0/24 via 203.0.113.2"]},
            "first": {"role": "isp", "interfaces": {"one": "198.51.100.254", "far": "203.0.113.1"}, "forwards": True},
            "second": {
                "role": "isp", "interfaces": {"two": "192.0.2.254", "far": "203.0.113.2"}, "forwards": True, "via": "door",
            },
            "door": {
                "role": "router", "interfaces": {"one": "198.51.100.7", "two": "192.0.2.7", "in": "10.7.0.1"},
                "forwards": True, "via": "first",
            },
            "shelf": {"role": "server", "interfaces": {"in": "10.7.0.20"}, "via": "door"},
        },
    }  # fmt: skip
    lab = lab_of(
        written,
        door=table("nat", publish("tcp")), first=table("filter", "-A FORWARD ! -s 198.51.100.0/24 -i one -j DROP"),
    )  # fmt: skip
    verdict = lab.probe("guest", "192.0.2.7", "tcp/443", at="door")
    assert verdict.kind is Kind.UNANSWERED, verdict.proof
    words = told(lab, verdict, "door")
    assert "the request came in to door by two, but its answer leaves by one" in words
    assert "there first filter:FORWARD:1 dropped it" in words
    assert "keep a mark of the flow (CONNMARK) and look that up" in words
    assert "`from 192.0.2.7" not in words, "the route is looked up before the answer is translated back"


def test_a_node_that_never_saw_the_request(lab_of: LabOf) -> None:
    written = corridor(
        gateway={"interfaces": {"left": NEAR, "right": "10.0.2.1"}},
        shortcut={"role": "router", "interfaces": {"left": "10.0.1.2", "right": "10.0.2.2"}, "forwards": True},
        client={"via": "shortcut"},
    )
    rules = "-A FORWARD -m conntrack --ctstate INVALID -j DROP", ESTABLISHED
    lab = lab_of(written, gateway=table("filter", *rules))
    verdict = lab.probe("client", "server", "tcp/443")
    assert verdict.kind is Kind.UNANSWERED, verdict.proof
    words = told(lab, verdict, "gateway")
    assert "never saw the request, which went client -> shortcut -> server: its conntrack calls the answer INVALID" in words
    assert "no rule of" not in words


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (table("filter", "-A FORWARD -i left -j ACCEPT", FORWARD="DROP"), "no rule of forward there accepts ESTABLISHED"),
        (
            table("filter", "-A FORWARD -i left -j ACCEPT", "-A FORWARD -i right -j DROP", ESTABLISHED),
            "before it came to gateway filter:FORWARD:3 (answers), which accepts ESTABLISHED",
        ),
        (
            table("filter", "-A FORWARD -i left -j ACCEPT", FORWARD="DROP")
            + table("raw", "-A PREROUTING -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
            "only gateway raw:PREROUTING:1 accepts ESTABLISHED, where conntrack has not looked at the packet yet",
        ),
        (
            table("filter", "-A FORWARD -i left -j ACCEPT", ESTABLISHED, FORWARD="DROP")
            + table("raw", "-A PREROUTING -p tcp -j CT --notrack"),
            "takes the flow from conntrack, so no packet of it is ESTABLISHED",
        ),
        (
            table(
                "filter", "-A FORWARD -i left -j ACCEPT", ESTABLISHED.replace("FORWARD", "FORWARD -s 10.9.9.9"), FORWARD="DROP"
            ),
            "accepts ESTABLISHED, but not this answer",
        ),
    ],
    ids=["none", "later", "early", "untracked", "narrow"],
)  # fmt: skip
def test_an_answer_that_is_not_taken_for_one(lab_of: LabOf, tables: str, said: str) -> None:
    lab = lab_of(corridor(), gateway=tables)
    verdict = lab.probe("client", "server", "tcp/443")
    assert verdict.kind is Kind.UNANSWERED, verdict.proof
    words = told(lab, verdict, "gateway")
    assert said in words
    assert "gateway let the request pass and dropped its answer by gateway filter:FORWARD" in words
    assert SERVER not in words, "nothing of it is about the receiver"


def test_nothing_of_it_is_said_of_what_was_dropped_on_its_way(lab_of: LabOf) -> None:
    lab = lab_of(HOUSE, door=table("nat", publish("tcp")) + table("filter", FORWARD="DROP"))
    words = told(lab, lab.probe("desk", "198.51.100.7", "tcp/443"), "door")
    assert "answer" not in words
