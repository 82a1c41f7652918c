"""Failures with one cause, told once: cells of one row that fared alike, and their flows in few words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lab.record.result import CellResult, Outcome
from lab.record.verdict import Kind
from lab.written.service import merged, ports_text

LATER = frozenset(("ACK", "data", "answer", "SYN-ACK", "echo-reply"))
"""Packets of a flow that are not its first."""
_UNEXPLAINED = frozenset((Kind.UNROUTED, Kind.CONSUMED, Kind.LOST))
_PORTS = re.compile(r"(?P<proto>tcp|udp)/(?P<ports>\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)")
_MOST_FLOWS = 6
Flow = tuple[str, str, int]  # sender, target, family


def by_cause(cells: Iterable[CellResult]) -> list[tuple[CellResult, ...]]:
    """The cells in groups, in the order given: of one row, one class, one verdict by one rule, for the same reasons."""
    groups: dict[object, list[CellResult]] = {}
    for cell in cells:
        groups.setdefault(_cause(cell), []).append(cell)
    return [tuple(group) for group in groups.values()]


def _cause(cell: CellResult) -> object:
    """What cells that fared alike have in common; what names their addresses and ports is no part of it."""
    verdict, seen = cell.verdict, cell.verdict.observation
    later = verdict.packet if verdict.packet in LATER else None
    unexplained = (verdict.node, seen.reasons, seen.missing, seen.faults) if verdict.kind in _UNEXPLAINED else ()
    return (
        cell.matrix, cell.where, cell.row, cell.at, cell.expected, cell.outcome, cell.suspect, cell.known, cell.way,
        verdict.kind, verdict.reject, verdict.muted_by, verdict.stopped_by, verdict.rule, later, unexplained, cell.hints,
        cell.differences if cell.outcome in (Outcome.MISMATCH, Outcome.PASSED) else (),
        tuple((group.ports, str(group.verdict)) for group in cell.groups), tuple(burst.fates for burst in cell.bursts),
    )  # fmt: skip


def flows_text(cells: Sequence[CellResult], most: int = _MOST_FLOWS) -> str:
    """Flows in few words: ``lab, office -> web tcp/81-120,443; pc -> web udp/53``; of many the first.

    Flows are told together where their services are the same: from several senders to one target, or from one to several.
    """
    services: dict[Flow, list[str]] = {}
    for cell in cells:
        services.setdefault((cell.sender, cell.target, cell.family), []).append(cell.service)
    by_services: dict[tuple[str, str, int], list[str]] = {}
    for (sender, target, family), asked in services.items():
        by_services.setdefault((target, services_text(asked), family), []).append(sender)
    by_senders: dict[tuple[tuple[str, ...], str, int], list[str]] = {}
    for (target, text, family), senders in by_services.items():
        by_senders.setdefault((tuple(senders), text, family), []).append(target)
    told = [
        f"{_some(senders)} -> {_some(targets)} {text}{' (IPv6)' if family == 6 else ''}"
        for (senders, text, family), targets in by_senders.items()
    ]
    return "; ".join(told[:most]) + (f"; and {len(told) - most} more" if len(told) > most else "")


def services_text(services: Iterable[str]) -> str:
    """Services with their ports as ranges.

    >>> services_text(["tcp/80", "tcp/82", "icmp/echo-request", "tcp/81"])
    'tcp/80-82, icmp/echo-request'
    """
    ports: dict[str, list[tuple[int, int]]] = {}
    told: dict[str, None] = {}
    for service in services:
        found = _PORTS.fullmatch(service)
        if found is None:
            told[service] = None
            continue
        told[found["proto"]] = None
        for part in found["ports"].split(","):
            low, _, high = part.partition("-")
            ports.setdefault(found["proto"], []).append((int(low), int(high or low)))
    return ", ".join(f"{word}/{ports_text(merged(sorted(ports[word])))}" if word in ports else word for word in told)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_FLOWS]) + (f" and {len(names) - _MOST_FLOWS} more" if len(names) > _MOST_FLOWS else "")
