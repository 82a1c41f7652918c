"""ICMP and ICMPv6: an echo that carries a nonce, answered by the receiver's own kernel, or one message of another type."""

from __future__ import annotations

import os
import socket as sockets
import struct
from collections.abc import Sequence

from lab.kernel.ground.headers import checksum
from lab.probe.question import ECHO_REQUEST, ECHO_REQUEST_6, ICMP, ICMPV6, Question
from lab.probe.raw import Sniffer, find_arrival, sniffers, transport_start
from lab.probe.refusal import read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Milestone
from lab.record.packet import Packet

_TIMESTAMP = 13
_SOLICITATION, _REDIRECT = 135, 137
# RFC 792, RFC 4443, RFC 4861
_ANSWERS = {(ICMP, ECHO_REQUEST): 0, (ICMP, _TIMESTAMP): 14, (ICMPV6, ECHO_REQUEST_6): 129, (ICMPV6, _SOLICITATION): 136}
_ECHOES_NONCE = (0, 129)
_DISCOVERY = range(133, _REDIRECT + 1)
_NONCE_OPTION = 14  # RFC 3971
_ON_LINK_ONLY = 255  # the hop limit without which neighbour discovery is not believed (RFC 4861)


def send_icmp(stage: Stage, question: Question) -> Sighting:
    """Send one message; an echo, a timestamp request, a neighbour solicitation is to be answered, any other only to arrive."""
    with sniffers(stage, question) as watching, stage.sender(question, sockets.SOCK_RAW, question.proto) as client:
        ident, sequence = question.sport or stage.source_port(question.source), 1
        nonce = stage.nonce()
        kind, code = question.icmp_type, question.icmp_code
        sent = Packet(question.family, question.proto, question.source, ident, question.destination, sequence, kind, code)
        if question.family == 6:
            # only what the kernel itself makes of the body can be told again from the headers
            body = _discovery(question, nonce) if kind in _DISCOVERY else struct.pack("!HH", ident, sequence) + nonce
            message = struct.pack("!BBH", kind, code, 0) + body
            sent = sent._replace(sport=int.from_bytes(body[:2], "big"), dport=int.from_bytes(body[2:4], "big"))
            if kind in _DISCOVERY:
                client.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_UNICAST_HOPS, _ON_LINK_ONLY)
        else:
            message = _message(kind, code, ident, sequence, nonce)
        sighting = Sighting(stage, sent)
        client.bind(stage.own_end(question))
        try:
            client.sendto(message, (question.destination, 0))
        except OSError as error:
            sighting.local_error = os.strerror(error.errno or 0)
            # a REJECT in the sender's own OUTPUT refuses the call and answers as well
            sighting.refusal = read_error_queue(client)
        else:
            _await(sighting, client, watching, nonce)
        sighting.forget_flow()
        return sighting


def _message(kind: int, code: int, ident: int, sequence: int, nonce: bytes) -> bytes:
    message = struct.pack("!BBHHH", kind, code, 0, ident, sequence) + nonce
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def _discovery(question: Question, nonce: bytes) -> bytes:
    """What follows the checksum of a message of neighbour discovery, with the nonce in its last option (RFC 4861)."""
    target = sockets.inet_pton(sockets.AF_INET6, question.destination)
    own = sockets.inet_pton(sockets.AF_INET6, question.source)
    bodies = {
        133: bytes(4),
        134: struct.pack("!BBHII", 64, 0, 0, 0, 0),
        135: bytes(4) + target,
        136: struct.pack("!I", 0) + own,
        137: bytes(4) + own + target,
    }
    return bodies[question.icmp_type] + struct.pack("!BB6x", _NONCE_OPTION, 3) + nonce


def _await(sighting: Sighting, client: sockets.socket, watching: Sequence[Sniffer], nonce: bytes) -> None:
    sent = sighting.sent
    wanted = _ANSWERS.get((sent.proto, sent.flags))
    answered = wanted is not None and _answer(client, sent, wanted, nonce)
    if not answered and wanted is not None and not sighting.silently_dropped():
        sighting.stage.eventually(lambda: None)
        answered = _answer(client, sent, wanted, nonce)
    arrival = find_arrival(watching, sent, nonce)
    if arrival is None and wanted is None and not sighting.silently_dropped():
        sighting.stage.eventually(lambda: None)
        arrival = find_arrival(watching, sent, nonce)
    if arrival is not None:
        sighting.arrived, sighting.progress = arrival, Milestone.DELIVERED
    if answered or (arrival is not None and wanted is None):
        sighting.progress = Milestone.ANSWERED
        sighting.read_conntrack()
    else:
        sighting.refusal = read_error_queue(client)


def _answer(client: sockets.socket, sent: Packet, wanted: int, nonce: bytes) -> bool:
    """Whether the answer that carries the nonce waits; of one that does not repeat it, its type and sender are enough."""
    while True:
        try:
            data, peer = client.recvfrom(2048)
        except OSError:
            return False
        start = transport_start(data, sent.family)
        if data[start] == wanted and (data.endswith(nonce) if wanted in _ECHOES_NONCE else peer[0] == sent.destination):
            return True
