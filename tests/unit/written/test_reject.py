"""One table says what a rejection is called, in which family, and which packet it is."""

from __future__ import annotations

import pytest

from lab.written.reject import REJECT_KINDS, canonical_reject, families_of_kind, kind_of_icmp, kind_of_nft


@pytest.mark.parametrize(
    ("kind", "family", "alias", "nft", "icmp"),
    [
        ("icmp-port-unreachable", 4, "port-unreach", ("icmp", "port-unreachable"), (3, 3)),
        ("icmp-proto-unreachable", 4, "proto-unreach", ("icmp", "prot-unreachable"), (3, 2)),
        ("icmp-admin-prohibited", 4, "admin-prohib", ("icmp", "admin-prohibited"), (3, 13)),
        ("icmp6-adm-prohibited", 6, "adm-prohibited", ("icmpv6", "admin-prohibited"), (1, 1)),
        ("icmp6-reject-route", 6, "reject-route", ("icmp6", "reject-route"), (1, 6)),
    ],
)
def test_every_name_of_one_answer(kind: str, family: int, alias: str, nft: tuple[str, str], icmp: tuple[int, int]) -> None:
    assert {canonical_reject(alias, family=family), kind_of_nft(*nft), kind_of_icmp(family, *icmp)} == {kind}
    assert canonical_reject(kind, family=family) == kind


def test_every_kind_of_icmp_is_a_packet_of_its_own() -> None:
    packets = [(f, t, c) for f in (4, 6) for t in range(256) for c in range(20) if kind_of_icmp(f, t, c) is not None]
    told = [kind_of_icmp(*packet) for packet in packets]
    assert sorted(str(kind) for kind in told) == sorted(
        kind for kind in REJECT_KINDS if kind.startswith(("icmp-", "icmp6-"))
    )
    assert [families_of_kind(str(kind)) for kind in told] == [(family,) for family, _, _ in packets]


def test_what_no_table_has_keeps_its_words() -> None:
    assert (kind_of_nft("icmp", "new-kind"), kind_of_nft("icmpx", "no-route")) == ("icmp-new-kind", "icmpx-no-route")
    assert kind_of_icmp(4, 11, 0) is None
