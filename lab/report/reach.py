"""Service matrices as text: the groups of addresses, the widest first, then who reaches whom by which rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from lab.record.service_matrix import By, Group, Reached, ServiceMatrix, ServiceMatrixReport, State, Way
from lab.report.folding import columns
from lab.report.plain import plain

_LINES = 18  # of groups and ways: with what stands around them a screen has 25
_LEAST = 3
_WORDS = 60  # columns of a group's addresses
_MOST_RULES = 1
_MOST_TOLD = 2
_SAID = {
    State.REACHES: "", State.UNANSWERED: ", and no answer comes back", State.LET_THROUGH: ", and nobody is there to answer",
    State.LOST: ", which is not proven",
}  # fmt: skip


def reach_lines(report: ServiceMatrixReport, width: int | None = None, *, full: bool = False) -> Iterator[str]:
    """The report for a terminal: at most 25 lines of one matrix, unless it is ``full``."""
    room = max(_LINES // max(len(report.matrices), 1), 2 * _LEAST)
    for matrix in report.matrices:
        yield from _matrix(report, matrix, width, None if full else room)
    yield from _changes(report, full=full)
    most = None if full else _MOST_TOLD
    yield from _some((f"not proven: {plain(text)}" for text in report.lost), len(report.lost), "not proven", most)
    yield from _some((f"unsettled: {plain(text)}" for text in report.unsettled), len(report.unsettled), "unsettled", most)
    if full:
        yield from (f"not asked: {plain(text)}" for text in report.not_asked)
    elif report.not_asked:
        yield f"{len(report.not_asked)} classes of addresses that were not asked: --full names them"
    yield from (f"note: {plain(note)}" for note in report.notes)
    yield from (f"problem: {plain(str(problem))}" for problem in report.problems)
    if not report.finished:
        yield f"{'interrupted' if report.interrupted else 'stopped'}: this is what was finished"
    yield summary(report)


def summary(report: ServiceMatrixReport) -> str:
    """One line with the numbers."""
    packets = sum(matrix.questions * len(matrix.services) for matrix in report.matrices)
    asking, asked = (max((matrix.classes[end] for matrix in report.matrices), default=0) for end in (0, 1))
    told = "all rules" if report.every_class else "rules that may be about the service; --every-class: of all"
    words = [
        f"{report.topology}: {packets:,} packets, from {asking} classes to {asked} (of {told})", f"{report.seconds:.1f} s",
    ]  # fmt: skip
    if report.added is not None and report.gone is not None:
        words.append(f"{len(report.added)} new, {len(report.gone)} gone")
    return plain(", ".join(words))


def title(matrix: ServiceMatrix) -> str:
    """``tcp/22: 5 groups of addresses, 7 ways between them; fw itself: 2 to it, 5 from it``."""
    own = {group.name: group.own for group in matrix.groups if group.own is not None}
    others = len(matrix.groups) - len(own)
    between = _count(way for way in matrix.ways if way.source not in own and way.destination not in own)
    service = ", ".join(matrix.services) + (" IPv6" if matrix.family == 6 else "")
    parts = [f"{service}: {_number(others, 'group')} of addresses, {_number(between, 'way')} between them"]
    for node in dict.fromkeys(own.values()):
        these = {name for name, of in own.items() if of == node}
        to = _count(way for way in matrix.ways if way.destination in these and way.source not in these)
        away = _count(way for way in matrix.ways if way.source in these and way.destination not in these)
        parts.append(f"{node} itself: {to} to it, {away} from it")
    return plain("; ".join(parts))


def rule_words(by: Sequence[By]) -> str:
    """The rule that lets most in, with its line, and how many others do."""
    first = by[0]
    words = "no rule decides" if first.rule is None else f"{first.rule}"
    if first.rule is not None and first.rule.source:
        words += f" [{first.rule.source}]"
    if first.arrived:
        words += f" to {', '.join(first.arrived[:_MOST_TOLD])}"
    more = len(by) - _MOST_RULES
    return plain(words + (f" and {_number(more, 'more rule')}" if more > 0 else ""))


def _matrix(report: ServiceMatrixReport, matrix: ServiceMatrix, width: int | None, room: int | None) -> Iterator[str]:
    yield plain(f"{report.topology}, {title(matrix)}")
    rows = _grouped(matrix)
    groups, ways = len(matrix.groups), len(rows)
    if room is not None and groups + ways > room:
        groups = min(groups, max(room // 2, room - ways))
        ways = min(ways, room - groups)
    yield from columns([_group_row(group, None if room is None else _WORDS) for group in matrix.groups[:groups]], width)
    yield from _more(len(matrix.groups) - groups, "smaller group")
    yield from columns([_way_row(*row) for row in rows[:ways]], width)
    yield from _more(len(rows) - ways, "more line")
    if any(way.within for way in matrix.ways):
        yield "  * within one network: what a packet comes to that is sent to the firewall; hosts there need none"


def _group_row(group: Group, most: int | None) -> tuple[str, str, str, str]:
    places = f"{group.own} itself" if group.own is not None else ", ".join(group.places[:2])
    places += f" and {len(group.places) - 2} more" if group.own is None and len(group.places) > 2 else ""
    silent = "" if group.sends else "  (nobody sends from there)"
    return group.name, counted(group.count), plain(places), plain(some_addresses(group.addresses, most)) + silent


def counted(addresses: int) -> str:
    """How many addresses; of IPv6 as a power of two.

    >>> counted(1_024), counted(2**64 - 3)
    ('1,024', '~2^64')
    """
    return f"{addresses:,}" if addresses <= 1 << 32 else f"~2^{math.log2(addresses):.0f}"


def some_addresses(words: Sequence[str], most: int | None) -> str:
    """The first words that ``most`` columns have room for, and how many others there are.

    >>> some_addresses(["10.0.0.0/8", "192.0.2.1", "192.0.2.7"], 20)
    '10.0.0.0/8 and 2 more'
    """
    shown = 1
    while shown < len(words) and (most is None or len(", ".join(words[: shown + 1])) <= most):
        shown += 1
    left = len(words) - shown
    return ", ".join(words[:shown]) + (f" and {left:,} more" if left else "")


_Row = tuple[Sequence[Way], Sequence[str]]


def _grouped(matrix: ServiceMatrix) -> list[_Row]:
    """Ways of the same rules and state from one group together, then those groups that have the same; the widest first."""
    counts = {group.name: group.count for group in matrix.groups}
    own = {group.name for group in matrix.groups if group.own is not None}
    by_rule: dict[object, list[Way]] = {}
    for way in matrix.ways:
        to_own = way.destination in own
        by_rule.setdefault((way.source, way.state, _rule_key(way), to_own, way.only_from), []).append(way)
    same: dict[object, tuple[list[Way], list[str]]] = {}
    for ways in by_rule.values():
        key = tuple((way.destination, way.within) for way in ways), ways[0].state, _rule_key(ways[0]), ways[0].only_from
        same.setdefault(key, (ways, []))[1].append(ways[0].source)

    def width(row: _Row) -> tuple[bool, int]:
        ways, sources = row
        wide = sum(counts[source] for source in sources) * sum(counts[way.destination] for way in ways)
        return not own.isdisjoint((*sources, *(way.destination for way in ways))), -wide

    return sorted(same.values(), key=width)


def _rule_key(way: Way) -> object:
    first = way.by[0].rule if way.by else None
    return first and (first.node, first.place), len(way.by) > 1


def _way_row(ways: Sequence[Way], sources: Sequence[str]) -> tuple[str, str]:
    names = (f"{way.destination}{'*' if way.within else ''}" for way in ways)
    by = max((way.by for way in ways), key=len)
    only = f", only from {', '.join(ways[0].only_from)}" if ways[0].only_from else ""
    arrow = f"{_listed(sources)} -> {_listed(list(names))}"
    return arrow, f"{rule_words(by)}{_SAID.get(ways[0].state, '')}{plain(only)}"


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _changes(report: ServiceMatrixReport, *, full: bool) -> Iterator[str]:
    for word, changes in (("NEW", report.added), ("gone", report.gone)):
        lines = (f"{word}: {change_text(change)}" for change in changes or ())
        yield from _some(lines, len(changes or ()), word, None if full else _LINES // 3)


def change_text(change: Reached) -> str:
    """``tcp/22: 10.0.2.7 -> 10.0.1.0/24 reaches, was denied: fw filter:FORWARD:3``."""
    ends = f"{some_addresses(change.sources, _WORDS)} -> {some_addresses(change.destinations, _WORDS)}"
    rule = "" if change.rule is None or not change.state.lets_in else f": {rule_words([By(change.rule, 1)])}"
    return plain(f"{change.service}: {ends} {_now(change.state)}, was {change.before}{rule}")


def _now(state: State) -> str:
    return "is denied" if state is State.DENIED else str(state)


def _some(lines: Iterable[str], count: int, what: str, most: int | None) -> Iterator[str]:
    shown = list(lines)[:most]
    yield from shown
    yield from _more(count - len(shown), f"more {what}", plural="")


def _more(left: int, what: str, plural: str = "s") -> Iterator[str]:
    if left > 0:
        yield f"  and {left:,} {what}{plural if left != 1 else ''}: --full has them"


def _count(ways: Iterable[Way]) -> int:
    return len({(way.source, way.destination) for way in ways if way.state.lets_in})


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
