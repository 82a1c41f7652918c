"""What an observation says by itself of how far its request came."""

from __future__ import annotations

from collections.abc import Sequence

from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import End, Path


def settled(observation: Observation) -> bool:
    """Whether the sending proved what became of the request."""
    if observation.stage is Milestone.ANSWERED or observation.refusal is not None:
        return True
    return bool(observation.request) and observation.request[-1].end is End.DROPPED


def headed(observation: Observation) -> Packet:
    """The request's headers where it was last seen: as it left the last node, or as it came in where it did not."""
    return headed_in(observation.request, observation.sent)


def headed_in(request: Sequence[Path], sent: Packet) -> Packet:
    """The same of a ``request`` that is under way."""
    return sent if not request else request[-1].exit or request[-1].entry


def left(observation: Observation) -> bool:
    """Whether no node is known that kept the request."""
    return not observation.request or observation.request[-1].exit is not None
