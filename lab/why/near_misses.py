"""Rules that a packet misses by one thing alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import NamedTuple

from lab.record.hint import Hint
from lab.record.packet import Packet
from lab.record.path import Path, Rule
from lab.record.verdict import Kind
from lab.ruleset.addresses import address_of
from lab.ruleset.asked import FLAGS, TOGETHER, Asked, Met, has
from lab.ruleset.conditions import (
    DESTINATIONS,
    DPORTS,
    ENTERED,
    ICMP_TYPES,
    LEFT,
    SOURCES,
    SPORTS,
    STATES,
)
from lab.ruleset.effects import ACCEPTS, DENIES, RETURNS, TRANSLATES
from lab.ruleset.held import Chains, HeldRule
from lab.why.ahead import coming, only_miss
from lab.why.case import Case
from lab.why.met import met_at
from lab.why.slips import slip_of
from lab.why.walk import Base, bases
from lab.why.weight import SPECIFIC, names_the_sender, weight
from lab.why.wording import fact, named, place, together, translators, unnamed
from lab.written.expect.arrives import ARRIVES

MOST = 3
_ENDS_OF = {SOURCES: "source", SPORTS: "source", DESTINATIONS: "destination", DPORTS: "destination"}
_AFTER = (Kind.UNANSWERED, Kind.UNROUTED, Kind.LOST)


@dataclass(frozen=True, slots=True)
class Miss:
    """A rule of ``node`` that the packet misses by ``asked`` alone, and what it ``would`` do, in words.

    ``made`` is the rule that translated what it asks for into what the packet has instead, with the headers before that.
    ``weight`` tells how much of the packet the rule otherwise means, ``of_sender`` that it, or what it leads to, is about this
    very sender.
    """

    node: str
    rule: HeldRule
    asked: Asked
    met: Met
    would: str
    weight: int
    made: tuple[Rule, Packet] | None
    of_sender: bool = False

    @property
    def hint(self) -> Hint:
        """Why it was not the rule that decided, and what would make it so."""
        return Hint(str(self), self.mend)

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int]:
        """What explains most, first: what was translated or confused, then the specific before the broad, a state last."""
        return self.made is None, not self.slip, self.asked.field == STATES, -self.weight, self.rule.number

    def __str__(self) -> str:
        whole = self.rule.whole
        of_map = whole is not None and whole.verdicts and whole.asked[-1] == self.asked
        lacks = "its map has no such element" if of_map else f"wants `{self.asked.words}`"
        but = f"{named(self.node, self.rule)} {self.would}, but {lacks}"
        if self.made is None:
            return f"{but}, and {fact(self.asked, self.met, self.node)}"
        by = self.made[0]
        whose = str(by) if by.node != self.node else unnamed(by)
        return f"{but}: {whose} made it {self._now}" if of_map else f"{but}, which {whose} made {self._now}"

    @property
    def _now(self) -> str:
        address = {SOURCES: self.met.source, DESTINATIONS: self.met.destination}.get(self.asked.field)
        if address is not None:
            return str(address_of(address, self.met.family))
        return str(self.met.dport if self.asked.field == DPORTS else self.met.sport)

    @property
    def slip(self) -> str:
        """What the rule takes for what it asks for, where the packet has that elsewhere: its other end, or what it became."""
        return slip_of(self.asked, self.met, native=self.rule.is_native)

    @property
    def mend(self) -> str:
        """What would make it match, where that is plain."""
        if self.made is None and self.slip:
            return f"let it ask for {self.slip}"
        if self.rule.effect == TRANSLATES and self.asked.field == LEFT and self.met.left and not self.asked.negated:
            word = f'oifname "{self.met.left}"' if self.rule.is_native else f"-o {self.met.left}"
            return f"let it ask for the interface that such packets leave by, `{word}`"
        if self.asked.field == TOGETHER and not self.asked.negated:
            return f"an element {together(self.asked, self.met)} there: its parts stand in the order in which the rule asks"
        if self.made is None or self.asked.field not in (DPORTS, DESTINATIONS) or self.asked.negated:
            return ""
        native, port = self.rule.is_native, self.asked.field == DPORTS
        if port:
            now = f"{self.met.proto} dport" if native else "--dport"
            before = f"meta l4proto {self.met.proto} ct original proto-dst" if native else "-m conntrack --ctorigdstport"
            or_before = f", or for the one before, `{before} {self.made[1].dport}`" if self.made[0].node == self.node else ""
            return f"let it ask for the port behind the translation, `{now} {self._now}`{or_before}"
        now = ("ip6 daddr" if self.met.family == 6 else "ip daddr") if native else "-d"
        return f"let it ask for the address behind the translation, `{now} {self._now}`"


def near_misses(case: Case) -> Iterator[Miss]:
    """What would have accepted or translated a packet that should have passed."""
    if not case.should_pass or not case.verdict.path:
        return
    path = case.verdict.path[-1]
    chains = case.chains(path.node)
    if not chains:
        return
    found: list[Miss] = []
    walked = bases(path, chains)
    for base in walked:
        if base.kind == "nat":
            found += _missed_translations(case, path, base, chains)
    if path.dropped_by is not None and walked and walked[-1].decided == path.dropped_by:
        found += missed(case, path, walked[-1], chains, ACCEPTS)
    yield from best(found)


def missed(case: Case, path: Path, base: Base, chains: Chains, wanted: str) -> Iterator[Miss]:
    """The rules of a base chain, and of all that it leads to, that would do to the packet what is wanted, but for one thing."""
    met = met_in(case, path, base)
    siblings = _siblings(case, met)
    for rule in base.missed:
        effect = rule.effect
        spares = effect == RETURNS and wanted == ACCEPTS and _spares(rule, base)
        ends = effect in (ACCEPTS, DENIES, TRANSLATES)
        if effect != wanted and not spares and (ends or not (rule.jump_to or rule.target == "vmap")):
            continue
        asked = only_miss(rule, met)
        if asked is None or asked.field == FLAGS:
            continue
        made = _made(case, path, base, asked, met)
        slip = slip_of(asked, met, native=rule.is_native)
        if made is None and not slip and asked.field == DESTINATIONS and not _is_for(asked, siblings, met.family):
            continue
        would, more, of_sender = f"would {does(rule)} it", 0, names_the_sender(rule)
        if spares:
            would = f"would send it back out of {rule.chain}"
        elif effect != wanted:
            found = _behind(rule, chains, met if made is None else _with(met, made[1]), met)
            if found is None or found.effect != wanted:
                continue
            would, more, of_sender = found.words, found.weight, of_sender or found.of_sender
        yield Miss(path.node, rule, asked, met, would, weight(rule, asked) + more, made, of_sender)


def _spares(rule: HeldRule, base: Base) -> bool:
    """Whether the rule would have sent it back before it came to the one that denied it, in the same chain."""
    return base.decided is not None and base.decided.number is not None and base.frames[-1].chain.key == rule.key


def _siblings(case: Case, met: Met) -> frozenset[int]:
    """The addresses of the node that has the packet's destination: a rule for one of them may mean this packet."""
    owner = case.topology.owner(str(address_of(met.destination, met.family)))
    interfaces = case.topology.nodes[owner].interfaces.values() if owner is not None else ()
    return frozenset(int(address.ip) for one in interfaces for address in one.of_family(met.family))


def _is_for(asked: Asked, addresses: frozenset[int], family: int) -> bool:
    """Whether one of these is a host that the rule names."""
    return any(low == high and low in addresses for of, ranges in asked.values if of == family for low, high in ranges)


def does(rule: HeldRule) -> str:
    """What it does to a packet, in a word."""
    effect = rule.effect
    return {ACCEPTS: "accept", TRANSLATES: "translate"}.get(effect) or ("reject" if rule.rejects else "drop")


class _Behind(NamedTuple):
    """What a rule that leads on would lead to."""

    effect: str
    words: str
    weight: int
    of_sender: bool = False


def _behind(rule: HeldRule, chains: Chains, key: Met, met: Met) -> _Behind | None:
    """What the chain that a rule leads to would do, where that is sure; which one it is, a map tells by ``key``."""
    name = rule.jump_to[0] if len(rule.jump_to) == 1 and rule.target != "vmap" else ""
    if rule.whole is not None and rule.whole.verdicts:
        verdict = next((verdict for one, verdict in rule.whole.verdicts if has(one, key)), "")
        how, _, name = verdict.partition(" ")
        if how in ("accept", "drop"):
            return _Behind(ACCEPTS if how == "accept" else DENIES, f"would {how} it", 0)
    chain = chains.get((rule.family, rule.table, name))
    first = next(coming(chains, [(chain, 0)], met), None) if chain is not None else None
    if first is None or first.doubts:
        return None
    words = f"would send it to {name}, where {place(first.rule)} would {does(first.rule)} it"
    return _Behind(first.effect, words, weight(first.rule), names_the_sender(first.rule))


def _missed_translations(case: Case, path: Path, base: Base, chains: Chains) -> Iterator[Miss]:
    """Of the rules of nat those that would have translated it; a source only of what left, and then missed its answer."""
    late = base.hook == "postrouting"
    if (base.decided is not None and base.decided.translates) or (late and not misses_its_source(case, path)):
        return
    for miss in missed(case, path, base, chains, TRANSLATES):
        # a list of forwarded ports says nothing of one that is not in it
        if miss.made is not None or miss.asked.field not in (DPORTS, ICMP_TYPES):
            yield replace(miss, weight=miss.weight + 2) if late else miss


def misses_its_source(case: Case, path: Path) -> bool:
    """Whether another source may be what was missed: no answer came, or it was to arrive from another address."""
    if any(rule.translates == "destination" for rule in path.translated_by) or case.verdict.observation.missing is not None:
        return False  # or, whatever its source, there is nobody whom it was for
    wanted = case.expect.get(ARRIVES)
    from_another = wanted is not None and wanted.source not in (None, "kept", case.verdict.observation.sent.source)
    return case.verdict.kind in _AFTER or (case.verdict.kind is Kind.ALLOWED and from_another)


def met_in(case: Case, path: Path, base: Base) -> Met:
    """The packet as the rules of a base chain saw it."""
    native = bool(base.chain.rules) and base.chain.rules[0].is_native
    return met_at(case, path, base.first, base.hook, base.kind, native=native)


def _made(case: Case, path: Path, base: Base, asked: Asked, met: Met) -> tuple[Rule, Packet] | None:
    """The rule that translated what is asked for into something else."""
    end = _ENDS_OF.get(asked.field)
    for rule, before, behind in translators(case.verdict.path, path, base.first) if end is not None else ():
        if rule.translates == end and _had(asked, met, before) and not _had(asked, met, behind):
            return rule, before
    return None


def _had(asked: Asked, met: Met, packet: Packet) -> bool:
    return has(asked, _with(met, packet)) is True


def _with(met: Met, packet: Packet) -> Met:
    """The packet with other headers, as it had them before."""
    ported = met.dport is not None
    return replace(
        met, source=int(ip_address(packet.source)), destination=int(ip_address(packet.destination)),
        sport=packet.sport if ported else None, dport=packet.dport if ported else None,
    )  # fmt: skip


def best(found: Iterable[Miss]) -> Sequence[Miss]:
    """Those that tell something: a rule means more of the packet than the one thing that it misses; of many alike, few."""
    misses = sorted(dict.fromkeys(found), key=lambda miss: miss.rank)
    telling = [miss for miss in misses if miss.made is not None or miss.slip or miss.weight >= SPECIFIC or _tells(miss)]
    alike = Counter(miss.asked.field for miss in telling if miss.made is None)
    shown: list[Miss] = []
    for miss in telling:
        many = miss.made is None and not miss.slip and alike[miss.asked.field] > 2
        # of a list of ports, each for a service of its own, none is this one
        told = any(other.asked.field == miss.asked.field and other.made is None for other in shown)
        if many and (told or miss.asked.field == DPORTS):
            continue
        shown.append(miss)
    if not shown:
        broad = [miss for miss in misses if _is_broad(miss)]
        shown = broad[:1]
    return shown[:MOST]


def _is_broad(miss: Miss) -> bool:
    """Whether it is for another interface, or translates another network."""
    another_network = miss.asked.field == SOURCES and miss.rule.effect == TRANSLATES and miss.weight > 2
    return another_network or (miss.asked.field in (ENTERED, LEFT) and miss.weight >= 1)


def _tells(miss: Miss) -> bool:
    """Whether what it misses tells enough by itself."""
    return miss.asked.field == TOGETHER
