"""Differences in groups, from an old rule to a new one, and the sentences that every form of the report has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import NamedTuple

from lab.record.difference import Aspect, Denied, Difference, DiffReport, Reached, RowOutcome
from lab.record.path import Rule
from lab.report.differences import counted, flow_text, mark, number, parts_of, rank, rule_text, told
from lab.report.plain import plain


class Group(NamedTuple):
    """Differences of one kind that were decided by one rule and are decided by another now; the largest class first.

    ``was`` and ``now`` say in parts what became of them, by which rule, with its line and owner; ``intended`` is the row that
    asked for them.
    """

    mark: str
    was: tuple[str, ...]
    now: tuple[str, ...]
    intended: str | None
    ones: tuple[Difference, ...]

    @property
    def old(self) -> Rule | None:
        """The rule of before."""
        return self.ones[0].old.rule

    @property
    def new(self) -> Rule | None:
        """The rule of now."""
        return self.ones[0].new.rule

    @property
    def size(self) -> int:
        """How many flows, as far as that is known."""
        return sum(one.of.size or 0 for one in self.ones)


def groups(differences: Sequence[Difference], node: str) -> list[Group]:
    """What was not asked for first; then what opens, what closes, and the rest by aspect, the largest first."""
    found: dict[tuple[str | None, int, tuple[str, ...], tuple[str, ...]], list[Difference]] = {}
    named = cache(partial(rule_text, node=node))
    for one in differences:
        was, now = parts_of(one, node, named)
        found.setdefault((one.intended, rank(one), was, now), []).append(one)
    made = [
        (place, Group(mark(ones[0]), was, now, intended, tuple(sorted(ones, key=lambda one: -(one.of.size or 0)))))
        for (intended, place, was, now), ones in found.items()
    ]
    ordered = sorted(made, key=lambda one: (one[1].intended is not None, one[0], -one[1].size))
    return [group for _, group in ordered]


def apart_by_rule(found: Sequence[Group]) -> tuple[list[Group], list[Group]]:
    """The groups that fare otherwise, and those that only another rule decides, or the same one written otherwise."""
    by_rule = [group for group in found if group.ones[0].aspect is Aspect.RULE]
    return [group for group in found if group not in by_rule], by_rule


def by_rule_alone(by_rule: Sequence[Group]) -> str:
    """All of them in a sentence, with the largest as an example."""
    count = sum(len(group.ones) for group in by_rule)
    first = by_rule[0]
    return f"{_classes(count)} {'fares' if count == 1 else 'fare'} as before: {told(first.was[:1])} -> {told(first.now[:1])}"


def by_new_rule(found: Sequence[Group]) -> list[Group]:
    """The groups, those that fare alike now as one, whatever rules decided before."""
    return _joined(found, lambda group: group.now, lambda group, more: group._replace(was=(*group.was, _or_by(more))))


def by_old_rule(found: Sequence[Group]) -> list[Group]:
    """The groups, those that fared alike before as one, whatever rules decide now."""
    return _joined(found, lambda group: group.was, lambda group, more: group._replace(now=(*group.now, _or_by(more))))


def _or_by(more: int) -> str:
    return f"or by {more:,} other {'rule' if more == 1 else 'rules'}"


def _joined(
    found: Sequence[Group], side: Callable[[Group], tuple[str, ...]], told: Callable[[Group, int], Group]
) -> list[Group]:
    alike: dict[tuple[str, str | None, tuple[str, ...]], list[Group]] = {}
    for group in found:
        alike.setdefault((group.mark, group.intended, side(group)), []).append(group)
    joined = []
    for first, *others in alike.values():
        ones = sorted((one for group in (first, *others) for one in group.ones), key=lambda one: -(one.of.size or 0))
        joined.append(told(first, len(others))._replace(ones=tuple(ones)) if others else first)
    return joined


def answer(report: DiffReport) -> str:
    """The answer in a sentence: ``3 classes of flows differ: 1 opens, 2 close``, or that nothing does and how sure that is."""
    if report.differences and all(one.aspect is Aspect.RULE for one in report.differences):
        count = len(report.differences)
        return f"no flow fares otherwise: {_classes(count)} {'is' if count == 1 else 'are'} decided by another rule alone"
    if report.differences:
        count = len(report.differences)
        intended = count - len(report.collateral)
        asked_for = f" ({intended:,} as intended)" if intended else ""
        differ = "class of flows differs" if count == 1 else "classes of flows differ"
        return f"{count:,} {differ}: {', '.join(counted(report.differences))}{asked_for}"
    if report.problems or report.interrupted:
        return "nothing is known of what differs: it came to no end"
    return f"nothing differs: {_how_sure(report)}"


def _how_sure(report: DiffReport) -> str:
    """What it rests on that nothing differs."""
    asked, lost = report.reached.asked, len(report.lost)
    sent = f"{number(asked)} {_flows(asked)} fared alike on both sides"
    if lost:
        sent = f"of {number(asked)} {_flows(asked)} {lost:,} {'is' if lost == 1 else 'are'} not proven, the others fared alike"
    if report.reached.sampled:
        return f"{sent}, and these are a sample"
    if not asked:
        return "the models of both sides have no flow that could fare otherwise"
    return f"all that the models of both sides tell apart was sent, and {sent}"


def compared(report: DiffReport) -> str:
    """What is compared, where: ``gateway of edge: old.rules -> new.rules``."""
    where = " of ".join(dict.fromkeys(word for word in (report.node, report.topology) if word))
    return plain(f"{where}: {report.old} -> {report.new}" if where else f"{report.old} -> {report.new}")


def how(reached: Reached) -> str:
    """How the flows were found: ``exhaustive but for: recent (6 rules)``, ``sampled: 4,000 flows of 900 classes, seed 7``."""
    of = f"{reached.asked:,} {_flows(reached.asked)} of {_classes(reached.classes)}"
    if reached.sampled:
        seed = f", seed {reached.seed}" if reached.seed is not None else ""
        but = f"; not read: {', '.join(reached.but_for)}" if reached.but_for else ""
        return plain(f"sampled: {of}{seed}{but}")
    but = f" but for: {', '.join(reached.but_for)}" if reached.but_for else ""
    return plain(f"exhaustive{but}: {of} {'was' if reached.asked == 1 else 'were'} sent")


def numbers(report: DiffReport) -> str:
    """The last line: ``INTENDED 1 of 1 · POLICY 9 of 9 · COLLATERAL 2 classes (1 fail-open)``."""
    others = report.collateral
    beside = f"{_classes(len(others))} ({sum(one.opens for one in others):,} fail-open)"
    if report.change is None and not report.intended and not report.holds:
        return f"DIFFER {beside}"
    return f"INTENDED {_passed(report.intended)} · POLICY {_passed(report.holds)} · COLLATERAL {beside}"


def breadth_text(report: DiffReport) -> list[str]:
    """How much more was opened than was asked for; empty where nothing was asked for."""
    if report.breadth is None:
        return []
    return [f"breadth {report.breadth:.3g}: what was opened beyond what was asked for, as a multiple of that"]


def failed_rows(report: DiffReport) -> Iterator[tuple[str, RowOutcome]]:
    """What a change intends and does not do, and what had to hold and does not."""
    yield from (("not as intended", row) for row in report.intended if not row.passed)
    yield from (("holds no more", row) for row in report.holds if not row.passed)


def row_outcome(row: RowOutcome) -> str:
    """The row, and what was otherwise."""
    return plain(f"{row.name}: {row.what}" if row.what else row.name)


def denied_text(one: Denied) -> str:
    """What a model said, and the kernel did not confirm."""
    return plain(f"{flow_text(one.flow)}: proposed {one.proposed}, found {one.found}")


def seen_lines(report: DiffReport) -> list[str]:
    """What becomes of live flows: ``cut: 3 of 10.0.1.7 tcp/443``."""
    return [plain(f"{one.how}: {one.count:,} of {one.peer} {one.service}") for one in report.seen]


def _passed(rows: Sequence[RowOutcome]) -> str:
    return f"{sum(row.passed for row in rows):,} of {len(rows):,}"


def _flows(count: int) -> str:
    return "flow" if count == 1 else "flows"


def _classes(count: int) -> str:
    return f"{count:,} {'class' if count == 1 else 'classes'}"
