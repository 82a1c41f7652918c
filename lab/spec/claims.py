"""Which row speaks of which port: what is left for the default, and rows that contradict each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace

from lab.errors import Problem
from lab.spec.cell import Cell, Sender, Service, Target
from lab.spec.service import ports_text, without

Ranges = tuple[tuple[int, int], ...]


def _key(node: str, source: str, target: str, service: Service) -> Hashable:
    return node, source, target, service.proto, service.icmp_type, service.icmp_code


def unclaimed(cells: Sequence[Cell]) -> Callable[[Sender, Target, Service], Service | None]:
    """A function that cuts out of a service what ``cells`` speak of already; None when nothing is left."""
    claimed: dict[Hashable, list[tuple[int, int]]] = defaultdict(list)
    for cell in cells:
        if not cell.ack and cell.sport is None:
            key = _key(cell.sender.node, cell.sender.address, cell.target.address, cell.service)
            claimed[key] += cell.service.ports

    def free(sender: Sender, target: Target, service: Service) -> Service | None:
        key = _key(sender.node, sender.address, target.address, service)
        if key not in claimed:
            return service
        ports = without(service.ports, claimed[key])
        return replace(service, ports=ports) if ports else None

    return free


def contradictions(cells: Sequence[Cell]) -> Iterator[Problem]:
    """Pairs of rows that expect different things of the same packet."""
    groups: dict[Hashable, list[Cell]] = defaultdict(list)
    for cell in cells:
        key = _key(cell.sender.node, cell.sender.address, cell.target.address, cell.service)
        groups[key, cell.ack, cell.sport].append(cell)
    told: set[tuple[str, str]] = set()
    for group in groups.values():
        spans = sorted((span, number) for number, cell in enumerate(group) for span in cell.service.ports or ((0, 0),))
        for (one, first), (two, second) in _overlapping(spans):
            here, there = group[first], group[second]
            if here.expect.action != there.expect.action and (here.row, there.row) not in told:
                told.add((here.row, there.row))
                both = ports_text([(max(one[0], two[0]), min(one[1], two[1]))])
                yield Problem(
                    f"rows {here.row!r} and {there.row!r} (line {here.where.line}) expect different things of "
                    f"{there.sender.label}->{there.target.label} {there.service.proto}" + (f"/{both}" if both != "0" else ""),
                    there.where,
                    "take it out of one of them with `not`",
                )


def _overlapping(
    spans: Sequence[tuple[tuple[int, int], int]],
) -> Iterator[tuple[tuple[tuple[int, int], int], tuple[tuple[int, int], int]]]:
    for index, (span, number) in enumerate(spans):
        for other, another in spans[index + 1 :]:
            if other[0] > span[1]:
                break
            if another != number:
                yield (span, number), (other, another)
