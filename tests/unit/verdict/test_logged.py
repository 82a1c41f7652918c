"""What a row says of a flow's log, held against what was logged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from lab.record.logs import LogMessage, LogWitness, traced_logs
from lab.record.path import Log, Path
from lab.record.verdict import Kind, Verdict
from lab.verdict.differences import all_differences
from lab.written.expect.logged import LoggedSpec, Times
from lab.written.matrix import Row
from tests.unit.verdict.made import SYN, cell, observed, passed, rule, verdict

WARN = LogMessage("gateway", LogWitness.TRACE, "w ", "warn", None, None, SYN, "forward", of_first=True)
FIVE = LogMessage("gateway", LogWitness.NFLOG, "five ", None, 5, None, SYN, "forward", of_first=True)
LATER = FIVE._replace(prefix="later ", of_first=False)
LOST = FIVE._replace(witness=LogWitness.NOBODY, prefix="lost ", rule=rule("deaf", "NFLOG"))
ROW = {"name": "r", "from": "a", "to": "b", "service": "tcp/1", "expect": "drop"}


def logged(value: Any) -> LoggedSpec:
    spec = Row.model_validate({**ROW, "logged": value}).logged  # type: ignore[attr-defined]
    assert isinstance(spec, LoggedSpec)
    return spec


def differences(value: Any, *messages: LogMessage) -> tuple[str, ...]:
    seen: Verdict = verdict(Kind.DROPPED, observation=replace(observed(passed(rule("open"))), logged=messages))
    return all_differences(cell("drop", logged=logged(value)), seen)


@pytest.mark.parametrize(
    "value",
    ["w ", {"prefix": "w "}, {"level": "warning"}, {"level": 4}, {"level": "4"}, {"group": 5}, True, {}, {"times": 3},
     {"prefix": "later ", "times": 1}, {"times": {"min": 1}}, {"times": {"max": 6}}, {"prefix": "no ", "times": {"max": 1}},
     {"prefix": "no ", "times": 0}],
)  # fmt: skip
def test_it_holds(value: Any) -> None:
    assert differences(value, WARN, FIVE, LATER) == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("w", "with prefix 'w', but met no such LOG or NFLOG rule; it met the prefixes 'w ', 'five '"),
        ("later ", "with prefix 'later ', but met no such"),
        ("lost ", "with prefix 'lost ', but no message of gateway filter:FORWARD:1 (deaf) came to group 5 of NFLOG"),
        ({"level": "err"}, "at level err, but met no such LOG or NFLOG rule; it was logged with prefix 'w ' at level warn by"),
        ({"prefix": "w ", "group": 5}, "with prefix 'w ' to group 5, but met no such"),
        ({"times": 1}, " once, but was 3 times: with prefix 'w ' at level warn by the trace of gateway, with prefix 'five '"),
        ({"times": {"min": 4, "max": 6}}, " at least 4 times and at most 6 times, but was 3 times"),
        ({"group": 5, "times": {"max": 1}}, "to group 5 at most once, but was twice"),
        ({"group": 6, "times": 2}, "to group 6 twice, but met no such"),
        (False, "must not be logged, but was: with prefix 'w ' at level warn by the trace of gateway, "),
        ("none", "must not be logged, but was: "),
        ({"group": 5, "times": 0}, "must not be logged to group 5, but was: with prefix 'five ' by a message of NFLOG group 5"),
    ],
)
def test_it_does_not(value: Any, words: str) -> None:
    (told,) = differences(value, WARN, FIVE, LATER, LOST)
    assert words in told


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"level": "loud"}, "'loud' is no level of a log"),
        ({"level": 8}, "8 is no level"),
        ({"level": True}, "True is no level"),
        ({"group": 65536}, "65536 is not a group of NFLOG: a whole number from 0 to 65,535"),
        ({"group": "5"}, "'5' is not a group of NFLOG"),
        ({"level": "warn", "group": 5}, "no rule writes both"),
        ({"times": {"min": 3, "max": 2}}, "nothing lies between"),
        ({"times": -1}, "-1 is not how often"),
        ({"times": True}, "times"),
        ({"prefx": "x"}, "prefx"),
        (5, "quote it"),
    ],
)
def test_what_cannot_be_meant(value: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        logged(value)


def test_a_bound_is_both_of_its_ends() -> None:
    assert [Times(min=1, max=2).holds(count) for count in range(4)] == [False, True, True, False]
    assert [str(Times(min=1, max=1)), str(Times(min=2)), str(Times(max=6)), str(Times())] == [
        "once", "at least twice", "at most 6 times", "at least 0 times",
    ]  # fmt: skip


@pytest.mark.parametrize(("behind", "mark"), [("ACCEPT", 2), ("MARK", None), ("LOG", 2)])
def test_a_mark_that_was_set_behind_is_not_taken_for_the_message_s(behind: str, mark: int | None) -> None:
    log = replace(rule("tell", "LOG"), log=Log("w ", "warn", None))
    path: Path = passed(log, rule("behind", behind, number=2), mark=2)
    assert [message.mark for message in traced_logs([path]) if message.rule == log] == [mark]
