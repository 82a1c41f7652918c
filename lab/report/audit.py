"""The questions of an auditor as one page: each with its answer in a sentence, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lab.record.audit import AuditReport, DeniedProbe, Exemption
from lab.record.exposure import ExposureReport
from lab.report.exposed_rows import way
from lab.report.exposure import by_reason, owner_text, row_text, rule_text
from lab.report.failure import in_a_word, place
from lab.report.folding import folded
from lab.report.markdown import lines_of
from lab.report.markup import code, prose
from lab.report.openings import Opening, openings
from lab.report.plain import plain
from lab.report.zones import Zones, services_text

MOST_ENTRIES = 12  # of one question on a terminal
MOST_ITEMS = 200  # in a page of Markdown
_LONGEST = 1_000  # characters of one of them
_MOST_FLOWS = 4  # that fared alike


class Entry(NamedTuple):
    """One thing that an answer rests on; ``copied`` is text that is shown as it is written."""

    text: str
    copied: str = ""


class Section(NamedTuple):
    """A question, its answer in a sentence, and what that rests on, the gravest first."""

    question: str
    answer: str
    entries: tuple[Entry, ...] = ()


def audit_lines(report: AuditReport, width: int | None = None) -> Iterator[str]:
    """The page for a terminal, in at most ``width`` columns; texts of rules are whole."""
    yield from folded(_title(report), width) if width else [_title(report)]
    for number, section in enumerate(sections(report), 1):
        yield ""
        yield from _hanging(f"{number}. {section.question}: {section.answer}", width, 3)
        for entry in section.entries[:MOST_ENTRIES]:
            yield from _hanging(f"   {plain(entry.text)}", width, 5)
            if entry.copied:
                yield f"       {plain(entry.copied)}"
        yield from _left(len(section.entries) - MOST_ENTRIES, "   ")
    notes = list(_notes(report))
    yield from [""] if notes else ()
    for note in notes:
        yield from _hanging(plain(note), width, 2)


def audit_markdown(report: AuditReport) -> str:
    """The page as GitHub-flavoured Markdown; nothing of a file is taken for markup."""
    lines = [f"## Audit: {prose(report.topology)}", "", f"{prose(_title(report))}.", ""]
    for number, section in enumerate(sections(report), 1):
        lines += [f"### {number}. {section.question}?", "", f"{prose(section.answer)}.", ""]
        lines += map(_item, section.entries[:MOST_ITEMS])
        left = list(_left(len(section.entries) - MOST_ITEMS, ""))
        lines += ["", *left] if left else []
        lines += [""] if section.entries else []
    notes = [f"- {lines_of(note)}" for note in _notes(report)]
    return "\n".join([*lines, *(["### What else is to be known", "", *notes[:MOST_ITEMS], ""] if notes else [])])


def _item(one: Entry) -> str:
    text, copied = plain(one.text, _LONGEST), plain(one.copied, _LONGEST)
    return f"- {prose(text)}{f'<br>{code(copied)}' if copied else ''}"


def sections(report: AuditReport) -> tuple[Section, ...]:
    """The five questions."""
    exposure = report.exposure
    zones = Zones(exposure.pairs) if exposure is not None else Zones(())
    opened = openings(exposure.exposures, exposure.pairs, way) if exposure is not None else []
    return (
        _reachable(report, opened, zones),
        _enforced(opened),
        _overdue(report),
        _logged(report.denied, report.not_denied),
        _rehearsed(report),
    )


def _reachable(report: AuditReport, opened: Sequence[Opening], zones: Zones) -> Section:
    question = "Which services are reachable from outside"
    if report.exposure is None or not report.finished:
        return Section(question, "that is not known to its end", tuple(_services(opened, zones)))
    if not opened:
        return Section(question, f"none, of {_questions(report.exposure)}")
    services = sum(len(opening.rows) for opening in opened)
    return Section(
        question, f"{_number(services, 'service')}, by {_number(len(opened), 'rule')}", tuple(_services(opened, zones))
    )


def _services(opened: Sequence[Opening], zones: Zones) -> Iterator[Entry]:
    for opening in opened:
        for row in opening.rows:
            text = f"{services_text(row.services)}  {zones.between(row.sources, row.targets)}  {row_text(row)}"
            yield Entry(f"{text.rstrip()}  by {_called(opening)}")


def _enforced(opened: Sequence[Opening]) -> Section:
    question = "Which rule enforces each, and who owns it"
    if not opened:
        return Section(question, "there is none")
    nobody = [opening for opening in opened if opening.owner is None]
    has = "has" if len(nobody) == 1 else "have"
    owned = f"{len(nobody):,} of {_number(len(opened), 'rule')} {has} no owner" if nobody else "each has an owner"
    ordered = [*nobody, *(opening for opening in opened if opening.owner is not None)]
    entries = (
        Entry(f"{rule_text(one)}  {owner_text(one) or 'nobody is named'}", one.rule.text if one.rule is not None else "")
        for one in ordered
    )
    return Section(question, owned, tuple(entries))


def _overdue(report: AuditReport) -> Section:
    question = "Which exceptions are overdue"
    if not report.exemptions and not report.finished:
        return Section(question, "that is not known to its end")
    if not report.exemptions:
        return Section(question, "no row and no rule says that it is one")
    if not report.overdue:
        due = report.exemptions[0]
        return Section(question, f"none of {len(report.exemptions):,}; the next is due on {due.review}: {due.name}")
    said = f"{len(report.overdue):,} of {len(report.exemptions):,}"
    return Section(question, said, tuple(_exemption(one) for one in report.overdue))


def _exemption(one: Exemption) -> Entry:
    who = "".join(f", {word} {value}" for word, value in (("owner", one.owner), ("ticket", one.ticket)) if value)
    at = f"  [{one.where}]" if one.where else ""
    return Entry(f"{one.name}{at}: to be reviewed by {one.review}{who}", one.text)


def _logged(denied: Sequence[DeniedProbe], not_denied: Sequence[str]) -> Section:
    question = "Which denied probes are logged"
    if not denied:
        return Section(question, "no flow was denied" if not_denied else "that is not known")
    logged = sum(bool(one.logged) for one in denied)
    said = f"{logged:,} of {len(denied):,} that were sent, as traced by the kernel"
    alike: dict[tuple[bool, str], list[DeniedProbe]] = {}
    for one in denied:
        alike.setdefault((bool(one.logged), _fate(one)), []).append(one)
    return Section(question, said, tuple(_probes(fate, alike[of, fate]) for of, fate in sorted(alike, key=lambda key: key[0])))


def _fate(one: DeniedProbe) -> str:
    """What became of it, by which rule, and what logs it."""
    rule = one.verdict.stopped_by or one.verdict.rule
    by = f" by {rule}{place(rule)}" if rule is not None else ""
    logs = ", ".join(f"logged as {prefix!r} by {log}{place(log)}" for prefix, log in one.logged) or "NOT LOGGED"
    return f"{logs}; {in_a_word(one.verdict)}{by}"


def _probes(fate: str, ones: Sequence[DeniedProbe]) -> Entry:
    told = "; ".join(map(_flow, ones[:_MOST_FLOWS]))
    more = f" and {len(ones) - _MOST_FLOWS:,} more" if len(ones) > _MOST_FLOWS else ""
    return Entry(f"{fate}  of {told}{more}")


def _flow(one: DeniedProbe) -> str:
    pair = one.pair
    return f"{pair.zone} {pair.sender} {pair.source} -> {pair.into} {pair.target} {pair.address} {one.service}"


def _rehearsed(report: AuditReport) -> Section:
    question = "What the last rehearsal of the rollback was"
    given = report.evidence
    if given is None:
        return Section(question, "none was given (--evidence FILE)")
    kernel = f" on kernel {given.kernel}" if given.kernel else ""
    of = f" of {', '.join(given.matrices)}" if given.matrices else ""
    ended = "" if given.finished else ", which did not finish"
    told = f"{given.file} is a run{of}{kernel}{ended}: {given.passed:,} of {_number(given.cells, 'cell')} passed"
    return Section(question, "none is in the evidence", (Entry(told),))


def _notes(report: AuditReport) -> Iterator[str]:
    if not report.finished:
        yield f"{'interrupted' if report.interrupted else 'stopped'}: this is what was finished"
    yield from (f"problem: {problem}" for problem in report.problems)
    exposure = report.exposure
    lost = (*(exposure.lost if exposure is not None else ()), *report.lost)
    yield from (f"not proven: {text}" for text in by_reason(lost))
    yield from (f"unsettled: {text}" for text in by_reason(exposure.unsettled if exposure is not None else ()))
    yield from (f"no denied flow was found: {where}" for where in report.not_denied)
    if exposure is not None:
        yield from (f"not asked: {words}" for words in exposure.not_asked)
        yield from (f"note: {note}" for note in exposure.notes)


def _title(report: AuditReport) -> str:
    outside = ", ".join(report.outside) or "nobody yet"
    asked = f"; {_questions(report.exposure)}" if report.exposure is not None else ""
    return plain(f"{report.topology}, as of {report.day}, asked from {outside}{asked}")


def _questions(exposure: ExposureReport) -> str:
    return f"{_number(exposure.questions, 'question')} of 65,535 ports"


def _called(opening: Opening) -> str:
    return "no rule" if opening.rule is None else str(opening.rule)


def _hanging(text: str, width: int | None, hang: int) -> list[str]:
    """The text in lines of at most ``width`` columns, the further ones behind ``hang`` blanks."""
    if width is None or len(text) <= width:
        return [text]
    first, *others = folded(text[hang:], width - hang)
    return [text[:hang] + first, *(" " * hang + part for part in others)]


def _left(left: int, indent: str) -> Iterator[str]:
    if left > 0:
        yield f"{indent}and {left:,} more: --json has them"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
