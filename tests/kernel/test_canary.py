"""A canary is missed only when it must have come: not while a processor has not come to it, or had no room for it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from lab.errors import MeasurementError
from lab.kernel.stage.rest import FenceLane
from lab.kernel.watch.watch import Trace
from lab.lab import Lab
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True


def trace_of(lab: Lab) -> Trace:
    return lab.instrument.nodes["gateway"].trace


def told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens from now on, and on how many processors the thread may be at each step."""
    steps: list[str] = []

    def noted(owner: object, name: str, what: str) -> None:
        does: Callable[..., object] = getattr(owner, name)

        def first(*given: object, **named: object) -> object:
            steps.append(f"{what} on {len(os.sched_getaffinity(0))}")
            return does(*given, **named)

        monkeypatch.setattr(owner, name, first)

    noted(trace_of(lab), "send_canaries", "send")
    noted(FenceLane, "pass_by", "fence")
    noted(trace_of(lab), "canary_trouble", "read")
    return steps


def test_a_fence_passes_between_sending_and_reading(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    steps = told(lab, monkeypatch)
    lab.instrument.canary()
    assert steps == ["send on 1", "fence on 1", "read on 1"]


def test_so_it_is_before_and_behind_a_batch(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    steps = told(lab, monkeypatch)
    with lab.batch():
        pass
    assert steps == ["send on 1", "fence on 1", "read on 1"] * 2


def test_one_that_found_no_room_in_a_backlog_is_sent_again(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    counts = iter((0, 7))  # before, and when the canaries were not seen
    monkeypatch.setattr(lab.instrument._backlog, "dropped", lambda: next(counts))
    trace, lost = trace_of(lab), iter((True, False))
    send = trace.send_canaries
    monkeypatch.setattr(trace, "send_canaries", lambda: None if next(lost) else send())
    lab.instrument.canary()
    assert next(lost, None) is None, "it was sent twice"


def test_one_that_had_room_and_was_not_seen_is_told_at_once(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    sent: list[None] = []
    monkeypatch.setattr(lab.instrument._backlog, "dropped", lambda: 0)
    monkeypatch.setattr(trace_of(lab), "send_canaries", lambda: sent.append(None))
    with pytest.raises(MeasurementError, match="the canary was not seen in prerouting of IPv4 and output of IPv4"):
        lab.instrument.canary()
    assert len(sent) == 1
