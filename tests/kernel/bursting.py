"""Limits in every dialect, and rows that send bursts past them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.prepare.plan import Choices
from lab.prepare.plans import make_plans
from lab.record.result import CellResult
from lab.record.way import Way
from lab.ruleset.backend import Backend
from lab.run.runner import Order, run
from tests.kernel.conftest import Silent
from tests.kernel.scenes import table

SECOND = {4: "10.0.1.11", 6: "2001:db8:1::b"}
STAGE = {
    "topology": "doorway",
    "networks": {"left": ["10.0.1.0/24", "2001:db8:1::/64"], "right": ["10.0.2.0/24", "2001:db8:2::/64"]},
    "nodes": {
        "client": {
            "role": "client", "via": "gateway",
            "interfaces": {"left": ["10.0.1.10", SECOND[4], "2001:db8:1::a", SECOND[6]]},
        },
        "other": {"role": "client", "interfaces": {"left": ["10.0.1.20", "2001:db8:1::20"]}, "via": "gateway"},
        "gateway": {
            "role": "gateway", "forwards": True,
            "interfaces": {"left": ["10.0.1.1", "2001:db8:1::1"], "right": ["10.0.2.1", "2001:db8:2::1"]},
        },
        "server": {"role": "backend", "interfaces": {"right": ["10.0.2.10", "2001:db8:2::10"]}, "via": "gateway"},
    },
}  # fmt: skip
TO = "-A FORWARD -m conntrack --ctstate NEW -p"
NEW = "ct state new"


def saved(*rules: str) -> dict[str, str]:
    """Files of both families, with what lets answers and IPv6's neighbours through."""
    known = "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    text = table("filter", known, *rules, FORWARD="DROP")
    return {"gateway.rules": text, "gateway.rules6": text}


def native(*rules: str, sets: Sequence[str] = ()) -> dict[str, str]:
    """The same as a script of nft."""
    line = "\n    "
    lines = f"{line}    ".join(rules)
    script = f"""table inet door {{
    {line.join(sets)}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        {lines}
    }}
}}
"""
    return {"gateway.nft": script}


def row(name: str, service: str, send: int, passing: object, rest: object = "drop", **more: Any) -> Mapping[str, Any]:
    """A row of a burst."""
    return {"name": name, "service": service, "burst": {"send": send, "pass": passing, "rest": rest, **more}}


def results(
    folder: Path, files: Mapping[str, str], rows: Sequence[Mapping[str, Any]], backend: Backend = Backend.NFT
) -> dict[str, CellResult]:  # fmt: skip
    """What a run makes of rows from client to server, by the cell's row and family (`limit/6`)."""
    matrix = {
        "matrix": "made", "about": "Made by a test.", "for": "gateway", "topology": "doorway",
        "policies": {"gateway": "gateway"}, "flows": [{"from": "other", "to": "server", **row} for row in rows],
    }  # fmt: skip
    texts = {"topologies/doorway.yaml": json.dumps(STAGE), "matrices/made.yaml": json.dumps(matrix)}
    for name, text in (texts | {f"policies/{name}": text for name, text in files.items()}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    plans = [plan.in_way(Way(str(backend)), "") for plan in make_plans([folder / "matrices/made.yaml"], Choices())]
    ran = run(plans, Order(), Silent())
    assert not ran.problems, ran.problems
    return {f"{cell.row}/{cell.family}": cell for cell in ran.results}


def told(cell: CellResult) -> list[str]:
    """Which packets fared how, series by series."""
    return [
        " ".join(f"{group.numbers} {group.verdict.kind}" for group in series.groups) for series in cell.bursts
    ]
