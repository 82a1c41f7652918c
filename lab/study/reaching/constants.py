"""The sets of addresses by which rules may tell packets of a service apart, at the end that asks and at the one asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lab.ruleset.address_conditions import Entries, named_by, only_counts, read_conditions
from lab.ruleset.addresses import Addresses
from lab.ruleset.aimed import Seen, may_match
from lab.ruleset.conditions import DESTINATIONS, ENTERED, LEFT, SOURCES, STATES
from lab.ruleset.effects import ACCEPTS
from lab.ruleset.held import ChainKey, Chains, HeldRule, rules_of
from lab.ruleset.in_the_way import ports_given
from lab.ruleset.rule import Ports
from lab.written.service import merged
from lab.written.words import is_address

# what conntrack may call a flow's first packet, and its answer
_FIRST = ("NEW", "INVALID", "UNTRACKED", "DNAT", "SNAT")
_LATER = ("ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "DNAT", "SNAT")
_FROM: Ports = ((1024, 65_535),)  # the port that a client asks from
_ANYWHERE = (SOURCES, DESTINATIONS, ENTERED, LEFT)
_UNTRACKED = ("notrack", "NOTRACK", "--notrack")
_SHIFTS = frozenset(("NETMAP", "DNPT", "SNPT"))
_ERRORS = {4: "icmp", 6: "icmpv6"}


class Constants(NamedTuple):
    """The sets at each end; ``unread`` says what of the rules is not told apart by them, in words.

    ``translated`` are addresses that rules put in the place of others.
    """

    sources: tuple[Addresses, ...] = ()
    destinations: tuple[Addresses, ...] = ()
    unread: tuple[str, ...] = ()
    translated: tuple[str, ...] = ()


def constants_of(
    chains: Chains, entries: Entries, family: int, proto: str, ports: Ports, *, every: bool = False
) -> Constants:  # fmt: skip
    """What the rules of a node name that may be about a flow to one of ``ports``, or about its answer.

    An answer goes from the end that was asked to the one that asked.  With ``every`` what all rules name that packets of the
    family come to, whatever else they ask, and also those that only count.
    """
    rules = [rule for rule in rules_of(chains, family) if every or not only_counts(rule)]
    seen = Seen(proto, dports=_with_translated(rules, proto, ports), states=_FIRST)
    of_answers = set(map(id, _met_by_answers(chains, family, proto)))
    answers = [Seen(proto, sports=seen.dports, dports=_FROM, states=_LATER)]
    answers += [Seen(_ERRORS[family], states=_LATER)] if proto == "udp" else []
    sources, destinations = dict[Addresses, None](), dict[Addresses, None]()
    unread, translated = dict[str, None](), dict[str, None]()
    for rule in rules:
        asks = every or may_match(rule, seen, but=_ANYWHERE)
        answered = every or (id(rule) in of_answers and any(may_match(rule, one, but=_ANYWHERE) for one in answers))
        if not (asks or answered):
            continue
        if rule.translates == "destination" and (address := rule.new_address) and is_address(address):
            translated[address] = None
        reading = read_conditions(rule, family, entries)
        of_source, of_destination = (dict.fromkeys(named_by(reading.conditions, field)) for field in (SOURCES, DESTINATIONS))
        if asks:
            sources |= of_source
            destinations |= of_destination
        if answered:
            sources |= of_destination
            destinations |= of_source
        unread |= {f"the addresses of {name}, which are not in the text or change": None for name in reading.unread}
        if rule.target in _SHIFTS:
            unread[f"addresses that {rule.target} makes others of: {rule.text}"] = None
    return Constants(tuple(sources), tuple(destinations), tuple(unread), tuple(translated))


def _with_translated(rules: Sequence[HeldRule], proto: str, ports: Ports) -> Ports:
    """The ports, and those that a rule may put in their place."""
    found = merged(ports)
    while True:
        seen = Seen(proto, dports=found)
        given = [
            span for rule in rules if rule.translates == "destination" and may_match(rule, seen, but=(*_ANYWHERE, STATES))
            for span in ports_given(rule)
        ]  # fmt: skip
        more = merged([*found, *given])
        if more == found:
            return found
        found = more


def _met_by_answers(chains: Chains, family: int, proto: str) -> Iterator[HeldRule]:
    """The rules that an answer may come to: in a base chain none behind one that surely accepts it."""
    own = {key: chain for key, chain in chains.items() if chain.judges(family)}
    tracked = not any(word in rule.text for rule in rules_of(own) for word in _UNTRACKED)
    waiting: list[ChainKey] = []
    seen: set[ChainKey] = set()
    for chain in own.values():
        if chain.hook is None or chain.kind == "nat":  # of a flow its first packet alone comes to nat
            continue
        for rule in chain.rules:
            yield rule
            waiting += _led_to(rule)
            if tracked and _surely_accepts(rule, proto):
                break
    while waiting:
        key = waiting.pop()
        if key in own and key not in seen:
            seen.add(key)
            for rule in own[key].rules:
                yield rule
                waiting += _led_to(rule)


def _led_to(rule: HeldRule) -> Iterator[ChainKey]:
    return ((rule.family, rule.table, name) for name in rule.jump_to)


def _surely_accepts(rule: HeldRule, proto: str) -> bool:
    """Whether it accepts every answer: a refusal of TCP is part of its flow, one of UDP is an error that is related to it."""
    needed = {"ESTABLISHED"} if proto == "tcp" else {"ESTABLISHED", "RELATED"}
    if rule.effect != ACCEPTS or rule.whole is None or rule.whole.verdicts:
        return False
    return all(one.field == STATES and not one.negated and needed <= set(one.values) for one in rule.whole.asked)
