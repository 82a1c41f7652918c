"""What one way of sending has seen so far; the trace is read as soon as it can prove a drop."""

from __future__ import annotations

import os
import socket as sockets
from dataclasses import dataclass, field

from lab.kernel.watch.log_groups import Heard
from lab.probe.follow import Followed, follow, follow_one_of_many
from lab.probe.refusal import read_error_queue
from lab.probe.stage import Stage
from lab.record.logs import LogMessage
from lab.record.observation import Arrival, Conntrack, Copy, Milestone, Refusal
from lab.record.packet import Packet
from lab.record.path import End, Path


@dataclass(slots=True)
class Sighting:
    """Filled in by a way's verbs and by the witnesses while a probe, or one step of a conversation, is under way.

    ``progress`` is the last thing that is known to have worked.  ``local_error`` is what the sender's own kernel said when it
    could not even send.  ``met`` tells that the flow came to somebody, so that its entries are worth reading, and ``complete``
    that nothing of it is under way, so that the trace has nothing more to tell.  ``one_way`` tells that nothing answers it.
    ``named`` is what a verdict calls it, where its headers alone do not tell.  With ``pieces`` it goes in fragments, or behind
    headers of IPv6; ``toward`` is the node that it was given to past its sender's own kernel.
    Of what all of a network hears, ``sender`` is the node that sends and ``heard_by`` are those that it is about.
    ``heard`` are the messages of NFLOG that came meanwhile, ``logged`` what was logged of it, None where nobody asked.
    """

    stage: Stage
    sent: Packet
    progress: Milestone = Milestone.SENT
    arrived: Arrival | None = None
    refusal: Refusal | None = None
    local_error: str | None = None
    conntrack: tuple[Conntrack, ...] = ()
    paths: list[Path] = field(default_factory=list)
    followed: Followed | None = None
    met: bool = False
    complete: bool = False
    one_way: bool = False
    sender: str | None = None
    heard_by: tuple[str, ...] = ()
    heard: list[Heard] = field(default_factory=list)
    logged: tuple[LogMessage, ...] | None = None
    named: str | None = None
    pieces: bool = False
    toward: str | None = None
    copies: tuple[Copy, ...] = ()

    def read_trace(self) -> Followed:
        """Read what the trace has told by now; raises tracer.Overrun."""
        new = () if self.complete else self.stage.instrument.paths()
        if new or self.followed is None:
            self.paths += new
            if self.heard_by and self.sender is not None:
                ends = self.sender, self._hearer()
                self.followed = follow_one_of_many(self.paths, self.sent, self.stage.next_nodes, *ends)
            else:
                self.followed = follow(self.paths, self.sent, self.stage.next_nodes, pieces=self.pieces)
        return self.followed

    def _hearer(self) -> tuple[str, ...]:
        """Which of those whom it is about received it; while none did, all of them."""
        return self.heard_by if self.arrived is None else (self.arrived.at,)

    def silently_dropped(self) -> bool:
        """Whether the trace proves by now that a rule dropped the request and owes it no answer.

        Nothing of this probe is then under way, so there is nothing to wait for and nothing more to read.
        """
        request = self.read_trace().request
        if not request or request[-1].end is not End.DROPPED:
            return False
        rule = request[-1].dropped_by
        if rule is None or rule.rejects is not None:
            return False
        self.complete = True
        return True

    def could_not_send(self, channel: sockets.socket, error: OSError) -> None:
        """Take down what the sender's own kernel said to ``channel`` in place of sending.

        A REJECT in the sender's own OUTPUT refuses the call and answers as well.
        """
        self.local_error = os.strerror(error.errno or 0)
        self.refusal = read_error_queue(channel)
