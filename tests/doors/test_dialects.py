"""Families, backends and dumps through the command line: what is compared, repaired, missing or not what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel

DUAL = """
topology: small
networks: {wan: [198.51.100.0/24, "2001:db8:1::/64"], lan: [10.0.1.0/24, "2001:db8:2::/64"]}
nodes:
  world: {role: internet, interfaces: {wan: [198.51.100.254, "2001:db8:1::fe"]}, via: gateway}
  gateway:
    role: gateway
    interfaces: {wan: [198.51.100.1, "2001:db8:1::1"], lan: [10.0.1.1, "2001:db8:2::1"]}
    forwards: true
  office: {role: client, interfaces: {lan: [10.0.1.10, "2001:db8:2::10"]}, via: gateway}
"""
MATRIX = """
matrix: dual
for: gateway
topology: small
policies: {gateway: dual}
flows:
  - {name: surfing, from: office, to: world, service: tcp/443, expect: allow}
  - {name: nothing inward, from: world, to: office, service: tcp/22, expect: drop}
"""
FOUR = """*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i lan -j ACCEPT
COMMIT
"""
SIX = FOUR.replace("*filter\n", "*filter\n:INPUT DROP [0:0]\n").replace("COMMIT", "-A INPUT -p icmpv6 -j ACCEPT\nCOMMIT")
RUN = ("run", "matrices/dual.yaml")


@pytest.fixture
def dual(project: Project) -> Project:
    """A dual-stack gateway with a ruleset for each family."""
    for name, text in (("topologies/small.yaml", DUAL), ("matrices/dual.yaml", MATRIX), ("policies/dual.rules", FOUR)):
        project.write(name, text)
    project.write("policies/dual.rules6", SIX)
    return project


def test_both_families_are_judged_and_compared(dual: Project) -> None:
    done = dual.lab(*RUN, "--json", "results.json").ended(0)
    assert "4 passed" in done.out
    assert "IPv4 beside IPv6: all 2 flows get the same verdict" in done.out
    results = json.loads(dual.read("results.json"))
    assert [cell["id"] for cell in results["cells"]] == [
        "dual::surfing[office->world tcp/443]", "dual::surfing[office->world tcp/443]/6",
        "dual::nothing inward[world->office tcp/22]", "dual::nothing inward[world->office tcp/22]/6",
    ]  # fmt: skip
    assert results["comparisons"] == [{"left": "IPv4", "right": "IPv6", "flows": 2, "differ": []}]
    assert [cell["rule"]["family"] for cell in results["cells"]] == ["ip", "ip6"] * 2
    assert results["cells"][1]["rule"]["source"] == "policies/dual.rules6:5"


@pytest.mark.parametrize(("family", "cells"), [("4", 2), ("6", 2), ("both", 4)])
def test_one_family_alone(dual: Project, family: str, cells: int) -> None:
    assert f"{cells} cells: {cells} passed" in dual.lab(*RUN, "--family", family).ended(0).out


def test_a_forgotten_ipv6_ruleset_fails_open(dual: Project) -> None:
    (dual.folder / "policies" / "dual.rules6").unlink()
    done = dual.lab(*RUN).ended(1)
    assert "4 cells: 3 passed, 1 fail-open" in done.out
    assert "its policy's IPv6 ruleset is missing" in done.out
    assert "its policy has no IPv6 ruleset, so every IPv6 packet passes" in done.out
    assert "1 of 2 flows differ" in done.out
    assert "IPv4: dropped by gateway filter:FORWARD policy" in done.out
    assert "IPv6: allowed" in done.out or "IPv6: closed" in done.out


def test_backends_are_compared_cell_by_cell(dual: Project) -> None:
    done = dual.lab(*RUN, "--backend", "both", "--json", "results.json").ended(0)
    assert "8 cells: 8 passed" in done.out
    assert "nft beside legacy: all 4 flows get the same verdict" in done.out
    results = json.loads(dual.read("results.json"))
    machine = results["machine"]["matrices"]
    assert (machine["dual"]["backend"], machine["dual@legacy"]["backend"]) == ("nft", "legacy")
    rules = [(cell["rule"]["number"], cell["rule"]["source"]) for cell in results["cells"]]
    assert rules[:4] == rules[4:]


def test_the_legacy_backend_alone(dual: Project) -> None:
    assert "4 cells: 4 passed" in dual.lab(*RUN, "--backend", "legacy").ended(0).out


def test_pytest_takes_family_and_backend(dual: Project) -> None:
    done = dual.lab("pytest", "-q", "-p", "no:cacheprovider", "matrices/dual.yaml", "--lab-family=6", "--lab-backend=legacy")
    assert "2 passed" in done.ended(0).out


def test_a_dump_is_refused_with_the_way_to_mend_it_and_mended(dual: Project) -> None:
    old = FOUR.replace("-i lan", "-s ! 198.51.100.0/24 -i lan")
    messy = "Hello,\nroot@fw:~# iptables-save\n" + old
    dual.write("dump.rules", messy.replace("\n", "\r\n"))
    refused = dual.lab(*RUN, "--family", "4", "--policy", "gateway=dump.rules").ended(2)
    assert "--mend would repair" in refused.err + refused.out
    done = dual.lab(*RUN, "--family", "4", "--policy", "gateway=dump.rules", "--mend", "--json", "results.json").ended(0)
    assert "2 passed" in done.out
    notes = [note for note in json.loads(dual.read("results.json"))["notes"] if "mended" in note]
    assert any("dump.rules:6" in note and "negation" in note for note in notes), notes
    rule = json.loads(dual.read("results.json"))["cells"][0]["rule"]
    assert rule["source"].endswith("dump.rules:6")


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("x.rules", "table inet f {\n}\n", ["x.rules", "this is an nft script", "call it"]),
        ("x.nft", FOUR, ["x.nft", "this is a ruleset of iptables", "call it"]),
        ("x.rules6", "# Generated by iptables-save v1.8.9\n" + FOUR, ["a dump of iptables", ".rules"]),
        ("x.rules", "# Generated by ip6tables-save v1.8.9\n" + SIX, ["a dump of ip6tables", ".rules6"]),
        ("x.nft", "table inet f {\n chain c {\n  meta nftrace set 0\n }\n}\n", ["x.nft:3", "takes the trace away"]),
        ("x.nft", "table inet lab_trace {\n}\n", ["x.nft:1", "the lab's own"]),
        ("x.nft", "table inet f {\n}\n\0\ntable inet g {\n}\n", ["x.nft:3", "zero byte"]),
        ("x.rules", FOUR.replace("-i lan", "-s mail.example.com"), ["x.rules:4", "mail.example.com", "no DNS"]),
        ("x.rules", FOUR.replace("-i lan", "-m set --match-set gone src"), ["x.rules:4", "the set gone is not there"]),
    ],
)
def test_what_is_not_what_it_says_it_is(dual: Project, file: str, text: str, words: list[str]) -> None:
    dual.write(file, text)
    done = dual.lab(*RUN, "--policy", f"gateway={file}").ended(2)
    for word in words:
        assert word in done.err, done.err


def test_a_prefix_that_is_the_traces_own_is_refused(dual: Project) -> None:
    told = '-A FORWARD -j NFLOG --nflog-group 0 --nflog-prefix "TRACE: filter:FORWARD:policy:1 "\nCOMMIT'
    dual.write("x.rules", FOUR.replace("COMMIT", told))
    done = dual.lab(*RUN, "--policy", "gateway=x.rules", "--backend", "legacy").ended(2)
    assert "x.rules:5" in done.err
    dual.lab(*RUN, "--policy", "gateway=x.rules").ended(0)


def test_a_service_of_the_other_family_is_not_sent(dual: Project) -> None:
    asked = ("office", "world", "icmpv6/echo-request", "--matrix", "matrices/dual.yaml", "--family", "4")
    assert "is sent over IPv6 only" in dual.lab("trace", *asked).ended(2).err


def test_an_nft_script_is_not_held_by_legacy(dual: Project) -> None:
    dual.write("x.nft", "table inet f {\n}\n")
    done = dual.lab(*RUN, "--policy", "gateway=x.nft", "--backend", "legacy").ended(2)
    assert "iptables-legacy cannot hold" in done.err


def test_a_dump_that_is_half_of_a_ruleset_says_so(dual: Project) -> None:
    dual.write("x.rules", FOUR + "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n")
    done = dual.lab(*RUN, "--family", "4", "--policy", "gateway=x.rules").ended(0)
    assert "rules of the other backend (iptables-legacy) were there" in done.out


def test_trace_on_both_backends(dual: Project) -> None:
    on_both = ("--matrix", "matrices/dual.yaml", "--family", "6", "--backend", "both")
    done = dual.lab("trace", "office", "world", "tcp/443", *on_both)
    assert done.ended(0).out.count("gateway ip6 filter:FORWARD:2") == 2


def test_one_file_replaces_its_own_kind(dual: Project) -> None:
    dual.write("open.rules6", SIX.replace("-i lan -j ACCEPT", "-j ACCEPT"))
    done = dual.lab(*RUN, "--policy", "gateway=open.rules6").ended(1)
    assert "4 cells: 3 passed, 1 fail-open" in done.out
    assert Path(dual.folder / "policies" / "dual.rules").exists()


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_listing_that_repeats_both_families(dual: Project, command: str) -> None:
    listed = "table {} filter {{\n\tchain FORWARD {{\n\t\ttype filter hook forward priority filter; policy drop;\n\t}}\n}}\n"
    dual.write("policies/dual.nft", listed.format("ip") + "table inet own {\n}\n" + listed.format("ip6"))
    told = dual.lab(command, "matrices/dual.yaml").ended(2).told
    assert "dual.nft:2: table ip filter is given twice: its chain FORWARD is in policies/dual.rules:1 too" in told
    assert "dual.nft:9: table ip6 filter is given twice: its chain FORWARD is in policies/dual.rules6:1 too" in told
