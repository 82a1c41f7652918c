"""The flow's conntrack entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.probe.question import Question
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.witness.witness import Witness
from lab.record.path import End, Path


class Entries(Witness):
    """The flow's entry at every watched node on its way, each asked for with the headers that the packet had there."""

    __slots__ = ("_counts",)

    def __init__(self, stage: Stage, question: Question) -> None:  # noqa: ARG002
        self._counts = question.wants.entry_count

    def read(self, seen: Sighting) -> None:
        """Read them before anything is closed, where the flow came to somebody, or where all is watched closely."""
        if seen.met or seen.stage.instrument.traces_everything:
            nodes = seen.stage.instrument.nodes
            found = (nodes[path.node].conntrack.find(path.entry) for path in _entered(seen.read_trace().request))
            seen.conntrack = tuple(entry for entry in found if entry is not None)
            if self._counts:
                counted = (entry._replace(of_source=nodes[entry.node].conntrack.like(entry)) for entry in seen.conntrack)
                seen.conntrack = tuple(counted)

    def forget(self, seen: Sighting) -> None:
        """Delete them; a packet that was dropped left none."""
        followed = seen.read_trace()
        # the answer to what all of a network heard has an entry of its own
        for path in (*_entered(followed.request), *(followed.answer if seen.heard_by else ())):
            if path.end is not End.DROPPED:
                seen.stage.instrument.nodes[path.node].conntrack.delete(path.entry)


def _entered(request: Sequence[Path]) -> Iterator[Path]:
    """Its way without what comes in again where it was made, or is made anew there: that has the entry of the first."""
    again = False
    for path in request:
        if not again:
            yield path
        again = path.turned_back or path.end is End.STOLEN
