"""The script that makes a change on the real host, and what it was tried with in the lab."""

from __future__ import annotations

from dataclasses import dataclass

from lab.errors import Problem
from lab.record.rehearsal import Trial


@dataclass(frozen=True, slots=True)
class GuardReport:
    """``script`` is "" where a trial failed, or there came nothing of it: then nobody is to run any."""

    change: str = ""
    script: str = ""
    trials: tuple[Trial, ...] = ()
    exit_code: int = 0
    problems: tuple[Problem, ...] = ()
    interrupted: bool = False
