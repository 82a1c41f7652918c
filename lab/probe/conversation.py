"""A flow that is held open: its packets are steps, and what happens between them is up to who holds it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from lab.kernel.watch.tracer import Overrun
from lab.probe.attempt import step
from lab.probe.question import Crafted, FlowError, Live, Question, to_port
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways import way_of
from lab.probe.witness import OF_A_FLOW, armed
from lab.record.observation import Arrival, Milestone, Observation
from lab.record.packet import Packet
from lab.written.packet.layered import Layered

_PUSH_ACK, _FIN_ACK, _RST_ACK = 0x18, 0x11, 0x14


class Conversation:
    """The flow of one question, from now until `let_go`; each verb is a step, and gives what all witnesses saw of it alone.

    A step is done once, as the flow would meet another state the second time.  Its observation is `ANSWERED` when what was
    sent arrived, and who sent it knows, as far as the protocol tells.  Meanwhile other questions may be asked, at the same
    receiver too; a sweep forgets all flows, this one included.

    What TCP could not deliver is taken back when its step is over, as if it had not been said: it is never sent again, and
    what is said later can be delivered.  Whose handshake came to nothing can be opened again.

    >>> with Conversation(stage, question) as talk:
    ...     opened, sent, answered, closed = talk.open(), talk.send(), talk.answer(), talk.close()
    """

    def __init__(self, stage: Stage, question: Question) -> None:
        """Raises OSError for what the system refuses."""
        self._stage, self._question = stage, question
        self._way = way_of(stage, question)
        self._witnesses = armed(OF_A_FLOW, stage, question)
        self._steps: list[Sighting] = []

    @property
    def ended(self) -> bool:
        """Whether it was closed, or reset by anybody: nothing can be said any more."""
        return self._way.ended

    def position(self, *, of_server: bool = False) -> tuple[int, int] | None:
        """The sequence numbers that one end sends and expects next; None where there is no connection of TCP."""
        return self._way.position(of_server=of_server)

    def take_note(self) -> None:
        """See what became of it while packets of others went on: one that was reset meanwhile has `ended`."""
        self._way.take_back()

    def says(self, payload: bytes) -> None:
        """What the next verb says before its nonce."""
        self._way.payload = payload

    def open(self) -> Observation | None:
        """The handshake; None where the protocol has none and `send` may come first, and where there has been one."""
        if not self._way.shakes_hands or self._way.is_open or self._way.ended:
            return None
        return self._step(self._question, self._way.sent, self._way.open, self._arrived_before)

    def send(self) -> Observation | None:
        """A nonce from the question's node to its receiver; None where there is no connection."""
        if not self._way.is_open:
            return None
        return self._step(self._question, self._way.sent, self._way.send, self._arrived_before)

    def answer(self) -> Observation | None:
        """A nonce back, as a packet of the receiver's; None where nothing has arrived, or the receiver's kernel answers."""
        back = self._back()
        if back is None or not self._way.answers:
            return None
        sent = _headers(back, _PUSH_ACK if self._way.shakes_hands else 0)
        return self._step(back, sent, self._way.answer, self._arrival_back)

    def crafted(self, packet: Layered, *, by_server: bool = False) -> Observation | None:
        """A packet of one end by its layers; None where nobody could send it.  The other end's own sockets need not take it."""
        question = self._back() if by_server else self._question
        if question is None:
            return None
        sent, came = self._way.sent, self._way.arrival
        live = Live(question.sport if by_server else sent.sport, self._way.position(of_server=by_server))
        hearers = ((self._question.node, None),) if by_server else self._question.receivers
        heard = hearers if by_server or came is None else ((came.at, None),)
        sends = Crafted(packet, question.port, live)
        return self._beside(replace(question, sends=sends, sport=live.sport, receivers=heard))

    def error(self, node: str, source: str, error: FlowError) -> Observation:
        """An ICMP error about the flow, from a node to who sent what it quotes."""
        hearer = self._question.node if error.original.source == self._way.sent.source else None
        at = hearer if hearer is not None or self._way.arrival is None else self._way.arrival.at
        receivers = ((at, None),) if at is not None else ()
        seq = self._way.position(of_server=hearer is None)
        error = error if seq is None else replace(error, seq=seq[0])
        return self._beside(Question(node, source, error.quoted.source, error, receivers=receivers))

    def _beside(self, question: Question) -> Observation:
        """What a socket of its own sends, that is no part of what both ends say."""
        with way_of(self._stage, question) as way:
            seen = Sighting(self._stage, way.sent, named=way.named, pieces=way.pieces, flaw=way.flaw)

            def send(seen: Sighting) -> bool:
                way.send(seen)
                self._way.put_errors_aside()
                return False

            return step(self._stage, question, lambda: self._done(seen, send, lambda: None))

    def close(self) -> Observation | None:
        """The orderly close, in which the receiver is first; None where the protocol has none, or nobody to say it."""
        back = self._back()
        if back is None or not self._way.shakes_hands:
            return None
        return self._step(back, _headers(back, _FIN_ACK), self._closed, self._arrival_back)

    def reset(self, *, by_server: bool = False) -> Observation | None:
        """A reset by one end, which ends the flow; None where there is no connection."""
        back = self._back()
        if back is None or not self._way.shakes_hands:
            return None
        question, arrival = self._question, self._arrived_before
        if by_server:
            question, arrival = back, self._arrival_back
        sent = _headers(back, _RST_ACK) if by_server else self._way.sent._replace(flags=_RST_ACK)
        return self._step(question, sent, lambda seen: self._way.break_off(seen, by_server=by_server), arrival)

    def let_go(self) -> None:
        """Cut off what was not closed, and forget the flow."""
        try:
            self._way.let_go()
            for seen in self._steps:
                seen.complete = True
                for witness in self._witnesses:
                    witness.forget(seen)
        finally:
            for witness in self._witnesses:
                witness.disarm()

    def _step(
        self, question: Question, sent: Packet, verb: Callable[[Sighting], bool], arrival: Callable[[], Arrival | None]
    ) -> Observation:
        """``question`` is the flow's own, or the one that the receiver would ask who sends back."""
        found = step(self._stage, question, lambda: self._done(Sighting(self._stage, sent), verb, arrival))
        self._way.take_back()  # when nobody watches any more, as the kernel tells of what it throws away
        return found

    def _done(self, seen: Sighting, verb: Callable[[Sighting], bool], arrival: Callable[[], Arrival | None]) -> Sighting:
        self._steps.append(seen)
        self._stage.network.rest()
        with suppress(Overrun):
            self._stage.instrument.paths()  # what went before is not this step's
        for witness in self._witnesses:
            witness.begin()
        if verb(seen):
            seen.arrived = arrival()
            seen.progress = Milestone.ANSWERED if self._way.acknowledged() else Milestone.DELIVERED
        elif seen.progress is Milestone.SENT and seen.refusal is None and seen.named is None:
            seen.refusal = self._way.told()
        for witness in self._witnesses:
            witness.read(seen)
        return seen

    def _closed(self, seen: Sighting) -> bool:
        seen.met, seen.progress = True, self._way.say_goodbye()
        return seen.progress is Milestone.ANSWERED

    def _back(self) -> Question | None:
        """The question that the receiver would ask to send back; None where nothing has arrived, or it is over."""
        came = self._way.arrival if self._way.is_open else None
        if came is None or came.port is None or came.sport is None:
            return None
        sends = to_port(self._question.proto, came.sport)
        return replace(
            self._question, node=came.at, source=came.address, destination=came.source, sends=sends, sport=came.port
        )

    def _arrived_before(self) -> Arrival | None:
        """How what a socket hears of this flow alone has arrived before."""
        return self._way.arrival

    def _arrival_back(self) -> Arrival:
        """How what is sent back arrives at a socket that hears of this flow alone."""
        sent = self._way.sent
        return Arrival(self._question.node, sent.source, sent.sport, sent.destination, sent.dport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()


def _headers(question: Question, flags: int) -> Packet:
    sends = question.sends
    return Packet(
        question.family, sends.proto, question.source, question.sport, question.destination, sends.port, flags
    )
