"""Rulesets made at random, of either dialect, and whether a port that speaks for others says what each of them would."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

from lab.lab import Lab
from lab.record.sweep import Gear, Sweep
from lab.ruleset.rulesets import Rulesets
from tests.kernel.scenes import CLIENT, FAR, NEAR, SERVER, corridor, rendered, rulesets, table, topology

_ADDRESSES = (CLIENT, SERVER, NEAR, FAR, "10.0.1.0/24", "10.0.2.0/24", "10.0.2.0/28", "192.0.2.7")
_CHAINS = ("FORWARD", "INPUT", "one", "two", "three")


def groups(sweep: Sweep) -> list[object]:
    """What each group says, by its ports."""
    return [
        (one.keys, one.verdict.kind, one.verdict.node, one.verdict.reject, one.verdict.muted, one.arrived,
         one.verdict.rule and (one.verdict.rule.node, one.verdict.rule.family, one.verdict.rule.place))
        for one in sweep.groups
    ]  # fmt: skip


def difference(seed: int, most: int) -> tuple[str, int]:
    """What two sweeps of ports up to ``most`` past the ruleset of this number say differently, "" for nothing; ports sent."""
    chance = random.Random(seed)
    proto = chance.choice(("tcp", "tcp", "udp"))
    policy = _native(chance, proto, most) if chance.random() < 0.5 else _saved(chance, proto, most)
    services = [f"{proto}/{_ports(chance, most)}".replace(":", "-") for _ in range(chance.randint(0, 2))]
    with Lab(topology(corridor(server={"services": services})), {"gateway": policy}) as lab:
        target = chance.choice((SERVER, NEAR))
        few = lab.sweep("client", target, f"{proto}/1-{most}", gear=Gear.VERDICT)
        each = lab.sweep("client", target, f"{proto}/1-{most}", gear=Gear.RULE, every_port=True)
        if few.sent == few.count:  # what was counted names no rule
            few = lab.sweep("client", target, f"{proto}/1-{most}", gear=Gear.RULE)
        differ = [f"{one}\n  {other}" for one, other in zip(groups(few), groups(each), strict=False) if one != other]
        if not differ and len(few.groups) == len(each.groups):
            return "", few.sent
        text = "".join(part.text for _, part in policy.parts())
        return f"seed {seed}: {target} {proto} services {services}\n{text}\n{chr(10).join(differ)}", few.sent


def _ports(chance: random.Random, most: int) -> str:
    low = chance.randint(1, most - 1)
    return str(low) if chance.random() < 0.6 else f"{low}:{min(most, low + chance.choice((1, 9, 300)))}"


def _saved(chance: random.Random, proto: str, most: int) -> Rulesets:
    rules = [f"-N {name}" for name in _CHAINS[2:]]
    for place, name in enumerate(_CHAINS):
        later = _CHAINS[max(2, place + 1):]
        for _ in range(chance.randint(2, 7)):
            targets = ["ACCEPT", "DROP", "REJECT", "RETURN", "LOG", "MARK --set-mark 1", *later, *later]
            asked = _asked(chance, proto, most, leaves=name == "FORWARD")
            rules.append(f"-A {name} {asked} -j {chance.choice(targets)}")
    nat = [
        f"-A PREROUTING -d {NEAR} -p {proto} {_dports(chance, proto, most)} -j {chance.choice(_new(chance, most))}"
        for _ in range(chance.randint(0, 2))
    ]
    policies = {name: chance.choice(("ACCEPT", "DROP")) for name in _CHAINS[:2]}
    own = dict.fromkeys(_CHAINS[2:], "-")
    written = [rule for rule in rules if not rule.startswith("-N ")]
    return rulesets(table("nat", *nat) + table("filter", *written, **policies, **own))


def _new(chance: random.Random, most: int) -> tuple[str, ...]:
    port = chance.randint(1, most)
    return f"DNAT --to-destination {SERVER}:{port}", f"DNAT --to-destination {SERVER}", f"REDIRECT --to-ports {port}"


def _asked(chance: random.Random, proto: str, most: int, *, leaves: bool) -> str:
    words = [f"-p {proto}"]
    for option, values in (("-s", _ADDRESSES), ("-d", _ADDRESSES), ("-i", ("left", "right")), ("-o", ("left", "right"))):
        if chance.random() < 0.25 and (leaves or option != "-o"):
            words.append(f"{chance.choice(('', '', '! '))}{option} {chance.choice(values)}")
    if chance.random() < 0.75:
        words.append(_dports(chance, proto, most))
    if chance.random() < 0.2:
        words.append(f"-m {proto} --sport {chance.choice(('1024:65535', '67', '1:1023', '40:900'))}")
    if chance.random() < 0.25:
        states = ("NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "DNAT", "INVALID")
        words.append(f"-m conntrack --ctstate {chance.choice(states)}")
    if chance.random() < 0.1:
        words.append("-m mark --mark 1")
    return " ".join(words)


def _dports(chance: random.Random, proto: str, most: int) -> str:
    if chance.random() < 0.4:
        return f"-m multiport {chance.choice(('', '', '! '))}--dports {','.join(_ports(chance, most) for _ in range(3))}"
    return f"-m {proto} {chance.choice(('', '', '! '))}--dport {_ports(chance, most)}"


def _native(chance: random.Random, proto: str, most: int) -> Rulesets:
    chains = ("forward", "input", "one", "two", "three")
    bodies = []
    for place, name in reversed(list(enumerate(chains))):
        later = chains[max(2, place + 1):]
        head = f"type filter hook {name} priority filter; policy {chance.choice(('accept', 'drop'))};" if place < 2 else ""
        rules = "\n".join(_native_rule(chance, proto, most, later) for _ in range(chance.randint(2, 7)))
        bodies.append(f"chain {name} {{ {head}\n{rules}\n}}")
    new = (f"dnat ip to {SERVER}:{chance.randint(1, most)}", f"dnat ip to {SERVER}", f"redirect to :{chance.randint(1, most)}")
    nat = "\n".join(
        f"ip daddr {NEAR} {proto} dport {_ports(chance, most).replace(':', '-')} {chance.choice(new)}"
        for _ in range(chance.randint(0, 2))
    )
    script = "\n".join((
        "table inet made {", f"set web {{ type inet_service; flags interval; elements = {_elements(chance, most)} }}", *bodies,
        f"chain before {{ type nat hook prerouting priority dstnat;\n{nat}\n}}", "}", "",
    ))  # fmt: skip
    return Rulesets(nft=rendered(script, "made.nft"))


def _apart(chance: random.Random, most: int) -> Iterator[str]:
    """Ports and ranges that do not overlap."""
    for low, after in pairwise(sorted(chance.sample(range(1, most), 7))):
        yield str(low) if chance.random() < 0.5 else f"{low}-{after - 1}" if after - 1 > low else str(low)


def _elements(chance: random.Random, most: int) -> str:
    return f"{{ {', '.join(list(_apart(chance, most))[::2])} }}"


def _native_rule(chance: random.Random, proto: str, most: int, later: tuple[str, ...]) -> str:
    words = []
    for key, values in (
        ("ip saddr", _ADDRESSES), ("ip daddr", _ADDRESSES), ("iifname", ("left", "right")),
        ("oifname", ("left", "right")), ("ct state", ("new", "established", "established,related", "invalid")),
        ("ct status", ("dnat",)), (f"{proto} sport", ("1024-65535", "67", "1-1023", "40-900")), ("meta mark", ("1",)),
    ):  # fmt: skip
        if chance.random() < 0.2:
            words.append(f"{key} {chance.choice(('', '', '!= '))}{chance.choice(values)}")
    ends = ["accept", "drop", "reject", "return", "counter", "meta mark set 1", *(f"jump {name}" for name in later)]
    one = _ports(chance, most).replace(":", "-")
    if chance.random() < 0.2:
        verdicts = [end for end in ends if end not in ("counter", "reject", "meta mark set 1")]
        mapped = ", ".join(f"{ports} : {chance.choice(verdicts)}" for ports in list(_apart(chance, most))[::2])
        return " ".join((*words, f"{proto} dport vmap {{ {mapped} }}"))
    words.append(chance.choice((
        f"{proto} dport {one}", f"{proto} dport != {one}", f"{proto} dport {_elements(chance, most)}", f"{proto} dport @web",
        f"{proto} dport {chance.choice('<>')} {chance.randint(2, most)}", f"meta l4proto {proto}",
        f"ip daddr . {proto} dport {{ {SERVER} . {chance.randint(1, most)}, {FAR} . {chance.randint(1, most)} }}",
    )))  # fmt: skip
    return " ".join((*words, chance.choice(ends)))
