"""What an observation proves: the eight verdicts and the proof of each."""

from __future__ import annotations

from dataclasses import replace

from lab.record.observation import Milestone, Observation, came_through
from lab.record.path import End
from lab.record.verdict import Kind, Verdict
from lab.verdict.cut_off import cut_off
from lab.verdict.exchange import unanswered_anew
from lab.verdict.passed_on import passed_on
from lab.verdict.path_mtu import Unheard, unheard
from lab.verdict.proven import name_of, verdict_of
from lab.verdict.session import of_session
from lab.verdict.stopped import stopped
from lab.verdict.witnesses import contradiction

_PASSED = (End.LEFT, End.DELIVERED)
_ICMP, _TCP, _ICMPV6 = 1, 6, 58


def prove(observation: Observation, at: str | None = None) -> Verdict:
    """The verdict of ``observation``, with ``at`` the node under test (None: whichever decided).

    Where its witnesses contradict each other it is `lost`, whatever each of them alone would prove.

    >>> from lab.record.packet import Packet
    >>> syn = Packet(4, 6, "10.0.1.10", 32768, "10.0.2.10", 443, flags=2)
    >>> str(prove(Observation(syn, Milestone.ANSWERED)).kind)
    'allowed'
    """
    if observation.session is not None:
        return of_session(observation, observation.session, lambda one: prove(one, at))
    if observation.faults:
        return verdict_of(observation, at, Kind.LOST, f"the instrument failed: {'; '.join(observation.faults)}")
    if (blind := contradiction(observation)) is not None:
        return _blind(observation, at, blind)
    if observation.stage is Milestone.ANSWERED:
        answer = ", and nothing answers such a packet" if observation.one_way else " and its answer came back"
        return verdict_of(observation, at, Kind.ALLOWED, f"the receiver got the nonce{answer}")
    # who drops its own word of it has let the packet end all the same, outside of every rule
    if (unheard_of := unheard(observation)) is not None and unheard_of.by != unheard_of.path.node:
        return _too_big(observation, at, unheard_of)
    last = observation.request[-1] if observation.request else None
    came_by = observation.arrived is not None and last is not None and last.end is not End.DROPPED
    if last is not None and last.end not in _PASSED and not came_by:
        return stopped(observation, at, last)
    if observation.stage is Milestone.DELIVERED and observation.one_way and observation.sent.proto in (_ICMP, _ICMPV6):
        proof = "it came to who was to hear it, but what it quotes is not what that one had sent: nothing translated it back"
        return verdict_of(observation, at, Kind.UNANSWERED, proof)
    if observation.stage in (Milestone.CONNECTED, Milestone.DELIVERED) and not unanswered_anew(observation):
        return cut_off(observation, at)
    return passed_on(observation, at, last)


def _blind(observation: Observation, at: str | None, blind: str) -> Verdict:
    """Nothing is proven but that the request got on, where that is what one of the witnesses says."""
    verdict = verdict_of(observation, at, Kind.LOST, f"the instrument is blind: {blind}", name_of(observation))
    passed = verdict.passed_node or at in observation.unseen or came_through(observation) is not None
    return replace(verdict, rule=None, passed_node=passed)


def _too_big(observation: Observation, at: str | None, told: Unheard) -> Verdict:
    """A packet did not fit a link, and its sender was not to hear of it."""
    packet = "data" if observation.sent.proto == _TCP and observation.named is None else name_of(observation)
    rule, node = told.path.dropped_by, told.path.node
    said = f"the {packet} was too big at {told.by}, where {told.mtu} bytes fit, and said so: {told.word}"
    return verdict_of(observation, at, Kind.DROPPED, f"{said}; that ended in a drop by {rule}", told.word, node, rule)
