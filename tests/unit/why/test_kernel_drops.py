"""What is dropped for its way back: only a rule that asks for routes is told to ask for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.lead import Lead
from lab.ruleset.held import Chains
from lab.why.kernel_drops import kernel_drops
from tests.unit.why.walks import failed, saved, table, told, way

RPFILTER = "-A PREROUTING -m rpfilter --invert -j DROP"
INVALID = '-A PREROUTING -m conntrack --ctstate INVALID -m comment --comment "no rpfilter" -j DROP'


def of(chains: Chains, dev: str | None) -> list[str]:
    """What is told of a packet that came by lan, where its sender is reached by ``dev``."""
    case = failed(chains, way(chains, "raw:PREROUTING:1 drop"))
    return told(kernel_drops, replace(case, ask_route=lambda node, address, _source, _mark: Lead(node, address, dev)))


@pytest.mark.parametrize(("text", "dev", "said"), [(RPFILTER, "dmz", True), (RPFILTER, "lan", False), (INVALID, "dmz", False)])
def test_a_rule_that_asks_routes(text: str, dev: str, said: bool) -> None:
    words = " ".join(of(saved(table(text, name="raw", policies="ACCEPT")), dev))
    assert ("gateway would send to 10.0.1.10 by dmz, and the packet came in by lan" in words) is said
    assert bool(words) is said
