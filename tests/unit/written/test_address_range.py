"""Ranges of addresses in words."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from lab.written.address_range import is_range, parse_range


@pytest.mark.parametrize("word", ["10.0.0.1-10.0.0.9", "10.0.0.1 - 10.0.0.9", "2001:db8::1-2001:db8::9", "10.0.0.1-10.0.0.1"])
def test_a_range_has_its_ends_and_what_lies_between(word: str) -> None:
    assert is_range(word)
    found = parse_range(word)
    assert found.first in found
    assert found.last in found
    assert ip_address(int(found.last) + 1) not in found
    assert sum(prefix.num_addresses for prefix in found.prefixes()) == int(found.last) - int(found.first) + 1


@pytest.mark.parametrize("word", ["web-1", "10.0.0.1", "10.0.0.1-9", "-10.0.0.1", "10.0.0.1-", "10.0.0.0/24-10.0.1.0/24"])
def test_what_is_no_range(word: str) -> None:
    assert not is_range(word)


@pytest.mark.parametrize(
    ("word", "why"), [("10.0.0.9-10.0.0.1", "ends before it begins"), ("10.0.0.1-2001:db8::1", "begins in one family")]
)
def test_a_range_that_cannot_be(word: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_range(word)
    assert ip_address("2001:db8::5") not in parse_range("10.0.0.1-10.0.0.9")
