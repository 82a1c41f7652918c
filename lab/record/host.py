"""What dumps say of one host: its links, routes and rulesets, whoever took them and in whatever form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface

from lab.errors import Where


@dataclass(frozen=True, slots=True)
class Link:
    """One interface: ``kind`` as ``ip -d link`` calls it (``vlan``, ``ppp``, ``tun``, ``wireguard``, ``bond``, ``bridge``,
    ``veth``), None where that is not known or it is a plain device.

    ``peer`` are the far ends' addresses on point-to-point links, ``master`` the bridge, bond or VRF that it belongs to.
    """

    name: str
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()
    kind: str | None = None
    mac: str | None = None
    mtu: int | None = None
    up: bool = True
    master: str | None = None
    peer: tuple[str, ...] = ()
    point_to_point: bool = False


@dataclass(frozen=True, slots=True)
class Dumped:
    """A text that a tool printed; ``shown`` is what messages call it: ``fw.rules``, ``snapshot.json iptables-save``."""

    text: str
    shown: str


@dataclass(frozen=True, slots=True)
class Boot:
    """What a snapshot says of the host's boot: ``id`` is another one after each.

    ``enabled`` are the services with rules of their own that boot starts, None where that is not known; ``files`` those that
    such services load, by path, and ``others`` files that name a tool of rules and that nobody has read.
    """

    id: str = ""
    enabled: tuple[str, ...] | None = None
    files: Mapping[str, Dumped] = field(default_factory=dict)
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """One host; empty is what was not captured.

    ``routes`` and ``rules`` are lines of ``ip route show table all`` and ``ip rule`` (each with its family), ``tables`` the
    names of routing tables by number.  ``rulesets`` are what it holds by kind (``v4``, ``v6``, ``nft``, ``ipset``), of the
    backend that holds rules.  ``sysctls`` are those of ``net.``, ``conntrack`` the flows that it tracked.  ``not_captured``
    says what of the host no dump holds (``xfrm policies: 3``, ``wireguard peers: wg0``, …), in the words of the snapshot;
    ``at`` is where it was read from.  ``backend`` is which iptables holds the rulesets (``nft``, ``legacy``), None where that
    is not known; ``notes`` are what a reader must know of how it was read.  Of a snapshot (``is_snapshot``) what is not told
    of was looked for and is not there.  ``boot`` is None where that was not captured.
    """

    name: str
    links: tuple[Link, ...] = ()
    routes: tuple[tuple[int, str], ...] = ()
    rules: tuple[tuple[int, str], ...] = ()
    tables: Mapping[int, str] = field(default_factory=dict)
    rulesets: Mapping[str, Dumped] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    conntrack: Dumped | None = None
    not_captured: tuple[str, ...] = ()
    at: Where | None = None
    backend: str | None = None
    notes: tuple[str, ...] = ()
    is_snapshot: bool = False
    boot: Boot | None = None
