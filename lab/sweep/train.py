"""A train of packets: crafted once, and patched for each port, source or aim; what of them comes back names its key again.

Every packet carries a 16-bit mark of its sweep, and its own key in the inverse: where the key is the destination port, the sum
of both is the same for all ports, and so is the checksum.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from lab.kernel.ground.headers import checksum, ip_header
from lab.probe.question import SOURCE_PORTS, TCP, UDP, Question, to_port
from lab.record.sweep import Ranges
from lab.written.service import merged

SYN = 0x02
_ACK, _RESET = 0x10, 0x04
_UDP_PAYLOAD = 16
# What Linux offers in a SYN, as rules may ask for it: its largest segment by family, SACK, timestamps, a window scaled by 7
# (RFC 9293, 2018, 7323).
_LARGEST = {4: 1460, 6: 1440}
_OPTIONS = struct.Struct("!BBHBBBBHHIBBBB")
_WINDOW = {4: 64240, 6: 64800}
DISTINCT = len(SOURCE_PORTS)
_SPORT, _DPORT = 0, 2
_KEY_AT = {TCP: 4, UDP: 8}  # in the sequence number; in the payload
_SPORT_AGAIN = {TCP: 30, UDP: 12}  # in the timestamp; in the payload
MARK_AT = {TCP: 6, UDP: 10}
_INVERSE = 0xFFFF
_HEADERS = {4: 20, 6: 40}


class Aim(NamedTuple):
    """Where one packet of a train comes from and goes to."""

    source: str
    destination: str
    port: int


@dataclass(frozen=True, slots=True)
class SweepQuestion:
    """What is to be swept: from ``node`` and ``sport`` to ``destination``, by one of three keys.

    The key is the destination port, one of ``ports``; or, where ``sources`` are given, the place in them, and ``ports`` holds
    the one port that is asked; or, where ``aims`` are given, the place in them, and they say what differs from packet to packet
    (see `to_many`).  ``varied`` gives each key a source port of its own, in place of ``sport``: flows that a
    translation leads to one destination would otherwise be one flow.  ``by_gateway`` sends to the node's gateway also what is
    for its own network, or for itself.  ``listeners`` are the nodes where the port is opened while a destination is asked
    by a probe of its own.
    """

    node: str
    source: str
    destination: str
    proto: int
    sport: int
    ports: Ranges
    sources: tuple[str, ...] = ()
    varied: bool = False
    aims: tuple[Aim, ...] = ()
    by_gateway: bool = False
    listeners: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def to_many(
        cls, node: str, proto: int, sport: int, aims: Sequence[Aim], *, by_gateway: bool = False,
        listeners: Mapping[str, str] | None = None,
    ) -> Self:  # fmt: skip
        """One train of ``node`` to many destinations and ports: at most 65,536 ``aims``, of one family, no two alike."""
        source, destination, _ = aims[0]
        if len({*aims}) < len(aims) or len({":" in aim.destination for aim in aims}) > 1 or len(aims) > _INVERSE + 1:
            raise ValueError("aims are of one family, no two alike, and no more than 65,536")
        ports = merged([(aim.port, aim.port) for aim in aims])
        return cls(
            node, source, destination, proto, sport, ports, aims=tuple(aims), by_gateway=by_gateway, listeners=listeners or {}
        )

    @property
    def family(self) -> int:
        """4 or 6, as the destination is."""
        return 6 if ":" in self.destination else 4

    @property
    def keys(self) -> range | list[int]:
        """All keys, ascending."""
        if self.listed:
            return range(len(self.aims or self.sources))
        return [port for low, high in self.ports for port in range(low, high + 1)]

    @property
    def listed(self) -> bool:
        """Whether the keys are places in a list, and not ports."""
        return bool(self.aims or self.sources)

    @property
    def destinations(self) -> tuple[str, ...]:
        """All destinations, each once."""
        return tuple(dict.fromkeys(aim.destination for aim in self.aims)) or (self.destination,)

    def destination_of(self, key: int) -> str:
        """The destination address of a key's packet."""
        return self.aims[key].destination if self.aims else self.destination

    def source_of(self, key: int) -> str:
        """The source address of a key's packet."""
        if self.aims:
            return self.aims[key].source
        return self.sources[key] if self.sources else self.source

    def sport_of(self, key: int) -> int:
        """The source port of a key's packet; keys that are `DISTINCT` apart have the same."""
        return SOURCE_PORTS[key % DISTINCT] if self.varied else self.sport

    def port_of(self, key: int) -> int:
        """The destination port of a key's packet."""
        if self.aims:
            return self.aims[key].port
        return self.ports[0][0] if self.sources else key

    def single(self, key: int) -> Question:
        """The question that asks of one key alone, by packets of its own."""
        destination, port = self.destination_of(key), self.port_of(key)
        receivers = ((self.listeners[destination], port),) if destination in self.listeners else ()
        return Question(self.node, self.source_of(key), destination, to_port(self.proto, port), receivers=receivers)


class Train:
    """Room for ``length`` packets of one sweep, one behind the other in ``buffer``, each of ``size`` bytes.

    ``link`` is what stands before the network header: a link header, or nothing; ``mark`` what tells this sweep from another.
    """

    def __init__(self, question: SweepQuestion, mark: int, link: bytes, length: int) -> None:
        self._question, self._mark, self._link = question, mark, link
        first = self._packet(0 if question.listed else 1)
        self.size = len(first)
        self.buffer = bytearray(first * length)
        self._transport = len(link) + _HEADERS[question.family]

    def load(self, keys: Sequence[int]) -> None:
        """Make the first packets those of ``keys``."""
        if self._question.listed:
            for number, key in enumerate(keys):
                self.buffer[number * self.size : (number + 1) * self.size] = self._packet(key)
            return
        proto = self._question.proto
        self._write(keys, _DPORT, _KEY_AT[proto])
        if self._question.varied:
            self._write([self._question.sport_of(key) for key in keys], _SPORT, _SPORT_AGAIN[proto])

    def _write(self, words: Sequence[int], at: int, inverse_at: int) -> None:
        """Write a word into each packet, and its inverse, so that the sum of both stays."""
        end, numbers = len(words) * self.size, struct.Struct(f"!{len(words)}H")
        for written, offset in ((numbers.pack(*words), at), (numbers.pack(*(_INVERSE - word for word in words)), inverse_at)):
            start = self._transport + offset
            self.buffer[start : end : self.size] = written[0::2]
            self.buffer[start + 1 : end : self.size] = written[1::2]

    def _packet(self, key: int) -> bytes:
        question = self._question
        domain = sockets.AF_INET6 if question.family == 6 else sockets.AF_INET
        ends = question.source_of(key), question.destination_of(key)
        sender, receiver = (sockets.inet_pton(domain, address) for address in ends)
        sport, port, inverse = question.sport_of(key), question.port_of(key), _INVERSE - key
        if question.proto == TCP:
            first = struct.pack("!HHHHI", sport, port, inverse, self._mark, 0)
            largest, window = _LARGEST[question.family], _WINDOW[question.family]
            options = _OPTIONS.pack(2, 4, largest, 4, 2, 8, 10, 1, _INVERSE - sport, 0, 1, 3, 3, 7)
            segment, at = first + struct.pack("!BBHHH", (20 + len(options)) // 4 << 4, SYN, window, 0, 0) + options, 16
        else:
            head = struct.pack("!HHHHHHH", sport, port, 8 + _UDP_PAYLOAD, 0, inverse, self._mark, _INVERSE - sport)
            segment, at = head + bytes(8 + _UDP_PAYLOAD - len(head)), 6
        pseudo = sender + receiver + struct.pack("!HH", question.proto, len(segment))
        summed = struct.pack("!H", checksum(pseudo + segment) or _INVERSE)
        header = ip_header(sender, receiver, question.proto, len(segment))
        return self._link + header + segment[:at] + summed + segment[at + 2 :]


def key_of(transport: bytes, proto: int, mark: int) -> int | None:
    """The key of a request with this transport header (and payload); None when it is not of this sweep."""
    at = _KEY_AT[proto]
    if len(transport) < at + 4:
        return None
    inverse, marked = struct.unpack_from("!HH", transport, at)
    return _INVERSE - inverse if marked == mark else None


def answered_key(transport: bytes, mark: int) -> int | None:
    """The key of the request that this TCP header answers: it acknowledges its sequence number (RFC 9293, 3.10.7.1)."""
    if len(transport) < 14 or not transport[13] & (_RESET | _ACK):
        return None
    inverse, marked = struct.unpack_from("!HH", transport, 8)
    return _INVERSE - inverse if marked == mark + 1 else None


def is_reset(transport: bytes) -> bool:
    """Whether a TCP header is that of a reset."""
    return bool(transport[13] & _RESET)
