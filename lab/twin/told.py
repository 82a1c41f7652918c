"""The rules of a host as evidence: each with the hooks that lead to it, and what its callers ask, with its line as written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network, summarize_address_range

from lab.errors import Where
from lab.record.host import Dumped, Host
from lab.ruleset import conditions as asked
from lab.ruleset.address_conditions import AddressCondition, Entries, entries_of, read_conditions
from lab.ruleset.addresses import address_of
from lab.ruleset.both_families import both_families
from lab.ruleset.conditions import DESTINATIONS, SOURCES
from lab.ruleset.effects import DENIES
from lab.ruleset.extensions import BUILT_IN_CHAINS
from lab.ruleset.held import ChainKey, HeldRule
from lab.ruleset.held_text import rule_in_line, rules_in
from lab.ruleset.mended import mender
from lab.ruleset.nft.given import given_chains
from lab.ruleset.nft.sets import declared_elements
from lab.written.words import Network

HOOKS = frozenset(chain for chains in BUILT_IN_CHAINS.values() for chain in chains)
_NARROW = (asked.PROTO, asked.SPORTS, asked.DPORTS, asked.PORTS, asked.ICMP_TYPES, asked.STATES)
_FAMILIES = {"v4": "ip", "v6": "ip6"}
_MOST_OF_A_SET = 64  # entries: what has more is a list of strangers, and says little of the host's own networks
_DEFINE = re.compile(r"(?m)^\s*define\s+(\w+)\s*=\s*(.+?)\s*$")
_NAMED = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class Told:
    """One rule: ``line`` is as it is written, ``hooks`` lead to it (``input``, ``forward``, …).

    ``entered`` and ``left`` are interfaces that it asks for, or that all of its callers do; ``not_entered`` and ``not_left``
    those that it asks not to be.  The networks are those that it names, a single address as a network of one.
    """

    rule: HeldRule
    line: str
    where: Where
    hooks: frozenset[str]
    entered: tuple[str, ...]
    left: tuple[str, ...]
    not_entered: tuple[str, ...]
    not_left: tuple[str, ...]
    sources: tuple[Network, ...]
    destinations: tuple[Network, ...]
    not_sources: tuple[Network, ...]
    not_destinations: tuple[Network, ...]

    @property
    def denies(self) -> bool:
        """Whether it denies whatever matches."""
        return self.rule.effect == DENIES

    @property
    def is_plain(self) -> bool:
        """Whether it asks for no service and no state: what it does, it does to addresses and interfaces."""
        return not any(one.field in _NARROW for one in self.rule.conditions)

    @property
    def networks(self) -> tuple[Network, ...]:
        """All that it names."""
        return (*self.sources, *self.destinations, *self.not_sources, *self.not_destinations)


@dataclass(frozen=True, slots=True)
class _Line:
    """A rule where it stands, before its chain's callers are known."""

    key: ChainKey
    rule: HeldRule
    line: str
    where: Where


@dataclass(frozen=True, slots=True)
class _Context:
    """What holds of every packet in a chain: the hooks that it came by, the interfaces that all callers ask for."""

    hooks: frozenset[str] = frozenset()
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


_NOWHERE = _Context()


def rules_told(host: Host) -> tuple[Told, ...]:
    r"""Every rule of the host's rulesets, in their order; what is mended to be read is told as it was written.

    >>> from lab.record.host import Dumped
    >>> dump = Dumped("*filter\n-A INPUT -i lan0 -j own\n-A own -s 10.0.9.0/24 -j ACCEPT\nCOMMIT\n", "fw.rules")
    >>> [(told.line, *told.hooks, *told.entered) for told in rules_told(Host("fw", rulesets={"v4": dump}))][1]
    ('-A own -s 10.0.9.0/24 -j ACCEPT', 'input', 'lan0')
    """
    sets = entries_of({kind: dumped.text for kind, dumped in host.rulesets.items()})
    found: list[Told] = []
    for kind, dumped in host.rulesets.items():
        if kind != "ipset":
            lines, bases = _nft_lines(dumped) if kind == "nft" else _iptables_lines(kind, dumped)
            found += _with_contexts(lines, bases, sets)
    return tuple(found)


def _iptables_lines(kind: str, dumped: Dumped) -> tuple[list[_Line], Mapping[ChainKey, str]]:
    mended = mender(kind)(dumped.text)
    written = dumped.text.split("\n")
    lines: list[_Line] = []
    bases: dict[ChainKey, str] = {}
    for part, first, last in both_families(mended.text) or ((kind, 1, mended.text.count("\n") + 1),):
        tables: dict[int, str] = {}
        name = "filter"
        of_part = mended.text.split("\n")[first - 1: last]
        for number, line in enumerate(of_part, start=1):
            name = line[1:].strip() if line[:1] == "*" else name
            tables[number] = name
        for number, rule in rules_in(part, "\n".join(of_part)):
            key = _FAMILIES[part], tables[number], rule.chain
            if rule.chain in HOOKS:
                bases[key] = rule.chain.lower()
            place = mended.lines[first + number - 2]
            held = replace(rule, table=tables[number])
            lines.append(_Line(key, held, written[place - 1].strip(), Where(dumped.shown, place)))
    chains = {key for key in (line.key for line in lines) if key not in bases}
    return [replace(line, rule=_with_jump(line, chains)) for line in lines], bases


def _with_jump(line: _Line, chains: Collection[ChainKey]) -> HeldRule:
    target = line.rule.target
    leads = target is not None and (*line.key[:2], target) in chains
    return replace(line.rule, jump_to=(target,)) if leads and target is not None else line.rule


def _nft_lines(dumped: Dumped) -> tuple[list[_Line], Mapping[ChainKey, str]]:
    mended = mender("nft")(dumped.text)
    written = dumped.text.split("\n")
    defined = dict(_DEFINE.findall(mended.text))
    text = _NAMED.sub(lambda found: defined.get(found[1], found[0]), mended.text) if defined else mended.text
    named = declared_elements(text) if "elements" in text else {}
    lines: list[_Line] = []
    bases: dict[ChainKey, str] = {}
    for place in given_chains(text):
        key = place.family, place.table, place.chain
        if place.hook is not None:
            bases[key] = place.hook
        begun = zip(place.lines or (place.line,), place.rules or (place.command,), strict=True)
        for number, statement in begun:
            rule = rule_in_line("nft", statement)
            if rule is not None:
                at = mended.lines[number - 1]
                held = replace(rule, family=place.family, table=place.table, chain=place.chain, named=named)
                lines.append(_Line(key, held, " ".join(written[at - 1].split()), Where(dumped.shown, at)))
    return lines, bases


def _with_contexts(lines: list[_Line], bases: Mapping[ChainKey, str], sets: Entries) -> Iterator[Told]:
    callers: dict[ChainKey, list[_Line]] = {}
    for line in lines:
        for chain in line.rule.jump_to:
            callers.setdefault((*line.key[:2], chain), []).append(line)
    contexts: dict[ChainKey, _Context] = {key: _Context(frozenset((hook,))) for key, hook in bases.items()}
    for line in lines:
        context = _context(line.key, callers, contexts)
        yield _told(line, context, sets)


def _context(key: ChainKey, callers: Mapping[ChainKey, list[_Line]], known: dict[ChainKey, _Context]) -> _Context:
    """What holds in a chain; callers first, without recursion, as a chain of a stranger may lead to thousands."""
    waiting, under_way = [key], {key}
    while waiting:
        one = waiting[-1]
        before = next((line.key for line in callers.get(one, ()) if line.key not in known and line.key not in under_way), None)
        if one not in known and before is not None:
            waiting.append(before)
            under_way.add(before)
            continue
        if one not in known:
            known[one] = _joined([(line.rule, known.get(line.key, _NOWHERE)) for line in callers.get(one, ())])
        under_way.discard(waiting.pop())
    return known[key]


def _joined(callers: list[tuple[HeldRule, _Context]]) -> _Context:
    if not callers:
        return _NOWHERE
    ways = [
        _Context(context.hooks, _interfaces(rule, asked.ENTERED)[0] or context.entered,
                 _interfaces(rule, asked.LEFT)[0] or context.left)
        for rule, context in callers
    ]  # fmt: skip
    first = ways[0]
    return _Context(
        frozenset().union(*(way.hooks for way in ways)),
        first.entered if all(way.entered == first.entered for way in ways) else (),
        first.left if all(way.left == first.left for way in ways) else (),
    )


def _told(line: _Line, context: _Context, sets: Entries) -> Told:
    rule = line.rule
    entered, not_entered = _interfaces(rule, asked.ENTERED)
    left, not_left = _interfaces(rule, asked.LEFT)
    families = {"ip": (4,), "ip6": (6,)}.get(rule.family, (4, 6))
    # where a flow was sent before NAT is nobody's network on the way that the rule asks about
    was_sent = "--ctorig" in rule.text or "--ctrepl" in rule.text
    conditions = [
        (one, family) for family in families for one in read_conditions(rule, family, sets).conditions
        if one.exact or not was_sent
    ]  # fmt: skip
    return Told(
        rule, line.line, line.where, context.hooks, entered or context.entered, left or context.left, not_entered, not_left,
        *(_networks(conditions, field, negated=negated) for negated in (False, True) for field in (SOURCES, DESTINATIONS)),
    )  # fmt: skip


def _interfaces(rule: HeldRule, field: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The interfaces that a rule asks for, and those that it asks not to be; ``eth*`` is written ``eth+``."""
    found: dict[bool, list[str]] = {False: [], True: []}
    for one in rule.of(field):
        if not one.is_named:
            found[one.negated] += [value.replace("*", "+") for value in one.values if value not in ("", "+", "*")]
    return tuple(found[False]), tuple(found[True])


def _networks(
    conditions: list[tuple[AddressCondition, int]], field: str, *, negated: bool
) -> tuple[Network, ...]:
    ranges = [
        (low, high, family)
        for one, family in conditions if one.field == field and one.negated is negated
        for group in one.groups for low, high in group
    ]  # fmt: skip
    if len(ranges) > _MOST_OF_A_SET:
        return ()
    found: list[Network] = []
    for low, high, family in ranges:
        first, last = address_of(low, family), address_of(high, family)
        whole: list[Network] = list(summarize_address_range(first, last))
        found += whole if len(whole) == 1 else [ip_network(first), ip_network(last)]
    return tuple(found)


def is_one(network: Network) -> bool:
    """Whether it is a single address."""
    return network.prefixlen == network.max_prefixlen


def of_address(text: str) -> Network | None:
    """A single address as a network of one; None for what is none."""
    try:
        return ip_network(ip_address(text))
    except ValueError:
        return None
