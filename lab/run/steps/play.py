"""One flow of several steps while it runs: its lab, and the sessions that it holds open."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from lab.errors import InputError, Problem
from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.record.observation import Observation
from lab.record.verdict import Verdict
from lab.ruleset.rulesets import Rulesets
from lab.run.questions import first_question
from lab.verdict.prove import prove
from lab.written.cell import Cell, Step
from lab.written.expect.copied import COPIED
from lab.written.steps.spoken import OPEN


class Play:
    """What a step is done with; ``loads`` is what the steps of the row load by node, by their numbers.

    ``sessions`` are those that are open by now.  `close` lets go of all of them.
    """

    def __init__(self, lab: Lab, cell: Cell, loads: Mapping[int, Mapping[str, Rulesets]]) -> None:
        self.lab, self.cell, self.loads = lab, cell, loads
        self.sessions: dict[str, Conversation] = {}
        self.opened: dict[str, Observation] = {}
        """What was seen of the first packet of each session, as it was begun last."""
        self.about = cell
        """The cell that the verdict of the step is about: that of the row, or of a flow in the midst of it."""
        self._undo = ExitStack()

    def session(self, step: Step) -> Conversation:
        """The session that a step is of, begun where it is the first of it."""
        if step.session not in self.sessions:
            talk = Conversation(self.lab.stage, first_question(self._of_session(step.session)))
            self.sessions[step.session] = self._undo.enter_context(talk)
        return self.sessions[step.session]

    def _of_session(self, name: str) -> Cell:
        """The cell as that of one session: a receiver is opened where any of its own packets is to arrive."""
        own = tuple(step for step in self.cell.steps if step.session == name and not step.asks)
        first = next(step.expect for step in own if step.expect is not None)
        return replace(self.cell, expect=first, steps=own)

    def proven(self, step: Step, seen: Observation | None) -> Verdict:
        """The verdict of what was seen of a step; raises InputError where there was nothing to send it on."""
        if seen is None:
            raise InputError(Problem(self._why_not(step), step.where))
        if step.verb == OPEN.name or step.session not in self.opened:
            self.opened[step.session] = seen  # a handshake that is begun again has a source port of its own
        return prove(_with_own_copies(seen, step), self.cell.at)

    def _why_not(self, step: Step) -> str:
        """Why there is nothing to do a step on."""
        if self.sessions[step.session].ended:
            return "this session is over: it was closed, or reset by one of its ends or by a rule"
        if step.verb == OPEN.name:
            return "this session is open already"
        return "nothing has arrived of this session that could be answered or gone on with"

    def close(self) -> None:
        """Let go of the sessions."""
        self._undo.close()


def _with_own_copies(seen: Observation, step: Step) -> Observation:
    """The same without the copies that this step does not speak of: what another says of its own excuses none of these."""
    copied = step.expect.get(COPIED) if step.expect is not None else None
    meant = copied.to if copied is not None else ()
    return replace(seen, copies=tuple(copy for copy in seen.copies if copy.at in meant)) if seen.copies else seen
