"""The script of a change, as the command line has it: tried in the lab, each trial told as it ends, then printed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from lab.cli.ending import finish, reporting, show_nothing
from lab.cli.given import Given
from lab.errors import InputError, Problem
from lab.kernel.ground.privileges import enter
from lab.prepare.sides import Sides, change_sides
from lab.record.guarded import GuardReport
from lab.report.guard import trial_line
from lab.report.plain import plain
from lab.report.write import Reports
from lab.ruleset.backend import Backend
from lab.study.guarding.prepared import guarded
from lab.study.guarding.trials import Guarded, trials
from lab.written.change import Change
from lab.written.load import load_change


def guard_and_print(
    given: Given, file: Path, node: str | None, backends: Sequence[Backend], reports: Reports[GuardReport]
) -> NoReturn:
    """Try the script of the change in ``file`` in every way, and write it where none fails."""
    with reporting(reports, [file]), ExitStack() as undo:
        if len(backends) > 1:
            raise InputError(Problem("a host has one iptables", mend="--backend nft, or legacy, as the host has it"))
        (backend,) = backends
        change = load_change(file)
        sides = undo.enter_context(change_sides(file, change, given.rendering(backend), shipped=given.shipped))
        ready = guarded(change, _one_of(sides, node, change), backend, allow_commands=given.allow_commands)
        enter()
        told = _tried(ready)
    finish(told.exit_code, lambda: reports.write(told), show_nothing)


def _one_of(sides: Sequence[Sides], node: str | None, change: Change) -> Sides:
    found = [one for one in sides if node in (None, one.node)]
    if len(found) == 1:
        return found[0]
    there = ", ".join(one.node for one in sides)
    if found:
        what = f"{change.change} changes {there}, each by a script of its own"
    else:
        what = f"{change.change} changes no node {node or 'that it says both sides of'}"
    raise InputError(Problem(what, change.where("new"), f"--node NAME, of {there}" if there else ""))


def _tried(ready: Guarded) -> GuardReport:
    done = []
    for trial in trials(ready):
        done.append(trial)
        print(plain(trial_line(trial)), file=sys.stderr, flush=True)
    passed = all(trial.passed for trial in done)
    return GuardReport(ready.change, ready.script if passed else "", tuple(done), 0 if passed else 1)
