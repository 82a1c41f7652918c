"""What a lab says that it needs of open files is enough, and not far more than it uses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kernel

CHECKOUT = Path(__file__).resolve().parents[2]
RUN = """
import json, os, resource, sys
from lab.kernel.ground import limits
from lab.lab import Lab
from lab.record.sweep import Gear
from tests.kernel.scenes import rulesets, table, topology
stage = topology(json.loads(sys.argv[1]))
names = list(stage.nodes)
policies = {"gateway": rulesets(table("filter"), v6=table("filter"))}
needed = limits.in_use() + limits.descriptors(stage, policies.keys())
resource.setrlimit(resource.RLIMIT_NOFILE, (needed + 16, needed + 16))  # the lab counts what it opened before its network too
heights = []
with Lab(stage, policies) as lab, lab.captured():
    height, receive = 0, lab.stage.eventually
    def eventually(attempt):
        heights.append(limits.in_use())
        return receive(attempt)
    lab.stage.eventually = eventually
    for name in names:
        for _ in range(2):
            for service in ("tcp/443", "udp/443", "icmp/echo-request"):
                lab.probe(name, "server", service)
            for service in ("tcp/443", "udp/443", "icmpv6/echo-request"):
                lab.probe(name, "server", service, family=6)
    for gear in Gear:
        lab.sweep("client", "server", "tcp/1-200", gear=gear)
    heights.append(limits.in_use())
print(json.dumps({"needed": needed, "used": max(heights)}))
"""


def many(clients: int) -> dict[str, Any]:
    """One gateway in both families, a server with services, and so many clients on one network."""
    nodes: dict[str, Any] = {
        "gateway": {
            "role": "gateway", "forwards": True,
            "interfaces": {"left": ["10.0.0.1", "2001:db8:1::1"], "right": ["10.9.0.1", "2001:db8:2::1"]},
        },
        "server": {
            "role": "backend", "via": "gateway", "services": ["tcp/8000-8019", "udp/53"],
            "interfaces": {"right": ["10.9.0.10", "2001:db8:2::10"]},
        },
    }  # fmt: skip
    for number in range(clients):
        ports = {"left": [f"10.0.1.{number + 1}", f"2001:db8:1::1:{number + 1:x}"]}
        nodes["client" if not number else f"client{number}"] = {"role": "client", "interfaces": ports, "via": "gateway"}
    networks = {"left": ["10.0.0.0/16", "2001:db8:1::/64"], "right": ["10.9.0.0/24", "2001:db8:2::/64"]}
    return {"topology": "many", "networks": networks, "nodes": nodes}


@pytest.mark.parametrize("clients", [1, 12])
def test_the_estimate_covers_the_height_of_use(clients: int) -> None:
    argv = [sys.executable, "-c", RUN, json.dumps(many(clients))]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["used"] <= found["needed"] <= 3 * found["used"]
