"""What a host runs held against what its policy says: how flows fare otherwise, then which rules differ."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lab.errors import gravest
from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.record.difference import Difference, DiffReport
from lab.record.drifted import ByProgram, Compared
from lab.record.path import Rule
from lab.record.reconciled import Drift, Reconciled
from lab.ruleset.backend import Backend
from lab.ruleset.held import Chains
from lab.study.diff.diff import diff
from lab.study.diff.proposer import Proposer
from lab.twin.reconcile import reconcile
from lab.twin.writers import writer_of


@dataclass(frozen=True, slots=True)
class Asking:
    """How two scenes of one host are compared at ``node``; ``proposer`` and ``progress`` are as of `diff`.

    ``today`` is the day that the review dates of rules are held against.
    """

    node: str
    backend: Backend
    families: Sequence[int]
    proposer: Proposer
    progress: Callable[[int, int], None]
    today: datetime.date


def drift(running: Scene, written: Scene, names: tuple[str, str], asking: Asking) -> Drift:
    """The drift between the scene of a host's dump and that of its policy, on one topology, for who mends it.

    ``names`` are what the policy and the host are called.  Raises as `diff` does.
    """
    behaviour = _behaviour(written, running, names, asking)
    guesses = (f"guessed: {guess}" for guess in running.guesses)
    behaviour = replace(behaviour, notes=(*behaviour.notes, *guesses))
    rules = _rules(running, written, asking)
    return Drift(behaviour, rules, exit_code=gravest((behaviour.exit_code, rules.exit_code)))


def drifted(running: Scene, written: Scene, names: tuple[str, str], asking: Asking) -> Compared:
    """The same for a scheduled job: the policy, old, against the host, new.

    What a program's own rule denies is no drift: bans come and go.  What such a rule lets through is.
    """
    behaviour = _behaviour(written, running, names, asking)
    return _compared(behaviour, _rules(running, written, asking), lambda one: one.new.rule if one.closes else None)


def after_boot(running: Scene, loaded: Scene, names: tuple[str, str], asking: Asking) -> Compared:
    """What a host runs, old, against what its next boot loads, new; programs that wrote rules write them again."""
    behaviour = _behaviour(running, loaded, names, asking)
    return _compared(behaviour, _rules(running, loaded, asking), lambda one: one.old.rule)


def _compared(behaviour: DiffReport, rules: Reconciled, decides: Callable[[Difference], Rule | None]) -> Compared:
    """Both, without flows where the rule that ``decides`` is a program's, and without the time that it took."""
    kept: list[Difference] = []
    by_programs: list[ByProgram] = []
    for one in behaviour.differences:
        rule = decides(one)
        writer = None if rule is None else writer_of(rule.chain)
        if writer is None:
            kept.append(one)
        else:
            by_programs.append(ByProgram(writer, one))
    return Compared(replace(behaviour, differences=tuple(kept), seconds=0.0), rules, tuple(by_programs))


def _behaviour(old: Scene, new: Scene, names: tuple[str, str], asking: Asking) -> DiffReport:
    return diff(
        old, new, asking.node, backends=(asking.backend, asking.backend), families=asking.families, names=names,
        proposer=asking.proposer, progress=asking.progress,
    )  # fmt: skip


def _rules(running: Scene, written: Scene, asking: Asking) -> Reconciled:
    return reconcile(_held(running, asking), _held(written, asking), asking.today)


def _held(scene: Scene, asking: Asking) -> Chains:
    """What the kernel holds of a scene."""
    with Lab(scene.topology, scene.policies, backend=asking.backend) as lab:
        return lab.policies[asking.node].chains if asking.node in lab.policies else {}
