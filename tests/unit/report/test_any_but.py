from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.record.difference import FlowClass
from lab.report.any_but import any_but
from lab.report.differences import between
from tests.unit.report.differing import opens

FOUR = ["1.0.0.0-126.255.255.255", "128.0.0.0-169.253.255.255", "169.255.0.0-223.255.255.255"]


@pytest.mark.parametrize(
    ("texts", "left_out"),
    [
        (FOUR, []),
        (["1.0.0.0-10.0.0.255", "10.0.2.0-126.255.255.255", *FOUR[1:]], ["10.0.1.0/24"]),
        (["1.0.0.0-10.0.0.255", "10.0.2.0-11.0.0.6", "11.0.0.8-126.255.255.255", *FOUR[1:]], ["10.0.1.0/24", "11.0.0.7"]),
        (["1.0.0.0-10.0.0.255", "10.0.2.1-126.255.255.255", *FOUR[1:]], ["10.0.1.0-10.0.2.0"]),
        (["::/1", "8000::/2", "c000::/3", "e000::/4"], ["f000::-fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::/10"]),
        (FOUR[:2], None),
        (["10.0.0.0/24", "10.0.2.0/24", "10.0.4.0/24"], None),
        ([*FOUR, "2001:db8::/32"], None),
        ([*FOUR, "not an address"], None),
        ([f"{one * 2 + 10}.0.0.0/8" for one in range(40)], None),
        ([], None),
    ],
)
def test_nearly_all_addresses_are_told_by_what_is_left_out(texts: list[str], left_out: list[str] | None) -> None:
    assert any_but(texts) == left_out


@given(st.sets(st.integers(1 << 24, (127 << 24) - 1), min_size=1, max_size=4))
def test_what_is_left_out_is_all_that_is_left_out(out: set[int]) -> None:
    texts, start = list(FOUR[1:]), 1 << 24
    for one in sorted(out):
        texts += [f"{ip_address(start)}-{ip_address(one - 1)}"] if start < one else []
        start = one + 1
    texts += [f"{ip_address(start)}-126.255.255.255"] if start < 127 << 24 else []
    left_out = any_but(texts)
    if left_out is not None:
        assert len(left_out) < len(texts)
        assert {one for text in left_out for one in ends(text)} == out


def ends(text: str) -> range:
    """The numbers of a range of few addresses."""
    low, dash, high = text.partition("-")
    network = ip_network(text) if not dash else None
    first, last = (network[0], network[-1]) if network is not None else (ip_address(low), ip_address(high))
    return range(int(first), int(last) + 1)


def test_it_is_told_in_a_line() -> None:
    of = FlowClass(("1.0.0.0-10.0.0.255", "10.0.2.0-126.255.255.255", *FOUR[1:]), tuple(FOUR), ("tcp/22",), entered=("wan",))
    assert between(opens(of=of)) == "any but 10.0.1.0/24 by wan -> any"
