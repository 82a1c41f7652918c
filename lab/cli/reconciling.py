"""What a host runs against what its policy says, as the command line has it: behaviour first, then rule by rule."""

from __future__ import annotations

import datetime
import sys
from dataclasses import replace
from functools import partial
from typing import NoReturn

from lab.cli.ending import finish, reporting
from lab.cli.given import Given, Selection
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem, gravest
from lab.kernel.ground.privileges import enter
from lab.lab import Lab
from lab.prepare.scene import twin_scene
from lab.record.reconciled import Drift
from lab.report.diff import diff_lines
from lab.report.printed import printed_width
from lab.report.reconciled import reconciled_lines
from lab.report.write import Reports
from lab.study.diff.diff import diff
from lab.study.diff.modelled import modelled
from lab.twin.reconcile import reconcile


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
        behaviour = diff(
            written, running, node, backends=(backend, backend), families=chosen.families, names=names,
            proposer=partial(modelled, waiting=far.tell),
            progress=lambda done, of: far.tell(f"{done} of {of} flows asked on both sides, {far.seconds:.0f} s"),
        )  # fmt: skip
        guesses = (f"guessed: {guess}" for guess in running.guesses)
        behaviour = replace(behaviour, notes=(*behaviour.notes, *guesses))
        held = []
        for scene in (running, written):
            with Lab(scene.topology, scene.policies, backend=backend) as lab:
                held.append(lab.policies[node].chains if node in lab.policies else {})
        rules = reconcile(held[0], held[1], datetime.datetime.now().astimezone().date())
        far.clear()
        drift = Drift(behaviour, rules, exit_code=gravest((behaviour.exit_code, rules.exit_code)))
    show = partial(_show, drift, full=full) if not reports.printed else _nothing
    finish(drift.exit_code, lambda: reports.write(drift), show)


def _policy(given: Given) -> str:
    """What the host should run: a policy by itself, as there is one node."""
    said = [text.partition("=")[2] or text for text in given.policy or ()]
    if len(said) != 1:
        raise InputError(Problem("against which policy is the host held?", mend="--policy NAME, or --policy FILE"))
    return said[0]


def _show(drift: Drift, *, full: bool) -> None:
    if drift.behaviour is not None and drift.rules is not None:
        for line in (*diff_lines(drift.behaviour, printed_width(), full=full), "", *reconciled_lines(drift.rules)):
            print(line)
    sys.stdout.flush()


def _nothing() -> None:
    """Nothing is printed."""
