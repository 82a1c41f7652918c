"""What is logged, printed as it is told: a line of JSON for each packet."""

from __future__ import annotations

import sys
from typing import NoReturn

from lab.cli.ending import finish
from lab.cli.given import Given, Selection
from lab.cli.ready import ready_for
from lab.record.result import Outcome, RunResult
from lab.report.printed import print_machine_readable
from lab.report.progress import NoProgress
from lab.report.run_json import json_line
from lab.report.wire.tail import Line
from lab.report.wire.writing import written
from lab.run.runner import exit_code
from lab.study.tail import Logged, tail


def tail_and_print(given: Given, chosen: Selection) -> NoReturn:
    """Run what is given, print each packet that is logged on standard output, and the sum of them on standard error."""
    plans, unforeseen = given.plans(chosen)
    ready_for(plans)
    result = tail(plans, NoProgress(), _print, unforeseen)
    lost = [cell for cell in result.results if cell.outcome is Outcome.ERROR]
    code = result.exit_code if result.exit_code != 1 else exit_code(lost, set())
    finish(code, lambda: None, lambda: _sum_up(result))


def _print(logged: Logged) -> None:
    print_machine_readable(json_line(written(Line, logged)))
    sys.stdout.flush()


def _sum_up(result: RunResult) -> None:
    packets = sum(len(cell.logged) for cell in result.results)
    of_them = sum(bool(cell.logged) for cell in result.results)
    flows = _counted(len(result.results), "flow", "flows")
    for problem in result.problems:
        print(problem.problem, file=sys.stderr)
    for cell in result.results:
        if cell.outcome is Outcome.ERROR:
            print(f"not measured: {cell.id}: {cell.verdict.proof}", file=sys.stderr)
    print(f"{_counted(packets, 'packet was', 'packets were')} logged, of {of_them:,} of {flows}", file=sys.stderr)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"
