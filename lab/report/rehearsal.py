"""A rehearsal as a person reads it at 02:00: how it ended first, then what happened when, and what told it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lab.errors import Problem
from lab.record.rehearsal import End, Event, Rehearsal, Rehearsals
from lab.record.window import Total, Window
from lab.report.folding import columns, folded
from lab.report.plain import plain

_MARKS = {True: "ok", False: "FAIL", None: ""}
_MOST = 8
_INDENT = "    "
_ENDS = {
    End.CONFIRMED: "confirmed, and the new rules stay",
    End.ROLLED_BACK: "rolled back: {}",
    End.REFUSED: "the load was refused, and {}",
    End.LOCKED_OUT: "locked out, and rolled back by the timer: {}",
    End.INTERRUPTED: "interrupted",
}
_OF_BOOT = {
    End.REFUSED: "the load was refused, and the host stands without rules",
    End.LOCKED_OUT: "locked out, and the new rules stay: nothing puts the old ones back",
}


def end_words(told: Rehearsal) -> str:
    """How it ended, and which rules are in force then; a host that starts has no timer to put the old ones back."""
    words = (_OF_BOOT.get(told.end) if told.timer_s is None else None) or _ENDS[told.end]
    as_before = all(one.carried for one in told.left)
    return words.format("the old rules are in force" if as_before else "the node is not as before")


def rehearsals_json(told: Rehearsals) -> str:
    """All of it, for machines."""
    from lab.report.run_json import json_text
    from lab.report.wire.rehearsal import Rehearsals as Document
    from lab.report.wire.writing import written

    return json_text(written(Document, told))


def rehearsals_lines(told: Rehearsals, width: int | None = None) -> Iterator[str]:
    """Every rehearsal, and what stopped the others."""
    for number, one in enumerate(told.done):
        yield from [""] if number else []
        yield from rehearsal_lines(one, width)
    yield from _fitting(_summed_up(told), width)


def _summed_up(told: Rehearsals) -> Iterator[str]:
    yield from _problems(told.problems)
    if len(told.done) > 1:
        wrong = [one.change for one in told.done if one.faults or one.problems]
        which = f", not as the change says: {', '.join(map(plain, wrong))}" if wrong else ", all as their changes say"
        stopped = "; the others were not, for what is said above" if told.problems else ""
        yield f"{len(told.done)} changes rehearsed{which}{stopped}"


def rehearsal_lines(told: Rehearsal, width: int | None = None) -> Iterator[str]:
    """One of them, in lines of at most ``width`` columns."""
    yield from _fitting(_lines(told, width), width)


def _fitting(lines: Iterable[str], width: int | None) -> Iterator[str]:
    """The lines, what is too long folded; what comes below stands farther in."""
    for line in lines:
        if width is None or len(line) <= width:
            yield line
            continue
        text = line.lstrip()
        indent = line[: len(line) - len(text)]
        first, *others = folded(text, width - len(indent) - len(_INDENT))
        yield indent + first
        yield from (indent + _INDENT + other for other in others)


def _lines(told: Rehearsal, width: int | None) -> Iterator[str]:
    old, new = told.names
    yield plain(f"{told.change} on {told.node} of {told.topology} ({told.backend}): {old} -> {new}, by {told.way}")
    yield from columns([_row(event) for event in told.events], width)
    yield from _listed("trial", [f"{one.name}: {one.what}" for one in told.trials if not one.passed])
    yield from _listed("not as before", [one.what for one in told.left if not one.carried])
    yield from _listed("carried over", [one.what for one in told.left if one.carried])
    yield from (plain(f"note: {note}") for note in told.notes)
    if told.window is not None:
        yield f"note: {window_limits(told.window)}"
    yield from _problems(told.problems)
    yield plain(f"{told.change}: {end_words(told)}{_as_said(told)}; {window_words(told.window)}; {told.seconds:.1f} s")
    yield from (plain(f"  FAIL {fault}") for fault in told.faults)


def _problems(problems: Iterable[Problem]) -> Iterator[str]:
    for problem in problems:
        yield plain(str(replace(problem, mend="")))
        if problem.mend:
            yield f"    {plain(problem.mend)}"


def _row(event: Event) -> tuple[str, ...]:
    return (str(event.phase), _MARKS[event.good], plain(f"{event.what}  [{event.witness}]"))


def _listed(label: str, lines: Sequence[str]) -> Iterator[str]:
    yield from (plain(f"  {label}: {line}") for line in lines[:_MOST])
    if len(lines) > _MOST:
        yield f"  {label}: … and {len(lines) - _MOST:,} more (--json has all)"


def _as_said(told: Rehearsal) -> str:
    return ", as the change says" if not told.faults and told.end is told.ends and told.end is not End.CONFIRMED else ""


def window_words(window: Window | None) -> str:
    """What became of packets meanwhile, in one sentence."""
    if window is None:
        return "no packet was sent meanwhile"
    told = [
        _total("got through that should not", window.opened),
        _total("was stopped that should pass", window.refused, many="were stopped that should pass"),
    ]
    if window.strayed.packets:
        told.append(_total("went astray", window.strayed))
    if window.flows:
        went_on = len(window.flows) - len(window.broken)
        told.append(f"{went_on} of {len(window.flows)} established flows went on")
    return "; ".join(told)


def window_limits(window: Window) -> str:
    """How closely it was looked, in one sentence: what nobody looked at is not known to have been shut."""
    told = f"{len(window.streams)} flows were tried every {window.ms / max(1, window.pulses):.1f} ms"
    told += f", with {window.gap_ms:.1f} ms between two tries at most: what is shorter may have been missed"
    unknown = len(window.left_out) + len(window.unsteady)
    if unknown:
        told += f"; nothing is said of {unknown:,} more (--json says of which, and why)"
    return told


def _total(what: str, total: Total, *, many: str = "") -> str:
    """``3 packets got through that should not, in 1.2 ms``."""
    if not total.packets:
        return f"nothing {what}"
    packets = f"1 packet {what}" if total.packets == 1 else f"{total.packets:,} packets {many or what}"
    return f"{packets}, in {total.ms:.1f} ms"
