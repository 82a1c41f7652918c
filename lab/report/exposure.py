"""What is exposed, as text and as JSON: rule by rule, the widest first; or in full, a row for each pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from lab.record.exposure import Change, Exposure, ExposureReport
from lab.record.path import Rule
from lab.report.addresses import addresses_text
from lab.report.exposed_rows import HEAD, exposure_row, way
from lab.report.folding import columns
from lab.report.openings import Opening, Row, count, openings, unasserted
from lab.report.plain import plain
from lab.report.sweep import some_ports
from lab.report.wire.exposure import Exposures
from lab.report.wire.writing import Written, written
from lab.report.zones import Zones, services_text, some

MOST_RULES = 16  # that are told with their rows: a screen or two
MOST_ROWS = 4  # of one of these
_MOST_LINES = 30  # of the rules behind these
_MOST_OF_A_KIND = 6  # places of which the same is told


def exposure_lines(report: ExposureReport, width: int | None = None) -> Iterator[str]:
    """The report for a terminal: what each rule opens, what no matrix asserts, what changed, what is not known, the numbers.

    What each rule opens takes at most ``width`` columns.
    """
    zones = Zones(report.pairs)
    opened = openings(report.exposures, report.pairs, way)
    if opened:
        yield f"{plain(report.topology)}: what each rule opens, the widest first"
    for opening in opened[:MOST_RULES]:
        yield from _block(opening, zones, width)
    yield from _cut((_line(opening, zones) for opening in opened[MOST_RULES:]), len(opened) - MOST_RULES, "rules")
    yield from asserted_by_none(report, opened, zones)
    yield from zones.lines()
    yield from _changes(report)
    yield from (f"not proven: {text}" for text in by_reason(report.lost))
    yield from (f"unsettled: {text}" for text in by_reason(report.unsettled))
    yield from _unmet(report)
    if report.not_asked:
        classes = "class" if len(report.not_asked) == 1 else "classes"
        yield f"{len(report.not_asked)} {classes} of addresses that were not asked: --full names them"
    yield from _ending(report, len(opened))


def full_lines(report: ExposureReport) -> Iterator[str]:
    """What `lab exposure --full` tells behind the rows of all pairs."""
    yield from _changes(report)
    yield from (f"not proven: {plain(lost)}" for lost in report.lost)
    yield from (f"unsettled: {plain(unsettled)}" for unsettled in report.unsettled)
    yield from (f"no question met {unmet_text(rule, why)}" for rule, why in zip(report.unmet, report.why_unmet, strict=True))
    yield from (f"not asked: {plain(words)}" for words in report.not_asked)
    yield from _ending(report, len({one.rule for one in report.exposures}))


def unmet_text(rule: Rule, why: str) -> str:
    """A rule that no question met, and why, where that is known."""
    return plain(f"{_named(rule)} {rule.text}: {why}" if why else f"{_named(rule)} {rule.text}")


def _unmet(report: ExposureReport) -> Iterator[str]:
    """How many rules no question met, and first of all those of which it is not known why."""
    if not report.unmet:
        return
    odd = [rule for rule, why in zip(report.unmet, report.why_unmet, strict=True) if not why]
    why = f", {len(odd)} for no known reason" if odd else ""
    yield f"{_number(len(report.unmet), 'rule')} that no question met{why}: --full names them"
    yield from _cut((unmet_text(rule, "") for rule in odd), len(odd), "rules")


class FullRows:
    """Rows of pairs as they become known, under the zones that they are between.

    ``judged``: matrices are there, so each row ends with what asserts it.
    """

    def __init__(self, *, judged: bool) -> None:
        self._judged = judged
        self._between: tuple[str, str] | None = None
        self._widths = [0] * (len(HEAD) - 1)

    def lines(self, one: Exposure) -> Iterator[str]:
        """The row, and above it its zones, where the last one was between others."""
        between = one.pair.zone, one.pair.into
        if between != self._between:
            self._between = between
            yield plain(f"{between[0]} -> {between[1]}")
        row = exposure_row(one)
        self._widths = [max(width, len(text)) for width, text in zip(self._widths, row, strict=False)]
        padded = [f"{text:{width}}" for text, width in zip(row, (*self._widths, 0), strict=True)]
        yield "  " + "  ".join(padded if self._judged else padded[:-1]).rstrip()


def summary(report: ExposureReport, rules: int) -> str:
    """One line with the numbers."""
    open_ports = sum(count(one.ports) for one in report.exposures)
    none = sum(count(one.unasserted) for one in report.exposures)
    asserted = f", {none:,} asserted by no matrix" if report.judged else ""
    found = f"{_number(len(report.exposures), 'exposure')} by {_number(rules, 'rule')}"
    words = [
        f"{report.topology}: {found} ({_number(open_ports, 'port')}{asserted})",
        f"{_number(report.questions, 'question')} of 65,535 ports, {report.swept} of them with a packet for each port",
        f"{report.seconds:.1f} s",
    ]
    if report.added is not None and report.gone is not None:
        words.append(f"{len(report.added)} new, {len(report.gone)} gone, {len(report.untold or ())} not told")
    return ", ".join(words)


def change_text(change: Change) -> str:
    """``world > web-vip (198.51.100.2) tcp/8443``."""
    source = "" if change.source is None or change.sources is None else f" ({_for(change.source, change.sources)})"
    target = _for(change.address, change.targets)
    return plain(f"{change.sender}{source} > {change.target} ({target}) {change.proto}/{some_ports(change.ports)}")


def _for(address: str, others: str | None) -> str:
    return address if others in (None, address) else f"{address}, for {others}"


def newest_text(one: Exposure) -> str:
    """What was found last: ``world > web-vip (198.51.100.2) tcp/8443``."""
    pair = one.pair
    return change_text(Change(pair.sender, pair.target, pair.address, pair.family, one.proto, one.ports))


def row_text(row: Row) -> str:
    """How the packets of a row fare: whether a service answers, and how they arrive where that is not as they were sent."""
    seen = f"comes from {some(addresses_text(row.seen_as))}" if row.seen_as else ""
    return plain("; ".join(words for words in (f"{_listening(row)}{row.way}", seen) if words))


def owner_text(opening: Opening) -> str:
    """Who answers for it; empty where nobody is named."""
    said = (("owner", opening.owner), ("ticket", opening.ticket), ("review", opening.review))
    return plain(", ".join(f"{word} {value}" for word, value in said if value is not None))


def rule_text(opening: Opening) -> str:
    """The rule with its line."""
    return "no rule decides" if opening.rule is None else _named(opening.rule)


def asserted_by_none(report: ExposureReport, opened: Sequence[Opening], zones: Zones) -> Iterator[str]:
    """What of it no matrix says is to be open, by rule."""
    none = openings(unasserted(report.exposures), report.pairs, way) if report.judged else []
    if not none:
        return
    if sum(opening.width for opening in none) == sum(opening.width for opening in opened):
        yield "asserted by no matrix: nothing of this is asserted"
        return
    yield "asserted by no matrix:"
    yield from _cut((_line(opening, zones) for opening in none), len(none), "rules")


def by_reason(told: Sequence[str]) -> Iterator[str]:
    """Of sentences ``place: why`` each reason once, behind the first of the places that it holds for."""
    places: dict[str, list[str]] = {}
    for text in told:
        place, _, why = text.partition(": ")
        places.setdefault(why, []).append(place)
    for why, ones in places.items():
        more = f" and {len(ones) - _MOST_OF_A_KIND} more" * (len(ones) > _MOST_OF_A_KIND)
        yield plain("; ".join(ones[:_MOST_OF_A_KIND]) + more + (f": {why}" if why else ""))


def exposure_json(report: ExposureReport) -> Written:
    """The report for machines, and for ``--against``."""
    return written(Exposures, report)


def _block(opening: Opening, zones: Zones, width: int | None) -> Iterator[str]:
    yield "  ".join(words for words in (rule_text(opening), owner_text(opening)) if words)
    if opening.rule is not None:
        yield f"    {plain(opening.rule.text)}"
    first = opening.rows[:MOST_ROWS]
    rows = [(services_text(row.services), zones.between(row.sources, row.targets), row_text(row)) for row in first]
    yield from columns(rows, width)
    yield from _cut((), len(opening.rows) - MOST_ROWS, "rows")


def _line(opening: Opening, zones: Zones) -> str:
    first, *others = opening.rows
    more = f" and {len(others)} more" * bool(others)
    between = zones.between(first.sources, first.targets)
    who = "  ".join(words for words in (rule_text(opening), owner_text(opening)) if words)
    return f"{who}: {services_text(first.services)}  {between}{more}"


def _cut(lines: Iterable[str], left: int, what: str) -> Iterator[str]:
    """The first lines, and how many others there are."""
    shown = list(islice(lines, _MOST_LINES))
    yield from (f"  {line}" for line in shown)
    if left > len(shown):
        yield f"  and {left - len(shown)} more {what}: --full lists every pair"


def _changes(report: ExposureReport) -> Iterator[str]:
    for word, changes in (("NEW", report.added), ("gone", report.gone)):
        for change in changes or ():
            yield f"{word}: {change_text(change)}"
    for one in report.untold or ():
        yield f"not told: {change_text(one.change)}: {plain(one.why)}"


def _ending(report: ExposureReport, rules: int) -> Iterator[str]:
    for note in report.notes:
        yield f"note: {plain(note)}"
    for problem in report.problems:
        yield f"problem: {plain(str(problem))}"
    if not report.finished:
        yield f"{'interrupted' if report.interrupted else 'stopped'}: this is what was finished"
    yield summary(report, rules)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _listening(row: Row) -> str:
    if row.listening is None:
        return ""
    if not row.listening:
        return "open, nothing listens"
    if {end for end, _ in row.listening} == set(row.targets) and all(ports == row.services for _, ports in row.listening):
        return "yes"
    at = ", ".join(f"{end.name} {services_text(ports)}" for end, ports in row.listening[:_MOST_OF_A_KIND])
    return f"yes at {at}, else open, nothing listens"


def _named(rule: Rule) -> str:
    return plain(f"{rule}{f' [{rule.origin}]' if rule.origin else ''}")
