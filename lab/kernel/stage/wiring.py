"""Networks out of links: a veth pair between two nodes, a bridge in a hidden node between more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from lab.errors import MachineError
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.rtnetlink import Link, ask_nobody, carry_out, new_bridge, new_veth, set_up
from lab.kernel.stage.baseline import baseline, write_sysctls
from lab.kernel.stage.node import Node, Port
from lab.written.words import LEAST_MTU_OF_IPV6

_FIRST_INDEX = 1001
_IPV6 = Path("/proc/sys/net/ipv6")
BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """One end of a link that is to be: the node, the interface's name and addresses with prefix length.

    ``mac`` and ``mtu`` (bytes) are None where the lab and the kernel choose.
    """

    node: Node
    interface: str
    addresses: tuple[str, ...]
    mac: str | None = None
    mtu: int | None = None
    link_local: str | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """The bridge in a hidden ``node``, with a port for each end of its links."""

    node: Node
    ports: tuple[Link, ...]


class Wiring:
    """Makes links and numbers them.

    No two ends of links have the same interface index: equal ones at both ends of a link make the kernel tell of a carrier
    up to a second late (linkwatch takes such a link for one without a peer).
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._numbers: Iterator[int] = count(_FIRST_INDEX)
        self.bridges: list[Node] = []

    def connect(self, network: str, ends: Sequence[LinkEnd], *, point_to_point: bool = False) -> Switch | None:
        """Make the network: two nodes get a veth pair, more a bridge, and so does one alone: not every kernel has dummies.

        Gives the bridge, if there is one.  ``point_to_point``: neither end asks for a neighbour.  Raises MachineError when the
        kernel cannot.
        """
        if len(ends) != 2:
            switch = self._bridge(network, ends)
        else:
            switch = None
            self._pair(network, *ends, point_to_point=point_to_point)
        for end in ends if point_to_point else ():
            port = end.node.ports[end.interface]
            speaks = _IPV6.exists() and (end.mtu is None or end.mtu >= LEAST_MTU_OF_IPV6)
            carry_out(end.node.name, end.node.namespace, [ask_nobody(port.name, port.index, ipv6=speaks)], MachineError)
        return switch

    def _link(self, name: str, mac: str | None = None, mtu: int | None = None) -> Link:
        index = next(self._numbers)
        return Link(name, index, _mac(index) if mac is None else bytes.fromhex(mac.replace(":", "")), mtu)

    def _port(self, network: str, end: LinkEnd, mac: str | None = None) -> Link:
        addresses = tuple(address.partition("/")[0] for address in end.addresses)
        link = self._link(end.interface, mac or end.mac, end.mtu)
        end.node.ports[end.interface] = Port(link.name, network, link.index, link.mac, addresses, end.link_local or "")
        return link

    def make_bridge(self, network: str, end: LinkEnd) -> None:
        """Make an interface of a node that is a bridge; its ports are links of their own, which `bridging` puts into it."""
        link = self._port(network, end)
        carry_out(end.node.name, end.node.namespace, [new_bridge(link.name, link.index, link.mac)], MachineError)

    def _pair(self, network: str, one: LinkEnd, two: LinkEnd, *, point_to_point: bool) -> None:
        first = self._port(network, one)
        # who asks for no neighbour sends to the address of its own device (arp_constructor, ndisc_constructor)
        second = self._port(network, two, first.mac.hex() if point_to_point else None)
        veth = new_veth(first, second, two.node.namespace)
        carry_out(one.node.name, one.node.namespace, [veth], MachineError)

    def _bridge(self, network: str, ends: Sequence[LinkEnd]) -> Switch:
        hidden = Node(f"bridge of {network}", self._home)
        self.bridges.append(hidden)
        values = baseline(forwards=False, ipv6=False, anyip=False)
        # with br_netfilter a machine's own rules about bridges would eat the lab's frames
        values |= {f"net.bridge.bridge-nf-call-{family}tables": "0" for family in ("ip", "ip6", "arp")}
        write_sysctls(hidden.name, hidden.namespace, values)
        master = next(self._numbers)
        requests = [new_bridge(BRIDGE, master), set_up(BRIDGE, master)]
        ports = []
        for number, end in enumerate(ends):
            port = self._link(f"port{number}", mtu=end.mtu)
            ports.append(port)
            requests += new_veth(port, self._port(network, end), end.node.namespace, master), set_up(port.name, port.index)
        carry_out(hidden.name, hidden.namespace, requests, MachineError)
        return Switch(hidden, tuple(ports))


def _mac(index: int) -> bytes:
    return bytes((0x02, 0x4C, 0)) + index.to_bytes(3, "big")
