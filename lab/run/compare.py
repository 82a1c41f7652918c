"""The same flows run in two ways: over IPv4 and IPv6, by one backend and the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

from lab.record.result import CellResult, Comparison, Contrast
from lab.ruleset.backend import Backend

MARKED = f"@{Backend.LEGACY}"  # behind the ids of the second of two runs of the same cells


def of_families(results: Sequence[CellResult]) -> Comparison | None:
    """The flows that both families have, and those whose verdict differs; None when there is no such flow."""
    sides: dict[Hashable, dict[int, CellResult]] = {}
    for cell in results:
        sides.setdefault((cell.id.endswith(MARKED), cell.matrix, cell.row, cell.sender, cell.target, cell.service), {})[
            cell.family
        ] = cell
    pairs = [(pair[4], pair[6]) for pair in sides.values() if len(pair) == 2]
    return _comparison("IPv4", "IPv6", pairs, _kind)


def of_backends(results: Sequence[CellResult]) -> Comparison | None:
    """The cells that were run on both backends, and those whose verdict or rule differs; None when there is none."""
    legacy = {cell.id.removesuffix(MARKED): cell for cell in results if cell.id.endswith(MARKED)}
    pairs = [(cell, legacy[cell.id]) for cell in results if cell.id in legacy]
    return _comparison(Backend.NFT, Backend.LEGACY, pairs, _kind_and_rule)


def _kind(cell: CellResult) -> Hashable:
    return cell.verdict.kind


def _kind_and_rule(cell: CellResult) -> Hashable:
    verdict = cell.verdict
    ports = tuple((group.ports, group.verdict.kind) for group in cell.groups)
    return verdict.kind, verdict.reject, verdict.rule and (verdict.rule.place, verdict.rule.source), ports, cell.outcome


def _comparison(
    left: str, right: str, pairs: Iterable[tuple[CellResult, CellResult]], told: Callable[[CellResult], Hashable]
) -> Comparison | None:
    every = list(pairs)
    if not every:
        return None
    contrasts = [Contrast(one.id, _words(one), _words(two)) for one, two in every if told(one) != told(two)]
    return Comparison(left, right, len(every), tuple(contrasts))


def _words(cell: CellResult) -> str:
    source = f" ({cell.verdict.rule.source})" if cell.verdict.rule is not None and cell.verdict.rule.source else ""
    return f"{cell.verdict}{source}"


def comparisons(results: Sequence[CellResult]) -> tuple[Comparison, ...]:
    """Every comparison that these results allow."""
    return tuple(found for found in (of_families(results), of_backends(results)) if found is not None)

