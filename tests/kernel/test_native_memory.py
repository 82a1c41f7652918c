"""Native rules that remember, in chains that only verdict maps lead to: each cell meets them as if it were the first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.prepare.plan import Choices
from lab.prepare.plans import make_plans
from lab.run.runner import Order, run
from tests.kernel.conftest import Silent
from tests.kernel.scenes import corridor

pytestmark = pytest.mark.kernel

ONCE = "limit rate 1/hour burst 1 packets accept"
MAPS = {
    "type": "icmp type vmap { echo-request : jump greeting }",
    "fib": "fib daddr type vmap { local : goto greeting, broadcast : drop }",
    "state": "ct state vmap { new : jump greeting }",
    "named": "icmp type vmap @kinds",
    "block": "meta l4proto icmp jump { icmp type vmap { echo-request : goto greeting } ; }",
    "set": "ip saddr @guests accept",
}
SCRIPT = """table inet door {{
    set guests {{ type ipv4_addr; flags dynamic; limit rate 1/hour burst 1 packets; elements = {{ 10.0.1.10 }} }}
    chain greeting {{
        {once}
        drop
    }}
    map kinds {{ type icmp_type : verdict; elements = {{ echo-request : jump greeting }} }}
    chain input {{
        type filter hook input priority filter; policy drop;
        {rule}
    }}
}}
"""


def outcomes(folder: Path, written: Mapping[str, Any], script: str, service: str) -> list[str]:
    """What becomes of three rows that are alike."""
    for kind, name, text in (
        ("topologies", "corridor.yaml", json.dumps(written)),
        ("policies", "gateway.nft", script),
        ("matrices", "made.yaml", json.dumps({
            "matrix": "made", "about": "Made by a test.", "for": "gateway", "topology": "corridor",
            "policies": {"gateway": "gateway"},
            "flows": [
                {"name": f"row {number}", "from": "client", "to": "gateway@left", "service": service, "expect": "allow"}
                for number in range(3)
            ],
        })),
    ):  # fmt: skip
        (folder / kind).mkdir()
        (folder / kind / name).write_text(text)
    plans = make_plans([folder / "matrices" / "made.yaml"], Choices())
    return [str(cell.outcome) for cell in run(plans, Order(), Silent()).results]


@pytest.mark.parametrize("rule", MAPS.values(), ids=MAPS)
def test_every_cell_is_the_first(tmp_path: Path, rule: str) -> None:
    script = SCRIPT.format(once=ONCE, rule=rule)
    assert outcomes(tmp_path, corridor(), script, "icmp/echo-request") == ["passed"] * 3
