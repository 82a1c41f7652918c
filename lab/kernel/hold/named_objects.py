"""Makes the objects that rules of iptables name, before these are loaded (libnetfilter_cttimeout, libnetfilter_acct).

Numbers are those of linux/netfilter/nfnetlink_cttimeout.h and nfnetlink_acct.h.
"""

from __future__ import annotations

import errno
import os
import socket as sockets
import struct
from collections.abc import Sequence

from lab.errors import MissingError, Problem
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.namespace import Namespace
from lab.ruleset.named_objects import STATES, NamedObject, TimeoutPolicy

_ACCT, _TIMEOUT = 7 << 8, 8 << 8  # NFNL_SUBSYS_ACCT, NFNL_SUBSYS_CTNETLINK_TIMEOUT
_NAME = 1
_L3, _L4, _DATA = 2, 3, 4
_LONGEST = 31  # NFACCT_NAME_MAX and CTNL_TIMEOUT_NAME_MAX with the final zero; iptables refuses a longer name itself
_THERE = (errno.EBUSY, errno.EEXIST)
_REPLACE = 0x100  # NLM_F_REPLACE
_ERROR = struct.Struct("=i")


def make(namespace: Namespace, objects: Sequence[NamedObject]) -> None:
    """Have the node hold these; an account that is there already stays as it is, a timeout policy gets the times that are said.

    Raises MissingError where the kernel lacks their kind.
    """
    wanted = [one for one in objects if len(one.name.encode()) <= _LONGEST]
    if not wanted:
        return
    with namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER) as channel:
        channel.settimeout(nl.KERNEL_DEADLINE_S)
        for one in wanted:
            code = _made(channel, _new(one, _REPLACE))
            if code == errno.EINVAL and isinstance(one, TimeoutPolicy):
                # as one of another family or protocol is there (cttimeout_new_timeout), whose rule iptables refuses itself
                code = _made(channel, _new(one))
            if code and code not in _THERE:
                raise MissingError(_lacking(one, code))


def _made(channel: sockets.socket, message: bytes) -> int:
    """The error that the kernel answers with; 0 is none."""
    channel.send(message)
    codes = (_ERROR.unpack_from(data, nl.HEADER - 4) for _, data in nl.messages(channel.recv(1 << 16)))
    return max(-int(code) for (code,) in codes)


def _new(one: NamedObject, replace: int = 0) -> bytes:
    flags = nl.NLM_F_CREATE | nl.NLM_F_ACK
    if not isinstance(one, TimeoutPolicy):
        return nl.message(_ACCT, flags, 0, nl.text(_NAME, one.name))
    family = struct.pack("!H", ADDRESS_FAMILIES[one.family])
    times = (nl.number(STATES[one.protocol].index(state) + 1, seconds) for state, seconds in one.seconds)
    parts = (
        nl.text(_NAME, one.name), nl.attribute(_L3, family), nl.attribute(_L4, bytes([one.protocol])), nl.nest(_DATA, *times),
    )  # fmt: skip
    return nl.message(_TIMEOUT, flags | replace, 0, b"".join(parts))


def _lacking(one: NamedObject, code: int) -> Problem:
    timeouts = isinstance(one, TimeoutPolicy)
    what = "timeout policies of conntrack" if timeouts else "accounting objects (nfacct)"
    option = "CONFIG_NF_CONNTRACK_TIMEOUT and CONFIG_NF_CT_NETLINK_TIMEOUT" if timeouts else "CONFIG_NETFILTER_NETLINK_ACCT"
    said = f"a rule names {one.name!r}, and the kernel makes no such object: {os.strerror(code)}"
    return Problem(f"this machine lacks {what}: {said}", mend=f"take a kernel with {option}, or load its module as root")
