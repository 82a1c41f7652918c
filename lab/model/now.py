"""What a packet of a flow is at one point of its way, beyond the headers that it was sent with."""

from __future__ import annotations

from typing import NamedTuple

NEW, ANSWER, FOLLOWS, INVALID, RELATED, ERROR = "new", "answer", "follows", "invalid", "related", "error"
"""The packets of a flow: its first, what comes back, what follows on that; one that conntrack takes for none of a flow.

``related`` begins as a flow of its own does, ``error`` is ICMP's "unreachable" that comes back from a flow's destination.
"""
INPUT, FORWARD, OUTPUT = "input", "forward", "output"
STATES = {NEW: "NEW", ANSWER: "ESTABLISHED", FOLLOWS: "ESTABLISHED", INVALID: "INVALID", RELATED: "RELATED",
          ERROR: "RELATED"}  # fmt: skip


class Now(NamedTuple):
    """``kind`` and ``path`` of the packet; ``to`` and ``to_port`` are what its destination was translated to by now.

    ``to`` is the new address and how many of its bits are new (NETMAP leaves the host's).  ``mark`` and ``ct_mark`` are None
    where they are not known.  ``seen`` tells that conntrack has seen it, ``tracked`` that it is not exempt, and
    ``flow_tracked`` that the flow's first packet was not.  ``told`` is its new destination as the rule says it, ``shown`` its
    new source.  ``planned`` is a translation of the flow that its later packets get where the first one got it.  ``masked``
    tells of an answer that it is still sent to the flow's new source.  A ``loose`` one is any packet of its kind: what is not
    known of it is taken to hold.
    """

    kind: str
    path: str = ""
    to: tuple[int, int] | None = None
    to_port: int | None = None
    told: str = ""
    shown: str = ""
    mark: int | None = 0
    ct_mark: int | None = 0
    seen: bool = False
    tracked: bool = True
    flow_tracked: bool = True
    planned: tuple[tuple[int, int] | None, int | None, str] | None = None
    loose: bool = False
    masked: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether its source is the flow's destination."""
        return self.kind in (ANSWER, ERROR)

    def then(self, kind: str) -> Now:
        """The next packet of the same flow, as it comes to the node."""
        then = self._replace(
            kind=kind, mark=0, seen=False, tracked=True, flow_tracked=self.tracked if self.kind == NEW else self.flow_tracked,
            masked=kind in (ANSWER, ERROR) and self.shown != "",
        )
        if kind != FOLLOWS:
            return then
        return then._replace(to=None, to_port=None, told="", planned=(self.to, self.to_port, self.told))

    def at_nat(self) -> Now:
        """The packet behind the place where destinations are translated, and turned back."""
        if self.planned is None:
            return self._replace(masked=False) if self.masked else self
        to, to_port, told = self.planned
        return self._replace(to=to, to_port=to_port, told=told, planned=None)
