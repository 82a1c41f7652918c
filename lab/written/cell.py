"""A cell: one (from, to, service, family) of a row, with all that the row expects of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from lab.errors import Where
from lab.written.expect.key import Key

if TYPE_CHECKING:
    from lab.written.packet.layered import Layered

T = TypeVar("T")

FAMILIES = (4, 6)


@dataclass(frozen=True, slots=True)
class Service:
    """What is sent: a protocol and, for tcp, udp and sctp, the ports as ascending ranges, both ends included.

    For ``icmp`` and ``icmpv6``, ``icmp_type`` and ``icmp_code``.  ``text`` is as the matrix writes it.  ``application`` is
    that whose session is held there (``ftp/passive``), in place of one packet and its answer.
    """

    text: str
    proto: str
    ports: tuple[tuple[int, int], ...] = ()
    icmp_type: int | None = None
    icmp_code: int | None = None
    application: str | None = None

    @property
    def port_count(self) -> int:
        """How many ports are probed; 1 for a protocol without ports."""
        return sum(high - low + 1 for low, high in self.ports) or 1

    @property
    def families(self) -> tuple[int, ...]:
        """The families that it can be sent in: ``icmp`` is IPv4's and ``icmpv6`` IPv6's."""
        return {"icmp": (4,), "icmpv6": (6,)}.get(self.proto, FAMILIES)


@dataclass(frozen=True, slots=True)
class Sender:
    """Where a probe is sent from: a node and the source address it uses (spoofed when the node does not own it).

    ``said`` tells that the row names the source itself.
    """

    node: str
    address: str
    label: str
    said: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The address a probe is sent to, and the node that would own it without NAT (None: nobody has it).

    ``also`` are the nodes that the same host is behind, by another line.
    """

    address: str
    node: str | None
    label: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToMany:
    """What all of a network hears: sent from the interface ``device``, and about ``nodes``, of which one is to hear it."""

    device: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must hold of a cell.  ``action`` is allow, drop, reject or deny; ``reject_with`` narrows reject to one kind.

    ``further`` is what stands after each of the keys in `lab.written.expect`, by its name, as it is meant in the cell's family.
    """

    action: str
    reject_with: str | None = None
    further: Mapping[str, object] = field(default_factory=dict, hash=False)

    def get(self, key: Key[T]) -> T | None:
        """What is expected by this key; None where it is left open."""
        return cast("T | None", self.further.get(key.name))

    def without(self, key: Key[Any]) -> Expectation:
        """The same, with this key left open."""
        return replace(self, further={name: wanted for name, wanted in self.further.items() if name != key.name})


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a flow of several: the ``verb``, and ``said``, what stands after it as it is meant in the cell's family.

    ``number`` counts from 1; ``session`` is empty where the row has one only.  ``expect`` is what is expected of what it sends,
    None of one that sends nothing; ``alters`` tells that it changes the lab, ``asks`` that it is other flows in the midst.
    ``words`` tell it in a report.
    """

    number: int
    verb: str
    where: Where
    words: str
    session: str = ""
    expect: Expectation | None = None
    said: Any = None
    alters: bool = False
    asks: bool = False

    @property
    def of_session(self) -> Expectation | None:
        """What is expected of a packet of its own session; None where it sends none."""
        return None if self.asks else self.expect


@dataclass(frozen=True, slots=True)
class Again:
    """A burst once more, ``after`` so many seconds: ``least`` to ``most`` pass then."""

    after: float
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Burst:
    """So many packets of a cell, each the first of a connection: ``send`` from each of ``senders``, the cell's own first, to
    each of its ports.

    Of each such series ``least`` to ``most`` pass, or of all ``together``; of the others ``rest`` is expected.  ``open``: what
    passed stays open while the next is tried.
    """

    send: int
    least: int
    most: int
    rest: Expectation
    senders: tuple[Sender, ...]
    together: bool = False
    open: bool = False
    again: Again | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One question to the kernel in one ``family`` (4 or 6); ``at`` is the node under test, ``sport`` the row's own source
    port, ``flags`` those of a bare segment, ``packet`` one that is written by its layers, ``mark`` and
    ``uid`` the sending socket's, ``payload`` its data, ``to_many`` how it is sent to all of a network.

    With ``steps`` it is a flow of several packets, and ``expect`` is what is expected of the first of them.  With ``burst`` it
    is asked so many times, and ``expect`` is what is expected of those that pass.

    The cells of one flow in both families have the same matrix, row, labels of their ends and text of their service.
    """

    id: str
    matrix: str
    row: str
    where: Where
    sender: Sender
    target: Target
    service: Service
    family: int
    at: str
    expect: Expectation
    sport: int | None = None
    flags: tuple[str, ...] = ()
    mark: int = 0
    uid: int | None = None
    to_many: ToMany | None = None
    steps: tuple[Step, ...] = ()
    burst: Burst | None = None
    packet: Layered | None = None
    payload: bytes = b""

    @property
    def plain(self) -> bool:
        """Whether it is one packet, sent as any client sends: the row says nothing of the socket, or of a bare segment."""
        said = self.steps or self.flags or self.packet is not None or self.payload
        return not said and self.sport is None and not self.mark and self.uid is None
