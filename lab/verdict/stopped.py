"""What is proven where the request's first packet ended inside a node that is traced."""

from __future__ import annotations

from lab.record.observation import Milestone, Observation, reject_dropped_by
from lab.record.path import End, Path
from lab.record.verdict import Kind, Verdict
from lab.verdict.cut_off import later_drop
from lab.verdict.exchange import answers, dropped_later, is_request
from lab.verdict.gone import why_gone
from lab.verdict.passed_on import goal
from lab.verdict.proven import consumed, losses_at, name_of, verdict_of
from lab.written.reject import canonical_reject


def stopped(observation: Observation, at: str | None, last: Path) -> Verdict:
    """The request's first packet ended inside a node that is traced."""
    packet = name_of(observation)
    if last.end is End.DROPPED:
        return _dropped(observation, at, last, packet)
    if last.end is End.STOLEN:
        return _taken_over(observation, at, last, packet)
    if last.end is End.QUEUED:
        proof = f"{last.node} handed the {packet} to {_queue(last)}, and it did not come out of it"
        return verdict_of(observation, at, Kind.CONSUMED, proof, packet, last.node)
    if counted := losses_at(observation, last.node):
        return consumed(observation, at, last.node, packet, counted)
    told = observation.refusal
    answer = f"; the sender was told {told.kind}{f' by {told.sender}' if told.sender else ''}" if told else ""
    proof = f"the {packet} entered {last.node}, did not leave it, and no rule dropped it: {why_gone(observation)}{answer}"
    if observation.missing is not None:
        proof += f"; {goal(observation, last)}"
    return verdict_of(observation, at, Kind.UNROUTED, proof, packet, last.node)


def _taken_over(observation: Observation, at: str | None, last: Path, packet: str) -> Verdict:
    """A rule took the request over, and its node sent nothing on in its place."""
    dropped = dropped_later(observation)
    if observation.stage is Milestone.CONNECTED and dropped is not None and is_request(dropped, observation):
        return later_drop(observation, at, dropped)
    proof = f"a rule took the {packet} over at {last.node}, to answer it itself (SYNPROXY and the like): {last.taken_over_by}"
    answer = next((path for path in (*observation.answer, *observation.others) if answers(path, last)), None)
    if answer is not None and answer.dropped_by is not None:
        proof = f"{proof}; its answer ended in a drop by {answer.dropped_by}"
    elif observation.stage is Milestone.CONNECTED:
        proof = f"{proof}; the sender has its answer, and {last.node} opened no connection to {last.head(-1).destination}"
    return verdict_of(observation, at, Kind.CONSUMED, proof, packet, last.node)


def _queue(path: Path) -> str:
    rule = path.steps[-1].rule if path.steps else None
    by = f", by {rule}" if rule is not None else ""
    return (f"queue {rule.queue} of user space" if rule is not None and rule.queue else "a user-space queue") + by


def _dropped(observation: Observation, at: str | None, last: Path, packet: str) -> Verdict:
    rule = last.dropped_by
    if (read := last.steps[-1].read if last.steps else None) is not None:
        proof = f"{rule} handed this very {packet} to queue {read[0]} of user space, and its reader there dropped it"
        return verdict_of(observation, at, Kind.DROPPED, proof, packet, last.node, rule)
    if rule is None or rule.rejects is None:
        proof = f"the trace of this very {packet} ends in a drop by {rule}"
        return verdict_of(observation, at, Kind.DROPPED, proof, packet, last.node, rule)
    told = observation.refusal
    muting = reject_dropped_by(observation)
    unheard = "but no answer came to the sender" if muting is None else f"but its answer was dropped by {muting}"
    heard = f"and the sender was told {told.kind}" if told else unheard
    proof = f"the trace of this very {packet} ends in the REJECT of {rule}, {heard}"
    kind = told.kind if told else canonical_reject(rule.rejects, family=observation.sent.family)
    return verdict_of(observation, at, Kind.REJECTED, proof, packet, last.node, rule, reject=kind, muted=not told)
