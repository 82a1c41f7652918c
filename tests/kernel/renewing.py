"""Asking a gateway past what its rules remember, and making that fresh."""

from __future__ import annotations

import re

from lab.kernel.ground.tools import run
from lab.kernel.hold.renew.renewal import Uses
from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Datagram, Question
from lab.ruleset.backend import Backend
from lab.ruleset.held import rules_of
from lab.ruleset.memory import Kind, Memory
from tests.kernel.scenes import CLIENT, SERVER


def uses_of(lab: Lab, kind: Kind, name: str | None = None) -> Uses:
    """Each rule of the gateway with a memory of its own, or all of them that use one ``name``."""
    rules = [rule for rule in rules_of(lab.policies["gateway"].chains) if rule.remembers]
    if name is not None:
        return {Memory("gateway", kind, rules[0].family, "", name): rules}
    return {Memory("gateway", kind, *rule.key[:2], f"{rule.chain}:{rule.number}"): [rule] for rule in rules}


def asked(lab: Lab, family: int | None = None) -> tuple[str, str | None]:
    verdict = lab.probe("client", "server", "udp/53", family=family, as_first=False)
    return str(verdict.kind), None if verdict.rule is None else verdict.rule.text


def held(lab: Lab) -> str:
    """What the tools print of the gateway, with counters and handles; not what is remembered, nor objects made anew."""
    node, nft_tools = lab.network.nodes["gateway"], lab.backend is Backend.NFT
    saves = [[f"{tool}-{lab.backend}-save", "-c"] for tool in ("iptables", "ip6tables")]
    commands = [*saves, ["nft", "-a", "list", "ruleset"]] if nft_tools else saves
    printed = "".join(run(node.namespace, command).out for command in commands)
    return re.sub(r"(?ms)^#.*?\n| used \d+ bytes|^\t\telements = .*?\}\n|^\t(?:limit|quota) .*?\}\n\n", "", printed)


def spend(lab: Lab, first: tuple[str, str | None], family: int | None = None) -> None:
    """Ask until the answer is another one."""
    assert any(asked(lab, family) != first for _ in range(8)), "the budget is not spent"


def check(lab: Lab, uses: Uses, family: int | None = None) -> None:
    """Spend and renew twice, as the second time the rules are the lab's own copies."""
    first = asked(lab, family)
    assert first[0] == "allowed"
    for _ in range(2):
        spend(lab, first, family)
        before = held(lab)
        assert lab.site.renew(uses) == frozenset()
        assert held(lab) == before
        assert asked(lab, family) == first


def check_count(lab: Lab, uses: Uses) -> None:
    """Renew while a flow goes on."""
    with Conversation(lab.stage, Question("client", CLIENT, SERVER, Datagram(53), receivers=(("server", 53),))) as flow:
        flow.open()
        flow.send()
        assert asked(lab)[0] == "dropped"
        assert lab.site.renew(uses) == frozenset()
        assert asked(lab)[0] == "allowed"
