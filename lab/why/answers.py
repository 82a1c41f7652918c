"""The way of an answer, as far as it was seen."""

from __future__ import annotations

from lab.record.packet import ICMPS, Packet
from lab.record.path import End, Path
from lab.why.case import Case


def answer_paths(case: Case) -> tuple[Path, ...]:
    """The paths of the first packet of the answer, node by node: what an untraced node sent back is among the others."""
    seen = case.verdict.observation
    if seen.answer:
        return seen.answer
    header = last_header(case)
    return tuple(path for path in seen.others if _answers(path.entry, header))


def _answers(packet: Packet, request: Packet) -> bool:
    if packet.proto != request.proto or (packet.source, packet.destination) != (request.destination, request.source):
        return False
    return packet.proto in ICMPS or (packet.sport, packet.dport) == (request.dport, request.sport)


def last_header(case: Case) -> Packet:
    """The request's headers as they were when it was last seen."""
    path = case.verdict.path
    return (path[-1].exit or path[-1].head(-1)) if path else case.verdict.observation.sent


def came_to(case: Case) -> str | None:
    """The node that the request came to; None where that was not seen."""
    seen = case.verdict.observation
    if seen.arrived is not None:
        return seen.arrived.at
    if seen.request and seen.request[-1].end is End.DELIVERED:
        return seen.request[-1].node
    if seen.reached is not None:
        return seen.reached
    owners = case.topology.owners(last_header(case).destination) if answer_paths(case) or seen.strays else ()
    return owners[0] if len(owners) == 1 else None
