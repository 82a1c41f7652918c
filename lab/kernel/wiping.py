"""Taking every IPv4 table out of a node, so that a load that failed half-way leaves nothing of itself."""

from __future__ import annotations

import socket as sockets

from lab.errors import MeasurementError, Problem
from lab.kernel import nfnetlink as nl
from lab.kernel.namespace import Namespace

_DELTABLE = nl.NFNL_SUBSYS_NFTABLES << 8 | 2
_NFPROTO_IPV4 = 2


def wipe_rules(namespace: Namespace) -> None:
    """Delete all IPv4 tables of nf_tables in the node (a DELTABLE without a name); raises MeasurementError."""
    with namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER) as channel:
        channel.settimeout(nl.KERNEL_DEADLINE_S)
        channel.bind((0, 0))
        channel.send(nl.batch(nl.message(_DELTABLE, nl.NLM_F_ACK, _NFPROTO_IPV4)))
        for kind, data in nl.messages(channel.recv(1 << 16)):
            if kind == nl.NLMSG_ERROR:
                try:
                    nl.raise_for_error(data)
                except OSError as error:
                    raise MeasurementError(
                        Problem(f"the rules of a refused ruleset could not be removed: {error.strerror}")
                    ) from error
