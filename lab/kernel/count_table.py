"""How many packets the rules of a node ate, counted without looking at any rule.

A table of the lab's own counts before the first and behind the last chain of every hook: what does not come out of a hook was
dropped (or taken over) in it.  Connection tracking and NAT stand in hooks as rules do; what they refuse is told by conntrack's
own statistics.
"""

from __future__ import annotations

import socket as sockets
from typing import NamedTuple

from lab.kernel import nfnetlink as nl
from lab.kernel.chains import first_counter
from lab.kernel.namespace import Namespace
from lab.kernel.nft_expressions import META_L4PROTO, TRANSPORT, counter, equals, header, meta
from lab.kernel.owned_table import FIRST, HOOKS, LAST, NFPROTO_INET, Owner

TABLE = "lab_count"
_GETRULE = nl.NFNL_SUBSYS_NFTABLES << 8 | 7
_EDGES = (("first", FIRST), ("last", LAST))


class Eaten(NamedTuple):
    """Packets that went into a hook and did not come out: those with the mark, and all of them, since the table is there."""

    marked: int
    all: int


class CountTable:
    """Counts in ``namespace`` until `remove`; a packet is marked by ``mark``, 16 bits at ``mark_at`` of protocol ``proto``."""

    def __init__(self, namespace: Namespace, proto: int, mark_at: int, mark: int) -> None:
        self._owner = Owner(namespace, TABLE, "the lab's counting table")
        marked = (meta(META_L4PROTO), equals(bytes([proto])), header(TRANSPORT, mark_at, 2), equals(mark.to_bytes(2, "big")))
        messages = [self._owner.table(NFPROTO_INET)]
        for number, hook in enumerate(HOOKS):
            for edge, priority in _EDGES:
                chain = f"{hook}-{edge}"
                messages.append(self._owner.chain(chain, number, priority))
                messages += [self._owner.rule(chain, counter()), self._owner.rule(chain, *marked, counter())]
        self._owner.commit(*messages)
        self._channel = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self._channel.settimeout(nl.KERNEL_DEADLINE_S)
        self._channel.bind((0, 0))

    def eaten(self) -> Eaten:
        """The counts by now; the network must be at rest."""
        self._channel.send(nl.message(_GETRULE, nl.NLM_F_DUMP, NFPROTO_INET, nl.text(1, TABLE)))
        counts = [first_counter(data) or 0 for data in nl.receive_dump(self._channel)]
        # in the order in which they were made: for each hook both counts before, and both behind
        every = [counts[start] - counts[start + 2] for start in range(0, len(counts), 4)]
        marked = [counts[start + 1] - counts[start + 3] for start in range(0, len(counts), 4)]
        return Eaten(sum(marked), sum(every))

    def remove(self) -> None:
        """Take the table away."""
        self._channel.close()
        self._owner.remove()
