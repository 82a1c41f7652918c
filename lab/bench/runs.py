"""Commands as processes, everything included: `lab run`, pytest and `lab exposure`; runs by the number of their cells."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

from lab.bench.figures import Found, Size, growing
from lab.bench.inputs import folder, project
from lab.bench.processes import Ended, run_lab, run_pytest
from lab.errors import MeasurementError, Problem

_MOST_CELLS, _QUICK_CELLS = 10_000, 100


def runs(size: Size) -> Found:
    """1,000 cells by `lab run` and by pytest, the exposure of a gateway, and `lab run` of 10 to 10,000 cells."""
    thousand = folder() / "matrices" / "thousand.yaml"
    ended = [_run(thousand) for _ in range(size.runs)]
    by_pytest = [_well(run_pytest(thousand), "pytest") for _ in range(size.few(3))]
    exposure = _exposure(size)
    figures = {
        "matrix_1000_s": statistics.median(one.seconds for one in ended),
        "rss_mb": statistics.median(one.peak_mb for one in ended),
        "pytest_1000_s": statistics.median(one.seconds for one in by_pytest),
        **exposure.figures,
        "growth": {"cells": [_cells(count, size) for count in size.up_to(growing(10, _MOST_CELLS), _QUICK_CELLS)]},
    }
    return Found(figures, exposure.notes)


def _run(matrix: Path) -> Ended:
    return _well(run_lab("run", str(matrix), "--json", os.devnull), "lab run")


def _well(ended: Ended, command: str) -> Ended:
    if ended.code != 0:
        raise MeasurementError(Problem(f"`{command}` ended with {ended.code} where all cells should pass"))
    return ended


def _cells(count: int, size: Size) -> dict[str, float]:
    with project(count) as matrix:
        times = [_run(matrix).seconds for _ in range(size.few(3 if count < _MOST_CELLS else 1))]
    return {"cells": count, "run_s": statistics.median(times)}


def _exposure(size: Size) -> Found:
    """None where the command ends in another way than with its table: exit code 0, or 1 when the table says so."""
    ended = [run_lab("exposure", "--topology", "edge", "--shipped") for _ in range(size.few(3))]
    worst = max(one.code for one in ended)
    if worst > 1 or worst < 0:
        return Found({"exposure_s": None}, (f"`lab exposure --topology edge` ended with {worst}",))
    return Found({"exposure_s": statistics.median(one.seconds for one in ended)})
