"""Hosts as dumps say them, in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_interface
from typing import Any

from lab.record.host import Dumped, Host, Link
from lab.twin.build import twin_of
from lab.twin.twin import Twin
from lab.written.topology import NodeSpec

FORWARDS = {"net.ipv4.ip_forward": "1"}
RULES = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i eth1 -o eth0 -j ACCEPT\nCOMMIT\n"


def link(name: str, *addresses: str, **more: Any) -> Link:
    """An interface with addresses as text."""
    return Link(name, tuple(map(ip_interface, addresses)), **more)


def host(
    *links: Link, routes: Sequence[str] = (), rules: Sequence[str] = (), name: str = "edge", text: str | None = None,
    sysctls: Mapping[str, str] = FORWARDS, **more: Any,
) -> Host:  # fmt: skip
    """A host; a line with a colon in it is of IPv6."""
    dumped = {} if text is None else {"v4": Dumped(text, "fw.rules")}
    return Host(
        name, links, tuple((6 if ":" in line.split("dev")[0] else 4, line) for line in routes),
        tuple((4, line) for line in rules), rulesets=dumped, sysctls=sysctls, **more,
    )  # fmt: skip


EDGE = (link("lo", "127.0.0.1/8", "::1/128"), link("eth0", "198.51.100.2/29"), link("eth1", "10.0.0.1/24"))
UPLINK = "default via 198.51.100.1 dev eth0"


def edge(*links: Link, routes: Sequence[str] = (), **more: Any) -> Twin:
    """The twin of a host with an uplink and a LAN, and more links and routes."""
    return twin_of([host(*EDGE, *links, routes=(UPLINK, *routes), **more)])


def anyip(node: NodeSpec) -> list[str]:
    """What a node stands for, as text."""
    return [] if isinstance(node.anyip, bool) else [str(one) for one in node.anyip]


def addresses(node: NodeSpec) -> dict[str, list[str]]:
    """The addresses of its interfaces, as text."""
    return {name: [str(one) for one in port.addresses] for name, port in node.interfaces.items()}
