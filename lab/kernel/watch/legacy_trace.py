"""The paths of packets through ip_tables, from what NFLOG tells: its steps, between the lab's entry and exit.

A step names its rule and says no verdict.  That a packet ended with its last step is seen from the missing exit; what the
step did is then its target's meaning: DROP, REJECT, a queue.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial

from lab.kernel.ground.headers import ICMP, ICMPV6, TCP, read_packet
from lab.kernel.ground.names import STEP_PREFIX
from lab.kernel.ground.namespace import Namespace
from lab.kernel.watch.between import Rules
from lab.kernel.watch.canary import CANARY_SOURCES, Canary
from lab.kernel.watch.kept import Kept
from lab.kernel.watch.nflog import Logged, PacketLog, choose_logger
from lab.kernel.watch.paths import ENDS, STOPS, Passage, ends_of_headers
from lab.kernel.watch.queues import Queues
from lab.kernel.watch.trace_table import ENTRIES, TraceTable
from lab.kernel.watch.tracer import Overrun
from lab.record.packet import Packet
from lab.record.path import BEFORE_ALL, End, Path, Rule, Step

_VERDICTS = {
    "ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return", "QUEUE": "queue", "NFQUEUE": "queue",
    "SYNPROXY": "stolen", "TARPIT": "stolen", "DELUDE": "stolen", "ECHO": "stolen",
    "DNAT": "accept", "SNAT": "accept", "MASQUERADE": "accept", "REDIRECT": "accept", "NETMAP": "accept", "TPROXY": "accept",
}  # fmt: skip
_FAMILIES = {4: "ip", 6: "ip6"}
_ERRORS = {ICMP: (3, 4, 5, 11, 12), ICMPV6: (1, 2, 3, 4)}  # types that quote the packet that they are about
_QUOTED, _LEAST = 8, {4: 20, 6: 40}  # where in an error the quoted packet begins; its own header's length
_REMEMBERED = 10_000  # sequences of steps; more are read anew each time
MESSAGE_BYTES = 2400  # of the socket's buffer for one message, with the room that the kernel sets aside


class _Way:
    """One packet's way while its messages are still being read; ``marks`` are what tells it from other packets."""

    __slots__ = ("entry", "exit", "marks", "steps")

    def __init__(self, first: Logged) -> None:
        self.entry = first
        self.exit: Logged | None = None
        self.marks = _head(first.packet), _content(first.packet)
        self.steps: list[Logged] = []


class LegacyTrace:
    """The trace of one node whose rules are held by ip_tables, from the moment this is made."""

    def __init__(
        self, node: str, namespace: Namespace, families: Sequence[int], rules: Rules,
        port_name: Callable[[int], str | None],
    ) -> None:  # fmt: skip
        self._node, self._port_name = node, port_name
        self._kept: Kept[Logged] | None = None
        self.queues: Queues | None = None
        self._under_way: list[Logged] = []
        self.retell(rules)
        choose_logger(namespace)
        self._log = PacketLog(namespace)
        self._others: list[Logged] | None = None
        # a rule may log whatever it likes to the same group, so what the lab logs cannot be known before
        self._own = f"lab {os.urandom(8).hex()}: ".encode()
        self.table = TraceTable(namespace, log_prefix=self._own.decode())
        self.told = 0
        self._canary = Canary(namespace, families, self.table.number)

    @property
    def descriptor(self) -> int:
        """Of the socket that it is told by."""
        return self._log.descriptor

    @property
    def keeps(self) -> bool:
        """Whether `paths` has more to give than what waits there."""
        return self._kept is not None

    def paths(self) -> list[Path]:
        """The paths of all packets since the last call, in the order in which they entered; raises tracer.Overrun."""
        messages = self._log.read() if self.queues is None and self._others is None else self._read_on()
        kept, self._kept = self._kept, None
        if kept is None:
            return [self._path(way) for way in _ways(messages, self._own, one_by_one=True)]
        kept.whole()
        ways = _ways(kept.messages + messages, self._own, one_by_one=True)
        return kept.paths + [self._path(way) for way in ways]

    def listen(self) -> None:
        """Set aside, from now on, what rules log to the group that tells the trace."""
        self._others = []

    def heard(self) -> list[Logged]:
        """What was set aside since this was called last, in order."""
        found, self._others = self._others or [], []
        return found

    def listen_no_more(self) -> None:
        """Let it go again."""
        self._others = None

    def _read_on(self) -> list[Logged]:
        """What was told, of a packet in a queue that the lab reads up to where it went from there."""
        messages = self._log.read()
        while self.queues is not None and self.queues.serve():
            messages += self._log.read()
        if self._others is not None:
            ours = self._own, STEP_PREFIX
            self._others += (message for message in messages if not message.prefix.startswith(ours))
        return messages

    def settle(self, *, going_on: bool) -> None:
        """Tell what was told so far by the rules that are in force, and keep it for the next `paths`.

        With ``going_on`` a packet that may still be under way is told with what comes next.
        """
        kept = self._kept = self._kept or Kept()
        messages, kept.messages = kept.read_on(self._log.read), []
        for way in _ways(messages, self._own, one_by_one=True):
            path = self._path(way)
            if going_on and path.end is End.VANISHED:
                kept.messages += (way.entry, *way.steps)
            else:
                kept.paths.append(path)

    def retell(self, rules: Rules) -> None:
        """Name what is read from now on by other ``rules``; what is armed in the node stays as it is."""
        self._rules = rules
        self._stories: dict[tuple[int, tuple[bytes, ...]], tuple[Step, ...]] = {}

    def passages(self) -> list[Passage]:
        """The same for many packets that went few ways."""
        self._kept = None
        messages = self._read_on()
        self.told = len(messages)
        return [self._passage(way) for way in _ways(messages, self._own, one_by_one=False)]

    def so_far(self, over: int = 0) -> tuple[list[Passage], int]:
        """As `Trace.so_far`."""
        before, self._under_way = self._under_way, []
        passages: list[Passage] = []
        count = 0
        for place, way in enumerate(_ways(before + self._log.read(), self._own, one_by_one=False)):
            if place < over or self._path(way).end is not End.VANISHED:
                passages.append(self._passage(way))
            else:
                self._under_way += (way.entry, *way.steps)
                count += 1
        return passages, count

    def _passage(self, way: _Way) -> Passage:
        return Passage(_split(way.entry), way.exit and _split(way.exit), _story(way), partial(self._path, way))

    @property
    def room(self) -> int:
        """How many messages can wait, at least."""
        return self._log.buffer_bytes // MESSAGE_BYTES

    def send_canaries(self) -> None:
        """Send the canaries; when they have passed, `canary_trouble` says whether all were told of."""
        self._canary.send()

    def canary_trouble(self, *, keep: bool = False) -> str | None:
        """What is wrong with the instrument; None when all of it works.  What else was told is let go, or kept for `paths`."""
        kept = self._kept or Kept()
        self._kept = None
        try:
            seen = self._log.read()
        except Overrun:
            return "the log's buffer overflowed"
        ours = [message for message in seen if message.prefix.startswith(self._own)]
        if keep:
            others = [message for message in seen if _packet(message).source not in CANARY_SOURCES]
            self._kept = Kept(kept.paths, kept.messages + others, kept.lost)
        return self._canary.missing({(_packet(message).source, message.prefix[len(self._own) :].decode()) for message in ours})

    def resume(self) -> None:
        """Take the log's group, which one process of the machine can read at a time; MeasurementError while another has it."""
        self._log.bind()
        self._kept, self._under_way = None, []

    def pause(self) -> None:
        """Let the group go, so that other processes can ask."""
        self._log.unbind()

    def closers(self) -> tuple[Callable[[], None], ...]:
        """What is to be called to stop tracing and take the table away, in any order."""
        return self._log.close, *self._canary.closers(), self.table.remove

    def _path(self, way: _Way) -> Path:
        family = way.entry.packet[0] >> 4
        steps = self._steps(family, tuple(message.prefix for message in way.steps))
        last = way.exit or (way.steps[-1] if way.steps else way.entry)
        entry, leaving = _packet(way.entry), _packet(way.exit) if way.exit is not None else None
        if way.exit is not None:
            end = ENDS[way.exit.prefix[len(self._own) :].decode()]
        else:
            end = STOPS.get(steps[-1].verdict, End.VANISHED) if steps else End.VANISHED
        out = next((message.out_index for message in (way.exit, *reversed(way.steps)) if message and message.out_index), 0)
        toward = self._port_name(out) if out else None
        return Path(
            self._node, entry, steps, end, leaving,
            out=toward if end is End.LEFT else None,
            mark=last.mark,
            entered=self._port_name(way.entry.in_index) if way.entry.in_index else None,
            toward=toward,
            heads=tuple(_heads(way)),
            marks=tuple(_packet_marks(way)),
        )  # fmt: skip

    def _steps(self, family: int, prefixes: tuple[bytes, ...]) -> tuple[Step, ...]:
        known = self._stories.get((family, prefixes))
        if known is None:
            steps: list[Step] = []
            for prefix in prefixes:
                steps.append(self._read(_FAMILIES[family], prefix, steps[-1].hook if steps else ""))
            known = tuple(steps)
            if len(self._stories) < _REMEMBERED:
                self._stories[family, prefixes] = known
        return known

    def _read(self, family: str, prefix: bytes, before: str) -> Step:
        """``TRACE: filter:FORWARD:rule:3``; an unconditional rule is called ``policy`` or ``return`` like the chain's end."""
        table, _, rest = prefix[len(STEP_PREFIX) :].decode().strip().partition(":")
        chain, _, number = rest.rsplit(":", 2)
        place = self._rules.place(family, table, chain)
        hook, kind = place if place is not None else (before, table)
        rule = self._rules.numbered(family, table, chain, int(number))
        if rule is None and place is not None:
            rule = self._rules.find(family, table, chain, 0)
        return Step(hook, table, chain, rule, self._verdict(family, table, rule), kind)

    def _verdict(self, family: str, table: str, rule: Rule | None) -> str:
        """What the step did, in the words of nft: the target's meaning."""
        if rule is None:
            return "continue"  # as nf_tables calls the end of a user's chain
        target = rule.target
        if target is None:
            return "continue"
        if target in _VERDICTS:
            return _VERDICTS[target]
        if self._rules.has_chain(family, table, target):
            # a target's options are printed last, and a goto has none
            return f"{'goto' if rule.text.endswith(f' -g {target}') else 'jump'} {target}"
        return "continue"


def _ways(messages: Iterable[Logged], own: bytes, *, one_by_one: bool) -> list[_Way]:
    """Each packet's messages; ``own`` is what those of the lab's entry and exit begin with.

    A packet that is made while another one is inside a rule (a REJECT's answer) ends before that one goes on, so a message
    belongs to the last packet that entered with these headers and has not left.  With headers that nobody entered with it
    is of one that was translated: the last with the same content.  Two processors' messages come mixed, so what has
    neither is nobody's; only where packets were sent ``one_by_one`` is it the last one's.
    """
    ways: list[_Way] = []
    inside: dict[_Way, None] = {}
    known: dict[bytes, list[_Way]] = {}
    for message in messages:
        prefix = message.prefix
        if prefix.startswith(own):
            name = prefix[len(own) :].decode()
            if name in ENTRIES:
                way = _Way(message)
                ways.append(way)
                inside[way] = None
                for mark in way.marks:
                    known.setdefault(mark, []).append(way)
                continue
        elif not prefix.startswith(STEP_PREFIX):
            continue
        found = known.get(_head(message.packet)) or known.get(_content(message.packet)) or []
        if not found and one_by_one:
            found = [*inside][-1:]
        if not found:
            continue
        way = found[-1]
        if prefix.startswith(own):
            way.exit = message
            del inside[way]
            for mark in way.marks:
                known[mark].remove(way)
        else:
            way.steps.append(message)
    return ways


def _head(packet: bytes) -> bytes:
    """The addresses, the protocol and the first eight bytes of its header."""
    if packet[0] >> 4 == 4:
        size = (packet[0] & 15) * 4
        return packet[9:10] + packet[12:20] + packet[size : size + 8]
    return packet[6:7] + packet[8:48]


def _content(packet: bytes) -> bytes:
    """The protocol, and what no translation changes: TCP's numbers, a payload, and that of a packet that an error quotes."""
    proto, start = (packet[9], (packet[0] & 15) * 4) if packet[0] >> 4 == 4 else (packet[6], 40)
    rest = packet[start:]
    if proto == TCP:
        return b"\6" + rest[4:12]
    kind = rest[:1] if proto in _ERRORS else b""
    quoted = rest[_QUOTED:]
    if kind and kind[0] in _ERRORS[proto] and len(quoted) >= _LEAST.get(quoted[0] >> 4, len(packet)):
        return bytes((proto, *kind)) + _content(quoted)
    # in front of it are ports or an echo's identifier, and a checksum
    return bytes((proto, *kind)) + (rest[6:] if kind else rest[8:])


def _heads(way: _Way) -> Iterator[tuple[int, Packet]]:
    """The headers from each step on that came with others than the one before."""
    before = ends_of_headers(*_split(way.entry))
    for step, message in enumerate(way.steps):
        ends = ends_of_headers(*_split(message))
        if ends != before:
            before = ends
            yield step, _packet(message)


def _packet_marks(way: _Way) -> Iterator[tuple[int, int]]:
    """As `Path.marks`; a rule is told before it is done, so its message has the mark that the packet came with."""
    before = 0
    for place, message in enumerate((way.entry, *way.steps, *((way.exit,) if way.exit is not None else ()))):
        if message.mark != before:
            before = message.mark
            yield place + BEFORE_ALL, before


def _story(way: _Way) -> Hashable:
    return way.entry.prefix, tuple(message.prefix for message in way.steps), way.exit and (way.exit.prefix, way.exit.out_index)


def _split(message: Logged) -> tuple[bytes, bytes]:
    size = (message.packet[0] & 15) * 4 if message.packet[0] >> 4 == 4 else 40
    return message.packet[:size], message.packet[size:]


def _packet(message: Logged) -> Packet:
    return read_packet(*_split(message))
