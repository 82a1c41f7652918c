"""Which questions there are between the zones of a topology: a zone is a network."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lab.record.exposure import Pair
from lab.written.topology import Topology

BEYOND = "beyond"  # the zone of addresses that lie in no network, which an anyip node stands for


def pairs(topology: Topology, under_test: Collection[str], families: Collection[int]) -> Iterator[Pair]:
    """From every node but those under test, in each network, to all addresses of other networks and of nodes under test."""
    for family in families:
        targets = list(_targets(topology, family))
        for zone, sender, source in _senders(topology, under_test, family):
            for into, label, address in targets:
                owner = topology.owner(address)
                if owner == sender or (into == zone and owner not in under_test):
                    continue  # what stays inside a network passes no firewall
                yield Pair(zone, sender, source, into, label, address, family)


def _senders(topology: Topology, under_test: Collection[str], family: int) -> Iterator[tuple[str, str, str]]:
    for name, node in topology.nodes.items():
        if name not in under_test:
            for port in node.interfaces.values():
                own = port.of_family(family)
                if own:
                    yield port.network, name, str(own[0].ip)


def _targets(topology: Topology, family: int) -> Iterator[tuple[str, str, str]]:
    """(zone, what it is called, address) of every address that a node has or a name stands for, each once."""
    seen: set[str] = set()
    for name, addresses in topology.names.items():
        for address in addresses:
            if address.version == family and str(address) not in seen:
                seen.add(str(address))
                yield topology.network_of(str(address)) or BEYOND, name, str(address)
    for name, node in topology.nodes.items():
        for interface, port in node.interfaces.items():
            for own in port.of_family(family):
                if str(own.ip) not in seen:
                    seen.add(str(own.ip))
                    label = name if len(node.addresses(family)) == 1 else f"{name}@{interface}"
                    yield port.network, label, str(own.ip)
