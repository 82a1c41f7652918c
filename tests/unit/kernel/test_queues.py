"""What readers of queues said, put to the paths of the packets that they said it to."""

from __future__ import annotations

import pytest

from lab.kernel.watch.queues import Answered, with_answers
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step

SYN = Packet(4, 6, "10.0.1.10", 40000, "10.0.2.10", 443, 0x02)
HANDS = Rule("gateway", "filter", "FORWARD", 1, "", None, "NFQUEUE", queue="0-7")
QUEUED = Step("forward", "filter", "FORWARD", HANDS, "queue")
ACCEPTED = Step("postrouting", "mangle", "POSTROUTING", None, "accept", "mangle")


def way(*steps: Step, end: End, entry: Packet = SYN, heads: tuple[tuple[int, Packet], ...] = ()) -> Path:
    return Path("gateway", entry, steps, end, heads=heads)


@pytest.mark.parametrize(("word", "end"), [("accept", End.VANISHED), ("drop", End.DROPPED)])
def test_the_last_step_was_a_queue(word: str, end: End) -> None:
    path = with_answers(way(QUEUED, end=End.QUEUED), [Answered(SYN, 3, word)])
    assert (path.end, path.steps[0].read, path.dropped_by) == (end, ("3", word), HANDS if word == "drop" else None)


def test_each_queue_has_its_own_answer_in_turn() -> None:
    answered = [Answered(SYN, 1, "accept"), Answered(SYN, 2, "accept")]
    path = with_answers(way(QUEUED, ACCEPTED, QUEUED, end=End.LEFT), answered)
    assert [step.verdict for step in path.steps] == ["queue 1 accept", "accept", "queue 2 accept"]
    assert (path.end, answered) == (End.LEFT, [])


def test_another_s_answer_is_left_to_it() -> None:
    other = Answered(SYN._replace(sport=1), 3, "drop")
    answered = [other]
    path = way(QUEUED, end=End.QUEUED)
    assert with_answers(path, answered) == path
    assert with_answers(way(ACCEPTED, end=End.LEFT), answered).end is End.LEFT
    assert answered == [other]


def test_the_headers_are_those_that_it_came_to_the_queue_with() -> None:
    translated = SYN._replace(destination="10.0.9.9")
    path = way(ACCEPTED, QUEUED, end=End.QUEUED, heads=((1, translated),))
    assert with_answers(path, [Answered(SYN, 3, "drop")]) == path
    assert with_answers(path, [Answered(translated, 3, "drop")]).end is End.DROPPED
