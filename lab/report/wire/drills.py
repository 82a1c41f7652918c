"""The drills that there are: what ``lab drill list --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.report.wire.document import key
from lab.report.wire.parts import Count, ExitCode, Many


@dataclass(frozen=True, kw_only=True)
class ListedDrill:
    """One drill; nothing of its answer."""

    name: str = key()
    about: str = key("one sentence for whoever chooses it")
    level: Count = key("1 easy, 3 hard")
    roles: Many[str] = key("who it is for")
    minutes: Count = key("how long it takes")
    seeds: Many[int] = key("the seeds that it offers")
    file: str = key("where it is written")


@dataclass(frozen=True, kw_only=True)
class Drills:
    """The drills that there are."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab drill list`")
    problems: Many[str] = key("what is wrong with files that are left out")
    drills: Many[ListedDrill] = key("by level and name")
