"""TCP: a handshake, a nonce each way, an orderly close in which the server is first."""

from __future__ import annotations

import errno
import os
import socket as sockets
import struct

from lab.kernel.ground.tcp_repair import close_silently, position, set_back
from lab.probe.question import TCP, Question
from lab.probe.refusal import RESET, read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.way import Way
from lab.record.observation import Arrival, Milestone, Refusal
from lab.record.packet import Packet
from lab.record.path import End

_SYN, _PUSH_ACK = 0x02, 0x18
_ESTABLISHED, _SYN_SENT, _CLOSED = 1, 2, 7  # linux/tcp_states.h, the first byte of struct tcp_info
_NUMBERS = 1 << 32  # sequence numbers come round
_UNACKED = 24  # where struct tcp_info (linux/tcp.h) counts the segments that were not acknowledged yet
_RESETS = (errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE)


class Connection(Way):
    """A connection; what was not closed in order when it is let go is closed with a reset at both ends."""

    shakes_hands = answers = True
    __slots__ = "_connected", "_question", "_receivers", "_server", "_shifts", "_speaker", "_spoken", "_syn", "ended"

    def _make_ready(self, stage: Stage, question: Question) -> None:
        self._question = question
        self._connected = False
        self._spoken: bytes | None = None
        self._server: sockets.socket | None = None
        self.ended = False
        self._shifts = 0, 0
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

    @property
    def is_open(self) -> bool:
        """Whether both ends have the connection."""
        return self._server is not None

    def open(self, seen: Sighting) -> bool:
        """The handshake; `send` may follow when both ends know of the connection."""
        if not self._is_answered(seen):
            return False
        self._connected, seen.progress = True, Milestone.CONNECTED
        accepted = self._stage.eventually(self._accepted) or self._accepted_late(seen)
        if accepted is None:
            return False
        self._server, self.arrival = accepted
        seen.met = True
        return True

    def send(self, seen: Sighting) -> bool:
        """A nonce from the client to the server."""
        server = self._server
        spoken, self._spoken = self._spoken, None
        if server is None or not self._pass_on(seen, self._client, server, spoken):
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
        came = self.say_goodbye()
        if came is Milestone.SENT:
            self.reset()
        return came

    def say_goodbye(self) -> Milestone:
        """The same; what could not be said may be taken back."""
        server = self._server
        if server is None:
            return Milestone.SENT
        self._speaker = server
        server.shutdown(sockets.SHUT_WR)
        if not self._stage.eventually(lambda: _at_end(self._client)):
            return Milestone.SENT
        try:  # noqa: SIM105 - every allowed flow comes by here, and this costs nothing
            self._client.shutdown(sockets.SHUT_WR)
        except OSError:
            pass  # a reset came in place of the server's goodbye
        self._server, self._connected, self.ended = None, False, True
        if self._stage.eventually(lambda: _at_end(server)):
            self._client.close()
            server.close()
            return Milestone.ANSWERED
        for channel in (self._client, server):
            close_silently(channel)
        return Milestone.DELIVERED

    def break_off(self, seen: Sighting, *, by_server: bool) -> bool:
        """A reset by one end; whether the other was told."""
        server, self._server = self._server, None
        if server is None:
            return False
        speaker, hearer = (server, self._client) if by_server else (self._client, server)
        self._connected, self.ended = False, True
        seen.met = seen.one_way = True
        _abort(speaker)
        told = self._stage.eventually(lambda: _was_reset(hearer)) is not None
        close_silently(hearer)
        return told

    def take_back(self) -> None:
        """Have both ends go on as if what did not arrive had never been said: nothing is sent again later.

        Of a handshake that was cut off nothing is left but what the server's own kernel may keep, and forgets by itself.
        """
        server = self._server
        if self.ended:
            return
        if server is None:
            self._renew()
        elif _CLOSED in (_state(self._client), _state(server)):
            self._server, self._connected, self.ended = None, False, True
            for channel in (self._client, server):
                close_silently(channel)
        else:
            self._set_back(server)

    def _set_back(self, server: sockets.socket) -> None:
        """Set each end that has said more than the other heard back to that.

        Who answers for another on the way (SYNPROXY, a helper that translates) gives each end other sequence numbers: by how
        much they differ is told whenever nothing is left unsaid.
        """
        there, back = _unacknowledged(self._client), _unacknowledged(server)
        client_at, server_at = position(self._client), position(server)
        if not there and not back:
            self._shifts = server_at.expects - client_at.sends, client_at.expects - server_at.sends
            return
        if there:
            sends = (server_at.expects - self._shifts[0]) % _NUMBERS
            self._client = self._hold(
                set_back(self._client, sends, lambda: self._stage.sender(self._question, sockets.SOCK_STREAM))
            )
        if back:
            self._server = set_back(server, (client_at.expects - self._shifts[1]) % _NUMBERS, self._another_server)
        self._speaker = self._client

    def _another_server(self) -> sockets.socket:
        """A socket where the connection arrived, whose address its node may only stand for."""
        arrival = self.arrival
        assert arrival is not None
        return self._stage.receiver(arrival.at, arrival.address, self._question.domain)

    def _renew(self) -> None:
        """Make ready for another handshake: with other receivers, as theirs would remember this one."""
        close_silently(self._client)
        self._receivers.close()
        self._make_ready(self._stage, self._question)

    def reset(self) -> None:
        """A reset at both ends; of a connection that nobody accepted the client would go on speaking too."""
        server, self._server = self._server, None
        connected, self._connected = self._connected, False
        if server is not None:
            _abort(self._client, server)
        elif connected:
            _abort(self._client)

    def _is_answered(self, seen: Sighting) -> bool:
        """Send the SYN: whether the handshake is done then; if not, says in ``seen`` why, as far as the sender was told."""
        code = self._client.connect_ex((self._syn.destination, self._syn.dport))
        if code in (0, errno.EINPROGRESS):
            return self._is_connected(seen)
        self._refused(seen, code)
        return False

    def _is_connected(self, seen: Sighting) -> bool:
        state = _state(self._client)
        if state == _ESTABLISHED:
            return True
        if state == _SYN_SENT:
            if seen.silently_dropped():
                return False
            seen.refusal = read_error_queue(self._client)
            told = seen.refusal is None and self._stage.eventually(self._told)
            if told and _state(self._client) == _ESTABLISHED:
                return True
        self._refused(seen, self._client.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR))
        return False

    def _told(self) -> bool | None:
        return True if _state(self._client) != _SYN_SENT else None

    def _refused(self, seen: Sighting, code: int) -> None:
        if seen.refusal is None:
            seen.refusal = read_error_queue(self._client)
        if seen.refusal is None and code == errno.ECONNREFUSED:
            seen.refusal = RESET
        elif seen.refusal is None and code == errno.ECONNRESET and _taken_over(seen):
            # who took the SYN over has answered, and passed on what the server answered to its own
            seen.progress, seen.refusal = Milestone.CONNECTED, RESET
        elif seen.refusal is None and code:
            seen.local_error = os.strerror(code)

    def _accepted(self) -> tuple[sockets.socket, Arrival] | None:
        for receiver in self._receivers.waiting():
            accepted = receiver.accept()
            if accepted is not None:
                return accepted
        return None

    def _accepted_late(self, seen: Sighting) -> tuple[sockets.socket, Arrival] | None:
        """Who accepts once the client has spoken: a node that took the SYN over (SYNPROXY) answered in the server's place.

        Its own handshake with the server may be completed by nothing but what the client says.
        """
        if not _taken_over(seen):
            return None
        self._spoken = self._said(seen, self._client)
        accepted = self._stage.eventually(self._accepted) if self._spoken is not None else None
        if accepted is None and seen.refusal is None:
            seen.refusal = self.told()
        return accepted

    def _said(self, seen: Sighting, speaker: sockets.socket) -> bytes | None:
        """What an end has said; None where it was told that the connection is gone, or could not say all of it."""
        words = self.payload + self._stage.nonce()
        try:
            return words if speaker.send(words) == len(words) else None
        except OSError as error:
            seen.refusal = _reset_by(error)
            return None

    def _pass_on(
        self, seen: Sighting, speaker: sockets.socket, hearer: sockets.socket, spoken: bytes | None = None
    ) -> bool:
        """Whether what one end says came to the other, be it something that was ``spoken`` before."""
        self._speaker, seen.met = speaker, True
        words = self._said(seen, speaker) if spoken is None else spoken
        if words is None:
            return False
        size = len(words)
        heard = self._stage.eventually(lambda: _received(seen, hearer, size))
        if heard == words:
            return True
        while heard and len(heard) < size:
            more = self._stage.eventually(lambda: _received(seen, hearer, size))
            if not more:
                return False
            heard += more
        return heard == words


def _state(channel: sockets.socket) -> int:
    return channel.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, 1)[0]


def _was_reset(channel: sockets.socket) -> bool | None:
    return True if channel.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR) in _RESETS else None


def _taken_over(seen: Sighting) -> bool:
    """Whether a rule took the SYN over, and answers it in the server's place."""
    return any(path.end is End.STOLEN for path in seen.read_trace().request)


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
