"""What a packet was routed by at a node, read from its path: headers and mark as they were when the kernel looked its way up.

A packet that comes in is routed behind prerouting.  One that is made at the node is routed before any rule, and anew behind
rules of output that changed its mark or its ends: those of a chain of type route (ipt_mangle_out, nf_route_table_hook4) and a
translation of its destination (nf_nat_ipv4_local_fn); both call ip_route_me_harder.
"""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from lab.record.packet import Packet
from lab.record.path import BEFORE_ALL, LOOPBACK, End, Path
from lab.written.rule_choice import RouteKey

_CAME_IN = ("ingress", "prerouting")
_ROUTE_ANEW = ("mangle", "nat")  # kinds of chains
_PORTS = (6, 17)
_SOUGHT = (1, 6, 17, 58)  # protocols that the kernel can be asked with (rtm_getroute_parse_ip_proto)


class Decision(NamedTuple):
    """The last time that a packet was routed: by which ``key``, and the step of its path that came then.

    ``anew`` tells that it had been routed before.
    """

    key: RouteKey
    at: int
    anew: bool = False


def decision(path: Path, uid: int = 0) -> Decision | None:
    """The last routing decision of a path; None where there was none, or where its headers are not known.

    ``uid`` is the user whose socket sent what was made at the node.

    >>> from lab.written.expect.example import PASSED
    >>> from dataclasses import replace
    >>> at_gateway = replace(PASSED.path[0], entered="wan")
    >>> found = decision(at_gateway)
    >>> found.key.destination, found.key.iif, found.key.mark, found.at
    ('10.0.2.10', 'wan', 2, 1)
    """
    if path.bridged or path.entered == LOOPBACK:
        return None
    return _came_in(path) if path.entered is not None else _made_here(path, uid)


def _came_in(path: Path) -> Decision | None:
    steps = path.steps
    at = next((place for place, step in enumerate(steps) if step.hook not in _CAME_IN), None)
    if at is None:
        at = len(steps)
        if path.end in (End.DROPPED, End.QUEUED, End.STOLEN):
            return None
        if path.end is End.VANISHED and path.translated_by and not path.heads:
            return None  # behind the last rule nothing tells what a translation made of it
    before = path.head(at - 1) if at else path.entry
    then = before if at == len(steps) else path.head(at)
    # behind this place conntrack changes sources alone
    source = before if at < len(steps) and steps[at].kind == "nat" else then
    return Decision(_key(path, source, path.exit or then, path.mark_at(at)), at)


def _made_here(path: Path, uid: int) -> Decision:
    found = Decision(_key(path, path.entry, path.entry, path.mark_at(BEFORE_ALL), uid), 0)
    start = 0
    for (hook, _, kind), group in groupby(path.steps, lambda step: (step.hook, step.table, step.kind)):
        end = start + len(list(group))
        done = end < len(path.steps) or path.exit is not None
        if hook == "output" and kind in _ROUTE_ANEW and done:
            before = path.head(start)
            after = path.head(end) if end < len(path.steps) else path.exit or before
            mark = path.mark_at(end)
            marked = kind == "mangle" and mark != path.mark_at(start)
            if marked or after.destination != before.destination:
                source = before if kind == "nat" else after
                found = Decision(_key(path, source, after, mark, 0 if after.family == 4 else uid), end, anew=True)
        start = end
    return found


def _key(path: Path, source: Packet, after: Packet, mark: int, uid: int = 0) -> RouteKey:
    proto = after.proto if after.proto in _SOUGHT else None
    ports = (source.sport, after.dport) if proto in _PORTS else (None, None)
    return RouteKey(after.family, source.source, after.destination, path.entered, mark, proto, *ports, uid)
