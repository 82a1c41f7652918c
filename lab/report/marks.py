"""The mark map of a node as a person reads it: value by value where it is set, what asks for it, and where it leads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.record.marks import Mark, MarkMap, MarkReport, MarkRoute, MarkRule, MarkWay
from lab.record.path import Rule
from lab.report.plain import plain

_LABEL, _INDENT = 10, 2
_MOST = 6  # rules of one kind; a dump may have thousands


def mark_lines(report: MarkReport) -> Iterator[str]:
    """The lines: node by node, what does not fit together last; what was read and what was asked is said at the end."""
    told = False
    for one in report.maps:
        yield from _map(one)
        yield ""
        told = told or bool(one.marks)
    if not told:
        yield "no rule sets a mark or asks for one"
        return
    yield "rules are read as the kernel holds them, in their text; by which way a marked packet goes its kernel was asked"
    yield "a single packet, with the mark that it truly has: lab trace FROM TO SERVICE"


def _map(one: MarkMap) -> Iterator[str]:
    values = f"{len(one.marks)} {'value' if len(one.marks) == 1 else 'values'}" if one.marks else "no marks"
    yield plain(f"{one.node}: {values}")
    for mark in one.marks:
        yield from _mark(mark)
    yield from _block("without", (_way(way) for way in one.without), head="0x0")
    yield from _rules("cleared", one.cleared_by, head="0x0" if not one.without else "")
    yield from _rules("kept", one.kept_by, head="flows")
    yield from _rules("given", one.given_by, head="flows" if not one.kept_by else "")
    yield from _rules("reckoned", one.reckoned_by, head="others")
    yield from _rules("asked", one.asked_any_by, head="" if one.reckoned_by else "others")
    yield from _block("does not fit", one.findings, head="look")


def _mark(mark: Mark) -> Iterator[str]:
    head = f"{mark.value:#x}"
    if mark.set_by:
        yield from _rules("set", mark.set_by, head=head)
        head = ""
    yield from _rules("asked", mark.asked_by, head=head)
    head = "" if mark.asked_by else head
    yield from _block("asked", map(_route, mark.routed_by), head=head)
    yield from _block("goes", (_way(way) for way in mark.ways), head="" if mark.routed_by else head)


def _rules(label: str, rules: Sequence[MarkRule], *, head: str = "") -> Iterator[str]:
    texts = [_rule(one.rule) for one in rules[:_MOST]]
    if len(rules) > _MOST:
        texts.append(f"and {len(rules) - _MOST} rules more")
    yield from _block(label, texts, head=head)


def _rule(rule: Rule) -> str:
    family = "" if rule.family == "ip" else f"{rule.family} "
    source = f"  [{rule.source}]" if rule.source else ""
    return f"{family}{rule.place} {rule.text.removeprefix(f'-A {rule.chain} ')}{source}"


def _route(one: MarkRoute) -> str:
    return f"ip{'' if one.family == 4 else ' -6'} rule `{one.rule}`"


def _way(way: MarkWay) -> str:
    routed = way.routed
    if routed.table is None:
        return f"to {way.to}: refused ({routed.refused})"
    by = f" by rule {routed.pref}" if routed.pref is not None else ""
    return f"to {way.to}: {routed.route}, of table {routed.name}{by}"


def _block(label: str, texts: Iterator[str] | Sequence[str], *, head: str = "") -> Iterator[str]:
    for number, text in enumerate(texts):
        first, name = (head, label) if number == 0 else ("", "")
        yield plain(f"{'':{_INDENT}}{first:<{_LABEL}}  {name:<{_LABEL}}{text}")
