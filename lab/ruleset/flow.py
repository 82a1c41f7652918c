"""What of a flow decides which rules its packets may meet, and what is known of them at each node."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from lab.ruleset.rule import Ports


class Flow(NamedTuple):
    """One question, or many that differ in their ports: ``ports`` are its destination ports, none where it has none.

    ``ends`` are the nodes that send and are sent to, ``node`` the one that sends; ``sources`` and ``destination`` are its
    addresses.  None is what is not known.  ``ack`` tells that the segment stands outside of any connection, ``sport`` is the
    port that it is sent from, None for one that the lab chooses.
    """

    family: int
    proto: str
    ports: Ports
    ends: Collection[str | None]
    node: str | None = None
    sources: tuple[str, ...] | None = None
    destination: str | None = None
    ack: bool = False
    sport: int | None = None
