"""Several policies compared by one command, on a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from lab.errors import Problem
from lab.record.difference import DiffReports
from lab.report.diffs import print_diffs
from tests.unit.report.differing import opens, report


def printed(found: DiffReports) -> list[str]:
    out = io.StringIO()
    print_diffs(found, Console(file=out, width=100))
    return out.getvalue().splitlines()


def test_what_stopped_the_others_stands_behind_those_that_were_done() -> None:
    lines = printed(DiffReports((report(opens()),), problems=(Problem("the second could not be loaded"),), exit_code=3))
    assert lines[0].startswith("1 class of flows differs")
    assert lines[-1] == "the second could not be loaded"


def test_what_only_one_side_has_comes_first_and_nothing_differs_is_said_of_texts_alone() -> None:
    lines = printed(DiffReports(same=("gateway on edge",), apart=("matrices/a.yaml: it is gone since HEAD",)))
    assert lines == [
        "NOT COMPARED  matrices/a.yaml: it is gone since HEAD",
        "nothing differs: gateway on edge would load the same text, to the letter",
    ]
