"""Addresses as ranges and prefixes."""

from __future__ import annotations

import pytest

from lab.report.addresses import addresses_text, edges_text


@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        (["10.0.0.9"], ["10.0.0.9"]),
        (["10.0.0.3", "10.0.0.1", "10.0.0.2"], ["10.0.0.1-10.0.0.3"]),
        (["10.0.0.1", "10.0.0.2"], ["10.0.0.1-10.0.0.2"]),
        (["10.0.0.2", "10.0.0.3", "10.0.0.0", "10.0.0.1"], ["10.0.0.0/30"]),
        (["10.0.0.0", "10.0.0.255"], ["10.0.0.0", "10.0.0.255"]),
        (["2001:db8::1", "10.0.0.2", "2001:db8::", "10.0.0.2"], ["10.0.0.2", "2001:db8::/127"]),
        (["255.255.255.255", "::"], ["255.255.255.255", "::"]),
    ],
)
def test_addresses_that_follow_one_another(addresses: list[str], told: list[str]) -> None:
    assert addresses_text(addresses) == told


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["192.0.2.0", "192.0.2.255"], ["192.0.2.0/24"]),
        (["192.0.2.1", "192.0.2.255"], ["192.0.2.1", "192.0.2.255"]),
        (["192.0.2.0", "192.0.2.254"], ["192.0.2.0", "192.0.2.254"]),
        (["192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0", "198.51.100.7"], ["192.0.1.255-192.0.3.0", "198.51.100.7"]),
        (["2001:db8::", "2001:db8:0:ffff:ffff:ffff:ffff:ffff"], ["2001:db8::/48"]),
        (["no address", "192.0.2.0"], ["no address", "192.0.2.0"]),
    ],
)
def test_sources_at_the_edges_of_a_prefix(asked: list[str], told: list[str]) -> None:
    assert edges_text(asked) == told
