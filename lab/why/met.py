"""What a rule saw of a packet: its headers as they were at that hook, its interfaces, its state."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from ipaddress import ip_address

from lab.record.packet import ICMPS, PROTOCOL_NAMES, Packet
from lab.record.path import LOOPBACK, Path
from lab.ruleset.asked import Met
from lab.ruleset.ipset_addresses import addresses_in
from lab.ruleset.rule import protocol_name
from lab.why.case import Case
from lab.why.established import untracks

_PORTED = (6, 17, 132, 136)
_TCP, _UDP = 6, 17
_SYN = 0x02
_ECHOES = (8, 128)
_MARKS = re.compile(r"MARK|\bmark set\b|--set-x?mark|--map-(?:set|mark)")


def met_at(case: Case, path: Path, step: int, hook: str, kind: str, *, native: bool) -> Met:
    """The first packet of the request as rules of ``hook`` saw it from this step of its path on.

    >>> met_at.__name__
    'met_at'
    """
    met = seen(case, path, path.head(step), hook, states=_states(path, hook, kind, native=native))
    return replace(met, mark=_mark(path, step if step >= 0 else len(path.steps) + step))


def seen(case: Case, path: Path, head: Packet, hook: str, *, states: Collection[str] | None) -> Met:
    """The same with other headers than it had."""
    entry = path.entry
    ported = head.proto in _PORTED
    again = sum(one.node == path.node for one in case.verdict.path) > 1
    moved = (head.destination, head.dport) != (entry.destination, entry.dport)
    return Met(
        head.family,
        protocol_name(PROTOCOL_NAMES.get(head.proto, str(head.proto))) or "",
        int(ip_address(head.source)),
        int(ip_address(head.destination)),
        head.sport if ported else None,
        head.dport if ported else None,
        head.flags,
        head.code,
        path.entered if hook in ("prerouting", "input", "forward") else None,
        _left(path, hook, moved=moved),
        states,
        None if again else moved,
        entry.sport if ported and not again else None,
        entry.dport if ported and not again else None,
        _own(case, path.node, head),
        addresses_in(case.ipsets.get(path.node, ""), head.family),
    )


def _mark(path: Path, step: int) -> int | None:
    """Its mark at a step: none came with it from another node, as a mark is not sent; None where a rule may have set one."""
    if path.entered in (None, LOOPBACK):
        return None
    marking = any(taken.rule is not None and _MARKS.search(taken.rule.text) for taken in path.steps[:step])
    return None if marking else 0


def _left(path: Path, hook: str, *, moved: bool) -> str | None:
    """The interface that it goes to; what is sent from here may be routed again, by its mark or its new address."""
    if hook in ("forward", "postrouting"):
        return path.toward
    return path.toward if hook == "output" and not moved and not path.mark else None


def _states(path: Path, hook: str, kind: str, *, native: bool) -> Collection[str] | None:
    """What conntrack calls the first packet of a flow, where it has been asked for sure; else None."""
    entry = path.entry
    begins = (
        entry.flags == _SYN if entry.proto == _TCP else entry.proto == _UDP or (
            entry.proto in ICMPS and entry.flags in _ECHOES
        )
    )
    # a native chain may stand before conntrack, by its priority
    early = kind == "raw" or (native and hook in ("prerouting", "output") and kind != "nat")
    untracked = any(step.rule is not None and untracks(step.rule) for step in path.steps)
    return ("NEW",) if begins and not early and not untracked else None


def _own(case: Case, name: str, head: Packet) -> Collection[int] | None:
    """The node's addresses, as numbers; None where other addresses may be its own too."""
    node = case.topology.nodes.get(name)
    odd = any(
        address.is_loopback or address.is_multicast or address.is_unspecified
        for address in (ip_address(head.source), ip_address(head.destination))
    )
    if node is None or node.anyip or odd or any("local" in str(route) for route in node.routes):
        return None
    return frozenset(
        int(address.ip) for interface in node.interfaces.values() for address in interface.of_family(head.family)
    )
