"""What two policies of one node do differently: proposed by a model or sampled, and confirmed by the kernel flow by flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.prepare.scene import Scene
from lab.record.difference import DiffReport
from lab.ruleset.backend import Backend
from lab.study.diff.proposer import Proposer


def diff(
    old: Scene, new: Scene, node: str, *, backends: tuple[Backend, Backend], families: Sequence[int], names: tuple[str, str],
    progress: Callable[[int, int], None], proposer: Proposer | None = None, seed: int = 0,
) -> DiffReport:  # fmt: skip
    """Ask what the policies of ``node`` in two scenes of one topology treat differently.

    ``backends`` are the iptables of the old and of the new side, ``names`` what the sides are called.  ``progress`` is told how
    many of how many flows are asked.  Without a ``proposer``, and where that has no model, flows are sampled by ``seed``.
    Raises InputError when a side is refused.  Ctrl-C, and whatever else stops it once both sides stand, ends it with what is
    done.
    """
    raise NotImplementedError
