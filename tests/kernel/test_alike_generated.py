"""A port that speaks for others says what a packet to each of them would have: past rulesets made at random."""

from __future__ import annotations

import pytest

from tests.kernel.generated import difference

pytestmark = pytest.mark.kernel


def test_of_twenty_rulesets_each_is_told_as_if_every_port_were_sent() -> None:
    found = [difference(seed, 250) for seed in range(20)]
    assert [said for said, _ in found if said] == []
    assert sum(sent < 250 for _, sent in found) >= 15, "most of them have to be told by few ports"
