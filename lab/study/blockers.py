"""All that denies a flow: the rule that decided is taken out in a copy of the policy, and the flow is sent again."""

from __future__ import annotations

from lab.prepare.scene import Scene
from lab.probe.question import Question
from lab.record.path import Rule
from lab.ruleset.backend import Backend

MOST = 8


def blockers(scene: Scene, backend: Backend, node: str, question: Question) -> tuple[Rule, ...]:
    """The rules and policies of ``node`` that would deny a flow, each once those before it are gone; at most `MOST`.

    The first is the one that decides now; none where nothing of the node denies it.  Each is as it stands in the policy.
    """
    raise NotImplementedError
