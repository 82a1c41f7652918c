"""One bare TCP segment (ACK): what a stateful policy drops and a stateless look-alike lets in."""

from __future__ import annotations

import os
import socket as sockets
import struct
from collections.abc import Sequence

from lab.kernel.ground.headers import checksum
from lab.probe.question import TCP, Question
from lab.probe.raw import Sniffer, find_arrival, sniffers, transport_start
from lab.probe.refusal import RESET, read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Milestone
from lab.record.packet import Packet

_ACK, _RST = 0x10, 0x04


def send_segment(stage: Stage, question: Question) -> Sighting:
    """Send the segment with a nonce in it; the receiver's kernel, which knows no such connection, answers with a reset."""
    with (
        sniffers(stage, question) as watching,
        stage.sender(question, sockets.SOCK_RAW, TCP) as client,
        stage.instrument.everything(),
    ):
        port = question.sport or stage.source_port(question.source)
        sent = Packet(question.family, TCP, question.source, port, question.destination, question.port, _ACK)
        sighting = Sighting(stage, sent)
        nonce = stage.nonce()
        client.bind(stage.own_end(question))
        try:
            client.sendto(_segment(question, port, nonce), (question.destination, 0))
        except OSError as error:
            sighting.local_error = os.strerror(error.errno or 0)
            # a REJECT in the sender's own OUTPUT refuses the call and answers as well
            sighting.refusal = read_error_queue(client)
        else:
            _await(sighting, client, watching, nonce)
        sighting.forget_flow()
        return sighting


def _segment(question: Question, sport: int, nonce: bytes) -> bytes:
    head = struct.pack("!HHIIBBHHH", sport, question.port, 1, 1, 5 << 4, _ACK, 65535, 0, 0)
    source, destination = (sockets.inet_pton(question.domain, text) for text in (question.source, question.destination))
    pseudo = source + destination + struct.pack("!HH", TCP, len(head) + len(nonce))
    return head[:16] + struct.pack("!H", checksum(pseudo + head + nonce)) + head[18:] + nonce


def _await(sighting: Sighting, client: sockets.socket, watching: Sequence[Sniffer], nonce: bytes) -> None:
    reset = _reset(client, sighting.sent)
    if not reset and not sighting.silently_dropped():
        sighting.stage.eventually(lambda: None)
        reset = _reset(client, sighting.sent)
    arrival = find_arrival(watching, sighting.sent, nonce)
    if arrival is not None:
        sighting.arrived, sighting.progress = arrival, Milestone.DELIVERED
        if reset:
            sighting.progress = Milestone.ANSWERED
        sighting.read_conntrack()
    elif reset:
        sighting.progress, sighting.refusal = Milestone.CONNECTED, RESET
    else:
        sighting.refusal = read_error_queue(client)


def _reset(client: sockets.socket, sent: Packet) -> bool:
    """Whether a reset for our port waits at the sender."""
    while True:
        try:
            data = client.recv(2048)
        except OSError:
            return False
        start = transport_start(data, sent.family)
        sport, port = struct.unpack_from("!HH", data, start)
        if data[start + 13] & _RST and (sport, port) == (sent.dport, sent.sport):
            return True
