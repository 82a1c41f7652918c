"""Windows made up for tests: what each stream's packets met, a letter each."""

from __future__ import annotations

from collections.abc import Sequence

from lab.record.observation import Arrival, Milestone, Observation
from lab.record.packet import Packet
from lab.record.sweep import Arrived
from lab.record.window import HeldFlow, Moment, Streamed, StreamKind, StreamOf, StreamPacket

MS = 1_000_000
T0 = 1_700_000_000_000 * MS
_ENDS = {".": None, "x": Arrived("server"), "y": Arrived("server", source="10.0.2.1"), "z": Arrived("other")}
_SYN = Packet(4, 6, "10.0.1.10", 32768, "10.0.2.10", 80, 0x18)
ANSWERED = Observation(_SYN, Milestone.ANSWERED, arrived=Arrival("server", "10.0.2.10", 80, "10.0.1.10", 32768))
FAULTY = Observation(_SYN, Milestone.SENT, faults=("it was blind",))


def stream(name: str, kind: StreamKind = StreamKind.NEW, flow: int | None = None) -> StreamOf:
    """A stream of SYNs."""
    return StreamOf(name, "client", "10.0.1.10", "10.0.2.10", "tcp/80", kind, flow)


def streamed(
    met: dict[str, str], *, first: int = 2, after: int = 2, flows: Sequence[HeldFlow] = (), moments: Sequence[Moment] = ()
) -> Streamed:
    """A pulse a millisecond, T+0 with the first of the window.

    ``met`` has a letter for each packet: ``.`` was denied, ``x`` arrived, ``y`` from another source, ``z`` at another node.
    A name that ends with ``>`` or ``<`` is of the flow of that number, from its client or its server: ``0>``.
    """
    (pulses,) = {len(word) for word in met.values()}
    kinds = {">": StreamKind.FROM_CLIENT, "<": StreamKind.FROM_SERVER}
    streams = tuple(
        stream(name[:-1], kinds[name[-1]], int(name[:-1]))
        if name[-1] in kinds and name[:-1].isdigit()
        else stream(name)
        for name in met
    )
    times = tuple(T0 + (pulse - first) * MS for pulse in range(pulses))
    packets = tuple(
        tuple(
            StreamPacket(pulse, times[pulse], times[pulse] + 9 if _ENDS[letter] else None, _ENDS[letter])
            for pulse, letter in enumerate(word)
        )
        for word in met.values()
    )
    return Streamed("gateway", streams, packets, first, pulses - after, T0, times, tuple(moments), tuple(flows))
