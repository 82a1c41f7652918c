"""What a host runs held against what its policy says: how flows fare otherwise, then which rules differ."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace

from lab.errors import gravest
from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.record.reconciled import Drift
from lab.ruleset.backend import Backend
from lab.ruleset.held import Chains
from lab.study.diff.diff import diff
from lab.study.diff.proposer import Proposer
from lab.twin.reconcile import reconcile


def drift(
    running: Scene, written: Scene, node: str, *, backend: Backend, families: Sequence[int], names: tuple[str, str],
    proposer: Proposer, progress: Callable[[int, int], None], today: datetime.date,
) -> Drift:  # fmt: skip
    """The drift of ``node`` between the scene of its dump and that of its policy, on one topology.

    ``names`` are what the policy and the host are called; the others are as of `diff`.  ``today`` is the day that the review
    dates of rules are held against.  Raises as `diff` does.
    """
    behaviour = diff(
        written, running, node, backends=(backend, backend), families=families, names=names, proposer=proposer,
        progress=progress,
    )  # fmt: skip
    guesses = (f"guessed: {guess}" for guess in running.guesses)
    behaviour = replace(behaviour, notes=(*behaviour.notes, *guesses))
    rules = reconcile(_held(running, node, backend), _held(written, node, backend), today)
    return Drift(behaviour, rules, exit_code=gravest((behaviour.exit_code, rules.exit_code)))


def _held(scene: Scene, node: str, backend: Backend) -> Chains:
    """What the kernel holds of a scene."""
    with Lab(scene.topology, scene.policies, backend=backend) as lab:
        return lab.policies[node].chains if node in lab.policies else {}
