"""A table of conntrack as a person reads it: a line an entry, and below them what all come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.record.packet import ICMPS, PROTOCOL_NAMES, end_point
from lab.record.tracked import ConntrackReport, Counted, HeldFlow, Table, Tracked
from lab.report.folding import columns
from lab.report.plain import plain

FIRST = 40
"""How many entries are printed."""
_MOST_WORDS = _MOST_FLOWS = 8


def conntrack_lines(report: ConntrackReport, width: int | None = None, *, voided: bool = False) -> Iterator[str]:
    """The report as lines of at most ``width`` columns; its notes come first where it may be ``voided`` by them."""
    table, notes = report.table, [plain(f"note: {note}") for note in report.notes]
    yield from notes if voided else ()
    yield plain(table.of)
    yield from columns([_row(entry) for entry in table.shown], width)
    if (left := table.entries - len(table.shown)) > 0:
        yield f"  … and {left:,} more (--full prints all)"
    yield from _summary(table, width)
    yield from _flows(report.flows)
    yield from (plain(f"guessed: {guess}") for guess in report.guesses)
    yield from () if voided else notes


def _row(entry: Tracked) -> tuple[str, ...]:
    """Protocol and state, who to whom, as whom, how long yet, and what else it bears."""
    packet = entry.original
    ends = f"{packet.end_point('source')} > {packet.end_point('destination')}"
    left = "" if entry.timeout_s is None else f"{entry.timeout_s:,} s"
    kind = f"{_protocol(packet.proto)} {entry.state}"
    return tuple(map(plain, (kind, ends + _translated(entry), left, " ".join(_words(entry)))))


def _protocol(number: int) -> str:
    return PROTOCOL_NAMES.get(number, f"proto {number}")


def _translated(entry: Tracked) -> str:
    seen_as, by = entry.seen_as, entry.answered_by
    told = (f" as {end_point(*seen_as)}" if seen_as else "") + (f" to {end_point(*by)}" if by else "")
    return f",{told}" if told else ""


def _words(entry: Tracked) -> Iterator[str]:
    if entry.original.proto in ICMPS:
        yield f"id {entry.original.sport}"
    yield from entry.status
    if entry.mark:
        yield f"mark {entry.mark:#x}"
    if entry.zone_orig or entry.zone_reply:
        both = entry.zone_orig == entry.zone_reply
        yield f"zone {entry.zone_orig}" if both else f"zone {entry.zone_orig}/{entry.zone_reply}"
    if entry.helper:
        yield f"helper {entry.helper}"
    if entry.labels:
        yield f"labels {','.join(entry.labels)}"


def _summary(table: Table, width: int | None) -> Iterator[str]:
    without = f", {table.unanswered:,} of them without an answer" if table.unanswered else ""
    yield f"{table.entries:,} {'entry' if table.entries == 1 else 'entries'}{without}"
    told = (
        ("states", table.by_state, len(table.by_state)),
        ("protocols", table.by_protocol, len(table.by_protocol)),
        ("sources", table.by_source, table.sources),
        ("services", table.by_service, table.services),
        ("also", table.by_more, len(table.by_more)),
    )
    yield from columns([(label, plain(_counted(counted, of))) for label, counted, of in told if counted], width)


def _counted(counted: Sequence[Counted], of: int) -> str:
    shown = counted[:_MOST_WORDS]
    more = f", … and {of - len(shown):,} more" if of > len(shown) else ""
    return ", ".join(f"{one.what} ({one.entries:,}{_bare(one)})" for one in shown) + more


def _bare(counted: Counted) -> str:
    """How many of some have no answer, where some have one."""
    some = 0 < counted.unanswered < counted.entries
    return f", {counted.unanswered:,} unanswered" if some else ", unanswered" if counted.unanswered else ""


def _flows(flows: Sequence[HeldFlow]) -> Iterator[str]:
    """What became of the flows that were to be held open: those that were not, and those that the node does not track."""
    if not flows:
        return
    yield f"{sum(flow.passed for flow in flows):,} of {len(flows):,} flows were held open meanwhile"
    shut = [f"{flow.of}: {flow.verdict.kind}, {flow.verdict.proof}" for flow in flows if not flow.passed]
    bare = [f"{flow.of}" for flow in flows if flow.passed and not flow.tracked]
    for label, told in (("not open", shut), ("no entry", bare)):
        yield from (plain(f"  {label}: {one}") for one in told[:_MOST_FLOWS])
        if len(told) > _MOST_FLOWS:
            yield f"  {label}: … and {len(told) - _MOST_FLOWS:,} more (--json has all)"
