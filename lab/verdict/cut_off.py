"""What is proven where the request's first packet came through, and a later one of the exchange did not."""

from __future__ import annotations

from lab.record.observation import Milestone, Observation
from lab.record.path import Path
from lab.record.verdict import Kind, Verdict
from lab.verdict.exchange import dropped_later, gone_later, is_request
from lab.verdict.proven import verdict_of

_SYN, _PUSH = 0x02, 0x08


def cut_off(observation: Observation, at: str | None) -> Verdict:
    """The first packet came through; a later one of the exchange did not."""
    if (dropped := dropped_later(observation)) is not None:
        return later_drop(observation, at, dropped)
    if observation.stage is Milestone.DELIVERED:
        proof = "the receiver got the nonce, and its answer did not come back; no rule is known to have dropped it"
        return verdict_of(observation, at, Kind.UNANSWERED, proof, "answer")
    if observation.refusal is not None or observation.sent.flags != _SYN:
        proof = "the receiver's own kernel answered with a reset: the path is open, and nothing listens"
        return verdict_of(observation, at, Kind.CLOSED, proof)
    if (gone := gone_later(observation)) is not None:
        proof = f"the handshake was answered, and the ACK ended at {gone.node}, where no rule dropped it"
        return verdict_of(observation, at, Kind.UNANSWERED, proof, "ACK")
    proof = "the handshake was answered, but no service of the lab got the connection"
    return verdict_of(observation, at, Kind.LOST, proof, "ACK")


def later_drop(observation: Observation, at: str | None, path: Path) -> Verdict:
    """A rule dropped a later packet of the exchange, on the path ``path``."""
    rule = path.dropped_by
    forward = is_request(path, observation)
    if forward and observation.stage is Milestone.CONNECTED:
        packet = "data" if path.entry.flags & _PUSH else "ACK"
        proof = f"the handshake was answered, and the {packet} ended in a drop by {rule}"
        return verdict_of(observation, at, Kind.DROPPED, proof, packet, path.node, rule)
    packet = "data" if forward else "answer"
    proof = f"the receiver was reached, and the {packet} ended in a drop by {rule}"
    return verdict_of(observation, at, Kind.UNANSWERED, proof, packet, path.node, rule)
