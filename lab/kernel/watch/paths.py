"""Trace messages to paths: which packet each message is about, and what its way through the node was.

A trace id is a hash and is used again, so it does not name a packet.  A packet begins with the message of the lab's own
entry chain, which carries its headers, and goes on with the messages of the same id up to the next entry.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from lab.kernel.ground.headers import read_packet
from lab.kernel.ground.names import QUIET_TABLE
from lab.kernel.watch.between import Rules
from lab.kernel.watch.trace_table import ENTRIES, INGRESS
from lab.kernel.watch.tracer import Said, TraceMessage
from lab.record.packet import Packet
from lab.record.path import End, Path, Step

_ENTRIES = frozenset({*ENTRIES, INGRESS})
ENDS = {"input": End.DELIVERED, "postrouting": End.LEFT}
STOPS = {"drop": End.DROPPED, "queue": End.QUEUED, "stolen": End.STOLEN}
_REMEMBERED = 10_000  # sequences; more are read anew each time


class Story(NamedTuple):
    """What a sequence of messages tells of a packet, whichever packet it was."""

    steps: tuple[Step, ...]
    end: End
    out_index: int
    mark: int


class Passage(NamedTuple):
    """One packet's way through a node, as far as it takes to tell it from another's: for many packets at once.

    ``entry`` and ``exit`` are its network header and what followed, as it came in and as it left; ``story`` is alike for
    packets that went the same way; ``path`` gives the whole of it.
    """

    entry: tuple[bytes, bytes]
    exit: tuple[bytes, bytes] | None
    story: Hashable
    path: Callable[[], Path]


class _Way:
    """One packet's way while its messages are still being read."""

    __slots__ = ("entered", "entry", "exit", "said")

    def __init__(self, entry: TraceMessage) -> None:
        self.entry = entry
        self.exit: TraceMessage | None = None
        self.entered = False
        self.said = [entry.said]

    def messages(self) -> list[TraceMessage]:
        """Its messages so far, of one that has not left."""
        return [self.entry, *(TraceMessage(self.entry.ident, said) for said in self.said[1:])]


def _came_by_ingress(way: _Way | None) -> bool:
    """Whether a packet was seen at ingress and not yet where it enters the stack."""
    if way is None or way.said[0].chain != INGRESS or way.entered:
        return False
    way.entered = True
    return True


class Assembler:
    """Makes paths of the messages of one node; a sequence that was read before is not read again.

    ``own`` is the lab's table, whose messages tell where a packet enters and leaves; those of other instruments' are nobody's.
    """

    def __init__(self, node: str, rules: Rules, port_name: Callable[[int], str | None], own: str) -> None:
        self._node, self._port_name, self._own = node, port_name, own
        self.retell(rules)

    def retell(self, rules: Rules) -> None:
        """Tell what comes from now on by other ``rules``."""
        self._rules = rules
        self._stories: dict[tuple[Said, ...], Story] = {}

    def assemble(self, messages: Iterable[TraceMessage]) -> list[Path]:
        """The paths of all packets in ``messages``, in the order in which they entered."""
        return [self._path(way) for way in _ways(messages, self._own)]

    def settled(self, messages: Iterable[TraceMessage]) -> tuple[list[Path], list[TraceMessage]]:
        """The paths that have an end, and the messages of packets that may still be under way."""
        paths: list[Path] = []
        left: list[TraceMessage] = []
        for way in _ways(messages, self._own):
            if way.exit is not None or way.said[-1].verdict in STOPS:
                paths.append(self._path(way))
            else:
                left += way.messages()
        return paths, left

    def passages(self, messages: Iterable[TraceMessage]) -> list[Passage]:
        """The same, for many packets that went few ways."""
        return [
            Passage(_headers(way.entry), way.exit and _headers(way.exit), tuple(way.said), partial(self._path, way))
            for way in _ways(messages, self._own)
        ]

    def _path(self, way: _Way) -> Path:
        key = tuple(way.said)
        story = self._stories.get(key)
        if story is None:
            story = self._tell(key)
            if len(self._stories) < _REMEMBERED:
                self._stories[key] = story
        out = self._port_name(story.out_index) if story.end is End.LEFT and story.out_index else None
        leaving = _packet(way.exit) if way.exit is not None else None
        return Path(self._node, _packet(way.entry), story.steps, story.end, leaving, out, story.mark)

    def _tell(self, told: Sequence[Said]) -> Story:
        steps: list[Step] = []
        end = End.VANISHED
        hook, kind = told[0].chain, "filter"
        out_index = mark = 0
        for said in told[1:]:
            mark = said.mark
            if said.labs:
                end, out_index = ENDS[said.chain], said.out_index
                continue
            if said.table == QUIET_TABLE:
                continue  # the lab's own, which lets every packet pass that is traced
            place = self._rules.place(said.family, said.table, said.chain)
            if place is not None:
                hook, kind = place
            rule = None
            if said.handle or said.is_policy:
                rule = self._rules.find(said.family, said.table, said.chain, said.handle)
            if rule is not None or place is None:
                # the end of a base chain is told again by its policy's message
                chain = self._rules.shown(said.family, said.table, said.chain)
                steps.append(Step(hook, said.table, chain, rule, said.verdict, kind))
            end = STOPS.get(said.verdict, end)
        return Story(tuple(steps), end, out_index, mark)


def _ways(messages: Iterable[TraceMessage], own: str) -> list[_Way]:
    """Each packet's messages, in the order in which they entered; ``own`` is the table that tells of that."""
    ways: list[_Way] = []
    open_ways: dict[bytes, _Way] = {}
    for message in messages:
        said = message.said
        if said.labs and said.table != own:
            continue
        if said.labs and said.chain in _ENTRIES:
            if said.chain == "prerouting" and _came_by_ingress(open_ways.get(message.ident)):
                continue
            if _is_ip(message) and said.verdict != "drop":
                way = _Way(message)
                ways.append(way)
                open_ways[message.ident] = way
        elif (found := open_ways.get(message.ident)) is not None:
            found.said.append(said)
            if said.labs:
                found.exit = message if _is_ip(message) else found.entry
    return ways


def _is_ip(message: TraceMessage) -> bool:
    """Whether it carries headers of IP; those of an ARP frame at ingress are not."""
    return message.network is not None and message.network[0] >> 4 in (4, 6)


def _headers(message: TraceMessage) -> tuple[bytes, bytes]:
    assert message.network is not None
    return message.network, message.transport


def _packet(message: TraceMessage) -> Packet:
    return read_packet(*_headers(message))
