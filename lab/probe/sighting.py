"""What one way of sending has seen so far; the trace is read as soon as it can prove a drop."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.probe.follow import Followed, follow
from lab.probe.stage import Stage
from lab.record.observation import Arrival, Conntrack, Milestone, Refusal
from lab.record.packet import Packet
from lab.record.path import End, Path


@dataclass(slots=True)
class Sighting:
    """Filled in while a probe is under way.

    ``progress`` is the last thing that is known to have worked.  ``local_error`` is what the sender's own kernel said when it
    could not even send.
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
    proven: bool = False

    def read_trace(self) -> Followed:
        """Read what the trace has told by now; raises tracer.Overrun."""
        new = () if self.proven else self.stage.instrument.paths()
        if new or self.followed is None:
            self.paths += new
            self.followed = follow(self.paths, self.sent, self.stage.next_nodes)
        return self.followed

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
        self.proven = True
        return True

    def read_conntrack(self) -> None:
        """The flow's entry at every watched node on its way, each asked for with the headers that the packet had there."""
        self.conntrack = tuple(
            entry
            for path in self.read_trace().request
            if (entry := self.stage.instrument.nodes[path.node].conntrack.find(path.entry)) is not None
        )

    def forget_flow(self) -> None:
        """Delete the flow's entry at every watched node that it passed, so that no later probe meets it."""
        for path in self.read_trace().request:
            if path.end is not End.DROPPED:
                self.stage.instrument.nodes[path.node].conntrack.delete(path.entry)
