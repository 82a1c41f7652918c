"""Nodes say nothing unasked: what the kernel itself tells of its multicast groups is dropped before any rule sees it.

An interface with IPv6 reports its groups some three times within its first second (RFC 3810), whatever its sysctls say.  Each
report would move a counter or spend a limit of the node's OUTPUT and of its neighbours' PREROUTING, sooner or later.
IPv4 has no groups that are reported unless a process joins one, and the baseline switches the rest off.
"""

from __future__ import annotations

from lab.kernel.namespace import Namespace
from lab.kernel.nft_expressions import DROP, META_L4PROTO, NETWORK, TRANSPORT, equals, header, meta, verdict
from lab.kernel.owned_table import FIRST, HOOKS, NFPROTO_IPV6, QUIET_TABLE, Owner

_OUTPUT = "output"
_NEXT_HEADER, _HOP_BY_HOP = 6, 0  # its place in an IPv6 header; RFC 8200
_ICMPV6 = 58
_MLD = (130, 131, 132, 143)  # query, report, done, report of version 2 (RFC 2710, RFC 3810)


def reports() -> list[tuple[bytes, ...]]:
    """What rules match the kernel's own messages about groups by; a probe of these types has no hop-by-hop header."""
    kernels = (header(NETWORK, _NEXT_HEADER, 1), equals(bytes([_HOP_BY_HOP])), meta(META_L4PROTO), equals(bytes([_ICMPV6])))
    return [(*kernels, header(TRANSPORT, 0, 1), equals(bytes([kind]))) for kind in _MLD]


def keep_quiet(namespace: Namespace, *, owned: bool) -> Owner | None:
    """Drop them in ``namespace`` from now on, which must be before its first link.

    Where rulesets are loaded the table must be ``owned``: it stays through a ``flush ruleset``, until its owner is removed.
    Elsewhere it goes with the namespace: the kernel takes some milliseconds to let an owner go.
    """
    owner = Owner(namespace, QUIET_TABLE, "the table that keeps a node quiet")
    rules = [owner.rule(_OUTPUT, *match, verdict(DROP), family=NFPROTO_IPV6) for match in reports()]
    chain = owner.chain(_OUTPUT, HOOKS.index(_OUTPUT), FIRST, NFPROTO_IPV6)
    owner.commit(owner.table(NFPROTO_IPV6, owned=owned), chain, *rules)
    if owned:
        return owner
    owner.remove()
    return None
