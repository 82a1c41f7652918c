"""What two rulesets do to the same many flows, asked of the kernel flow by flow, with no model of either: trains of packets."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address

from lab.errors import LabError
from lab.lab import Lab
from lab.probe.question import TCP, UDP
from lab.record.sweep import Gear, SweepGroup
from lab.study.ends import Geography
from lab.sweep.train import Aim, SweepQuestion
from lab.written.topology import Topology

NUMBER = re.compile(r"\d+\.\d+\.\d+\.\d+(?:/\d+)?")
PORTS = re.compile(r"(?:--[sd]ports?|--to-ports|:) ?([\d:,]+)")
_NEVER = (IPv4Network("127.0.0.0/8"), IPv4Network("224.0.0.0/3"), IPv4Network("0.0.0.0/8"), IPv4Network("169.254.0.0/16"))
_LEAST_PORT, _MOST_PORT = 1, 65_535


@dataclass(frozen=True, slots=True)
class Asked:
    """One train: what ``node`` sends by ``proto``."""

    node: str
    proto: int
    aims: tuple[Aim, ...]


Fates = Mapping[tuple[str, int, Aim], tuple[object, ...]]


class Flows:
    """Random flows that a topology can send, near what rulesets name: edges, one beyond, and anything in between."""

    def __init__(self, topology: Topology, node: str, texts: Sequence[str], chance: random.Random) -> None:
        self._topology, self._node, self._chance = topology, node, chance
        self._geography = Geography(topology, [node], 4)
        self._addresses = sorted({one for text in texts for word in NUMBER.findall(text) for one in _near(word)})
        self._ports = sorted({port for text in texts for word in PORTS.findall(text) for port in _ports_near(word)}) or [80]

    def trains(self, count: int) -> list[Asked]:
        """``count`` flows, in one train for each sender and protocol."""
        found: dict[tuple[str, int], set[Aim]] = {}
        tried = 0
        while sum(map(len, found.values())) < count and tried < 20 * count:
            tried += 1
            source, destination = self._address(), self._address()
            sender = self._sender(source)
            if sender is None or source == destination or not self._may_be_asked(destination):
                continue
            if self._topology.owner(destination) == sender:
                continue
            proto = self._chance.choice((TCP, TCP, UDP))
            found.setdefault((sender, proto), set()).add(Aim(source, destination, self._port()))
        return [Asked(node, proto, tuple(sorted(aims))) for (node, proto), aims in sorted(found.items())]

    def _address(self) -> str:
        if self._addresses and self._chance.random() < 0.9:
            return str(IPv4Address(self._chance.choice(self._addresses)))
        return str(IPv4Address(self._chance.randrange(1 << 32)))

    def _port(self) -> int:
        if self._chance.random() < 0.8:
            return self._chance.choice(self._ports)
        return self._chance.randint(_LEAST_PORT, _MOST_PORT)

    def _may_be_asked(self, address: str) -> bool:
        """Whether one host may have the address: it names no network, and nobody's own loopback."""
        wanted = ip_address(address)
        wide = (net for nets in self._topology.networks.values() for net in nets if net.prefixlen < 31)
        ends = (end for net in wide for end in (net[0], net[-1]))
        return not any(wanted in never for never in _NEVER) and wanted not in set(ends)

    def _sender(self, source: str) -> str | None:
        if not self._may_be_asked(source) or not self._topology.can_send(source) or self._topology.owner(source) == self._node:
            return None
        senders = self._geography.senders(source)
        return senders[0][1] if senders else None


def fates(lab: Lab, trains: Sequence[Asked], node: str) -> Fates:
    """What became of every flow: its verdict, how it was refused, where it arrived and as what."""
    found: dict[tuple[str, int, Aim], tuple[object, ...]] = {}
    for train in trains:
        sport = lab.source_port(train.aims[0].source)
        question = SweepQuestion.to_many(train.node, train.proto, sport, train.aims)
        try:
            with lab.batch(), lab.everything_traced():
                sweep = lab.ask_all(question, Gear.VERDICT, node, every_port=True)
        except LabError:
            continue  # an aim that this lab cannot send: nobody is asked then
        for low, high, group in sweep.ranges():
            found.update(((train.node, train.proto, train.aims[key]), _fate(group)) for key in range(low, high + 1))
    return found


def _fate(group: SweepGroup) -> tuple[object, ...]:
    arrived = group.arrived
    return group.verdict.kind, group.verdict.reject, arrived and (arrived.at, arrived.address, arrived.port, arrived.source)


def unlike(old: Fates, new: Fates) -> Iterator[tuple[str, int, Aim]]:
    """The flows that fared otherwise on the new side."""
    yield from (flow for flow, fate in old.items() if flow in new and new[flow] != fate)


def _near(word: str) -> Iterator[int]:
    """The edges of a prefix, one beyond each, and one inside."""
    try:
        net = IPv4Network(word, strict=False)
    except ValueError:
        return
    low, high = int(net.network_address), int(net.broadcast_address)
    near = (low - 1, low, low + 1, (low + high) // 2, high - 1, high, high + 1)
    yield from (number for number in near if 0 < number < 1 << 32)


def _ports_near(word: str) -> Iterator[int]:
    for one in re.split(r"[:,]", word):
        if one and int(one) < _MOST_PORT:
            yield from (port for port in (int(one) - 1, int(one), int(one) + 1) if port >= _LEAST_PORT)
