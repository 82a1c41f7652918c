"""Trace messages to paths: which packet each message is about, and what its way through the node was.

A trace id is a hash and is used again, so it does not name a packet.  A packet begins with the message of the lab's own
entry chain, which carries its headers, and goes on with the messages of the same id up to the next entry.

A bridge has it enter twice or thrice: by a port, from there into the hooks of its address's family (bridge netfilter), and as
what the bridge hands to its own node, which the kernel takes for a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from lab.kernel.ground.headers import ICMP, ICMPV6, read_packet
from lab.kernel.ground.names import QUIET_TABLE
from lab.kernel.watch.between import Rules
from lab.kernel.watch.trace_table import BRIDGE_IN, BRIDGE_OUT, BRIDGE_UP, ENTRIES, INGRESS
from lab.kernel.watch.tracer import Said, TraceMessage
from lab.record.packet import Packet
from lab.record.path import BEFORE_ALL, End, Path, Step

_ENTRIES = frozenset({*ENTRIES, INGRESS, BRIDGE_IN})
_UPWARDS = {INGRESS: 1, BRIDGE_IN: 2, "prerouting": 3}  # in which order a packet enters, as far as it does
_BRIDGE = "bridge"  # a family
_AT_PORTS = frozenset({INGRESS, BRIDGE_IN})
ENDS = {"input": End.DELIVERED, "postrouting": End.LEFT, BRIDGE_OUT: End.LEFT}
STOPS = {"drop": End.DROPPED, "queue": End.QUEUED, "stolen": End.STOLEN}
_REMEMBERED = 10_000  # sequences; more are read anew each time


class Story(NamedTuple):
    """What a sequence of messages tells of a packet, whichever packet it was."""

    steps: tuple[Step, ...]
    end: End
    entered: str | None
    toward: str | None
    mark: int
    places: tuple[int, ...]
    """Of each message the step that it is, or that comes next."""
    marks: tuple[tuple[int, int], ...]
    """As `Path.marks`: a rule's message comes when the rule is done, so its mark is that of the step behind it."""


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

    __slots__ = ("entered", "entry", "exit", "heads", "said")  # ``entered`` as in `_UPWARDS`

    def __init__(self, entry: TraceMessage) -> None:
        self.entry = entry
        self.exit: TraceMessage | None = None
        self.entered = _UPWARDS.get(entry.said.chain, 0)
        self.said = [entry.said]
        self.heads: list[tuple[int, TraceMessage]] = []

    def take(self, message: TraceMessage) -> None:
        """The message that comes next: its headers are kept where they are others than before."""
        if message.said.labs:
            self.exit = message if _is_ip(message) else self.entry
        elif message.network is not None and _is_ip(message):
            before = self.heads[-1][1] if self.heads else self.entry
            if not _same_ends(message, before):
                self.heads.append((len(self.said), message))
        self.said.append(message.said)

    @property
    def ended(self) -> bool:
        """Whether what was told of it has an end."""
        return self.exit is not None or self.said[-1].verdict in STOPS

    def messages(self) -> list[TraceMessage]:
        """Its messages so far, of one that has not left."""
        return [self.entry, *(TraceMessage(self.entry.ident, said) for said in self.said[1:])]

    def goes_on(self, chain: str) -> bool:
        """Whether it enters a part of the stack that it was not in yet."""
        if not 0 < self.entered < _UPWARDS.get(chain, 0):
            return False
        self.entered = _UPWARDS[chain]
        return True

    def copy(self) -> _Way:
        """A packet that went the same way so far."""
        way = _Way(self.entry)
        way.entered, way.said, way.heads = self.entered, [*self.said], [*self.heads]
        return way


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
            if way.ended:
                paths.append(self._path(way))
            else:
                left += way.messages()
        return paths, left

    def so_far(self, messages: Iterable[TraceMessage], over: int) -> tuple[list[Passage], list[TraceMessage], int]:
        """The passages that have an end or are among the first ``over``; of the others the messages, and how many they are."""
        passages: list[Passage] = []
        left: list[TraceMessage] = []
        count = 0
        for place, way in enumerate(_ways(messages, self._own)):
            if way.ended or place < over:
                passages.append(self._passage(way))
            else:
                left += way.messages()
                count += 1
        return passages, left, count

    def passages(self, messages: Iterable[TraceMessage]) -> list[Passage]:
        """The same, for many packets that went few ways."""
        return [self._passage(way) for way in _ways(messages, self._own)]

    def _passage(self, way: _Way) -> Passage:
        return Passage(_headers(way.entry), way.exit and _headers(way.exit), tuple(way.said), partial(self._path, way))

    def _path(self, way: _Way) -> Path:
        key = tuple(way.said)
        story = self._stories.get(key)
        if story is None:
            story = self._tell(key)
            if len(self._stories) < _REMEMBERED:
                self._stories[key] = story
        return Path(
            self._node, _packet(way.entry), story.steps, story.end,
            exit=_packet(way.exit) if way.exit is not None else None,
            out=story.toward if story.end is End.LEFT else None,
            mark=story.mark,
            entered=story.entered,
            toward=story.toward,
            heads=tuple((story.places[at], _packet(message)) for at, message in way.heads) if way.heads else (),
            bridged=way.entered == _UPWARDS[BRIDGE_IN] and story.end is not End.VANISHED,
            marks=story.marks,
        )  # fmt: skip

    def _tell(self, told: Sequence[Said]) -> Story:
        steps: list[Step] = []
        end = End.VANISHED
        hook, kind = told[0].chain, "filter"
        in_index, out_index, mark = told[0].in_index, 0, told[0].mark
        places = [0]
        marks = _Marks(told[0].mark)
        for said in told[1:]:
            marks.now(len(steps), mark)
            places.append(len(steps))
            mark = said.mark
            if said.labs:
                end = ENDS[said.chain]
                if said.chain != BRIDGE_OUT or not out_index:
                    out_index = said.out_index or out_index
                continue
            if said.family != _BRIDGE:
                # what bridge netfilter shows to rules of IP came by the bridge, whichever port that was
                in_index, out_index = said.in_index or in_index, said.out_index or out_index
            if said.table == QUIET_TABLE and said.verdict not in STOPS:
                continue  # the lab's own: no rule of the node let it pass
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
        entered, toward = (self._port_name(index) if index else None for index in (in_index, out_index))
        marks.now(len(steps), mark)
        return Story(tuple(steps), end, entered, toward, mark, tuple(places), tuple(marks.told))


class _Marks:
    """A packet's mark from step to step, told where it changes."""

    def __init__(self, mark: int) -> None:
        self.told = [(BEFORE_ALL, mark)] if mark else []

    def now(self, step: int, mark: int) -> None:
        """The mark with which it comes to a step."""
        if mark != (self.told[-1][1] if self.told else 0):
            self.told.append((step, mark))


def _ways(messages: Iterable[TraceMessage], own: str) -> list[_Way]:
    """Each packet's messages, in the order in which they entered; ``own`` is the table that tells of that."""
    seen = _Seen()
    for message in messages:
        said = message.said
        if said.labs and said.table != own:
            continue
        found = seen.open.get(message.ident)
        if found is not None and message.network is None and not said.labs:  # most of them: a rule that is none of the lab's
            found.said.append(said)
            continue
        if said.labs and said.chain in _ENTRIES:
            if found is None or not found.goes_on(said.chain):
                seen.enters(message)
            continue
        found = found or seen.of_another_id(message)
        if found is None:
            continue
        if said.labs and said.chain == BRIDGE_UP:
            seen.of_bridges().hand(found, message)
            continue
        found.take(message)
    return seen.ways


class _Seen:
    """The packets that have entered, and by which id each is told of now."""

    def __init__(self) -> None:
        self.ways: list[_Way] = []
        self.open: dict[bytes, _Way] = {}
        self._bridges: _Bridges | None = None
        self._nameless: dict[bytes, Said] = {}

    def of_bridges(self) -> _Bridges:
        """What bridges do, from now on."""
        self._bridges = self._bridges or _Bridges()
        return self._bridges

    def enters(self, message: TraceMessage) -> None:
        """A chain that packets enter by tells of one."""
        said = message.said
        if self._bridges is not None and (handed := self._bridges.handed(message)) is not None:
            self.open[message.ident] = handed
        elif _is_ip(message) and said.verdict != "drop":
            way = self.open[message.ident] = _Way(message)
            self.ways.append(way)
            if said.chain in _AT_PORTS:
                self.of_bridges().saw(way)
        elif message.network is None:
            # a later fragment of IPv6, of which the kernel shows no header: put together, it is told of by the next chain
            self._nameless[message.ident] = said

    def of_another_id(self, message: TraceMessage) -> _Way | None:
        """The packet of a message whose id has not entered: fragments put together, or a copy that a bridge floods."""
        if message.ident in self._nameless and message.network is not None and _is_ip(message):
            way = self.open[message.ident] = _Way(message._replace(said=self._nameless.pop(message.ident)))
            self.ways.append(way)
            return way
        copy = None if self._bridges is None else self._bridges.copied(message)
        if copy is not None:
            self.ways.append(copy)
            self.open[message.ident] = copy
        return copy


class _Bridges:
    """Packets that go on under another id: what a bridge hands to its own node, and the copies that it floods.

    Both bear the very headers, to the last bit, of the packet that they were.
    """

    def __init__(self) -> None:
        self._came: dict[tuple[bytes | None, bytes], _Way] = {}
        self._handed: dict[tuple[bytes | None, bytes], _Way] = {}

    def saw(self, way: _Way) -> None:
        """A packet came in by what may be a port."""
        self._came[way.entry.network, way.entry.transport] = way

    def hand(self, way: _Way, message: TraceMessage) -> None:
        """The bridge hands a packet to its node."""
        self._handed[message.network, message.transport] = way

    def handed(self, message: TraceMessage) -> _Way | None:
        """The packet that enters the node, if a bridge handed it over."""
        way = self._handed.pop((message.network, message.transport), None) if self._handed else None
        if way is not None:
            way.entered = _UPWARDS.get(message.said.chain, 0)
        return way

    def copied(self, message: TraceMessage) -> _Way | None:
        """A copy of a packet that came in and is still under way, if the message is of such."""
        way = self._came.get((message.network, message.transport)) if message.network is not None else None
        return None if way is None or way.entered < _UPWARDS[BRIDGE_IN] else way.copy()


def _is_ip(message: TraceMessage) -> bool:
    """Whether it carries headers of IP; those of an ARP frame at ingress are not."""
    return message.network is not None and message.network[0] >> 4 in (4, 6)


def ends_of_headers(network: bytes, transport: bytes) -> bytes:
    """What a translation may change of a packet: its addresses, and its ports or the identifier of an echo."""
    if network[0] >> 4 == 4:
        addresses, proto = network[12:20], network[9]
    else:
        addresses, proto = network[8:40], network[6]
    return addresses + (transport[4:6] if proto in (ICMP, ICMPV6) else transport[:4])


def _same_ends(one: TraceMessage, other: TraceMessage) -> bool:
    """Whether no translation has changed a packet; most have not, and bear the very bytes behind an IPv4 header's checksum."""
    assert one.network is not None
    assert other.network is not None
    if one.transport == other.transport and one.network[0] >> 4 == 4 and one.network[12:] == other.network[12:]:
        return True
    return ends_of_headers(one.network, one.transport) == ends_of_headers(other.network, other.transport)


def _headers(message: TraceMessage) -> tuple[bytes, bytes]:
    assert message.network is not None
    return message.network, message.transport


def _packet(message: TraceMessage) -> Packet:
    return read_packet(*_headers(message))
