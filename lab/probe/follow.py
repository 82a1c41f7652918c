"""Which of the paths belong to a probe, and in which order its packets took them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from lab.probe.question import answer_to, ends_of
from lab.record.packet import Packet
from lab.record.path import End, Path


@dataclass(frozen=True, slots=True)
class Followed:
    """The request's first packet node by node, the answer's first packet, and all else that was traced."""

    request: tuple[Path, ...]
    answer: tuple[Path, ...]
    others: tuple[Path, ...]


NextNodes = Callable[[Path], Collection[str]]


def follow(paths: Sequence[Path], sent: Packet, next_nodes: NextNodes) -> Followed:
    """Follow ``sent`` from node to node by its headers (each exit is the next entry), then the answer back.

    ``next_nodes`` gives the nodes that a packet may come to once it has left a node as a path says.
    """
    left = list(paths)
    request = _chain(left, sent.proto, ends_of(sent), next_nodes)
    last = request[-1].exit if request else sent
    answer = _chain(left, sent.proto, answer_to(last), next_nodes) if last is not None else ()
    return Followed(request, answer, tuple(left))


def follow_one_of_many(
    paths: Sequence[Path], sent: Packet, next_nodes: NextNodes, sender: str, heard_by: Collection[str]
) -> Followed:
    """The same for what all of a network hears: as it came into one of ``heard_by``, where that let it in if any did.

    Its answer is no answer to conntrack: it comes from the node's own address, and goes to the sender's or to everybody.
    """
    left = list(paths)
    alike = [path for path in left if path.entry.proto == sent.proto and ends_of(path.entry) == ends_of(sent)]
    out = [path for path in alike if path.node == sender][:1]
    came = [path for path in alike if path.node in heard_by and path.node != sender]
    request = (*out, *sorted(came, key=lambda path: path.end is not End.DELIVERED)[:1])
    for path in request:
        left.remove(path)
    first = next((path for path in left if _answers(path.entry, sent) and path.node in heard_by), None)
    answer = _chain(left, sent.proto, ends_of(first.entry), next_nodes) if first is not None else ()
    return Followed(request, answer, tuple(left))


def _answers(packet: Packet, sent: Packet) -> bool:
    return packet.proto == sent.proto and (packet.sport, packet.dport) == (sent.dport, sent.sport)


def _chain(
    left: list[Path], proto: int, wanted: tuple[str, int | None, str, int | None], next_nodes: NextNodes
) -> tuple[Path, ...]:
    """Take out of ``left`` the paths of one packet, first entry first.

    Later packets of a flow bear the same headers, so a packet is taken to pass a node once.  What a node sends to itself comes
    in there, and nowhere else.  A SYN that a rule took over (SYNPROXY) goes on as one that the node makes itself.
    """
    chain: list[Path] = []
    passed: set[str] = set()
    within: str | None = None
    made_anew = False
    while True:
        candidates: dict[str, Path] = {}
        for path in left:
            here = path.node not in passed if within is None else path.node == within
            if made_anew and (path.entered is not None or path.entry.flags != chain[-1].entry.flags):
                continue
            if here and path.entry.proto == proto and ends_of(path.entry) == wanted:
                candidates.setdefault(path.node, path)
        if not candidates:
            return tuple(chain)
        found = _first(tuple(candidates.values()), next_nodes)
        left.remove(found)
        chain.append(found)
        passed.add(found.node)
        made_anew = found.end is End.STOLEN
        if found.exit is None and not made_anew:
            return tuple(chain)
        wanted = ends_of(found.exit or found.head(-1))
        within = found.node if found.turned_back or made_anew else None


def _first(candidates: Sequence[Path], next_nodes: NextNodes) -> Path:
    """The path that no other leads to: the nodes' traces tell nothing of which of them was earlier."""
    if len(candidates) == 1:
        return candidates[0]
    return next(
        (
            path
            for path in candidates
            if not any(path.node in next_nodes(other) for other in candidates if other is not path)
        ),
        candidates[0],
    )
