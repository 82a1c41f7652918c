"""Which row speaks of which port: what is left for the default, and rows that contradict each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace

from lab.errors import Problem
from lab.written.cell import Cell, Expectation, Sender, Service, Target
from lab.written.reject import kind_in
from lab.written.service import ports_text, without


def _key(node: str, source: str, target: str, service: Service) -> Hashable:
    return node, source, target, service.proto, service.icmp_type, service.icmp_code


def unclaimed(cells: Sequence[Cell]) -> Callable[[Sender, Target, Service], Service | None]:
    """A function that cuts out of a service what ``cells`` speak of already; None when nothing is left."""
    claimed: dict[Hashable, list[tuple[int, int]]] = defaultdict(list)
    for cell in cells:
        if replace(cell, steps=()).plain and meets_it_as_it_stands(cell):
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
    for cell in filter(meets_it_as_it_stands, cells):
        key = _key(cell.sender.node, cell.sender.address, cell.target.address, cell.service)
        sent = cell.service.application, cell.flags, cell.packet, cell.payload
        groups[key, sent, cell.sport, cell.mark, cell.uid].append(cell)
    told: set[tuple[str, str]] = set()
    for group in groups.values():
        spans = sorted((span, number) for number, cell in enumerate(group) for span in cell.service.ports or ((0, 0),))
        for (one, first), (two, second) in _overlapping(spans):
            here, there = sorted((group[first], group[second]), key=lambda cell: cell.where.line or 0)
            if not _agree(here.expect, there.expect, here.family) and (here.row, there.row) not in told:
                told.add((here.row, there.row))
                ports = ports_text([(max(one[0], two[0]), min(one[1], two[1]))])
                what = there.service.proto + (f"/{ports}" if there.service.ports else "")
                yield Problem(
                    f"row {there.row!r} expects {_expected(there.expect)}, but row {here.row!r} in line {here.where.line} "
                    f"expects {_expected(here.expect)} of {there.sender.label}->{there.target.label} {what}",
                    there.where,
                    "take it out of one of them with `not`",
                )


def meets_it_as_it_stands(cell: Cell) -> bool:
    """Whether a cell's first packet meets the lab as it stands, and not what a step has made of it."""
    sent = next((step.number for step in cell.steps if step.of_session is not None), 0)
    return not any(step.alters for step in cell.steps[:sent])


def _agree(one: Expectation, other: Expectation, family: int) -> bool:
    """Whether one packet can do what both expect: a deny is a drop or a reject, a reject may leave its kind open."""
    actions = {one.action, other.action}
    if len(actions) == 1:
        kinds = {kind_in(expect.reject_with, family) for expect in (one, other) if expect.reject_with is not None}
        return len(kinds) < 2
    return "deny" in actions and "allow" not in actions


def _expected(expect: Expectation) -> str:
    return f"{expect.action} ({expect.reject_with})" if expect.reject_with else expect.action


def _overlapping(
    spans: Sequence[tuple[tuple[int, int], int]],
) -> Iterator[tuple[tuple[tuple[int, int], int], tuple[tuple[int, int], int]]]:
    for index, (span, number) in enumerate(spans):
        for other, another in spans[index + 1 :]:
            if other[0] > span[1]:
                break
            if another != number:
                yield (span, number), (other, another)
