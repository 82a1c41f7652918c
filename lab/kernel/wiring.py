"""Networks out of links: a veth pair between two nodes, a bridge in a hidden node between more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from pyroute2 import IPRoute

from lab.kernel.baseline import baseline, write_sysctls
from lab.kernel.namespace import Home
from lab.kernel.node import Node, Port

_FIRST_INDEX = 1001
_UNKNOWN = 0
BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link that is to be: the node, the interface's name and addresses with prefix length."""

    node: Node
    interface: str
    addresses: tuple[str, ...]


class Wiring:
    """Makes links and numbers them.

    A link's first end gets an interface index that no second end has, as equal indices at both ends make the kernel tell
    of a carrier up to a second late (linkwatch takes such a link for one without a peer).
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._numbers: Iterator[int] = count(_FIRST_INDEX)
        self.bridges: list[Node] = []

    def connect(self, network: str, ends: Sequence[End]) -> None:
        """Make the network: two nodes get a veth pair, more a bridge, and so does one alone: not every kernel has dummies."""
        if len(ends) == 2:
            self._pair(network, *ends)
        else:
            self._bridge(network, ends)

    def _port(self, network: str, end: End, index: int, mac: bytes) -> None:
        addresses = tuple(address.partition("/")[0] for address in end.addresses)
        end.node.ports[end.interface] = Port(end.interface, network, index, mac, addresses)

    def _pair(self, network: str, one: End, two: End) -> None:
        index, one_mac, two_mac = self._veth(one.node, one.interface, two.node, two.interface)
        self._port(network, one, index, one_mac)
        self._port(network, two, _UNKNOWN, two_mac)

    @staticmethod
    def number(node: Node, netlink: IPRoute) -> None:
        """Find out the interface indices that the kernel chose for the node's second ends."""
        unknown = [port for port in node.ports.values() if port.index == _UNKNOWN]
        if unknown:
            indices = {link.get_attr("IFLA_IFNAME"): link["index"] for link in netlink.get_links()}
            for port in unknown:
                node.ports[port.name] = replace(port, index=indices[port.name])

    def _veth(self, one: Node, one_name: str, two: Node, two_name: str) -> tuple[int, bytes, bytes]:
        index = next(self._numbers)
        one_mac, two_mac = _mac(index, 0), _mac(index, 1)
        peer = {"ifname": two_name, "net_ns_fd": two.namespace.descriptor, "address": _text(two_mac)}
        with one.netlink() as route:
            route.link("add", ifname=one_name, kind="veth", index=index, address=_text(one_mac), peer=peer)
        return index, one_mac, two_mac

    def _bridge(self, network: str, ends: Sequence[End]) -> None:
        hidden = Node(f"bridge of {network}", self._home)
        self.bridges.append(hidden)
        write_sysctls(hidden.name, hidden.namespace, baseline(forwards=False, ipv6=False, anyip=False))
        # with br_netfilter a machine's own rules about bridges would eat the lab's frames
        for family in ("ip", "ip6", "arp"):
            _write_if_there(hidden, f"net.bridge.bridge-nf-call-{family}tables", "0")
        for number, end in enumerate(ends):
            index, mac, _ = self._veth(end.node, end.interface, hidden, f"port{number}")
            self._port(network, end, index, mac)
        with hidden.netlink() as route:
            # forward_delay is in hundredths of a second, stp off: a port forwards as soon as it is up
            route.link("add", ifname=BRIDGE, kind="bridge", br_stp_state=0, br_forward_delay=0, br_mcast_snooping=0)
            master = _index(route, BRIDGE)
            route.link("set", index=master, state="up")
            for number in range(len(ends)):
                route.link("set", index=_index(route, f"port{number}"), master=master, state="up")


def _write_if_there(node: Node, key: str, value: str) -> None:
    with node.namespace:
        try:
            with open("/proc/sys/" + key.replace(".", "/"), "w") as file:
                file.write(value)
        except FileNotFoundError:
            pass


def _index(route: IPRoute, name: str) -> int:
    return int(route.link_lookup(ifname=name)[0])


def _mac(index: int, end: int) -> bytes:
    return bytes((0x02, 0x4C, end)) + index.to_bytes(3, "big")


def _text(mac: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in mac)
