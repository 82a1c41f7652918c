"""How many messages a netlink socket had no room for (/proc/net/netlink, its column of drops)."""

from __future__ import annotations

import os

from lab.kernel.ground.namespace import Namespace

_DROPS, _INODE = 8, 9


def messages_lost(namespace: Namespace, descriptor: int) -> int:
    """Since the socket, which is one of ``namespace``, was made; 0 where the kernel does not tell."""
    inode = str(os.fstat(descriptor).st_ino)
    with namespace, open("/proc/thread-self/net/netlink", encoding="ascii") as file:
        rows = [line.split() for line in file]
    return next((int(row[_DROPS]) for row in rows if len(row) > _INODE and row[_INODE] == inode), 0)
