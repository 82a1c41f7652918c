"""``lab marks`` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from lab.report.wire.schema import own_schemas
from tests.doors.project import LAB, run
from tests.doors.shipped import ROOT

pytestmark = pytest.mark.kernel

TOPOLOGY = """\
topology: fork
networks: {left: 10.0.1.0/24, up: 10.0.8.0/24, down: 10.0.9.0/24}
nodes:
  client: {role: client, interfaces: {left: 10.0.1.10}, via: gateway}
  gateway:
    role: gateway
    interfaces: {left: 10.0.1.1, up: 10.0.8.1, down: 10.0.9.1}
    forwards: true
    via: world
    routes: default via 10.0.9.9 table slow
    rules: [fwmark 0x2/0xff lookup slow pref 100, fwmark 0x5 prohibit pref 101]
  world: {role: internet, interfaces: {up: 10.0.8.9, down: 10.0.9.9}, anyip: true, via: gateway}
"""
NFT = """\
table inet t {
    map lines { type ipv4_addr : mark; elements = { 10.0.1.10 : 0x2, 10.0.1.11 : 0x7 }; }
    chain p {
        type filter hook prerouting priority mangle
        meta mark set ct mark
        ct state new meta mark set ip saddr map @lines
        ct state new ct mark set meta mark
    }
}
"""


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_the_shipped_gateway(tmp_path: Path, backend: str) -> None:
    file = tmp_path / "marks.json"
    matrix = str(ROOT / "matrices" / "two-uplinks-gateway.yaml")
    done = run([LAB, "marks", "--matrix", matrix, "--backend", backend, "--json", str(file)], ROOT).ended(0)
    assert "goes      to 192.0.2.254: default via 203.0.113.1 dev wan2, of table 102 by rule 102" in done.out
    assert "does not fit" not in done.out
    told = json.loads(file.read_text())
    jsonschema.validate(told, own_schemas()["marks"])
    (gateway,) = (one for one in told["maps"] if one["node"] == "gateway")
    assert [(mark["value"], len(mark["set_by"]), len(mark["routed_by"])) for mark in gateway["marks"]] == [(1, 3, 1), (2, 4, 1)]
    assert gateway["without"][0]["route"] == "default via 198.51.100.1 dev wan1"


def test_native_nft_and_names_of_tables(tmp_path: Path) -> None:
    (tmp_path / "fork.yaml").write_text(TOPOLOGY)
    (tmp_path / "gw.nft").write_text(NFT)
    asked = [LAB, "marks", "--topology", str(tmp_path / "fork.yaml"), "--policy", f"gateway={tmp_path / 'gw.nft'}"]
    out = run(asked, tmp_path).ended(0).out
    assert "goes      to 192.0.2.254: default via 10.0.9.9 dev down, of table slow by rule 100" in out
    assert "inet t:p:2 ct state new meta mark set ip saddr map @lines" in out
    assert "goes      to 192.0.2.254: refused (Permission denied)" in out
    assert "0x7 is set, and nothing asks for it" in out
    assert "0x5 is asked for, and no rule sets it (a program can, by SO_MARK)" in out


def test_a_real_host_by_its_dumps(tmp_path: Path) -> None:
    files = {
        "fw.rules": "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 10.0.1.7/32 -j MARK --set-xmark 0x2/0xff\nCOMMIT\n",
        "addr": "1: lo: <LOOPBACK,UP> mtu 65536\n    inet 127.0.0.1/8 scope host lo\n"
        "2: lan: <UP> mtu 1500\n    inet 10.0.1.1/24 scope global lan\n"
        "3: dsl: <UP> mtu 1500\n    inet 10.0.8.1/24 scope global dsl\n"
        "4: lte: <UP> mtu 1500\n    inet 10.0.9.1/24 scope global lte\n",
        "route": "default via 10.0.8.9 dev dsl\n",
        "slow": "default via 10.0.9.9 dev lte\n",
        "rule": "0:\tfrom all lookup local\n100:\tfrom all fwmark 0x2 lookup SLOW\n32766:\tfrom all lookup main\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    beside = ["--addr", "addr", "--route", "route", "--route", "SLOW=slow", "--rule", "rule"]
    out = run([LAB, "marks", "--twin", "fw.rules", *beside], tmp_path).ended(0).out
    assert "asked     ip rule `100: from all fwmark 0x2 lookup SLOW`" in out
    assert "default via 10.0.9.9 dev lte, of table SLOW by rule 100" in out
    assert "0x0         without   to 192.0.2.254: default via 10.0.8.9 dev dsl, of table main by rule 32766" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--backend", "both"], "the marks are mapped on one backend"), (["--matrix", "none.yaml"], "none.yaml")],
)
def test_what_cannot_be(tmp_path: Path, words: list[str], told: str) -> None:
    assert told in run([LAB, "marks", *words], tmp_path).ended(2).err
