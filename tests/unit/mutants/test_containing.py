from __future__ import annotations

import pytest

from ci.mutants.containing import contains
from lab.record.difference import FlowClass

OF = FlowClass(
    ("10.0.0.0/8", "fd00::-fd00::ff"), ("192.0.2.1-192.0.2.9",),
    ("tcp/80,440-443", "icmp/echo-request", "icmp/15", "proto/40-60"),
)


@pytest.mark.parametrize(
    ("source", "destination", "service", "inside"),
    [
        ("10.255.0.1", "192.0.2.9", "tcp/441", True), ("11.0.0.1", "192.0.2.9", "tcp/441", False),
        ("10.255.0.1", "192.0.2.10", "tcp/441", False), ("10.255.0.1", "192.0.2.9", "tcp/81", False),
        ("10.255.0.1", "192.0.2.9", "udp/441", False), ("10.255.0.1", "192.0.2.9", "icmp/echo-request", True),
        ("10.255.0.1", "192.0.2.9", "icmp/15", True), ("10.255.0.1", "192.0.2.9", "icmp/timestamp-request", False),
        ("fd00::80", "192.0.2.1", "icmpv6/echo-request", True),
    ],
)  # fmt: skip
def test_a_flow_is_in_a_class_as_its_words_say(source: str, destination: str, service: str, inside: bool) -> None:
    assert contains(OF, source, destination, service) is inside


def test_against_a_class_that_is_not_told_whole_nothing_can_be_held() -> None:
    assert contains(FlowClass(("10.0.0.1", "…"), ("10.0.0.2",), ("tcp/1",)), "10.9.9.9", "10.0.0.2", "tcp/1")
