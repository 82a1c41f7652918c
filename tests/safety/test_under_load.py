"""Verdicts under CPU and softirq load: the short form of ``ci/soak``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.safety.conftest import DEADLINE_S, ROOT

pytestmark = pytest.mark.kernel

PROBES, SWEEPS = 8_000, 2


def soak(*arguments: str) -> dict[str, Any]:
    """What the soak reports of a run in which nothing was wrong."""
    load = ["--seed", "7", "--busy", "2", "--blasters", "1"]
    command = [sys.executable, str(ROOT / "ci" / "soak"), *arguments, *load]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert (report["wrong"], report["lost"]) == (0, 0)
    return report


def test_no_port_of_a_sweep_is_wrong() -> None:
    assert soak("--sweeps", str(SWEEPS), "--stock")["ports"] == SWEEPS * 65_535


def test_no_verdict_is_wrong() -> None:
    report = soak("--probes", str(PROBES))
    assert report["probes"] >= PROBES
    assert {kind for kind, count in report["kinds"].items() if count > PROBES / 5} == {"allow", "drop", "reject"}
    assert report["net_rx_softirqs"] > 10_000, "the blasters did not blast"
