"""What must not be left out of an exposure."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.kernel.watch.instrument import Instrument
from lab.prepare.plan import Choices
from lab.prepare.plans import make_plans
from lab.record.exposure import ExposureReport
from lab.study.exposure import measure
from lab.sweep import pieces

pytestmark = pytest.mark.kernel

TOPOLOGY = """
topology: made
networks: {out: [198.51.100.0/24, "2001:db8:f::/64"], in: [10.0.0.0/24, "2001:db8::/64"]}
nodes:
  world: {role: internet, interfaces: {out: [198.51.100.9, "2001:db8:f::9"]}, via: gateway}
  gateway: {role: gateway, forwards: true, interfaces: {out: [198.51.100.1, "2001:db8:f::1"], in: [10.0.0.1, "2001:db8::1"]}}
  server: {role: backend, interfaces: {in: [10.0.0.9, "2001:db8::9"]}, via: gateway, services: [tcp/443]}
"""
MATRIX = """
matrix: made
for: gateway
topology: made
policies: {gateway: made}
flows:
  - {name: web, from: world, to: 10.0.0.9, service: tcp/443, expect: allow}
"""
POLICY = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 443 -m comment --comment "web" -j ACCEPT
COMMIT
"""


def measured(folder: Path, families: tuple[int, ...] = (4, 6), *, every_port: bool = False) -> ExposureReport:
    for name, text in (("topologies/made.yaml", TOPOLOGY), ("matrices/made.yaml", MATRIX), ("policies/made.rules", POLICY)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    plans = make_plans([folder / "matrices/made.yaml"], Choices())
    return measure(plans, families, ["world"], ["server"], every_port=every_port, then=None, progress=lambda *_: None)


def test_a_family_of_the_topology_that_no_matrix_speaks_of(tmp_path: Path) -> None:
    report = measured(tmp_path)
    assert {(one.pair.family, one.proto, one.ports) for one in report.exposures} == {
        (4, "tcp", ((443, 443),)), (6, "tcp", ((1, 442), (444, 65535))), (6, "tcp", ((443, 443),)), (6, "udp", ((1, 65535),)),
    }  # fmt: skip
    assert report.notes == ("gateway: its policy has no IPv6 ruleset, so every IPv6 packet passes",)


def test_what_is_lost_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Instrument, "backlog_overflowed", lambda _: True)
    monkeypatch.setattr(pieces, "REPEATS", 0)  # that a piece is sent again, `test_sweep_blinded` shows
    report = measured(tmp_path, (4,), every_port=True)
    assert report.exposures == ()
    assert report.lost
