"""The same flows run in two ways: over IPv4 and IPv6, by one backend and the other, by one policy and another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from lab.record.result import CellResult, Comparison, Contrast

Pairs = Sequence[tuple[CellResult, CellResult]]


class Axis(NamedTuple):
    """One thing in which the ways of a flow differ.

    ``side`` says of a result which way that is, in the words of the comparison; ``told`` what of it is compared.
    ``must_agree``: two sides that differ are a failure of the run.
    """

    side: Callable[[CellResult], str]
    told: Callable[[CellResult], Hashable]
    must_agree: bool = False


def _kind(cell: CellResult) -> Hashable:
    return cell.verdict.kind


def _fate(cell: CellResult) -> Hashable:
    ports = tuple((group.ports, group.verdict.kind) for group in cell.groups)
    return cell.verdict.kind, cell.verdict.reject, ports


def _fate_and_rule(cell: CellResult) -> Hashable:
    rule = cell.verdict.rule
    return _fate(cell), rule and (rule.place, rule.source), cell.outcome


FAMILY = Axis(lambda cell: f"IPv{cell.family}", _kind)
BACKEND = Axis(lambda cell: cell.way.backend, _fate_and_rule, must_agree=True)
POLICY = Axis(lambda cell: cell.way.policy, _fate)
AXES = (FAMILY, BACKEND, POLICY)


def compare(results: Iterable[CellResult], axis: Axis) -> Iterator[Comparison]:
    """The flows that were run on several sides of an axis and in all else in one way: the first side beside each other one.

    Sides come in the order of the results.  A flow is a row with its ends and service, in whichever matrix of that name.
    """
    sides = [(axis.side(cell), cell) for cell in results]
    if len({side for side, _ in sides}) < 2:
        return
    flows: dict[Hashable, list[tuple[str, CellResult]]] = {}
    seen: Counter[Hashable] = Counter()
    for side, cell in sides:
        flow = cell.matrix, cell.row, cell.sender, cell.target, cell.service, *_elsewhere(cell, axis)
        seen[flow, side] += 1
        flows.setdefault((flow, seen[flow, side]), []).append((side, cell))
    pairs: dict[tuple[str, str], list[tuple[CellResult, CellResult]]] = {}
    for (left, one), *others in flows.values():
        for right, other in others:
            pairs.setdefault((left, right), []).append((one, other))
    for (left, right), found in pairs.items():
        yield beside(left, right, found, axis)


def beside(left: str, right: str, pairs: Pairs, axis: Axis) -> Comparison:
    """Two ways beside each other, whatever they are: ``pairs`` are the flows that were run in both."""
    contrasts = (Contrast(one.id, _words(one), _words(two)) for one, two in pairs if axis.told(one) != axis.told(two))
    return Comparison(left, right, len(pairs), tuple(contrasts), axis.must_agree)


def comparisons(results: Sequence[CellResult]) -> tuple[Comparison, ...]:
    """Every comparison that these results allow."""
    return tuple(found for axis in AXES for found in compare(results, axis))


def _elsewhere(cell: CellResult, axis: Axis) -> Iterator[str]:
    """The sides of a result on all other axes."""
    return (other.side(cell) for other in AXES if other is not axis)


def _words(cell: CellResult) -> str:
    source = f" ({cell.verdict.rule.source})" if cell.verdict.rule is not None and cell.verdict.rule.source else ""
    return f"{cell.verdict}{source}"
