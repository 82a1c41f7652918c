"""Which of the paths belong to a probe, and in which order its packets took them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from lab.probe.question import answer_to, ends_of
from lab.record.packet import Packet
from lab.record.path import End, Path


@dataclass(frozen=True, slots=True)
class Followed:
    """The request's first packet node by node, the answer's first packet, and all else that was traced."""

    request: tuple[Path, ...]
    answer: tuple[Path, ...]
    others: tuple[Path, ...]


_EXTENSIONS = (0, 43, 44, 60)  # headers of IPv6 before that of a protocol (RFC 8200)
NextNodes = Callable[[Path], Collection[str]]


def follow(paths: Sequence[Path], sent: Packet, next_nodes: NextNodes, *, pieces: bool = False) -> Followed:
    """Follow ``sent`` from node to node by its headers (each exit is the next entry), then the answer back.

    ``next_nodes`` gives the nodes that a packet may come to once it has left a node as a path says.  With ``pieces`` it goes in
    fragments, or behind headers of IPv6, that have no ports.
    """
    left = list(paths)
    request = _in_pieces(left, sent, next_nodes) if pieces else _chain(left, sent.proto, ends_of(sent), next_nodes)
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


def _in_pieces(left: list[Path], sent: Packet, next_nodes: NextNodes) -> tuple[Path, ...]:
    """The same of what may be in several pieces at a node: the one that tells what became of the whole.

    Where conntrack puts it together (nf_defrag) all but the last of them vanish there, and the last goes on as the whole; else
    each goes its own way, and one that is dropped is enough.
    """
    chain: list[Path] = []
    wanted, passed = sent, set[str]()
    while True:
        found: dict[str, list[Path]] = {}
        for path in left:
            if path.node not in passed and _is_piece(path.entry, wanted):
                found.setdefault(path.node, []).append(path)
        if not found:
            return tuple(chain)
        first = _first([paths[0] for paths in found.values()], next_nodes)
        path = min(found[first.node], key=_tells_least)
        left.remove(path)
        path = replace(path, entry=_as_whole(path.entry, wanted), exit=path.exit and _as_whole(path.exit, wanted))
        chain.append(path)
        passed.add(path.node)
        if path.exit is None:
            return tuple(chain)
        wanted = path.exit


def _is_piece(entry: Packet, whole: Packet) -> bool:
    if (entry.source, entry.destination) != (whole.source, whole.destination):
        return False
    if entry.sport is None:
        return entry.proto == whole.proto or (entry.family == 6 and entry.proto in _EXTENSIONS)
    return entry.proto == whole.proto and ends_of(entry) == ends_of(whole)


def _tells_least(path: Path) -> tuple[bool, bool, bool]:
    passed = path.end in (End.LEFT, End.DELIVERED)
    return path.end is End.VANISHED, passed, passed and (path.exit is None or path.exit.sport is None)


def _as_whole(head: Packet, whole: Packet) -> Packet:
    """The headers of a piece with what only the whole has."""
    if head.sport is not None or (head.proto == whole.proto and whole.sport is None):
        return head
    return whole._replace(source=head.source, destination=head.destination)


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
