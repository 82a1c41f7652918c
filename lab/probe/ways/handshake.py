"""TCP: a handshake, a nonce each way, an orderly close in which the server is first."""

from __future__ import annotations

import errno
import os
import socket as sockets
import struct

from lab.kernel.ground.tcp_repair import position
from lab.probe.question import TCP, Question
from lab.probe.refusal import RESET, read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.way import Way
from lab.record.observation import Arrival, Milestone, Refusal
from lab.record.packet import Packet

_SYN, _PUSH_ACK = 0x02, 0x18
_ESTABLISHED, _SYN_SENT = 1, 2  # linux/tcp_states.h, the first byte of struct tcp_info
_UNACKED = 24  # where struct tcp_info (linux/tcp.h) counts the segments that were not acknowledged yet
_RESETS = (errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE)


class Connection(Way):
    """A connection; what was not closed in order when it is let go is closed with a reset at both ends."""

    shakes_hands = answers = True
    __slots__ = "_connected", "_receivers", "_server", "_speaker", "_syn"

    def _make_ready(self, stage: Stage, question: Question) -> None:
        self._connected = False
        self._server: sockets.socket | None = None
        self._receivers = self._hold(stage.receivers.take(question))
        self._client = self._speaker = self._hold(stage.sender(question, sockets.SOCK_STREAM))
        self._client.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        if self.payload:  # no segment waits for the one before it to be acknowledged (tcp(7))
            self._client.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        port = stage.bind(self._client, question)
        self._syn = Packet(question.family, TCP, question.source, port, question.destination, question.port, _SYN)

    @property
    def sent(self) -> Packet:
        """The SYN, and then what carries data."""
        return self._syn if self._server is None else self._syn._replace(flags=_PUSH_ACK)

    def open(self, seen: Sighting) -> bool:
        """The handshake; `send` may follow when both ends know of the connection."""
        code = self._client.connect_ex((self._syn.destination, self._syn.dport))
        if code not in (0, errno.EINPROGRESS):
            self._refused(seen, code)
            return False
        if not self._is_connected(seen):
            return False
        self._connected, seen.progress = True, Milestone.CONNECTED
        accepted = self._stage.eventually(self._accepted)
        if accepted is None:
            return False
        self._server, self.arrival = accepted
        seen.met = True
        return True

    def send(self, seen: Sighting) -> bool:
        """A nonce from the client to the server."""
        server = self._server
        if server is None or not self._pass_on(seen, self._client, server):
            return False
        seen.progress, seen.arrived = Milestone.DELIVERED, self.arrival
        return True

    def answer(self, seen: Sighting) -> bool:
        """A nonce from the server to the client."""
        server = self._server
        if server is None or not self._pass_on(seen, server, self._client):
            return False
        seen.progress = Milestone.ANSWERED
        return True

    def position(self, *, of_server: bool) -> tuple[int, int] | None:
        """The sequence numbers that one end sends and expects next."""
        end = self._server if of_server else self._client if self._connected else None
        return None if end is None else position(end)

    def acknowledged(self) -> bool:
        """Whether no segment of who spoke last is unacknowledged, the other end being made to acknowledge at once (tcp(7))."""
        server, speaker = self._server, self._speaker
        if server is None:
            return True  # closed in order, which each end has told the other
        hearer = server if speaker is self._client else self._client
        hearer.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_QUICKACK, 1)
        return self._stage.eventually(lambda: _unacknowledged(speaker) == 0 or None) is not None

    def told(self) -> Refusal | None:
        """What an ICMP error or a reset told who spoke last."""
        if not self._connected:
            return None
        code = self._speaker.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR)
        return read_error_queue(self._speaker) or (RESET if code in _RESETS else None)

    def close(self) -> Milestone:
        """Server first: what lingers (TIME_WAIT) then lingers at the server, and the sender's port is free again."""
        server, self._server = self._server, None
        self._connected = False
        if server is None:
            return Milestone.SENT
        with server:
            server.shutdown(sockets.SHUT_WR)
            if not self._stage.eventually(lambda: _at_end(self._client)):
                _abort(self._client, server)
                return Milestone.SENT
            self._client.close()
            return Milestone.ANSWERED if self._stage.eventually(lambda: _at_end(server)) else Milestone.DELIVERED

    def reset(self) -> None:
        """A reset at both ends; of a connection that nobody accepted the client would go on speaking too."""
        server, self._server = self._server, None
        connected, self._connected = self._connected, False
        if server is not None:
            _abort(self._client, server)
        elif connected:
            _abort(self._client)

    def _state(self) -> int:
        return self._client.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, 1)[0]

    def _is_connected(self, seen: Sighting) -> bool:
        """Whether the handshake is done; if not, says in ``seen`` why, as far as the sender was told."""
        state = self._state()
        if state == _ESTABLISHED:
            return True
        if state == _SYN_SENT:
            if seen.silently_dropped():
                return False
            seen.refusal = read_error_queue(self._client)
            told = seen.refusal is None and self._stage.eventually(self._told)
            if told and self._state() == _ESTABLISHED:
                return True
        self._refused(seen, self._client.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR))
        return False

    def _told(self) -> bool | None:
        return True if self._state() != _SYN_SENT else None

    def _refused(self, seen: Sighting, code: int) -> None:
        if seen.refusal is None:
            seen.refusal = read_error_queue(self._client)
        if seen.refusal is None and code == errno.ECONNREFUSED:
            seen.refusal = RESET
        elif seen.refusal is None and code:
            seen.local_error = os.strerror(code)

    def _accepted(self) -> tuple[sockets.socket, Arrival] | None:
        for receiver in self._receivers.waiting():
            accepted = receiver.accept()
            if accepted is not None:
                return accepted
        return None

    def _pass_on(self, seen: Sighting, speaker: sockets.socket, hearer: sockets.socket) -> bool:
        """Whether a nonce came from one end to the other."""
        self._speaker, seen.met = speaker, True
        words = self._words()
        try:
            if speaker.send(words) < len(words):
                return False
        except OSError as error:
            seen.refusal = _reset_by(error)
            return False
        heard = self._stage.eventually(lambda: _received(seen, hearer, len(words)))
        while heard and len(heard) < len(words):
            more = self._stage.eventually(lambda: _received(seen, hearer, len(words)))
            if not more:
                return False
            heard += more
        return heard == words


def _received(seen: Sighting, hearer: sockets.socket, most: int) -> bytes | None:
    try:
        return hearer.recv(most)
    except BlockingIOError:
        return None
    except OSError as error:
        seen.refusal = _reset_by(error)
        return b""


def _reset_by(error: OSError) -> Refusal | None:
    return RESET if error.errno in _RESETS else None


def _unacknowledged(channel: sockets.socket) -> int:
    told = channel.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, _UNACKED + 4)
    return int(struct.unpack_from("=I", told, _UNACKED)[0])


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
