"""Past limiters a lab that was asked much says what a fresh one says; `ci/equal` asks a thousand rulesets like these twenty."""

from __future__ import annotations

from collections import Counter

import pytest

from ci.equality import compare
from ci.limiters import example

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("seed", range(20))
def test_what_is_asked_in_a_row_is_what_fresh_nodes_say(seed: int) -> None:
    counts: Counter[str] = Counter()
    assert compare(example(seed, flows=2, ports=2), counts, exposure=seed == 0) == []
    assert counts["answers"] >= 2 * 2 * 6
    assert not counts["lost"]
    assert not counts["unsettled"]  # no rule of these decides by chance
    assert not counts["refused"]
