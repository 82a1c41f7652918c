"""Denied keys sorted by what they moved, on pieces that are made up: a node whose rules count as the kernel's would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from lab.record.observation import Refusal
from lab.record.sweep import Arrived, Counts, Gear
from lab.sweep.by_rule import SMALL, Sorted, sort_by_rule
from lab.sweep.pieces import Piece

RESET = Refusal("tcp-reset", None)
Moves = Callable[[int], tuple[int, ...]]


class Made:
    """Answers as a sweeper does; ``moves`` says what the packet of a key does to the rules, None that it is delivered."""

    def __init__(self, moves: Callable[[int], tuple[int, ...] | None], **told: Any) -> None:
        self._moves, self._told = moves, told
        self.sent: list[list[int]] = []
        self.forgotten: list[int] = []

    def silence(self) -> nullcontext[None]:
        return nullcontext()

    def forget(self) -> None:
        self.forgotten.append(len(self.sent))

    @contextmanager
    def counting(self, gear: Gear) -> Iterator[Callable[[Sequence[int]], Iterator[Piece]]]:
        assert gear is Gear.RULE
        yield lambda keys: iter([self._piece(list(keys))])

    def _piece(self, keys: list[int]) -> Piece:
        self.sent.append(keys)
        moved = {key: self._moves(key) for key in keys}
        denied = [move for move in moved.values() if move is not None]
        counts = Counts(len(denied), len(denied), tuple(map(sum, zip(*denied, strict=True))))
        told: dict[str, Any] = {name: value(keys) if callable(value) else value for name, value in self._told.items()}
        arrived = {key: Arrived("server") for key, move in moved.items() if move is None}
        return Piece(keys, arrived, counts={"gateway": counts}, **told)


def found(made: Made, keys: Sequence[int]) -> Sorted:
    sweeper: Any = made
    return sort_by_rule(sweeper, keys)


def test_all_that_met_the_same_are_traced_by_one() -> None:
    made = Made(lambda _: (1, 0))
    result = found(made, range(1000))
    assert (result.alike, result.others, result.to_trace) == ({0: list(range(1, 1000))}, [], [0])
    assert [len(keys) for keys in made.sent] == [1000, 1]


def test_few_are_traced_at_once_and_not_counted() -> None:
    made = Made(lambda _: (1, 0))
    assert (found(made, range(SMALL)).to_trace, made.sent) == (list(range(SMALL)), [])
    assert len(found(made, range(SMALL + 1)).to_trace) == 1


def test_two_rules_are_told_apart_and_every_key_is_accounted_for() -> None:
    result = found(Made(lambda key: (1, 0) if key < 300 else (0, 1)), range(1024))
    kept = [key for first, rest in result.alike.items() for key in (first, *rest)]
    assert sorted([*kept, *result.others]) == list(range(1024))
    for first, rest in result.alike.items():
        assert {key < 300 for key in (first, *rest)} == {first < 300}
    assert len(result.to_trace) <= 2 * SMALL + 2


def test_what_is_delivered_is_traced_each() -> None:
    result = found(Made(lambda key: None if key % 100 == 0 else (1,)), range(1000))
    assert set(range(0, 1000, 100)) <= set(result.others)


def test_sums_that_only_look_alike_are_found_out_by_one_packet_alone() -> None:
    # half of the packets move the rule twice, the other half never: on the whole once each
    result = found(Made(lambda key: (2,) if key % 2 else (0,)), range(512))
    assert (result.alike, sorted(result.others)) == ({}, list(range(512)))


def test_told_apart_by_what_the_sender_was_told() -> None:
    made = Made(lambda _: (1,), refused=lambda keys: {key: RESET for key in keys if key < 200})
    result = found(made, range(400))
    assert {first: len(rest) for first, rest in result.alike.items()} == {0: 199, 200: 199}


def test_what_is_unsound_is_traced() -> None:
    for unsound in ({"faults": ("overflowed",)}, {"lost": True}, {"twice": frozenset({3})}):
        result = found(Made(lambda _: (1,), **unsound), range(200))
        assert (result.alike, sorted(result.others)) == ({}, list(range(200)))


def test_repeats_are_counted() -> None:
    """Those of the piece, and of the one key that is counted alone."""
    assert found(Made(lambda _: (1,), repeats=2), range(200)).repeats == 4


def test_flows_are_forgotten_before_any_key_is_sent_again() -> None:
    made = Made(lambda key: (1, 0) if key < 300 else (0, 1))
    found(made, range(1024))
    splits = [number for number, keys in enumerate(made.sent, 1) if len(keys) > 1]
    assert set(splits) <= set(made.forgotten)
