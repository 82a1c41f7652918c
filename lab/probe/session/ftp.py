"""FTP (RFC 959, RFC 2428): a control connection, and a list of names over a data connection that either end opens."""

from __future__ import annotations

import re
import socket as sockets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic, sleep

from lab.kernel.stage.socket_table import TIME_WAIT, TcpSocket, destroy, tcp_sockets
from lab.probe.attempt import step
from lab.probe.question import TCP, Ftp, Handshake, Question
from lab.probe.refusal import RESET
from lab.probe.session.connections import Connections
from lab.probe.session.dialogue import Dialogue, Reply
from lab.probe.session.listing import Listing
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.client import Client
from lab.record.observation import Arrival, Milestone, Observation
from lab.record.packet import Packet, end_point
from lab.record.session import Session

_SYN = 0x02
_GRACE_S = 0.5  # for a server to notice that its client is gone, before it is started anew
_PASV = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})")
_EPSV = re.compile(r"\((.)\1\1(\d{1,5})\1\)")


def ask_ftp(stage: Stage, question: Question) -> Observation:
    """What was seen of one session, of its control and its data connection; nothing of it remains."""
    with _Ftp(stage, question) as session:
        return session.ask()


class _Ftp(Connections):
    def __init__(self, stage: Stage, question: Question) -> None:
        sends = question.sends
        assert isinstance(sends, Ftp)
        super().__init__(stage, replace(question, sends=Handshake(sends.port), receivers=()))
        self._mode = sends.mode
        self._client = Client(stage, self._question)
        self._whose = f"the FTP server at {end_point(question.destination, sends.port)}"
        self._dialogue = Dialogue(self._client.channel, self._whose)
        self._held: list[Client | Listing | sockets.socket] = []
        self._refused, self._lacking, self._whole = "", "", False
        self._announced: tuple[str, int] | None = None

    def ask(self) -> Observation:
        """Both connections, one after the other, each by all witnesses."""
        control = step(self._stage, self._question, self._control)
        if control.stage is not Milestone.ANSWERED or self._is_refused() or self._mode == "control":
            return self._told(control, None)
        opened = self._passive() if self._mode == "passive" else self._active()
        data = step(self._stage, *opened)
        if self._is_refused():
            return self._told(control, None)
        paths = (*control.request, *control.answer, *control.others)
        return self._told(replace(data, others=(*data.others, *paths)), control)

    def _is_refused(self) -> bool:
        return bool(self._refused)

    def _told(self, observation: Observation, control: Observation | None) -> Observation:
        arrival = self._client.arrival
        server = "" if arrival is None else end_point(arrival.address, arrival.port)
        said = tuple(self._dialogue.said)
        return replace(observation, session=Session(f"ftp/{self._mode}", said, control, self._refused, server, self._lacking))

    def _control(self) -> Sighting:
        """From the handshake to a client that is logged in and knows where the data is."""
        seen = self._begin(self._client.sent)
        if self._client.open(seen) and self._logged_in(seen):
            seen.progress = Milestone.ANSWERED
        if self._dialogue.reset:
            seen.refusal = RESET
        if self._client.arrival is not None and (self._refused or seen.progress is Milestone.ANSWERED):
            seen.progress, seen.arrived = Milestone.ANSWERED, self._client.arrival
        self._whole = self._mode == "control" and seen.progress is Milestone.ANSWERED and not self._refused
        return self._end(seen)

    def _logged_in(self, seen: Sighting) -> bool:
        if self._answered(seen, None, "2") is None:
            return False
        reply = self._answered(seen, "USER anonymous", "23")
        if reply is not None and reply.code[0] == "3":
            reply = self._answered(seen, "PASS lab@", "2")
        if reply is None or self._mode != "passive":
            return reply is not None
        reply = self._answered(seen, "PASV" if self._question.family == 4 else "EPSV", "2")
        if reply is None:
            return False
        self._announced = self._where(reply)
        if self._announced is None:
            self._refused = f"no address and port can be read from {str(reply)!r}"
        return self._announced is not None

    def _where(self, reply: Reply) -> tuple[str, int] | None:
        """The address and port that the server announces; of IPv6 its own address is meant (RFC 2428, 3)."""
        if self._question.family == 6:
            found = _EPSV.search(reply.text)
            address, port = self._question.destination, int(found[2]) if found else 0
        else:
            told = _PASV.search(reply.text)
            numbers = [int(number) for number in told.groups()] if told is not None else [256]
            if max(numbers) > 255:
                return None
            address, port = ".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5]
        return (address, port) if 0 < port < 65536 else None

    def _answered(self, seen: Sighting, line: str | None, wanted: str, beside: Listing | None = None) -> Reply | None:
        """The reply to a line, where its code begins with a digit of ``wanted``; None with `_refused` for another one."""
        if line is not None:
            self._dialogue.say(line)
        reply = self._dialogue.hear(seen, beside)
        if reply is not None and reply.code[0] not in wanted:
            self._refused = f"{line.split()[0] if line is not None else 'the client'} was answered {reply}"
            return None
        if reply is None and self._dialogue.ended:
            after = next(reversed(self._dialogue.said), "its greeting was due")
            self._refused = self._dialogue.no_reply or f"the server ended the connection after {after}"
        return reply

    def _passive(self) -> tuple[Question, Callable[[], Sighting]]:
        """The data connection that the client opens, to where the server says."""
        assert self._announced is not None
        address, port = self._announced
        question = replace(self._question, destination=address, sends=Handshake(port), sport=None)
        data = Client(self._stage, question)
        self._held.append(data)

        def send() -> Sighting:
            seen = self._begin(data.sent)
            if data.open(seen):
                seen.progress, seen.arrived = Milestone.DELIVERED, data.arrival
                if self._transferred(seen, Listing(data.channel)):
                    data.closed()
                    seen.progress = Milestone.ANSWERED
            self._refused = ""  # it is the data connection that is told of
            return self._end(seen)

        return question, send

    def _active(self) -> tuple[Question, Callable[[], Sighting]]:
        """The data connection that the server opens, to where the client says."""
        server = self._client.arrival
        assert server is not None
        own = self._question
        port = self._stage.source_port(own.source)
        listener = self._stage.network.nodes[own.node].socket(own.domain, sockets.SOCK_STREAM)
        self._held.append(listener)
        listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        listener.bind((own.source, port))
        listener.listen()
        question = replace(
            own, node=server.at, source=server.address, destination=own.source, sends=Handshake(port), sport=None, mark=0,
            uid=None,
        )  # fmt: skip

        def send() -> Sighting:
            nobody = Packet(own.family, TCP, server.address, None, own.source, port, _SYN)
            begun = self._begin(nobody)
            listing = Listing(listener=listener)
            self._held.append(listing)
            told = self._answered(begun, self._where_to(own.source, port), "2") is not None
            whole = told and self._transferred(begun, listing)
            seen = self._opened(begun, listing, server)
            if (channel := listing.channel) is not None:
                seen.progress, seen.met = Milestone.ANSWERED if whole else Milestone.DELIVERED, True
                seen.arrived = Arrival(own.node, *channel.getsockname()[:2], *channel.getpeername()[:2])
            if seen.sent is not nobody:
                self._refused = ""
            elif not self._refused:
                self._refused = "the server opened no data connection"
            return self._end(seen)

        return question, send

    def _where_to(self, address: str, port: int) -> str:
        if self._question.family == 6:
            return f"EPRT |2|{address}|{port}|"
        return f"PORT {address.replace('.', ',')},{port >> 8},{port & 255}"

    def _opened(self, seen: Sighting, listing: Listing, server: Arrival) -> Sighting:
        """What was seen of the connection that the server opened, by the headers of its first packet."""
        self._stage.eventually(listing.opened)  # or it was kept from it: all of what it sent has come to its end
        seen.read_trace()
        heads = [path.entry for path in seen.paths if path.entry.flags == _SYN and path.entry.source == server.address]
        sent = next((head for head in heads if head.proto == TCP), None)
        if sent is None and (channel := listing.channel) is not None:
            (source, sport), (destination, dport) = channel.getpeername()[:2], channel.getsockname()[:2]
            sent = Packet(seen.sent.family, TCP, source, sport, destination, dport, _SYN)
        return seen if sent is None else Sighting(self._stage, sent, paths=seen.paths)

    def _transferred(self, seen: Sighting, listing: Listing) -> bool:
        """Whether the list came whole, and the server says so; which of both is there first is not settled (RFC 959, 5.4)."""
        if self._answered(seen, "NLST", "1", listing) is None:
            return False
        well = self._answered(seen, None, "2", listing) is not None
        if well:  # what it had opened by then is there when the network is at rest
            self._stage.eventually(listing.opened)
        if listing.channel is None or not (well or listing.too_long):
            return False
        if not listing.end(seen, self._whose):
            said = "; the server said that all is well" if well else ""
            self._lacking = f"its end did not come, and {listing.size:,} bytes before it{said}"
        elif not listing.size:
            self._lacking = "it carried nothing, as the server's list is empty: put a file where anonymous can see it"
        self._whole = well and not self._lacking
        return self._whole

    def _let_go(self) -> None:
        """Say goodbye where all is well, else cut everything off; no socket of the session is left at the server."""
        seen = Sighting(self._stage, self._client.sent)
        if self._whole and self._answered(seen, "QUIT", "2") is not None:
            self._dialogue.hear(seen)
            self._client.closed()
        for held in self._held:
            if isinstance(held, Client):
                held.let_go()
            elif isinstance(held, sockets.socket):
                _cut_off(held)
            elif held.channel is not None:
                _cut_off(held.channel)
        self._client.let_go()
        self._wait_for_the_server()

    def _wait_for_the_server(self) -> None:
        """Return when the server has noticed that its client is gone; where it cannot have heard of it, its end is cut off too.

        Where this kernel cannot do that, its program is started anew.
        """
        self._stage.network.rest()
        server = self._client.arrival
        if server is None:
            return
        node = self._stage.network.nodes[server.at]
        until = monotonic() + _GRACE_S
        while left := [one for one in tcp_sockets(node) if one.state != TIME_WAIT and _is_of(one, server)]:
            if monotonic() > until:
                destroyed = [destroy(node, one) for one in left]
                if not all(destroyed) or monotonic() > until + _GRACE_S:
                    self._stage.network.restart_programs(server.at)
                    break
            sleep(0.002)  # nobody notifies of a socket that its program closes: the table is asked again


def _is_of(one: TcpSocket, server: Arrival) -> bool:
    """Whether a socket of the server's node is one of its sessions': no other is asked meanwhile."""
    return one.address == server.address or one.port == server.port


def _cut_off(channel: sockets.socket) -> None:
    with suppress(OSError):
        channel.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    channel.close()
