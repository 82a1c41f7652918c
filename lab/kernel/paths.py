"""Trace messages to paths: which packet each message is about, and what its way through the node was.

A trace id is a hash and is used again, so it does not name a packet.  A packet begins with the message of the lab's own
entry chain, which carries its headers, and goes on with the messages of the same id up to the next entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lab.kernel.rule_index import RuleIndex
from lab.kernel.trace_table import ENTRIES, TABLE
from lab.kernel.tracer import Said, TraceMessage
from lab.record.packet import Packet
from lab.record.path import End, Path, Step

_BASE_CHAINS = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})
_ENDS = {"input": End.DELIVERED, "postrouting": End.LEFT}


class _Way:
    """One packet's way while its messages are still being read."""

    __slots__ = ("end", "entry", "exit", "hook", "mark", "out_index", "steps")

    def __init__(self, entry: Packet, hook: str) -> None:
        self.entry = entry
        self.exit: Packet | None = None
        self.end: End | None = None
        self.hook = hook
        self.mark = self.out_index = 0
        self.steps: list[Step] = []


def assemble(
    node: str, messages: Iterable[TraceMessage], rules: RuleIndex, port_name: Callable[[int], str | None]
) -> list[Path]:
    """The paths of all packets in ``messages``, in the order in which they entered."""
    ways: list[_Way] = []
    open_ways: dict[bytes, _Way] = {}
    for message in messages:
        said = message.said
        if said.table == TABLE:
            if said.chain in ENTRIES:
                packet = message.packet
                if packet is not None and said.verdict != "drop":
                    way = _Way(packet, said.chain)
                    ways.append(way)
                    open_ways[message.ident] = way
            elif (found := open_ways.get(message.ident)) is not None:
                found.end, found.exit = _ENDS[said.chain], message.packet or found.entry
                found.out_index, found.mark = said.out_index, said.mark
        elif (found := open_ways.get(message.ident)) is not None:
            _step(found, said, rules)
    return [_path(node, way, port_name) for way in ways]


def _step(way: _Way, said: Said, rules: RuleIndex) -> None:
    if said.chain in _BASE_CHAINS:
        way.hook = said.chain.lower()
    step = said.steps.get(way.hook)
    if step is None:
        rule = rules.find(said.table, said.chain, said.handle) if said.handle or said.is_policy else None
        step = said.steps[way.hook] = Step(way.hook, said.table, said.chain, rule, said.verdict)
    way.mark = said.mark
    way.steps.append(step)
    if said.verdict == "drop":
        way.end = End.DROPPED
    elif said.verdict == "queue":
        way.end = End.QUEUED


def _path(node: str, way: _Way, port_name: Callable[[int], str | None]) -> Path:
    end = way.end or End.VANISHED
    leaves = port_name(way.out_index) if end is End.LEFT and way.out_index else None
    return Path(node, way.entry, tuple(way.steps), end, way.exit, leaves, way.mark)
