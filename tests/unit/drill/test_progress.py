"""How far a team is, and which injects are due, from the journal alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.drill.answers import judge, read_answer
from lab.drill.injects import due, following, seconds_until, stage_of, state_of
from lab.drill.journal import Journal
from lab.drill.progress import progress_of
from lab.errors import InputError
from lab.record.drill import Event, EventKind
from lab.written.drill_parts import Answer, Inject, Stage

START = Event(100.0, EventKind.STARTED)
CAUSES = [
    Answer(place="gateway filter:FORWARD", kind="missing-accept", also=("gateway filter:publish",)),
    Answer(place="gateway route", kind="wrong-route"),
]


def event(at: float, kind: EventKind, **data: Any) -> Event:
    return Event(at, kind, "", data)


def test_times_begin_with_the_start_and_end_with_the_first_that_is_right() -> None:
    journal = [
        START,
        event(110, EventKind.ANSWER, found=None),
        event(120, EventKind.CONTAIN, green=False),
        event(130, EventKind.ANSWER, found=1),
        event(140, EventKind.CONTAIN, green=True),
        event(150, EventKind.ANSWER, found=0),
        event(160, EventKind.CHECK, green=False),
        event(170, EventKind.CHECK, green=True),
        event(180, EventKind.CHECK, green=True),
    ]
    found = progress_of(journal)
    assert (found.to_diagnose, found.to_contain, found.to_fix) == (30, 40, 70)
    assert (found.answers, found.wrong, found.checks) == (3, 1, 3)
    assert found.found == {0, 1}
    assert not found.failed


def test_a_drill_of_stages_is_fixed_once_the_last_is_green() -> None:
    journal = [START, event(110, EventKind.CHECK, green=True), event(120, EventKind.CHECK, green=True, stage=1)]
    assert progress_of(journal, 1).to_fix == 20
    assert progress_of(journal[:2], 1).to_fix is None
    stages = [Stage(stage="wider", page="Now all of them."), Stage(stage="widest", page="And the rest.")]
    assert [stage_of(stages, journal[:many]) for many in (1, 2, 3)] == [0, 1, 2]


def test_a_foul_fails_it_whatever_is_green_later() -> None:
    journal = [START, event(110, EventKind.CHECK, green=False, fouls=["flushed"]), event(120, EventKind.CHECK, green=True)]
    assert progress_of(journal).fouls == ("flushed",)


def test_a_journal_begins_with_a_start() -> None:
    with pytest.raises(ValueError, match="start"):
        progress_of([event(1, EventKind.HINT)])


@pytest.mark.parametrize(
    ("said", "judged"),
    [
        ("gateway filter:forward missing-accept", (True, True, 0)),
        ("gateway filter:publish missing-accept", (True, True, 0)),
        ("gateway filter:publish wrong-order", (True, False, None)),
        ("gateway nat:PREROUTING missing-accept", (False, True, None)),
        ("gateway filter:FORWARD wrong-route", (True, True, None)),
        ("files mtu", None),
        ("files", None),
        ("gateway filter:FORWARD broken", None),
    ],
)
def test_an_answer_is_a_place_and_a_kind(said: str, judged: tuple[bool, bool, int | None] | None) -> None:
    if judged is None and said != "files mtu":
        with pytest.raises(InputError):
            read_answer(said.split())
        return
    found = judge(*read_answer(said.split()), CAUSES)
    assert (found.place, found.kind, found.found) == (judged or (False, False, None))


def test_what_was_found_is_no_answer_any_more() -> None:
    assert judge("gateway filter:FORWARD", "missing-accept", CAUSES, {0}).found is None
    assert judge("gateway route", "wrong-route", CAUSES, {0}).found == 1


INJECTS = [
    Inject.model_validate({"at": "5m", "text": "the first"}),
    Inject.model_validate({"at": "10m", "or-when": "wrong-answer", "text": "the second"}),
    Inject.model_validate({"or-when": "check-is-green", "text": "the third"}),
]


def test_injects_come_by_the_clock_or_by_what_happens() -> None:
    assert due(INJECTS, [START], 399) == []
    assert due(INJECTS, [START], 400) == [0]
    assert due(INJECTS, [START, event(120, EventKind.ANSWER, found=None)], 130) == [1]
    assert due(INJECTS, [START, event(120, EventKind.CHECK, green=True)], 130) == [2]
    came = event(400, EventKind.INJECT, act="came", number=0)
    assert due(INJECTS, [START, came], 500) == []
    assert following(INJECTS, [START, came], 500) == 1
    assert following(INJECTS, [START, came, event(401, EventKind.INJECT, act="skipped", number=1)], 500) == 2


def test_a_pause_stops_the_clock_and_what_happens_too() -> None:
    paused = [START, event(200, EventKind.INJECT, act="paused")]
    assert due(INJECTS, [*paused, event(210, EventKind.ANSWER, found=None)], 9999) == []
    assert seconds_until(INJECTS, paused, 9999) is None
    resumed = [*paused, event(1200, EventKind.INJECT, act="resumed")]
    assert state_of(resumed, 1300).seconds == 200
    assert seconds_until(INJECTS, resumed, 1300) == 100
    assert due(INJECTS, resumed, 1400) == [0]


def test_a_journal_is_read_as_it_was_written_but_for_a_line_that_is_being_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path, lambda: 5.0)
    assert journal.events() == ()
    noted = journal.note(EventKind.HINT, "look\nthere", {"number": 1})
    with journal.path.open("a") as file:
        file.write('{"at": 6, "ki')
    assert journal.events() == (noted,)
