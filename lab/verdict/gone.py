"""Why a packet ended outside of every rule, in words: by the kernel's own reason, or by what the sender was told.

Reasons are those of enum skb_drop_reason, in include/net/dropreason-core.h; errors those of RFC 792, RFC 1812 and RFC 4443.
"""

from __future__ import annotations

from lab.record.observation import Observation

_UNTOLD = "no route, reverse path, martian, TTL, length or forwarding off; the reason is not told by this kernel"
_WORDS = {
    "IP_RPFILTER": "the way back to its source is by another interface, or there is none",
    "IP_INNOROUTES": "no route leads to its destination",
    "IP_OUTNOROUTES": "no route leads to its destination",
    "IP_INADDRERRORS": "its destination is none of the node's own, and the node does not forward",
    "IP_INHDR": "its time to live ran out, or its header is broken",
    "IP_CSUM": "its header's checksum is wrong",
    "PKT_TOO_BIG": "it is too long for the link that it was to leave by, and may not be cut up",
    "PKT_TOO_SMALL": "it is shorter than its headers say",
    "IP_LOCAL_SOURCE": "its source is the node's own address",
    "IP_INVALID_SOURCE": "no packet on a network may have its source",
    "IP_INVALID_DEST": "no packet on a network may have its destination",
    "IP_LOCALNET": "its destination or source is a loopback address, which is not for networks",
    "NEIGH_FAILED": "nobody on the network has the address that it was to go to",
    "NEIGH_QUEUEFULL": "too many packets waited for the same neighbour",
    "NEIGH_CREATEFAIL": "the table of neighbours is full",
    "IPV6DISABLED": "IPv6 is off at the interface",
    "IPV6_NDISC_HOP_LIMIT": "a message of neighbour discovery had another hop limit than 255",
}
_TOLD = {
    "icmp 11/0": "its time to live ran out",
    "icmpv6 3/0": "its hop limit ran out",
    "icmp 3/4": _WORDS["PKT_TOO_BIG"],
    "icmpv6 2/0": "it is too long for the link that it was to leave by",
    "icmp-net-unreachable": "no route leads to its destination",
    "icmp6-no-route": "no route leads to its destination",
    "icmp-host-unreachable": "by the error an `unreachable` route, or an address that nobody has",
    "icmp-admin-prohibited": "by the error a `prohibit` route",
    "icmp6-adm-prohibited": "by the error a `prohibit` route",
}
NDISC_REASONS = ("IPV6_NDISC_HOP_LIMIT",)


def reasons_in_words(reasons: tuple[str, ...]) -> str:
    """The kernel's reasons, each in words with its own name behind.

    >>> reasons_in_words(("IP_INNOROUTES", "NEW_ONE"))
    'no route leads to its destination (IP_INNOROUTES), NEW_ONE'
    """
    return ", ".join(f"{_WORDS[reason]} ({reason})" if reason in _WORDS else reason for reason in reasons)


def why_gone(observation: Observation) -> str:
    """Why no node saw it again, as far as anybody told: the kernel, or the error that came to the sender."""
    if observation.reasons:
        return reasons_in_words(observation.reasons)
    told = observation.refusal
    return _UNTOLD if told is None else _TOLD.get(told.kind, _UNTOLD)
