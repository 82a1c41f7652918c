"""Rulesets that nobody wrote, with limiters of every kind before and behind conditions: what `ci/equal` asks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets

CHAINS = ("c0", "c1")
PORTS = (22, 53, 80, 120, 2000)
WINDOW = "1-160,2000"  # what is swept: all ports that rules name, and enough to use up any burst
ENDS = (("client", "10.0.1.10", "10.0.2.10"), ("other", "10.0.3.10", "10.0.2.10"), ("client", "10.0.1.10", "10.0.1.1"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A flow: who sends, from and to which address, which protocol; ``ports`` are those that fresh nodes are asked about."""

    node: str
    source: str
    destination: str
    proto: str
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A ruleset of the gateway, and what is asked past it."""

    seed: int
    backend: Backend
    kind: str
    text: str
    flows: tuple[Asked, ...]

    @property
    def rulesets(self) -> Rulesets:
        """The text as a node takes it."""
        lines = tuple(f"generated:{number}" for number in range(1, self.text.count("\n") + 1))
        return Rulesets(**{self.kind: Rendered(self.text, lines, "generated")})


def example(seed: int, *, flows: int, ports: int) -> Example:
    """That of a number: each dialect in turn, with so many flows and ports to each."""
    chance = random.Random(seed)
    backend = Backend.LEGACY if seed % 3 == 1 else Backend.NFT
    kind, text = ("nft", Native(chance).text()) if seed % 3 == 2 else ("v4", Save(chance).text())
    chosen = chance.sample([(*ends, proto) for ends in ENDS for proto in ("tcp", "udp")], flows)
    asked = tuple(Asked(*flow, tuple(sorted(chance.sample(PORTS, ports)))) for flow in chosen)
    return Example(seed, backend, kind, text, asked)


class Save:
    """Writes what iptables-restore takes: addresses and interfaces first, all other conditions in any order."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._names = 0

    def text(self) -> str:
        """One table."""
        pick = self._chance.choice
        lines = ["*filter", f":INPUT {pick(['ACCEPT', 'DROP'])} [0:0]", f":FORWARD {pick(['ACCEPT', 'DROP'])} [0:0]"]
        lines += [":OUTPUT ACCEPT [0:0]", *(f":{chain} - [0:0]" for chain in CHAINS)]
        for chain in ("FORWARD", "INPUT"):
            if self._chance.random() < 0.6:
                lines.append(f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
        for chain, most in (("FORWARD", 5), ("INPUT", 4), ("c0", 3), ("c1", 3)):
            lines += [self._rule(chain) for _ in range(self._chance.randint(1, most))]
        return "\n".join((*lines, "COMMIT", ""))

    def _rule(self, chain: str) -> str:
        pick, proto = self._chance.choice, self._chance.choice([None, None, "tcp", "udp"])
        places = ["-s 10.0.1.10/32", "! -s 10.0.1.10/32", "-d 10.0.2.10/32", "-i left", "! -i left"]
        heads = [pick(places)] if self._chance.random() < 0.4 else []
        if chain == "FORWARD" and self._chance.random() < 0.2:
            heads.append("-o right")
        heads += [f"-p {proto}"] if proto else []
        matches = []
        if proto and self._chance.random() < 0.6:
            matches.append(
                pick([f"-m {proto} --dport {pick(PORTS)}", f"-m {proto} --dport 50:130", "-m multiport --dports 22,80,2000"])
            )
        if self._chance.random() < 0.2:
            matches.append("-m conntrack --ctstate NEW")
        matches += [self._limiter() for _ in range(few(self._chance))]
        self._chance.shuffle(matches)
        return " ".join((f"-A {chain}", *heads, *matches, *self._target(chain, proto)))

    def _target(self, chain: str, proto: str | None) -> Iterator[str]:
        targets = ["-j ACCEPT", "-j ACCEPT", "-j DROP", "-j DROP", "-j REJECT", "-j RETURN", '-j LOG --log-prefix "seen "', ""]
        targets += ["-j REJECT --reject-with tcp-reset"] if proto == "tcp" else []
        targets += [f"-j {below}" for below in below_of(chain)] * 2
        yield self._chance.choice(targets)

    def _limiter(self) -> str:
        pick, self._names = self._chance.choice, self._names + 1
        burst, named = pick([1, 2, 3, 5, 20]), f"--name r{self._chance.randint(0, 1)} --mask 255.255.255.255"
        side = pick(["--rsource", "--rdest"])
        hashed = f"--hashlimit-burst {burst} --hashlimit-mode {pick(['srcip', 'dstport', 'srcip,dstport', 'dstip'])}"
        return pick([
            f"-m limit --limit {pick(['1/hour', '3/min', '10/min'])} --limit-burst {burst}",
            f"-m limit --limit 3/min --limit-burst {burst}",
            f"-m hashlimit --hashlimit-upto 3/min {hashed} --hashlimit-name h{self._names}",
            f"-m hashlimit --hashlimit-above 3/min {hashed} --hashlimit-name h{self._names}",
            f"-m recent --set {named} {side}",
            f"-m recent --update --seconds 600 {named} {side}",
            f"-m recent --update --seconds 600 --hitcount {pick([1, 2, 4])} {named} {side}",
            f"-m recent --rcheck --seconds 600 {named} {side}",
            f"-m recent --rcheck --seconds 600 --hitcount {pick([1, 2, 4])} {named} {side}",
            f"-m recent --remove {named} {side}",
            f"-m connlimit --connlimit-above {pick([0, 1, 2])} --connlimit-mask 32 --connlimit-saddr",
            f"-m quota --quota {pick([50, 150, 1000])}",
            f"-m statistic --mode nth --every {pick([2, 3])} --packet {pick([0, 1])}",
        ])  # fmt: skip


class Native:
    """Writes a script of nft: every part of a rule in any order, but what a protocol's ports need stands before them."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def text(self) -> str:
        """One table."""
        pick = self._chance.choice
        lines = ["table inet generated {"]
        sets = (("seen", "ipv4_addr", "dynamic, timeout", "; timeout 1h"), ("rated", "ipv4_addr", "dynamic", ""))
        for name, of, flags, more in (*sets, ("counted", "ipv4_addr", "dynamic", ""), ("ports", "inet_service", "dynamic", "")):
            lines.append(f"  set {name} {{ type {of}; flags {flags}; size 65535{more}; }}")
        for chain in reversed(CHAINS):
            lines += [f"  chain {chain} {{", *self._rules(chain, 3), "  }"]
        for chain, most in (("forward", 5), ("input", 4)):
            lines += [f"  chain {chain} {{", f"    type filter hook {chain} priority 0; policy {pick(['accept', 'drop'])};"]
            if self._chance.random() < 0.6:
                lines.append("    ct state established,related accept")
            lines += [*self._rules(chain, most), "  }"]
        return "\n".join((*lines, "}", ""))

    def _rules(self, chain: str, most: int) -> Sequence[str]:
        return [f"    {self._rule(chain)}" for _ in range(self._chance.randint(1, most))]

    def _rule(self, chain: str) -> str:
        pick, proto = self._chance.choice, self._chance.choice([None, None, "tcp", "udp"])
        parts: list[str] = []
        if self._chance.random() < 0.4:
            parts.append(
                pick(
                    ["ip saddr 10.0.1.10", "ip saddr != 10.0.1.10", 'iifname "left"', 'iifname != "left"', "ip daddr 10.0.2.10"]
                )
            )
        if proto:
            parts.append(
                pick(
                    [
                        f"meta l4proto {proto}",
                        f"{proto} dport {pick(PORTS)}",
                        f"{proto} dport 50-130",
                        f"{proto} dport {{ 22, 80, 2000 }}",
                    ]
                )
            )
        if self._chance.random() < 0.2:
            parts.append("ct state new")
        parts += [self._limiter(proto) for _ in range(few(self._chance))]
        self._chance.shuffle(parts)
        ends = ["accept", "accept", "drop", "drop", "reject", "return", 'log prefix "seen "', "counter"]
        # nft takes a reset behind its protocol alone
        ends += ["meta l4proto tcp reject with tcp reset"] if proto == "tcp" else []
        return " ".join((*parts, pick(ends + [f"jump {below}" for below in below_of(chain)] * 2)))

    def _limiter(self, proto: str | None) -> str:
        pick = self._chance.choice
        burst, over = pick([1, 2, 3, 5, 20]), pick(["", "over "])
        kinds: list[Callable[[], str]] = [
            lambda: f"limit rate {over}3/minute burst {burst} packets",
            lambda: f"limit rate {over}1/hour burst {burst} packets",
            lambda: f"quota {over}{pick([50, 150, 1000])} bytes",
            lambda: f"ct count {over}{pick([1, 2])}",
            lambda: f"numgen inc mod {pick([2, 3])} {pick([0, 1])}",
            lambda: f"{pick(['add', 'update', 'delete'])} @seen {{ ip saddr }}",
            lambda: f"ip saddr {pick(['', '!= '])}@seen",
            lambda: f"{pick(['add', 'update'])} @rated {{ ip saddr limit rate {over}3/minute burst {burst} packets }}",
            lambda: f"add @counted {{ ip saddr ct count {over}{pick([1, 2])} }}",
        ]
        if proto:
            kinds += [lambda: f"add @ports {{ {proto} dport }}", lambda: f"{proto} dport {pick(['', '!= '])}@ports"]
        return pick(kinds)()


def few(chance: random.Random) -> int:
    """How many limiters a rule has: mostly one, sometimes none or two."""
    return chance.choices([0, 1, 2], [3, 6, 1])[0]


def below_of(chain: str) -> Sequence[str]:
    """The chains that a chain may jump to: none leads back."""
    return CHAINS if chain not in CHAINS else CHAINS[CHAINS.index(chain) + 1 :]
