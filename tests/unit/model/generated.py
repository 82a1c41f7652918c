"""Rulesets of any size, as a firewall between many networks has them: a chain for each, hosts, services, planted changes."""

from __future__ import annotations

from random import Random

_CHAINS = 100


def generated(rules: int, seed: int, changes: int = 0) -> str:
    """So many rules in a hundred chains; of two with one seed, ``changes`` verdicts differ."""
    random = Random(seed)
    networks = [f"10.{random.randrange(64)}.{random.randrange(256)}.0/24" for _ in range(_CHAINS)]
    hosts = [f"172.{random.randrange(16, 32)}.{random.randrange(256)}.{random.randrange(1, 255)}" for _ in range(rules)]
    names = [f"net-{place}" for place in range(_CHAINS)]
    inside = [
        (name, _service(random, network, hosts))
        for name, network in zip(names, networks, strict=False) for _ in range(rules // _CHAINS - 1)
    ]  # fmt: skip
    for place in Random(seed + 1).sample(range(len(inside)), changes):
        name, rule = inside[place]
        turned = rule.replace("ACCEPT", "DROP") if "ACCEPT" in rule else rule.replace("DROP", "ACCEPT")
        inside[place] = name, turned
    return "\n".join((
        "*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", *(f":{name} - [0:0]" for name in names),
        "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        *(f"-A FORWARD -s {network} -j {name}" for name, network in zip(names, networks, strict=False)),
        *(f"-A {name} {rule}" for name, rule in inside), "COMMIT", "",
    ))  # fmt: skip


def _service(random: Random, network: str, hosts: list[str]) -> str:
    source = f"-s {network.removesuffix('0/24')}{random.randrange(1, 255)}/32 " if random.random() < 0.5 else ""
    proto = random.choice(("tcp", "udp"))
    low = random.randrange(1, 50_000)
    ports = random.choice((
        f"-m {proto} --dport {low}", f"-m {proto} --dport {low}:{low + random.randrange(5_000)}",
        f"-m multiport --dports {low},{low + 7},{low + 90}",
    ))  # fmt: skip
    verdict = random.choice(("ACCEPT", "ACCEPT", "DROP"))
    to = random.choice(hosts)
    to = f"{to}/32" if random.random() < 0.8 else f"{to[: to.rindex('.')]}.0/24"
    return f"{source}-d {to} -p {proto} {ports} -j {verdict}"
