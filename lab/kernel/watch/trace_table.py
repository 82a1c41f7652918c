"""The lab's own table in a node: it marks packets for tracing and witnesses their entry and their exit.

The entry chains of ``inet lab_trace_N`` stand before every other chain, its exit chains behind every other.  N is its owner's
number: other processes may have theirs beside it.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.names import TRACE_TABLE
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.nft_expressions import (
    ACCEPT,
    DROP,
    META_L4PROTO,
    META_NFPROTO,
    META_NFTRACE,
    NETWORK,
    TRANSPORT,
    equals,
    expression,
    header,
    masked,
    meta,
    one_of,
    verdict,
)
from lab.kernel.ground.owned_table import FIRST, HOOKS, LAST, NFPROTO_BRIDGE, NFPROTO_INET, NFPROTO_NETDEV, Owner
from lab.kernel.stage.quiet_table import report

LOG_GROUP = 0
INGRESS = "ingress"  # of the table's twin, ``netdev lab_trace_N``
ENTRIES = ("prerouting", "output")
EXITS = ("input", "postrouting")
# of its twin ``bridge lab_trace_N``: what comes in by a port, what the bridge hands to its own node, what leaves by a port
BRIDGE_CHAINS = BRIDGE_IN, BRIDGE_UP, BRIDGE_OUT = "bridge-prerouting", "bridge-input", "bridge-postrouting"
# 240.10.176.1 and 100::f00a:b001: no topology may have them (RFC 1112, RFC 6666)
CANARIES = {4: b"\xf0\x0a\xb0\x01", 6: b"\x01\x00" + bytes(10) + b"\xf0\x0a\xb0\x01"}

_NFPROTO_IPV4, _NFPROTO_IPV6 = 2, 10
_SOURCES = {4: (_NFPROTO_IPV4, 12, 4), 6: (_NFPROTO_IPV6, 8, 16)}  # where a header of the family has its source address
_TCP, _SYN = 6, 0x02
_SKIPPED = "skipped"  # a set: the protocols that are not traced but on SYN, which are TCP or none


def canary_ports(number: int) -> bytes:
    """Both ports of the canaries of the table with this number."""
    return struct.pack("!I", number)


def _traced() -> bytes:
    one = expression("immediate", nl.number(1, 1), nl.nest(2, nl.attribute(1, b"\1")))
    return one + expression("meta", nl.number(2, META_NFTRACE), nl.number(3, 1))


def _family(chain: str) -> int:
    if chain in BRIDGE_CHAINS:
        return NFPROTO_BRIDGE
    return NFPROTO_NETDEV if chain == INGRESS else NFPROTO_INET


def _hook(chain: str) -> int:
    return 0 if chain == INGRESS else HOOKS.index(chain.removeprefix("bridge-"))


class TraceTable:
    """The table, for as long as this object is open.  At first it traces TCP on SYN alone, all else on every packet.

    With ``log_prefix`` it writes to NFLOG beside, that prefix and the chain's name: ip_tables, which has no trace messages,
    logs its steps there.  With ``devices`` the table has a twin that traces what comes in there from before any rule at
    ingress, with ``bridge`` one that traces what a bridge passes on.
    """

    def __init__(
        self, namespace: Namespace, *, log_prefix: str | None = None, devices: Sequence[str] = (), bridge: bool = False
    ) -> None:
        self._log_prefix = log_prefix
        self._made: list[bytes] = []
        self._switches: dict[bool, list[bytes]] = {}
        self._entries = (*ENTRIES, *((INGRESS,) if devices else ()), *((BRIDGE_IN,) if bridge else ()))
        self._exits = (*EXITS, *((BRIDGE_UP, BRIDGE_OUT) if bridge else ()))
        self._owner = Owner(namespace, TRACE_TABLE, "the lab's trace table", shared=True)
        self.name, self.number = self._owner.name, self._owner.number
        self.everything = False
        tables = [message for family in self._families for message in self._with_set(family)]
        entries = [
            self._owner.chain(chain, _hook(chain), FIRST, _family(chain), devices if chain == INGRESS else ())
            for chain in self._entries
        ]
        exits = [self._owner.chain(chain, _hook(chain), LAST, _family(chain)) for chain in self._exits]
        self._owner.commit(*tables, *entries, *exits, *self._rules())

    def see_ingress(self, devices: Sequence[str]) -> None:
        """Give the table its twin at ``devices`` from now on; one that has it is left as it is."""
        if INGRESS not in self._entries:
            made = *self._with_set(NFPROTO_NETDEV), self._owner.chain(INGRESS, 0, FIRST, NFPROTO_NETDEV, devices)
            before = self._no_rules()
            self._entries, self._made, self._switches = (*self._entries, INGRESS), [], {}
            self._owner.commit(*made, *before, *self._rules())

    def trace(self, *, everything: bool) -> None:
        """Trace every packet, or TCP on SYN alone; one transaction."""
        if everything != self.everything:
            self._owner.commit(*self._skips(there=not everything))
            self.everything = everything

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Trace no packet, and see no canary, while inside."""
        self._owner.commit(*self._no_rules())
        try:
            yield
        finally:
            self._owner.commit(*self._rules())

    @property
    def _families(self) -> Collection[int]:
        return dict.fromkeys(map(_family, self._entries))

    def _with_set(self, family: int) -> list[bytes]:
        """A table with its set: what is in it may change, and the rules that ask it stay."""
        made = [self._owner.table(family), self._owner.set(_SKIPPED, 1, family)]
        return made if self.everything else [*made, self._skip_tcp(family, there=True)]

    def _skips(self, *, there: bool) -> list[bytes]:
        """Made once, as closer looks switch them on and off."""
        if there not in self._switches:
            self._switches[there] = [self._skip_tcp(family, there=there) for family in self._families]
        return self._switches[there]

    def _skip_tcp(self, family: int, *, there: bool) -> bytes:
        return self._owner.element(_SKIPPED, bytes([_TCP]), family, there=there)

    def _no_rules(self) -> list[bytes]:
        return [self._owner.no_rules(chain, _family(chain)) for chain in (*self._entries, *self._exits)]

    def _rule(self, chain: str, *expressions: bytes, first: bool = False) -> bytes:
        return self._owner.rule(chain, *expressions, family=_family(chain), first=first)

    def _told(self, chain: str) -> bytes:
        """What NFLOG is to tell in `LOG_GROUP` of a packet that is here."""
        if self._log_prefix is None:
            return b""
        return expression("log", nl.attribute(1, struct.pack("!H", LOG_GROUP)), nl.text(2, self._log_prefix + chain))

    def _rules(self) -> list[bytes]:
        """Made once, as they come back after each `silence`."""
        self._made = self._made or self._make_rules()
        return self._made

    def _make_rules(self) -> list[bytes]:
        rules = [self._rule(chain, _traced(), self._told(chain), verdict(ACCEPT)) for chain in self._entries]
        rules += [self._rule(chain, self._told(chain), verdict(ACCEPT)) for chain in self._exits]
        # a log, unlike a trace message, is written of a packet that was not marked at its entry too
        chains = self._entries if self._log_prefix is None else (*self._entries, *self._exits)
        rules += [self._skip_established_tcp(chain) for chain in chains]
        # this table stands before the one that keeps the node quiet, and what that one drops is nobody's packet
        ipv6 = meta(META_NFPROTO), equals(bytes([_NFPROTO_IPV6]))
        rules.append(self._rule("output", *ipv6, *report(), verdict(DROP), first=True))
        return rules + [rule for chain in ENTRIES for family in CANARIES for rule in self._canaries(chain, family)]

    def _skip_established_tcp(self, chain: str) -> bytes:
        tcp = (meta(META_L4PROTO), one_of(_SKIPPED))
        no_syn = (header(TRANSPORT, 13, 1), masked(bytes([_SYN])), equals(b"\0"))
        return self._rule(chain, *tcp, *no_syn, verdict(ACCEPT), first=True)

    def _canaries(self, chain: str, family: int) -> tuple[bytes, bytes]:
        """Rules for those of another instrument, which its own table tells of and drops, and before it for the own ones."""
        proto, offset, length = _SOURCES[family]
        source = (meta(META_NFPROTO), equals(bytes([proto])), header(NETWORK, offset, length), equals(CANARIES[family]))
        ours = header(TRANSPORT, 0, 4), equals(canary_ports(self.number))
        return (
            self._rule(chain, *source, verdict(ACCEPT), first=True),
            self._rule(chain, *source, *ours, _traced(), self._told(chain), verdict(DROP), first=True),
        )

    def remove(self) -> None:
        """Take the table away."""
        self._owner.remove()
