"""Sets of flows, and what is told of them."""

from __future__ import annotations

import importlib
from itertools import islice
from random import Random

import pytest

import lab.model.diagrams
from lab.model.diagrams import DESTINATION, DPORT, PROTO, SOURCE, Space
from lab.ruleset.addresses import size, together


@pytest.fixture(params=["dd.cudd", "dd.autoref"])
def space(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Space:
    try:
        made = importlib.import_module(request.param)
    except ImportError:
        pytest.skip(f"{request.param} has no wheel here")
    monkeypatch.setattr(lab.model.diagrams, "bdd_module", lambda: made)
    return Space(4, ["eth0", "eth1"])


def test_values_are_those_that_went_in(space: Space) -> None:
    random = Random(5)
    for _ in range(60):
        starts = [random.randrange(2**32) for _ in range(random.randrange(1, 6))]
        ranges = together((low, min(2**32 - 1, low + random.randrange(2 ** random.randrange(32)))) for low in starts)
        flows = space.ranges(SOURCE, ranges)
        assert space.values(flows, SOURCE) == ranges
        assert space.count(flows, [SOURCE]) == size(ranges)
        assert space.count(flows & space.number(DPORT, 443), [SOURCE, DPORT]) == size(ranges)
        assert space.count(flows, [SOURCE, DPORT]) == size(ranges) * 65536
        assert space.one(flows)[SOURCE] == ranges[0][0]
        rest = space.values(~flows, SOURCE)
        assert size(rest) + size(ranges) == 2**32


def test_values_are_told_one_by_one_from_the_lowest(space: Space) -> None:
    """Every second address is 2**31 ranges: who wants three waits for three."""
    odd = space.masked(SOURCE, 1, 1)
    assert list(islice(space.ascending(odd, SOURCE), 3)) == [(1, 1), (3, 3), (5, 5)]
    assert space.count(odd, [SOURCE]) == 2**31
    touching = space.ranges(DPORT, ((1, 3), (5, 5))) | space.ranges(DPORT, ((4, 4), (9, 65535)))
    assert space.values(touching, DPORT) == ((1, 5), (9, 65535))
    assert space.values(space.none, DPORT) == ()
    assert space.values(space.all, DPORT) == ((0, 65535),)


def test_sizes_are_exact(space: Space) -> None:
    """A double has 53 bits."""
    flows = ~(space.number(SOURCE, 1) & space.number(DESTINATION, 2) & space.number(DPORT, 3) & space.number(PROTO, 4))
    assert space.count(flows, [SOURCE, DESTINATION, DPORT, PROTO]) == 2**88 - 1


def test_what_a_set_hangs_on_is_told(space: Space) -> None:
    limited = space.free("limit --limit 3/min", "new")
    ports = space.number(DPORT, 22)
    assert space.rests_on(ports & limited) == ("limit --limit 3/min",)
    assert space.rests_on((ports & limited) | (ports & ~limited)) == ()
    assert space.whatever(ports & limited) == space.none
    assert space.bound(ports & limited) == ports


def test_a_limit_is_one_condition_in_both_dialects(space: Space) -> None:
    iptables = space.free("limit --limit 3/min --limit-burst 10", "new")
    assert iptables == space.free("limit rate 3/minute burst 10 packets", "new")
    assert iptables != space.free("limit rate 3/minute burst 5 packets", "new")
    assert iptables != space.free("limit rate 3/minute burst 10 packets", "answer")


def test_a_prefix_of_a_substituted_field(space: Space) -> None:
    """A network that is mapped onto another keeps the host's bits."""
    flows = space.ranges(DESTINATION, (((10 << 24) + 5, (10 << 24) + 7),))
    sent = space.fixed(flows, DESTINATION, 10 << 24, 24)
    assert space.values(sent & space.prefix(DESTINATION, 192 << 24, 24), DESTINATION) == (((192 << 24) + 5, (192 << 24) + 7),)
