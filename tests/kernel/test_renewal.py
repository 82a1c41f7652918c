"""What rules remember is made fresh in place: the first verdict comes again, and the rules are what they were."""

from __future__ import annotations

import re

import pytest

from lab.kernel.ground.tools import run
from lab.kernel.hold.renew.names import Names
from lab.kernel.hold.renew.renewal import Uses
from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Datagram, Question
from lab.ruleset.backend import Backend
from lab.ruleset.held import rules_of
from lab.ruleset.memory import Kind, Memory
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, SERVER, corridor, rendered, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

NATIVE = """\
table inet t {{
    chain end {{
        accept comment "end"
    }}
    chain f {{
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        {}
    }}
}}
"""
SETS = "udp dport { 53, 60-70, 99 } ip saddr . udp dport { 10.0.1.10 . 53, 10.0.1.1 . 1-9 }"
IN_A_NATIVE_RULE = {
    "limit": (Kind.LIMIT, "udp dport 53 limit rate 1/hour burst 1 packets counter accept"),
    "limit behind sets": (Kind.LIMIT, f'{SETS} limit rate 1/hour burst 1 packets counter accept comment "sets"'),
    "limit before a map": (Kind.LIMIT, "limit rate 1/hour burst 1 packets udp dport vmap { 53 : goto end, 54 : drop }"),
    "quota": (Kind.QUOTA, "udp dport 53 quota until 100 bytes used 20 bytes accept"),
    "numgen": (Kind.NTH, "udp dport 53 numgen inc mod 2 vmap { 0 : accept, 1 : drop }"),
}
IN_A_RULE = {
    "limit": (Kind.LIMIT, "-p udp -m limit --limit 1/hour --limit-burst 1"),
    "quota": (Kind.QUOTA, "-p udp -m quota --quota 60"),
    "nth": (Kind.NTH, "-p udp -m statistic --mode nth --every 2 --packet 0"),
    "behind ports": (Kind.LIMIT, "-p udp -m multiport --dports 53,54 -m limit --limit 1/hour --limit-burst 1"),
    "not a protocol": (Kind.LIMIT, "! -p tcp -m limit --limit 1/hour --limit-burst 1 -m comment --comment limited"),
}


def nft(text: str) -> Rulesets:
    return Rulesets(nft=rendered(text, "gateway.nft"))


def uses_of(lab: Lab, kind: Kind, name: str | None = None) -> Uses:
    """Each rule of the gateway with a memory of its own, or all of them that use one ``name``."""
    rules = [rule for rule in rules_of(lab.policies["gateway"].chains) if rule.remembers]
    if name is not None:
        return {Memory("gateway", kind, rules[0].family, "", name): rules}
    return {Memory("gateway", kind, *rule.key[:2], f"{rule.chain}:{rule.number}"): [rule] for rule in rules}


def asked(lab: Lab, service: str = "udp/53") -> tuple[str, str | None]:
    verdict = lab.probe("client", "server", service)
    return str(verdict.kind), None if verdict.rule is None else verdict.rule.text


def held(lab: Lab) -> str:
    """What the tools print of the gateway, with all counters."""
    node, nft_tools = lab.network.nodes["gateway"], lab.backend is Backend.NFT
    commands = [["iptables-nft-save", "-c"], ["nft", "list", "ruleset"]] if nft_tools else [["iptables-legacy-save", "-c"]]
    printed = "".join(run(node.namespace, command).out for command in commands)
    return re.sub(r"(?m)^#.*\n|counter packets \d+ bytes \d+|used \d+ bytes", "", printed)


def spend(lab: Lab, first: tuple[str, str | None], service: str = "udp/53") -> None:
    """Ask until the answer is another one."""
    assert any(asked(lab, service) != first for _ in range(8)), "the budget is not spent"


def check(lab: Lab, uses: Uses, service: str = "udp/53") -> None:
    """Spend and renew twice, as the second time the rules are the lab's own copies."""
    first = asked(lab, service)
    assert first[0] == "allowed"
    for _ in range(2):
        spend(lab, first, service)
        before = held(lab)
        assert lab.site.renew(uses) == frozenset()
        assert held(lab) == before
        assert asked(lab, service) == first


@pytest.mark.parametrize(("kind", "rule"), IN_A_NATIVE_RULE.values(), ids=IN_A_NATIVE_RULE)
def test_what_stands_in_a_native_rule(lab_of: LabOf, kind: Kind, rule: str) -> None:
    lab = lab_of(corridor(), gateway=nft(NATIVE.format(rule)))
    check(lab, uses_of(lab, kind))


@pytest.mark.parametrize(("kind", "match"), IN_A_RULE.values(), ids=IN_A_RULE)
def test_what_stands_in_a_rule_of_iptables(lab_of: LabOf, kind: Kind, match: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, f"-A FORWARD {match} -j ACCEPT", FORWARD="DROP"))
    check(lab, uses_of(lab, kind))


@pytest.mark.parametrize("policy", [
    nft(NATIVE.format("udp dport 53 ct count 1 accept")),
    rulesets(table("filter", ESTABLISHED, "-A FORWARD -p udp -m connlimit --connlimit-upto 1 -j ACCEPT", FORWARD="DROP")),
], ids=["ct count", "connlimit"])  # fmt: skip
def test_a_count_of_flows(lab_of: LabOf, policy: Rulesets) -> None:
    """A flow that goes on is not counted any more."""
    lab = lab_of(corridor(), gateway=policy)
    uses = uses_of(lab, Kind.COUNT)
    with Conversation(lab.stage, Question("client", CLIENT, SERVER, Datagram(53), receivers=(("server", 53),))) as flow:
        flow.open()
        flow.send()
        assert asked(lab)[0] == "dropped"
        assert lab.site.renew(uses) == frozenset()
        assert asked(lab)[0] == "allowed"


DNS = "-A FORWARD -p udp --dport 53"
PER_HOUR = "--hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name dns"
NAMED = {
    "recent": (Kind.RECENT, (
        f"{DNS} -m recent --name dns --update --seconds 3600 --hitcount 2 -j DROP",
        f"{DNS} -m recent --name dns --set -j ACCEPT",
    )),
    "hashlimit": (Kind.HASHLIMIT, (f"{DNS} -m hashlimit {PER_HOUR} -j ACCEPT", f"{DNS} -m hashlimit {PER_HOUR} -j ACCEPT")),
}  # fmt: skip


@pytest.mark.parametrize("by_file", [True, False], ids=["by file", "by rule"])
@pytest.mark.parametrize(("kind", "rules"), NAMED.values(), ids=NAMED)
def test_what_has_a_name(
    lab_of: LabOf, backend: Backend, kind: Kind, rules: tuple[str, ...], by_file: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_file:
        monkeypatch.setattr(Names, "emptied", lambda *_: False)
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, *rules, FORWARD="DROP"))
    check(lab, uses_of(lab, kind, "dns"))
