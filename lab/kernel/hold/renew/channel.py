"""A netlink socket of nf_tables in a node: asked for one thing, for a list, and given transactions.

Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import socket as sockets
import struct
import sys
from collections.abc import Iterator, Sequence

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.namespace import Namespace

NUMBERS = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}
_MSG = nl.NFNL_SUBSYS_NFTABLES << 8
NEWRULE, GETRULE = _MSG | 6, _MSG | 7
NEWSET, GETSET = _MSG | 9, _MSG | 10
NEWSETELEM, GETSETELEM, DELSETELEM = _MSG | 12, _MSG | 13, _MSG | 14
NEWOBJ, GETOBJ, DELOBJ = _MSG | 18, _MSG | 19, _MSG | 20
REPLACE, ECHO = 0x100, 0x8  # NLM_F_REPLACE, NLM_F_ECHO
_BUFFER = 1 << 18
_FLAGS_OF_ASKED = 26 + (sys.byteorder == "big")  # struct nlmsgerr has the header of what it is about


class NotInPlace(Exception):
    """The kernel cannot make this fresh where it stands; nothing was changed."""


class Channel:
    """Speaks to nf_tables in one node until `close`; the network has to be at rest."""

    def __init__(self, namespace: Namespace) -> None:
        self._socket = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self._socket.settimeout(nl.KERNEL_DEADLINE_S)
        self._socket.bind((0, 0))

    def get(self, kind: int, family: str, payload: bytes) -> bytes:
        """The one thing that is asked for; raises NotInPlace when it is not there."""
        self._socket.send(nl.message(kind, 0, NUMBERS[family], payload))
        (found,) = self._answered(0)
        return found

    def dump(self, kind: int, family: str, payload: bytes) -> Iterator[bytes]:
        """All that is asked for."""
        self._socket.send(nl.message(kind, nl.NLM_F_DUMP, NUMBERS[family], payload))
        return nl.receive_dump(self._socket)

    def commit(self, messages: Sequence[bytes], told: int = nl.NLMSG_DONE) -> list[bytes]:
        """All of ``messages`` or none; returns what the kernel tells of type ``told`` about them, in their order.

        The last message has to ask for an acknowledgement.  Raises NotInPlace when the kernel refuses; it has changed nothing.
        """
        try:
            self._socket.send(nl.batch(*messages))
        except OSError as error:
            raise NotInPlace(str(error)) from error
        return self._answered(told)

    def _answered(self, told: int = nl.NLMSG_DONE) -> list[bytes]:
        """What came before the acknowledgement, or the one answer (``told`` 0); refusals of the same batch are all read."""
        found: list[bytes] = []
        refused: OSError | None = None
        while True:
            for kind, data in nl.messages(self._socket.recv(_BUFFER)):
                if kind != nl.NLMSG_ERROR:
                    if not told:
                        return [data]
                    if kind == told:
                        found.append(data)
                    continue
                try:
                    nl.raise_for_error(data)
                except OSError as error:
                    refused = refused or error
                if not told or data[_FLAGS_OF_ASKED] & nl.NLM_F_ACK:
                    if refused is not None:
                        raise NotInPlace(str(refused)) from refused
                    return found

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


def acknowledged(message: bytes) -> bytes:
    """The same message with NLM_F_ACK."""
    flags = struct.unpack_from("=H", message, 6)[0] | nl.NLM_F_ACK
    return message[:6] + struct.pack("=H", flags) + message[8:]
