"""What the steps of a row cannot do one after the other, as far as what they expect tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lab.written.cell import Service, Step
from lab.written.steps.acting import FORGET
from lab.written.steps.spoken import ANSWER, CLOSE, OPEN, RESET, SEND

_OF_A_CONNECTION = (SEND.name, ANSWER.name, CLOSE.name, RESET.name)
_ANOTHER = "begin another one: `session: NAME` in its steps"


class Wrong(NamedTuple):
    """A step that cannot be done after those before it."""

    step: Step
    what: str
    mend: str


@dataclass(slots=True)
class _Session:
    """What is known of a session before a step: the numbers of the steps that made it so, 0 where none did."""

    sent: int = 0
    opened: int = 0
    refused: int = 0
    arrived: int = 0
    ended: int = 0
    how: str = ""


def out_of_order(steps: Sequence[Step], service: Service) -> Iterator[Wrong]:
    """Every step that cannot be done as the ones before it are expected to end; what may end either way is not told."""
    sessions: dict[str, _Session] = {}
    for step in steps:
        session = sessions.setdefault(step.session, _Session())
        wrong = _wrong(step, session, connects=service.proto == "tcp")
        if wrong is not None:
            yield Wrong(step, *wrong)
        _note(step, session)


def _wrong(step: Step, session: _Session, *, connects: bool) -> tuple[str, str] | None:
    verb = step.verb
    if verb == FORGET.name and not session.sent:
        return "no step before it has sent a packet that conntrack could know of", "put it behind `open` or `send`"
    if verb != OPEN.name and verb not in _OF_A_CONNECTION:
        return None
    if session.ended:
        return f"this session was {session.how} in step {session.ended}: nothing of it is left for `{verb}`", _ANOTHER
    if verb == OPEN.name:
        return (f"this session is open since step {session.opened}", _ANOTHER) if session.opened else None
    if connects and not session.opened:
        if session.refused:
            what = f"the `open` of step {session.refused} is not to come through, and `{verb}` needs a connection"
            return what, "put another `open: allow` before it"
        return f"`{verb}` needs a connection, and no step before it opens one", "put `open: allow` before it"
    if not connects and verb == ANSWER.name and not session.arrived:
        return "no step before it has sent anything that arrives and could be answered", "put `send: allow` before it"
    return None


def _note(step: Step, session: _Session) -> None:
    """What the session is after a step that ended as expected."""
    if step.expect is None or (step.verb != OPEN.name and step.verb not in _OF_A_CONNECTION):
        return
    passes = step.expect.action == "allow"
    session.sent = session.sent or step.number
    if step.verb == OPEN.name:
        session.opened, session.refused = (step.number, 0) if passes else (0, step.number)
    elif step.verb == RESET.name:
        session.ended, session.how = step.number, "reset"
    elif step.verb == CLOSE.name and passes:
        session.ended, session.how = step.number, "closed"
    elif step.expect.reject_with == "tcp-reset":
        session.ended, session.how = step.number, "reset by a rule"
    elif step.verb == SEND.name and passes:
        session.arrived = step.number
