"""How many packets of each of many streams go into a node's hooks, and come out behind the last chain of them.

A table of the lab's own counts them, which survives what is done to the rules meanwhile (`lab.kernel.ground.owned_table`).
"""

from __future__ import annotations

import socket as sockets
from collections.abc import Sequence
from typing import NamedTuple

from lab.errors import MeasurementError, Problem
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.names import COUNT_TABLE
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.nft_expressions import META_L4PROTO, TRANSPORT, counter, equals, header, meta
from lab.kernel.ground.owned_table import FIRST, HOOKS, LAST, NFPROTO_INET, Owner
from lab.kernel.watch.count_table import GETRULE, packets_of

_AT_ONCE = 128  # rules of one transaction, which has to fit the socket
_CHAINS = (("prerouting", FIRST), ("output", FIRST), ("input", LAST), ("postrouting", LAST))


class Signature(NamedTuple):
    """What a packet of a stream is told by, whatever is translated: bytes of its transport header and what follows it."""

    proto: int
    parts: tuple[tuple[int, bytes], ...]


class Passed(NamedTuple):
    """Packets of one stream at one node: that came in, that it sent itself, that it took in, and that left it."""

    entered: int
    sent: int
    taken_in: int
    left: int


class StreamTable:
    """Counts in ``namespace`` the packets of each of ``signatures`` from now until `remove`."""

    def __init__(self, namespace: Namespace, signatures: Sequence[Signature]) -> None:
        self._signatures = len(signatures)
        self._owner = Owner(namespace, COUNT_TABLE, "the lab's table of streams", shared=True)
        self._channel = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self._channel.settimeout(nl.KERNEL_DEADLINE_S)
        self._channel.bind((0, 0))
        messages = [self._owner.table(NFPROTO_INET)]
        messages += [self._owner.chain(hook, HOOKS.index(hook), priority) for hook, priority in _CHAINS]
        self._owner.commit(*messages)
        for hook, _ in _CHAINS:
            rules = [self._owner.rule(hook, *_told_by(signature), counter()) for signature in signatures]
            for start in range(0, len(rules), _AT_ONCE):
                self._owner.commit(*rules[start : start + _AT_ONCE])

    def read(self) -> list[Passed]:
        """What was counted of each signature by now; the network must be at rest.

        Raises MeasurementError when the table is gone.
        """
        self._channel.send(nl.message(GETRULE, nl.NLM_F_DUMP, NFPROTO_INET, nl.text(1, self._owner.name)))
        counts = [packets_of(data) for data in nl.receive_dump(self._channel)]
        if len(counts) != len(_CHAINS) * self._signatures:
            raise MeasurementError(Problem("the lab's table of streams is gone: what was counted proves nothing"))
        return [Passed(*counts[number :: self._signatures]) for number in range(self._signatures)]

    def remove(self) -> None:
        """Take the table away."""
        self._channel.close()
        self._owner.remove()


def _told_by(signature: Signature) -> list[bytes]:
    parts = [meta(META_L4PROTO), equals(bytes([signature.proto]))]
    for at, value in signature.parts:
        parts += [header(TRANSPORT, at, len(value)), equals(value)]
    return parts
