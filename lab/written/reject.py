"""The answers that a REJECT can give, by the names of iptables, ip6tables and nft, and the families that each is for."""

from __future__ import annotations

from lab.written.cell import FAMILIES

# What nft's words for both families send in each: net/netfilter/nft_reject.c.
_IN_BOTH = {
    "icmpx-no-route": {4: "icmp-net-unreachable", 6: "icmp6-no-route"},
    "icmpx-host-unreachable": {4: "icmp-host-unreachable", 6: "icmp6-addr-unreachable"},
    "icmpx-port-unreachable": {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"},
    "icmpx-admin-prohibited": {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"},
}
REJECT_KINDS = (
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp-port-unreachable",
    "icmp-proto-unreachable",
    "icmp-net-prohibited",
    "icmp-host-prohibited",
    "icmp-admin-prohibited",
    "icmp6-no-route",
    "icmp6-adm-prohibited",
    "icmp6-addr-unreachable",
    "icmp6-port-unreachable",
    "icmp6-policy-fail",
    "icmp6-reject-route",
    *_IN_BOTH,
    "tcp-reset",
)


def families_of_kind(kind: str) -> tuple[int, ...]:
    """The families that an answer of this kind can be given in."""
    if kind.startswith("icmp6-"):
        return (6,)
    return (4,) if kind.startswith("icmp-") else FAMILIES


def kind_in(kind: str, family: int) -> str:
    """What a word for both families sends in one; any other kind is itself."""
    return _IN_BOTH[kind][family] if kind in _IN_BOTH else kind


def kind_for_both(kind: str) -> str | None:
    """The word for both families that sends ``kind`` in its own; None where there is none."""
    return next((both for both, each in _IN_BOTH.items() if kind in each.values()), None)
