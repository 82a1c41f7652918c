"""What opens for an address that no node has is seen, and compared with an earlier report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.prepare.plan import Choices
from lab.prepare.plans import make_plans
from lab.record.exposure import ExposureReport
from lab.report.exposure import exposure_json
from lab.study.compare_exposures import read_saved
from lab.study.exposure import measure

pytestmark = pytest.mark.kernel

TOPOLOGY = """
topology: branch
networks: {line: 192.0.2.0/24, desk: 10.4.0.0/24}
nodes:
  world: {role: internet, interfaces: {line: 192.0.2.254}, anyip: true, via: edge}
  edge:
    role: gateway
    forwards: true
    via: world
    interfaces: {wan0: {network: line, address: 192.0.2.1}, lan0: {network: desk, address: 10.4.0.1}}
  desktop: {role: client, interfaces: {desk: 10.4.0.10}, via: edge}
"""
MATRIX = """
matrix: branch
for: gateway
topology: branch
policies: {edge: branch}
default: {expect: drop, between: [net:line, net:desk], services: tcp/1}
"""
HEAD = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
OURS = """-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i lan0 -o wan0 -p tcp -m multiport --dports 25,443 -j ACCEPT
-A FORWARD -i wan0 -d 10.4.0.10/32 -p tcp -m tcp --dport 7070 -j ACCEPT
"""
PREFIX = "-A FORWARD -s 203.0.113.0/24 -i wan0 -p tcp -m tcp --dport 5900 -j ACCEPT\n"
NOBODY = "-A FORWARD -i wan0 -d 10.4.0.50/32 -p tcp -m tcp --dport 22 -j ACCEPT\n"
GRE = "-A FORWARD -i wan0 -p gre -j ACCEPT\n"
NATIVE = """table inet filter {{
  set partners {{ type ipv4_addr; flags interval; elements = {{ 203.0.113.0/24 }} }}
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    {rule}
  }}
}}
"""


def measured(folder: Path, policy: str, *, against: Path | None = None, kind: str = "rules") -> ExposureReport:
    for file in (folder / "policies").glob("*"):
        file.unlink()
    texts = ("topologies/branch.yaml", TOPOLOGY), ("matrices/branch.yaml", MATRIX), (f"policies/branch.{kind}", policy)
    for name, text in texts:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    plans = make_plans([folder / "matrices/branch.yaml"], Choices())
    then = None if against is None else read_saved(against, "branch")
    return measure(plans, (4,), (), (), every_port=False, then=then, progress=lambda *_: None)


def saved(folder: Path, report: ExposureReport) -> Path:
    file = folder / "exposed.json"
    file.write_text(json.dumps(exposure_json(report)))
    return file


def test_what_opens_for_addresses_that_no_node_has_is_new_and_then_gone(tmp_path: Path) -> None:
    before = saved(tmp_path, measured(tmp_path, f"{HEAD}{OURS}COMMIT\n"))
    same = measured(tmp_path, f"{HEAD}{OURS}COMMIT\n", against=before)
    assert (same.added, same.gone, same.lost, same.exit_code) == ((), (), (), 0)
    wider = measured(tmp_path, f"{HEAD}{PREFIX}{NOBODY}{OURS}COMMIT\n", against=before)
    new = {(one.sources, one.target, one.targets, one.ports) for one in wider.added or ()}
    assert ("203.0.113.0/24", "desktop", None, ((5900, 5900),)) in new
    assert (None, "no node", "10.4.0.50", ((22, 22),)) in new
    assert (wider.gone, wider.lost, wider.exit_code) == ((), (), 1)
    back = measured(tmp_path, f"{HEAD}{OURS}COMMIT\n", against=saved(tmp_path, wider))
    assert {(one.sources, one.target, one.targets, one.ports) for one in back.gone or ()} == new
    assert (back.added, back.exit_code) == ((), 0)


def test_a_prefix_that_grows_is_new_where_it_grew(tmp_path: Path) -> None:
    before = saved(tmp_path, measured(tmp_path, f"{HEAD}{PREFIX}{OURS}COMMIT\n"))
    report = measured(tmp_path, f"{HEAD}{PREFIX.replace('113.0/24', '112.0/23')}{OURS}COMMIT\n", against=before)
    assert {one.sources for one in report.added or ()} == {"203.0.112.0/24"}
    assert (report.gone, report.exit_code) == ((), 1)


def test_a_report_that_does_not_say_what_was_asked_tells_nothing_of_classes(tmp_path: Path) -> None:
    known = exposure_json(measured(tmp_path, f"{HEAD}{OURS}COMMIT\n"))
    file = tmp_path / "exposed.json"
    file.write_text(json.dumps({key: value for key, value in known.items() if key not in ("asked", "constants", "partial")}))
    report = measured(tmp_path, f"{HEAD}{PREFIX}{OURS}COMMIT\n", against=file)
    assert (report.added, report.exit_code) == ((), 3)
    assert any("tcp/5900: open now, and the earlier report does not tell" in text for text in report.lost)


def test_a_named_set_of_native_nft_is_asked_from(tmp_path: Path) -> None:
    before = saved(tmp_path, measured(tmp_path, NATIVE.format(rule=""), kind="nft"))
    rule = 'iifname "wan0" ip saddr @partners tcp dport 5900 accept'
    report = measured(tmp_path, NATIVE.format(rule=rule), against=before, kind="nft")
    assert ("203.0.113.0/24", "desktop", ((5900, 5900),)) in {
        (one.sources, one.target, one.ports) for one in report.added or ()
    }


def test_rules_that_no_question_met_are_told_with_why(tmp_path: Path) -> None:
    far = "-A FORWARD -i tun7 -p tcp -m tcp --dport 22 -j ACCEPT\n"
    shut = "-A FORWARD -i wan0 -d 10.4.0.10/32 -p tcp -m tcp --dport 7070 -j DROP\n"
    counts = "-A FORWARD -s 203.0.113.5/32\n"
    report = measured(tmp_path, f"{HEAD}{counts}{GRE}{far}{OURS}{shut}COMMIT\n")
    assert [(rule.number, why) for rule, why in zip(report.unmet, report.why_unmet, strict=True)] == [
        (2, "it is about gre, and an exposure asks tcp and udp"),
        (3, "it needs the interface tun7, which is not there"),
        (7, ""),
    ]
