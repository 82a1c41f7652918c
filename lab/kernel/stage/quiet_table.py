"""Nodes say nothing unasked: what the kernel itself tells of its multicast groups is dropped before any rule sees it.

An interface with IPv6 reports its groups some three times within its first second (RFC 3810), whatever its sysctls say.  Each
report would move a counter or spend a limit of the node's OUTPUT and of its neighbours' PREROUTING, sooner or later.
IPv4 has no groups that are reported unless a process joins one, and the baseline switches the rest off.
"""

from __future__ import annotations

from lab.kernel.ground.names import QUIET_TABLE
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.nft_expressions import DROP, NETWORK, equals, header, verdict
from lab.kernel.ground.owned_table import FIRST, HOOKS, NFPROTO_IPV6, Owner

_OUTPUT = "output"
_NEXT_HEADER, _OPTIONS = 6, 40  # where an IPv6 header has the one, and where the other begin
_HOP_BY_HOP = b"\0"
# ICMPv6 follows; the option router alert, for multicast listener discovery; padding (RFC 2711, the kernel's mld_newpack)
_ROUTER_ALERT = b"\x3a\0\x05\x02\0\0\x01\0"


def report() -> tuple[bytes, ...]:
    """What a rule knows the kernel's own messages by; a probe of their types has no such option."""
    alert = header(NETWORK, _OPTIONS, len(_ROUTER_ALERT)), equals(_ROUTER_ALERT)
    return header(NETWORK, _NEXT_HEADER, 1), equals(_HOP_BY_HOP), *alert


def keep_quiet(namespace: Namespace, *, owned: bool, instead: bool = False) -> Owner | None:
    """Drop them in ``namespace`` from now on, which must be before its first link.

    Where rulesets are loaded the table must be ``owned``: it stays through a ``flush ruleset``, until its owner is removed.
    Elsewhere it goes with the namespace: the kernel takes some milliseconds to let an owner go.  ``instead`` puts it in the
    place of one that is there, in one transaction.
    """
    owner = Owner(namespace, QUIET_TABLE, "the table that keeps a node quiet")
    rule = owner.rule(_OUTPUT, *report(), verdict(DROP), family=NFPROTO_IPV6)
    chain = owner.chain(_OUTPUT, HOOKS.index(_OUTPUT), FIRST, NFPROTO_IPV6)
    before = [owner.no_table(NFPROTO_IPV6)] if instead else []
    owner.commit(*before, owner.table(NFPROTO_IPV6, owned=owned), chain, rule)
    if owned:
        return owner
    owner.remove()
    return None
