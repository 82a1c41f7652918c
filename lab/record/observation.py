"""What the sender, the receiver, each node's trace and conntrack saw of one probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lab.record.packet import Packet
from lab.record.path import Path


class Arrival(NamedTuple):
    """What the receiver saw: the nonce came to node ``at``, at ``address``:``port``, from ``source``:``sport``."""

    at: str
    address: str
    port: int | None
    source: str
    sport: int | None


class Refusal(NamedTuple):
    """An error that the sender was told.

    ``kind`` is iptables' word for a REJECT (``tcp-reset``, ``icmp-port-unreachable``, ``icmp-admin-prohibited``, …), or
    ``icmp T/C`` for a type and code that REJECT cannot send; ``sender`` the address it came from, None for a bare reset.
    """

    kind: str
    sender: str | None


class Conntrack(NamedTuple):
    """The entry of the probe's flow at ``node``, read before anything was closed.

    ``status`` holds the words of conntrack (``SEEN_REPLY``, ``ASSURED``, ``CONFIRMED``, ``SRC_NAT``, ``DST_NAT``); ``state`` is
    the TCP state, ``ESTABLISHED`` for another protocol that saw its answer, ``NEW`` for one that did not.
    """

    node: str
    state: str
    status: tuple[str, ...]
    mark: int
    timeout_s: int
    original: Packet
    reply: Packet


@dataclass(frozen=True, slots=True)
class Observation:
    """One probe, as seen by all witnesses when the network was at rest.

    ``request`` holds the path of the request's first packet node by node, ``answer`` that of the first packet of the answer,
    ``others`` every further traced packet of the flow.  ``delivered`` is true when the request's last known position is past
    every traced node on its way (or no traced node stood on it).  ``faults`` are failures of the instrument: with one,
    nothing is proven.
    """

    sent: Packet
    stage: str
    request: tuple[Path, ...] = ()
    answer: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    arrived: Arrival | None = None
    answered: bool = False
    refusal: Refusal | None = None
    closed_by: str | None = None
    conntrack: tuple[Conntrack, ...] = ()
    conntrack_losses: tuple[tuple[str, str, int], ...] = ()
    silent_loss: str | None = None
    faults: tuple[str, ...] = ()
    fully_traced: bool = False
    repeats: int = 0
    probe_us: float = 0.0
