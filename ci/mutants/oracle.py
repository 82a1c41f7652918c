"""What two rulesets do to the same many flows, asked of the kernel flow by flow, with no model of either: trains of packets."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address

from lab.errors import InputError
from lab.lab import Lab
from lab.probe.question import TCP, UDP
from lab.record.sweep import Gear, SweepGroup
from lab.record.verdict import Kind
from lab.study.ends import Geography
from lab.sweep.train import Aim, SweepQuestion
from lab.written.topology import Topology

NUMBER = re.compile(r"\d+\.\d+\.\d+\.\d+(?:/\d+)?")
PORTS = re.compile(r"(?:--[sd]ports?|--to-ports|:) ?([\d:,]+)")
_ORDINARY = (22, 80, 443)
_NEVER = (IPv4Network("127.0.0.0/8"), IPv4Network("224.0.0.0/3"), IPv4Network("0.0.0.0/8"), IPv4Network("169.254.0.0/16"))
_LEAST_PORT, _MOST_PORT = 1, 65_535
_AT_ONE = 0.7
"""How often an address or a port is one of those that are looked at, where there are such."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One train: what ``node`` sends by ``proto``."""

    node: str
    proto: int
    aims: tuple[Aim, ...]


Asking = tuple[str, int, Aim]
Fates = Mapping[Asking, tuple[object, ...]]


class Flows:
    """Random flows that a topology can send, near what rulesets name: edges, one beyond, and anything in between."""

    def __init__(self, topology: Topology, node: str, texts: Sequence[str], chance: random.Random) -> None:
        self._topology, self._node, self._chance = topology, node, chance
        self._geography = Geography(topology, [node], 4)
        hosts = [address for name in topology.nodes for address in topology.addresses(name, 4)]
        wide = [net for nets in topology.networks.values() for net in nets if net.version == 4 and net.prefixlen < 31]
        self._ends = {end for net in wide for end in (net[0], net[-1])}
        self._addresses = sorted({*_addresses_of(texts), *(int(ip_address(host)) for host in hosts)})
        self._own = [int(ip_address(address)) for address in topology.addresses(node, 4)]
        self._ports = sorted({*_ports_of(texts)}) or list(_ORDINARY)

    def trains(self, count: int, near: Sequence[str] = ()) -> list[Asked]:
        """``count`` flows, fewer where there are not so many, in one train for each sender and protocol.

        Most ends and ports are ``near`` what these lines name.
        """
        addresses, ports = sorted({*_addresses_of(near)}), sorted({*_ports_of(near)})
        found: dict[tuple[str, int], set[Aim]] = {}
        tried = 0
        while sum(map(len, found.values())) < count and tried < 20 * count:
            tried += 1
            source, destination = self._address(addresses), self._address(addresses)
            sender = self._sender(source)
            if sender is None or source == destination or not self._may_be_asked(destination):
                continue
            if self._topology.owner(destination) == sender:
                continue
            proto = self._chance.choice((TCP, TCP, UDP))
            found.setdefault((sender, proto), set()).add(Aim(source, destination, self._port(ports)))
        return [Asked(node, proto, tuple(sorted(aims))) for (node, proto), aims in sorted(found.items())]

    def _address(self, near: Sequence[int]) -> str:
        chance = self._chance.random()
        if near and chance < _AT_ONE:
            return str(IPv4Address(self._chance.choice(near)))
        if chance > 0.95:
            return str(IPv4Address(self._chance.choice(self._own)))
        if self._chance.random() < 0.9:
            return str(IPv4Address(self._chance.choice(self._addresses)))
        return str(IPv4Address(self._chance.randrange(1 << 32)))

    def _port(self, near: Sequence[int]) -> int:
        if near and self._chance.random() < _AT_ONE:
            return self._chance.choice(near)
        if self._chance.random() < 0.8:
            return self._chance.choice(self._ports)
        return self._chance.randint(_LEAST_PORT, _MOST_PORT)

    def _may_be_asked(self, address: str) -> bool:
        """Whether one host may have the address: it names no network, and nobody's own loopback."""
        wanted = ip_address(address)
        return not any(wanted in never for never in _NEVER) and wanted not in self._ends

    def _sender(self, source: str) -> str | None:
        if not self._may_be_asked(source) or not self._topology.can_send(source) or self._topology.owner(source) == self._node:
            return None
        senders = self._geography.senders(source)
        return self._chance.choice(senders)[1] if senders else None


def fates(lab: Lab, trains: Sequence[Asked], node: str) -> Fates:
    """What became of every flow: its verdict, how it was refused, where it arrived and as what; nothing of what was lost."""
    found: dict[Asking, tuple[object, ...]] = {}
    for train in trains:
        sport = lab.source_port(train.aims[0].source)
        question = SweepQuestion.to_many(train.node, train.proto, sport, train.aims)
        try:
            with lab.batch(), lab.everything_traced():
                sweep = lab.ask_all(question, Gear.VERDICT, node, every_port=True)
        except InputError:
            continue  # an aim that this lab cannot send: nobody is asked then
        for low, high, group in sweep.ranges():
            if group.verdict.kind is not Kind.LOST and group.unsettled is None:
                found.update(((train.node, train.proto, train.aims[key]), _fate(group)) for key in range(low, high + 1))
    return found


def _fate(group: SweepGroup) -> tuple[object, ...]:
    arrived = group.arrived
    return group.verdict.kind, group.verdict.reject, arrived and (arrived.at, arrived.address, arrived.port, arrived.source)


def unlike(old: Fates, new: Fates) -> Iterator[Asking]:
    """The flows that fared otherwise on the new side."""
    yield from (flow for flow, fate in old.items() if flow in new and new[flow] != fate)


def _addresses_of(texts: Iterable[str]) -> Iterator[int]:
    """The edges of each prefix that texts name, one beyond each, and one inside."""
    for text in texts:
        for word in NUMBER.findall(text):
            try:
                net = IPv4Network(word, strict=False)
            except ValueError:
                continue
            low, high = int(net.network_address), int(net.broadcast_address)
            near = (low - 1, low, low + 1, (low + high) // 2, high - 1, high, high + 1)
            yield from (number for number in near if 0 < number < 1 << 32)


def _ports_of(texts: Iterable[str]) -> Iterator[int]:
    for text in texts:
        for word in PORTS.findall(text):
            for one in re.split(r"[:,]", word):
                if one and int(one) < _MOST_PORT:
                    yield from (port for port in (int(one) - 1, int(one), int(one) + 1) if port >= _LEAST_PORT)
