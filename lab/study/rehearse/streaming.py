"""What happens while packets run without pause: done, waited for, and followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from lab.lab import Lab
from lab.probe.stream.stream import streams_of
from lab.probe.stream.streams import Streams
from lab.record.window import Window
from lab.verdict.window import window
from lab.written.cell import Cell

T = TypeVar("T")
_REMEMBERED = "rules on its way remember other packets: what comes of one is not what comes of the next"


class Mark(Protocol):
    """What names a moment, by default the present one."""

    def __call__(self, label: str, ns: int | None = None) -> None:
        """``ns`` are nanoseconds since the epoch."""


def streamed(
    lab: Lab, node: str, cells: Sequence[Cell], held: Sequence[Cell], work: Callable[[Mark], T], follow: Callable[[T], None]
) -> tuple[T, Window]:
    """What ``work`` came to; and what became of packets of ``cells`` meanwhile, and of flows of ``held`` from before.

    ``work`` is given what names a moment; ``follow`` is called at rest afterwards, before the flows are asked whether they go
    on.  Raises MeasurementError where what was sent, captured and counted does not agree, and what ``work`` raises.
    """
    every, left = streams_of(cells)
    left |= {stream.name: _REMEMBERED for stream in every if lab.remembers(stream.question)}
    streams = [stream for stream in every if stream.name not in left]
    flows, _ = streams_of(held)
    with lab.batch(), Streams(lab.stage, node, streams, flows) as running:
        came = running.during(lambda: work(running.mark))
        running.mark("over")
        found = window(running.end(lambda: follow(came)))
    return came, replace(found, left_out={**found.left_out, **left})
