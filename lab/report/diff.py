"""What a change changes, for a terminal: the answer first, then the flows that are treated otherwise, the gravest first.

Whatever its size it is a screen of 25 lines: the gravest differences are told in most words, the last only counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from lab.record.difference import Difference, DiffReport
from lab.record.path import Rule
from lab.report.diff_groups import (
    Group,
    answer,
    apart_by_rule,
    breadth_text,
    by_new_rule,
    by_old_rule,
    by_rule_alone,
    compared,
    denied_text,
    failed_rows,
    groups,
    how,
    numbers,
    row_outcome,
    seen_lines,
)
from lab.report.differences import CLOSES, MOST_NAMED, OPENS, between, flow_text, service, size, told
from lab.report.folding import folded
from lab.report.plain import plain

if TYPE_CHECKING:
    from rich.console import Console

MOST_LINES = 25
_LABEL = 8
_ROW = " " * (_LABEL + 4)
_MOST_ROWS = 3  # of a group that is told in short
_TALL = 2  # lines that one sentence may take where the screen is bounded
_TALL_LINE = 3  # of a group that is told in a line
_MOST_BELOW = 10  # lines behind the differences
_FIRST = 2  # groups that open something, and are told in more than a line also where not all can be told
_STYLES = {OPENS: "bold red", CLOSES: "yellow"}


class Line(NamedTuple):
    """A line, and how it is shown in colour; ``key`` is what of its beginning is coloured, all of it where that is empty."""

    text: str
    style: str | None = None
    key: str = ""


class _Room(NamedTuple):
    """How many of each thing are told behind the differences, and in how many lines each; None: in as many as there are."""

    most: int | None
    tall: int | None


_FULL, _ROOMY, _TIGHT = _Room(None, None), _Room(3, _TALL), _Room(1, 1)


class _Detail(IntEnum):
    LINE = 0
    ROWS = 1
    RULES = 2


def diff_lines(report: DiffReport, width: int | None = None, *, full: bool = False) -> Iterator[str]:
    """The report in at most 25 lines of at most ``width`` columns (None: as long as they are); ``full``: all that is known.

    The first line is the answer, the last one has the numbers.
    """
    return (line.text for line in diff_styled(report, width, full=full))


def diff_styled(report: DiffReport, width: int | None = None, *, full: bool = False) -> list[Line]:
    """The same, with its colours."""
    grave = "bold red" if report.exit_code else "green"
    found = groups(report.differences, report.node)
    tall = None if full else _TALL
    above = [*_folded(answer(report), width, 0, tall, grave), *_folded(compared(report), width, 0, tall)]
    last = [Line(numbers(report), grave)]
    otherwise, by_rule = apart_by_rule(found)
    calm = _calm(by_rule, width) if not full and (otherwise or len(by_rule) > 1) else []
    found = otherwise if calm else found
    whole = (line for group in found for line in _group(group, width, _Detail.RULES, full=full))
    if full:
        return [*above, *whole, *_below(report, width, _FULL), *last]
    room = MOST_LINES - len(above) - len(last) - len(calm)
    below = _cut(_below(report, width, _ROOMY), _MOST_BELOW)
    body = list(islice(whole, room))
    if len(body) + len(below) > room:
        below = _cut(_below(report, width, _TIGHT), _MOST_BELOW)
        body = _body(found, width, room - len(below))
    return [*above, *body, *calm, *below, *last]


def _calm(by_rule: Sequence[Group], width: int | None) -> list[Line]:
    """What only another rule decides, in a line or two: it is not to drown the rest."""
    if not by_rule:
        return []
    more = ": --full names them" if sum(len(group.ones) for group in by_rule) > 1 else ""
    label = f"{by_rule[0].mark:<{_LABEL}}"
    return _folded(f"{label}{by_rule_alone(by_rule)}{more}", width, _LABEL, _TALL, None, by_rule[0].mark)


def print_diff(report: DiffReport, console: Console, *, full: bool = False) -> None:
    """Print the same in colour; lines are as wide as the console."""
    for line in diff_styled(report, console.width, full=full):
        begun = line.text.index(line.key) + len(line.key) if line.key else len(line.text)
        for part, style, end in ((line.text[:begun], line.style, ""), (line.text[begun:], None, "\n")):
            console.print(part, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True, end=end)


def _body(found: Sequence[Group], width: int | None, room: int) -> list[Line]:
    """The groups in at most ``room`` lines: in as much detail as there is room for, the first ones in most.

    Where they are too many, those that fare alike now are told as one, then those that fared alike before.
    """
    told: list[list[Line]] = []
    for joined in (found, new := by_new_rule(found), by_old_rule(new)):
        found = joined
        told = [
            _group(group, width, _Detail.ROWS if n < _FIRST and group.mark == OPENS else _Detail.LINE)
            for n, group in enumerate(found[:room])
        ]
        if sum(map(len, told)) <= room and len(found) <= room:
            break
    else:
        return _cut_groups(told, found, room, width)
    for detail in (_Detail.ROWS, _Detail.RULES):
        for n, group in enumerate(found):
            more = _group(group, width, detail)
            if sum(map(len, told)) - len(told[n]) + len(more) <= room:
                told[n] = more
    return [line for lines in told for line in lines]


def _cut_groups(told: Sequence[list[Line]], found: Sequence[Group], room: int, width: int | None) -> list[Line]:
    """The first groups that there is room for, and what is left of the others."""
    shown: list[Line] = []
    for number, lines in enumerate(told):
        left = _left(found[number:], width)
        if len(shown) + len(lines) + len(left) > room:
            return [*shown, *left]
        shown += lines
    return [*shown, *_left(found[len(told) :], width)]


def _left(found: Sequence[Group], width: int | None) -> list[Line]:
    """How many classes these are, and how many of them open something."""
    opening = sum(one.opens for group in found for one in group.ones)
    grave = f", {opening:,} of them open" if opening else ""
    text = f"and {_more(sum(len(group.ones) for group in found), 'class', 'classes')}{grave}: --full names them"
    return _folded(text, width, 2, _TALL, _STYLES[OPENS] if opening else None)


def _group(group: Group, width: int | None, detail: _Detail, *, full: bool = False) -> list[Line]:
    tall = None if full else _TALL
    label = f"{group.mark:<{_LABEL}}"
    style = _STYLES.get(group.mark)
    if detail is _Detail.LINE:
        return _in_a_line(group, label, width, style)
    lines = _folded(f"{label}was {told(group.was)}", width, _LABEL + 4, tall, style, group.mark)
    lines += _rule(group.old, width, full=full) if detail is _Detail.RULES else ()
    lines += _folded(f"{'':{_LABEL}}now {told(group.now)}", width, _LABEL + 4, tall)
    lines += _rule(group.new, width, full=full) if detail is _Detail.RULES else ()
    most = None if full else MOST_LINES if detail is _Detail.RULES else _MOST_ROWS
    for one in group.ones[:most]:
        lines += _folded(f"{_ROW}{_row(one, None if full else MOST_NAMED)}", width, len(_ROW) + 2, tall)
        if full:
            lines += _folded(f"{_ROW}  shown by {flow_text(one.flow)}", width, len(_ROW) + 4, None)
    if most is not None and len(group.ones) > most:
        lines += _folded(f"{_ROW}and {_more(len(group.ones) - most, 'class', 'classes')}", width, len(_ROW), tall)
    return lines


def _in_a_line(group: Group, label: str, width: int | None, style: str | None) -> list[Line]:
    others = len(group.ones) - 1
    more = f" and {_more(others, 'class', 'classes')}" if others else ""
    text = f"{label}{_row(group.ones[0], 1)}{more}: {told(group.was)} -> {told(group.now)}"
    return _folded(text, width, _LABEL, _TALL_LINE, style, group.mark)


def _row(one: Difference, most: int | None = MOST_NAMED) -> str:
    """Who, to whom, service, size, and what else is to be known of a class."""
    asked = f"as intended by {one.intended}" if one.intended is not None else ""
    rests = f"rests on {', '.join(one.rests_on)}" if one.rests_on else ""
    told = between(one, most), service(one, most), size(one.of), asked, rests
    return plain("  ".join(words for words in told if words))


def _rule(rule: Rule | None, width: int | None, *, full: bool) -> list[Line]:
    """Its text, which is whole for who copies it; where the screen is bounded only one that fits."""
    if rule is None or rule.number is None or not rule.text:
        return []
    text = f"{_ROW}{plain(rule.text)}"
    return [Line(text)] if full or width is None or len(text) <= width else []


def _below(report: DiffReport, width: int | None, room: _Room) -> list[Line]:
    """What else is to be known: the gravest first."""
    ended = "interrupted" if report.interrupted else "stopped"
    told: list[tuple[str, Sequence[str], int, str | None]] = [
        (ended, ["this is what was finished"] if report.interrupted or report.problems else [], 1, "bold red"),
        ("problem", [str(one) for one in report.problems], 2, "bold red"),
        *((word, rows, 3, "bold red") for word, rows in _rows_that_failed(report)),
        ("live flows", seen_lines(report), 3, None),
        ("not proven", report.lost, 1, "cyan"),
        ("", breadth_text(report), 1, "bold red" if (report.breadth or 0) > 1 else None),
        ("", [_how_long(report)], 1, None),
        ("not sent, as the lab cannot", report.reached.unsendable, 1, None),
        ("note", report.notes, 3, None),
        ("a model proposed what the kernel denied", [denied_text(one) for one in report.denied], 0, None),
    ]  # fmt: skip
    lines: list[Line] = []
    for word, texts, most, style in told:
        shown = None if room.most is None else min(most, room.most)
        lines += _several(word, texts, shown, width, room.tall, style)
    return lines


def _how_long(report: DiffReport) -> str:
    """How the flows were found, and in which time, where that is told."""
    return f"{how(report.reached)}; {report.seconds:.1f} s" if report.seconds else how(report.reached)


def _rows_that_failed(report: DiffReport) -> Iterator[tuple[str, list[str]]]:
    words: dict[str, list[str]] = {}
    for word, row in failed_rows(report):
        words.setdefault(word, []).append(row_outcome(row))
    yield from words.items()


def _several(
    word: str, texts: Sequence[str], most: int | None, width: int | None, tall: int | None, style: str | None
) -> Iterator[Line]:
    """The first of several texts behind a word, and how many others there are."""
    shown = texts if most is None else texts[:most]
    for text in shown:
        yield from _folded(f"{word}: {plain(text)}" if word else plain(text), width, 2, tall, style)
    if left := len(texts) - len(shown):
        count = f"{left:,} more" if shown else f"{left:,} {'flow' if left == 1 else 'flows'}"
        yield from _folded(f"{word}: {count}, --full names them", width, 2, tall, style)


def _folded(text: str, width: int | None, hang: int, tall: int | None, style: str | None = None, key: str = "") -> list[Line]:
    """A sentence in lines of at most ``width`` columns, at most ``tall`` of them; further lines behind ``hang`` blanks."""
    if width is None or len(text) <= width:
        return [Line(text, style, key)]
    begun = text[:hang]
    parts = folded(text[hang:], width - hang)
    if tall is not None and len(parts) > tall:
        parts = [*parts[: tall - 1], f"{parts[tall - 1][: width - hang - 2]} …"]
    first, *others = parts
    return [Line(begun + first, style, key), *(Line(" " * hang + part, None if key else style) for part in others)]


def _cut(lines: Sequence[Line], most: int) -> list[Line]:
    left = len(lines) - most
    return [*lines[: most - 1], Line(f"and {left + 1:,} more lines: --full")] if left > 0 else list(lines)


def _more(count: int, one: str, many: str) -> str:
    return f"{count:,} more {one if count == 1 else many}"
