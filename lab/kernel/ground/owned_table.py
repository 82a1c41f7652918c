"""A table of nf_tables that belongs to a netlink socket (NFT_TABLE_F_OWNER, Linux 5.12).

A ``flush ruleset`` of the user leaves it alone, nobody else can change it, and it goes when its owner does.  Numbers are those
of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Sequence

from lab.errors import MeasurementError, Problem
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.names import numbered
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.nft_expressions import ACCEPT
from lab.kernel.ground.syscalls import readable

NFPROTO_INET, NFPROTO_NETDEV, NFPROTO_BRIDGE, NFPROTO_IPV6 = 1, 5, 7, 10
FIRST, LAST = -0x80000000, 0x7FFFFFFF  # priorities: before, and behind, every other chain
HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_MSG = nl.NFNL_SUBSYS_NFTABLES << 8
_NEWTABLE, _DELTABLE, _NEWCHAIN, _NEWRULE, _DELRULE = _MSG | 0, _MSG | 2, _MSG | 3, _MSG | 6, _MSG | 8
_NEWSET, _NEWSETELEM, _DELSETELEM = _MSG | 9, _MSG | 12, _MSG | 14
_SET_ID = 1  # of a transaction's own; each of these tables has one set
_TABLE_OWNER = 0x2


class Owner:
    """Holds the tables of one ``name`` in a namespace until `remove`; ``what`` is what messages call them.

    ``number`` is the owner's own, that no other has in the namespace; ``shared`` tells that others may hold tables of that
    name too, so that this one's is behind it.
    """

    def __init__(self, namespace: Namespace, name: str, what: str, *, shared: bool = False) -> None:
        self._what = what
        self._channel = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self._channel.bind((0, 0))
        self.number: int = self._channel.getsockname()[0]
        self.name = numbered(name, self.number) if shared else name

    def table(self, family: int, *, owned: bool = True) -> bytes:
        """The message that makes a table; one that is not owned stays as long as its namespace, and may be flushed."""
        flags = nl.number(2, _TABLE_OWNER if owned else 0)
        return nl.message(_NEWTABLE, nl.NLM_F_CREATE, family, nl.text(1, self.name) + flags)

    def no_table(self, family: int) -> bytes:
        """The message that takes a table that is there away."""
        return nl.message(_DELTABLE, 0, family, nl.text(1, self.name))

    def chain(self, name: str, hook: int, priority: int, family: int = NFPROTO_INET, devices: Sequence[str] = ()) -> bytes:
        """The message that makes a base chain that accepts."""
        names = [nl.nest(4, *(nl.text(1, device) for device in devices))] if devices else []
        where = nl.nest(4, nl.number(1, hook), nl.number(2, priority), *names)
        parts = (nl.text(1, self.name), nl.text(3, name), where, nl.number(5, ACCEPT), nl.text(7, "filter"))
        return nl.message(_NEWCHAIN, nl.NLM_F_CREATE, family, b"".join(parts))

    def rule(self, chain: str, *expressions: bytes, family: int = NFPROTO_INET, first: bool = False) -> bytes:
        """The message that makes a rule; without NLM_F_APPEND it goes to the head of its chain."""
        parts = (nl.text(1, self.name), nl.text(2, chain), nl.nest(4, *expressions))
        flags = nl.NLM_F_CREATE if first else nl.NLM_F_CREATE | nl.NLM_F_APPEND
        return nl.message(_NEWRULE, flags, family, b"".join(parts))

    def no_rules(self, chain: str, family: int = NFPROTO_INET) -> bytes:
        """The message that takes all rules out of a chain."""
        return nl.message(_DELRULE, 0, family, nl.text(1, self.name) + nl.text(2, chain))

    def set(self, name: str, length: int, family: int = NFPROTO_INET) -> bytes:
        """The message that makes a set of keys of that many bytes."""
        key = nl.number(4, 0), nl.number(5, length), nl.number(10, _SET_ID)
        return nl.message(_NEWSET, nl.NLM_F_CREATE, family, b"".join((nl.text(1, self.name), nl.text(2, name), *key)))

    def element(self, name: str, key: bytes, family: int = NFPROTO_INET, *, there: bool) -> bytes:
        """The message that puts a key into a set, or takes it out."""
        listed = nl.nest(3, nl.nest(1, nl.nest(1, nl.attribute(1, key))))
        kind, flags = (_NEWSETELEM, nl.NLM_F_CREATE) if there else (_DELSETELEM, 0)
        return nl.message(kind, flags, family, nl.text(1, self.name) + nl.text(2, name) + listed)

    def commit(self, *messages: bytes) -> None:
        """All of ``messages`` or none, in one transaction; raises MeasurementError when the kernel refuses."""
        last = bytearray(messages[-1])
        struct.pack_into("=H", last, 6, struct.unpack_from("=H", last, 6)[0] | nl.NLM_F_ACK)
        self._channel.send(nl.batch(*messages[:-1], bytes(last)))
        if not readable(self._channel.fileno(), nl.KERNEL_DEADLINE_S):
            raise MeasurementError(Problem(f"the kernel did not acknowledge {self._what}"))
        for kind, data in nl.messages(self._channel.recv(1 << 16)):
            if kind == nl.NLMSG_ERROR:
                try:
                    nl.raise_for_error(data)
                except OSError as error:
                    raise MeasurementError(Problem(f"{self._what} is refused: {error.strerror}")) from error

    def remove(self) -> None:
        """Take the tables away by letting their owner go."""
        self._channel.close()
