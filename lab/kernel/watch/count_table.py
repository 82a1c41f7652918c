"""How many packets the rules of a node ate, counted without looking at any rule.

A table of the lab's own counts before the first and behind the last chain of every hook: what does not come out of a hook was
dropped (or taken over) in it.  Connection tracking and NAT stand in hooks as rules do; what they refuse is told by conntrack's
own statistics.
"""

from __future__ import annotations

import socket as sockets
from collections.abc import Iterator

from lab.errors import MeasurementError, Problem
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.names import COUNT_TABLE, is_numbered
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.nft_expressions import META_L4PROTO, TRANSPORT, counter, equals, header, meta
from lab.kernel.ground.owned_table import FIRST, HOOKS, LAST, NFPROTO_INET, Owner
from lab.record.sweep import Counts

GETRULE = nl.NFNL_SUBSYS_NFTABLES << 8 | 7
_EDGES = (("first", FIRST), ("last", LAST))
_NAME_AT = nl.HEADER + 4  # where a rule's message names its table
# NFTA_EXPR_NAME, then NFTA_EXPR_DATA with NFTA_COUNTER_BYTES and the header of NFTA_COUNTER_PACKETS
_COUNTER, _TO_PACKETS = b"\x0c\0\1\0counter\0", 32
# names of expressions, and of the matches and targets of iptables in them (NFTA_EXPR_NAME, NFTA_MATCH_NAME, NFTA_TARGET_NAME)
_IRREGULAR = tuple(nl.text(1, name) for name in ("limit", "hashlimit", "statistic", "quota"))
_REJECTING = tuple(nl.text(1, name) for name in ("reject", "REJECT"))
_LOGGING = tuple(nl.text(1, name) for name in ("log", "LOG", "NFLOG", "AUDIT"))


class CountTable:
    """A table in ``namespace`` that is there from `start` to `stop`, as often as that is asked for until `remove`.

    Its owner stays: that a table goes with its owner takes the kernel 10 ms and more, and a transaction a hundredth of that.
    """

    def __init__(self, namespace: Namespace) -> None:
        self._owner = Owner(namespace, COUNT_TABLE, "the lab's counting table", shared=True)
        self._own = self._owner.name.encode() + b"\0"
        self._channel = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self._channel.settimeout(nl.KERNEL_DEADLINE_S)
        self._channel.bind((0, 0))

    def start(self, proto: int, mark_at: int, mark: int) -> None:
        """Count from 0; a packet is marked by ``mark``, 16 bits at ``mark_at`` of protocol ``proto``."""
        every = counter()
        marked = (meta(META_L4PROTO), equals(bytes([proto])), header(TRANSPORT, mark_at, 2), equals(mark.to_bytes(2, "big")))
        messages = [self._owner.table(NFPROTO_INET)]
        for number, hook in enumerate(HOOKS):
            for edge, priority in _EDGES:
                chain = f"{hook}-{edge}"
                messages.append(self._owner.chain(chain, number, priority))
                messages += [self._owner.rule(chain, every), self._owner.rule(chain, *marked, every)]
        self._owner.commit(*messages)

    def stop(self) -> None:
        """Count no more: the table goes, if it is there."""
        self._owner.commit(self._owner.table(NFPROTO_INET), self._owner.no_table(NFPROTO_INET))

    def eaten(self) -> Counts:
        """What the hooks ate by now; the network must be at rest.  Raises MeasurementError when the table is gone."""
        return _sum_up([packets_of(data) for data in self._dump(NFPROTO_INET, nl.text(1, self._owner.name))])

    def every_rule(self) -> Counts:
        """The same with the packets at every hook and of every rule, in the kernel's order.

        A log with a limit is left out: it has no say.  Raises MeasurementError when the table is gone.
        """
        own: list[int] = []
        rules: list[int] = []
        rejected = 0
        for data in self._dump(0, b""):
            if data.startswith(self._own, _NAME_AT):
                own.append(packets_of(data))
            elif data.startswith(b"lab_", _NAME_AT) and is_numbered(_table(data)):
                continue
            elif not _logs_now_and_then(data):
                rules.append(packets_of(data))
                rejected += rules[-1] if any(name in data for name in _REJECTING) else 0
        return _sum_up(own)._replace(rules=(*own, *rules), rejected=rejected)

    def _dump(self, family: int, which: bytes) -> Iterator[bytes]:
        self._channel.send(nl.message(GETRULE, nl.NLM_F_DUMP, family, which))
        return nl.receive_dump(self._channel)

    def remove(self) -> None:
        """Take the table away for good."""
        self._channel.close()
        self._owner.remove()


def _sum_up(counts: list[int]) -> Counts:
    """In the order in which the rules were made: for each hook both counts before, and both behind."""
    if len(counts) != 4 * len(HOOKS):
        raise MeasurementError(Problem("the lab's counting table is gone: what was counted proves nothing"))
    every, marked = (
        sum(counts[start] - counts[start + 2] for start in range(first, len(counts), 4)) for first in (0, 1)
    )
    return Counts(marked, every)


def _table(data: bytes) -> str:
    return data[_NAME_AT : data.index(b"\0", _NAME_AT)].decode()


def _logs_now_and_then(data: bytes) -> bool:
    """Whether a rule only logs, and not each packet that comes to it."""
    return any(name in data for name in _IRREGULAR) and any(name in data for name in _LOGGING)


def packets_of(data: bytes) -> int:
    """The packets of a rule's first counter, found by the bytes that the kernel writes for it; 0 where it has none.

    Thousands of rules are read between two pieces of a sweep, and walking over their expressions takes ten times as long.
    """
    at = data.find(_COUNTER)
    return int.from_bytes(data[at + _TO_PACKETS : at + _TO_PACKETS + 8], "big") if at >= 0 else 0
