"""What the kernel tells of changes in a node as they are made: of its rules, with who made them, and of its network.

Rules are told by the group NFNLGRP_NFTABLES: the messages of a transaction, then a new generation that names the process
(linux/netfilter/nf_tables.h: NFT_MSG_NEWGEN, NFTA_GEN_PROC_PID, NFTA_GEN_PROC_NAME, Linux 4.15).  ip_tables tells nothing.
Links, addresses, routes and routing rules are told by rtnetlink (linux/rtnetlink.h), which names nobody.
"""

from __future__ import annotations

import errno
import socket as sockets
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.names import is_own_name
from lab.kernel.ground.namespace import Namespace

_NFNLGRP_NFTABLES = 7
_SOL_NETLINK, _ADD_MEMBERSHIP, _SO_RCVBUFFORCE = 270, 1, 33
_NEWGEN, _NEWSETELEM, _DELSETELEM = 15, 12, 14
_GEN_PID, _GEN_NAME = 2, 3
_BUFFER = 8 << 20
_RT_GROUPS = (1, 5, 7, 8, 9, 11, 19)  # RTNLGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV6_RULE


class Generation(NamedTuple):
    """One transaction: who made it, as the kernel knows him, and which sets it changed elements of."""

    process: str
    pid: int
    sets: tuple[str, ...]


class Overrun(Exception):
    """More was told than there was room for: what was lost is not known."""


class _Channel:
    """A socket that hears groups of multicast in a node, from the moment it is made."""

    def __init__(self, namespace: Namespace, protocol: int, groups: tuple[int, ...]) -> None:
        self._socket = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, protocol)
        for option in (sockets.SO_RCVBUF, _SO_RCVBUFFORCE):
            with suppress(PermissionError):  # without root no more than the machine allows
                self._socket.setsockopt(sockets.SOL_SOCKET, option, _BUFFER)
        self._socket.bind((0, 0))
        for group in groups:
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    @property
    def descriptor(self) -> int:
        """What is readable once something was told."""
        return self._socket.fileno()

    def told(self) -> Iterator[tuple[int, bytes]]:
        """What was told by now; raises Overrun where some of it was lost."""
        while True:
            try:
                data = self._socket.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise Overrun from None
                raise
            yield from nl.messages(data)

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


class RuleEvents:
    """The transactions of nf_tables in a node, from the moment it is made; those of the lab's own tables are left out."""

    def __init__(self, namespace: Namespace) -> None:
        self._channel = _Channel(namespace, nl.NETLINK_NETFILTER, (_NFNLGRP_NFTABLES,))
        self.descriptor = self._channel.descriptor
        self._theirs = False
        self._sets: dict[str, None] = {}

    def read(self) -> Iterator[Generation]:
        """Those that were told by now; raises Overrun where some of it was lost."""
        for kind, data in self._channel.told():
            if kind >> 8 != nl.NFNL_SUBSYS_NFTABLES:
                continue
            found = nl.attributes(data, nl.HEADER)
            if kind & 0xFF == _NEWGEN:
                if self._theirs:
                    name = found.get(_GEN_NAME, b"").rstrip(b"\0").decode(errors="replace")
                    yield Generation(name, int.from_bytes(found.get(_GEN_PID, b""), "big"), tuple(self._sets))
                self._theirs = False
                self._sets.clear()
            else:
                self._change(kind & 0xFF, found)

    def _change(self, kind: int, found: dict[int, bytes]) -> None:
        table = found.get(1, b"").rstrip(b"\0").decode(errors="replace")
        if is_own_name(table):
            return
        self._theirs = True
        if kind in (_NEWSETELEM, _DELSETELEM):
            sign = "+" if kind == _NEWSETELEM else "-"
            self._sets[f"{sign} elements of {table} {found.get(2, b'').rstrip(bytes(1)).decode(errors='replace')}"] = None

    def close(self) -> None:
        """Hear no more."""
        self._channel.close()


class NetworkEvents:
    """Links, addresses, routes and routing rules of a node that come and go, from the moment it is made."""

    def __init__(self, namespace: Namespace) -> None:
        self._channel = _Channel(namespace, sockets.NETLINK_ROUTE, _RT_GROUPS)
        self.descriptor = self._channel.descriptor

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Type and bytes of each message told by now; raises Overrun where some of it was lost."""
        return self._channel.told()

    def close(self) -> None:
        """Hear no more."""
        self._channel.close()
