"""A neighbour that was asked for on a link where, on the real host, none is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.verdict import Kind
from lab.verdict.exchange import discovery_dropped_by
from lab.why.case import Case

_TUNNELS = re.compile(r"(?:wg|awg|tun|ppp|tailscale|nebula|sit|gre|ipip|vti|ipsec|xfrm|utun)(?![a-z])|pppoe-")


def neighbours(case: Case) -> Iterator[Hint]:
    """A route by an interface alone asks everybody on its network for the destination itself (rtnetlink(7), arp(7))."""
    seen = case.verdict.observation
    if case.verdict.kind is not Kind.UNROUTED or not seen.unresolved or discovery_dropped_by(seen) is not None:
        return
    node, address, owner = seen.unresolved[0]
    path = next((one for one in reversed(case.verdict.path) if one.node == node), None)
    if owner is not None or path is None or (path.exit or path.entry).destination != address:
        return
    interface = case.topology.nodes[node].interfaces.get(path.out or "")
    if interface is None:
        return
    both = [one.link for _, _, one in case.topology.on_network(interface.network)]
    if case.topology.network_of(address) == interface.network or any(both):
        return
    why = f"{node}'s route to {address} names {path.out} and no `via`, so {node} asks all on it who has that address"
    if _TUNNELS.match(path.out or ""):
        yield Hint(
            f"{why}; WireGuard, PPP and tunnels ask nobody",
            f"if {path.out} is one, say `link: point-to-point` at that interface of {node}, or name the other end with `via`",
        )
    else:
        yield Hint(why, f"name in the route who is to take it (`via`); of a tunnel say `link: point-to-point` at {path.out}")
