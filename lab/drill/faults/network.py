"""Faults of a node's links, sysctls and conntrack."""

from __future__ import annotations

from typing import Any

from lab.drill.grounds import Grounds
from lab.errors import InputError, Problem
from lab.kernel.ground.rtnetlink import carry_out, set_mtu
from lab.kernel.stage.altering import Altering
from lab.kernel.stage.baseline import write_sysctls
from lab.kernel.stage.node import Port

_WEEK_S = 604_800
_ENTRY = (
    "-A -p tcp -s 198.18.{high}.{low} -d 198.19.0.1 --sport {port} --dport 80 --state ESTABLISHED -u ASSURED,SEEN_REPLY "
    "-t {timeout}\n"
)
_PORTS = 50_000


def sysctl(grounds: Grounds, said: Any) -> None:
    """Write sysctls of a node; one that the kernel refuses or does not have is an InputError."""
    node = grounds.node(said.node)
    write_sysctls(node.name, node.namespace, dict(said.set), own=tuple(said.set))


def mtu(grounds: Grounds, said: Any) -> None:
    """Have an interface of a node take smaller packets; its other end does not know."""
    node, port = grounds.node(said.node), _port(grounds, said.node, said.interface)
    carry_out(node.name, node.namespace, [set_mtu(port.name, port.index, said.mtu)])


def link(grounds: Grounds, said: Any) -> None:
    """Set an interface of a node down; returns when the other end knows.  One that is up is left so."""
    _port(grounds, said.node, said.interface)
    if said.state == "down":
        Altering(grounds.site.network).set_down(said.node, said.interface)


def fill_conntrack(grounds: Grounds, said: Any) -> None:
    """Have a node's conntrack hold so many flows that were never closed, ASSURED, so that none is evicted early."""
    entries = "".join(
        _ENTRY.format(
            high=number // _PORTS // 250, low=number // _PORTS % 250 + 1, port=number % _PORTS + 1024, timeout=_WEEK_S // 2
        )
        for number in range(said.entries)
    )
    grounds.tool(said.node, ["conntrack", "-R", "-"], entries)


def _port(grounds: Grounds, node: str, interface: str) -> Port:
    ports = grounds.node(node).ports
    if interface not in ports:
        raise InputError(Problem(f"{node} has no interface {interface}", mend=f"it has {', '.join(ports)}"))
    return ports[interface]
