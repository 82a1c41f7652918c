"""Sets of flows: what is in both, what is left, how many."""

from __future__ import annotations

import itertools
import random

import pytest

from lab.record.difference import FlowClass
from lab.ruleset.addresses import common, less, together
from lab.study.change.boxes import Box, Ranges, box_of, count, everything, meets, service_spans, without, words_of


def members(ranges: Ranges) -> set[int]:
    return {number for low, high in ranges for number in range(low, high + 1)}


def points(box: Box) -> set[tuple[int, ...]]:
    return set(itertools.product(*map(members, box)))


def some(chance: random.Random) -> Ranges:
    starts = [(low := chance.randrange(9), low + chance.randrange(4)) for _ in range(chance.randrange(1, 4))]
    return together(starts)


def test_they_are_the_operations_of_sets_on_random_ranges_and_boxes() -> None:
    chance = random.Random(13)
    for _ in range(500):
        left, right = some(chance), some(chance)
        assert members(common(left, right)) == members(left) & members(right)
        assert members(less(left, right)) == members(left) - members(right)
        assert together(less(left, right)) == less(left, right)
        boxes = [Box(some(chance), some(chance), some(chance)) for _ in range(3)]
        whole = set().union(*map(points, boxes))
        assert count(boxes) == len(whole)
        assert meets(boxes[0], boxes[1]) == bool(points(boxes[0]) & points(boxes[1]))
        pieces = without([boxes[0]], boxes[1])
        assert set().union(*map(points, pieces)) == points(boxes[0]) - points(boxes[1])
        assert sum(map(len, map(points, pieces))) == len(points(boxes[0]) - points(boxes[1]))


@pytest.mark.parametrize(
    ("word", "flows"),
    [
        ("tcp/22", 1), ("tcp/1-1023,8080", 1024), ("udp", 65535), ("tcp/0-65535", 65535), ("icmp/echo-request", 1),
        ("icmpv6/128", 1), ("icmp", 256), ("proto/47", 1), ("gre", 1), ("sctp/9", 1),
    ],
)  # fmt: skip
def test_services_as_numbers(word: str, flows: int) -> None:
    assert sum(high - low + 1 for low, high in service_spans(word)) == flows


@pytest.mark.parametrize("word", ["tcp/x", "tcp/70000", "proto/999", "proto/x", "nothing", "tcp/9-", "tcp/9-8,"])
def test_words_that_are_no_service(word: str) -> None:
    with pytest.raises(ValueError, match=r"is not a service|is no list of ports"):
        service_spans(word)


def test_a_protocol_by_its_name_and_number_is_one_service_and_any_has_all() -> None:
    assert service_spans("gre") == service_spans("proto/47")
    anything = everything(4)._replace(services=service_spans("any"))
    assert all(meets(anything, everything(4)._replace(services=service_spans(word))) for word in ("gre", "tcp/1", "icmpv6/128"))


def test_a_class_in_words() -> None:
    box = box_of(FlowClass(("10.0.0.0/24", "10.0.2.1-10.0.2.3"), ("192.0.2.1",), ("tcp/80", "icmp/echo-request")), 4)
    assert box.size == 259 * 2
    assert words_of(box, 4) == "10.0.0.0/24, 10.0.2.1-10.0.2.3 > 192.0.2.1 icmp/8, tcp/80"
