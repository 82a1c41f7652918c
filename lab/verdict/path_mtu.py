"""Path MTU discovery that a rule cuts off: who said that a packet was too big, and who let its sender not hear of it."""

from __future__ import annotations

from typing import NamedTuple

from lab.record.observation import Observation
from lab.record.path import End, Path

_TOO_BIG = {1: (3, 4), 58: (2, 0)}  # RFC 1191, RFC 8201: type and code by protocol
_WORDS = {1: "frag-needed", 58: "packet-too-big"}


class Unheard(NamedTuple):
    """An error that never came to the sender: by whom it was said, what would fit in bytes, and where it ended.

    ``word`` is what it is called in its family.
    """

    by: str
    mtu: int
    path: Path
    word: str


def unheard(observation: Observation) -> Unheard | None:
    """The error that said that a packet of the flow was too big, and was dropped on its way back; None where none was.

    >>> from lab.written.expect.example import PASSED
    >>> unheard(PASSED.observation) is None
    True
    """
    if not observation.others:
        return None
    heads = [header for path in observation.request for header in (path.entry, path.exit) if header is not None]
    sources = {observation.sent.source, *(header.source for header in heads)}
    for path in observation.others:
        entry = path.entry
        if path.end is not End.DROPPED or _TOO_BIG.get(entry.proto) != (entry.flags, entry.code):
            continue
        if entry.destination in sources:
            mtu = (entry.dport or 0) | ((entry.sport or 0) << 16 if entry.proto == 58 else 0)
            said = next((other for other in observation.others if other.entry == entry and other.entered is None), None)
            return Unheard(said.node if said is not None else entry.source, mtu, path, _WORDS[entry.proto])
    return None
