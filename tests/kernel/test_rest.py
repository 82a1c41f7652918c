"""Rest proves nothing when a backlog overflowed or a fence is lost: then the lab says so."""

from __future__ import annotations

import pytest

from lab.errors import MeasurementError
from lab.probe.attempt import REPEATS
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import FAR, SERVER, corridor, table
from tests.kernel.test_blinded import SHUT, drop_at_ingress

pytestmark = pytest.mark.kernel


class Counted:
    """Takes the place of the machine's count of overflows; it grows as often as it is told."""

    def __init__(self, growths: int) -> None:
        self.growths, self.count = growths, 0

    def __call__(self) -> int:
        if self.growths:
            self.growths -= 1
            self.count += 1
        return self.count


def test_a_backlog_that_overflows_each_time(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -s {SERVER} -j DROP"))
    monkeypatch.setattr(lab.instrument._backlog, "dropped", Counted(1000))
    verdict = lab.probe("client", "server", "udp/443")
    assert (verdict.kind, verdict.observation.repeats) == (Kind.LOST, 2 * REPEATS + 1)
    assert "backlog overflowed" in verdict.proof


def test_a_backlog_that_overflows_once(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -s {SERVER} -j DROP"))
    monkeypatch.setattr(lab.instrument._backlog, "dropped", Counted(1))
    verdict = lab.probe("client", "server", "udp/443")
    assert (verdict.kind, verdict.observation.repeats) == (Kind.UNANSWERED, 2)


def test_a_fence_that_does_not_arrive(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    drop_at_ingress(lab.network.fence.nodes[1], "fence")
    with pytest.raises(MeasurementError, match="does not rest"):
        lab.probe("client", FAR, "udp/443", source="10.0.1.77")
