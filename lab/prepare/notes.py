"""What the reader of any result must know of a node's policy, whoever asked: a run, a check, a trace, a sweep."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from lab.prepare.policies import Prepared
from lab.ruleset.absent import Here, Need, here_of, lacks_interface, needs_of
from lab.ruleset.render import Rendered
from lab.written.topology import Topology

NO_POLICY = "no node has a policy: no rule is loaded, and only routes decide what passes"
_NFT_INTERFACE = re.compile(r'\b(?:iifname|oifname|iif|oif|device)\s+(?:[!=]=\s+)?"([^"*]+)"')
_INTERFACE = re.compile(r"\s(?:-i|-o|--in-interface|--out-interface)\s+(\S+)")


def notes_of(node: str, prepared: Prepared, topology: Topology, families: Collection[int]) -> Iterator[str]:
    """Sentences about a node's policy, where packets of these families are asked for."""
    yield from prepared.notes
    for family in families:
        if not prepared.rulesets.judges(family):
            yield f"{node}: its policy has no IPv{family} ruleset, so every IPv{family} packet passes"
    here = here_of(prepared.rulesets, topology.nodes[node].interfaces)
    for kind, text in prepared.rulesets.parts():
        if kind != "ipset":
            named = _NFT_INTERFACE.findall(text.text) if kind == "nft" else _named_interfaces(text.text)
            unknown = _unknown_interfaces(named, here.interfaces)
            if len(unknown) == 1:
                yield f"{node}: a rule of {text.file} names interface {unknown[0]}, which the node does not have"
            elif unknown:
                yield f"{node}: rules of {text.file} name interfaces that the node does not have: {', '.join(unknown)}"
            for words in _absent(text, here):
                yield f"{node}: {words}"


def _absent(text: Rendered, here: Here) -> Iterator[str]:
    """The first rule of each kind that needs what is not there, with its line, and how many more there are."""
    found: dict[tuple[str, bool], list[tuple[int, Need]]] = {}
    for number, line in enumerate(text.text.split("\n"), start=1):
        if line[:1] in ("", "#", ":", "*"):
            continue
        for need in needs_of(line.strip(), here):
            if not need.what.startswith("the interface "):
                found.setdefault((need.kind, need.negated), []).append((number, need))
    for (_, negated), rules in found.items():
        number, need = rules[0]
        lines = len({line for line, _ in rules}) - 1
        more = f" (and so {lines} more {'rule' if lines == 1 else 'rules'})" if lines else ""
        how = "matches only for want of" if negated else "matches nothing for want of"
        yield f"the rule in {text.where(number)} {how} {need.what}{more}: no row shows what it does with it"


def _named_interfaces(text: str) -> list[str]:
    return _INTERFACE.findall("\n".join(line for line in text.splitlines() if line.startswith("-")))


def _unknown_interfaces(named: Iterable[str], own: Collection[str]) -> list[str]:
    """Those of the ``named`` interfaces that the node lacks; a rule that names one can never match."""
    return [name for name in dict.fromkeys(named) if lacks_interface(name, own)]
