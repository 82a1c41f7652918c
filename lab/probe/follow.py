"""Which of the paths belong to a probe, and in which order its packets took them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.probe.question import answer_to, ends_of
from lab.record.packet import Packet
from lab.record.path import Path


@dataclass(frozen=True, slots=True)
class Followed:
    """The request's first packet node by node, the answer's first packet, and all else that was traced."""

    request: tuple[Path, ...]
    answer: tuple[Path, ...]
    others: tuple[Path, ...]


def follow(paths: Sequence[Path], sent: Packet) -> Followed:
    """Follow ``sent`` from node to node by its headers (each exit is the next entry), then the answer back."""
    left = list(paths)
    request = _chain(left, sent.proto, ends_of(sent))
    last = request[-1].exit if request else sent
    answer = _chain(left, sent.proto, answer_to(last)) if last is not None else ()
    return Followed(request, answer, tuple(left))


def _chain(left: list[Path], proto: int, wanted: tuple[str, int | None, str, int | None]) -> tuple[Path, ...]:
    """Take out of ``left`` the paths of one packet, first entry first.

    Later packets of a flow bear the same headers, so a packet is taken to pass a node once.
    """
    chain: list[Path] = []
    passed: set[str] = set()
    while True:
        found = next(
            (
                path
                for path in left
                if path.node not in passed and path.entry.proto == proto and ends_of(path.entry) == wanted
            ),
            None,
        )
        if found is None:
            return tuple(chain)
        left.remove(found)
        chain.append(found)
        passed.add(found.node)
        if found.exit is None:
            return tuple(chain)
        wanted = ends_of(found.exit)
