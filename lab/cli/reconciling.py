"""What a host runs against what its policy says, as the command line has it: behaviour first, then rule by rule."""

from __future__ import annotations

import datetime
import sys
from functools import partial
from typing import NoReturn

from lab.cli.ending import finish, reporting
from lab.cli.given import Given, Selection
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem
from lab.kernel.ground.privileges import enter
from lab.prepare.scene import twin_scene
from lab.record.reconciled import Drift
from lab.report.diff import diff_lines
from lab.report.printed import printed_width
from lab.report.reconciled import reconciled_lines
from lab.report.write import Reports
from lab.study.diff.modelled import modelled
from lab.study.drift import drift


def reconcile_and_report(
    given: Given, chosen: Selection, reports: Reports[Drift], *, full: bool = False
) -> NoReturn:
    """Hold the host of a dump against its policy, and report it; an emergency rule that nobody answers for ends it with 1."""
    far = UnderWay()
    with reporting(reports, given.named()):
        policy = _policy(given)
        if len(chosen.backends) > 1:
            raise InputError(Problem("a host is held against its policy on one backend", mend="--backend nft"))
        (backend,) = chosen.backends
        twin = given.twin()
        if len(twin.hosts) > 1:
            raise InputError(Problem("one host is held against its policy", mend="name one snapshot"))
        (node,) = twin.hosts
        rendering = given.rendering(backend)
        running = twin_scene(twin, {}, rendering=rendering)
        written = twin_scene(twin, {node: policy}, rendering=rendering)
        enter()
        names = policy, twin.hosts[node].name
        found = drift(
            running, written, node, backend=backend, families=chosen.families, names=names,
            proposer=partial(modelled, waiting=far.tell),
            progress=lambda done, of: far.tell(f"{done} of {of} flows asked on both sides, {far.seconds:.0f} s"),
            today=datetime.datetime.now().astimezone().date(),
        )  # fmt: skip
        far.clear()
    show = partial(_show, found, full=full) if not reports.printed else _nothing
    finish(found.exit_code, lambda: reports.write(found), show)


def _policy(given: Given) -> str:
    """What the host should run: a policy by itself, as there is one node."""
    said = [text.partition("=")[2] or text for text in given.policy or ()]
    if len(said) != 1:
        raise InputError(Problem("against which policy is the host held?", mend="--policy NAME, or --policy FILE"))
    return said[0]


def _show(found: Drift, *, full: bool) -> None:
    if found.behaviour is not None and found.rules is not None:
        for line in (*diff_lines(found.behaviour, printed_width(), full=full), "", *reconciled_lines(found.rules)):
            print(line)
    sys.stdout.flush()


def _nothing() -> None:
    """Nothing is printed."""
