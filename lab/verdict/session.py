"""What a session of an application proves: that of its first connection where that failed, else that of its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.record.observation import Observation
from lab.record.packet import end_point
from lab.record.session import Session
from lab.record.verdict import Kind, Verdict

_OF_DATA = ("NLST", "QUIT")


def of_session(observation: Observation, session: Session, prove: Callable[[Observation], Verdict]) -> Verdict:
    """The verdict of a session, by what ``prove`` makes of each of its connections."""
    first, data = ("read request", "data") if _is_tftp(session) else ("control connection", "data connection")
    seen = session.control or observation
    control = prove(replace(seen, session=None))
    if control.kind is not Kind.ALLOWED:
        return replace(control, observation=replace(seen, session=session), proof=f"at the {first}: {control.proof}")
    fine = f"the {first} is fine ({_answered(session)})"
    if session.refused:
        proof = f"at the application: {fine}, and there is no {data}: {session.refused}"
        return replace(control, kind=Kind.UNANSWERED, observation=observation, proof=proof, packet=data)
    if session.control is None:
        return replace(control, observation=observation, proof=f"the server's program speaks: {_answered(session)}")
    carried = prove(replace(observation, session=None))
    lacking = session.lacking if carried.kind is Kind.UNANSWERED else ""
    sent = observation.sent
    from_server = "" if session.service.endswith("/passive") else "from the server "
    where = f"the {data} {from_server}to {end_point(sent.destination, sent.dport)}"
    if carried.kind is Kind.ALLOWED:
        return replace(carried, observation=observation, proof=f"{fine}, and {where} came whole")
    plain = carried.stopped_by is not None and not carried.muted
    what = f"was {carried}" if plain else f"is {carried.kind}: {lacking or carried.proof}"
    return replace(carried, observation=observation, proof=f"at the application: {fine}, {where} {what}")


def _is_tftp(session: Session) -> bool:
    return session.service.startswith("tftp/")


def _answered(session: Session) -> str:
    """How far it came before the data: the commands that were answered, or that the request arrived."""
    if _is_tftp(session):
        return f"it arrived at {session.server}"
    said = [line[2:].split()[0] for line in session.said if line[0] == ">"]
    heard = sum(line[0] == "<" for line in session.said) - 1  # less the greeting
    answered = [word for word in said[:heard] if word not in _OF_DATA]
    return f"{', '.join(answered)} answered" if answered else "it greets"
