"""What a drill came to as an after-action report in Markdown: to be read together, filled in, and kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, zip_longest

from lab.record.debrief import Command, Debrief, Guess, Moment
from lab.report.drill import clock
from lab.report.markup import code, prose
from lab.report.plain import plain

MOST = 500
_TO_FILL_IN = "____"
_MARKS = {True: "ok", False: "**no**", None: ""}
_CODED = frozenset(("typed", "rules", "route", "routing rule", "address", "link"))
_FAILURES = {
    "policy": "the rules were not what was meant",
    "process": "the way in which changes are made let it happen",
    "capacity": "something was full, or too slow",
    "upstream": "it was not here",
}
_TICKS = re.compile("`+")
_ALL = 1 << 24


def to_debrief_markdown(told: Debrief) -> str:
    """The report, ending in a line break; nothing of a drill, a terminal or a node is taken for markup."""
    parts = (_head, _times, _timeline, _steps, _answers, _broken, _containment, _cause, _improvements, _caught, _recordings)
    return "\n".join([*chain.from_iterable(part(told) for part in parts)]).rstrip("\n") + "\n"


def _head(told: Debrief) -> Iterator[str]:
    yield f"# After-action report: {prose(told.drill)}"
    yield ""
    yield prose(told.about)
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    values = ", ".join(f"{name}: {value}" for name, value in told.values.items())
    facts = {
        "team": told.team, "drill": f"{told.drill}, level {told.level}", "seed": f"{told.seed} ({values})" if values else str(told.seed),
        "started": _date(told.started), "ended": "it goes on" if told.ended is None else _date(told.ended), "page": told.page,
    }  # fmt: skip
    yield from (f"| {name} | {_cell(text)} |" for name, text in facts.items())
    yield f"| taking part | {_TO_FILL_IN} |"
    yield ""


def _times(told: Debrief) -> Iterator[str]:
    yield "## Times"
    yield ""
    times = (("to diagnose", told.times.diagnosed), ("to contain", told.times.contained), ("to fix", told.times.fixed))
    yield from (f"- {name}: {clock(seconds) if seconds is not None else 'not reached'}" for name, seconds in times)
    wrong = sum(not one.right for one in told.answers)
    yield f"- hints taken: {told.hints}; answers: {len(told.answers)}, {wrong} of them not right"
    if told.revealed:
        yield "- the answer was revealed"
    yield from (f"- **failed**: {prose(foul)}" for foul in told.fouls)
    yield ""


def _timeline(told: Debrief) -> Iterator[str]:
    yield "## Timeline"
    yield ""
    yield "| when | what | where | | |"
    yield "| --- | --- | --- | --- | --- |"
    yield from (_moment(told, moment) for moment in told.timeline[:MOST])
    if (left := len(told.timeline) - MOST) > 0:
        yield ""
        yield f"{left} more are in the recordings and in the journal."
    yield ""


def _moment(told: Debrief, moment: Moment) -> str:
    when = clock(max(0.0, moment.at - told.started))
    text = code(moment.text, table=True) if moment.what in _CODED else _cell(moment.text)
    return f"| {when} | {moment.what} | {_cell(moment.node)} | {text} | {_MARKS[moment.good]} |"


def _steps(told: Debrief) -> Iterator[str]:
    yield "## The first diagnostic steps"
    yield ""
    if not told.steps:
        yield "No terminal was recorded in which something was looked at."
        yield ""
    if told.steps or told.reference:
        yield "| | the team | the reference |"
        yield "| --- | --- | --- |"
        for number, (step, other) in enumerate(zip_longest(told.steps, told.reference), 1):
            yield f"| {number} | {_typed(told, step) if step else ''} | {code(other or '', table=True)} |"
        yield ""
    if told.changes_before:
        commands = "1 command" if told.changes_before == 1 else f"{told.changes_before} commands"
        yield f"Before the last of these the team gave {commands} that changed something."
        yield ""


def _typed(told: Debrief, step: Command) -> str:
    return f"{clock(max(0.0, step.at - told.started))} {_cell(step.node)} {code(step.line, table=True)}"


def _answers(told: Debrief) -> Iterator[str]:
    if told.answers:
        yield "## Answers"
        yield ""
        yield "| when | place | kind | |"
        yield "| --- | --- | --- | --- |"
        for one in told.answers:
            when = clock(max(0.0, one.at - told.started))
            yield f"| {when} | {code(one.place, table=True)} | {code(one.kind, table=True)} | {_judged(one)} |"
        yield ""


def _judged(one: Guess) -> str:
    if one.right:
        return "right"
    if one.place_right and one.kind_right:
        return "each is right, and they do not belong together"
    return "the place is right" if one.place_right else "the kind is right" if one.kind_right else "neither is right"


def _broken(told: Debrief) -> Iterator[str]:
    yield "## What was broken on the way"
    yield ""
    if not told.broken:
        yield "No check saw red what had to stay green."
    for one in told.broken:
        until = "still at the last check" if one.mended is None else f"green again at {clock(one.mended - told.started)}"
        yield f"- {code(one.cell)}: red at {clock(one.at - told.started)}, {until}"
    yield ""


def _containment(told: Debrief) -> Iterator[str]:
    yield "## Containment"
    yield ""
    if told.times.contained is None:
        yield "It was not seen to be contained."
    else:
        yield f"Contained after {clock(told.times.contained)}. Until then these commands changed something:"
        yield ""
        yield from (f"- {_typed(told, one)}" for one in told.contained_with[:MOST])
        if not told.contained_with:
            yield "- none that was recorded"
    if told.contained_by:
        yield ""
        yield f"The reference: {prose(told.contained_by)}"
    yield ""


def _cause(told: Debrief) -> Iterator[str]:
    yield "## Cause, and what mends it for good"
    yield ""
    yield from (f"- answer: {code(cause)}" for cause in told.causes)
    if told.cause:
        yield f"- cause: {prose(told.cause)}"
    yield from (f"- mend: {code(line)}" for line in told.fix)
    yield f"- long term: {prose(told.long_term) if told.long_term else _TO_FILL_IN}"
    yield f"- class of failure: {told.failure} ({_FAILURES.get(told.failure, '')})"
    yield ""


def _improvements(told: Debrief) -> Iterator[str]:
    yield "## Improvements"
    yield ""
    yield "| of | what | owner | by |"
    yield "| --- | --- | --- | --- |"
    for one in told.improvements:
        yield f"| {one.of} | {_cell(one.what) if one.what else _TO_FILL_IN} | {_TO_FILL_IN} | {_TO_FILL_IN} |"
    yield ""


def _caught(told: Debrief) -> Iterator[str]:
    if told.caught_by:
        yield "## The matrix row that would have caught it"
        yield ""
        yield f"As a file of its own it is run by {code(f'lab run matrices/{told.drill}-caught.yaml')}:"
        yield ""
        yield from _fenced(told.caught_by, "yaml")
        yield ""


def _recordings(told: Debrief) -> Iterator[str]:
    if told.recordings:
        yield "## Recordings"
        yield ""
        for one in told.recordings:
            yield f"- {code(one.file)}: {_cell(one.node)}, from {_date(one.at)}, {clock(one.seconds)}"
        yield ""
        yield "They are played by `asciinema play FILE`, or by any other player of asciicast v2."
        yield ""


def _fenced(text: str, language: str) -> Sequence[str]:
    """Lines in a code block that nothing of them can end, so that they are copied as they are (CommonMark 4.5)."""
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(text)), default=0))
    return fence + language, *(plain(line, _ALL) for line in text.rstrip("\n").split("\n")), fence


def _date(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cell(text: str) -> str:
    return prose(text, table=True) if text else ""
