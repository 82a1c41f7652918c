"""Made-up cases: what failed, and what nodes hold."""

from __future__ import annotations

from typing import Any

from lab.record.verdict import Verdict
from lab.why.case import Case
from lab.written.cell import Expectation
from lab.written.topology import Topology

TOPOLOGY = Topology.model_validate({
    "topology": "made",
    "networks": {"lan": "10.0.1.0/24", "dmz": "10.0.2.0/24"},
    "nodes": {
        "client": {"role": "client", "interfaces": {"lan": "10.0.1.10"}, "via": "gateway"},
        "gateway": {"role": "gateway", "interfaces": {"lan": "10.0.1.1", "dmz": "10.0.2.1"}, "forwards": True},
        "server": {"role": "backend", "interfaces": {"dmz": "10.0.2.10"}, "via": "gateway"},
    },
})


def case(failed: Verdict, action: str = "allow", **keys: Any) -> Case:
    """A verdict that is not what ``action`` expects at the gateway; ``keys`` are further ones of a case."""
    expect = Expectation(action, None, keys.pop("further", {}))
    return Case(failed, expect, "gateway", keys.pop("topology", TOPOLOGY), **keys)
