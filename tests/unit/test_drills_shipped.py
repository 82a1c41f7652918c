"""The shipped drills as files: each can be played with every seed that it offers, and its texts give nothing away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.prepare.drills import Play, play_of
from lab.prepare.templates import Templates
from lab.written.drill import FAULT_KINDS, PARTS

DRILLS = sorted((Path(__file__).parents[2] / "drills").glob("*.yaml"))
SUBJECTS = 14
OWN_WRONG_MENDS = 2
STEPS = 5
INJECTS = 2
_WORDS_OF_ALL = {"upstream", "none", "mtu", "exposed"}  # kinds that a page may say in another meaning


@pytest.fixture(scope="module")
def templates() -> Iterator[Templates]:
    with Templates() as one:
        yield one


@pytest.fixture(scope="module", params=DRILLS, ids=lambda file: file.stem)
def plays(request: pytest.FixtureRequest, templates: Templates) -> list[Play]:
    first = play_of(request.param, templates=templates)
    return [first, *(play_of(request.param, seed, templates=templates) for seed in first.drill.seeds[1:])]


def test_there_is_a_drill_for_each_subject() -> None:
    assert len(DRILLS) == SUBJECTS


def test_every_part_has_cells(plays: list[Play]) -> None:
    for play in plays:
        assert [part for part in PARTS if not play.cells(part).cells] == []


def test_what_makes_an_exercise_of_it_is_there(plays: list[Play]) -> None:
    for drill in (play.drill for play in plays):
        assert len(drill.wrong) >= OWN_WRONG_MENDS
        assert all(one.about for one in drill.wrong)
        assert len(drill.injects) >= INJECTS
        assert all(inject.expected for inject in drill.injects)
        assert drill.hints
        assert drill.fix
        assert drill.evidence


def test_the_reference_takes_five_steps_each_at_a_node(plays: list[Play]) -> None:
    for play in plays:
        assert len(play.drill.steps) == STEPS
        for step in play.drill.steps:
            node, _, command = step.partition("$ ")
            assert node in play.topology.nodes
            assert command


def test_hints_ask(plays: list[Play]) -> None:
    assert all(re.search(r"\?$", hint) or "compare" in hint.lower() for play in plays for hint in play.drill.hints)


def test_the_debrief_is_whole(plays: list[Play]) -> None:
    for debrief in (play.drill.debrief for play in plays):
        assert debrief.cause
        assert debrief.long_term
        assert debrief.contained_by
        assert debrief.row is not None
        assert all((debrief.improvements.runbook, debrief.improvements.hygiene, debrief.improvements.monitoring))


def test_neither_page_nor_title_names_the_rule_or_the_kind(plays: list[Play]) -> None:
    for play in plays:
        drill = play.drill
        told = f"{drill.drill} {drill.about} {drill.page}".lower()
        assert [kind for kind in FAULT_KINDS if kind in told and kind not in _WORDS_OF_ALL] == []
        named = [getattr(fault.said, name, None) for fault in drill.faults for name in ("comment", "rule")]
        assert [text for text in named if text and text.lower() in told and not _is_asked_for(play, text)] == []


def _is_asked_for(play: Play, comment: str) -> bool:
    """Whether the check itself wants a rule of this comment, so that players must be told it."""
    return any(comment == getattr(row, "rule", None) for row in play.drill.check)


def test_seeds_differ_where_several_are_offered(plays: list[Play]) -> None:
    assert len({str(play.values) for play in plays}) == len(plays)
