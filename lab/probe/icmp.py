"""ICMP: an echo that carries a nonce, answered by the receiver's own kernel, or one message of another type."""

from __future__ import annotations

import os
import socket as sockets
import struct
from collections.abc import Sequence

from lab.kernel.headers import checksum
from lab.probe.question import ECHO_REQUEST, ICMP, Question
from lab.probe.raw import Sniffer, find_arrival, sniffers
from lab.probe.refusal import read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Stage as Progress
from lab.record.packet import Packet

_TIMESTAMP = 13
_ANSWERS = {ECHO_REQUEST: 0, _TIMESTAMP: 14}  # RFC 792


def send_icmp(stage: Stage, question: Question) -> Sighting:
    """Send one message; an echo or timestamp request is to be answered, any other only to arrive."""
    with sniffers(stage, question) as watching, stage.sender(question, sockets.SOCK_RAW, ICMP) as client:
        ident, sequence = question.sport or stage.source_port(question.source), 1
        nonce = stage.nonce()
        kind, code = question.icmp_type, question.icmp_code
        sent = Packet(4, ICMP, question.source, ident, question.destination, sequence, kind, code)
        sighting = Sighting(stage, sent)
        client.bind((question.source, 0))
        try:
            client.sendto(_message(kind, code, ident, sequence, nonce), (question.destination, 0))
        except OSError as error:
            sighting.local_error = os.strerror(error.errno or 0)
            # a REJECT in the sender's own OUTPUT refuses the call and answers as well
            sighting.refusal = read_error_queue(client)
        else:
            _await(sighting, client, watching, nonce, kind)
        sighting.forget_flow()
        return sighting


def _message(kind: int, code: int, ident: int, sequence: int, nonce: bytes) -> bytes:
    message = struct.pack("!BBHHH", kind, code, 0, ident, sequence) + nonce
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def _await(
    sighting: Sighting, client: sockets.socket, watching: Sequence[Sniffer], nonce: bytes, kind: int
) -> None:
    wanted = _ANSWERS.get(kind)
    answered = wanted is not None and _answer(client, wanted, nonce)
    if not answered and wanted is not None and not sighting.silently_dropped():
        sighting.stage.eventually(lambda: None)
        answered = _answer(client, wanted, nonce)
    arrival = find_arrival(watching, nonce)
    if arrival is not None:
        sighting.arrived, sighting.progress = arrival, Progress.DELIVERED
    if answered or (arrival is not None and wanted is None):
        sighting.progress = Progress.ANSWERED
        sighting.read_conntrack()
    else:
        sighting.refusal = read_error_queue(client)


def _answer(client: sockets.socket, wanted: int, nonce: bytes) -> bool:
    """Whether the answer that carries the nonce waits; a timestamp's answer does not repeat it, so its type is enough."""
    while True:
        try:
            data = client.recv(2048)
        except OSError:
            return False
        start = (data[0] & 15) * 4
        if data[start] == wanted and (wanted != 0 or data.endswith(nonce)):
            return True
