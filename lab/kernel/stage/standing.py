"""IPv6 addresses of a network that nobody has, given to who stands for them before they are asked for.

For IPv4 a local route is enough: the kernel answers ARP for each address that is its own by any route.  A neighbour
solicitation it answers for an interface's own addresses alone (ndisc_recv_ns), so these must be there.  A node keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address

from lab.errors import MeasurementError
from lab.kernel.ground.rtnetlink import carry_out, new_address
from lab.kernel.stage.node import Node
from lab.kernel.stage.readiness import wait_until_up
from lab.written.topology import Topology
from lab.written.words import is_address


class Standing:
    """Which addresses the nodes of ``topology`` were given so far."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        networks = [
            (name, ifname, port.network)
            for name, spec in topology.nodes.items() if spec.anyip
            for ifname, port in spec.interfaces.items() if topology.stands_in(name, port.network, 6)
        ]  # fmt: skip
        self._at = {network: (name, ifname) for name, ifname, network in reversed(networks)}
        self._seen: set[str] = set()

    def take_on(self, nodes: dict[str, Node], addresses: Iterable[str]) -> None:
        """Give those of ``addresses`` that somebody stands for to that node; returns when it answers for them.

        What is no address is passed over.
        """
        if not self._at:  # so that nothing is read of what asks for nobody
            return
        wanted: dict[tuple[str, str], list[str]] = {}
        for place, address in self._new(addresses):
            wanted.setdefault(place, []).append(address)
        for (name, ifname), texts in wanted.items():
            node, port = nodes[name], nodes[name].ports[ifname]
            requests = [new_address(ifname, port.index, f"{text}/128", spare=True) for text in texts]
            carry_out(name, node.namespace, requests, MeasurementError)
            node.ports[ifname] = replace(port, addresses=(*port.addresses, *texts))
        wait_until_up([nodes[name] for name in dict.fromkeys(name for name, _ in wanted)])

    def _new(self, addresses: Iterable[str]) -> Iterator[tuple[tuple[str, str], str]]:
        for text in addresses:
            if ":" not in text or text in self._seen or not is_address(text):
                continue
            self._seen.add(text)
            address = ip_address(text)
            place = self._at.get(self._topology.network_of(text) or "")
            if place is not None and self._topology.stands_for(place[0], address):
                yield place, str(address)
