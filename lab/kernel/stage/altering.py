"""A network that is changed while it is up: a link is set down and up again, a route is exchanged.

What a link takes with it when it is set down (``ip link set … down``) is kept, and put back when it is set up: its routes as
``ip route save`` has them, its IPv6 addresses, and the permanent entries of its IPv4 neighbours.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import InputError, MeasurementError, Problem
from lab.kernel.ground.nfnetlink import NLM_F_CREATE, attribute, attributes
from lab.kernel.ground.routes import no_route, replaced
from lab.kernel.ground.rtnetlink import (
    NLM_F_REPLACE,
    Request,
    carry_out,
    dump,
    open_route_socket,
    set_down,
    set_up,
)
from lab.kernel.stage.addressing import routes
from lab.kernel.stage.node import Node
from lab.kernel.stage.readiness import wait_until_cut, wait_until_up
from lab.written.routing import Route

if TYPE_CHECKING:
    from lab.kernel.stage.network import Network

_GETLINK, _NEWADDR, _GETADDR, _NEWROUTE, _GETROUTE = 18, 20, 22, 24, 26
_HEADER, _LINK_ATTRIBUTES, _ADDRESS_ATTRIBUTES, _ROUTE_ATTRIBUTES = 16, 32, 24, 28  # struct nlmsghdr and what is behind it
_INDEX_AT, _PROTOCOL_AT, _SCOPE_AT, _IFA_INDEX_AT = 20, 21, 22, 20
_IFNAME, _IFLA_LINK = 3, 5
_RTA_CACHEINFO, _IFA_ADDRESS, _RT_PRIORITY = 12, 1, 9
_BY_KERNEL = 2  # RTPROT_KERNEL: it makes these again by itself
_LINK_SCOPE = 253
_FAMILIES = (sockets.AF_INET, sockets.AF_INET6)
_EVERY_LINK = struct.pack("=BxHiII", sockets.AF_UNSPEC, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A link that is down: who has no carrier for that, and what went with it."""

    peer: tuple[Node, str]
    addresses: tuple[Request, ...]
    routes: tuple[Request, ...]


class Altering:
    """What of ``network`` is otherwise than its topology has it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._cut: dict[tuple[str, str], _Cut] = {}

    def set_down(self, name: str, interface: str) -> None:
        """Set a link down, as ``ip link set`` does; returns when its other end knows.

        Raises InputError where it is down already, MeasurementError where the other end never tells.
        """
        if (name, interface) in self._cut:
            raise InputError(Problem(f"{interface} of {name} is down already"))
        node = self._network.nodes[name]
        port = node.ports[interface]
        peer = self._other_end(node, port.index)
        before, addresses = _routes(node), tuple(_addresses(node, port.index))
        carry_out(name, node.namespace, [set_down(interface, port.index)])
        after = set(_routes(node))
        self._cut[name, interface] = _Cut(peer, addresses, tuple(route for route in before if route not in after))
        wait_until_cut(*peer)

    def set_up(self, name: str, interface: str) -> None:
        """Set a link up again, with what went with it; returns when both ends can send, and are asked for.

        Raises InputError where it is not down, MeasurementError where it does not come up.
        """
        cut = self._cut.pop((name, interface), None)
        if cut is None:
            raise InputError(Problem(f"{interface} of {name} is up"))
        node = self._network.nodes[name]
        port = node.ports[interface]
        carry_out(name, node.namespace, [set_up(interface, port.index), *cut.addresses])
        self._network.know_neighbours(port.network)
        without = {(peer.name, link) for peer, link in (one.peer for one in self._cut.values())}
        wait_until_up([node, cut.peer[0]], without)
        carry_out(name, node.namespace, cut.routes)

    def route(self, name: str, how: str, route: Route) -> None:
        """``add``, ``replace`` or ``delete`` a route of a node; raises InputError with what the kernel says against it."""
        node = self._network.nodes[name]
        (request,) = routes(node, (), (route,))
        if how == "replace":
            request = replaced(request)
        elif how == "delete":
            request = no_route(request, kind=route.kind != "unicast")
        carry_out(name, node.namespace, [request])

    def _other_end(self, node: Node, index: int) -> tuple[Node, str]:
        """The node, or the hidden one with a bridge, and its link that ``node``'s is connected to."""
        with open_route_socket(node.namespace) as channel:
            links = dump(channel, _GETLINK, _EVERY_LINK)
        told = next(attributes(data, _LINK_ATTRIBUTES) for data in links if _number(data, _INDEX_AT) == index)
        wanted = struct.unpack("=i", told[_IFLA_LINK])[0]
        for other in self._network.nodes.values():
            found = next((port.name for port in other.ports.values() if port.index == wanted), None)
            if found is not None:
                return other, found
        for hidden in self._network.bridges:
            with open_route_socket(hidden.namespace) as channel:
                for data in dump(channel, _GETLINK, _EVERY_LINK):
                    if _number(data, _INDEX_AT) == wanted:
                        return hidden, attributes(data, _LINK_ATTRIBUTES)[_IFNAME][:-1].decode()
        raise MeasurementError(Problem(f"{node.name}: nobody is at the other end of link {index}"))


def _routes(node: Node) -> Sequence[Request]:
    """The routes that somebody wrote, those of a link first, as gateways need them."""
    found: list[tuple[bool, Request]] = []
    with open_route_socket(node.namespace) as channel:
        for family in _FAMILIES:
            for data in dump(channel, _GETROUTE, struct.pack("=B11x", family)):
                if data[_PROTOCOL_AT] != _BY_KERNEL:
                    request = Request("a route that was there before", _NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, _as_saved(data))
                    found.append((data[_SCOPE_AT] != _LINK_SCOPE, request))
    return [request for _, request in sorted(found, key=lambda one: one[0])]


def _as_saved(data: bytes) -> bytes:
    """A route without what the kernel counts of its use."""
    kept, at = data[_HEADER:_ROUTE_ATTRIBUTES], _ROUTE_ATTRIBUTES
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        end = at + ((length + 3) & ~3)
        kept += b"" if kind == _RTA_CACHEINFO else data[at:end]
        at = end
    return kept


def _addresses(node: Node, index: int) -> Iterator[Request]:
    """The IPv6 addresses of a link that it did not make itself: those of IPv4 stay when it is set down."""
    with open_route_socket(node.namespace) as channel:
        told = dump(channel, _GETADDR, struct.pack("=BBBBI", sockets.AF_INET6, 0, 0, 0, 0))
    port = next(port for port in node.ports.values() if port.index == index)
    own = {sockets.inet_pton(sockets.AF_INET6, one) for one in (*port.of_family(6), *filter(None, [port.link_local]))}
    for data in told:
        found = attributes(data, _ADDRESS_ATTRIBUTES)
        if _number(data, _IFA_INDEX_AT) == index and found[_IFA_ADDRESS] in own:
            body = data[_HEADER:_ADDRESS_ATTRIBUTES] + b"".join(
                attribute(kind, found[kind]) for kind in (_IFA_ADDRESS, _RT_PRIORITY) if kind in found
            )
            yield Request("an address that was there before", _NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body)


def _number(data: bytes, at: int) -> int:
    return int(struct.unpack_from("=i", data, at)[0])
