"""What is logged of a flow: LOG by the trace, NFLOG by its messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from operator import attrgetter

from lab.kernel.ground.headers import read_packet
from lab.kernel.watch.log_groups import Heard, LogGroups
from lab.probe.follow import Followed
from lab.probe.question import ICMP, ICMPV6, Question, ends_of
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.witness.witness import Witness
from lab.record.logs import LogMessage, LogWitness, traced_logs
from lab.record.packet import Packet
from lab.record.path import Path, Rule

_ERRORS = {ICMP: (3, 4, 5, 11, 12), ICMPV6: (1, 2, 3, 4)}  # types that quote the packet that they are about
_LEAST = {4: 20, 6: 40}
_SIZES = {4: slice(2, 4), 6: slice(4, 6)}  # where a header says how long the packet is, one of IPv6 without itself
_Ends = tuple[str, int | None, str, int | None]


class Logs(Witness):
    """Reads the groups of NFLOG of every watched node."""

    asked_by = attrgetter("wants.log")
    __slots__ = ("_all", "_groups", "_undo")

    def __init__(self, stage: Stage, question: Question) -> None:
        self._all = question.wants.whole_log
        self._undo = ExitStack()
        try:
            if question.wants.whole_log:
                self._undo.enter_context(stage.instrument.everything())
            self._groups: LogGroups = self._undo.enter_context(stage.instrument.log_messages())
        except BaseException:
            self._undo.close()
            raise

    def begin(self) -> None:
        """Let go what waits in the groups; where some of that was lost, it is nothing of the step."""
        if self._groups is not None:
            self._groups.clear()

    def read(self, seen: Sighting) -> None:
        """What was logged until now."""
        followed = seen.read_trace()
        seen.heard += self._groups.read()
        seen.logged = tuple(_logged(seen, followed))

    def forget(self, seen: Sighting) -> None:
        """What was logged of its end too, where every packet is asked about."""
        if self._all:
            seen.stage.network.rest()
            self.read(seen)

    def disarm(self) -> None:
        """Let the groups go."""
        self._undo.close()


def _logged(seen: Sighting, followed: Followed) -> Iterator[LogMessage]:
    """The packets of the flow that were logged, those of its request's first packet first."""
    flow = _Flow(seen, followed)
    waiting = [(heard, _packet(heard)) for heard in seen.heard]
    for paths, of_first in ((followed.request, True), (flow.rest, False)):
        for message in traced_logs(paths, of_first=of_first):
            if message.witness is LogWitness.TRACE:
                yield message
                continue
            found = next((one for one in waiting if _is_of(one[0], one[1], message)), None)
            if found is not None:
                waiting.remove(found)
                yield _read_message(*found, message.rule, of_first=of_first)
            else:
                yield message
    for heard, packet in waiting:
        if packet is not None and flow.has(packet):
            yield _read_message(heard, packet, heard.rules[0] if len(heard.rules) == 1 else None)


class _Flow:
    """Which packets are the flow's: by the addresses and ports that its first packets had at each hook, either way."""

    def __init__(self, seen: Sighting, followed: Followed) -> None:
        known = [seen.sent]
        for path in (*followed.request, *followed.answer):
            known += (head for head in (path.entry, path.exit, *(head for _, head in path.heads)) if head is not None)
        self._ends: set[_Ends] = {ends for packet in known for ends in _both_ways(packet)}
        self._addresses = {address for packet in known for address in (packet.source, packet.destination)}
        self.rest: tuple[Path, ...] = (*followed.answer, *(path for path in followed.others if self.has(path.entry)))

    def has(self, packet: Packet) -> bool:
        """Whether it is one of them, or an error that somebody was told of one."""
        error = packet.flags in _ERRORS.get(packet.proto, ())
        return ends_of(packet) in self._ends or (error and packet.destination in self._addresses)


def _both_ways(packet: Packet) -> tuple[_Ends, _Ends]:
    source, sport, destination, dport = ends_of(packet)
    if packet.proto in _ERRORS:
        return (source, sport, destination, dport), (destination, sport, source, dport)
    return (source, sport, destination, dport), (destination, dport, source, sport)


def _is_of(heard: Heard, packet: Packet | None, message: LogMessage) -> bool:
    """Whether a message came of the rule that the trace shows a packet to have met."""
    if (heard.node, heard.group) != (message.node, message.group) or message.rule not in heard.rules:
        return False
    met = message.packet
    if packet is None or met is None:
        return True
    if packet.sport is None:  # cut off behind its addresses
        return (packet.proto, packet.source, packet.destination) == (met.proto, met.source, met.destination)
    return (packet.proto, ends_of(packet)) == (met.proto, ends_of(met))


def _packet(heard: Heard) -> Packet | None:
    """The headers in a message; None where it was cut off before their end."""
    data = heard.message.packet
    if not data or (least := _LEAST.get(data[0] >> 4)) is None or len(data) < least:
        return None
    size = (data[0] & 15) * 4 if data[0] >> 4 == 4 else least
    return read_packet(data[:size], data[size:])


def _read_message(heard: Heard, packet: Packet | None, rule: Rule | None, *, of_first: bool = False) -> LogMessage:
    message = heard.message
    size = next((one.log.size for one in heard.rules if one.log is not None), None)
    whole = _whole(message.packet)
    copied = len(message.packet) if whole is None else whole if size is None else min(size, whole)
    return LogMessage(
        heard.node, LogWitness.NFLOG, message.prefix.decode(errors="replace"), None, heard.group, rule, packet, message.hook,
        heard.entered, heard.toward, message.mark, of_first, copied, whole,
    )  # fmt: skip


def _whole(data: bytes) -> int | None:
    """How long the packet is whose first bytes these are (RFC 791, RFC 8200); None where they do not tell."""
    family = data[0] >> 4 if data else 0
    if family not in _SIZES or len(data) < _SIZES[family].stop:
        return None
    return int.from_bytes(data[_SIZES[family]], "big") + (40 if family == 6 else 0)
