"""What became of packets that were sent without pause while rules were changed, and of flows that were there before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from lab.record.observation import Observation, Refusal
from lab.record.sweep import Arrived
from lab.record.verdict import Verdict


class StreamKind(StrEnum):
    """What the packets of a stream are: each the first of a new flow, or all of one flow, from its client or its server."""

    NEW = "new"
    FROM_CLIENT = "from client"
    FROM_SERVER = "from server"


@dataclass(frozen=True, slots=True)
class StreamOf:
    """What the packets of one stream have in common; ``flow`` is the number of the flow that all are of, None of new ones."""

    name: str
    node: str
    source: str
    destination: str
    service: str
    kind: StreamKind = StreamKind.NEW
    flow: int | None = None

    def __str__(self) -> str:
        return f"{self.source} > {self.destination} {self.service}"


class StreamPacket(NamedTuple):
    """One packet of a stream: the pulse that it was sent in, when it left and when it arrived, in nanoseconds since the epoch.

    ``arrived`` is how, None where it did not; ``refusal`` what its sender was told.
    """

    pulse: int
    sent_ns: int
    arrived_ns: int | None = None
    arrived: Arrived | None = None
    refusal: Refusal | None = None


class Moment(NamedTuple):
    """A named moment between two pulses, in nanoseconds since the epoch."""

    label: str
    ns: int


@dataclass(frozen=True, slots=True)
class HeldFlow:
    """A flow that was established before: how it was opened, what it said at rest before, and at rest afterwards.

    None is what could not be said any more, as the flow was over.
    """

    name: str
    opened: Observation
    before: Observation
    after: Observation | None = None


@dataclass(frozen=True, slots=True)
class Streamed:
    """All packets of all ``streams``, in the order in which they were sent, once the network was at rest.

    Those of pulses below ``first`` were sent at rest before, those from ``last`` on at rest afterwards.  ``start_ns`` is T+0,
    ``pulses_ns`` when each pulse began, ``left_out`` the streams that were not sent, and why.  ``at`` is the node under test.
    """

    at: str
    streams: tuple[StreamOf, ...]
    packets: tuple[tuple[StreamPacket, ...], ...]
    first: int
    last: int
    start_ns: int
    pulses_ns: tuple[int, ...]
    moments: tuple[Moment, ...] = ()
    flows: tuple[HeldFlow, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


class Fate(StrEnum):
    """What a stream's packets meet at rest."""

    ALLOWED = "allowed"
    DENIED = "denied"


class State(StrEnum):
    """What a packet in the window was: as before, as afterwards where that differs, or wrong in one of three ways."""

    AS_BEFORE = "as before"
    AS_AFTER = "as afterwards"
    OPENED = "opened"  # denied before and afterwards, and got through
    REFUSED = "refused"  # allowed before and afterwards, and did not get through
    STRAYED = "strayed"  # got through, to or from another address than before and afterwards


WRONG = (State.OPENED, State.REFUSED, State.STRAYED)


class Run(NamedTuple):
    """Packets of one stream, one after the other, that were in one state: sent from ``start_ms`` to ``end_ms`` after T+0."""

    state: State
    start_ms: float
    end_ms: float
    packets: int


@dataclass(frozen=True, slots=True)
class StreamWindow:
    """One stream: its fate at rest ``before`` and ``after``, and what its packets were in the window.

    ``changed_ms`` is when the first packet was sent that fared as afterwards, where that differs; ``flaps`` how often it
    changed besides.
    """

    stream: StreamOf
    before: Fate
    after: Fate
    runs: tuple[Run, ...]
    changed_ms: float | None = None
    flaps: int = 0

    def packets(self, *states: State) -> int:
        """How many packets of the window were in one of these states; without any, all of them."""
        return sum(run.packets for run in self.runs if not states or run.state in states)


class First(NamedTuple):
    """The packet that was the first to be wrong: of which stream, and when it was sent."""

    name: str
    ms: float
    flow: str


class Total(NamedTuple):
    """Packets that were wrong in one way: how many, over how many milliseconds from the first to the last, and the first."""

    packets: int
    ms: float
    first: First | None = None


@dataclass(frozen=True, slots=True)
class FlowWindow:
    """A flow that was established before: packets of the window, how many of them were lost, and the longest stall.

    A stall lasts from the last packet that arrived to the first that did so again, at the latest to the end of the window.
    ``before`` and ``after`` are what was proven of it at rest; ``broken`` tells that it went on before and does not afterwards.
    """

    name: str
    flow: str
    packets: int
    lost: int
    stall_ms: float
    before: Verdict
    after: Verdict | None
    runs: tuple[Run, ...] = ()

    @property
    def broken(self) -> bool:
        """Whether it went on before, and does not afterwards."""
        return self.before.allowed and (self.after is None or not self.after.allowed)


@dataclass(frozen=True, slots=True)
class Window:
    """A window: ``ms`` from T+0 to the last packet before rest, its pulses and the longest time between two of them.

    What was shorter than ``gap_ms`` may have gone unseen.  ``unsteady`` are streams that fared otherwise from packet to packet
    at rest, and ``left_out`` those that were not sent, each with the reason: nothing is said of either.
    """

    at: str
    ms: float
    pulses: int
    packets: int
    gap_ms: float
    opened: Total
    refused: Total
    strayed: Total
    streams: tuple[StreamWindow, ...]
    flows: tuple[FlowWindow, ...] = ()
    moments: tuple[tuple[str, float], ...] = ()
    unsteady: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Packets of established flows that did not arrive."""
        return sum(flow.lost for flow in self.flows)

    @property
    def broken(self) -> tuple[FlowWindow, ...]:
        """The established flows that did not survive."""
        return tuple(flow for flow in self.flows if flow.broken)
