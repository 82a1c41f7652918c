"""A drill on paper for whoever runs it: the answer, what is told when, what is seen, and what to talk about afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lab.report.drill_sheet import COLUMNS, Played, inject_rows
from lab.report.markup import block, code, prose
from lab.report.plain import plain
from lab.twin.yaml_flow import flow
from lab.written.drill import PARTS
from lab.written.drill_parts import Typed
from lab.written.matrix import Row

_PARTS: Final = {
    "symptom": "What is seen while it is broken",
    "contain": "It is contained when this holds",
    "check": "It is mended when this holds",
    "kept": "This must have held all the time",
}
_OF_ALL_DRILLS: Final = (
    "accept everything in front of all rules", "flush the rules", "the policy of the chains set to ACCEPT",
    "reboot the node", "load an older file",
)  # fmt: skip
_QUESTIONS: Final = {
    "policy": "Who decides what this policy says, and who looks at a change of it before it is loaded?",
    "process": "Which step was left out, and what would have made it impossible to leave out?",
    "capacity": "Which figure would have told it beforehand, and who looks at that figure?",
    "upstream": "How do we show others that it is theirs, and what do we do until they mend it?",
}
_OF_EVERY_DRILL: Final = (
    "What did we see first, and when did somebody understand what it meant?",
    "Which command told most, and which looked useful and led astray?",
    "What did we change before we knew the cause? Was it taken back?",
    "Who was told what, and when? What did they hear in between?",
    "What would have made it shorter: in the runbook, in the rules, in the monitoring? Who does it, by when?",
)


def facilitator_sheet(play: Played) -> str:
    """The facilitator's guide as Markdown: all of the drill, for nobody who plays it."""
    drill = play.drill
    parts: Sequence[Iterable[str]] = (
        (f"# {prose(drill.drill)}: facilitator's guide", "", "**Not for players: the answer is in it.**"),
        (prose(drill.about),), _values(play), _answer(play), _hours(play), _hints(play), _injects(play), _steps(play),
        _mends(play), _seen(play), _stages(play), _debrief(play),
    )  # fmt: skip
    told = [lines for part in parts if (lines := list(part))]
    return "\n".join([line for lines in told for line in (*lines, "")])


def _values(play: Played) -> Iterator[str]:
    drill = play.drill
    yield f"Seed {play.seed} of {', '.join(map(str, drill.seeds))}" + ("" if play.values else "; nothing varies by it.")
    for name, value in play.values.items():
        yield f"- {prose(name)}: {code(flow(value))}"
    yield ""
    yield f"Start it: {code(f'lab drill start {drill.drill} --seed {play.seed}')}. Players get `players.md` and this page:"
    yield ""
    yield f"> {prose(drill.page)}"


def _answer(play: Played) -> Iterator[str]:
    drill = play.drill
    yield "## The answer"
    yield ""
    for answer in drill.answer:
        also = f" (as right: {', '.join(map(code, answer.also))})" if answer.also else ""
        yield f"- {code(answer.place)} {code(answer.kind)}{also}"
    if drill.debrief.cause:
        yield ""
        yield prose(drill.debrief.cause)
    yield ""
    yield "What the lab does to itself when the drill starts:" if drill.faults else "Nothing is broken in the lab."
    for place in range(len(drill.faults)):
        yield f"- {code(_written(play, 'faults', place))}"


def _written(play: Played, *path: str | int) -> str:
    """A part of the file on one line, with its texts filled in; a list of one item may be written without a list."""
    found = play.drill.as_written(*path)
    return flow(play.drill.as_written(*path[:-1]) if found is None else found)


def _hours(play: Played) -> Iterator[str]:
    minutes = play.drill.minutes
    yield "## Timing"
    yield ""
    yield "| when | what |"
    yield "| --- | --- |"
    yield "| before | hand out `players.md`; explain how it is played; start the drill |"
    yield "| 0:00 | read the page aloud; the clock runs |"
    yield f"| {_at(minutes // 3)} | if nobody has an idea yet: the first hint |"
    yield f"| {_at(minutes * 2 // 3)} | the cause should be named, and people no longer suffer |"
    yield f"| {_at(minutes)} | end: `lab drill reveal`, then the debrief, as long again |"


def _at(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def _hints(play: Played) -> Iterator[str]:
    if play.drill.hints:
        yield "## Hints, in their order"
        yield ""
        yield from (f"{number}. {prose(hint)}" for number, hint in enumerate(play.drill.hints, 1))


def _injects(play: Played) -> Iterator[str]:
    rows = list(inject_rows(play))
    if not rows:
        return
    yield "## Injects"
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * len(COLUMNS)}"
    for row in rows:
        yield f"| {' | '.join(prose(cell, table=True) for cell in row)} |"


def _steps(play: Played) -> Iterator[str]:
    if play.drill.steps:
        yield "## The first steps of the reference"
        yield ""
        yield from (f"{number}. {prose(step)}" for number, step in enumerate(play.drill.steps, 1))
    if play.drill.evidence:
        yield ""
        yield "Kept before anything is mended:"
        yield ""
        yield from (f"- {prose(one)}" for one in play.drill.evidence)


def _mends(play: Played) -> Iterator[str]:
    yield "## The mend"
    yield ""
    if play.fix:
        yield from _typed(play.fix)
    else:
        yield "There is nothing to mend in the lab: to say whose it is, and to show that, is the end."
    yield ""
    yield "## Wrong ways"
    yield ""
    yield f"In every drill: {'; '.join(_OF_ALL_DRILLS)}."
    for about, lines in play.wrong:
        yield ""
        yield f"{prose(about)}:"
        yield ""
        yield from _typed(lines)


def _typed(lines: Sequence[Typed]) -> Iterator[str]:
    shown = [f"{one.at}# {plain(line)}" for one in lines for line in one.type]
    yield block("\n".join(shown))


def _seen(play: Played) -> Iterator[str]:
    yield "## What proves it"
    for part in PARTS:
        items: Sequence[Row | str] = getattr(play.drill, part)
        if items:
            yield ""
            yield f"{_PARTS[part]}:"
            yield ""
            yield from _items(items)


def _items(items: Sequence[Row | str]) -> Iterator[str]:
    for item in items:
        yield f"- the matrix {code(item)}" if isinstance(item, str) else f"- {prose(item.name)}"


def _stages(play: Played) -> Iterator[str]:
    for stage in play.drill.stages:
        yield f"## Then: {prose(stage.stage)}"
        yield ""
        yield f"Begins when this happened: {prose(stage.after.replace('-', ' '))}. Players are told:"
        yield ""
        yield f"> {prose(stage.page)}"
        yield ""
        yield from _items((*stage.check, *stage.kept))
        if stage.fix:
            yield ""
            yield from _typed(play.drill.typed(stage.fix))


def _debrief(play: Played) -> Iterator[str]:
    told = play.drill.debrief
    yield "## Debrief"
    yield ""
    yield f"- class of the failure: {told.failure}"
    for name, text in (
        ("contained by", told.contained_by), ("for good", told.long_term), ("runbook", told.improvements.runbook),
        ("hygiene", told.improvements.hygiene), ("monitoring", told.improvements.monitoring),
    ):  # fmt: skip
        if text:
            yield f"- {name}: {prose(text)}"
    if told.row is not None:
        yield ""
        yield "The row that would have caught it:"
        yield ""
        yield block(f"- {_written(play, 'debrief', 'row')}")
    yield ""
    yield "Questions:"
    yield ""
    yield from (f"- {question}" for question in (*_OF_EVERY_DRILL, _QUESTIONS[told.failure]))
