"""What a team does in a drill, each noted in its journal: hints, answers, checks, the answer revealed, the end."""

from __future__ import annotations

from collections.abc import Sequence

from lab.drill.answers import Judged, judge
from lab.drill.checking import Checked, checked, plans_of
from lab.drill.played import Played
from lab.errors import InputError, Problem
from lab.keep.joined import site_of
from lab.keep.starting import stop
from lab.record.drill import EventKind


def hinted(played: Played) -> str:
    """The next hint; raises InputError where there is none left."""
    hints = played.play.drill.hints
    number = played.progress.hints
    if number >= len(hints):
        what = "there is no hint left" if hints else "this drill has no hints"
        raise InputError(Problem(what, mend=f"`lab drill reveal {played.entry.name}` tells the answer"))
    played.journal.note(EventKind.HINT, hints[number], {"number": number + 1})
    return f"hint {number + 1} of {len(hints)}: {hints[number]}"


def answered(played: Played, place: str, kind: str) -> tuple[Judged, int]:
    """How right an answer is, and how many causes are left to be found."""
    found = played.progress.found
    judged = judge(place, kind, played.play.drill.answer, found)
    data = {"place": place, "kind": kind, "place-right": judged.place, "kind-right": judged.kind, "found": judged.found}
    played.journal.note(EventKind.ANSWER, f"{place} {kind}: {judged}", data)
    now = found if judged.found is None else found | {judged.found}
    return judged, len(played.play.drill.answer) - len(now)


def check_now(played: Played) -> Checked:
    """Ask the lab whether it is mended, and note what came of it; raises LabError where that cannot be measured."""
    play, stage = played.play, played.stage
    wanted = any(one.when == "symptom-is-gone" for one in play.drill.injects)
    with site_of(played.entry) as site:
        found = checked(played.grounds(site), plans_of(play, stage), played.baseline, symptom=wanted)
    known = played.progress.fouls
    for words in found.rebooted:
        if words not in known:
            played.journal.note(EventKind.REBOOTED, words, {"fouls": [words]})
    if found.contain is not None:
        red = list(found.contain.ids)
        played.journal.note(EventKind.CONTAIN, "contained" if not red else "not contained", {"green": not red, "red": red})
    played.journal.note(EventKind.CHECK, found.words, {
        "green": found.green, "stage": stage, "check": list(found.check.ids), "kept": list(found.kept.ids),
        "fouls": list(found.fouls), "symptom": found.symptom,
    })  # fmt: skip
    return found


def revealed(played: Played) -> Sequence[str]:
    """The answer, its cause and the mend, in lines."""
    drill = played.play.drill
    answers = [f"{' or '.join(one.places)}: {one.kind}" for one in drill.answer]
    played.journal.note(EventKind.REVEALED, "; ".join(answers), {})
    lines = [f"answer   {one}" for one in answers]
    if drill.debrief.cause:
        lines.append(f"cause    {drill.debrief.cause}")
    lines += [f"mend     {one.at}# {line}" for one in played.play.fix for line in one.type]
    return lines


def stopped(played: Played) -> None:
    """End it: the lab goes, and the journal with it."""
    played.journal.note(EventKind.STOPPED, "the drill was ended")
    stop(played.entry)
