"""What rules alone say of their host: its interfaces, addresses, networks and uplink, each with the line that says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from itertools import count

from lab.errors import InputError, Problem
from lab.record.host import Host, Link
from lab.twin.evidence import Evidence, evidence_of
from lab.twin.inferring import Telling
from lab.twin.kinds import is_point_to_point, kind_of
from lab.twin.networks import Networks
from lab.twin.own_addresses import Addressed, Addressing
from lab.twin.placing import Placing, is_wide
from lab.twin.told import is_one, rules_told
from lab.twin.twin import Guess
from lab.twin.uplink import Uplink, uplinks_of

_MOST = 250
"""Interfaces that are made of rules alone: no host has more, or its `ip addr` is at hand."""


def inferred(
    host: Host, others: Sequence[Host] = (), before: Host | None = None
) -> tuple[Host, tuple[Guess, ...]]:
    r"""The host with what its dumps do not say of it, concluded from its rules, and each conclusion with its line.

    What the host has stays as it is; where it has links and routes, nothing is missing.  What is invented is nothing that
    one of ``others`` has.  ``before`` is the same host at another time, whose rules tell of it too.

    Raises InputError for rules that name more interfaces than a host is made of.

    >>> from lab.record.host import Dumped
    >>> dump = Dumped("*filter\n-A INPUT -s 10.0.9.0/24 -i lan1 -j ACCEPT\n-A INPUT -i wan1 -j DROP\nCOMMIT\n", "fw.rules")
    >>> found, guesses = inferred(Host("fw", rulesets={"v4": dump}))
    >>> [(link.name, str(link.addresses[0])) for link in found.links]
    [('lan1', '10.0.9.1/24'), ('wan1', '198.51.100.2/24')]
    >>> print(guesses[0])
    10.0.9.0/24 is behind lan1, as of `-A INPUT -s 10.0.9.0/24 -i lan1 -j ACCEPT`  [fw.rules:2]
    """
    if host.links and host.routes:
        return host, ()
    links = {link.name: link for link in host.links if link.name != "lo"}
    rules = (*rules_told(host), *(rules_told(before) if before is not None else ()))
    evidence = evidence_of(rules, frozenset(links))
    interfaces = _interfaces(links, evidence)
    uplinks = _uplinks(evidence, interfaces)
    known = Networks(address.network for link in links.values() for address in link.addresses)
    placing = Placing(evidence, interfaces, [one.name for one in uplinks], known)
    placing.run()
    families = _families(links, evidence)
    addressing = _addressing(links, placing, families, others)
    whole = _Whole(host, links, placing, addressing, uplinks, families)
    telling = Telling(placing, addressing, uplinks, has_routes=bool(host.routes))
    found = replace(host, links=whole.links(), routes=whole.routes())
    return found, tuple(replace(guess, host=host.name) for guess in telling.guesses())


def _interfaces(links: dict[str, Link], evidence: Evidence) -> list[str]:
    if links:
        return [name for name, link in links.items() if link.master is None]
    found = [name for name in evidence.interfaces if name not in evidence.ports]
    if len(found) > _MOST:
        what = f"rules name {len(found):,} interfaces, more than can be made up: {', '.join(found[:3])}, …"
        where = evidence.interfaces[found[_MOST]].where
        raise InputError(Problem(what, where, "give `ip addr` of the host beside them"))
    return found


def _uplinks(evidence: Evidence, interfaces: list[str]) -> tuple[Uplink, ...]:
    found = uplinks_of(evidence, interfaces)
    if found:
        return found
    name = next(name for number in count() if (name := f"eth{number}") not in interfaces)
    why = "no rule names an interface that leads out" if interfaces else "no rule names one: all is behind it"
    interfaces.insert(0, name)
    return (Uplink(name, None, why, is_made=True),)


def _families(links: dict[str, Link], evidence: Evidence) -> tuple[int, ...]:
    had = {address.version for link in links.values() for address in link.addresses}
    return tuple(sorted(had or evidence.families or {4}))


def _addressing(
    links: dict[str, Link], placing: Placing, families: Sequence[int], others: Sequence[Host]
) -> Addressing:
    theirs = [address for host in others for link in host.links for address in link.addresses]
    named = placing.evidence.named
    used = (*(one.network for one in placing.placed), *placing.known, *(address.network for address in theirs))
    taken = Networks((*(network for network in named if not is_wide(network)), *used))
    hosts = {network.network_address for network in named if is_one(network)}
    hosts.update(own.address.network_address for own in placing.evidence.own)
    hosts.update(address.ip for link in links.values() for address in link.addresses)
    hosts.update(address.ip for address in theirs)
    found = Addressing(placing.evidence, placing.uplinks, placing.placed, taken, hosts)
    had = [Addressed(link.name, address, is_known=True) for link in links.values() for address in link.addresses]
    found.run([name for name in placing.interfaces if not any(one.interface == name for one in had)], families)
    found.addressed += had
    return found


@dataclass(frozen=True, slots=True)
class _Whole:
    """The parts of the whole host."""

    host: Host
    had: dict[str, Link]
    placing: Placing
    addressing: Addressing
    uplinks: Sequence[Uplink]
    families: Sequence[int]

    def links(self) -> tuple[Link, ...]:
        """Those that it had, with addresses where they had none, else those that rules name."""
        if self.had:
            return tuple(
                self._with_addresses(link) if not link.addresses and link.name != "lo" and link.master is None else link
                for link in self.host.links
            )
        ports = self.placing.evidence.ports
        bridge = next((name for name in self.placing.interfaces if kind_of(name) == "bridge"), None)
        made = [self._with_addresses(Link(name, kind=kind_of(name))) for name in self.placing.interfaces]
        return (*made, *(Link(name, kind=kind_of(name), master=bridge) for name in ports if bridge is not None))

    def _with_addresses(self, link: Link) -> Link:
        ends_alone = is_point_to_point(link.name)
        found = [one for one in self.addressing.addressed if one.interface == link.name]
        # a provider's line has an address of one and a peer, and no network
        is_line = ends_alone and link.name in self.placing.uplinks
        addresses = tuple(ip_interface(one.address.ip) if is_line else one.address for one in found)
        peers = tuple(str(one.gateway) for one in found if is_line)
        return replace(link, addresses=addresses, peer=peers, point_to_point=ends_alone)

    def routes(self) -> tuple[tuple[int, str], ...]:
        """Those that it had, else the default route and what is behind interfaces beyond their own networks."""
        return self.host.routes or tuple(self._routes())

    def _routes(self) -> Iterator[tuple[int, str]]:
        on_link = {one.address.network for one in self.addressing.addressed}
        for family in self.families:
            if (way := self._way(self.placing.uplinks[0], family)) is not None:
                yield family, f"default{way}"
        for place in self.placing.placed:
            network = place.network
            if network not in on_link and (way := self._way(place.interface, network.version)) is not None:
                yield network.version, f"{network}{way}"

    def _way(self, name: str, family: int) -> str | None:
        """How a packet leaves by an interface; None where it has no address of the family."""
        found = [one for one in self.addressing.addressed if one.interface == name and one.address.version == family]
        if not found:
            return None
        if is_point_to_point(name):
            return f" dev {name} scope link" if family == 4 else f" dev {name}"
        gateway = self.addressing.gateway_by(name, family)
        return None if gateway is None else f" via {gateway} dev {name}"
