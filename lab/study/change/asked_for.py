"""Which flows a row asks for, as far as its words go: all that they stand for, and not the one that a cell sends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.record.difference import Flow
from lab.ruleset.addresses import less, range_of, together
from lab.study.change.boxes import Box, Ranges, everything, spans_of, without
from lab.written.cell import FAMILIES, Cell
from lab.written.fields import Place
from lab.written.matrix import LeftOut, Row
from lab.written.service import read_services
from lab.written.topology import Topology
from lab.written.words import Network


@dataclass(frozen=True, slots=True)
class AskedFor:
    """The flows of one row in one family; ``cell`` is one of its cells, whose expectation is that of all."""

    row: Row
    cell: Cell
    boxes: tuple[Box, ...]

    @property
    def opens(self) -> bool:
        """Whether the row asks for flows to pass."""
        return self.cell.expect.action == "allow"

    def speaks_of(self, flow: Flow) -> bool:
        """Whether flows that are sent in this way are the row's: from a port of its own, or with flags, only if it says so."""
        row = self.row
        if row.mark is not None or row.uid is not None:
            return False
        return row.flags == tuple(flow.flags) and row.sport in (None, flow.sport)


def asked_for(rows: Sequence[Row], cells: Iterable[Cell], topology: Topology) -> tuple[AskedFor, ...]:
    """What the rows ask for, row by row, IPv4 first; ``cells`` are those of the rows."""
    first: dict[tuple[str, int], Cell] = {}
    for cell in cells:
        first.setdefault((cell.row, cell.family), cell)
    return tuple(
        AskedFor(row, first[row.name, family], tuple(_boxes(row, topology, family)))
        for row in rows
        for family in FAMILIES
        if (row.name, family) in first
    )


def _boxes(row: Row, topology: Topology, family: int) -> list[Box]:
    sources = row.source if row.source is None else [row.source]
    box = Box(
        _addresses(sources or row.sender, topology, family), _addresses(row.target, topology, family),
        _services(row.service, topology),
    )  # fmt: skip
    boxes = [box] if all(box) else []
    for entry in row.leave_out:
        boxes = without(boxes, _left_out(entry, topology, family))
    return boxes


def _left_out(entry: LeftOut, topology: Topology, family: int) -> Box:
    sources, destinations, services = everything(family)
    return Box(
        sources if entry.sender is None else _addresses(entry.sender, topology, family),
        destinations if entry.target is None else _addresses(entry.target, topology, family),
        services if entry.service is None else _services(entry.service, topology),
    )


def _services(texts: Iterable[str], topology: Topology) -> Ranges:
    services = (service for text in texts for service in read_services(text, topology.services))
    return together(span for service in services for span in spans_of(service))


def _addresses(words: Iterable[str | Place], topology: Topology, family: int) -> Ranges:
    return together(span for word in words for span in _spans(word, topology, family))


def _spans(word: str | Place, topology: Topology, family: int) -> Iterator[tuple[int, int]]:
    """The addresses that a word stands for: all of a network, a prefix or a range, and all that an anyip node answers for."""
    if isinstance(word, Place):
        yield from _written(word.address, family)
    elif word.startswith("role:"):
        for node in topology.roles()[word.removeprefix("role:")]:
            yield from _node(node, topology, family)
    elif word.startswith("net:"):
        network = word.removeprefix("net:")
        yield from _written_all(map(str, topology.networks[network]), family)
        for _, _, interface in topology.on_network(network):
            yield from _written_all((str(one.ip) for one in interface.of_family(family)), family)
    elif word in topology.names:
        yield from _written_all(map(str, topology.names[word]), family)
    elif word in topology.nodes:
        yield from _node(word, topology, family)
    elif "@" in word:
        yield from _interface(word, topology, family)
    else:
        yield from _written(word, family)


def _written(word: str, family: int) -> Iterator[tuple[int, int]]:
    if (found := range_of(word, family)) is not None:
        yield found


def _written_all(words: Iterable[str], family: int) -> Iterator[tuple[int, int]]:
    for word in words:
        yield from _written(word, family)


def _interface(word: str, topology: Topology, family: int) -> Iterator[tuple[int, int]]:
    node, _, interface = word.partition("@")
    if interface == "lo":
        yield from _written("127.0.0.1" if family == 4 else "::1", family)
    else:
        there = topology.nodes[node].interfaces[interface]
        yield from _written_all((str(one.ip) for one in there.of_family(family)), family)


def _node(node: str, topology: Topology, family: int) -> Iterator[tuple[int, int]]:
    """The addresses of a node, and all others that it answers for before any other node."""
    spec = topology.nodes[node]
    own = list(_written_all(topology.addresses(node, family), family))
    yield from own
    if spec.anyip is True:
        beyond = everything(family).sources if own else ()
        prefixes: tuple[Network, ...] = ()
    else:
        prefixes = tuple(net for net in spec.anyip or () if net.version == family)
        near = [net for net in prefixes if _is_inside(net, node, topology)]
        yield from less(together(_written_all(map(str, near), family)), _of_others(node, prefixes, topology, family))
        beyond = together(_written_all((str(net) for net in prefixes if net not in near), family))
    networks = (str(prefix) for network in topology.networks.values() for prefix in network)
    beyond = less(beyond, together(_written_all(networks, family)))
    yield from less(beyond, _of_others(node, prefixes, topology, family))


def _is_inside(net: Network, node: str, topology: Topology) -> bool:
    """Whether it is a part of a network that the node is on."""
    on = (prefix for interface in topology.nodes[node].interfaces.values() for prefix in topology.networks[interface.network])
    return any(prefix.version == net.version and net.subnet_of(prefix) for prefix in on)  # type: ignore[arg-type]


def _of_others(node: str, own: Sequence[Network], topology: Topology, family: int) -> Ranges:
    """What other nodes have, or answer for with a longer prefix than those that are ``own``."""
    shortest = min((net.prefixlen for net in own), default=-1)
    others = {name: spec for name, spec in topology.nodes.items() if name != node}
    found = [span for other in others for span in _written_all(topology.addresses(other, family), family)]
    for spec in others.values():
        listed = () if isinstance(spec.anyip, bool) else spec.anyip
        longer = (str(net) for net in listed if net.version == family and net.prefixlen > shortest)
        found += _written_all(longer, family)
    return together(found)
