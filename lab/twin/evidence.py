"""What each rule says of its host's interfaces, networks and addresses, one by one: nothing is concluded yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from lab.ruleset.effects import ACCEPTS
from lab.ruleset.words import values_of
from lab.twin.kinds import as_interface, is_of_hosts, is_private, zone_of
from lab.twin.told import Told, is_one, of_address
from lab.written.words import Network

_PORTS = ("--physdev-in", "--physdev-out")
_SURELY, _PLAINLY, _PERHAPS = 8, 4, 1
"""How much a rule says of a network's place: it is about spoofing, it names both, it denies a service."""


@dataclass(frozen=True, slots=True)
class Own:
    """An address that is the host's own, and the interface that it is on where the rule says that; ``weight`` is how surely."""

    address: Network
    interface: str | None
    weight: int
    told: Told


@dataclass(slots=True)
class Evidence:
    """All that rules say.

    ``interfaces`` are those named, with the first rule that does, and ``concrete`` those named in full, or known; ``behind``
    are networks by their interface, with how much rules say so, how many do, and the rule that says most; ``not_behind`` are
    pairs that a rule speaks against.  ``guests`` are networks that are translated wherever they go, as libvirt does it.  Of
    the interfaces packets are ``masqueraded`` by, ``published`` on, ``closed`` to private sources, or ``trusted``, and a
    network may leave ``outward`` to wherever it wants; ``zones`` is what chains' names say of them.  ``ports`` are those of
    bridges, ``named`` every network with its rules' hooks, ``families`` those that rules are about.
    """

    interfaces: dict[str, Told] = field(default_factory=dict)
    behind: dict[str, dict[Network, tuple[int, int, Told]]] = field(default_factory=dict)
    not_behind: set[tuple[str, Network]] = field(default_factory=set)
    guests: dict[Network, Told] = field(default_factory=dict)
    own: list[Own] = field(default_factory=list)
    masqueraded: dict[str, Told] = field(default_factory=dict)
    published: dict[str, Told] = field(default_factory=dict)
    closed: dict[str, Told] = field(default_factory=dict)
    trusted: dict[str, Told] = field(default_factory=dict)
    outward: dict[str, Told] = field(default_factory=dict)
    zones: dict[str, int] = field(default_factory=dict)
    ports: dict[str, Told] = field(default_factory=dict)
    named: dict[Network, tuple[frozenset[str], Told]] = field(default_factory=dict)
    families: dict[int, Told] = field(default_factory=dict)
    concrete: frozenset[str] = frozenset()

    def resolved(self, names: Iterable[str]) -> tuple[str, ...]:
        """The interfaces that the words of a rule stand for."""
        found: dict[str, None] = {}
        for name in names:
            fitting = [one for one in self.concrete if one.startswith(name[:-1])] if name.endswith("+") else []
            one = as_interface(name)
            found.update(dict.fromkeys(sorted(fitting) if fitting else [one] if one is not None else []))
        return tuple(found)


def evidence_of(rules: Collection[Told], known: Collection[str]) -> Evidence:
    """What these rules say; ``known`` are the interfaces that a dump has, beside which none is made up."""
    named: dict[str, Told] = {}
    for told in rules:
        for name in _names(told):
            one = None if name.endswith("+") else as_interface(name)
            if one is not None and (not known or one in known):
                named.setdefault(one, told)
    found = Evidence(concrete=frozenset(known) or frozenset(named), interfaces=named)
    for told in rules:
        for name in found.resolved(_names(told)):
            if not known or name in known:
                found.interfaces.setdefault(name, told)
        _families(told, found)
        _named(told, found)
        _placed(told, found)
        _translated(told, found)
        _owned(told, found)
        _uplinks(told, found)
        for port in values_of(told.rule.text, _PORTS) if "physdev" in told.rule.text else ():
            if (one := as_interface(port)) is not None:
                found.ports.setdefault(one, told)
    return found


def _names(told: Told) -> Iterator[str]:
    yield from (*told.entered, *told.left, *told.not_entered, *told.not_left)


def _families(told: Told, found: Evidence) -> None:
    of_networks = {network.version for network in told.networks}
    of_table = {"ip": {4}, "ip6": {6}}.get(told.rule.family)
    if of_table is None and not of_networks:
        of_table = {6} if told.rule.is_about("icmpv6") and "icmpv6" in told.rule.text else {4}
    for family in of_table or of_networks:
        found.families.setdefault(family, told)


def _named(told: Told, found: Evidence) -> None:
    to = told.rule.new_address if told.rule.translates == "destination" else None
    given = of_address(to) if to else None
    # behind what is translated stands somebody who is forwarded to
    hooks = told.hooks | {"forward"} if told.rule.translates else told.hooks
    for network in (*told.networks, *(() if given is None else (given,))):
        if is_of_hosts(network):
            before, first = found.named.get(network, (frozenset(), told))
            found.named[network] = before | hooks, first


def _placed(told: Told, found: Evidence) -> None:
    """Which networks are behind which interfaces, as far as this rule says it."""
    spoofed = told.denies and told.is_plain
    weight = _PERHAPS if told.denies else _PLAINLY
    for names, networks, not_of in (
        (told.entered, told.sources, told.not_sources), (told.left, told.destinations, told.not_destinations),
    ):  # fmt: skip
        resolved = found.resolved(names)
        if len(resolved) != 1:
            continue
        for network in filter(is_of_hosts, networks):
            if spoofed and not is_one(network):
                found.not_behind.add((resolved[0], network))
            else:
                _behind(found, resolved[0], network, _PERHAPS if spoofed else weight, told)
        for network in filter(is_of_hosts, not_of):
            if told.denies:
                _behind(found, resolved[0], network, _SURELY, told)
    if told.rule.translates == "source" and (resolved := found.resolved(told.left)):
        found.not_behind.update((resolved[0], network) for network in told.sources)


def _behind(found: Evidence, interface: str, network: Network, weight: int, told: Told) -> None:
    of_interface = found.behind.setdefault(interface, {})
    best, count, first = of_interface.get(network, (0, 0, told))
    of_interface[network] = max(best, weight), count + 1, told if weight > best else first


def _translated(told: Told, found: Evidence) -> None:
    """A source that is translated wherever it leaves but here (Docker) or to its own (libvirt)."""
    if told.rule.translates != "source":
        return
    resolved = found.resolved(told.not_left)
    for network in filter(is_of_hosts, told.sources):
        if resolved and not told.left:
            _behind(found, resolved[0], network, _SURELY, told)
        elif network in told.not_destinations and not told.left and not told.not_left:
            found.guests.setdefault(network, told)


def _owned(told: Told, found: Evidence) -> None:
    """Which addresses are the host's own."""
    entered = _only(found.resolved(told.entered))
    if told.rule.translates == "source":
        address = of_address(_new_source(told))
        if address is not None and is_of_hosts(address):
            found.own.append(Own(address, _only(found.resolved(told.left)), _SURELY, told))
    if told.hooks == {"output"} and not told.rule.translates:
        left = _only(found.resolved(told.left))
        found.own += [Own(one, left, _PLAINLY, told) for one in told.sources if is_one(one) and is_of_hosts(one)]
    arrives = told.hooks == {"input"} or (told.rule.translates == "destination" and "prerouting" in told.hooks)
    if arrives:
        weight = _PLAINLY if told.hooks == {"input"} else _PERHAPS
        found.own += [
            Own(one, entered, weight, told) for one in told.destinations if is_one(one) and is_of_hosts(one) and _is_host(one)
        ]


def _is_host(one: Network) -> bool:
    """Whether it is no address that networks have for everybody; of /24 and wider, which most are."""
    return one.version == 6 or int(one.network_address) & 255 not in (0, 255)


def _new_source(told: Told) -> str:
    """The first address that a source becomes, as text."""
    if told.rule.is_native:
        words = told.rule.text.split()
        to = words[words.index("to") + 1] if "to" in words[:-1] else ""
        written = to[1:].partition("]")[0] if to.startswith("[") else to if to.count(":") > 1 else to.partition(":")[0]
    else:
        written = told.rule.new_address or ""
    return written.partition("-")[0]


def _only(names: tuple[str, ...]) -> str | None:
    return names[0] if len(names) == 1 else None


def _uplinks(told: Told, found: Evidence) -> None:
    """What tells the way to the internet from a way inside."""
    entered, left = found.resolved(told.entered), found.resolved(told.left)
    if told.rule.translates == "source" and not told.destinations:
        for name in left:
            found.masqueraded.setdefault(name, told)
    if told.rule.translates == "destination" and told.rule.new_address:
        for name in entered:
            found.published.setdefault(name, told)
    if told.denies and told.is_plain and any(is_private(network) for network in told.sources):
        for name in entered:
            found.closed.setdefault(name, told)
    if told.rule.effect == ACCEPTS and told.is_plain and entered and not told.networks and not left:
        for name in entered:
            found.trusted.setdefault(name, told)
    is_let_out = told.rule.effect == ACCEPTS and told.is_plain and entered and told.sources
    for name in left if is_let_out and not told.destinations else ():
        found.outward.setdefault(name, told)
    for name in (*entered, *left):
        found.zones[name] = found.zones.get(name, 0) + sum(map(zone_of, told.rule.jump_to))
