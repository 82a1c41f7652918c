"""``lab drift``: what a scheduled job is told of a host, of its policy and of its next boot."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lab.report.wire.schema import drift_schema
from tests.doors.project import DEADLINE_S, LAB, Project
from tests.unit.twin.made_snapshots import SAVE, document, parts

pytestmark = pytest.mark.kernel

OWNED = '-A INPUT -i eth0 -p tcp -m tcp --dport 8443 -m comment --comment "owner=net-sec CHG-9 review=2999-01-31" -j ACCEPT'
BY_HAND = "-A INPUT -s 203.0.113.66/32 -i eth0 -p tcp -m tcp --dport 23 -j ACCEPT"
BAN = (
    ":f2b-sshd - [0:0]", "-A INPUT -p tcp --dport 22 -j f2b-sshd", "-A f2b-sshd -s 203.0.113.9/32 -j REJECT",
    "-A f2b-sshd -j RETURN",
)  # fmt: skip
V4 = "/etc/iptables/rules.v4"
BOOT = "id = 1\nenabled = netfilter-persistent\nothers = \n"


def save(*rules: str) -> str:
    return SAVE.replace("COMMIT", "\n".join((*rules, "COMMIT")))


def taken(running: str, files: Mapping[str, str] = {}, said: str | None = BOOT, *, legacy: bool = False) -> str:
    """A snapshot of a host that runs these rules."""
    found = parts(iptables_nft_save=running)
    if legacy:
        found["iptables-legacy-save"] = found.pop("iptables-nft-save")
        found.pop("nft")
    if said is not None:
        found["boot"] = {"text": said, "code": 0, "error": ""}
    found |= {f"boot {path}": {"text": text, "code": 0, "error": ""} for path, text in files.items()}
    made = document(parts=found)
    made["skipped"] = made["skipped"] | ({"iptables-nft-save": "not here", "nft": "no nft is here"} if legacy else {})
    return json.dumps(made, indent=2)


@pytest.fixture
def host(tmp_path: Path) -> Project:
    """A folder with the snapshot of a host that runs, and boots into, what its policy says."""
    project = Project(tmp_path)
    project.write("gw.json", taken(save(OWNED), {V4: save(OWNED)}))
    project.write("edge.rules", save(OWNED))
    return project


def drift(host: Project, *arguments: str, code: int) -> tuple[str, Any]:
    done = host.lab("drift", "gw.json", *arguments, "--json", "d.json").ended(code)
    assert done.err == "", "a job's mail has nothing but its report"
    found = json.loads(host.read("d.json"))
    jsonschema.validate(found, drift_schema())
    assert found["headline"] == done.out.splitlines()[0] if done.out else found["exit_code"] == 0
    return done.out, found


def test_a_host_that_did_not_drift(host: Project) -> None:
    out, found = drift(host, "--policy", "edge.rules", code=0)
    assert out.splitlines()[0] == "gw runs what edge.rules says"
    assert out.splitlines()[-1] == f"its next boot loads what it runs, from {V4}"
    assert (found["now"]["standing"], found["boot"]["compared"]["standing"]) == ("same", "same")
    assert drift(host, "--policy", "edge.rules", "--quiet", code=0)[0] == ""


def test_behaviour_comes_first_then_the_rule(host: Project) -> None:
    host.write("gw.json", taken(SAVE.replace("COMMIT", f"{BY_HAND}\nCOMMIT"), {V4: save(OWNED)}))
    out, found = drift(host, "--policy", "edge.rules", code=1)
    first, boot = out.splitlines()[0].split("; its next boot: ")
    assert first == (
        "gw drifted from edge.rules: 2 classes of flows open, 2 close; 1 rule nobody answers for, 1 rule of it is not loaded"
    )
    assert boot == "2 classes of flows open, 2 close; 1 rule is lost, 1 comes back"
    assert f"  ip filter:INPUT:2  {BY_HAND}  [no owner and no ticket and no date]" in out
    assert f"edge.rules:6  {OWNED}\n" in out
    assert f"in {V4}, and not in the kernel: there again after the next boot (1):\n  gw.json {V4}:6  {OWNED}\n" in out
    assert f"in the kernel, and not in {V4}: lost at the next boot (1):\n  ip filter:INPUT:2  {BY_HAND}\n" in out
    assert found["now"]["behaviour"]["counts"]["opens"] == 2
    assert [rule["text"] for rule in found["boot"]["compared"]["rules"]["unwritten"]] == [BY_HAND]


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_the_same_behaviour_by_other_rules_is_told_apart(host: Project, backend: str) -> None:
    more = OWNED.replace("-i eth0", "-s 203.0.113.0/24 -i eth0")  # what the rule before it lets in already
    host.write("gw.json", taken(save(OWNED, more), {V4: save(OWNED)}, legacy=backend == "legacy"))
    out, found = drift(host, "--policy", "edge.rules", code=1)
    assert out.splitlines()[0] == (
        "gw against edge.rules: same behaviour, other rules: 1 owned rule is not in it;"
        " its next boot: same behaviour, other rules: 1 rule is lost"
    )
    assert found["now"]["behaviour"]["differences"] == []


def test_the_same_host_makes_the_same_report(host: Project) -> None:
    host.write("gw.json", taken(save(BY_HAND, *BAN[2:]).replace(":OUTPUT", f"{BAN[0]}\n:OUTPUT"), {V4: save(OWNED)}))
    told = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [LAB, "drift", "gw.json", "--policy", "edge.rules", "--full", "--json", f"{seed}.json"], cwd=host.folder,
            capture_output=True, text=True, timeout=DEADLINE_S, check=False, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        told.add((done.stdout, host.read(f"{seed}.json")))
    assert len(told) == 1


def test_a_ban_is_no_drift_and_is_told(host: Project) -> None:
    first, *rules = BAN
    banned = SAVE.replace(":OUTPUT", f"{first}\n:OUTPUT").replace("-A INPUT", f"{rules[0]}\n-A INPUT", 1)
    running = banned.replace("COMMIT", "\n".join((OWNED, *rules[1:], "COMMIT")))
    host.write("gw.json", taken(running, {V4: save(OWNED)}))
    out, found = drift(host, "--policy", "edge.rules", code=0)
    assert out.splitlines()[0] == "gw runs what edge.rules says"
    assert "no drift: closed by a rule of fail2ban itself: 203.0.113.9 by eth0 -> 203.0.113.2  tcp/22" in out
    assert {one["program"] for one in found["now"]["by_programs"]} == {"fail2ban"}
    assert found["now"]["behaviour"]["differences"] == []
    opens = running.replace("-j REJECT", "-j ACCEPT").replace("dport 22 -j f2b", "dport 23 -j f2b")
    host.write("gw.json", taken(opens, {V4: save(OWNED)}))
    assert drift(host, "--policy", "edge.rules", code=1)[0].startswith("gw drifted from edge.rules: 2 classes of flows open"), (
        "what a program lets in is drift, whoever wrote it"
    )


def test_what_boot_loads_is_held_against_what_runs_without_a_policy_too(host: Project) -> None:
    host.write("gw.json", taken(save(OWNED), {V4: SAVE}))
    out, found = drift(host, code=1)
    assert out.splitlines()[0] == "gw: its next boot: 2 classes of flows close; 1 rule is lost"
    assert "tcp/8443" in out
    assert found["now"] is None
    host.write("gw.json", taken(SAVE, {V4: SAVE}, "id = 1\nenabled = \nothers = \n"))
    out, found = drift(host, code=1)
    assert out.splitlines()[0].startswith("gw: its next boot: 2 classes of flows open")
    assert f"note: boot does not load {V4}: netfilter-persistent is not enabled" in out
    assert found["boot"]["files"] == []


def test_a_host_of_native_nft_boots_into_its_file(host: Project) -> None:
    rule = "tcp dport 8443 accept"
    hook = "type filter hook input priority filter; policy drop;"
    running = f"table inet fw {{\n\tchain in {{\n\t\t{hook}\n\t\t{rule}\n\t}}\n}}\n"
    file = f"#!/usr/sbin/nft -f\nflush ruleset\n{running.replace(rule, 'tcp dport 22 accept')}"
    found = parts(["iptables-nft-save"], nft=running)
    for name, text in (("boot", BOOT.replace("netfilter-persistent", "nftables")), ("boot /etc/nftables.conf", file)):
        found[name] = {"text": text, "code": 0, "error": ""}
    made = document(parts=found)
    host.write("gw.json", json.dumps(made | {"skipped": made["skipped"] | {"iptables-nft-save": "none here"}}))
    out, _ = drift(host, code=1)
    assert out.splitlines()[0] == "gw: its next boot: 2 classes of flows open, 2 close; 1 rule is lost, 1 comes back"
    assert f"lost at the next boot (1):\n  inet fw:in:1  {rule}" in out
    assert "gw.json /etc/nftables.conf:6  tcp dport 22 accept" in out


def test_what_boot_loads_is_refused(host: Project) -> None:
    host.write("gw.json", taken(SAVE, {V4: SAVE.replace("--dport 22", "--dport 22 -m set --match-set partners src")}))
    out, found = drift(host, "--policy", "edge.rules", code=2)
    assert out.splitlines()[0].endswith("; what its next boot loads is refused")
    assert f"gw.json {V4}:5: the set partners is not there" in out
    assert found["boot"]["refused"]


def test_a_snapshot_without_these_files_says_so_in_a_line(host: Project) -> None:
    host.write("gw.json", taken(save(OWNED), said=None))
    last = drift(host, "--policy", "edge.rules", code=0)[0].splitlines()[-1]
    assert last.startswith("its next boot: what boot loads was not captured")
    assert "nothing to hold the host against" in host.lab("drift", "gw.json").ended(2).err


def test_after_a_restart_against_the_snapshot_of_before(host: Project) -> None:
    host.write("before.json", host.read("gw.json"))
    host.write("gw.json", taken(SAVE, {V4: SAVE}, BOOT.replace("1", "2")))
    out, found = drift(host, "--policy", "before.json", code=1)
    assert out.splitlines()[0] == "gw drifted from before.json: 2 classes of flows close; 1 rule of it is not loaded"
    assert out.splitlines()[1] == "gw was restarted between both snapshots"
    assert found["restarted"] is True
    kept = host.read("before.json")
    assert "before.json" in host.lab("drift", "gw.json", "--policy", "before.json", "--json", "before.json").ended(2).err
    assert host.read("before.json") == kept


def test_a_snapshot_that_ssh_brings_and_one_that_it_does_not(host: Project) -> None:
    def piped(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LAB, "drift", "-", "--policy", "edge.rules", "--markdown", "-"], cwd=host.folder, input=text,
            capture_output=True, text=True, timeout=DEADLINE_S, check=False,
        )  # fmt: skip

    done = piped(taken(save(BY_HAND), {V4: save(OWNED)}))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("## Drift: gw drifted from edge.rules")
    assert piped("").returncode == 2, "a host that was not reached is not one that did not drift"
