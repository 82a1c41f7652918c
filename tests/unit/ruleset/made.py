"""Rules and chains of texts, as the lab reads them."""

from __future__ import annotations

from lab.ruleset.flow import Flow
from lab.ruleset.held import Chains, HeldRule, rules_of
from lab.ruleset.held_save import chains_of_save
from lab.ruleset.memories import Memories
from lab.ruleset.nft.held import chains_of_listing
from lab.ruleset.nft.listing import read_listing
from lab.ruleset.save import read_save
from lab.written.topology import Topology

GATEWAY = Topology.model_validate({
    "topology": "made",
    "networks": {"left": ["10.0.1.0/24", "2001:db8:1::/64"], "right": ["10.0.2.0/24", "2001:db8:2::/64"]},
    "nodes": {
        "client": {"role": "client", "interfaces": {"left": ["10.0.1.10", "2001:db8:1::10"]}, "via": "gateway"},
        "gateway": {
            "role": "gateway", "forwards": True,
            "interfaces": {"left": ["10.0.1.1", "2001:db8:1::1"], "right": ["10.0.2.1", "2001:db8:2::1"]},
        },
        "server": {"role": "backend", "interfaces": {"right": ["10.0.2.10", "2001:db8:2::10"]}, "via": "gateway"},
    },
})  # fmt: skip


def saved(text: str, family: str = "ip") -> Chains:
    """The chains of what iptables-save prints."""
    return chains_of_save(family, read_save(text))


def listed(*rules: str, family: str = "inet") -> Chains:
    """The chains of a listing with one chain of these rules at the hook of forwarding."""
    body = "".join(f"\t\t{rule} # handle {number}\n" for number, rule in enumerate(rules, 3))
    head = "\t\ttype filter hook forward priority filter; policy accept;\n"
    text = f"table {family} t {{ # handle 1\n\tchain c {{ # handle 1\n{head}{body}\t}}\n}}\n"
    return chains_of_listing(read_listing(text))


def rules_in_the_way(chains: Chains, flow: Flow, *, logs: bool = False) -> list[HeldRule]:
    """The gateway's rules that use what is in the flow's way, and the whims that it may meet, in the order of the text."""
    memories = Memories(GATEWAY, {"gateway": chains})
    found = {rule for memory in memories.in_the_way(flow, logs=logs) for rule in memories.rules_of(memory)}
    return [rule for rule in rules_of(chains, flow.family) if rule in found | set(memories.whims(flow))]


def rule_of(text: str) -> HeldRule:
    """The rule of this text, of either dialect: one of iptables begins with a dash."""
    chains = saved(f"*filter\n{text}\nCOMMIT\n") if text.startswith("-") else listed(text)
    (rule,) = (rule for chain in chains.values() for rule in chain.rules)
    return rule
