"""What the sender, the receiver, each node's trace and conntrack saw of one probe."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from lab.record.logs import LogMessage
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule
from lab.record.session import Session

# what no host says but the one that a packet was for (RFC 1122, 3.2.2.1), where no rule says it
NOTHING_LISTENS = ("tcp-reset", "icmp-port-unreachable", "icmp-proto-unreachable", "icmp6-port-unreachable")
_SYN, _RST, _TCP = 0x02, 0x04, 6
_UNREACHABLE = frozenset(((1, 3), (58, 1)))  # protocol and type


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

    ``status`` holds words of conntrack (``EXPECTED``, ``SEEN_REPLY``, ``ASSURED``, ``CONFIRMED``, ``SRC_NAT``, ``DST_NAT``);
    ``state`` is the TCP state, ``ESTABLISHED`` for another protocol that saw its answer, ``NEW`` for one that did not.
    ``timeout_s`` are the whole seconds until it would expire.  ``zone_orig`` and ``zone_reply`` are the zones of its two
    directions, which differ where a rule puts one of them alone into a zone.  ``labels`` are the bits that are set.
    ``of_source`` is how many entries its source had there, as connlimit counts; None where nobody asked.
    """

    node: str
    state: str
    status: tuple[str, ...]
    mark: int
    timeout_s: int
    original: Packet
    reply: Packet
    zone_orig: int = 0
    zone_reply: int = 0
    helper: str | None = None
    labels: tuple[int, ...] = ()
    of_source: int | None = None

    @property
    def zone(self) -> int:
        """The zone that it is in, in the direction in which it is in one."""
        return self.zone_orig or self.zone_reply

    @property
    def words(self) -> tuple[str, ...]:
        """Its status as ``conntrack -L`` has it: with ``UNREPLIED`` where no answer was seen."""
        return self.status if "SEEN_REPLY" in self.status else (*self.status, "UNREPLIED")


class Copy(NamedTuple):
    """A copy of the request's first packet that came to node ``at`` by ``interface``, as it was there."""

    at: str
    interface: str
    packet: Packet


class Milestone(StrEnum):
    """The last thing of a probe that is known to have worked."""

    SENT = "sent"
    CONNECTED = "connected"  # the handshake's second packet came back (TCP)
    DELIVERED = "delivered"  # the receiver got the nonce
    ANSWERED = "answered"  # and its answer came back


class Loss(NamedTuple):
    """Packets that conntrack of ``node`` refused while the probe was under way: how many, by which counter."""

    node: str
    counter: str
    packets: int


class Counter(NamedTuple):
    """The packets that a rule on the way had counted ``before`` the probe, and ``after``; others' packets may be among them."""

    rule: Rule
    before: int
    after: int

    @property
    def moved(self) -> bool:
        """Whether it counted anything."""
        return self.after > self.before


class Unresolved(NamedTuple):
    """A neighbour that ``node`` asked its network for and that did not answer; ``owner`` is who has the address there."""

    node: str
    address: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One probe, as seen by all witnesses.

    ``request`` holds the path of the request's first packet node by node, ``answer`` that of the first packet of the answer,
    ``others`` every further traced packet.  ``reached`` is the untraced node whose kernel took the request's first packet in,
    where that was looked for.  ``strays`` are packets that came to the sender as if in answer, from another address or port
    than it asked.  ``local_error`` is what the sender's own kernel said when it could not send.
    ``copies`` are those of the request's first packet, at nodes that were listened to for them.
    ``one_way`` tells that nothing answers what was sent: its arrival is then all that was to come.
    ``named`` is what a verdict calls what was sent, where its headers alone do not tell.
    ``toward`` is the node that it was given to as a frame, past its sender's own kernel;
    ``flaw`` why no kernel can make anything of it, as fragments that overlap.
    ``to_many`` tells that all of a network heard it: ``request`` is then its way to the one that it is about.
    ``session`` is what an application said, where it is one of its connections.
    ``unseen`` are traced nodes of which the packet must have come through one, by the topology, and whose trace says nothing
    of it.
    ``unresolved`` are neighbours that did not answer, ``missing`` the address that the packet needed and no node of the
    topology has: its destination, or a router's on the way.  ``losses`` are what conntrack refused, ``reasons`` the kernel's
    own words for a drop outside the rules.  ``logged`` is what was logged of the flow, None where nobody asked for it.
    ``counters`` are those of rules that it met, where they were read.  ``faults`` are failures of the instrument: with one,
    nothing is proven.
    ``fully_traced`` tells that TCP was traced on every packet, ``repeats`` how often the probe was sent again, and
    ``probe_us`` how long it took, in microseconds.
    """

    sent: Packet
    stage: Milestone
    request: tuple[Path, ...] = ()
    answer: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    arrived: Arrival | None = None
    reached: str | None = None
    strays: tuple[Packet, ...] = ()
    refusal: Refusal | None = None
    local_error: str | None = None
    conntrack: tuple[Conntrack, ...] = ()
    unseen: tuple[str, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    missing: str | None = None
    losses: tuple[Loss, ...] = ()
    reasons: tuple[str, ...] = ()
    counters: tuple[Counter, ...] = ()
    faults: tuple[str, ...] = ()
    fully_traced: bool = False
    repeats: int = 0
    probe_us: float = 0.0
    one_way: bool = False
    to_many: bool = False
    session: Session | None = None
    copies: tuple[Copy, ...] = ()
    logged: tuple[LogMessage, ...] | None = None
    named: str | None = None
    toward: str | None = None
    flaw: str | None = None

    @property
    def asked(self) -> Packet:
        """The headers of what was asked with: of a session's data connection, those of its control connection."""
        control = None if self.session is None else self.session.control
        return self.sent if control is None else control.sent


def reject_dropped_by(observation: Observation) -> Rule | None:
    """The rule or policy that dropped the answer of a REJECT on its way back to the sender; None where none was seen to.

    Such an answer is a reset from the destination, or a "destination unreachable" (RFC 792, RFC 4443).
    """
    ways = [observation.sent, *(header for path in observation.request for header in (path.entry, path.exit) if header)]
    senders = {(header.source, header.sport) for header in ways}
    addresses = {source for source, _ in senders}
    return next(
        (
            path.dropped_by
            for path in (*observation.answer, *observation.others)
            if path.dropped_by is not None
            and (
                (path.entry.proto == _TCP and path.entry.flags & _RST and (path.entry.destination, path.entry.dport) in senders)
                or ((path.entry.proto, path.entry.flags) in _UNREACHABLE and path.entry.destination in addresses)
            )
        ),
        None,
    )


def _taken_over(observation: Observation) -> bool:
    """Whether a rule took the request over: who does that answers the handshake itself."""
    return any(path.end is End.STOLEN for path in observation.request)


def came_through(observation: Observation) -> str | None:
    """What proves that the request came to its destination, in words that follow "and yet"; None where nothing does.

    The answer of a REJECT proves nothing of the kind, so what a sender was told counts only where no rule rejected.
    """
    if observation.arrived is not None:
        return f"it arrived at {observation.arrived.at}"
    if observation.reached is not None:
        return f"the kernel of {observation.reached} took it in"
    if observation.stage in (Milestone.DELIVERED, Milestone.ANSWERED):
        return "its answer came back"
    if observation.stage is Milestone.CONNECTED and observation.sent.flags == _SYN and not _taken_over(observation):
        return "the handshake was answered"
    told = observation.refusal
    last = observation.request[-1].dropped_by if observation.request else None
    if told is not None and told.kind in NOTHING_LISTENS and (last is None or last.rejects is None):
        return f"the sender was told {told.kind}, which only its destination says"
    return None
