"""A packet that was written by its layers: sent as it is, and proven by the very bytes that arrive."""

from __future__ import annotations

import errno
import os
import socket as sockets
import struct
from ipaddress import ip_address

from lab.errors import InputError, Problem
from lab.kernel.ground.families import ETHERTYPES
from lab.kernel.ground.headers import with_transport
from lab.kernel.stage.leads import lead
from lab.probe.crafting import Ends, Made, made_of
from lab.probe.outcome import headed_in
from lab.probe.question import ICMP, ICMPV6, TCP, Crafted, Question
from lab.probe.raw import find_crafted, sniffers, transport_start
from lab.probe.refusal import RESET, read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.way import Way
from lab.record.observation import Milestone
from lab.record.packet import Packet
from lab.record.path import End

_HDRINCL = {4: (sockets.IPPROTO_IP, 3), 6: (sockets.IPPROTO_IPV6, 36)}
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_ECHOES = {(ICMP, 8): 0, (ICMPV6, 128): 129}  # RFC 792, RFC 4443
# what the kernel writes itself into a header that it is given (raw(7)), or refuses to send from
_OF_THE_KERNEL = ("version", "ihl", "len", "chksum", "plen")


class CraftedPackets(Way):
    """Packets of one kind; what answers such a packet is waited for, and any other has only to arrive."""

    __slots__ = (
        "_answered", "_ends", "_framed", "_live", "_packet", "_question", "_watching", "_whole", "flaw", "named", "pieces",
    )  # fmt: skip

    def _make_ready(self, stage: Stage, question: Question) -> None:
        sends = question.sends
        assert isinstance(sends, Crafted)
        self._packet, self.named, self.flaw = sends.packet, sends.packet.name, sends.packet.flaw
        self._watching = [self._hold(sniffer) for sniffer in sniffers(stage, question)]
        self._client = self._hold(stage.sender(question, sockets.SOCK_RAW, question.proto))
        self._client.setsockopt(*_HDRINCL[question.family], 1)
        self._live = sends.live
        sport = question.sport or stage.source_port(question.source)
        number = int.from_bytes(stage.nonce()[-8:], "big") * 0x9E3779B1 & 0xFFFFFFFF
        at = sends.live.position if sends.live is not None else None
        self._ends = Ends(question.family, question.source, sport, question.destination, sends.port, number, at)
        self._client.bind(stage.own_end(question))
        try:
            made = made_of(self._packet, self._ends, b"")
        except (ArithmeticError, LookupError, OSError, TypeError, ValueError, struct.error) as error:
            what = f"no packet can be built of {sends.packet.texts[0].text[:200]}: {error}"
            raise InputError(Problem(what, mend="write a packet with fields that have room for their values")) from error
        self._question, self._sent, self._whole = question, made.whole, made.whole
        self.pieces = self._packet.fragmented or made.sent.proto != made.whole.proto
        self._answered: Packet | None = None
        outer = self._packet.outer
        self._framed = _is_nobodys(question.source) or (outer is not None and any(map(outer.says, _OF_THE_KERNEL)))

    def send(self, seen: Sighting) -> bool:
        """Send it, and wait for its answer or, where none is due, for its arrival."""
        # in the midst of a connection it would be data, which both ends then count
        nonce = b"" if self._live is not None and self._whole.proto == TCP else self._words()
        made = made_of(self._packet, self._ends, nonce)
        seen.sent = self._sent = self._whole = made.whole
        try:
            self._go(seen, made)
        except OSError as error:
            seen.could_not_send(self._client, error)
            return False
        self._look(seen, made, nonce)
        if seen.progress is not Milestone.ANSWERED and not seen.silently_dropped():
            self._stage.eventually(lambda: None)
            self._look(seen, made, nonce)
        if seen.progress is not Milestone.ANSWERED and seen.refusal is None:
            seen.refusal = read_error_queue(self._client)
        return False

    def _go(self, seen: Sighting, made: Made) -> None:
        for packet in made.packets:
            if self._framed:
                seen.toward = self._send_frame(packet)
            else:
                self._client.sendto(packet, (self._sent.destination, 0))

    def _look(self, seen: Sighting, made: Made, nonce: bytes) -> None:
        """Take down what has arrived by now, at the receiver and back at the sender."""
        answer, due = self._answer(nonce), self._is_answered()
        if self.arrival is None:
            # without a nonce its addresses and ports tell it from others, as they are behind a translation
            ends = None if nonce and nonce in made.tail else headed_in(seen.read_trace().request, made.whole)
            self.arrival = find_crafted(self._watching, made.whole, made.tail, ends)
        seen.one_way = answer is None and not due
        reset = answer is not None and answer.proto == TCP and bool(answer.flags & _RST)
        if self.arrival is not None:
            seen.arrived, seen.met = self.arrival, True
            seen.progress = Milestone.ANSWERED if answer is not None or seen.one_way else Milestone.DELIVERED
        elif answer is not None and not reset and not _taken_over(seen):
            seen.progress, seen.met = Milestone.ANSWERED, True
        elif reset:
            seen.progress, seen.refusal = Milestone.CONNECTED, RESET

    def _is_answered(self) -> bool:
        """Whether every kernel that takes it in answers it, whatever listens (RFC 9293, 3.10.7); never what is malformed."""
        if self._packet.malformed or self._packet.fragmented or self._live is not None:
            return False
        if self._whole.proto == TCP:
            flags = self._whole.flags & (_SYN | _RST | _ACK | 1)
            return flags == _SYN or flags & (_ACK | _RST) == _ACK
        return (self._whole.proto, self._whole.flags) in _ECHOES

    def _answer(self, nonce: bytes) -> Packet | None:
        """The headers of what has come back for it."""
        family, sent = self._ends.family, self._whole
        while self._answered is None:
            try:
                data, peer = self._client.recvfrom(2048 + len(nonce))
            except OSError:
                return None
            start = transport_start(data, family)
            back = with_transport(family, sent.proto, peer[0], sent.source, data[start:])
            if sent.proto == TCP:
                mine = (back.sport, back.dport) == (sent.dport, sent.sport)
                found = mine and (back.flags & _RST or back.flags & (_SYN | _ACK) == _SYN | _ACK)
            else:
                found = back.flags == _ECHOES.get((sent.proto, sent.flags)) and data.endswith(nonce)
            if found:
                self._answered = back
        return self._answered

    def _send_frame(self, packet: bytes) -> str:
        """Past the sender's own kernel, which would mend the header: to whom; raises OSError where it has no way there."""
        node, destination = self._stage.network.nodes[self._question.node], self._ends.destination
        led = lead(node, destination, source=self._ends.source, mark=self._question.mark)
        own = node.ports.get(led.dev or "")
        owner = self._stage.network.topology.owner(led.via or destination)
        ports = self._stage.network.nodes[owner].ports.values() if owner is not None else ()
        neighbour = next((port for port in ports if own is not None and port.network == own.network), None)
        if own is None or owner is None or neighbour is None:
            raise OSError(errno.EHOSTUNREACH, led.refused or os.strerror(errno.EHOSTUNREACH))
        channel = self._stage.frames.of(node, own, 0)
        channel.send(neighbour.mac + own.mac + ETHERTYPES[self._ends.family] + packet)
        return owner


def _taken_over(seen: Sighting) -> bool:
    """Whether a rule took it over (SYNPROXY): it was answered in the name of a receiver that it never came to."""
    request = seen.read_trace().request
    return bool(request) and request[-1].end is End.STOLEN


def _is_nobodys(source: str) -> bool:
    """Whether no kernel sends from the address: it is loopback, a group's, everybody's or nobody's (RFC 1122, 3.2.1.3)."""
    address = ip_address(source)
    return address.is_loopback or address.is_multicast or address.is_unspecified or source.startswith(("0.", "255.255.255.255"))
