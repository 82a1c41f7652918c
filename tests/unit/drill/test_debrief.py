"""The after-action report of a drill: from its journal, what was changed, and what was typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.drill.debrief import debrief_of
from lab.prepare.drills import Play, play_of
from lab.prepare.plan import Choices
from lab.prepare.plans import make_plans
from lab.record.debrief import Broken, Debrief, NodeChange, Subject, read_changes
from lab.record.drill import Event, EventKind
from lab.report.debrief import to_debrief_markdown
from tests.unit.drill.casting import PROMPT, cast, typed
from tests.unit.written.drills import project

ASK = ("o", PROMPT)
LINES = ["iptables -nvL", "iptables -nvL", "ip r", "iptables -P FORWARD ACCEPT", "ss -tln"]
JOURNAL = (
    Event(900.0, EventKind.STARTED, "Ann cannot surf.", {}),
    Event(1010.0, EventKind.HINT, "Look at FORWARD.", {"number": 1}),
    Event(1020.0, EventKind.INJECT, "The director asks.", {"act": "came", "number": 0}),
    Event(1030.0, EventKind.ANSWER, "neither", {"place": "gateway route", "kind": "missing-route"}),
    Event(1040.0, EventKind.CONTAIN, "contained", {"green": True, "red": []}),
    Event(1040.5, EventKind.CHECK, "red", {"green": False, "kept": ["edge:nobody"], "fouls": ["FORWARD lets all pass"]}),
    Event(1050.0, EventKind.ANSWER, "right", {
        "place": "gateway filter:FORWARD", "kind": "missing-accept", "place-right": True, "kind-right": True, "found": 0,
    }),
    Event(1060.0, EventKind.CHECK, "all green", {"green": True, "kept": []}),
)  # fmt: skip
CHANGES = (NodeChange(1005.0, "gateway", Subject.RULES, "iptables", ("~ filter:FORWARD policy DROP -> ACCEPT",), 7),)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return play_of(project(tmp_path), shipped=False)


@pytest.fixture
def told(play: Play) -> Debrief:
    session = cast(*[event for line in LINES for event in (ASK, *typed(line))], at=905.0)
    return debrief_of(play, JOURNAL, team="reds", changes=CHANGES, casts=[session])


def test_times_are_those_of_the_journal(told: Debrief) -> None:
    assert (told.times.diagnosed, told.times.contained, told.times.fixed) == (150.0, 140.0, 160.0)
    assert (told.hints, [one.right for one in told.answers], told.ended) == (1, [False, True], None)


def test_the_first_steps_are_those_that_look_each_once(told: Debrief) -> None:
    assert [one.line for one in told.steps] == ["iptables -nvL", "ip r", "ss -tln"]
    assert told.changes_before == 1
    assert told.reference == ("Try it.",)
    assert [one.line for one in told.contained_with] == ["iptables -P FORWARD ACCEPT"]


def test_what_was_broken_on_the_way_is_told_until_it_was_mended(told: Debrief) -> None:
    assert told.broken == (Broken("edge:nobody", 1040.5, 1060.0),)


def test_the_timeline_is_in_the_order_of_time(told: Debrief) -> None:
    assert [one.at for one in told.timeline] == sorted(one.at for one in told.timeline)
    kinds = [one.what for one in told.timeline]
    assert [kinds.count(kind) for kind in ("typed", "rules", "inject", "answer", "check")] == [4, 1, 1, 2, 2]


def test_what_came_before_the_start_is_no_part_of_it(play: Play) -> None:
    early = NodeChange(899.0, "gateway", Subject.RULES, "", ("+ x",))
    none = debrief_of(play, JOURNAL, team="reds", changes=[early], casts=[cast(ASK, *typed("ss"), at=10.0)])
    assert (none.steps, [one.what for one in none.timeline if one.what in ("typed", "rules")]) == ((), [])


def test_the_row_that_would_have_caught_it_is_a_matrix_that_can_be_run(told: Debrief, tmp_path: Path) -> None:
    file = tmp_path / "matrices" / "caught.yaml"
    file.write_text(told.caught_by)
    (plan,) = make_plans([file], Choices())
    assert [cell.row for cell in plan.cells] == ["people surf"]


def test_without_a_row_of_its_own_the_first_that_is_checked_is_taken(tmp_path: Path) -> None:
    row = "  row: {name: people surf, from: pc, to: world, service: tcp/443, expect: allow}\n"
    play = play_of(project(tmp_path, (row, "")), shipped=False)
    assert "  - name: surfing\n" in debrief_of(play, JOURNAL, team="reds").caught_by


def test_the_report_has_all_of_it(told: Debrief) -> None:
    text = to_debrief_markdown(told)
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "Times", "Timeline", "The first diagnostic steps", "Answers", "What was broken on the way", "Containment",
        "Cause, and what mends it for good", "Improvements", "The matrix row that would have caught it", "Recordings",
    ]  # fmt: skip
    for line in (
        "- to diagnose: 2:30", "- **failed**: FORWARD lets all pass", "| 1:45 | rules | gateway | ", "(by iptables)",
        "| 1 | 0:33 gateway `iptables -nvL` | `Try it.` |", "- `edge:nobody`: red at 2:20, green again at 2:40",
        "- answer: `gateway filter:FORWARD: missing-accept`", "- class of failure: process", "| runbook | ____ | ____ | ____ |",
        "```yaml\nmatrix: no-surfing-caught\n", "- `gateway.cast`: gateway, from 1970-01-01 00:15:05 UTC",
    ):  # fmt: skip
        assert line in text


def test_nothing_that_was_typed_is_markup(play: Play) -> None:
    line = "echo '|<b>`@all`' \x1b[31m"
    session = cast(ASK, ("i", "x"), ("o", line), ("i", "\r"), ("o", "\r\n"), at=950.0)
    text = to_debrief_markdown(debrief_of(play, JOURNAL, team="<b>|reds", casts=[session]))
    assert "| typed | gateway | ``echo '\\|<b>`@all`'`` | |" in text.replace("|  |", "| |")
    assert "\x1b" not in text
    assert "| team | `<b>\\|reds` |" in text


def test_changes_are_read_as_they_were_written() -> None:
    assert read_changes([one.to_line() for one in CHANGES] + ['{"at": 1, "node"', "[]"]) == CHANGES
