"""A probe past rules that count: its verdict is that of the packets that were sent first, not of a second look at others."""

from __future__ import annotations

import pytest

from lab.lab import Lab
from lab.probe.question import Datagram, Question
from lab.record.sweep import Gear
from lab.record.verdict import Kind, Verdict
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, NEAR, SERVER, corridor, rendered, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

TO = f"-A FORWARD -d {SERVER}"
REST_OF = "-m comment --comment rest -j DROP"
REST = f"{TO} {REST_OF}"
HASH = "--hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name seen"
COUNTING = {
    "recent": (f"{TO} -m recent --name seen --set", f"{TO} -m recent --name seen --rcheck --hitcount 2 {REST_OF}"),
    "limit": (f"{TO} -m limit --limit 1/hour --limit-burst 1 -j ACCEPT", REST),
    "hashlimit": (f"{TO} -m hashlimit {HASH} -j ACCEPT", REST),
    "quota": (f"{TO} -m quota --quota 60 -j ACCEPT", REST),
    "statistic": (f"{TO} -m statistic --mode nth --every 2 --packet 1 {REST_OF}",),
}  # fmt: skip
NATIVE = {
    "limit": f"ip daddr {SERVER} limit rate 1/hour burst 1 packets accept",
    "quota": f"ip daddr {SERVER} quota 60 bytes accept",
    "numgen": f"ip daddr {SERVER} numgen inc mod 2 0 accept",
    "meter": f"ip daddr {SERVER} meter seen {{ ip saddr limit rate 1/hour burst 1 packets }} accept",
    "set": f"ip daddr {SERVER} update @seen_by_set {{ ip saddr limit rate 1/hour burst 1 packets }} accept",
}
SCRIPT = """table ip counting {{
    set seen_by_set {{ type ipv4_addr; flags dynamic; size 100; }}
    chain forward {{
        type filter hook forward priority filter
        {rule}
        ip daddr {server} drop comment "rest"
    }}
}}
"""


def told(verdict: Verdict) -> tuple[str, str | None, str | None]:
    return str(verdict.kind), verdict.packet, verdict.rule.comment if verdict.rule else None


@pytest.mark.parametrize("rules", COUNTING.values(), ids=COUNTING)
def test_the_second_packet_of_a_connection(lab_of: LabOf, rules: tuple[str, ...]) -> None:
    lab = lab_of(corridor(), gateway=table("filter", *rules))
    first = lab.probe("client", "server", "tcp/443")
    assert told(first) == ("dropped", "ACK", "rest")
    assert first.observation.repeats == 0


@pytest.mark.parametrize("rule", NATIVE.values(), ids=NATIVE)
def test_the_second_packet_past_native_rules(rule: str) -> None:
    script = rendered(SCRIPT.format(rule=rule, server=SERVER), "gateway.nft")
    with Lab(topology(corridor()), {"gateway": Rulesets(nft=script)}) as lab:
        assert told(lab.probe("client", "server", "tcp/443")) == ("dropped", "ACK", "rest")


@pytest.mark.parametrize("as_first", [True, False])
def test_whether_a_probe_meets_what_the_one_before_left_behind(lab_of: LabOf, as_first: bool) -> None:
    lab = lab_of(corridor(), gateway=table("filter", *COUNTING["recent"]))
    verdicts = [told(lab.probe("client", "server", "udp/53", as_first=as_first)) for _ in range(3)]
    assert [kind for kind, _, _ in verdicts] == (["allowed"] * 3 if as_first else ["allowed", "dropped", "dropped"])


def test_a_receiver_that_says_nothing_behind_a_translation(lab_of: LabOf) -> None:
    publish = table("nat", f"-A PREROUTING -d {NEAR} -p udp --dport 53 -j DNAT --to-destination {SERVER}")
    silent = table("filter", "-A FORWARD -m limit --limit 1/hour --limit-burst 1 -j ACCEPT", "-A FORWARD -j DROP")
    lab = lab_of(corridor(), gateway=publish + silent)
    verdict = lab.ask(Question("client", CLIENT, NEAR, Datagram(53)))
    assert (verdict.kind, verdict.packet, verdict.observation.reached) == (Kind.UNANSWERED, "answer", "server")


@pytest.mark.parametrize("gear", Gear)
def test_a_sweep_has_fresh_answers_of_what_a_rule_counts(lab_of: LabOf, gear: Gear) -> None:
    rules = (f"{TO} -p tcp -m tcp ! --tcp-flags SYN SYN -j later",
             "-A later -m limit --limit 1/hour --limit-burst 1 -j ACCEPT", f"-A later {REST_OF}")  # fmt: skip
    lab = lab_of(corridor(server={"services": ["tcp/443"]}), gateway=table("filter", *rules, later="-"))
    group = lab.sweep("client", "server", "tcp/440-445", gear=gear).of(443)
    assert told(group.verdict) == ("dropped", "data", "rest"), group.verdict.proof
