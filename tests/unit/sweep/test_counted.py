"""What a piece that was counted proves, and what has to be traced."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.observation import Refusal
from lab.record.sweep import Counts
from lab.record.verdict import Kind
from lab.sweep.fates import SweepTally
from lab.sweep.pieces import Piece
from lab.sweep.sweeping import Sweeping
from lab.sweep.train import SweepQuestion

PORTS = (7, 8, 9)
QUESTION = SweepQuestion("client", "10.0.1.10", "10.0.2.10", 17, 40000, ((7, 9),))
TOLD = Refusal("icmp-port-unreachable", "10.0.2.10")


class Empty:
    """A stage on which nothing was traced."""

    next_nodes = None


def left(piece: Piece) -> tuple[list[int], list[Kind]]:
    """The keys that are to be traced, and the kinds of what is proven of the others."""
    tally, stage, ask = SweepTally(), Empty(), lambda _: None
    sweeping = Sweeping(stage, QUESTION, "gateway", ask, None, ask, tally)  # type: ignore[arg-type]
    return list(sweeping._add_counted(piece)), [way.verdict.kind for way in tally.fates.values()]


def eaten(rejected: int = 0, **seen: Any) -> Piece:
    return Piece(PORTS, counts={"gateway": Counts(3, 3, (), rejected)}, **seen)


def test_all_of_them_were_eaten() -> None:
    assert left(eaten()) == ([], [Kind.DROPPED])


def test_as_many_were_told_of_it_as_were_rejected() -> None:
    assert left(eaten(3, refused=dict.fromkeys(PORTS, TOLD))) == ([], [Kind.REJECTED])


@pytest.mark.parametrize("told", [PORTS[:1], PORTS])
def test_somebody_answered_though_no_rule_rejects(told: tuple[int, ...]) -> None:
    assert left(eaten(refused=dict.fromkeys(told, TOLD))) == (list(PORTS), [])
