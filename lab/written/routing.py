"""Routes and routing rules of a node, as frozen records; their lines are read in `lab.written.route_lines` and `rule_lines`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.written.words import Address, Network

RouteKind = Literal[
    "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw"
]
RuleAction = Literal["lookup", "goto", "nop", "blackhole", "unreachable", "prohibit"]

TABLES = {"default": 253, "main": 254, "local": 255}


@dataclass(frozen=True, slots=True)
class Hop:
    """One way of a route that has several, of which the kernel takes one for each flow."""

    via: Address | None = None
    dev: str | None = None
    weight: int = 1
    onlink: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a node; ``text`` is as written, ``table`` None the main table, ``dev`` the interface's name.

    ``src`` is the source that the node's own packets take, ``source`` the word ``from`` (IPv6: the sources that the route is
    for).  ``metrics`` are numbers of linux/rtnetlink.h (RTAX_) and values.  ``by_kernel``: it says ``proto kernel``.
    ``family_open``: nothing in the line says which family its ``default`` is of.  ``item`` is its place in the list.
    """

    text: str
    destination: Network
    via: Address | None = None
    dev: str | None = None
    table: int | None = None
    kind: RouteKind = "unicast"
    metric: int | None = None
    src: Address | None = None
    source: Network | None = None
    scope: int | None = None
    tos: int = 0
    realm: int | None = None
    onlink: bool = False
    hops: tuple[Hop, ...] = ()
    metrics: tuple[tuple[int, int], ...] = ()
    by_kernel: bool = False
    family_open: bool = False
    item: int = 0

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.destination.version

    @property
    def ways(self) -> tuple[Hop, ...]:
        """Where it leads: its only way, or each of several; none where it leads nowhere."""
        return self.hops or ((Hop(self.via, self.dev, onlink=self.onlink),) if self.via or self.dev else ())


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """One policy routing rule of a node: what selects, and the table that is looked up (0 where its action is another).

    ``source`` and ``destination`` are the words ``from`` and ``to`` (None: all); ``mask`` is None where none is written.
    ``family`` is 4 or 6 where the line says so; None where the rule holds for each family that the node has.
    ``detached`` are its interfaces that were not there when it was printed.  ``item`` is its place in the list.
    """

    text: str
    table: int
    source: Network | None = None
    destination: Network | None = None
    iif: str | None = None
    oif: str | None = None
    fwmark: int | None = None
    mask: int | None = None
    priority: int | None = None
    action: RuleAction = "lookup"
    goto: int | None = None
    inverted: bool = False
    tos: int = 0
    uids: tuple[int, int] | None = None
    protocol: int | None = None
    sports: tuple[int, int] | None = None
    dports: tuple[int, int] | None = None
    suppress: int | None = None
    realm: int | None = None
    detached: tuple[str, ...] = ()
    said_family: int | None = None
    item: int = 0

    @property
    def family(self) -> int | None:
        """4 or 6 where a prefix or the line says so; None where the rule holds for each family that the node has."""
        prefix = self.source or self.destination
        return prefix.version if prefix else self.said_family

    @property
    def is_plain(self) -> bool:
        """Whether it looks its table up for every packet, and takes what it finds."""
        return self == RoutingRule(self.text, self.table, priority=self.priority, said_family=self.said_family, item=self.item)

    @property
    def is_stock(self) -> bool:
        """Whether it is one of the three that every node has from its beginning."""
        return self.is_plain and (self.priority, self.table) in _STOCK


_STOCK = ((0, TABLES["local"]), (32766, TABLES["main"]), (32767, TABLES["default"]))
