"""``lab status``: what is to be seen of a lab that is up."""

from __future__ import annotations

import json

import jsonschema
import pytest

from lab.report.wire.schema import status_schema
from tests.doors.project import Project
from tests.kept import Up

pytestmark = pytest.mark.kernel


def test_counters_since_the_last_look_and_what_was_changed(project: Project, it: Up) -> None:
    first = project.lab("status", "it").ended(0).out
    assert first.startswith("it, on small; nobody has looked before\n")
    assert "  wan          up  198.51.100.1/" in first
    assert " entries\n" in first
    project.lab("trace", "world", "web-vip", "tcp/443", "--lab", "it").ended(0)
    it.type("gateway", "iptables -A INPUT -j DROP", "ip link set dmz down")
    second = project.lab("status", "it", "gateway").ended(0).out
    assert "s ago\n" in second.splitlines(keepends=True)[0]
    assert "gateway  rules were changed by hand\n" in second
    assert "  dmz          DOWN" in second
    assert "+1  filter:FORWARD:2 (publish-web)  [policies/small-gateway.rules.j2:" in second
    assert "world" not in second
    report = json.loads(project.lab("status", "it", "gateway", "--json", "-").ended(0).out)
    jsonschema.validate(report, status_schema())
    (node,) = report["nodes"]
    assert {rule["since"] for rule in node["rules"]} == {0}
    assert [rule["text"] for rule in node["rules"] if rule["by_hand"]] == ["-A INPUT -j DROP"]


def test_what_cannot_be_looked_at(project: Project, it: Up) -> None:
    assert "it has no node 'nope'" in project.lab("status", "it", "nope").ended(2).err
    assert "--watch and --json" in project.lab("status", "it", "--watch", "--json", "-").ended(2).told
    it.type("gateway", "nft add table inet t", "nft add chain inet t c { type filter hook input priority 0; }")
    it.type("gateway", "nft add rule inet t c meta nftrace set 0")
    told = project.lab("status", "it", "gateway").ended(0).out
    assert "  rules        `meta nftrace set 0` in t c can switch off the trace" in told
