"""The lab's own table in a node: it marks packets for tracing and witnesses their entry and their exit.

``inet lab_trace`` belongs to a netlink socket (NFT_TABLE_F_OWNER, Linux 5.12): a ``flush ruleset`` of the user leaves it
alone, nobody else can change it, and it goes when the lab does.  Its entry chains stand before every other chain
(priority -2147483648), its exit chains behind every other (2147483647).  Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Sequence

from lab.errors import MeasurementError, Problem
from lab.kernel import nfnetlink as nl
from lab.kernel.namespace import Namespace
from lab.kernel.syscalls import readable

TABLE = "lab_trace"
LOG_GROUP, LOG_PREFIX = 0, "lab: "
INGRESS = "ingress"  # of the table's twin, ``netdev lab_trace``
ENTRIES = ("prerouting", "output")
EXITS = ("input", "postrouting")
# 240.10.176.1 and 100::f00a:b001: no topology may have them (RFC 1112, RFC 6666)
CANARIES = {4: b"\xf0\x0a\xb0\x01", 6: b"\x01\x00" + bytes(10) + b"\xf0\x0a\xb0\x01"}

_NFPROTO_INET, _NFPROTO_IPV4, _NFPROTO_NETDEV, _NFPROTO_IPV6 = 1, 2, 5, 10
_SOURCES = {4: (_NFPROTO_IPV4, 12, 4), 6: (_NFPROTO_IPV6, 8, 16)}  # where a header of the family has its source address
_HOOKS = {"prerouting": 0, "input": 1, "output": 3, "postrouting": 4, INGRESS: 0}
_FIRST, _LAST = -0x80000000, 0x7FFFFFFF
_MSG = nl.NFNL_SUBSYS_NFTABLES << 8
_NEWTABLE, _NEWCHAIN, _NEWRULE, _DELRULE = _MSG | 0, _MSG | 3, _MSG | 6, _MSG | 8
_TABLE_OWNER = 0x2
_META_NFTRACE, _META_NFPROTO, _META_L4PROTO = 12, 15, 16
_NETWORK, _TRANSPORT = 1, 2
_DROP, _ACCEPT = 0, 1
_TCP, _SYN = 6, 0x02


def _expression(name: str, *parts: bytes) -> bytes:
    return nl.nest(1, nl.text(1, name), nl.nest(2, *parts))


def _meta(key: int) -> bytes:
    return _expression("meta", nl.number(2, key), nl.number(1, 1))


def _header(base: int, offset: int, length: int) -> bytes:
    return _expression("payload", nl.number(1, 1), nl.number(2, base), nl.number(3, offset), nl.number(4, length))


def _masked(mask: bytes) -> bytes:
    return _expression(
        "bitwise", nl.number(1, 1), nl.number(2, 1), nl.number(3, len(mask)),
        nl.nest(4, nl.attribute(1, mask)), nl.nest(5, nl.attribute(1, bytes(len(mask)))),
    )  # fmt: skip


def _equals(value: bytes) -> bytes:
    return _expression("cmp", nl.number(1, 1), nl.number(2, 0), nl.nest(3, nl.attribute(1, value)))


def _verdict(code: int) -> bytes:
    return _expression("immediate", nl.number(1, 0), nl.nest(2, nl.nest(2, nl.number(1, code))))


def _traced() -> bytes:
    one = _expression("immediate", nl.number(1, 1), nl.nest(2, nl.attribute(1, b"\1")))
    return one + _expression("meta", nl.number(2, _META_NFTRACE), nl.number(3, 1))


def _family(chain: str) -> int:
    return _NFPROTO_NETDEV if chain == INGRESS else _NFPROTO_INET


def _new_table(family: int) -> bytes:
    return nl.message(_NEWTABLE, nl.NLM_F_CREATE, family, nl.text(1, TABLE) + nl.number(2, _TABLE_OWNER))


def _new_rule(chain: str, *expressions: bytes, first: bool = False) -> bytes:
    """Without NLM_F_APPEND a rule goes to the head of its chain."""
    parts = (nl.text(1, TABLE), nl.text(2, chain), nl.nest(4, *expressions))
    flags = nl.NLM_F_CREATE if first else nl.NLM_F_CREATE | nl.NLM_F_APPEND
    return nl.message(_NEWRULE, flags, _family(chain), b"".join(parts))


def _canary(chain: str, family: int, told: bytes) -> bytes:
    proto, offset, length = _SOURCES[family]
    source = (_meta(_META_NFPROTO), _equals(bytes([proto])), _header(_NETWORK, offset, length), _equals(CANARIES[family]))
    return _new_rule(chain, *source, _traced(), told, _verdict(_DROP), first=True)


def _skip_established_tcp(chain: str) -> bytes:
    tcp = (_meta(_META_L4PROTO), _equals(bytes([_TCP])))
    no_syn = (_header(_TRANSPORT, 13, 1), _masked(bytes([_SYN])), _equals(b"\0"))
    return _new_rule(chain, *tcp, *no_syn, _verdict(_ACCEPT), first=True)


def _new_chain(name: str, priority: int, devices: Sequence[str] = ()) -> bytes:
    names = [nl.nest(4, *(nl.text(1, device) for device in devices))] if devices else []
    hook = nl.nest(4, nl.number(1, _HOOKS[name]), nl.number(2, priority), *names)
    parts = (nl.text(1, TABLE), nl.text(3, name), hook, nl.number(5, _ACCEPT), nl.text(7, "filter"))
    return nl.message(_NEWCHAIN, nl.NLM_F_CREATE, _family(name), b"".join(parts))


def _drop_rules(chain: str) -> bytes:
    return nl.message(_DELRULE, 0, _family(chain), nl.text(1, TABLE) + nl.text(2, chain))


def _logged(chain: str) -> bytes:
    """What NFLOG is to tell of a packet that is here: `LOG_GROUP`, and `LOG_PREFIX` with the chain's name."""
    return _expression("log", nl.attribute(1, struct.pack("!H", LOG_GROUP)), nl.text(2, LOG_PREFIX + chain))


class TraceTable:
    """The table, for as long as this object is open.  At first it traces TCP on SYN alone, all else on every packet.

    ``logs`` makes it write to NFLOG beside: ip_tables, which has no trace messages, logs its steps there.  With
    ``devices`` the table has a twin that traces what comes in there from before any rule at ingress.
    """

    def __init__(self, namespace: Namespace, *, logs: bool = False, devices: Sequence[str] = ()) -> None:
        self._logs = logs
        self._entries = (*ENTRIES, *((INGRESS,) if devices else ()))
        self._channel = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self._channel.bind((0, 0))
        self.everything = False
        tables = [_new_table(family) for family in dict.fromkeys(map(_family, self._entries))]
        entries = [_new_chain(chain, _FIRST, devices if chain == INGRESS else ()) for chain in self._entries]
        exits = [_new_chain(chain, _LAST) for chain in EXITS]
        self._commit(*tables, *entries, *exits, *self._rules(everything=False))

    def trace(self, *, everything: bool) -> None:
        """Trace every packet, or TCP on SYN alone; one transaction."""
        if everything != self.everything:
            self._commit(*(_drop_rules(chain) for chain in (*self._entries, *EXITS)), *self._rules(everything=everything))
            self.everything = everything

    def _told(self, chain: str) -> bytes:
        return _logged(chain) if self._logs else b""

    def _rules(self, *, everything: bool) -> list[bytes]:
        rules = [_new_rule(chain, _traced(), self._told(chain), _verdict(_ACCEPT)) for chain in self._entries]
        rules += [_new_rule(chain, self._told(chain), _verdict(_ACCEPT)) for chain in EXITS]
        if not everything:
            # a log, unlike a trace message, is written of a packet that was not marked at its entry too
            rules += [_skip_established_tcp(chain) for chain in (*self._entries, *(EXITS if self._logs else ()))]
        return rules + [_canary(chain, family, self._told(chain)) for chain in ENTRIES for family in CANARIES]

    def _commit(self, *messages: bytes) -> None:
        last = bytearray(messages[-1])
        struct.pack_into("=H", last, 6, struct.unpack_from("=H", last, 6)[0] | nl.NLM_F_ACK)
        self._channel.send(nl.batch(*messages[:-1], bytes(last)))
        if not readable(self._channel.fileno(), nl.KERNEL_DEADLINE_S):
            raise MeasurementError(Problem("the kernel did not acknowledge the lab's trace table"))
        for kind, data in nl.messages(self._channel.recv(1 << 16)):
            if kind == nl.NLMSG_ERROR:
                try:
                    nl.raise_for_error(data)
                except OSError as error:
                    raise MeasurementError(Problem(f"the lab's trace table is refused: {error.strerror}")) from error

    def remove(self) -> None:
        """Take the table away by letting its owner go."""
        self._channel.close()
