"""What became of cells that fared alike, in some six lines: row, flow, what happened, the rule, why, what would mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lab.record.hint import Hint
from lab.record.observation import Arrival
from lab.record.packet import end_point
from lab.record.path import End, Rule
from lab.record.result import CellResult, Outcome, PortGroup
from lab.record.verdict import Kind, Verdict
from lab.report.causes import LATER, flows_text
from lab.report.path import AS_BEFORE, translated
from lab.report.plain import plain, plain_lines
from lab.report.steps import step_lines

LABEL = 8
_MOST_GROUPS = 4
_FITS = {
    "allow": (Kind.ALLOWED,), "drop": (Kind.DROPPED,), "reject": (Kind.REJECTED,), "deny": (Kind.DROPPED, Kind.REJECTED),
}  # fmt: skip
_ASTRAY = (Kind.UNANSWERED, Kind.UNROUTED, Kind.LOST)


class Line(NamedTuple):
    """A line of what is told: its label, and its text in one line; ``whole`` of one that is copied, and never folded."""

    label: str
    text: str
    whole: bool = False


def head(cell: CellResult) -> str:
    """``FAIL-CLOSED the site from inside  [matrices/home.yaml:7]``."""
    outcome = str(cell.outcome) if cell.outcome is Outcome.PASSED else str(cell.outcome).upper()
    known = " (known)" if cell.known and cell.outcome is Outcome.PASSED else ""
    return f"{outcome}{known}{' (suspect)' if cell.suspect else ''} {plain(cell.row)}  [{plain(cell.where)}]"


def failure_lines(cells: Sequence[CellResult], *, with_path: bool = False) -> list[Line]:
    """What is told of cells that fared alike, behind their `head`; the first stands for all.

    ``with_path``: the path is told too, and so is not told in short.
    """
    cell = cells[0]
    lines = [
        Line("", f"{flow_text(cell)}: expected {cell.expected}, is {_became(cell)}"),
        *(Line("steps", text) for text in step_lines(cell)),
        *session(cell.verdict, _became(cell)),
        *(differs(cell.expected, cell.verdict, cell.differences) if not cell.bursts else _all(cell.differences)),
        *_others(cell),
        *deciding(cell.verdict, cell.at),
        *(() if with_path else whither(cell.verdict, always=cell.outcome is Outcome.MISMATCH)),
        *reasons(cell.hints),
    ]
    if len(cells) > 1:
        lines.append(Line("", f"and {len(cells) - 1} more: {flows_text(cells[1:])}"))
    return lines


def _became(cell: CellResult) -> str:
    if cell.bursts:
        return "; ".join(dict.fromkeys(burst.fates for burst in cell.bursts))
    plainly = _is_plain(cell.expected, cell.verdict) or cell.outcome is Outcome.PASSED
    return happened(cell.verdict) if plainly or not cell.differences else in_a_word(cell.verdict)


def _all(differences: Iterable[str]) -> Iterator[Line]:
    yield from (Line("differs", text) for text in differences)


def session(verdict: Verdict, became: str) -> Iterator[Line]:
    """Which of a session's connections it was, where that is not told yet."""
    if verdict.observation.session is not None and verdict.kind is not Kind.ALLOWED and verdict.proof not in became:
        yield Line("session", verdict.proof)


def written(lines: Iterable[Line], width: int = LABEL) -> list[str]:
    """The lines as text, their labels in a column, one that is that of the line before not again."""
    return [shown for _, texts in shown_lines(lines, width) for shown in texts]


def shown_lines(lines: Iterable[Line], width: int = LABEL) -> Iterator[tuple[Line, list[str]]]:
    """Each line with what is shown of it; one without a label begins where labels do."""
    last = ""
    for line in lines:
        shown = "" if line.label == last else line.label
        first, *others = plain_lines(line.text)
        if line.label:
            yield line, [f"  {shown:<{width}}{first}", *(f"  {'':<{width}}{other}" for other in others)]
        else:
            yield line, [f"  {part}" for part in (first, *others)]
        last = line.label


def flow_text(cell: CellResult) -> str:
    """``pc 10.0.1.10 -> public 198.51.100.87 tcp/80``, each end with its address where its name is none."""
    sent = cell.sent
    service = cell.service
    if cell.groups and sent.dport is not None:
        service = f"{service.partition('/')[0]}/{cell.groups[0].ports} (of {cell.service})"
    bound = " (bound)" if cell.bound else ""
    return f"{_end(cell.sender, sent.source)}{bound} -> {_end(cell.target, sent.destination)} {service}"


def sender_text(cell: CellResult) -> str:
    """Return the sender, with ``(bound)`` where it is the address of several that its own kernel would not choose."""
    return f"{cell.sender} (bound)" if cell.bound else cell.sender


def happened(verdict: Verdict) -> str:
    """What became of the packet, in words that need no rule; what proves it where no rule explains it."""
    match verdict.kind:
        case Kind.ALLOWED | Kind.DROPPED:
            return str(verdict.kind)
        case Kind.REJECTED:
            return f"rejected{f' with {verdict.reject}' if verdict.reject else ''}" + (
                ", and its answer never came to the sender (muted)" if verdict.muted else ""
            )
        case Kind.CLOSED:
            return "closed (it came through, and nothing listens there)"
        case Kind.UNANSWERED if verdict.stopped_by is not None:
            return "unanswered"
        case _:
            return f"{verdict.kind}: {verdict.proof}"


def in_a_word(verdict: Verdict) -> str:
    """The verdict, with the kind of a rejection."""
    return f"{verdict.kind}{f' with {verdict.reject}' if verdict.reject else ''}{' (muted)' if verdict.muted else ''}"


def deciding(verdict: Verdict, at: str | None) -> Iterator[Line]:
    """The rule that made it so, with its line and text; the last that let it pass where none did."""
    stopped = verdict.stopped_by
    if stopped is not None:
        what = f"its {verdict.packet}" if verdict.packet in LATER else "it"
        yield from _rule("by", stopped, f"{'rejected' if verdict.kind is Kind.REJECTED else 'dropped'} {what}")
        if verdict.muted_by is not None:
            yield from _rule("muted", verdict.muted_by, "dropped its answer")
    elif verdict.rule is not None and verdict.kind in (Kind.ALLOWED, Kind.CLOSED):
        yield from _rule("by", verdict.rule, "took it over" if _took_over(verdict) else "accepted it")
    elif verdict.rule is not None and _took_over(verdict):
        yield from _rule("by", verdict.rule, "took it over")
    elif verdict.rule is not None:
        yield from _rule("passed", verdict.rule, "accepted it" if verdict.kind is not Kind.LOST else "")
    elif verdict.kind in (Kind.ALLOWED, Kind.CLOSED) and any(path.node == at for path in verdict.path):
        yield Line("by", f"no rule: it met none in a filter chain of {at}")


def _took_over(verdict: Verdict) -> bool:
    """Whether the deciding rule let nothing pass, but answered in the receiver's place."""
    return any(path.taken_over_by == verdict.rule for path in verdict.path if path.taken_over_by is not None)


def differs(expected: str, verdict: Verdict, differences: Sequence[str]) -> Iterator[Line]:
    """In what it is otherwise; the first of it only where that is not plain from what was expected and what happened."""
    yield from (Line("differs", text) for text in differences[int(_is_plain(expected, verdict)) :])


def whither(verdict: Verdict, *, always: bool = False) -> Iterator[Line]:
    """How it was translated, by which rule, and where it came to or was last seen to go; ``always``: also where it was not."""
    moved = [
        f"{what} by " + (", ".join(f"{rule}{place(rule)}" for rule in rules) or f"{path.node}'s {AS_BEFORE}")
        for path in verdict.path
        for what, rules in translated(path)
    ]
    yield from (Line("nat", text) for text in moved)
    if verdict.arrived is not None:
        if moved or always:
            yield Line("came", arrival_text(verdict.arrived))
        return
    last = verdict.path[-1] if verdict.path else None
    if last is not None and last.end is End.LEFT and (moved or verdict.kind in _ASTRAY) and verdict.stopped_by is None:
        by = f" by {last.out}" if last.out else ""
        yield Line("went", f"out of {last.node}{by} as {last.exit or last.entry}")


def reasons(hints: Iterable[Hint]) -> Iterator[Line]:
    """Why it is so, and what would mend it."""
    for hint in hints:
        yield Line("why", hint.why)
        if hint.mend:
            yield Line("mend", hint.mend)


def arrival_text(arrival: Arrival) -> str:
    """Return ``at web 10.0.2.10:8443 from 192.0.2.7:40000``."""
    here = end_point(arrival.address, arrival.port)
    return f"at {arrival.at} {here} from {end_point(arrival.source, arrival.sport)}"


def group_text(group: PortGroup) -> str:
    """Ports of a range that share a verdict: ``22 (1 port): allowed by gateway filter:INPUT:4``."""
    return f"{group.ports} ({group.count:,} {'port' if group.count == 1 else 'ports'}): {group.verdict}"


def _others(cell: CellResult) -> Iterator[Line]:
    """The ports of a range that fared otherwise than those that are told of."""
    others = cell.groups[1:]
    yield from (Line("others", group_text(group)) for group in others[:_MOST_GROUPS])
    if len(others) > _MOST_GROUPS:
        yield Line("others", f"and {len(others) - _MOST_GROUPS} more kinds of ports")


def _rule(label: str, rule: Rule, did: str) -> Iterator[Line]:
    yield Line(label, f"{rule}{f' {did}' if did else ''}{place(rule)}")
    if rule.number is not None and rule.text:
        yield Line(label, rule.text, whole=True)


def place(rule: Rule) -> str:
    """The template's file and line, to go behind a rule's name, or that it was put there by hand."""
    return f"  [{rule.origin}]" if rule.origin else ""


def _is_plain(expected: str, verdict: Verdict) -> bool:
    """Whether the verdict itself says in what it differs: it is of another kind, and not for want of a rule."""
    action = expected.partition(" ")[0]
    no_rule = action != "allow" and verdict.kind in (Kind.UNROUTED, Kind.CONSUMED) and not verdict.passed_node
    return verdict.kind not in _FITS.get(action, ()) and not no_rule


def _end(label: str, address: str) -> str:
    return label if label == address else f"{label} {address}"
