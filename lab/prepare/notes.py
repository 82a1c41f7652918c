"""What the reader of any result must know of a node's policy, whoever asked: a run, a check, a trace, a sweep."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from lab.prepare.policies import Prepared
from lab.ruleset.absent import LISTENER, PAYLOAD, USER, Here, Need, here_of, lacks_interface, named_interfaces, needs_of
from lab.ruleset.held import HeldRule
from lab.ruleset.held_text import rules_in
from lab.ruleset.render import Rendered
from lab.written.topology import Topology

NO_POLICY = "no node has a policy: no rule is loaded, and only routes decide what passes"
_DEVICES = re.compile(r"\bhook\s+(?:ingress|egress)\s+devices?\s+(?:=\s+)?(\{[^}]*\}|\"[^\"]*\"|[\w.-]+)")
_SEE_PORTS = ("bridge", "netdev")  # families whose rules are asked at the port itself
_MOST_NAMES = 8
_NAME = re.compile(r"[^\s{},\"]+")
_SHOWN_BY = {USER: "only a row with `uid:` shows", PAYLOAD: "only a row with `payload:` or `packet:` shows"}


def notes_of(node: str, prepared: Prepared, topology: Topology, families: Collection[int]) -> Iterator[str]:
    """Sentences about a node's policy, where packets of these families are asked for."""
    yield from prepared.notes
    for family in families:
        if not prepared.rulesets.judges(family):
            yield f"{node}: its policy has no IPv{family} ruleset, so every IPv{family} packet passes"
    spec = topology.nodes[node]
    here = here_of(prepared.rulesets.texts(), spec.devices, spec.seen_ports, topology.served)
    for kind, text in prepared.rulesets.parts():
        if kind != "ipset":
            rules = list(rules_in(kind, text.text))
            named = [name for _, rule in rules for name in named_interfaces(rule)]
            unknown = _unknown_interfaces([*named, *_devices(text.text)], here.interfaces)
            ports = {port: bridge for bridge, one in spec.interfaces.items() for port in one.bridge}
            yield from (f"{node}: {words}" for words in _named_ports(text, rules, ports))
            if len(unknown) == 1:
                yield f"{node}: a rule of {text.file} names interface {unknown[0]}, which the node does not have"
            elif unknown:
                yield f"{node}: rules of {text.file} name interfaces that the node does not have: {_list(unknown)}"
            for words in _absent(text, rules, here):
                yield f"{node}: {words}"


def _list(names: list[str]) -> str:
    """The names, or of many the first and how many more there are."""
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def _absent(text: Rendered, rules: Iterable[tuple[int, HeldRule]], here: Here) -> Iterator[str]:
    """The first rule of each kind that needs what is not there, with its line, and how many more there are."""
    found: dict[tuple[str, bool], list[tuple[int, Need]]] = {}
    for number, rule in rules:
        for need in needs_of(rule, here):
            if not need.what.startswith("the interface "):
                found.setdefault((need.kind, need.negated), []).append((number, need))
    for (_, negated), needing in found.items():
        number, need = needing[0]
        lines = len({line for line, _ in needing}) - 1
        more = f" (and so {lines} more {'rule' if lines == 1 else 'rules'})" if lines else ""
        if need.kind == USER and not negated:
            what = f"matches only {need.what}{more}"
            yield f"the rule in {text.where(number)} {what}: rows with `uid:` alone show what it does with it"
            continue
        if need.kind == LISTENER:
            what = f"matches only with {need.what}{more}"
            yield f"the rule in {text.where(number)} {what}: rows with `arrives:` alone show what it does with it"
            continue
        how = "matches only for want of" if negated else "matches nothing for want of"
        who = _SHOWN_BY.get(need.kind, "no row shows")
        yield f"the rule in {text.where(number)} {how} {need.what}{more}: {who} what it does with it"


def _named_ports(text: Rendered, rules: Iterable[tuple[int, HeldRule]], ports: Mapping[str, str]) -> Iterator[str]:
    """The first rule that names a port where packets come and go by the bridge (br_netfilter), for each port of ``ports``."""
    told: set[str] = set()
    for number, rule in rules:
        for name in named_interfaces(rule) if rule.family not in _SEE_PORTS else ():
            if name in ports and name not in told:
                told.add(name)
                yield (
                    f"the rule in {text.where(number)} names {name}, a port of {ports[name]}: packets come and go by "
                    f"{ports[name]} there, and the port is seen by `-m physdev` alone"
                )


def _devices(text: str) -> list[str]:
    """The devices that chains of an nft script stand at."""
    return [name for found in _DEVICES.findall(text) for name in _NAME.findall(found)]


def _unknown_interfaces(named: Iterable[str], own: Collection[str]) -> list[str]:
    """Those of the ``named`` interfaces that the node lacks; a rule that names one can never match."""
    return [name for name in dict.fromkeys(named) if lacks_interface(name, own)]
