"""Trace messages to paths: which packet each message is about, and what its way through the node was.

A trace id is a hash and is used again, so it does not name a packet.  A packet begins with the message of the lab's own
entry chain, which carries its headers, and goes on with the messages of the same id up to the next entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lab.kernel.rule_index import RuleIndex
from lab.kernel.trace_table import ENTRIES, TABLE
from lab.kernel.tracer import TraceMessage
from lab.record.packet import Packet
from lab.record.path import End, Path, Step

_BASE_CHAINS = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})
_ENDS = {"input": End.DELIVERED, "postrouting": End.LEFT}


class _Way:
    """One packet's way while its messages are still being read."""

    __slots__ = ("entry", "exit", "end", "hook", "mark", "out_index", "steps", "last")

    def __init__(self, entry: Packet, hook: str) -> None:
        self.entry, self.last = entry, entry
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
        if message.table == TABLE:
            if message.chain in ENTRIES:
                if message.packet is not None and message.verdict != "drop":
                    way = _Way(message.packet, message.chain)
                    ways.append(way)
                    open_ways[message.ident] = way
            elif (found := open_ways.get(message.ident)) is not None:
                _leave(found, message)
        elif (found := open_ways.get(message.ident)) is not None:
            _step(found, message, rules)
    return [_path(node, way, port_name) for way in ways]


def _step(way: _Way, message: TraceMessage, rules: RuleIndex) -> None:
    chain, verdict = message.chain, message.verdict
    if chain in _BASE_CHAINS:
        way.hook = chain.lower()
    if message.packet is not None:
        way.last = message.packet
        way.out_index = message.out_index or way.out_index
    way.mark = message.mark
    rule = rules.find(message.table, chain, message.handle) if message.handle or message.is_policy else None
    way.steps.append(Step(way.hook, message.table, chain, rule, verdict))
    if verdict == "drop":
        way.end = End.DROPPED
    elif verdict == "queue":
        way.end = End.QUEUED


def _leave(way: _Way, message: TraceMessage) -> None:
    way.end = _ENDS[message.chain]
    way.exit = message.packet or way.last
    way.out_index = message.out_index or way.out_index
    way.mark = message.mark


def _path(node: str, way: _Way, port_name: Callable[[int], str | None]) -> Path:
    end = way.end or End.VANISHED
    leaves = port_name(way.out_index) if end is End.LEFT and way.out_index else None
    return Path(node, way.entry, tuple(way.steps), end, way.exit, leaves, way.mark)
