"""Small rulesets by chance over few addresses, ports, states, marks and translations, in either dialect and family."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology

NODE = "gateway"
PORTS = (22, 25, 53, 80, 443, 1024, 8080, 65_535)
_PLACES = ("office", "world", "web", "mail", "own")
_ADDRESSES = {
    4: dict(zip(_PLACES, ("10.31.1.9", "203.0.113.5", "10.31.2.10", "10.31.2.25", "198.51.100.1"), strict=True)),
    6: dict(zip(_PLACES, ("fd31:1::9", "2001:db8:77::5", "fd31:2::10", "fd31:2::25", "2001:db8:1::1"), strict=True)),
}
_PREFIXES = {4: ("10.31.2.0/24", "10.31.0.0/16", "203.0.113.0/29"), 6: ("fd31:2::/64", "fd31::/16", "2001:db8:77::/64")}
_INTERFACES = ("up0", "lan0", "dmz0")
_HOOKS = {"PREROUTING": -150, "INPUT": 0, "FORWARD": 0, "OUTPUT": 0}
_REJECTS = {  # of iptables, of nft
    4: (("icmp-admin-prohibited", "icmp type admin-prohibited"), ("icmp-port-unreachable", "icmp type port-unreachable")),
    6: (("icmp6-adm-prohibited", "icmpv6 type admin-prohibited"), ("icmp6-port-unreachable", "icmpv6 type port-unreachable")),
}

SITE = Topology.model_validate({
    "topology": "small",
    "networks": {
        "up": ["198.51.100.0/29", "2001:db8:1::/64"], "lan": ["10.31.1.0/24", "fd31:1::/64"],
        "dmz": ["10.31.2.0/24", "fd31:2::/64"],
    },
    "nodes": {
        "world": {
            "role": "world", "interfaces": {"up": ["198.51.100.2", "2001:db8:1::2"]}, "via": NODE,
            "anyip": ["203.0.113.0/24", "2001:db8:77::/64"],
        },
        NODE: {
            "role": "gateway", "forwards": True, "via": "world", "interfaces": {
                "up0": {"network": "up", "address": ["198.51.100.1", "2001:db8:1::1"]},
                "lan0": {"network": "lan", "address": ["10.31.1.1", "fd31:1::1"]},
                "dmz0": {"network": "dmz", "address": ["10.31.2.1", "fd31:2::1"]},
            },
        },
        "office": {"role": "client", "interfaces": {"lan": ["10.31.1.9", "fd31:1::9"]}, "via": NODE},
        "web": {"role": "backend", "interfaces": {"dmz": ["10.31.2.10", "fd31:2::10"]}, "via": NODE},
        "mail": {"role": "backend", "interfaces": {"dmz": ["10.31.2.25", "fd31:2::25"]}, "via": NODE},
    },
})  # fmt: skip
"""A gateway between the world, an office and two servers, in both families."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, in neither dialect; ``no`` names the condition that is negated, ``does`` is a verdict in iptables' words."""

    chain: str
    does: str
    entered: str = ""
    left: str = ""
    source: str = ""
    destination: str = ""
    proto: str = ""
    ports: tuple[int, int] | None = None
    states: tuple[str, ...] = ()
    mark: int = 0
    no: str = ""
    to: str = ""

    def save(self, family: int) -> str:
        """As `iptables-save` has it."""
        icmp = "icmp" if family == 4 else "ipv6-icmp"
        words = [f"-A {self.chain}"]
        for name, option in (("source", "-s"), ("destination", "-d"), ("entered", "-i"), ("left", "-o")):
            value = getattr(self, name)
            words += [f"{'! ' if self.no == name else ''}{option} {value}"] if value else []
        if self.proto:
            words.append(f"{'! ' if self.no == 'proto' else ''}-p {icmp if self.proto == 'icmp' else self.proto}")
        if self.ports:
            low, high = self.ports
            words.append(f"-m {self.proto} {'! ' if self.no == 'ports' else ''}--dport {low}:{high}")
        words += [f"-m conntrack {'! ' if self.no == 'states' else ''}--ctstate {','.join(self.states)}"] if self.states else []
        words += [f"-m mark --mark {self.mark}"] if self.mark else []
        target = {"REJECT": f"REJECT --reject-with {self.to}", "LOG": f'LOG --log-prefix "{self.to}"'}.get(self.does, self.does)
        return " ".join((*words, f"-j {target}"))

    def nft(self, family: int) -> str:
        """As a native rule."""
        ip, icmp = ("ip", "icmp") if family == 4 else ("ip6", "ipv6-icmp")
        keys = {"source": f"{ip} saddr", "destination": f"{ip} daddr", "entered": "iifname", "left": "oifname"}
        words = []
        for name, key in keys.items():
            value = getattr(self, name)
            words += [f"{key} {'!= ' if self.no == name else ''}{value}"] if value else []
        if self.proto:
            words.append(f"meta l4proto {'!= ' if self.no == 'proto' else ''}{icmp if self.proto == 'icmp' else self.proto}")
        if self.ports:
            low, high = self.ports
            words.append(f"{self.proto} dport {'!= ' if self.no == 'ports' else ''}{low if low == high else f'{low}-{high}'}")
        if self.states:
            words.append(f"ct state {'!= ' if self.no == 'states' else ''}{{ {', '.join(self.states).lower()} }}")
        words += [f"meta mark {self.mark}"] if self.mark else []
        kinds = dict(_REJECTS[family])
        does = {
            "REJECT": f"reject with {kinds.get(self.to, '')}", "LOG": f'log prefix "{self.to}"',
            "MARK --set-mark 1": "meta mark set 1", "extra": "jump extra",
        }.get(self.does, self.does.lower())  # fmt: skip
        return " ".join((*words, does))


@dataclass(frozen=True, slots=True)
class Small:
    """A ruleset of a family: the rules in their order, the policy of FORWARD, translations of iptables' nat table."""

    family: int
    rules: tuple[Rule, ...]
    policy: str = "DROP"
    nat: tuple[str, ...] = ()

    def rulesets(self, *, native: bool) -> Rulesets:
        """As a node is given it."""
        if native:
            return Rulesets(nft=_rendered(self._nft()))
        return Rulesets(**{f"v{self.family}": _rendered(self._save())})

    def _of(self, chain: str) -> list[Rule]:
        return [rule for rule in self.rules if rule.chain == chain]

    def _save(self) -> str:
        chains = "INPUT", "FORWARD", "OUTPUT", "extra"
        policies = {"FORWARD": self.policy, "extra": "-"}
        return "\n".join((
            "*mangle", ":PREROUTING ACCEPT [0:0]", *(rule.save(self.family) for rule in self._of("PREROUTING")), "COMMIT",
            "*nat", ":PREROUTING ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]", *self.nat, "COMMIT",
            "*filter", *(f":{chain} {policies.get(chain, 'ACCEPT')} [0:0]" for chain in chains),
            *(rule.save(self.family) for chain in chains for rule in self._of(chain)), "COMMIT", "",
        ))  # fmt: skip

    def _nft(self) -> str:
        extra = f"chain extra {{\n{_lines(self._of('extra'), self.family)}}}\n"
        bases = "".join(
            f"chain {hook.lower()} {{\ntype filter hook {hook.lower()} priority {priority}; "
            f"policy {self.policy.lower() if hook == 'FORWARD' else 'accept'};\n{_lines(self._of(hook), self.family)}}}\n"
            for hook, priority in _HOOKS.items()
        )
        return f"table inet small {{\n{extra}{bases}}}\n"


def _lines(rules: Sequence[Rule], family: int) -> str:
    return "".join(f"{rule.nft(family)}\n" for rule in rules)


def _rendered(text: str) -> Rendered:
    return Rendered(text, tuple(f"small.rules:{number}" for number in range(1, text.count("\n") + 1)), "small.rules")


def address(family: int, place: str) -> str:
    """The address of one of the hosts, or of the gateway (``own``)."""
    return _ADDRESSES[family][place]


def small(chance: random.Random, family: int, *, native: bool) -> Small:
    """A ruleset of 3 to 12 rules."""
    answers = Rule("FORWARD", "ACCEPT", states=("RELATED", "ESTABLISHED"))
    rules = [rule(chance, family) for _ in range(chance.randint(2, 11))]
    place = chance.randint(0, len(rules))
    nat = () if native else tuple(line for line in _nat(family) if chance.random() < 0.4)
    return Small(family, (*rules[:place], answers, *rules[place:]), chance.choice(("DROP", "DROP", "ACCEPT")), nat)


def rule(chance: random.Random, family: int) -> Rule:
    """One rule, that asks for one or two things, so that much comes to those behind it."""
    chain = chance.choice(("FORWARD",) * 6 + ("INPUT", "extra", "extra", "PREROUTING"))
    does = _does(chance, chain)
    proto = chance.choice(("tcp", "udp", "icmp"))
    low = chance.choice(PORTS)
    ports = (low, max(low, chance.choice(PORTS))) if proto != "icmp" and chance.random() < 0.8 else None
    states = chance.choice((("NEW",), ("ESTABLISHED",), ("NEW", "ESTABLISHED"), ("INVALID",)))
    of: dict[str, Any] = {
        "proto": proto, "entered": chance.choice(_INTERFACES), "source": _end(chance, family),
        "destination": _end(chance, family), "states": states,
    }  # fmt: skip
    of |= {"left": chance.choice(_INTERFACES)} if chain == "FORWARD" else {}
    of |= {"mark": 1} if chain != "PREROUTING" else {}
    names = chance.sample(sorted(of), chance.choice((1, 1, 2)))
    no = chance.choice(names) if chance.random() < 0.2 else ""
    no = {"mark": "", "proto": "proto" if ports is None else "ports"}.get(no, no)
    made = Rule(chain, does, no=no, to=_to(chance, family, does), ports=ports if "proto" in names else None)
    return replace(made, **{name: of[name] for name in names})


def _does(chance: random.Random, chain: str) -> str:
    if chain == "PREROUTING":
        return chance.choice(("MARK --set-mark 1", "MARK --set-mark 1", "DROP"))
    words = ["ACCEPT", "ACCEPT", "ACCEPT", "DROP", "DROP", "REJECT", "LOG", "RETURN"]
    return chance.choice([*words, "extra", "extra"] if chain == "FORWARD" else words)


def _to(chance: random.Random, family: int, does: str) -> str:
    if does == "REJECT":
        return chance.choice(_REJECTS[family])[0]
    # a prefix of its own: that a flow is logged twice alike is no difference to the model, and one to who counts lines
    return f"rule {chance.randrange(1 << 20)} " if does == "LOG" else ""


def _end(chance: random.Random, family: int) -> str:
    return chance.choice((*_ADDRESSES[family].values(), *_PREFIXES[family]))


def _nat(family: int) -> tuple[str, ...]:
    def to(host: str, port: int) -> str:
        at = address(family, host)
        return f"{at}:{port}" if family == 4 else f"[{at}]:{port}"

    own = address(family, "own")
    return (
        f"-A PREROUTING -d {own} -p tcp -m tcp --dport 443 -j DNAT --to-destination {to('web', 8080)}",
        f"-A PREROUTING -d {own} -p udp -m udp --dport 53 -j DNAT --to-destination {to('mail', 53)}",
        "-A PREROUTING -i lan0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080",
        "-A POSTROUTING -o up0 -j MASQUERADE",
    )


def changed(chance: random.Random, one: Small) -> tuple[str, Small]:
    """A mutant, and what was done to which of its rules."""
    at = chance.randrange(len(one.rules))
    before, after = one.rules[:at], one.rules[at + 1 :]
    old = one.rules[at]
    how = chance.choice(("delete", "another", "swap", "verdict", "field", "field"))
    if how == "delete":
        return how, replace(one, rules=(*before, *after))
    if how == "swap" and after:
        return how, replace(one, rules=(*before, after[0], old, *after[1:]))
    if how == "verdict":
        does = _does(chance, old.chain)
        return how, replace(one, rules=(*before, replace(old, does=does, to=_to(chance, one.family, does)), *after))
    other = rule(chance, one.family)
    while other.chain != old.chain:
        other = rule(chance, one.family)
    if how == "field":
        names = [name for name in ("source", "destination", "entered", "left", "states", "mark")
                 if old.no != name and getattr(old, name) != getattr(other, name)]  # fmt: skip
        if names:
            name = chance.choice(names)
            return f"{how} {name}", replace(one, rules=(*before, replace(old, **{name: getattr(other, name)}), *after))
    return "another", replace(one, rules=(*before, other, *after))
