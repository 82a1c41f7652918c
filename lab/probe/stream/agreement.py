"""What was sent, what was captured and what the lab's own tables counted, held against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab.kernel.watch.stream_table import Passed
from lab.probe.stream.ears import Heard
from lab.record.window import StreamOf

_MOST_TOLD = 4


@dataclass(slots=True)
class Captured:
    """How often packets of each stream were captured: as they left their own sender, and as they arrived at each node."""

    left: Counter[int] = field(default_factory=Counter)
    arrived: Counter[tuple[int, str]] = field(default_factory=Counter)

    def add(self, heard: Heard, sender: str) -> None:
        """Count one."""
        if not heard.outgoing:
            self.arrived[heard.stream, heard.node] += 1
        elif heard.node == sender:
            self.left[heard.stream] += 1


def disagreements(
    streams: Sequence[StreamOf], sent: Sequence[int], captured: Captured, counted: Mapping[str, Sequence[Passed]]
) -> list[str]:
    """What of the three differs, in words; nothing where all of them agree.

    Every packet leaves its sender, or was eaten by the sender's own rules; whatever leaves a node comes into another that
    counts too, or arrives where it is captured; and what a node that counts took in was heard behind its rules.

    >>> syn = StreamOf("web", "client", "10.0.1.10", "10.0.2.10", "tcp/80")
    >>> captured = Captured(Counter({0: 5}), Counter({(0, "server"): 3}))
    >>> disagreements([syn], [5], captured, {"gateway": [Passed(5, 0, 0, 3)]})
    []
    >>> disagreements([syn], [5], captured, {"gateway": [Passed(5, 0, 0, 4)]})
    ['web: 5 were sent and 4 left gateway, and there came 5 to gateway, 3 to server']
    """
    wrong: list[str] = []
    for number, stream in enumerate(streams):
        here = {node: passed[number] for node, passed in counted.items()}
        wrong += (f"{stream.name}: {words}" for words in _differences(number, stream, sent[number], captured, here))
    if len(wrong) > _MOST_TOLD:
        wrong[_MOST_TOLD:] = [f"and {len(wrong) - _MOST_TOLD} more"]
    return wrong


def _differences(
    number: int, stream: StreamOf, sent: int, captured: Captured, counted: Mapping[str, Passed]
) -> Iterator[str]:
    own = counted.get(stream.node)
    if own is not None and own.sent != sent:
        yield f"{sent} were sent, and {own.sent} came to the rules of {stream.node}"
    left = captured.left[number]
    if own is None and left != sent:
        yield f"{sent} were sent, and {left} left {stream.node}"
    if own is not None and left < own.left - own.entered:
        yield f"{own.left} passed the rules of {stream.node}, and {left} left it"
    for node, passed in counted.items():
        if captured.arrived[number, node] != passed.taken_in:
            yield f"{node} took in {passed.taken_in}, and {captured.arrived[number, node]} were heard there"
    yield from _between(number, left if own is None else 0, captured, counted)


def _between(number: int, left: int, captured: Captured, counted: Mapping[str, Passed]) -> Iterator[str]:
    """What goes into a link comes out of it: into a node that counts, or to where it is captured."""
    arrived = {node: times for (one, node), times in captured.arrived.items() if one == number and node not in counted}
    came = {node: passed.entered for node, passed in counted.items()} | arrived
    went = left + sum(passed.left for passed in counted.values())
    if went != sum(came.values()):
        where = ", ".join(f"{times} to {node or 'nobody'}" for node, times in came.items() if times) or "none to anybody"
        passed_on = ", ".join(f"{passed.left} left {node}" for node, passed in counted.items())
        yield f"{left} were sent and {passed_on}, and there came {where}"
