"""However a lab ends, nothing of it remains, and the machine's own network is as it was."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.safety.conftest import Reports

pytestmark = pytest.mark.kernel

SEED, MOMENTS, WITH_TOOLS = 20_240, 25, 4  # `ci/soak --kills 50` kills more
SMALL = "tests/doors/small/matrices/small.yaml"
SOME_CELLS = ("run", "matrices/mail-gateway.yaml", "-k", "office")


def left(reports: Iterable[dict[str, Any]]) -> list[str]:
    """What any of the labs left."""
    return [thing for report in reports for thing in report["left"]]


def test_kill_at_random_moments(in_a_machine: Reports) -> None:
    before = _namespaces_alive()
    reports = in_a_machine("kill", SEED, MOMENTS, lab=SOME_CELLS)
    assert left(reports) == []
    killed = [report for report in reports if report["code"] == -signal.SIGKILL]
    assert len(killed) == MOMENTS
    assert len({report["nodes"] for report in killed}) > 2, "none of them was killed while it was being built"
    # Counted by the kernel's allocator, which also sees what nothing refers to any more.  Other labs of this machine come
    # and go meanwhile, and the kernel takes namespaces down behind our back: hence half.
    assert _namespaces_alive() <= before + sum(report["nodes"] for report in killed) / 2


def test_kill_while_a_tool_is_at_work(in_a_machine: Reports) -> None:
    reports = in_a_machine("tools", WITH_TOOLS, lab=SOME_CELLS)
    assert left(reports) == []
    assert [report["code"] for report in reports] == [-signal.SIGKILL] * WITH_TOOLS
    assert any(report["tools"] for report in reports), "no tool was seen at work"


def _namespaces_alive() -> int:
    """The machine's network namespaces; 0 where the kernel does not tell."""
    try:
        lines = Path("/proc/slabinfo").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("net_namespace ")), 0)


def test_ctrl_c_leaves_nothing_and_tells_what_was_finished(in_a_machine: Reports) -> None:
    (report,) = in_a_machine("interrupt", lab=("run", SMALL, "matrices/web-edge-gateway.yaml"))
    assert report["left"] == []
    assert report["code"] == 130
    lines = report["told"].splitlines()
    assert "small: 7 cells, 7 passed" in lines
    assert "interrupted: the numbers are of the cells that were finished" in lines
    finished = int(lines[-1].partition(" ")[0])
    assert 7 <= finished < 400
    assert lines[-1].startswith(f"{finished} cells: {finished} passed; ")
    assert "Traceback" not in report["told"]


def test_no_packet_leaves_the_lab(in_a_machine: Reports) -> None:
    (report,) = in_a_machine("whole", lab=("run", "matrices/mail-gateway.yaml"), network=True)
    assert report["code"] == 0
    assert report["left"] == []
    before, after = report["sent"]
    assert set(after) == {"lo", "out", "far"}
    assert after == before


def test_a_whole_run_leaves_the_machines_own_network_alone(in_a_machine: Reports) -> None:
    (report,) = in_a_machine("whole", lab=("run", "matrices/service-host.yaml"))
    assert (report["code"], report["left"]) == (0, [])
