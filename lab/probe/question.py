"""What is to be sent: one probe's packets, before they are sent."""

from __future__ import annotations

import socket as sockets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

from lab.record.packet import Packet
from lab.written.asked import OneFlow
from lab.written.cell import Service, ToMany
from lab.written.fields import FLAGS
from lab.written.packet.layered import Layered
from lab.written.sending import Sending

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
NUMBERS = {"icmp": ICMP, "tcp": TCP, "udp": UDP, "icmpv6": ICMPV6}
ECHO_REQUESTS = {ICMP: 8, ICMPV6: 128}  # RFC 792, RFC 4443
# what clients of Linux send from (net.ipv4.ip_local_port_range as the kernel has it: networking/ip-sysctl)
SOURCE_PORTS = range(32_768, 61_000)


@dataclass(frozen=True, slots=True)
class Handshake:
    """A TCP connection to ``port``: a handshake, a nonce each way, an orderly close."""

    port: int
    proto: ClassVar[int] = TCP
    beyond_syn: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram with a nonce to ``port``, and one back."""

    port: int
    proto: ClassVar[int] = UDP
    beyond_syn: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A UDP datagram to ``port`` of all on the network of the interface ``device``, about ``nodes`` of these."""

    port: int
    device: str
    nodes: tuple[str, ...]
    proto: ClassVar[int] = UDP
    beyond_syn: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Echo:
    """An echo request of ``proto`` (`ICMP` or `ICMPV6`), whose answer repeats the nonce."""

    proto: int
    code: int = 0
    port: ClassVar[None] = None
    beyond_syn: ClassVar[bool] = False

    @property
    def kind(self) -> int:
        """Its ICMP type."""
        return ECHO_REQUESTS[self.proto]


@dataclass(frozen=True, slots=True)
class Message:
    """A message of ``proto`` (`ICMP` or `ICMPV6`) of another type, ``kind``, and ``code``."""

    proto: int
    kind: int
    code: int = 0
    port: ClassVar[None] = None
    beyond_syn: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Segment:
    """One bare TCP segment to ``port`` that belongs to no connection, with these ``flags`` (RFC 9293), ACK by default."""

    port: int
    flags: int = FLAGS["ack"]
    proto: ClassVar[int] = TCP
    beyond_syn: ClassVar[bool] = True

    @property
    def is_answered(self) -> bool:
        """Whether every kernel without such a connection answers it with a reset.

        A RST is never answered, and a segment without ACK not by a port that listens (RFC 9293, 3.10.7.1 and 3.10.7.2).
        """
        return self.flags & (FLAGS["ack"] | FLAGS["rst"]) == FLAGS["ack"]


@dataclass(frozen=True, slots=True)
class Ftp:
    """A session with the FTP server at ``port``: its control connection, and in mode ``passive`` or ``active`` one for data."""

    port: int
    mode: str
    proto: ClassVar[int] = TCP
    beyond_syn: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Tftp:
    """A file read from the TFTP server at ``port``: a request, and its data from another port."""

    port: int
    proto: ClassVar[int] = UDP
    beyond_syn: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Live:
    """A session that a packet is sent in the midst of, and where in it: ``position`` is what its end sends and expects next."""

    sport: int | None
    position: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Crafted:
    """One packet that is written by its layers, to ``port`` where those say none; None for a protocol without ports.

    ``live`` is where the session is in which it is sent, None of one that is sent by itself.
    """

    packet: Layered
    port: int | None = None
    live: Live | None = None
    beyond_syn: ClassVar[bool] = True  # whatever it is: its fragments may not bear its flags

    @property
    def proto(self) -> int:
        """The number of its protocol."""
        assert self.packet.proto is not None
        return self.packet.proto


@dataclass(frozen=True, slots=True)
class FlowError:
    """An ICMP error of type ``kind`` about a flow: it quotes ``quoted``, the packet's headers where the error is from.

    ``original`` are the headers as their sender knows them, which is what it must be told; ``rest`` is the second word of the
    message (an MTU), ``seq`` what TCP said there.
    """

    kind: int
    code: int
    quoted: Packet
    original: Packet
    name: str
    rest: int = 0
    seq: int = 0
    port: ClassVar[None] = None
    beyond_syn: ClassVar[bool] = False

    @property
    def proto(self) -> int:
        """The number of its protocol."""
        return ICMPV6 if self.quoted.family == 6 else ICMP


SESSIONS = (Ftp, Tftp)
"""What is no packet and its answer, but connections that follow from each other; see `lab.probe.session`."""
Sends: TypeAlias = Handshake | Datagram | Broadcast | Echo | Message | Segment | Ftp | Tftp | Crafted | FlowError
"""What a question may send.  Each has its ``proto``, its ``port`` (None for a protocol without ports), and ``beyond_syn``:
whether it may be TCP and no SYN, which alone is traced at first."""


@dataclass(frozen=True, slots=True)
class Wants:
    """What is to be seen of a probe beside that which a verdict rests on; by default nothing.

    ``entry_count``: how many flows of its source conntrack holds.  ``log``: what is logged of its first packet, ``whole_log``:
    what is logged of each.  ``copies_at`` are the nodes at which copies of its first packet are looked for.
    """

    entry_count: bool = False
    log: bool = False
    whole_log: bool = False
    copies_at: tuple[str, ...] = ()


_NOTHING_MORE = Wants()


@dataclass(frozen=True, slots=True)
class Question:
    """One probe: from ``node`` with address ``source`` (its own or not) to ``destination``, and what it ``sends``.

    ``sport`` None lets the lab choose.  ``mark`` is the socket's (SO_MARK), ``uid`` whose it is, None for the lab's own user.
    ``payload`` is what it says before its nonce.
    ``receivers`` are the (node, port) where the lab listens while it is sent; port None for a protocol without ports.
    ``wants`` is what else is to be seen of it.
    """

    node: str
    source: str
    destination: str
    sends: Sends
    sport: int | None = None
    receivers: tuple[tuple[str, int | None], ...] = ()
    mark: int = 0
    uid: int | None = None
    wants: Wants = _NOTHING_MORE
    payload: bytes = b""

    @property
    def proto(self) -> int:
        """The number of the protocol."""
        return self.sends.proto

    @property
    def port(self) -> int | None:
        """The port that is asked for; None for a protocol without ports."""
        return self.sends.port

    @property
    def family(self) -> int:
        """4 or 6, as the destination is."""
        return 6 if ":" in self.destination else 4

    @property
    def domain(self) -> int:
        """The family as sockets name it."""
        return sockets.AF_INET6 if self.family == 6 else sockets.AF_INET


def to_port(proto: int, port: int) -> Handshake | Datagram:
    """What asks for one port of TCP or UDP."""
    return Handshake(port) if proto == TCP else Datagram(port)


def sends_of(
    service: Service, port: int | None, *, flags: Sequence[str] = (), many: ToMany | None = None, packet: Layered | None = None
) -> Sends:
    """What asks for ``port`` of a service, or its ICMP type.

    ``flags`` are those of a bare segment in place of a handshake, ``many`` how it goes to all of a network, ``packet`` is one
    that is written by its layers.
    """
    if packet is not None:
        return Crafted(packet, port)
    proto = NUMBERS[service.proto]
    if port is not None and service.application is not None:
        name, _, mode = service.application.partition("/")
        return Ftp(port, mode) if name == "ftp" else Tftp(port)
    if port is not None and many is not None:
        return Broadcast(port, many.device, many.nodes)
    if port is not None:
        return Segment(port, sum(FLAGS[flag] for flag in flags)) if flags and proto == TCP else to_port(proto, port)
    kind, code = service.icmp_type or 0, service.icmp_code or 0
    return Echo(proto, code) if ECHO_REQUESTS[proto] == kind else Message(proto, kind, code)


def question_of(flow: OneFlow, how: Sending, at: str | None) -> Question:
    """The question for one flow of one port, with a receiver at the target; ``at`` is the node under test, if one is meant."""
    port = flow.service.ports[0][0] if flow.service.ports else None
    many = flow.to_many
    if many is not None and at in many.nodes:
        many = replace(many, nodes=(at,))
    return Question(
        node=flow.node,
        source=flow.source,
        destination=flow.destination,
        sends=sends_of(flow.service, port, flags=how.flags, many=many),
        sport=how.sport,
        receivers=tuple((node, port) for node in (many.nodes if many else (flow.owner, *flow.also)) if node is not None),
        mark=how.mark,
        uid=how.uid,
    )


def answer_to(packet: Packet) -> tuple[str, int | None, str, int | None]:
    """The addresses and ports that an answer to ``packet`` bears: source, its port, destination, its port."""
    if packet.proto in (ICMP, ICMPV6):
        return packet.destination, packet.sport, packet.source, packet.dport
    return packet.destination, packet.dport, packet.source, packet.sport


def ends_of(packet: Packet) -> tuple[str, int | None, str, int | None]:
    """The addresses and ports of ``packet`` in the order of `answer_to`."""
    return packet.source, packet.sport, packet.destination, packet.dport
