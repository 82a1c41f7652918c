"""Verdicts under CPU and softirq load: the short form of ``ci/soak``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.safety.conftest import DEADLINE_S, ROOT

pytestmark = pytest.mark.kernel

PROBES, SWEEPS, LABS = 4_000, 2, 8  # ci/soak makes 200,000 probes where nothing else is said


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


def test_many_labs_at_once_in_a_storm_of_namespaces() -> None:
    """Nothing may depend on how soon the machine comes to a canary, or to an address of IPv6."""
    report = soak("--storm", "1", "--labs", str(LABS))
    assert (report["failed"], report["broken"]) == (0, 0)
    assert report["right"] == LABS * 12
