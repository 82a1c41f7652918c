"""That somebody changes the rules of a node which nf_tables holds, as the kernel tells it (NFNLGRP_NFTABLES).

Numbers are those of linux/netfilter/nfnetlink.h and linux/netfilter/nf_tables.h; the first attribute of a table, a chain and a
rule alike is the name of the table.
"""

from __future__ import annotations

import errno
import socket as sockets

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.names import is_own_name
from lab.kernel.ground.namespace import Namespace
from lab.kernel.watch.tracer import grow_buffer

_NFNLGRP_NFTABLES = 7
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_CHANGES = frozenset(nl.NFNL_SUBSYS_NFTABLES << 8 | kind for kind in (0, 2, 3, 5, 6, 8))  # new and deleted
_TABLE = 1
_LONGEST = 1 << 16


class RuleChanges:
    """Tells of changes in one node, from the moment this is made until `close`; the lab's own tables are none of it."""

    def __init__(self, namespace: Namespace) -> None:
        self._socket = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        grow_buffer(self._socket)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTABLES)

    @property
    def descriptor(self) -> int:
        """Readable when there may have been one."""
        return self._socket.fileno()

    def came(self) -> bool:
        """Whether there was one since this was asked last; what the socket had no room for is taken for one."""
        found = False
        while True:
            try:
                data = self._socket.recv(_LONGEST)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                found = True
                continue
            found = found or any(
                kind in _CHANGES and not is_own_name(nl.attributes(message, nl.HEADER).get(_TABLE, b"")[:-1].decode())
                for kind, message in nl.messages(data)
            )

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()
