"""What a rule is, whichever dialect it is written in and whoever put it there: where it stands, what it asks, what it does."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lab.ruleset import conditions as asked
from lab.ruleset.asked import Partly, Whole
from lab.ruleset.conditions import Condition
from lab.ruleset.effects import GOES, LEADS, TRANSLATES, effect_of_word
from lab.ruleset.memory import Use
from lab.ruleset.nft import uses as nft_uses
from lab.ruleset.nft.rule import is_about_invalid, new_destination, statements
from lab.ruleset.nft.whole import partly_of_nft, whole_of_nft
from lab.ruleset.rule import Ports, complement, is_one_protocol, overlap, protocol_name, read_ports
from lab.ruleset.uses import uses_of_iptables
from lab.ruleset.whole import partly_of_iptables, whole_of_iptables
from lab.ruleset.words import values_of
from lab.written.reject import canonical_reject

ChainKey = tuple[str, str, str]
"""Family in nft's words (``ip``, ``ip6``, ``inet``, ``netdev``, …), table, chain."""

_FAMILIES = {4: ("ip", "inet", "netdev", "bridge"), 6: ("ip6", "inet", "netdev", "bridge")}
_QUEUES = frozenset(("NFQUEUE", "QUEUE", "queue"))
_QUEUE_NUMBERS = frozenset(("--queue-num", "--queue-balance"))
_QUOTED = re.compile(r'"[^"]*"')
_NFT_QUEUE = re.compile(
    r"\bqueue\b(?:\s+flags\s+[\w,]+)?(?:\s+(?:to|num)\s+(?:(?P<number>\d+(?:-\d+)?)|(?P<expression>\S+)))?"
)
_HANDS = frozenset(("TPROXY", "tproxy"))
_NFT_HANDS = re.compile(r"\btproxy (?:ip6? )?to (?:\[[^\]\s]*\]|[^\s:]*):(?P<port>\d+)(?=\s|\Z)")
_ANSWERS = frozenset(("SYNPROXY", "synproxy"))
_COPIES = frozenset(("TEE", "dup", "fwd"))
_TRANSLATES = {
    "DNAT": "destination", "REDIRECT": "destination", "SNAT": "source", "MASQUERADE": "source", "NETMAP": "destination",
    "DNPT": "destination", "SNPT": "source",
    "dnat": "destination", "redirect": "destination", "snat": "source", "masquerade": "source",
}  # fmt: skip
_SAID = ("sport", "source-port", "--port", "srcport", "dstport")  # most rules say none of it, and need no reading
_LOGGING = frozenset(("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE"))
_READ_BYTES = frozenset(("u32", "bpf"))
_MAY_BE_INVALID = frozenset(("state", "conntrack", "rpfilter"))


@dataclass(frozen=True)
class HeldRule:
    """A rule as its own tool prints it (``iptables-save``, ``nft list``), or as a file has it.

    ``family`` is that of its table in nft's words, ``number`` its place in the chain from 1, ``text`` what the tool prints of
    it without counters and handle, ``source`` the file and line that it was written in, None where there is none: somebody put
    it there by hand.  ``target`` is the word that says what becomes of the packet (``DROP``, ``accept``, ``vmap``, a chain),
    ``to`` what iptables' target is given (``--to-destination``), ``jump_to`` are the chains of its table that it can lead to,
    ``goto`` that it comes back from none.  ``remembers``: it treats a packet by those that came before; ``merely_logs`` tells
    of such a rule that it has no say in a packet's fate.  ``matches`` are the names behind iptables' ``-m``, None for a rule of
    native nft; ``named`` the elements of its table's sets and maps, as nft prints them, that nothing changes; ``defined`` how
    its table's sets, limits and quotas are made, without what is in them.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> rule = rule_in_line("v4", "-A FORWARD -p tcp --dport 443 -m comment --comment publish-web -j ACCEPT")
    >>> rule.comment, rule.ports("dports"), rule.is_about("udp")
    ('publish-web', ((443, 443),), False)
    """

    family: str
    table: str
    chain: str
    number: int
    text: str
    comment: str | None = None
    target: str | None = None
    jump_to: tuple[str, ...] = ()
    goto: bool = False
    log_prefix: str | None = None
    reject_with: str | None = None
    to: str | None = None
    remembers: bool = False
    merely_logs: bool = False
    matches: tuple[str, ...] | None = None
    source: str | None = None
    named: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    defined: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_native(self) -> bool:
        """Whether it is written in nft's own words."""
        return self.matches is None

    @property
    def key(self) -> ChainKey:
        """The chain that it stands in."""
        return self.family, self.table, self.chain

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """What it asks of a packet, as far as that is read; all of them have to hold."""
        return tuple(asked.of_nft(self.text) if self.is_native else asked.of_iptables(self.text))

    @cached_property
    def plain_conditions(self) -> tuple[Condition, ...]:
        """Those of its conditions that say by themselves what they ask, and name no set that does."""
        return tuple(one for one in self.conditions if not one.is_named)

    @cached_property
    def effect(self) -> str:
        """What becomes of a packet that matches, in the words of `lab.ruleset.effects`; of a verdict map that is not told."""
        if self.jump_to and self.target != "vmap":
            return GOES if self.goto else LEADS
        return TRANSLATES if self.translates is not None else effect_of_word(self.target)

    @cached_property
    def whole(self) -> Whole | None:
        """All that it asks, where every word of it is understood; None elsewhere."""
        if self.matches is None:
            return whole_of_nft(self.text, self.named)
        # what rules write into a set, they write while packets are asked about
        return None if self.remembers else whole_of_iptables(self.text, self.family)

    @cached_property
    def partly(self) -> Partly:
        """What of it is understood, and in words what is not."""
        if self.matches is None:
            return partly_of_nft(self.text, self.named)
        return partly_of_iptables(self.text, self.family, sets_change=self.remembers)

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """What it remembers, or asks of what others wrote, part by part as the kernel evaluates it.

        A set that no rule writes is among them: who knows the other rules can tell.
        """
        if self.matches is not None:
            return uses_of_iptables(self.text, self.matches, self.target)
        return nft_uses.uses_of_nft(self.text, self.defined)

    @property
    def has_say(self) -> bool:
        """Whether a packet that matches may fare otherwise than another; a rule that merely logs or counts has none."""
        if self.is_native:
            return self.target not in (None, "log") or nft_uses.sets_something(self.text)
        return self.target is not None and self.target not in _LOGGING

    def of(self, name: str) -> Iterator[Condition]:
        """Its conditions on one field."""
        return (one for one in self.conditions if one.field == name)

    @cached_property
    def _ports(self) -> dict[str, Ports | None]:
        """What `ports` has told: a rule is asked the same for every port that is asked about."""
        return {}

    @cached_property
    def _about(self) -> dict[str, bool]:
        """What `is_about` has told."""
        return {}

    def ports(self, name: str) -> Ports | None:
        """The ports of a field (``dports``, ``sports``) that it can match; None where it does not say, or not in numbers."""
        if name not in self._ports:
            self._ports[name] = self._read_ports(name)
        return self._ports[name]

    def _read_ports(self, name: str) -> Ports | None:
        known: Ports | None = None
        for one in self.of(name):
            ports = ports_of(one)
            if ports is not None:
                known = ports if known is None else overlap(known, ports)
        return known

    def is_about(self, proto: str) -> bool:
        """Whether packets of this protocol (``tcp``, ``icmpv6``) can match, as far as it says."""
        if proto not in self._about:
            self._about[proto] = all(admits(one, proto) for one in self.of(asked.PROTO))
        return self._about[proto]

    @cached_property
    def statements(self) -> frozenset[str]:
        """Every word that says what becomes of a packet, where native nft has several; else the target."""
        if self.is_native:
            return statements(self.text)
        return frozenset() if self.target is None else frozenset((self.target,))

    def _does(self, words: Collection[str]) -> bool:
        return self.target in words if self.matches is not None else not self.statements.isdisjoint(words)

    @property
    def queues(self) -> bool:
        """It hands packets to user space."""
        return self._does(_QUEUES)

    @property
    def queue(self) -> str | None:
        """The number of the queue that it hands packets to, or their range; None for none, or one that an expression gives.

        >>> from lab.ruleset.held_text import rule_in_line
        >>> [rule_in_line("v4", f"-A FORWARD -j NFQUEUE {of}").queue for of in ("--queue-num 3", "--queue-balance 0:3", "")]
        ['3', '0-3', '0']
        """
        if (self.is_native and "queue" not in self.text) or not self.queues:  # most rules need no reading
            return None
        if not self.is_native:
            return next(values_of(self.text, _QUEUE_NUMBERS), "0").replace(":", "-")
        told = _NFT_QUEUE.search(_QUOTED.sub("", self.text))
        return None if told is None else told["number"] or (None if told["expression"] else "0")

    @property
    def hands_to_port(self) -> int | None:
        """The port of the transparent socket that it hands packets to (TPROXY); 0 where it is each packet's own, or not read.

        >>> from lab.ruleset.held_text import rule_in_line
        >>> rule_in_line("v4", "-A PREROUTING -p tcp -j TPROXY --on-port 3129 --tproxy-mark 0x1/0x1").hands_to_port
        3129
        """
        if (self.is_native and "tproxy" not in self.text) or not self._does(_HANDS):  # most rules need no reading
            return None
        if not self.is_native:
            port = next(values_of(self.text, ("--on-port",)), "0")
        else:
            told = _NFT_HANDS.search(_QUOTED.sub("", self.text))
            port = "0" if told is None else told["port"]
        return int(port) if port.isdigit() else 0

    @property
    def answers(self) -> bool:
        """It takes packets over, and answers in their place."""
        return self._does(_ANSWERS)

    @property
    def copies(self) -> bool:
        """It sends a packet twice."""
        return self._does(_COPIES)

    @property
    def rejects(self) -> bool:
        """It refuses with an answer; `reject_kind` says with which."""
        return self.target in ("REJECT", "reject")

    @property
    def translates(self) -> str | None:
        """Which end of a packet it changes (``source``, ``destination``); None for neither."""
        if self.target == "NETMAP" and self.chain == "POSTROUTING":
            return "source"
        return _TRANSLATES.get(self.target or "")

    @property
    def new_address(self) -> str | None:
        """What it puts in place of a packet's destination, an address or a range: "" where it leaves it, None if not read.

        >>> from lab.ruleset.held_text import rule_in_line
        >>> rule_in_line("v4", "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.2.10:8443").new_address
        '10.0.2.10'
        """
        if self.is_native or self.to is None:
            return new_destination(self.text).address if self.is_native else None
        if self.target in ("REDIRECT", "MASQUERADE"):
            return ""
        if self.to.startswith("["):
            return self.to[1:].partition("]")[0]
        return self.to if self.to.count(":") > 1 else self.to.partition(":")[0]

    @cached_property
    def about_invalid(self) -> bool:
        """It is about packets of state INVALID, or of a source on the wrong interface."""
        if self.matches is None:
            return is_about_invalid(self.text)
        if _MAY_BE_INVALID.isdisjoint(self.matches):
            return False
        states = ({state.upper() for state in one.values} for one in self.of(asked.STATES) if not one.negated)
        # a rule that also names NEW is about more than that
        return "rpfilter" in self.matches or any("INVALID" in named and "NEW" not in named for named in states)

    @property
    def sets(self) -> frozenset[str]:
        """The ipsets that it asks or writes."""
        if self.matches is None or ("set" not in self.matches and self.target != "SET"):
            return frozenset()
        return frozenset(values_of(self.text, ("--match-set", "--add-set", "--del-set", "--map-set")))

    @property
    def reads_source_ports(self) -> bool:
        """Whether it may tell source ports apart; of ipsets `sets` are for who knows what they hold."""
        if self.matches is not None:
            return (
                self.target == "HMARK" or not _READ_BYTES.isdisjoint(self.matches) or "--ctreplsrcport" in self.text
                or (
                    any(word in self.text for word in _SAID)
                    and any(one.field in asked.OF_SOURCE_PORTS for one in self.conditions)
                )
            )  # fmt: skip
        bare = asked.without_texts(self.text)
        return "sport" in bare or "proto-src" in bare or "@th," in bare

    def reject_kind(self, family: int) -> str | None:
        """What it answers a packet of this family (4, 6) with, in iptables' words; None for a rule that does not reject."""
        if not self.rejects:
            return None
        return canonical_reject(self.reject_with or "port-unreach", family=family)


@dataclass(frozen=True, slots=True)
class HeldChain:
    """A chain with its rules.

    ``hook`` (``forward``), ``kind`` (``filter``, ``nat``, …: iptables' table, nft's type) and ``policy`` in its dialect's word
    are None for one that no hook calls.  ``priority`` orders those of one hook (netfilter_ipv4.h), None where it is not read.

    >>> HeldChain("inet", "filter", "input", (), "input", "filter", "drop").judges(6)
    True
    """

    family: str
    table: str
    name: str
    rules: tuple[HeldRule, ...]
    hook: str | None = None
    kind: str | None = None
    policy: str | None = None
    priority: int | None = None

    @property
    def key(self) -> ChainKey:
        """Family, table, name."""
        return self.family, self.table, self.name

    def judges(self, family: int) -> bool:
        """Whether packets of this family (4, 6) come here."""
        return self.family in _FAMILIES[family]


Chains = Mapping[ChainKey, HeldChain]


def rules_of(chains: Chains, family: int | None = None) -> Iterator[HeldRule]:
    """Every rule, chain by chain; with ``family`` (4, 6) of the chains that its packets come to.

    >>> chain = HeldChain("ip", "filter", "INPUT", (HeldRule("ip", "filter", "INPUT", 1, "-A INPUT -j DROP"),), "input")
    >>> [rule.text for rule in rules_of({chain.key: chain}, 4)], list(rules_of({chain.key: chain}, 6))
    (['-A INPUT -j DROP'], [])
    """
    for chain in chains.values():
        if family is None or chain.judges(family):
            yield from chain.rules


def block_name(rank: int) -> str:
    """What the lab calls a chain that the kernel made of ``jump { … }``; no chain that people name has a blank.

    >>> block_name(1)
    'block 1'
    """
    return f"block {rank}"


def reached(
    chains: Chains, begun: Collection[tuple[str, str]], family: int, *, blocks_alone: bool = False
) -> Iterator[HeldRule]:
    """The rules of these chains (table, chain) that packets of ``family`` meet, and of all that they lead to.

    With ``blocks_alone`` only what a rule holds itself in ``jump { … }`` counts as led to.

    >>> chain = HeldChain("ip", "filter", "INPUT", (HeldRule("ip", "filter", "INPUT", 1, "-A INPUT -j DROP"),), "input")
    >>> [rule.text for rule in reached({chain.key: chain}, {("filter", "INPUT")}, 4)]
    ['-A INPUT -j DROP']
    """
    waiting = [chain for chain in chains.values() if (chain.table, chain.name) in begun and chain.judges(family)]
    seen = {chain.key for chain in waiting}
    while waiting:
        for rule in waiting.pop().rules:
            yield rule
            for name in rule.jump_to:
                key = rule.family, rule.table, name
                if key in chains and key not in seen and (" " in name or not blocks_alone):
                    seen.add(key)
                    waiting.append(chains[key])


def ports_of(condition: Condition) -> Ports | None:
    """The ports that a condition on ports lets match, as ascending ranges; None where one is no number.

    >>> ports_of(Condition("dports", ("80", "8000:8010")))
    ((80, 80), (8000, 8010))
    """
    ports = read_ports(",".join(condition.values).replace("-", ":"))
    return None if ports is None else complement(ports) if condition.negated else ports


def admits(condition: Condition, proto: str) -> bool:
    """Whether a condition on the protocol lets packets of ``proto`` match, or may."""
    if condition.is_named or not all(map(is_one_protocol, condition.values)):
        return True
    named = [protocol_name(value) for value in condition.values]
    return (None in named or proto in named) != condition.negated
