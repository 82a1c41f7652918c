"""Made-up ways through rulesets: what a trace would have told, step by step."""

from __future__ import annotations

from typing import Any

from lab.record.observation import Arrival, Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.record.verdict import Kind, Verdict
from lab.ruleset.describe import described
from lab.ruleset.held import ChainKey, Chains, HeldChain
from lab.ruleset.nft.held import chains_of_listing
from lab.ruleset.nft.listing import read_listing
from lab.verdict.deciding import decided
from lab.why.case import Case
from lab.why.why import Teller
from lab.written.cell import Expectation
from lab.written.expect.arrives import ArrivesSpec
from tests.unit.ruleset.made import saved
from tests.unit.verdict.made import SYN
from tests.unit.why.made import TOPOLOGY

_HOOKS = {"PREROUTING": "prerouting", "INPUT": "input", "FORWARD": "forward", "OUTPUT": "output", "POSTROUTING": "postrouting"}
_KINDS = {"nat": "nat", "route": "route", "mangle": "mangle", "raw": "raw"}


def table(*rules: str, name: str = "filter", policies: str = "DROP") -> str:
    """A table of iptables with these rules; every chain that a rule stands in is there, its own with the policy."""
    chains = dict.fromkeys(rule.split()[1] for rule in rules)
    heads = (f":{chain} {policies if chain in _HOOKS else '-'} [0:0]" for chain in chains)
    return "\n".join((f"*{name}", *heads, *rules, "COMMIT", ""))


def listing(*chains: str, name: str = "t", family: str = "inet") -> Chains:
    """A table of native nft; each chain is its name, a hook or nothing, and its rules, line by line."""
    blocks = []
    for chain in chains:
        head, *rules = chain.strip().split("\n")
        called, _, hook = head.strip().partition(" ")
        begin = f"\t\t{hook}\n" if hook else ""
        body = "".join(f"\t\t{rule.strip()} # handle {number}\n" for number, rule in enumerate(rules, 3))
        blocks.append(f"\tchain {called} {{ # handle 1\n{begin}{body}\t}}\n")
    return chains_of_listing(read_listing(f"table {family} {name} {{ # handle 1\n{''.join(blocks)}}}\n"))


def way(chains: Chains, *told: str, entry: Packet = SYN, end: End = End.DROPPED, node: str = "gateway", **keys: Any) -> Path:
    """A path of steps ``filter:FORWARD:2 accept``, ``filter:FORWARD:policy drop``, ``inet/t:input:1 jump logged``."""
    steps: list[Step] = []
    hook, kind = "", ""
    for one in told:
        place, _, verdict = one.partition(" ")
        family, slash, at = place.rpartition("/")
        name, chain, number = at.split(":")
        held = chains[family if slash else "ip", name, chain]
        if held.hook is not None:
            hook, kind = held.hook, _KINDS.get(held.kind or "", "filter")
        steps.append(Step(hook, name, chain, _rule(node, held, number), verdict, kind))
    keys.setdefault("entered", "lan")
    keys.setdefault("toward", "dmz")
    return Path(node, entry, tuple(steps), end, **keys)


def _rule(node: str, held: HeldChain, number: str) -> Rule | None:
    if number == "end":
        return None
    if number != "policy":
        return described(node, held.rules[int(number) - 1])
    policy = held.policy or ""
    return Rule(node, held.table, held.name, None, f"-P {held.name} {policy}", target=policy, family=held.family)


def failed(chains: Chains, *request: Path, action: str = "allow", kind: Kind | None = None, **keys: Any) -> Case:
    """A cell that is not as expected at the gateway, which holds these chains."""
    last = request[-1]
    kind = kind or (Kind.DROPPED if last.end is End.DROPPED else Kind.ALLOWED)
    arrived: Arrival | None = keys.pop("arrived", None)
    seen = Observation(request[0].entry, Milestone.SENT, request, arrived=arrived)
    verdict = Verdict(kind, "as it was seen", seen, "SYN", last.node, last.dropped_by, decided(request))
    further = {"arrives": keys.pop("arrives")} if "arrives" in keys else {}
    held: dict[str, dict[ChainKey, HeldChain]] = {"gateway": dict(chains), **keys.pop("held", {})}
    return Case(verdict, Expectation(action, None, further), "gateway", keys.pop("topology", TOPOLOGY), held)


def told(teller: Teller, case: Case) -> list[str]:
    """What a teller says of it."""
    return [str(hint) for hint in teller(case)]


def arrives(**keys: str) -> ArrivesSpec:
    """Where a row wants it to arrive."""
    return ArrivesSpec.model_validate(keys)


__all__ = ["failed", "listing", "saved", "table", "told", "way"]
