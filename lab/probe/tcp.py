"""TCP: a handshake, a nonce each way, an orderly close in which the server is first."""

from __future__ import annotations

import errno
import os
import socket as sockets
from collections.abc import Sequence

from lab.probe.listeners import Listener
from lab.probe.question import TCP, Question
from lab.probe.refusal import RESET, read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Arrival, Milestone, Refusal
from lab.record.packet import Packet

_SYN = 0x02
_ESTABLISHED, _SYN_SENT = 1, 2  # linux/tcp_states.h, the first byte of struct tcp_info
_RESETS = (errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE)


def send_tcp(stage: Stage, question: Question) -> Sighting:
    """Open a connection, exchange nonces, close it; reads the flow's conntrack entries before anything is closed."""
    with stage.listeners(question) as listeners, stage.sender(question, sockets.SOCK_STREAM) as client:
        sighting = Sighting(stage, _bind(stage, client, question))
        code = client.connect_ex((question.destination, question.port))
        if code not in (0, errno.EINPROGRESS):
            _refused(sighting, client, code)
        elif _connected(sighting, client):
            sighting.progress = Milestone.CONNECTED
            _exchange(sighting, client, listeners)
        sighting.forget_flow()
        return sighting


def _bind(stage: Stage, client: sockets.socket, question: Question) -> Packet:
    client.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
    port = stage.bind(client, question)
    return Packet(question.family, TCP, question.source, port, question.destination, question.port, _SYN)


def _state(client: sockets.socket) -> int:
    return client.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, 1)[0]


def _connected(sighting: Sighting, client: sockets.socket) -> bool:
    """Whether the handshake is done; if not, says in ``sighting`` why, as far as the sender was told."""
    state = _state(client)
    if state == _ESTABLISHED:
        return True
    if state == _SYN_SENT:
        if sighting.silently_dropped():
            return False
        sighting.refusal = read_error_queue(client)
        told = sighting.refusal is None and sighting.stage.eventually(lambda: _told(client))
        if told and _state(client) == _ESTABLISHED:
            return True
    _refused(sighting, client, client.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR))
    return False


def _told(client: sockets.socket) -> bool | None:
    return True if _state(client) != _SYN_SENT else None


def _refused(sighting: Sighting, client: sockets.socket, code: int) -> None:
    if sighting.refusal is None:
        sighting.refusal = read_error_queue(client)
    if sighting.refusal is None and code == errno.ECONNREFUSED:
        sighting.refusal = RESET
    elif sighting.refusal is None and code:
        sighting.local_error = os.strerror(code)


def _exchange(sighting: Sighting, client: sockets.socket, listeners: Sequence[Listener]) -> None:
    accepted = sighting.stage.eventually(lambda: _accept(listeners))
    if accepted is None:
        # it believes in a connection of which nobody else knows, and would go on speaking of it
        _abort(client)
        return
    server, arrival = accepted
    with server:
        question, answer = sighting.stage.nonce(), sighting.stage.nonce()
        if _pass_on(sighting, client, server, question):
            sighting.progress, sighting.arrived = Milestone.DELIVERED, arrival
            if _pass_on(sighting, server, client, answer):
                sighting.progress = Milestone.ANSWERED
        sighting.read_conntrack()
        if sighting.progress is Milestone.ANSWERED:
            _close(sighting.stage, client, server)
        else:
            _abort(client, server)


def _accept(listeners: Sequence[Listener]) -> tuple[sockets.socket, Arrival] | None:
    for listener in listeners:
        accepted = listener.accept()
        if accepted is not None:
            return accepted
    return None


def _pass_on(sighting: Sighting, sender: sockets.socket, receiver: sockets.socket, nonce: bytes) -> bool:
    """Whether the very nonce came from one end to the other."""
    try:
        sender.send(nonce)
    except OSError as error:
        sighting.refusal = _reset_by(error)
        return False
    return sighting.stage.eventually(lambda: _receive(sighting, receiver)) == nonce


def _receive(sighting: Sighting, receiver: sockets.socket) -> bytes | None:
    try:
        return receiver.recv(64)
    except BlockingIOError:
        return None
    except OSError as error:
        sighting.refusal = _reset_by(error)
        return b""


def _reset_by(error: OSError) -> Refusal | None:
    return RESET if error.errno in _RESETS else None


def _close(stage: Stage, client: sockets.socket, server: sockets.socket) -> None:
    """Server first: what lingers (TIME_WAIT) then lingers at the server, and the sender's port is free again."""
    server.shutdown(sockets.SHUT_WR)
    if stage.eventually(lambda: _at_end(client)):
        client.close()
        stage.eventually(lambda: _at_end(server))
    else:
        _abort(client, server)


def _at_end(channel: sockets.socket) -> bool | None:
    try:
        return channel.recv(64) == b""
    except BlockingIOError:
        return None
    except OSError:
        return True


def _abort(*channels: sockets.socket) -> None:
    """Close with a reset at both ends, so that nothing is sent again later."""
    for channel in channels:
        channel.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        channel.close()
