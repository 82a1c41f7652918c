"""Networks out of links: a veth pair between two nodes, a bridge in a hidden node between more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from lab.errors import MachineError
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.rtnetlink import Link, carry_out, new_bridge, new_veth, set_up
from lab.kernel.stage.baseline import baseline, write_sysctls
from lab.kernel.stage.node import Node, Port

_FIRST_INDEX = 1001
BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """One end of a link that is to be: the node, the interface's name and addresses with prefix length."""

    node: Node
    interface: str
    addresses: tuple[str, ...]


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

    def connect(self, network: str, ends: Sequence[LinkEnd]) -> Switch | None:
        """Make the network: two nodes get a veth pair, more a bridge, and so does one alone: not every kernel has dummies.

        Gives the bridge, if there is one.  Raises MachineError when the kernel cannot.
        """
        if len(ends) != 2:
            return self._bridge(network, ends)
        self._pair(network, *ends)
        return None

    def _link(self, name: str) -> Link:
        index = next(self._numbers)
        return Link(name, index, _mac(index))

    def _port(self, network: str, end: LinkEnd) -> Link:
        addresses = tuple(address.partition("/")[0] for address in end.addresses)
        link = self._link(end.interface)
        end.node.ports[end.interface] = Port(link.name, network, link.index, link.mac, addresses)
        return link

    def make_bridge(self, network: str, end: LinkEnd) -> None:
        """Make an interface of a node that is a bridge; its ports are links of their own, which `bridging` puts into it."""
        link = self._port(network, end)
        carry_out(end.node.name, end.node.namespace, [new_bridge(link.name, link.index, link.mac)], MachineError)

    def _pair(self, network: str, one: LinkEnd, two: LinkEnd) -> None:
        veth = new_veth(self._port(network, one), self._port(network, two), two.node.namespace)
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
            port = self._link(f"port{number}")
            ports.append(port)
            requests += new_veth(port, self._port(network, end), end.node.namespace, master), set_up(port.name, port.index)
        carry_out(hidden.name, hidden.namespace, requests, MachineError)
        return Switch(hidden, tuple(ports))


def _mac(index: int) -> bytes:
    return bytes((0x02, 0x4C, 0)) + index.to_bytes(3, "big")
