"""What a session of an application proves: that of its control connection where that failed, else that of its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.record.observation import Observation
from lab.record.packet import end_point
from lab.record.session import Session
from lab.record.verdict import Kind, Verdict

_NOT_SHOWN = ("NLST", "QUIT")


def of_session(observation: Observation, session: Session, prove: Callable[[Observation], Verdict]) -> Verdict:
    """The verdict of a session, by what ``prove`` makes of each of its connections."""
    seen = session.control or observation
    control = prove(replace(seen, session=None))
    if control.kind is not Kind.ALLOWED:
        told = replace(seen, session=session)
        return replace(control, observation=told, proof=f"at the control connection: {control.proof}")
    fine = f"the control connection is fine ({_answered(session)} answered)"
    if session.refused:
        proof = f"at the application: {fine}, and there is no data connection: {session.refused}"
        return replace(control, kind=Kind.UNANSWERED, observation=observation, proof=proof, packet="data connection")
    if session.control is None:
        return replace(control, observation=observation, proof=f"the server answered {_answered(session)}")
    data = prove(replace(observation, session=None))
    sent = observation.sent
    where = f"the data connection {_whose(session)}to {end_point(sent.destination, sent.dport)}"
    if data.kind is Kind.ALLOWED:
        return replace(data, observation=observation, proof=f"{fine}, and {where} brought all data")
    what = f"was {data}" if data.stopped_by is not None and not data.muted else f"is {data.kind}: {data.proof}"
    return replace(data, observation=observation, proof=f"at the application: {fine}, {where} {what}")


def _whose(session: Session) -> str:
    return "from the server " if session.service.endswith("/active") else ""


def _answered(session: Session) -> str:
    """The commands that were answered, before the data connection."""
    said = [line[2:].split()[0] for line in session.said if line[0] == ">"]
    heard = sum(line[0] == "<" for line in session.said) - 1  # less the greeting
    answered = [word for word in said[:heard] if word not in _NOT_SHOWN]
    return ", ".join(answered) or "it greets"
