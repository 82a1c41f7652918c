"""By which routing rule, table and route a node sent a packet on: its kernel is asked for the very key once more.

RTM_GETROUTE with RTM_F_FIB_MATCH (Linux 4.15) gives the route that a look-up ends with, and its table.  It does not say which
routing rule led to that table: that is concluded from the node's own list (`lab.written.rule_choice`).  Nothing that a probe
sends changes routes, so what is asked when the network is at rest is what the packet met.
"""

from __future__ import annotations

import errno
import os
import socket as sockets
import struct
from collections.abc import Iterator
from dataclasses import replace

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.nfnetlink import NLMSG_ERROR, attribute, attributes, messages
from lab.kernel.ground.routing_rules import rules_there
from lab.kernel.ground.rtnetlink import LOCAL_TABLE, MAIN_TABLE, header, open_route_socket, word
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.kernel.watch.route_keys import decision
from lab.record.path import End, Path
from lab.record.routed import PassedOver, Routed
from lab.written.routing import RoutingRule
from lab.written.rule_choice import RouteKey, choice, refusing, rule_text

_GETROUTE, _ROUTE_MESSAGE = 26, 28  # RTM_GETROUTE; where its attributes begin, behind nlmsghdr and rtmsg
# RTM_F_FIB_MATCH; without RTM_F_LOOKUP_TABLE IPv4 says main whatever it was (inet_rtm_getroute), and IPv6 refuses that one
_FLAGS = {4: 0x2000 | 0x1000, 6: 0x2000}
_DST, _SRC, _IIF, _OIF, _GATEWAY, _MULTIPATH, _TABLE, _MARK, _VIA = 1, 2, 3, 4, 5, 9, 15, 16, 18
_UID, _IP_PROTO, _SPORT, _DPORT = 25, 27, 28, 29
_BITS = {4: 32, 6: 128}
_KINDS = {2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
_REFUSALS = {errno.EINVAL: "blackhole", errno.ENETUNREACH: "unreachable", errno.EACCES: "prohibit"}  # fib4_rule_action
_OWN = ("local", "broadcast", "anycast", "multicast")
_HOP = struct.Struct("=HBBi")  # struct rtnexthop


class Routing:
    """Asks the nodes of ``network``: those that have routing rules of their own, all of them once `ask_everywhere` was called.

    ``asks`` tells whether any node is asked.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._everywhere = False
        nodes = network.topology.nodes
        self._ruled = frozenset(name for name, spec in nodes.items() if any(not rule.is_stock for rule in spec.rules))
        self._names = network.topology.table_names
        self.asks = bool(self._ruled)

    def ask_everywhere(self) -> None:
        """Ask every node from now on."""
        self._everywhere = self.asks = True

    def told(self, path: Path, uid: int = 0) -> Path:
        """The path with how its node routed the packet, if that node is asked; ``uid`` is that of the socket that sent it."""
        if path.node not in self._ruled and not self._everywhere:
            return path
        node = self._network.nodes[path.node]
        made = decision(path, uid)
        unknown = path.entered is not None and path.entered not in node.ports
        if made is None or unknown or self._bridged(path):
            return path
        if path.entered is None and path.entry.family == 4 and made.key.source not in node.addresses:
            doubt = f"its source {made.key.source} is none of its node's own, and of such its kernel says nothing"
            return replace(path, routed=Routed(made.key.mark, made.at, doubt=doubt))
        answer = self._asked(node, made.key, made.at)
        why = _doubt(answer, path, at=made.at)
        if why is not None and made.anew:  # a kernel that looks at no protocol and no port then
            answer = self._asked(node, replace(made.key, proto=None, sport=None, dport=None), made.at)
            why = _doubt(answer, path, at=made.at)
        return replace(path, routed=answer.routed if why is None else Routed(made.key.mark, made.at, doubt=why))

    def rules(self, name: str, family: int) -> list[tuple[RoutingRule, str]]:
        """The routing rules that a node's kernel has, in its order, each as ``ip rule`` prints it."""
        with open_route_socket(self._network.nodes[name].namespace) as channel:
            return [(rule, rule_text(rule, self._names)) for rule in rules_there(channel, family)]

    def way(self, name: str, address: str, mark: int) -> Routed:
        """How a node would send a packet of its own to ``address``, from whatever source, with this mark."""
        key = RouteKey(6 if ":" in address else 4, "", address, mark=mark)
        return self._asked(self._network.nodes[name], key, 0).routed

    def _bridged(self, path: Path) -> bool:
        """Whether a bridge may have passed it on, which routes nothing, where rules of IP saw it all the same."""
        bridges = self._network.topology.nodes[path.node].bridges
        return bool(bridges) and path.entered is not None and path.entered == (path.out or path.toward)

    def _asked(self, node: Node, key: RouteKey, at: int) -> _Answer:
        with open_route_socket(node.namespace) as channel:
            channel.send(_request(node, key))
            kind, data = next(messages(channel.recv(1 << 16)))
            rules = rules_there(channel, key.family)
            if kind == NLMSG_ERROR:
                return self._refused(node, key, at, -struct.unpack_from("=16xi", data)[0], rules)
        return self._read(node, key, at, data, rules)

    def _refused(self, node: Node, key: RouteKey, at: int, number: int, rules: list[RoutingRule]) -> _Answer:
        """No route: by which rule is concluded where no route of the node's refuses, as some may."""
        by = None
        if not any(route.kind in _REFUSALS.values() for route in self._network.topology.nodes[node.name].routes):
            by = refusing(rules, key, _REFUSALS.get(number, ""))
        rule = None if by is None else rule_text(by, self._names)
        return _Answer(Routed(key.mark, at, rule=rule, refused=os.strerror(number)), "", ())

    def _read(self, node: Node, key: RouteKey, at: int, data: bytes, rules: list[RoutingRule]) -> _Answer:
        _, length, _, _, small, _, _, type_of, _ = struct.unpack_from("=BBBBBBBBI", data, 16)
        found = attributes(data, _ROUTE_MESSAGE)
        table = struct.unpack("=I", found[_TABLE])[0] if _TABLE in found else small
        kind = _KINDS.get(type_of, "")
        if kind in _OWN and table == MAIN_TABLE and all(rule.is_stock for rule in rules):
            table = LOCAL_TABLE  # both are one while no rule of one's own is there (fib_unmerge)
        hops = tuple(_hops(node, found))
        route = _text(key.family, kind, length, found, hops)
        routed = Routed(key.mark, at, table, self._names.get(table, str(table)), route=route)
        chosen = choice(rules, key, table, length)
        if chosen.rule is None:
            return _Answer(routed, kind, tuple(dev for dev, _ in hops))
        others = tuple(
            PassedOver(rule_text(rule, self._names), rule.table if rule.action == "lookup" else None, why)
            for rule, why in chosen.others
        )
        routed = routed._replace(rule=rule_text(chosen.rule, self._names), others=others)
        return _Answer(routed, kind, tuple(dev for dev, _ in hops))


class _Answer:
    """What a kernel said: the record, the ``kind`` of the route ("" for one that leads on), and the interfaces it leads to."""

    __slots__ = ("devices", "kind", "routed")

    def __init__(self, routed: Routed, kind: str, devices: tuple[str | None, ...]) -> None:
        self.routed, self.kind, self.devices = routed, kind, devices


def _doubt(answer: _Answer, path: Path, *, at: int) -> str | None:
    """Why an answer cannot be that of the packet: it went another way than the kernel says now."""
    went = path.out if path.end is End.LEFT else path.toward if at < len(path.steps) and path.entered is not None else None
    if path.end is End.DELIVERED and path.entered is not None:
        return None if answer.kind in _OWN else "asked once more its kernel would not take it in, and it did"
    if went is None or answer.kind in _OWN or went in answer.devices:
        return None
    said = f"would send it by {answer.devices[0]}" if answer.devices else f"has no way ({answer.routed.refused})"
    return f"asked once more its kernel {said}, and it went by {went}"


def _request(node: Node, key: RouteKey) -> bytes:
    """The question (rtnetlink(7))."""
    family = ADDRESS_FAMILIES[key.family]
    addresses = ((_DST, key.destination), (_SRC, key.source))
    parts = [attribute(kind, sockets.inet_pton(family, address)) for kind, address in addresses if address]
    if key.iif is not None:
        parts.append(word(_IIF, node.ports[key.iif].index))
    parts.append(word(_UID, key.uid))
    parts += [word(_MARK, key.mark)] if key.mark else []
    parts += [attribute(_IP_PROTO, bytes([key.proto]))] if key.proto is not None else []
    for kind, port in ((_SPORT, key.sport), (_DPORT, key.dport)):
        parts += [attribute(kind, struct.pack("!H", port))] if port is not None else []
    bits = _BITS[key.family]
    lengths = bits, bits if key.source else 0
    body = struct.pack("=BBBBBBBBI", family, *lengths, 0, 0, 0, 0, 0, _FLAGS[key.family]) + b"".join(parts)
    return header(_GETROUTE, 0, len(body)) + body


def _hops(node: Node, found: dict[int, bytes]) -> Iterator[tuple[str | None, str | None]]:
    """Interface and gateway of each way of a route."""
    if _MULTIPATH not in found:
        if _OIF in found:
            yield node.port_name(struct.unpack("=I", found[_OIF])[0]), _gateway(found)
        return
    data, start = found[_MULTIPATH], 0
    while start + _HOP.size <= len(data):
        length, _, _, index = _HOP.unpack_from(data, start)
        if length < _HOP.size:
            return
        yield node.port_name(index), _gateway(attributes(data, start + _HOP.size, start + length))
        start += (length + 3) & ~3


def _gateway(found: dict[int, bytes]) -> str | None:
    packed = found.get(_GATEWAY) or found.get(_VIA, b"")[2:]
    return sockets.inet_ntop(sockets.AF_INET if len(packed) == 4 else sockets.AF_INET6, packed) if packed else None


def _text(
    family: int, kind: str, length: int, found: dict[int, bytes], hops: tuple[tuple[str | None, str | None], ...]
) -> str:
    """The route as ``ip route`` prints it, without what has no part in the choice."""
    address = sockets.inet_ntop(ADDRESS_FAMILIES[family], found[_DST]) if _DST in found else None
    prefix = "default" if not length or address is None else address if length == _BITS[family] else f"{address}/{length}"
    words = [kind, prefix] if kind else [prefix]
    for dev, via in hops:
        words += ["nexthop"] if len(hops) > 1 else []
        words += [f"via {via}"] if via else []
        words += [f"dev {dev}"] if dev else []
    return " ".join(words)
