"""The steps of a flow to one result: the first that is wrong decides, and what was not done after it is counted."""

from __future__ import annotations

import datetime
from dataclasses import replace

from lab.errors import Where
from lab.record.observation import Milestone
from lab.record.result import CellResult, Outcome, StepResult
from lab.record.verdict import Kind, Verdict
from lab.verdict.steps import done, judged, result_of
from lab.written.cell import Cell, Expectation, Sender, Service, Step, Target
from lab.written.expect.example import PASSED as EXAMPLE
from lab.written.expect.known import KNOWN, KnownSpec

TODAY = datetime.date(2026, 1, 31)
ALLOW, DROP = Expectation("allow"), Expectation("drop")
SEEN = replace(EXAMPLE.observation, probe_us=5.0)
SYN = SEEN.sent
SYN_ACK = SYN._replace(source=SYN.destination, sport=SYN.dport, destination=SYN.source, dport=SYN.sport, flags=0x12)
PASSED = replace(EXAMPLE, observation=SEEN)
STOPPED = Verdict(Kind.DROPPED, "dropped", replace(SEEN, stage=Milestone.SENT, request=(), arrived=None), "segment", "gateway")
WORDS = ("open", "load gateway: edge", "send", "answer", "close")
STEPS = tuple(
    Step(number, words.partition(" ")[0], Where("m.yaml", 10 + number), words, expect=None if " " in words else ALLOW)
    for number, words in enumerate(WORDS, 1)
)
CELL = Cell(
    "m::row[client->server tcp/443]", "m", "row", Where("m.yaml", 7), Sender("client", SYN.source, "client"),
    Target(SYN.destination, "server", "server"), Service("tcp/443", "tcp", ((443, 443),)), 4, "gateway", ALLOW, steps=STEPS,
)  # fmt: skip


def result(*steps: StepResult, cell: Cell = CELL) -> CellResult:
    return result_of(cell, steps, TODAY)


def passed(number: int, verdict: Verdict = PASSED) -> StepResult:
    return judged(CELL, STEPS[number - 1], ALLOW, verdict, 0.01)


def test_all_as_expected_is_told_step_by_step() -> None:
    found = result(passed(1), done(STEPS[1], 0.2), passed(3), passed(4), passed(5))
    assert (found.outcome, found.where, found.steps_left, found.probe_us) == (Outcome.PASSED, "m.yaml:7", 0, 20.0)
    assert found.expected == "1 open: allow; 3 send: allow; 4 answer: allow; 5 close: allow"


def test_the_first_that_is_wrong_decides() -> None:
    found = result(passed(1), done(STEPS[1], 0.2), passed(3, STOPPED))
    assert (found.outcome, found.verdict, found.where, found.steps_left) == (Outcome.FAIL_CLOSED, STOPPED, "m.yaml:13", 2)
    assert found.expected == "allow of step 3 (send)"
    assert "dropped" in found.differences[0]


def test_the_flow_is_told_by_its_own_headers_where_an_answer_is_wrong() -> None:
    stopped = replace(STOPPED, observation=replace(STOPPED.observation, sent=SYN_ACK))
    found = result(passed(1), passed(4, stopped))
    assert (found.verdict.observation.sent, found.sent, found.source) == (SYN_ACK, SYN, SYN.source)


def test_what_could_not_be_done_is_an_error_that_proves_nothing() -> None:
    found = result(passed(1), done(STEPS[1], 0.2, "policies/edge.rules:5: no chain NOWHERE"))
    assert (found.outcome, found.verdict.kind, found.steps_left) == (Outcome.ERROR, Kind.LOST, 3)
    assert found.expected == "step 2 (load gateway: edge) to be done"
    assert found.verdict.proof == "step 2 (load gateway: edge) could not be done: policies/edge.rules:5: no chain NOWHERE"
    first = result(done(STEPS[1], 0.2, "refused"))
    assert (first.outcome, first.sent.destination, first.sent.dport) == (Outcome.ERROR, SYN.destination, 443)


def test_what_is_known_to_fail_is_known_of_its_steps_too() -> None:
    known = KnownSpec(until=datetime.date(2026, 2, 1), ticket="T-1", why="later")
    cell = replace(CELL, expect=replace(ALLOW, further={KNOWN.name: known}))
    wrong = judged(CELL, STEPS[2], DROP, PASSED, 0.01)
    assert (wrong.outcome, result(passed(1), wrong).outcome) == (Outcome.FAIL_OPEN, Outcome.FAIL_OPEN)
    found = result(passed(1), wrong, cell=cell)
    assert (found.outcome, found.known) == (Outcome.PASSED, True)
