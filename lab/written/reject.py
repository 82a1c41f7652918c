"""The answers that a REJECT can give: by the names of iptables, ip6tables and nft, by family, and as a packet."""

from __future__ import annotations

from typing import NamedTuple

from lab.written.cell import FAMILIES


class _Answer(NamedTuple):
    """``kind`` as iptables-save prints it, ``alias`` its other word there (iptables-extensions(8)), ``nft`` nft's word."""

    kind: str
    family: int
    icmp: tuple[int, int]  # type and code: RFC 792, RFC 1122, RFC 1812; RFC 4443
    alias: str
    nft: str


_ANSWERS = (
    _Answer("icmp-net-unreachable", 4, (3, 0), "net-unreach", "net-unreachable"),
    _Answer("icmp-host-unreachable", 4, (3, 1), "host-unreach", "host-unreachable"),
    _Answer("icmp-port-unreachable", 4, (3, 3), "port-unreach", "port-unreachable"),
    _Answer("icmp-proto-unreachable", 4, (3, 2), "proto-unreach", "prot-unreachable"),
    _Answer("icmp-net-prohibited", 4, (3, 9), "net-prohib", "net-prohibited"),
    _Answer("icmp-host-prohibited", 4, (3, 10), "host-prohib", "host-prohibited"),
    _Answer("icmp-admin-prohibited", 4, (3, 13), "admin-prohib", "admin-prohibited"),
    _Answer("icmp6-no-route", 6, (1, 0), "no-route", "no-route"),
    _Answer("icmp6-adm-prohibited", 6, (1, 1), "adm-prohibited", "admin-prohibited"),
    _Answer("icmp6-addr-unreachable", 6, (1, 3), "addr-unreach", "addr-unreachable"),
    _Answer("icmp6-port-unreachable", 6, (1, 4), "port-unreach", "port-unreachable"),
    _Answer("icmp6-policy-fail", 6, (1, 5), "policy-fail", "policy-fail"),
    _Answer("icmp6-reject-route", 6, (1, 6), "reject-route", "reject-route"),
)
# What nft's words for both families send in each: net/netfilter/nft_reject.c.
_IN_BOTH = {
    "icmpx-no-route": {4: "icmp-net-unreachable", 6: "icmp6-no-route"},
    "icmpx-host-unreachable": {4: "icmp-host-unreachable", 6: "icmp6-addr-unreachable"},
    "icmpx-port-unreachable": {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"},
    "icmpx-admin-prohibited": {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"},
}
RESET = "tcp-reset"
REJECT_KINDS = (*(answer.kind for answer in _ANSWERS), *_IN_BOTH, RESET)

_BY_ALIAS = {(answer.family, answer.alias): answer.kind for answer in _ANSWERS} | {
    (family, "tcp-rst"): RESET for family in FAMILIES
}
_BY_NFT = {(answer.family, answer.nft): answer.kind for answer in _ANSWERS}
_BY_ICMP = {(answer.family, answer.icmp): answer.kind for answer in _ANSWERS}
_OF_NFT = {"icmp": (4, "icmp-"), "icmpv6": (6, "icmp6-"), "icmp6": (6, "icmp6-")}


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


def canonical_reject(kind: str, *, family: int = 4) -> str:
    """A kind of rejection in one family by the name that iptables-save prints, whichever alias or word of nft it has."""
    return _BY_ALIAS.get((family, kind)) or kind_in(kind, family)


def kind_of_nft(protocol: str, word: str) -> str:
    """The kind that nft writes ``reject with PROTOCOL WORD`` (``icmpx``, ``port-unreachable``)."""
    if protocol not in _OF_NFT:
        return f"{protocol}-{word}"
    family, prefix = _OF_NFT[protocol]
    return _BY_NFT.get((family, word), prefix + word)


def kind_of_icmp(family: int, icmp_type: int, code: int) -> str | None:
    """The kind of rejection that an ICMP error of this type and code is; None for one that REJECT does not send."""
    return _BY_ICMP.get((family, (icmp_type, code)))
