"""What a window was: which packets got through that should not, which did not that should, and which flows did not survive.

What a stream is to meet is measured, and not believed: its packets at rest before, and at rest afterwards.  In between a packet
is wrong where it fared as neither of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from lab.record.sweep import Arrived
from lab.record.window import (
    Fate,
    First,
    FlowWindow,
    HeldFlow,
    Run,
    State,
    Streamed,
    StreamKind,
    StreamOf,
    StreamPacket,
    StreamWindow,
    Total,
    Window,
)
from lab.verdict.prove import prove

_NS_PER_MS = 1e6
_Stated = tuple[State, StreamPacket]


def window(streamed: Streamed) -> Window:
    """The window of ``streamed``; what is told in milliseconds is told from T+0.

    >>> web = StreamOf("web", "client", "10.0.1.10", "10.0.2.10", "tcp/80")
    >>> packets = [StreamPacket(pulse, 1_000_000 * pulse) for pulse in range(5)]
    >>> packets[2] = packets[2]._replace(arrived_ns=2_000_009, arrived=Arrived("server"))
    >>> times = tuple(packet.sent_ns for packet in packets)
    >>> found = window(Streamed("gateway", (web,), (tuple(packets),), 1, 4, 1_000_000, times))
    >>> found.opened
    Total(packets=1, ms=0.0, first=First(name='web', ms=1.0, flow='10.0.1.10 > 10.0.2.10 tcp/80'))
    """
    told: list[StreamWindow] = []
    stated: list[tuple[StreamOf, list[_Stated]]] = []
    unsteady: dict[str, str] = {}
    for stream, packets in zip(streamed.streams, streamed.packets, strict=True):
        if stream.kind is not StreamKind.NEW:
            continue
        before, after = packets[: streamed.first], packets[streamed.last :]
        why = _unsteady("before", before) or _unsteady("afterwards", after)
        if why:
            unsteady[stream.name] = why
            continue
        states = list(_states(before[-1].arrived, after[0].arrived, packets[streamed.first : streamed.last]))
        told.append(_of_stream(stream, before[-1], after[0], states, streamed.start_ns))
        stated.append((stream, states))
    last = streamed.pulses_ns[streamed.last - 1]
    times = [streamed.start_ns, *streamed.pulses_ns[streamed.first : streamed.last + 1]]
    return Window(
        at=streamed.at,
        ms=_ms(last, streamed.start_ns),
        pulses=streamed.last - streamed.first,
        packets=(streamed.last - streamed.first) * len(streamed.streams),
        gap_ms=max((_ms(later, earlier) for earlier, later in pairwise(times)), default=0.0),
        opened=_total(State.OPENED, stated, streamed.start_ns),
        refused=_total(State.REFUSED, stated, streamed.start_ns),
        strayed=_total(State.STRAYED, stated, streamed.start_ns),
        streams=tuple(told),
        flows=tuple(_of_flow(number, flow, streamed) for number, flow in enumerate(streamed.flows)),
        moments=tuple((moment.label, _ms(moment.ns, streamed.start_ns)) for moment in streamed.moments),
        unsteady=unsteady,
        left_out=dict(streamed.left_out),
    )


def _ms(ns: int, start: int) -> float:
    return round((ns - start) / _NS_PER_MS, 3)


def _unsteady(when: str, packets: Sequence[StreamPacket]) -> str:
    """Why packets at rest do not say what the next one would meet; empty where they do."""
    if len({packet.arrived for packet in packets}) == 1:
        return ""
    through = sum(packet.arrived is not None for packet in packets)
    if through == len(packets):
        return f"{when}, at rest, they came to different ends"
    return f"{when}, at rest, {through} of {len(packets)} packets got through"


def _states(before: Arrived | None, after: Arrived | None, packets: Sequence[StreamPacket]) -> Iterator[_Stated]:
    for packet in packets:
        arrived = packet.arrived
        if arrived == before:
            state = State.AS_BEFORE
        elif arrived == after:
            state = State.AS_AFTER
        elif arrived is None:
            state = State.REFUSED
        else:
            state = State.OPENED if before is None and after is None else State.STRAYED
        yield state, packet


def _of_stream(
    stream: StreamOf, before: StreamPacket, after: StreamPacket, states: Sequence[_Stated], start: int
) -> StreamWindow:
    runs = _runs(states, start)
    if before.arrived == after.arrived:
        return StreamWindow(stream, _fate(before), _fate(after), runs)
    sides = [state for state, _ in states if state in (State.AS_BEFORE, State.AS_AFTER)]
    changes = [state for state, _ in groupby([State.AS_BEFORE, *sides, State.AS_AFTER])]
    changed = next((packet for state, packet in states if state is State.AS_AFTER), after)
    return StreamWindow(
        stream, _fate(before), _fate(after), runs, changed_ms=_ms(changed.sent_ns, start), flaps=len(changes) - 2
    )


def _fate(packet: StreamPacket) -> Fate:
    return Fate.DENIED if packet.arrived is None else Fate.ALLOWED


def _runs(states: Sequence[_Stated], start: int) -> tuple[Run, ...]:
    found = []
    for state, group in groupby(states, key=lambda one: one[0]):
        packets = [packet for _, packet in group]
        found.append(Run(state, _ms(packets[0].sent_ns, start), _ms(packets[-1].sent_ns, start), len(packets)))
    return tuple(found)


def _total(wanted: State, stated: Sequence[tuple[StreamOf, list[_Stated]]], start: int) -> Total:
    found = [(packet.sent_ns, stream) for stream, states in stated for state, packet in states if state is wanted]
    if not found:
        return Total(0, 0.0)
    first, stream = min(found, key=lambda one: one[0])
    last = max(ns for ns, _ in found)
    return Total(len(found), _ms(last, first), First(stream.name, _ms(first, start), str(stream)))


def _of_flow(number: int, flow: HeldFlow, streamed: Streamed) -> FlowWindow:
    between = slice(streamed.first, streamed.last)
    ways = [
        (stream, packets[between])
        for stream, packets in zip(streamed.streams, streamed.packets, strict=True)
        if stream.flow == number
    ]
    end = streamed.pulses_ns[streamed.last - 1]
    states = [
        (State.AS_BEFORE if packet.arrived is not None else State.REFUSED, packet)
        for packet in sorted((packet for _, packets in ways for packet in packets), key=lambda packet: packet.sent_ns)
    ]
    return FlowWindow(
        name=flow.name,
        flow=next((str(stream) for stream, _ in ways if stream.kind is StreamKind.FROM_CLIENT), flow.name),
        packets=len(states),
        lost=sum(state is State.REFUSED for state, _ in states),
        stall_ms=max((_longest_stall(packets, end) for _, packets in ways), default=0.0),
        before=prove(flow.before, streamed.at),
        after=None if flow.after is None else prove(flow.after, streamed.at),
        runs=_runs(states, streamed.start_ns),
    )


def _longest_stall(packets: Sequence[StreamPacket], end: int) -> float:
    """From the last packet of one end that arrived to the next that did, where some were lost between."""
    longest, since = 0, None
    for earlier, packet in zip((None, *packets), packets, strict=False):
        if packet.arrived is None:
            since = since if since is not None else (earlier or packet).sent_ns
        elif since is not None:
            longest, since = max(longest, packet.sent_ns - since), None
    return round(max(longest, 0 if since is None else end - since) / _NS_PER_MS, 3)
